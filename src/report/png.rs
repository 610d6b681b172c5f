//! Every drawing of a report as a picture, with its caption and legend, for slides and papers. Feature `png`.

use super::figure::{self, Key};
use super::html::STYLE;
use super::plot::canvas::{self, escape};
use super::sweep::page::details;
use super::sweep::plot;
use crate::record::{RunRecord, SweepRecord};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Width of a drawing in its units.
const WIDTH: f64 = canvas::WIDTH as f64 / canvas::TENTHS;
/// Pixels for each unit of a drawing.
const SCALE: f32 = 2.5;
/// Height of the caption, and of a row of the legend.
const ROW: f64 = 20.0;
/// Space around everything.
const MARGIN: f64 = 8.0;
/// Fonts tried for texts, before whatever is installed.
const FAMILIES: [&str; 6] = ["DejaVu Sans", "Liberation Sans", "Noto Sans", "Segoe UI", "Arial", "Helvetica"];
/// Rules of the page's style sheet that drawings need; its colours are filled in.
const RULES: &str = "text { font-family: sans-serif; font-size: 12.5px; fill: var(--soft) } .label, .total { fill: var(--fg) } \
    .note { font-size: 11.5px } .caption { font-size: 14px; font-weight: bold; fill: var(--fg) } .grid { stroke: var(--grid) } \
    .axis { stroke: var(--soft) } .mark { stroke: var(--rule); stroke-dasharray: 2 3 } .whisker { stroke: var(--fg); stroke-width: 1.4 } \
    .limit { stroke: var(--fg); stroke-dasharray: 7 4; stroke-width: 1.4 } .line { fill: none; stroke-width: 2 } \
    .d1 { stroke-dasharray: 7 3 } .d2 { stroke-dasharray: 2 2.5 } .d3 { stroke-dasharray: 9 3 2 3 } .band { opacity: .16 } \
    .dot { stroke: var(--bg); stroke-width: 1 } .shape { fill: var(--soft) } .part { stroke: var(--bg); stroke-width: .8 } \
    .all { fill: var(--soft); opacity: .35 } .front-line { fill: none; stroke: var(--accent); stroke-width: 1.6 } \
    .front-dot { fill: var(--accent); stroke: var(--bg); stroke-width: 1 } .here { display: none } ";

/// A picture: file name and PNG.
pub type Picture = (String, Vec<u8>);

/// Every drawing of a run's report.
///
/// # Errors
/// A text that says which drawing could not be rendered.
pub fn run_pictures(record: &RunRecord) -> Result<Vec<Picture>, String> {
    let figures = figure::groups(record).into_iter().flat_map(|g| g.figures);
    render(figures.map(|f| (f.title, f.svg, f.legend)))
}

/// Every drawing of a sweep's report: the frontiers, then those of the points told in full.
///
/// # Errors
/// As [`run_pictures`].
pub fn sweep_pictures(record: &SweepRecord) -> Result<Vec<Picture>, String> {
    let frontiers = plot::frontiers(record).into_iter().map(|p| (p.title, p.svg, Vec::new()));
    let details = details(record).into_iter().flat_map(|d| d.groups).flat_map(|g| g.figures);
    render(frontiers.chain(details.map(|f| (f.title, f.svg, f.legend))))
}

fn render(drawings: impl Iterator<Item = (String, String, Vec<Key>)>) -> Result<Vec<Picture>, String> {
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_system_fonts();
    // `sans-serif` is no font: without a family behind it, texts would silently be left out.
    let installed: Vec<String> = fonts.faces().flat_map(|f| f.families.iter().map(|(name, _)| name.clone())).collect();
    let wanted = FAMILIES.iter().find(|name| installed.iter().any(|i| i == *name)).map(|name| (*name).to_owned());
    let family = wanted.or_else(|| installed.first().cloned());
    fonts.set_sans_serif_family(family.ok_or("no font is installed, so a picture could show no text")?);
    let style = style();
    let one = |(i, (title, svg, legend)): (usize, (String, String, Vec<Key>))| {
        let name = format!("{i:02}-{}.png", slug(&title));
        let bytes = picture(&whole(&title, &svg, &legend, &style), &options).map_err(|why| format!("{name}: {why}"))?;
        Ok((name, bytes))
    };
    drawings.enumerate().map(one).collect()
}

fn picture(svg: &str, options: &Options<'_>) -> Result<Vec<u8>, String> {
    let tree = Tree::from_str(svg, options).map_err(|e| e.to_string())?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or("is too large")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("is too large")?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| e.to_string())
}

/// Caption, drawing and legend as one drawing that needs no page around it.
fn whole(title: &str, svg: &str, legend: &[Key], style: &str) -> String {
    let height = svg.split_once("viewBox=\"").and_then(|(_, rest)| rest.split(['"', ' ']).nth(3)?.parse().ok());
    let height: f64 = height.unwrap_or(WIDTH);
    let (mut x, mut row, mut keys) = (MARGIN, 0.0, String::new());
    for key in legend {
        let width = 44.0 + 7.0 * key.name.chars().count() as f64;
        if x > MARGIN && x + width > WIDTH {
            (x, row) = (MARGIN, row + 1.0);
        }
        let y = MARGIN + ROW + ROW * row;
        let swatch = key.swatch.replacen("<svg", &format!("<svg x=\"{x}\" y=\"{y}\" width=\"30\" height=\"14\""), 1);
        keys.push_str(&format!("{swatch}<text x=\"{}\" y=\"{}\">{}</text>", x + 34.0, y + 11.0, escape(&key.name)));
        x += width;
    }
    let top = MARGIN + ROW + if legend.is_empty() { 0.0 } else { ROW * (row + 1.0) };
    let drawing = svg.replacen("<svg", &format!("<svg x=\"0\" y=\"{top}\" width=\"{WIDTH}\" height=\"{height}\""), 1);
    let all = top + height + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {all}\" width=\"{WIDTH}\" height=\"{all}\"><style>{style}</style>\
         <text class=\"caption\" x=\"{MARGIN}\" y=\"{}\">{}</text>{keys}{drawing}</svg>",
        MARGIN + 12.0,
        escape(title)
    )
}

/// The rules with the colours that the page has in light; classes of series spelt out, for renderers without variables.
fn style() -> String {
    let colour = |name: &str| {
        let found = STYLE.split_once(&format!("--{name}: ")).and_then(|(_, rest)| rest.split(';').next());
        found.unwrap_or("#000000").to_owned()
    };
    let mut rules = RULES.to_owned();
    for name in ["fg", "soft", "grid", "rule", "bg", "accent"] {
        rules = rules.replace(&format!("var(--{name})"), &colour(name));
    }
    for i in 0..8 {
        let c = colour(&format!("p{i}"));
        rules.push_str(&format!(
            ".line.p{i}, .whisker.p{i} {{ stroke: {c} }} .band.p{i}, .dot.p{i}, .fill.p{i} {{ fill: {c} }} "
        ));
    }
    for i in 0..6 {
        rules.push_str(&format!(".part.f{i} {{ fill: {} }} ", colour(&format!("f{i}"))));
    }
    rules
}

/// A title as part of a file name.
fn slug(title: &str) -> String {
    let ascii = title.replace('µ', "u");
    let words = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.take(8).collect::<Vec<_>>().join("-").to_lowercase()
}
