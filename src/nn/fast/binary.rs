//! Binary convolutions and dense layers: words counted in place against panels of weights.

use super::pad::Patches;
use super::tail::Scale;
use crate::bits::{Isa, Panels, Walk, words};
use crate::nn::{BitFilters, BitMap, Fill, Geometry};
use crate::trace::Axis;
use std::iter;
use std::ops::Range;

/// Counts that are made before they are turned into sums: they stay in the first-level cache.
const BLOCK_COUNTS: usize = 8192;
/// Kernels that meet the border in more ways than this are left to the reference.
const MOST_CLASSES: usize = 1024;

/// Weights in panels, each tap repeated for every pair of activation plane and weight plane.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    panels: Panels,
    patches: Patches,
    /// Times that each activation plane is repeated: the weight planes.
    copies: usize,
    /// Right shift of `2·popcount`: 1, 2 or 4 pairs of planes give K − 2·pop/pairs, exactly.
    shift: u32,
    bases: Bases,
}

/// Buffers of one call, reused from block to block and layer to layer.
#[derive(Debug, Default)]
pub(super) struct BinaryScratch {
    widened: Vec<u64>,
    padded: Vec<u64>,
    counts: Vec<u32>,
    class: Vec<usize>,
}

/// What makes sums of counts: `bases − (2·counts >> shift)`.
#[derive(Clone, Copy)]
pub(super) struct Sums<'a> {
    /// Counts or bases of a pixel.
    pub stride: usize,
    pub shift: u32,
    pub bases: &'a [i32],
    /// Row of `bases` of each pixel.
    pub class: &'a [usize],
}

/// Some pixels whose bits are still to be counted.
pub(super) struct Block<'a> {
    panels: &'a Panels,
    map: &'a [u64],
    walk: Walk<'a>,
    counts: &'a mut Vec<u32>,
    sums: Sums<'a>,
}

impl<'a> Block<'a> {
    /// Signed sums, pixel by pixel.
    pub(super) fn sums(self, isa: Isa, out: &mut [i32]) {
        let (sums, n) = (self.sums, self.panels.rows());
        super::tail::sums(isa, self.count(isa), &sums, n, out);
    }

    /// `out = value(sum)`, or `out += value(sum)`.
    pub(super) fn scale(self, isa: Isa, scale: &Scale, add: bool, out: &mut [f32]) {
        let sums = self.sums;
        let mut tile = scale.tile(&sums, add, out);
        if !self.panels.tiles(isa, self.map, &self.walk, &mut tile) {
            tile.run(isa, self.count(isa));
        }
    }

    fn count(self, isa: Isa) -> &'a [u32] {
        let n = self.walk.starts.len() * self.sums.stride;
        self.counts.resize(self.counts.len().max(n), 0);
        self.panels.count(isa, self.map, &self.walk, &mut self.counts[..n]);
        &self.counts[..n]
    }
}

impl Binary {
    /// `None` where the layer is too odd to be worth a kernel: the reference runs it.
    pub(super) fn new(weights: &BitFilters, a_planes: usize, g: &Geometry) -> Option<Self> {
        let (size, w_planes) = (weights.size(), weights.planes());
        let patches = Patches::new(g, a_planes * w_planes * words(size.ic))?;
        let mut rows = Vec::new();
        for (o, tap) in (0..size.out).flat_map(|o| (0..size.taps).map(move |t| (o, t))) {
            for _ in 0..a_planes {
                for plane in 0..w_planes {
                    rows.extend_from_slice(weights.tap(o, tap, plane));
                }
            }
        }
        let panels = Panels::new(&rows, size.out, patches.k());
        let bases = Bases::new(weights, g, panels.padded_rows())?;
        Some(Self { panels, patches, copies: w_planes, shift: (a_planes * w_planes).trailing_zeros(), bases })
    }

    /// Outputs.
    pub(super) fn out(&self) -> usize {
        self.panels.rows()
    }

    /// Hands every block of output pixels to `finish`.
    pub(super) fn run(&self, x: &BitMap, scratch: &mut BinaryScratch, mut finish: impl FnMut(Range<usize>, Block<'_>)) {
        let BinaryScratch { widened, padded, counts, class } = scratch;
        let plain = if self.copies == 1 { x.words() } else { self.widen(x, widened) };
        let map = self.patches.map(plain, padded);
        let (stride, pixels) = (self.panels.padded_rows(), self.patches.pixels());
        let block = (BLOCK_COUNTS / stride / 8 * 8).max(8);
        for start in (0..pixels).step_by(block) {
            let range = start..(start + block).min(pixels);
            class.clear();
            if self.bases.is_one_class() {
                class.resize(range.len(), 0);
            } else {
                class.extend(self.patches.places(range.clone()).map(|(y, x)| self.bases.class(y, x)));
            }
            let sums = Sums { stride, shift: self.shift, bases: &self.bases.values, class: &*class };
            let walk = self.patches.walk(range.clone());
            finish(range, Block { panels: &self.panels, map, walk, counts: &mut *counts, sums });
        }
    }

    /// Each plane of each pixel once for every weight plane.
    fn widen<'a>(&self, x: &BitMap, widened: &'a mut Vec<u64>) -> &'a [u64] {
        widened.clear();
        for plane in x.words().chunks_exact(words(x.shape().c)) {
            (0..self.copies).for_each(|_| widened.extend_from_slice(plane));
        }
        widened
    }
}

/// What a sum is without its differing bits, by class of output pixel and padded row: K, less the weights of the taps that fall
/// outside where the padding is zero. Pixels that miss the same taps share a class; the first class misses none.
#[derive(Debug, Clone)]
struct Bases {
    rows: Classes,
    columns: Classes,
    values: Vec<i32>,
}

/// Output positions on one axis by the taps that they miss.
#[derive(Debug, Clone)]
struct Classes {
    axis: Axis,
    /// Distinct ranges of taps, all of them first.
    kinds: Vec<Range<usize>>,
}

impl Classes {
    fn new(axis: Axis) -> Self {
        let mut kinds: Vec<Range<usize>> = iter::once(0..axis.kernel).collect();
        let edge = axis.kernel.min(axis.outputs);
        for taps in (0..edge).chain(axis.outputs - edge..axis.outputs).map(|o| axis.taps(o)) {
            if !kinds.contains(&taps) {
                kinds.push(taps);
            }
        }
        Self { axis, kinds }
    }

    /// Where every window counts as whole.
    fn whole(axis: Axis) -> Self {
        Self { axis, kinds: iter::once(0..axis.kernel).collect() }
    }

    fn class(&self, o: usize) -> usize {
        let taps = self.axis.taps(o);
        self.kinds.iter().position(|kind| *kind == taps).expect("only the first and last outputs can miss a tap")
    }
}

impl Bases {
    fn new(weights: &BitFilters, g: &Geometry, stride: usize) -> Option<Self> {
        let size = weights.size();
        let fan_in = i32::try_from(size.fan_in()).expect("checked to be at most 2^30");
        let [kh, kw] = g.window.kernel;
        let corrected = g.window.fill == Fill::Zero && g.padded();
        let classes = |axis| if corrected { Classes::new(axis) } else { Classes::whole(axis) };
        let (rows, columns) = (classes(g.rows()), classes(g.columns()));
        if rows.kinds.len() * columns.kinds.len() > MOST_CLASSES {
            return None;
        }
        let tap_sum = |o: usize, tap: usize| (0..size.ic).map(|c| i32::from(weights.value(o, tap, c))).sum::<i32>();
        let sums: Vec<i32> = if corrected {
            (0..size.taps).flat_map(|t| (0..size.out).map(move |o| (o, t))).map(|(o, t)| tap_sum(o, t)).collect()
        } else {
            Vec::new()
        };
        let mut values = Vec::new();
        for (ky, kx) in rows.kinds.iter().flat_map(|y| columns.kinds.iter().map(move |x| (y, x))) {
            let mut base = vec![0; stride];
            base[..size.out].fill(fan_in);
            for tap in (0..kh * kw).filter(|t| !ky.contains(&(t / kw)) || !kx.contains(&(t % kw))) {
                base.iter_mut().zip(&sums[tap * size.out..][..size.out]).for_each(|(b, s)| *b -= s);
            }
            values.extend(base);
        }
        Some(Self { rows, columns, values })
    }

    fn is_one_class(&self) -> bool {
        self.rows.kinds.len() * self.columns.kinds.len() == 1
    }

    fn class(&self, oy: usize, ox: usize) -> usize {
        self.rows.class(oy) * self.columns.kinds.len() + self.columns.class(ox)
    }
}
