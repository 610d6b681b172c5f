//! Convolutions and dense layers over 8-bit codes: lanes are outputs, four products of each at a time.
//!
//! Σ w·(x − zero) is summed as Σ w·x less zero·Σ w, which is part of the bias; the border around a map holds the zero point, so
//! it adds nothing.

use super::requant::{Codes, LANES};
use super::simd;
use crate::bits::{Isa, Walk};
use crate::nn::fast::pad::Patches;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Geometry, Map, Requant};

/// Products that one lane takes at a time.
pub(super) const QUAD: usize = 4;
/// Bytes of a panel's weights for one quad: four of each output.
pub(super) const ROW: usize = LANES * QUAD;
/// Sums of a block: they stay in the first-level cache.
const BLOCK_SUMS: usize = 4096;
/// What turns a code into the unsigned byte that AVX-512's products want: 128 is added.
const UNSIGNED: i32 = 128;

/// Weights in panels of 16 outputs: byte `b` of quad `q` of output `o` is at `((o / 16 · quads + q) · 16 + o % 16) · 4 + b`. Each run
/// of a patch begins a quad and is filled up with weights of 0.
#[derive(Debug, Clone)]
pub(super) struct Panels {
    pub weights: Vec<i8>,
    /// Quads of a run of a patch.
    pub run_quads: usize,
    /// What sums begin with, an output, filled up to whole panels.
    pub start: Vec<i32>,
}

/// A layer with weights.
#[derive(Debug, Clone)]
pub(super) struct Dot {
    panels: Panels,
    /// Weights as the loop for any machine reads them: by output, runs as long as those of the panels.
    rows: Vec<i16>,
    /// Starts of sums whose codes have 128 added.
    unsigned: Vec<i32>,
    out: usize,
    zero: i8,
    patches: Patches,
    to: Codes,
}

/// Buffers of one call.
#[derive(Debug, Default)]
pub(super) struct DotScratch {
    bytes: Vec<u8>,
    wide: Vec<i16>,
    /// One patch without gaps.
    patch: Vec<i16>,
    sums: Vec<i32>,
}

/// A layer as it stands in a network: weights in order (output, ky, kx, channel).
pub(super) struct Layer8<'a> {
    pub weights: &'a [i8],
    pub bias: &'a [i32],
    pub zero: i32,
    pub to: &'a Requant,
}

impl Dot {
    /// `None` where the layer is too odd to be worth a kernel.
    pub(super) fn new(layer: &Layer8<'_>, channels: usize, g: &Geometry) -> Option<Self> {
        let patches = Patches::new(g, channels)?;
        let (k, out) = (patches.k(), layer.bias.len());
        let (run, runs) = patches.runs();
        let run_quads = run.div_ceil(QUAD);
        let padded = out.div_ceil(LANES) * LANES;
        let filled = run_quads * runs * QUAD;
        let mut weights = vec![0; padded * filled];
        let mut rows = vec![0; out * filled];
        let (mut start, mut unsigned, mut bound) = (vec![0; padded], vec![0; padded], 0);
        for (o, row) in layer.weights.chunks_exact(k).enumerate() {
            for (j, w) in row.iter().enumerate() {
                let (quad, byte) = (j / run * run_quads + j % run / QUAD, j % run % QUAD);
                let panel = o / LANES * run_quads * runs;
                rows[o * filled + quad * QUAD + byte] = i16::from(*w);
                weights[((panel + quad) * LANES + o % LANES) * QUAD + byte] = *w;
            }
            let (sum, size) = row.iter().fold((0i32, 0u64), |(sum, size), w| {
                (sum.wrapping_add(i32::from(*w)), size + u64::from(w.unsigned_abs()))
            });
            // Sums wrap on the way and are right at the end, for the whole sum fits (checked when the network was built).
            start[o] = layer.bias[o].wrapping_sub(sum.wrapping_mul(layer.zero));
            unsigned[o] = start[o].wrapping_sub(sum.wrapping_mul(UNSIGNED));
            bound = bound.max(size * 255 + u64::from(layer.bias[o].unsigned_abs()));
        }
        let zero = i8::try_from(layer.zero).ok()?;
        let to = Codes::new(layer.to, out, bound);
        Some(Self { panels: Panels { weights, run_quads, start }, rows, unsigned, out, zero, patches, to })
    }

    /// Codes of the whole map.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut DotScratch, out: &mut Map<i8>) {
        let DotScratch { bytes, wide, patch, sums } = scratch;
        let unsigned = simd::takes_bytes(isa);
        let flip = |v: i8| v.cast_unsigned() ^ 0x80;
        let (mut as_bytes, mut as_wide): (&[u8], &[i16]) = (&[], &[]);
        if unsigned {
            as_bytes = self.patches.rows(bytes, flip(self.zero), |at, row| {
                row.iter_mut().zip(&x.data()[at..]).for_each(|(to, v)| *to = flip(*v));
            });
        } else {
            as_wide = self.patches.rows(wide, i16::from(self.zero), |at, row| {
                row.iter_mut().zip(&x.data()[at..]).for_each(|(to, v)| *to = i16::from(*v));
            });
        }
        let stride = self.panels.start.len();
        let n = (BLOCK_SUMS / stride / 8 * 8).max(8);
        for first in (0..self.patches.pixels()).step_by(n) {
            let range = first..(first + n).min(self.patches.pixels());
            sums.resize(sums.len().max(range.len() * stride), 0);
            let sums = &mut sums[..range.len() * stride];
            let walk = self.patches.walk(range.clone());
            if unsigned {
                simd::bytes(isa, &self.panels, &self.unsigned, as_bytes, &walk, sums);
            } else if !simd::wide(isa, &self.panels, as_wide, &walk, sums) {
                vectorised(isa, Plain { layer: self, x: as_wide, walk, patch, sums });
            }
            let codes = &mut out.data_mut()[range.start * self.out..range.end * self.out];
            self.to.run(isa, sums, stride, self.out, codes);
        }
    }
}

/// The loop for any machine: one output at a time, its products side by side.
struct Plain<'a> {
    layer: &'a Dot,
    x: &'a [i16],
    walk: Walk<'a>,
    patch: &'a mut Vec<i16>,
    sums: &'a mut [i32],
}

impl Loop for Plain<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { layer: Dot { panels: Panels { run_quads, start, .. }, rows, .. }, x, walk, patch, sums } = self;
        let run = run_quads * QUAD;
        patch.resize(run * walk.runs, 0);
        for (p, sums) in sums.chunks_exact_mut(start.len()).enumerate() {
            let place = walk.place(walk.starts[p]);
            for (at, to) in patch.chunks_exact_mut(run).enumerate() {
                to.copy_from_slice(&x[place + at * walk.run_stride..][..run]);
            }
            for ((sum, start), row) in sums.iter_mut().zip(start).zip(rows.chunks_exact(patch.len())) {
                let products = patch.iter().zip(row).map(|(x, w)| i32::from(*x) * i32::from(*w));
                *sum = products.fold(*start, |sum, product| sum.wrapping_add(product));
            }
        }
    }
}
