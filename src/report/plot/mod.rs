//! Drawings: axes, lines with bands, stacked bars, points. Know nothing of records; colours are CSS classes.
//!
//! `p0…p7` colour a precision, `f0…f5` a part of a bar, `d0…d3` a dash; the page's style sheet gives them meaning
//! in light and dark.

pub(super) mod bars;
pub(super) mod line;
pub(super) mod scale;
pub(super) mod scatter;
pub(super) mod svg;
