//! Points with whiskers both ways over a logarithmic axis.

use super::scale::Scale;
use super::svg::{Anchor, Svg, WIDTH};

const HEIGHT: f64 = 320.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// One point.
#[derive(Debug, Clone)]
pub struct Dot {
    /// Number of its colour.
    pub colour: usize,
    /// Number of its shape.
    pub shape: usize,
    /// Across: low, middle, high; positive.
    pub x: (f64, f64, f64),
    /// Up: low, middle, high.
    pub y: (f64, f64, f64),
    /// Shown on hovering.
    pub tip: String,
}

/// Draws the points; `None` where no x is positive.
pub fn draw(dots: &[Dot], labels: (&str, &str), id: &str, title: &str, description: &str) -> Option<String> {
    let x = Scale::log(dots.iter().flat_map(|d| [d.x.0, d.x.2]))?;
    let ends = dots.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), d| (l.min(d.y.0), h.max(d.y.2)));
    let y = Scale::linear(ends.0, ends.1);
    Some(on(dots, (x, y), None, labels).finish(id, title, description))
}

/// Draws the points over one logarithmic scale both ways, with the line of equality; `None` where nothing is positive.
pub fn against(dots: &[Dot], labels: (&str, &str), id: &str, title: &str, description: &str) -> Option<String> {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for value in dots.iter().flat_map(|d| [d.x.0, d.x.2, d.y.0, d.y.2]).filter(|v| *v > 0.0) {
        (low, high) = (low.min(value), high.max(value));
    }
    let scale = Scale::log([low, high])?;
    Some(on(dots, (scale, scale), Some((low, high)), labels).finish(id, title, description))
}

fn on(dots: &[Dot], (x, y): (Scale, Scale), equality: Option<(f64, f64)>, labels: (&str, &str)) -> Svg {
    let floor = HEIGHT - BOTTOM;
    let across = |v: f64| LEFT + x.place(v) * (WIDTH - LEFT - RIGHT);
    let up = |v: f64| floor - y.place(v) * (floor - TOP);
    let mut svg = Svg::new(HEIGHT);
    for (value, label) in y.ticks() {
        svg.line("grid", (LEFT, up(value)), (WIDTH - RIGHT, up(value)));
        svg.text("tick", (LEFT - 6.0, up(value) + 4.0), Anchor::End, &label);
    }
    for (value, label) in x.ticks() {
        svg.line("grid", (across(value), TOP), (across(value), floor));
        svg.text("tick", (across(value), floor + 18.0), Anchor::Middle, &label);
    }
    svg.line("axis", (LEFT, floor), (WIDTH - RIGHT, floor));
    svg.text("label", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), Anchor::Middle, labels.0);
    svg.vertical_text("label", (13.0, (TOP + floor) / 2.0), labels.1);
    if let Some((low, high)) = equality {
        svg.line("mark", (across(low), up(low)), (across(high), up(high)));
    }
    for dot in dots {
        let class = format!("whisker p{}", dot.colour % 8);
        svg.line(&class, (across(dot.x.0), up(dot.y.1)), (across(dot.x.2), up(dot.y.1)));
        svg.line(&class, (across(dot.x.1), up(dot.y.0)), (across(dot.x.1), up(dot.y.2)));
    }
    for dot in dots {
        svg.marker(&format!("dot p{}", dot.colour % 8), dot.shape, (across(dot.x.1), up(dot.y.1)), &dot.tip);
    }
    svg
}
