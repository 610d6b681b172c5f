//! Stacked horizontal bars: one bar a row, one segment a part, the total beside it.

use super::canvas::{Drawn, Ink, Root, picture};
use super::frame::{self, Chart, Frame};
use super::marks::Mark;
use super::scale::Scale;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// Heights and widths in tenths of a unit.
const RIGHT: i32 = 760;
const TOP: i32 = 60;
const ROW: i32 = 260;
const BOTTOM: i32 = 420;
/// Width of a digit at the size of ticks; names are given room by it.
const GLYPH: i32 = 66;
/// Half of a bar's thickness, and of its whisker's ends, in rows.
const HALF: f64 = 0.36;
const END: f64 = 0.15;

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
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let height = TOP + ROW.saturating_mul(count(bars.len())) + BOTTOM;
    let longest = bars.iter().map(|b| b.name.chars().count()).max().unwrap_or(0);
    let left = (count(longest.min(22)) * GLYPH + 140).max(500);
    let frame = Frame { left, right: RIGHT, top: TOP, bottom: BOTTOM, grid: (true, false) };
    let far = |b: &Bar| b.parts.iter().map(|p| p.1).sum::<f64>().max(b.whisker.map_or(0.0, |w| w.1));
    let x = Scale::linear(0.0, bars.iter().map(far).fold(0.0, f64::max));
    // The first bar is the uppermost.
    let rows = bars.len() as f64;
    let middles: Vec<f64> = (0..bars.len()).map(|i| rows - i as f64 - 0.5).collect();
    let names = middles.iter().zip(bars).map(|(y, bar)| (*y, bar.name.clone())).collect();
    let y = Scale::exact(0.0, rows).with_ticks(names);
    picture(height, id, title, description, |root| {
        let chart = &mut frame.chart(root, x, y, (x_label, ""))?;
        middles.iter().zip(bars).try_for_each(|(y, bar)| one(root, chart, bar, *y))
    })
}

fn one(root: &Root<'_>, chart: &mut Chart<'_>, bar: &Bar, y: f64) -> Drawn {
    let mut end = 0.0;
    for (colour, value, tip) in &bar.parts {
        let from = (end, y + HALF);
        end += value;
        chart.draw_series([Mark::segment(Ink::part(*colour), from, (end, y - HALF), tip)])?;
    }
    if let Some((low, high)) = bar.whisker {
        frame::line(chart, Ink::WHISKER, (low, y), (high, y))?;
        for side in [low, high] {
            frame::line(chart, Ink::WHISKER, (side, y - END), (side, y + END))?;
        }
        end = f64::max(end, high);
    }
    let (x, y) = chart.backend_coord(&(end, y));
    root.draw(&Text::new(bar.total.as_str(), (x + 60, y), Ink::TOTAL.text(HPos::Left, VPos::Center)))
}
