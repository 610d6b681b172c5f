//! Line charts: one line for each series with its interval as a band, markers where points are few.

use super::scale::Scale;
use super::svg::{Anchor, Svg, WIDTH};

const HEIGHT: f64 = 290.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;
/// Rows in which labels of marked places may stand.
const LABEL_ROWS: usize = 3;
/// Width of a character of a label, on the wide side.
const CHARACTER: f64 = 6.4;
/// Markers beyond this many points would hide the line.
const MOST_MARKERS: usize = 12;

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Number of its colour, marker and dash.
    pub style: usize,
    /// Points, left to right.
    pub points: Vec<Point>,
    /// Draw as steps: a value holds until the next.
    pub steps: bool,
}

/// One point, its interval and what hovering shows.
#[derive(Debug, Clone, Default)]
pub struct Point {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// Interval.
    pub band: Option<(f64, f64)>,
    /// Shown on hovering.
    pub tip: String,
}

/// A chart before it is drawn.
#[derive(Debug, Clone)]
pub struct LineChart {
    /// Below the axis.
    pub x_label: String,
    /// Beside the axis.
    pub y_label: String,
    /// Across.
    pub x: Scale,
    /// Up.
    pub y: Scale,
    /// Ticks across, where the scale's own will not do.
    pub x_ticks: Option<Vec<(f64, String)>>,
    /// The lines.
    pub series: Vec<Series>,
    /// Marked places across, with a label each (may be empty).
    pub verticals: Vec<(f64, String)>,
    /// Marked heights with a label each.
    pub horizontals: Vec<(f64, String)>,
}

impl LineChart {
    /// Draws it.
    pub fn draw(&self, id: &str, title: &str, description: &str) -> String {
        let mut svg = Svg::new(HEIGHT);
        self.grid(&mut svg);
        self.marks(&mut svg);
        for series in &self.series {
            self.band(&mut svg, series);
        }
        for series in &self.series {
            self.line(&mut svg, series);
        }
        svg.finish(id, title, description)
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM))
    }

    fn grid(&self, svg: &mut Svg) {
        let floor = HEIGHT - BOTTOM;
        for (value, label) in self.y.ticks() {
            let (_, y) = self.at(0.0, value);
            svg.line("grid", (LEFT, y), (WIDTH - RIGHT, y));
            svg.text("tick", (LEFT - 6.0, y + 4.0), Anchor::End, &label);
        }
        for (value, label) in self.x_ticks.clone().unwrap_or_else(|| self.x.ticks()) {
            let (x, _) = self.at(value, 0.0);
            svg.line("axis", (x, floor), (x, floor + 4.0));
            svg.text("tick", (x, floor + 18.0), Anchor::Middle, &label);
        }
        svg.line("axis", (LEFT, floor), (WIDTH - RIGHT, floor));
        svg.text("label", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), Anchor::Middle, &self.x_label);
        svg.vertical_text("label", (13.0, (TOP + floor) / 2.0), &self.y_label);
    }

    fn marks(&self, svg: &mut Svg) {
        // Ends of the labels in each row: one that would lie on another goes a row down, and is left out below the last.
        let mut rows = [LEFT; LABEL_ROWS];
        for (value, label) in &self.verticals {
            let (x, _) = self.at(*value, 0.0);
            svg.line("mark", (x, TOP), (x, HEIGHT - BOTTOM));
            let width = label.chars().count() as f64 * CHARACTER;
            let fits_right = x + 4.0 + width <= WIDTH;
            let start = if fits_right { x + 4.0 } else { x - 4.0 - width };
            let Some(row) = rows.iter().position(|&end| end <= start) else { continue };
            rows[row] = start + width + CHARACTER;
            let (across, anchor) = if fits_right { (start, Anchor::Start) } else { (x - 4.0, Anchor::End) };
            svg.text("note", (across, TOP + 9.0 + 13.0 * row as f64), anchor, label);
        }
        for (value, label) in &self.horizontals {
            let (_, y) = self.at(0.0, *value);
            svg.line("limit", (LEFT, y), (WIDTH - RIGHT, y));
            svg.text("note", (WIDTH - RIGHT - 4.0, y - 5.0), Anchor::End, label);
        }
    }

    fn band(&self, svg: &mut Svg, series: &Series) {
        let banded: Vec<_> = series.points.iter().filter_map(|p| p.band.map(|b| (p.x, b))).collect();
        let mut outline: Vec<_> = banded.iter().map(|(x, (_, high))| self.at(*x, *high)).collect();
        outline.extend(banded.iter().rev().map(|(x, (low, _))| self.at(*x, *low)));
        svg.area(&format!("band p{}", series.style % 8), &outline);
    }

    fn line(&self, svg: &mut Svg, series: &Series) {
        let style = series.style % 8;
        let mut points: Vec<(f64, f64)> = Vec::new();
        for p in &series.points {
            let next = self.at(p.x, p.y);
            if let (true, Some(last)) = (series.steps, points.last().copied()) {
                points.push((next.0, last.1));
            }
            points.push(next);
        }
        svg.path(&format!("line p{style} d{}", style % 4), &points);
        if series.points.len() <= MOST_MARKERS {
            for p in &series.points {
                svg.marker(&format!("dot p{style}"), style, self.at(p.x, p.y), &p.tip);
            }
        }
    }
}
