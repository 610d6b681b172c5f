//! Sliding windows: kernel, stride, padding, and where each tap falls.

use super::{NnError, Shape};
use crate::trace::Axis;

/// How the border is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pad {
    /// No padding.
    Valid,
    /// TensorFlow's SAME: output ⌈in/stride⌉, top and left get ⌊total/2⌋, bottom and right the rest.
    Same,
    /// Given rows and columns: `[top, left, bottom, right]`.
    Explicit([usize; 4]),
}

/// What a tap outside of the map reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fill {
    /// +1 ("same_one"): in packed maps free, for the bit of +1 is 0.
    One,
    /// 0 ("same_zero"): the tap adds nothing.
    Zero,
}

/// Kernel size, stride and padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub stride: [usize; 2],
    /// The border.
    pub pad: Pad,
    /// What lies beyond it.
    pub fill: Fill,
}

impl Window {
    /// A `k` × `k` window of a stride, without padding.
    pub const fn valid(k: usize, stride: usize) -> Self {
        Self { kernel: [k, k], stride: [stride, stride], pad: Pad::Valid, fill: Fill::Zero }
    }

    /// The same window with SAME padding of `fill`.
    pub const fn same(k: usize, stride: usize, fill: Fill) -> Self {
        Self { kernel: [k, k], stride: [stride, stride], pad: Pad::Same, fill }
    }

    /// Taps of the kernel; absurd kernels saturate and are refused when they meet a map.
    pub const fn taps(&self) -> usize {
        self.kernel[0].saturating_mul(self.kernel[1])
    }

    /// Lays the window over a map.
    ///
    /// # Errors
    /// [`NnError::BadWindow`] for zero sizes, a kernel larger than the padded map, or padding not smaller than the kernel.
    pub fn over(&self, input: Shape, what: &str) -> Result<Geometry, NnError> {
        let bad = |problem: String| NnError::BadWindow { what: what.to_owned(), problem };
        let sizes = self.kernel.iter().chain(&self.stride);
        if sizes.clone().any(|v| *v == 0 || *v > 4096) {
            return Err(bad("kernel and stride must be 1 to 4096".to_owned()));
        }
        let axis = |size: usize, k: usize, stride: usize, explicit: (usize, usize)| {
            let (before, after) = match self.pad {
                Pad::Valid => (0, 0),
                Pad::Same => {
                    let total = ((size.div_ceil(stride) - 1) * stride + k).saturating_sub(size);
                    (total / 2, total - total / 2)
                }
                Pad::Explicit(_) => explicit,
            };
            if before >= k || after >= k {
                return Err(bad(format!("padding {before}/{after} must be smaller than the kernel's {k}")));
            }
            let padded = size + before + after;
            if k > padded {
                return Err(bad(format!("a kernel of {k} does not fit {padded} (padded) pixels")));
            }
            Ok((before, (padded - k) / stride + 1))
        };
        let [t, l, b, r] = if let Pad::Explicit(p) = self.pad { p } else { [0; 4] };
        let (top, oh) = axis(input.h, self.kernel[0], self.stride[0], (t, b))?;
        let (left, ow) = axis(input.w, self.kernel[1], self.stride[1], (l, r))?;
        Ok(Geometry { window: *self, ih: input.h, iw: input.w, oh, ow, top, left })
    }
}

/// A window laid over a map of known size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// The window.
    pub window: Window,
    /// Rows of the map.
    pub ih: usize,
    /// Columns of the map.
    pub iw: usize,
    /// Rows of the output.
    pub oh: usize,
    /// Columns of the output.
    pub ow: usize,
    /// Rows of padding above.
    pub top: usize,
    /// Columns of padding on the left.
    pub left: usize,
}

impl Geometry {
    /// Rows of the windows.
    #[inline(always)]
    pub fn rows(&self) -> Axis {
        let ([kernel, _], [stride, _]) = (self.window.kernel, self.window.stride);
        Axis { outputs: self.oh, size: self.ih, kernel, stride, before: self.top }
    }

    /// Columns of the windows.
    #[inline(always)]
    pub fn columns(&self) -> Axis {
        let ([_, kernel], [_, stride]) = (self.window.kernel, self.window.stride);
        Axis { outputs: self.ow, size: self.iw, kernel, stride, before: self.left }
    }

    /// The map's pixel that tap (ky, kx) of output (oy, ox) reads, or `None` outside.
    pub fn source(&self, oy: usize, ox: usize, ky: usize, kx: usize) -> Option<(usize, usize)> {
        let y = (oy * self.window.stride[0] + ky).checked_sub(self.top).filter(|y| *y < self.ih)?;
        let x = (ox * self.window.stride[1] + kx).checked_sub(self.left).filter(|x| *x < self.iw)?;
        Some((y, x))
    }

    /// The taps of kernel row `ky` that fall inside for output (oy, ox): they read neighbouring pixels.
    pub fn run(&self, oy: usize, ox: usize, ky: usize) -> Option<TapRun> {
        let y = (oy * self.window.stride[0] + ky).checked_sub(self.top).filter(|y| *y < self.ih)?;
        let taps = self.columns().taps(ox);
        let x = || ox * self.window.stride[1] + taps.start - self.left;
        (!taps.is_empty()).then(|| TapRun { y, x: x(), first: taps.start, len: taps.len() })
    }

    /// Whether any tap falls outside.
    pub fn padded(&self) -> bool {
        let reach = |out: usize, axis: usize| (out - 1) * self.window.stride[axis] + self.window.kernel[axis];
        self.top > 0
            || self.left > 0
            || reach(self.oh, 0) > self.ih + self.top
            || reach(self.ow, 1) > self.iw + self.left
    }
}

/// Neighbouring taps of one kernel row inside the map: tap `first + i` reads pixel (y, x + i), for i < len.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapRun {
    /// Row of the map.
    pub y: usize,
    /// First column of the map.
    pub x: usize,
    /// First tap.
    pub first: usize,
    /// Number of taps.
    pub len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_taps_inside() {
        for (k, stride, h, w) in [(3, 1, 4, 5), (3, 2, 7, 6), (5, 3, 5, 9), (2, 2, 3, 3)] {
            let g = Window::same(k, stride, Fill::Zero).over(Shape::new(h, w, 1), "t").unwrap();
            for (oy, ox, ky) in (0..g.oh).flat_map(|y| (0..g.ow).flat_map(move |x| (0..k).map(move |k| (y, x, k)))) {
                let run = g.run(oy, ox, ky);
                for kx in 0..k {
                    let here = run.filter(|r| (r.first..r.first + r.len).contains(&kx));
                    assert_eq!(here.map(|r| (r.y, r.x + kx - r.first)), g.source(oy, ox, ky, kx));
                }
            }
        }
    }

    #[test]
    fn same_padding_is_asymmetric_as_tensorflow_has_it() {
        let g = Window::same(3, 2, Fill::Zero).over(Shape::new(224, 224, 3), "t").unwrap();
        assert_eq!((g.oh, g.top), (112, 0));
        assert_eq!(g.source(111, 0, 2, 0), None);
        let g = Window::same(7, 2, Fill::Zero).over(Shape::new(224, 224, 3), "t").unwrap();
        assert_eq!((g.oh, g.top), (112, 2));
        let g = Window::same(3, 2, Fill::Zero).over(Shape::new(55, 13, 3), "t").unwrap();
        assert_eq!((g.oh, g.ow, g.top, g.left), (28, 7, 1, 1));
        assert!(g.padded());
        assert!(!Window::valid(3, 1).over(Shape::new(5, 5, 1), "t").unwrap().padded());
    }

    #[test]
    fn impossible_windows_are_errors() {
        assert!(Window::valid(3, 1).over(Shape::new(2, 5, 1), "t").is_err());
        assert!(Window::valid(3, 0).over(Shape::new(5, 5, 1), "t").is_err());
        assert!(Window::valid(0, 1).over(Shape::new(5, 5, 1), "t").is_err());
        let wide = Window { pad: Pad::Explicit([3, 0, 0, 0]), ..Window::valid(3, 1) };
        assert!(wide.over(Shape::new(5, 5, 1), "t").is_err());
    }
}
