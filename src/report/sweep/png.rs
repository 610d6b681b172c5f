//! The frontier plots as PNG, for slides and papers. Feature `png`.

use super::plot;
use crate::record::SweepRecord;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels for each unit of a drawing.
const SCALE: f32 = 2.5;

/// The colours and strokes that the page's style sheet gives the classes of these drawings, in light.
const STYLE: &str = "text { font-family: sans-serif; font-size: 12.5px; fill: #57606a } .label { fill: #1b1f24 } \
    .grid { stroke: #e6e9ed } .axis { stroke: #57606a } .all { fill: #57606a; opacity: .35 } \
    .front-line { fill: none; stroke: #0b57a4; stroke-width: 1.6 } .front-dot { fill: #0b57a4; stroke: #ffffff; stroke-width: 1 }";

/// Every frontier plot: file name and PNG.
///
/// # Errors
/// A text that says which drawing could not be rendered.
pub fn pngs(record: &SweepRecord) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut options = Options::default();
    options.fontdb_mut().load_system_fonts();
    let one = |(i, plot): (usize, plot::Plot)| {
        let name = format!("frontier-{i}.png");
        let svg = plot.svg.replacen("viewBox", "xmlns=\"http://www.w3.org/2000/svg\" viewBox", 1).replacen(
            ">",
            &format!("><style>{STYLE}</style>"),
            1,
        );
        let failed = |why: String| format!("{name}: {why}");
        let tree = Tree::from_str(&svg, &options).map_err(|e| failed(e.to_string()))?;
        let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| failed("is too large".to_owned()))?;
        let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| failed("is too large".to_owned()))?;
        pixels.fill(resvg::tiny_skia::Color::WHITE);
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        let bytes = pixels.encode_png().map_err(|e| failed(e.to_string()))?;
        Ok((name, bytes))
    };
    plot::frontiers(record).into_iter().enumerate().map(one).collect()
}
