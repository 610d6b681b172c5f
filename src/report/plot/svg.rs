//! A small SVG writer. Colours are CSS classes, so that one drawing serves light and dark pages.

use std::fmt::Write;

/// Width of every drawing in its own units; on a 400 px phone its text is still 10 px high.
pub const WIDTH: f64 = 480.0;

/// Text safe inside markup and attributes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Begins there.
    Start,
    /// Centred there.
    Middle,
    /// Ends there.
    End,
}

/// A drawing in the making.
#[derive(Debug, Clone)]
pub struct Svg {
    height: f64,
    body: String,
}

impl Svg {
    /// An empty drawing of [`WIDTH`] × `height`.
    pub fn new(height: f64) -> Self {
        Self { height, body: String::new() }
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#));
    }

    /// A line through points.
    pub fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() > 1 {
            self.push(format_args!(r#"<path class="{class}" d="{}"/>"#, through(points)));
        }
    }

    /// A filled outline.
    pub fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() > 2 {
            self.push(format_args!(r#"<path class="{class}" d="{}Z"/>"#, through(points)));
        }
    }

    /// A rectangle with a tip that shows on hovering; widths below a tenth are not drawn.
    pub fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64), tip: &str) {
        if size.0 < 0.1 || size.1 < 0.1 {
            return;
        }
        let ((x, y), (w, h), tip) = (at, size, tipped(tip));
        self.push(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}">{tip}</rect>"#
        ));
    }

    /// A marker whose shape goes with `index` (circle, square, triangle, diamond, …).
    pub fn marker(&mut self, class: &str, index: usize, at: (f64, f64), tip: &str) {
        let (shape, tip) = (marker_path(index, at, 4.0), tipped(tip));
        self.push(format_args!(r#"<path class="{class}" d="{shape}">{tip}</path>"#));
    }

    /// A round point that a script can find by its number.
    pub fn point(&mut self, class: &str, r: f64, at: (f64, f64), number: usize, tip: &str) {
        let ((x, y), tip) = (at, tipped(tip));
        self.push(format_args!(
            r#"<circle class="{class}" data-i="{number}" cx="{x:.1}" cy="{y:.1}" r="{r}">{tip}</circle>"#
        ));
    }

    /// A ring that a script puts around a point; not shown until then.
    pub fn ring(&mut self) {
        self.push(format_args!(r#"<circle class="here" r="8" cx="0" cy="0" style="display:none"/>"#));
    }

    /// A text.
    pub fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let ((x, y), text) = (at, escape(text));
        self.push(format_args!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#));
    }

    /// A text that runs upwards, centred at its point.
    pub fn vertical_text(&mut self, class: &str, at: (f64, f64), text: &str) {
        let ((x, y), text) = (at, escape(text));
        self.push(format_args!(
            r#"<text class="{class}" transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle">{text}</text>"#
        ));
    }

    /// The finished drawing with its name and description for those who cannot see it.
    pub fn finish(self, id: &str, title: &str, description: &str) -> String {
        let (height, body, title, description) = (self.height, self.body, escape(title), escape(description));
        format!(
            "<svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>\n{body}</svg>"
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        self.body.write_fmt(element).expect("writing to a String cannot fail");
        self.body.push('\n');
    }
}

fn tipped(tip: &str) -> String {
    if tip.is_empty() { String::new() } else { format!("<title>{}</title>", escape(tip)) }
}

fn through(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let command = if i == 0 { 'M' } else { 'L' };
        write!(d, "{command}{x:.1} {y:.1}").expect("writing to a String cannot fail");
    }
    d
}

/// Outline of marker `index` around a point.
pub fn marker_path(index: usize, (x, y): (f64, f64), r: f64) -> String {
    let polygon = |corners: &[(f64, f64)]| {
        let moved: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
        through(&moved) + "Z"
    };
    match index % 6 {
        0 => format!("M{:.1} {y:.1}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0Z", x - r, d = 2.0 * r),
        1 => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        2 => polygon(&[(0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)]),
        3 => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        4 => polygon(&[(0.0, 1.2), (1.15, -0.9), (-1.15, -0.9)]),
        _ => polygon(&[
            (-1.1, -0.4),
            (-0.4, -0.4),
            (-0.4, -1.1),
            (0.4, -1.1),
            (0.4, -0.4),
            (1.1, -0.4),
            (1.1, 0.4),
            (0.4, 0.4),
            (0.4, 1.1),
            (-0.4, 1.1),
            (-0.4, 0.4),
            (-1.1, 0.4),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_names_itself_and_escapes_what_users_wrote() {
        let mut svg = Svg::new(100.0);
        svg.text("t", (1.0, 2.0), Anchor::Start, "a<b & \"c\"");
        svg.marker("m", 2, (5.0, 5.0), "<tip>");
        let text = svg.finish("x", "T", "D");
        assert!(text.contains("a&lt;b &amp; &quot;c&quot;") && text.contains("<title>&lt;tip&gt;</title>"), "{text}");
        assert!(text.contains(r#"role="img" aria-labelledby="x-t x-d""#));
    }
}
