//! Drawings: axes, lines with bands, stacked bars, points. Know nothing of records.
//!
//! plotters lays out and draws; `canvas` is its backend, which writes SVG with CSS classes in place of colours, and `marks` are
//! elements with a tip. The page's style sheet gives the classes meaning in light and dark.

pub(super) mod bars;
pub(super) mod canvas;
pub(super) mod frame;
pub(super) mod line;
pub(super) mod marks;
pub(super) mod scale;
pub(super) mod scatter;
