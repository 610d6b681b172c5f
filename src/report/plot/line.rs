//! Line charts: one line for each series with its interval as a band, markers where points are few.

use super::canvas::{Drawn, Ink, Root, WIDTH, picture};
use super::frame::{self, Chart, Frame};
use super::marks::Mark;
use super::scale::Scale;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// Height in tenths of a unit, as all lengths here.
const HEIGHT: i32 = 2900;
const FRAME: Frame = Frame { left: 660, right: 140, top: 140, bottom: 460, grid: (false, true) };
/// Rows in which labels of marked places may stand, and how far they are apart.
const LABEL_ROWS: usize = 3;
const LABEL_ROW: i32 = 130;
/// Width of a character of a label, on the wide side.
const CHARACTER: i32 = 64;
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
        picture(HEIGHT, id, title, description, |root| {
            let chart = &mut FRAME.chart(root, self.x.clone(), self.y.clone(), (&self.x_label, &self.y_label))?;
            self.marks(root, chart)?;
            for series in &self.series {
                band(chart, series)?;
            }
            self.series.iter().try_for_each(|series| line(chart, series))
        })
    }

    fn marks(&self, root: &Root<'_>, chart: &mut Chart<'_>) -> Drawn {
        let (floor, ceiling) = self.y.ends();
        // Ends of the labels in each row: one that would lie on another goes a row down, and is left out below the last.
        let mut rows = [FRAME.left; LABEL_ROWS];
        for (value, label) in &self.verticals {
            frame::line(chart, Ink::MARK, (*value, floor), (*value, ceiling))?;
            let (x, top) = chart.backend_coord(&(*value, ceiling));
            let width = i32::try_from(label.chars().count()).unwrap_or(i32::MAX).saturating_mul(CHARACTER);
            let fits_right = x.saturating_add(width) + 40 <= WIDTH;
            let start = if fits_right { x + 40 } else { x - 40 - width };
            let Some(row) = rows.iter().position(|&end| end <= start) else { continue };
            rows[row] = start + width + CHARACTER;
            let (across, side) = if fits_right { (x + 40, HPos::Left) } else { (x - 40, HPos::Right) };
            let down = LABEL_ROW * i32::try_from(row).unwrap_or(0);
            root.draw(&Text::new(label.as_str(), (across, top + down), Ink::NOTE.text(side, VPos::Top)))?;
        }
        let (left, right) = self.x.ends();
        for (value, label) in &self.horizontals {
            frame::line(chart, Ink::LIMIT, (left, *value), (right, *value))?;
            let (x, y) = chart.backend_coord(&(right, *value));
            root.draw(&Text::new(label.as_str(), (x - 40, y - 30), Ink::NOTE.text(HPos::Right, VPos::Bottom)))?;
        }
        Ok(())
    }
}

fn band(chart: &mut Chart<'_>, series: &Series) -> Drawn {
    let banded: Vec<_> = series.points.iter().filter_map(|p| p.band.map(|b| (p.x, b))).collect();
    let mut outline: Vec<_> = banded.iter().map(|(x, (_, high))| (*x, *high)).collect();
    outline.extend(banded.iter().rev().map(|(x, (low, _))| (*x, *low)));
    if outline.len() > 2 {
        chart.draw_series([Polygon::new(outline, Ink::band(series.style))])?;
    }
    Ok(())
}

fn line(chart: &mut Chart<'_>, series: &Series) -> Drawn {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for p in &series.points {
        if let (true, Some(last)) = (series.steps, points.last().copied()) {
            points.push((p.x, last.1));
        }
        points.push((p.x, p.y));
    }
    chart.draw_series(LineSeries::new(points, Ink::line(series.style)))?;
    if series.points.len() <= MOST_MARKERS {
        let ink = Ink::dot(series.style);
        chart.draw_series(series.points.iter().map(|p| Mark::marker(ink, series.style % 8, (p.x, p.y), &p.tip)))?;
    }
    Ok(())
}
