//! Points with whiskers both ways over a logarithmic axis.

use super::canvas::{Ink, picture};
use super::frame::{self, Frame};
use super::marks::Mark;
use super::scale::Scale;

/// Height in tenths of a unit.
const HEIGHT: i32 = 3200;

/// What a drawing is called: identifier, title, description.
type Name<'a> = (&'a str, &'a str, &'a str);

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
    Some(on(dots, (x, y), None, labels, (id, title, description)))
}

/// Draws the points over one logarithmic scale both ways, with the line of equality; `None` where nothing is positive.
pub fn against(dots: &[Dot], labels: (&str, &str), id: &str, title: &str, description: &str) -> Option<String> {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for value in dots.iter().flat_map(|d| [d.x.0, d.x.2, d.y.0, d.y.2]).filter(|v| *v > 0.0) {
        (low, high) = (low.min(value), high.max(value));
    }
    let scale = Scale::log([low, high])?;
    Some(on(dots, (scale.clone(), scale), Some((low, high)), labels, (id, title, description)))
}

fn on(
    dots: &[Dot],
    (x, y): (Scale, Scale),
    equality: Option<(f64, f64)>,
    labels: (&str, &str),
    (id, title, description): Name<'_>,
) -> String {
    picture(HEIGHT, id, title, description, |root| {
        let chart = &mut Frame::NUMBERS.chart(root, x, y, labels)?;
        if let Some((low, high)) = equality {
            frame::line(chart, Ink::MARK, (low, low), (high, high))?;
        }
        for dot in dots {
            let ink = Ink::whisker(dot.colour);
            frame::line(chart, ink, (dot.x.0, dot.y.1), (dot.x.2, dot.y.1))?;
            frame::line(chart, ink, (dot.x.1, dot.y.0), (dot.x.1, dot.y.2))?;
        }
        chart.draw_series(dots.iter().map(|d| Mark::marker(Ink::dot(d.colour), d.shape, (d.x.1, d.y.1), &d.tip)))?;
        Ok(())
    })
}
