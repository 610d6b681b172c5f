//! The figures of a record: what is drawn, named and captioned. `plot` draws them.

mod accuracy;
mod cost;
mod fidelity;
mod ram;

use crate::record::RunRecord;
use serde::Serialize;

/// A heading and its figures.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Group {
    /// Heading.
    pub title: String,
    /// What to look for.
    pub intro: String,
    /// At least one.
    pub figures: Vec<Figure>,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figure {
    /// Caption above it.
    pub title: String,
    /// What belongs to which colour.
    pub legend: Vec<Key>,
    /// The drawing.
    pub svg: String,
}

/// One entry of a legend.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Key {
    /// Name.
    pub name: String,
    /// Small drawing beside it.
    pub swatch: String,
}

/// All figures that the record has data for.
pub(super) fn groups(record: &RunRecord) -> Vec<Group> {
    let mut groups = vec![
        accuracy::group(record),
        cost::steps(record),
        cost::images(record),
        cost::trade_off(record),
        ram::group(record),
        fidelity::group(record),
    ];
    groups.retain(|g| !g.figures.is_empty());
    groups
}

/// Legend of the record's precisions, in their line styles.
fn precision_keys(record: &RunRecord) -> Vec<Key> {
    record.precisions.iter().enumerate().map(|(i, p)| line_key(&p.name, i)).collect()
}

pub(super) fn line_key(name: &str, style: usize) -> Key {
    let style8 = style % 8;
    let marker = super::plot::marks::outline(style8, (15.0, 7.0), 4.0);
    let swatch = format!(
        "<svg class=\"swatch\" viewBox=\"0 0 30 14\" aria-hidden=\"true\"><path class=\"line p{style8} d{}\" d=\"M0 7L30 7\"/>\
         <path class=\"dot p{style8}\" d=\"{marker}\"/></svg>",
        style8 % 4
    );
    Key { name: name.to_owned(), swatch }
}

/// Colour alone, where the shape says something else.
pub(super) fn colour_key(name: &str, style: usize) -> Key {
    let swatch = format!(
        "<svg class=\"swatch\" viewBox=\"0 0 30 14\" aria-hidden=\"true\"><rect class=\"fill p{}\" x=\"4\" y=\"2\" width=\"22\" height=\"10\"/></svg>",
        style % 8
    );
    Key { name: name.to_owned(), swatch }
}

fn part_key(name: &str, part: usize) -> Key {
    let swatch = format!(
        "<svg class=\"swatch\" viewBox=\"0 0 30 14\" aria-hidden=\"true\"><rect class=\"part f{}\" x=\"4\" width=\"22\" height=\"14\"/></svg>",
        part % 6
    );
    Key { name: name.to_owned(), swatch }
}

fn shape_key(name: &str, shape: usize) -> Key {
    let marker = super::plot::marks::outline(shape, (15.0, 7.0), 5.0);
    let swatch = format!(
        "<svg class=\"swatch\" viewBox=\"0 0 30 14\" aria-hidden=\"true\"><path class=\"dot shape\" d=\"{marker}\"/></svg>"
    );
    Key { name: name.to_owned(), swatch }
}

/// Numbers of experiences as axis ticks, from 1.
fn experience_ticks(n: usize) -> Vec<(f64, String)> {
    let every = n.div_ceil(12).max(1);
    (0..n).step_by(every).map(|i| (i as f64 + 1.0, (i + 1).to_string())).collect()
}
