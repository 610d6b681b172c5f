//! Stacked horizontal bars: one bar a row, one segment a part, the total beside it.

use super::scale::Scale;
use super::svg::{Anchor, Svg, WIDTH};

const RIGHT: f64 = 76.0;
const TOP: f64 = 6.0;
const ROW: f64 = 26.0;
const BOTTOM: f64 = 42.0;
/// Width of a digit at the size of ticks; names are given room by it.
const GLYPH: f64 = 6.6;

/// One bar.
#[derive(Debug, Clone, Default)]
pub struct Bar {
    /// Name before it.
    pub name: String,
    /// Segments: number of its colour, value, what hovering shows.
    pub parts: Vec<(usize, f64, String)>,
    /// Shown behind it.
    pub total: String,
    /// Interval of the total.
    pub whisker: Option<(f64, f64)>,
}

/// Draws bars over one linear axis from 0.
pub fn draw(bars: &[Bar], x_label: &str, id: &str, title: &str, description: &str) -> String {
    let rows = bars.iter().fold(0.0, |n, _| n + 1.0);
    let height = TOP + ROW * rows + BOTTOM;
    let longest = bars.iter().map(|b| b.name.chars().count()).max().unwrap_or(0);
    let left = (longest.min(22) as f64 * GLYPH + 14.0).max(50.0);
    let far = |b: &Bar| b.parts.iter().map(|p| p.1).sum::<f64>().max(b.whisker.map_or(0.0, |w| w.1));
    let scale = Scale::linear(0.0, bars.iter().map(far).fold(0.0, f64::max));
    let at = |value: f64| left + scale.place(value) * (WIDTH - left - RIGHT);
    let floor = height - BOTTOM;
    let mut svg = Svg::new(height);
    for (value, label) in scale.ticks() {
        svg.line("grid", (at(value), TOP), (at(value), floor));
        svg.text("tick", (at(value), floor + 16.0), Anchor::Middle, &label);
    }
    svg.text("label", ((left + WIDTH - RIGHT) / 2.0, height - 6.0), Anchor::Middle, x_label);
    let mut y = TOP + 3.0;
    for bar in bars {
        svg.text("tick", (left - 6.0, y + 14.0), Anchor::End, &bar.name);
        let mut from = 0.0;
        for (colour, value, tip) in &bar.parts {
            let (x, end) = (at(from), at(from + value));
            svg.rect(&format!("part f{}", colour % 6), (x, y), (end - x, ROW - 7.0), tip);
            from += value;
        }
        let mut behind = at(from);
        if let Some((low, high)) = bar.whisker {
            let middle = y + (ROW - 7.0) / 2.0;
            svg.line("whisker", (at(low), middle), (at(high), middle));
            for end in [low, high] {
                svg.line("whisker", (at(end), middle - 4.0), (at(end), middle + 4.0));
            }
            behind = behind.max(at(high));
        }
        svg.text("total", (behind + 6.0, y + 14.0), Anchor::Start, &bar.total);
        y += ROW;
    }
    svg.line("axis", (left, TOP), (left, floor));
    svg.finish(id, title, description)
}
