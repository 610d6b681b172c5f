//! Patches in place: where each output's window starts in a map, with the border written around the map where there is one.

use crate::bits::Walk;
use crate::nn::Geometry;
use std::ops::Range;

/// Values past the end of a map with its border: what a kernel that reads sixteen at a time may read too much.
const SPARE: usize = 15;
/// Larger padded maps are left to the reference kernels; 2^28 values are the most a map can have.
const LARGEST: usize = 1 << 31;

/// A window over a map whose pixels are `unit` elements (words or floats), as runs of neighbouring elements.
#[derive(Debug, Clone)]
pub(super) struct Patches {
    g: Geometry,
    /// Elements of a pixel.
    unit: usize,
    /// Rows and columns of the map with its border.
    h: usize,
    w: usize,
    /// First element of each output's patch.
    starts: Vec<u32>,
}

impl Patches {
    /// `None` where the border makes the map absurdly large.
    pub(super) fn new(g: &Geometry, unit: usize) -> Option<Self> {
        let ([kh, kw], [sy, sx]) = (g.window.kernel, g.window.stride);
        let h = ((g.oh - 1) * sy + kh).max(g.ih + g.top);
        let w = ((g.ow - 1) * sx + kw).max(g.iw + g.left);
        let (h, w) = if g.padded() { (h, w) } else { (g.ih, g.iw) };
        h.checked_mul(w)?.checked_mul(unit).filter(|n| *n < LARGEST)?;
        let place = |y: usize, x: usize| u32::try_from((y * sy * w + x * sx) * unit).expect("below 2^31, as checked");
        let starts = (0..g.oh).flat_map(|y| (0..g.ow).map(move |x| place(y, x))).collect();
        Some(Self { g: *g, unit, h, w, starts })
    }

    /// Elements of a patch.
    pub(super) fn k(&self) -> usize {
        self.g.window.taps() * self.unit
    }

    /// Outputs.
    pub(super) fn pixels(&self) -> usize {
        self.g.oh * self.g.ow
    }

    /// Elements of a run of neighbours in a patch, and runs.
    pub(super) fn runs(&self) -> (usize, usize) {
        let [kh, kw] = self.g.window.kernel;
        // Full rows follow one another: a dense layer's patch is one run.
        if kw == self.w { (kh * kw * self.unit, 1) } else { (kw * self.unit, kh) }
    }

    /// The patches of these outputs.
    pub(super) fn walk(&self, pixels: Range<usize>) -> Walk<'_> {
        let (run_words, runs) = self.runs();
        Walk { starts: &self.starts[pixels], run_words, runs, run_stride: self.w * self.unit }
    }

    /// Row and column of these outputs.
    pub(super) fn places(&self, pixels: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        let ow = self.g.ow;
        let (mut y, mut x) = (pixels.start / ow, pixels.start % ow);
        pixels.map(move |_| {
            let at = (y, x);
            x += 1;
            if x == ow {
                (y, x) = (y + 1, 0);
            }
            at
        })
    }

    /// The map that patches are read from: `x` itself, or a copy in `padded` with zeros around it.
    pub(super) fn map<'a, T: Copy + Default>(&self, x: &'a [T], padded: &'a mut Vec<T>) -> &'a [T] {
        if !self.g.padded() {
            return x;
        }
        self.rows(padded, T::default(), |at, row| row.copy_from_slice(&x[at..][..row.len()]))
    }

    /// The map that patches are read from, `border` around it, each row written by `row` (its first value's place and where it
    /// goes). Fifteen more values follow it, which mean nothing.
    pub(super) fn rows<'a, T: Copy + Default>(
        &self,
        padded: &'a mut Vec<T>,
        border: T,
        mut row: impl FnMut(usize, &mut [T]),
    ) -> &'a [T] {
        let fill = &mut row;
        let (row, wide) = (self.g.iw * self.unit, self.w * self.unit);
        let size = self.h * wide + SPARE;
        if padded.len() < size {
            padded.resize(size, T::default());
        }
        let padded = &mut padded[..size];
        padded[..self.g.top * wide].fill(border);
        padded[(self.g.top + self.g.ih) * wide..].fill(border);
        let inside = padded[self.g.top * wide..].chunks_exact_mut(wide);
        for (y, line) in inside.take(self.g.ih).enumerate() {
            let (before, rest) = line.split_at_mut(self.g.left * self.unit);
            let (middle, after) = rest.split_at_mut(row);
            before.fill(border);
            fill(y * row, middle);
            after.fill(border);
        }
        padded
    }
}
