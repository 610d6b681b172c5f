//! Binary convolutions and dense layers: words counted in place against panels of weights.

use super::pad::Patches;
use crate::bits::{Isa, Panels, words};
use crate::nn::{BitFilters, BitMap, Fill, Geometry};
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
    starts: Vec<u32>,
    class: Vec<usize>,
}

/// What stands for one block of sums: `bases − (2·counts >> shift)`.
pub(super) struct Counts<'a> {
    pub counts: &'a [u32],
    pub stride: usize,
    pub shift: u32,
    pub bases: &'a [i32],
    /// Row of `bases` of each pixel.
    pub class: &'a [usize],
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

    /// Counts every block of output pixels and hands it to `finish`.
    pub(super) fn run(
        &self,
        isa: Isa,
        x: &BitMap,
        scratch: &mut BinaryScratch,
        mut finish: impl FnMut(Range<usize>, &Counts<'_>),
    ) {
        let BinaryScratch { widened, padded, counts, starts, class } = scratch;
        let plain = if self.copies == 1 { x.words() } else { self.widen(x, widened) };
        let map = self.patches.map(plain, padded);
        let (stride, pixels) = (self.panels.padded_rows(), self.patches.pixels());
        let block = (BLOCK_COUNTS / stride / 8 * 8).max(8);
        counts.resize(counts.len().max(block * stride), 0);
        for start in (0..pixels).step_by(block) {
            let range = start..(start + block).min(pixels);
            let counts = &mut counts[..range.len() * stride];
            self.panels.count(isa, map, &self.patches.walk(range.clone(), starts), counts);
            class.clear();
            class.extend(self.patches.places(range.clone()).map(|(y, x)| self.bases.class(y, x)));
            finish(range, &Counts { counts, stride, shift: self.shift, bases: &self.bases.values, class });
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
    rows: Axis,
    columns: Axis,
    values: Vec<i32>,
}

/// Taps inside the map by output position on one axis.
#[derive(Debug, Clone)]
struct Axis {
    stride: usize,
    before: usize,
    size: usize,
    k: usize,
    /// Distinct ranges of taps, all of them first.
    kinds: Vec<Range<usize>>,
}

impl Axis {
    fn new(stride: usize, before: usize, size: usize, k: usize, out: usize) -> Self {
        let mut axis = Self { stride, before, size, k, kinds: Vec::new() };
        axis.kinds.push(0..k);
        let edge = k.min(out);
        for o in (0..edge).chain(out - edge..out) {
            let taps = inside(o * stride, before, size, k);
            if !axis.kinds.contains(&taps) {
                axis.kinds.push(taps);
            }
        }
        axis
    }

    fn class(&self, o: usize) -> usize {
        let taps = inside(o * self.stride, self.before, self.size, self.k);
        if taps == (0..self.k) {
            return 0;
        }
        self.kinds.iter().position(|kind| *kind == taps).expect("only the first and last k outputs can miss a tap")
    }
}

impl Bases {
    fn new(weights: &BitFilters, g: &Geometry, stride: usize) -> Option<Self> {
        let size = weights.size();
        let fan_in = i32::try_from(size.fan_in()).expect("checked to be at most 2^30");
        let ([kh, kw], [sy, sx]) = (g.window.kernel, g.window.stride);
        let corrected = g.window.fill == Fill::Zero && g.padded();
        let axis = |s, before, size, k, out| {
            if corrected { Axis::new(s, before, size, k, out) } else { Axis::new(1, 0, out + k, k, out) }
        };
        let (rows, columns) = (axis(sy, g.top, g.ih, kh, g.oh), axis(sx, g.left, g.iw, kw, g.ow));
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

    fn class(&self, oy: usize, ox: usize) -> usize {
        self.rows.class(oy) * self.columns.kinds.len() + self.columns.class(ox)
    }
}

/// Taps of one axis that fall inside the map.
fn inside(start: usize, before: usize, size: usize, k: usize) -> Range<usize> {
    before.saturating_sub(start).min(k)..(size + before).saturating_sub(start).min(k)
}
