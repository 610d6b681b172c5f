//! Marks with a tip that shows on hovering, drawn by plotters as its own elements are.

use super::canvas::{Canvas, Ink, TENTHS, units};
use plotters::element::{Drawable, PointCollection};
use plotters_backend::{BackendCoord, DrawingErrorKind};
use std::convert::Infallible;
use std::fmt::Write;
use std::slice::Iter;

/// One mark.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Its places in the chart: one, or two corners of a rectangle.
    places: Vec<(f64, f64)>,
    ink: Ink,
    shape: Shape,
    tip: String,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A marker whose form goes with a number (circle, square, triangle, diamond, …).
    Marker(usize),
    /// A round point of this radius that a script finds by its number.
    Point(f64, usize),
    /// A rectangle; less than a tenth of a unit wide it is not drawn.
    Segment,
    /// A ring that a script puts around a point; not shown until then.
    Ring,
}

impl Mark {
    /// A marker whose form goes with `form`.
    pub fn marker(ink: Ink, form: usize, at: (f64, f64), tip: &str) -> Self {
        Self { places: vec![at], ink, shape: Shape::Marker(form), tip: tip.to_owned() }
    }

    /// A round point of radius `r` that a script finds by its number.
    pub fn point(ink: Ink, r: f64, at: (f64, f64), number: usize, tip: &str) -> Self {
        Self { places: vec![at], ink, shape: Shape::Point(r, number), tip: tip.to_owned() }
    }

    /// A ring that a script puts around a point; not shown until then.
    pub fn ring() -> Self {
        Self { places: vec![(0.0, 0.0)], ink: Ink::HERE, shape: Shape::Ring, tip: String::new() }
    }

    /// A rectangle between two corners.
    pub fn segment(ink: Ink, from: (f64, f64), to: (f64, f64), tip: &str) -> Self {
        Self { places: vec![from, to], ink, shape: Shape::Segment, tip: tip.to_owned() }
    }
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Mark {
    type Point = &'a (f64, f64);
    type IntoIter = Iter<'a, (f64, f64)>;

    fn point_iter(self) -> Self::IntoIter {
        self.places.iter()
    }
}

impl Drawable<Canvas<'_>> for Mark {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut places: I,
        canvas: &mut Canvas<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let Some((x, y)) = places.next() else { return Ok(()) };
        match (self.shape, places.next()) {
            (Shape::Marker(form), _) => {
                let outline = outline(form, (f64::from(x) / TENTHS, f64::from(y) / TENTHS), 4.0);
                canvas.element(format_args!("path d=\"{outline}\""), self.ink, &self.tip);
            }
            (Shape::Point(r, number), _) => {
                let (x, y) = (units(x), units(y));
                let shape = format!("circle data-i=\"{number}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"");
                canvas.element(shape, self.ink, &self.tip);
            }
            (Shape::Ring, _) => {
                canvas.element("circle r=\"8\" cx=\"0\" cy=\"0\" style=\"display:none\"", self.ink, "");
            }
            (Shape::Segment, Some((right, bottom))) if right > x && bottom > y => {
                let (x, y, w, h) = (units(x), units(y), units(right - x), units(bottom - y));
                let shape = format!("rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"");
                canvas.element(shape, self.ink, &self.tip);
            }
            (Shape::Segment, _) => {}
        }
        Ok(())
    }
}

/// Path of marker `form` around a point.
pub fn outline(form: usize, (x, y): (f64, f64), r: f64) -> String {
    let polygon = |corners: &[(f64, f64)]| {
        let mut d = String::new();
        for (i, (dx, dy)) in corners.iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            write!(d, "{command}{:.1} {:.1}", x + dx * r, y + dy * r).expect("writing to a String cannot fail");
        }
        d + "Z"
    };
    match form % 6 {
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
