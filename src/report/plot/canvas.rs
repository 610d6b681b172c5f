//! What plotters draws on: SVG whose colours are CSS classes, so that one drawing serves light and dark pages.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};
use std::convert::Infallible;
use std::fmt::{Display, Write};

/// Pixels of plotters for each unit of a drawing: positions are tenths.
pub const TENTHS: f64 = 10.0;
/// Width of every drawing in tenths of a unit; on a 400 px phone its text is still 10 px high.
pub const WIDTH: i32 = 4800;
/// Height of a text in tenths; the style sheet has the last word.
const TEXT: i32 = 125;

/// Result of drawing, which cannot fail: it writes to a `String`.
pub type Drawn = DrawResult<(), Canvas<'static>>;
/// The whole drawing, in tenths of a unit from its upper left corner.
pub type Root<'a> = DrawingArea<Canvas<'a>, Shift>;

/// The CSS classes of an element, in place of a colour: number of a row of [`CLASSES`], and what stands for `#` there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink(u8, u8);

/// `#` is a number; `p0…p7` colour a series, `f0…f5` a part of a bar, `d0…d3` a dash.
const CLASSES: [&str; 18] = [
    "grid",
    "axis",
    "tick",
    "label",
    "note",
    "total",
    "mark",
    "limit",
    "whisker",
    "all",
    "front-line",
    "front-dot",
    "band p#",
    "line p# d#",
    "whisker p#",
    "dot p#",
    "part f#",
    "here",
];

#[allow(missing_docs)]
impl Ink {
    pub const GRID: Self = Self(0, 0);
    pub const AXIS: Self = Self(1, 0);
    pub const TICK: Self = Self(2, 0);
    pub const LABEL: Self = Self(3, 0);
    pub const NOTE: Self = Self(4, 0);
    pub const TOTAL: Self = Self(5, 0);
    pub const MARK: Self = Self(6, 0);
    pub const LIMIT: Self = Self(7, 0);
    pub const WHISKER: Self = Self(8, 0);
    pub const ALL: Self = Self(9, 0);
    pub const FRONT_LINE: Self = Self(10, 0);
    pub const FRONT_DOT: Self = Self(11, 0);
    pub const HERE: Self = Self(17, 0);

    pub fn band(series: usize) -> Self {
        Self(12, below(series, 8))
    }
    pub fn line(series: usize) -> Self {
        Self(13, below(series, 8))
    }
    pub fn whisker(series: usize) -> Self {
        Self(14, below(series, 8))
    }
    pub fn dot(series: usize) -> Self {
        Self(15, below(series, 8))
    }
    pub fn part(part: usize) -> Self {
        Self(16, below(part, 6))
    }

    /// Text of this class, standing so relative to its point.
    pub fn text(&self, h: HPos, v: VPos) -> TextStyle<'static> {
        let ink = self.to_rgba();
        TextStyle { color: ink.to_backend_color(), ..("sans-serif", TEXT).into_font().into() }.pos(Pos::new(h, v))
    }

    /// The value of a `class` attribute.
    pub fn class(self) -> String {
        let number = self.1.to_string();
        let dash = (self.1 % 4).to_string();
        CLASSES[usize::from(self.0) % CLASSES.len()].replace("d#", &format!("d{dash}")).replace('#', &number)
    }

    fn of(color: BackendColor) -> Self {
        Self(color.rgb.0, color.rgb.1)
    }
}

impl Color for Ink {
    fn to_backend_color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: (self.0, self.1, 0) }
    }
}

fn below(number: usize, count: u8) -> u8 {
    u8::try_from(number % usize::from(count)).unwrap_or(0)
}

/// Draws on a canvas of [`WIDTH`] × `height` tenths; the drawing has a name and a description for those who cannot see it.
pub fn picture(height: i32, id: &str, title: &str, description: &str, draw: impl FnOnce(&Root<'_>) -> Drawn) -> String {
    let mut body = String::new();
    draw(&Canvas { height, body: &mut body }.into_drawing_area()).expect("writing to a String cannot fail");
    let (title, description) = (escape(title), escape(description));
    format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>\n{body}</svg>",
        WIDTH / 10,
        height / 10
    )
}

/// Text safe inside markup and attributes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A backend of plotters.
pub struct Canvas<'a> {
    height: i32,
    body: &'a mut String,
}

impl Canvas<'_> {
    /// An element of some class, with a tip that shows on hovering.
    pub fn element(&mut self, shape: impl Display, ink: Ink, tip: &str) {
        let (class, shape) = (ink.class(), shape.to_string());
        let tipped = || format!("><title>{}</title></{}>", escape(tip), shape.split(' ').next().unwrap_or_default());
        let end = if tip.is_empty() { "/>".to_owned() } else { tipped() };
        writeln!(self.body, "<{shape} class=\"{class}\"{end}").expect("writing to a String cannot fail");
    }

    /// A line through points, `close` to come back to the first; one point alone is nothing.
    fn path(&mut self, points: impl IntoIterator<Item = BackendCoord>, close: &str, ink: Ink) {
        let d = Self::through(points);
        if d.contains('L') {
            self.element(format_args!("path d=\"{d}{close}\""), ink, "");
        }
    }

    fn through(path: impl IntoIterator<Item = BackendCoord>) -> String {
        let mut d = String::new();
        for (i, (x, y)) in path.into_iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            write!(d, "{command}{} {}", units(x), units(y)).expect("writing to a String cannot fail");
        }
        d
    }
}

/// Tenths as units with one digit behind the point.
pub fn units(tenths: i32) -> String {
    format!("{:.1}", f64::from(tenths) / TENTHS)
}

type Result<T> = std::result::Result<T, DrawingErrorKind<Infallible>>;

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (WIDTH.unsigned_abs(), self.height.unsigned_abs())
    }

    fn ensure_prepared(&mut self) -> Result<()> {
        Ok(())
    }

    fn present(&mut self) -> Result<()> {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Result<()> {
        self.element(format_args!("circle cx=\"{}\" cy=\"{}\" r=\"0.5\"", units(x), units(y)), Ink::of(color), "");
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, style: &S) -> Result<()> {
        self.draw_path([a, b], style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, style: &S, _: bool) -> Result<()> {
        let (w, h) = (units(b.0 - a.0), units(b.1 - a.1));
        let shape = format!("rect x=\"{}\" y=\"{}\" width=\"{w}\" height=\"{h}\"", units(a.0), units(a.1));
        self.element(shape, Ink::of(style.color()), "");
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Result<()> {
        self.path(path, "", Ink::of(style.color()));
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, at: BackendCoord, r: u32, style: &S, _: bool) -> Result<()> {
        let r = f64::from(r) / TENTHS;
        let shape = format!("circle cx=\"{}\" cy=\"{}\" r=\"{r}\"", units(at.0), units(at.1));
        self.element(shape, Ink::of(style.color()), "");
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<()> {
        self.path(path, "Z", Ink::of(style.color()));
        Ok(())
    }

    /// A place with a vertical anchor becomes a baseline; texts that run upwards turn about their point.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Result<()> {
        let (anchor, class) = (style.anchor(), Ink::of(style.color()).class());
        let h = match anchor.h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        let down = match anchor.v_pos {
            VPos::Top => TEXT * 4 / 5,
            VPos::Center => TEXT / 3,
            VPos::Bottom => -TEXT / 5,
        };
        let place = match style.transform() {
            FontTransform::Rotate270 => {
                format!("transform=\"translate({} {}) rotate(-90)\"", units(x + down), units(y))
            }
            _ => format!("x=\"{}\" y=\"{}\"", units(x), units(y + down)),
        };
        let text = escape(text);
        writeln!(self.body, "<text class=\"{class}\" {place} text-anchor=\"{h}\">{text}</text>")
            .expect("writing to a String cannot fail");
        Ok(())
    }

    /// Half of the height a character, on the wide side: the browser picks the font.
    fn estimate_text_size<S: BackendTextStyle>(&self, text: &str, _: &S) -> Result<(u32, u32)> {
        let height = TEXT.unsigned_abs();
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        Ok((characters.saturating_mul(height / 2), height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_names_itself_and_escapes_what_users_wrote() {
        let svg = picture(1000, "x", "T", "D", |root| {
            root.draw(&Text::new("a<b & \"c\"", (10, 20), Ink::TICK.text(HPos::Left, VPos::Top)))?;
            root.draw(&PathElement::new(vec![(0, 0), (15, 20)], Ink::line(9)))
        });
        assert!(svg.contains("a&lt;b &amp; &quot;c&quot;"), "{svg}");
        assert!(svg.contains(r#"<path d="M0.0 0.0L1.5 2.0" class="line p1 d1"/>"#), "{svg}");
        assert!(svg.contains(r#"viewBox="0 0 480 100" role="img" aria-labelledby="x-t x-d""#));
    }
}
