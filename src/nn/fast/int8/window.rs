//! 8-bit layers that slide a window over each channel alone: depthwise convolution, pools, mean. Lanes are channels.

use super::dot::Layer8;
use super::requant::{Codes, LANES};
use crate::bits::{Isa, Walk};
use crate::nn::fast::pad::Patches;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Geometry, Map, Requant};

/// Sums of a block: they stay in the first-level cache.
const BLOCK_SUMS: usize = 4096;

/// A depthwise convolution with one filter a channel.
#[derive(Debug, Clone)]
pub(super) struct Depthwise {
    /// By tap and channel, channels filled up to whole vectors with weights of 0.
    weights: Vec<i16>,
    bias: Vec<i32>,
    zero: i16,
    taps: [usize; 2],
    channels: usize,
    patches: Patches,
    to: Codes,
}

/// Buffers of one call.
#[derive(Debug, Default)]
pub(super) struct WindowScratch {
    padded: Vec<i16>,
    starts: Vec<u32>,
    sums: Vec<i32>,
}

impl Depthwise {
    /// `None` where the border makes the map absurdly large.
    pub(super) fn new(layer: &Layer8<'_>, g: &Geometry) -> Option<Self> {
        let channels = layer.bias.len();
        let padded = channels.div_ceil(LANES) * LANES;
        let patches = Patches::new(g, channels)?;
        let mut bias = layer.bias.to_vec();
        bias.resize(padded, 0);
        let mut sizes: Vec<u64> = layer.bias.iter().map(|b| u64::from(b.unsigned_abs())).collect();
        let mut weights = vec![0; g.window.taps() * padded];
        for (tap, row) in layer.weights.chunks_exact(channels).enumerate() {
            for (c, w) in row.iter().enumerate() {
                weights[tap * padded + c] = i16::from(*w);
                sizes[c] += u64::from(w.unsigned_abs()) * 255;
            }
        }
        let to = Codes::new(layer.to, channels, sizes.into_iter().max().unwrap_or(0));
        let zero = i16::try_from(layer.zero).ok()?;
        Some(Self { weights, bias, zero, taps: g.window.kernel, channels, patches, to })
    }

    /// Codes of the whole map.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut WindowScratch, out: &mut Map<i8>) {
        let WindowScratch { padded, starts, sums } = scratch;
        let x = self.patches.rows(padded, 0, |at, row| {
            row.iter_mut().zip(&x.data()[at..]).for_each(|(to, v)| *to = i16::from(*v) - self.zero);
        });
        let stride = self.bias.len();
        let n = (BLOCK_SUMS / stride).max(1);
        for first in (0..self.patches.pixels()).step_by(n) {
            let range = first..(first + n).min(self.patches.pixels());
            sums.resize(sums.len().max(range.len() * stride), 0);
            let sums = &mut sums[..range.len() * stride];
            let walk = self.patches.walk(range.clone(), starts);
            vectorised(isa, Taps { layer: self, x, walk, sums });
            let codes = &mut out.data_mut()[range.start * self.channels..range.end * self.channels];
            self.to.run(isa, sums, stride, self.channels, codes);
        }
    }
}

struct Taps<'a> {
    layer: &'a Depthwise,
    x: &'a [i16],
    walk: Walk<'a>,
    sums: &'a mut [i32],
}

impl Loop for Taps<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { layer: Depthwise { weights, bias, taps: [kh, kw], channels, .. }, x, walk, sums } = self;
        let stride = bias.len();
        for (p, sums) in sums.chunks_exact_mut(stride).enumerate() {
            let place = walk.place(walk.starts[p]);
            for first in (0..stride).step_by(LANES) {
                let mut acc: [i32; LANES] = bias[first..].first_chunk().copied().expect("whole vectors");
                for ky in 0..*kh {
                    for kx in 0..*kw {
                        let x = &x[place + ky * walk.run_stride + kx * channels + first..][..LANES];
                        let w = &weights[(ky * kw + kx) * stride + first..][..LANES];
                        for l in 0..LANES {
                            acc[l] += i32::from(x[l]) * i32::from(w[l]);
                        }
                    }
                }
                sums[first..first + LANES].copy_from_slice(&acc);
            }
        }
    }
}

/// A pool over a window.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub g: Geometry,
    /// The mean, or the maximum.
    pub mean: bool,
    pub range: [i8; 2],
}

impl Pool {
    /// Codes of the whole map.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut WindowScratch, out: &mut Map<i8>) {
        let sums = &mut scratch.sums;
        sums.resize(sums.len().max(x.shape().c), 0);
        let sums = &mut sums[..x.shape().c];
        vectorised(isa, Pixels { pool: self, x, sums, out: out.data_mut() });
    }
}

struct Pixels<'a> {
    pool: &'a Pool,
    x: &'a Map<i8>,
    sums: &'a mut [i32],
    out: &'a mut [i8],
}

impl Loop for Pixels<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pool: Pool { g, mean, range: [low, high] }, x, sums, out } = self;
        let ([sy, sx], channels) = (g.window.stride, sums.len());
        for (place, out) in out.chunks_exact_mut(channels).enumerate() {
            let (oy, ox) = (place / g.ow, place % g.ow);
            let (rows, columns) = (g.rows().taps(oy), g.columns().taps(ox));
            let taps = rows.len() * columns.len();
            out.fill(i8::MIN);
            sums.fill(0);
            for ky in rows {
                for kx in columns.clone() {
                    let pixel = x.pixel(oy * sy + ky - g.top, ox * sx + kx - g.left);
                    if *mean {
                        for c in 0..channels {
                            sums[c] += i32::from(pixel[c]);
                        }
                    } else {
                        for c in 0..channels {
                            out[c] = out[c].max(pixel[c]);
                        }
                    }
                }
            }
            if *mean {
                let n = i32::try_from(taps).expect("a window has at most 2^24 taps");
                for (out, sum) in out.iter_mut().zip(sums.iter()) {
                    *out = crate::nn::int8::rounded_mean(*sum, n);
                }
            }
            for code in out {
                *code = (*code).max(*low).min(*high);
            }
        }
    }
}

/// The mean of all pixels.
#[derive(Debug, Clone)]
pub(super) struct Mean {
    zero: i32,
    to: Codes,
}

impl Mean {
    pub(super) fn new(zero: i32, to: &Requant, pixels: usize, channels: usize) -> Self {
        let bound = u64::try_from(pixels).unwrap_or(u64::MAX).saturating_mul(255);
        Self { zero, to: Codes::new(to, channels, bound) }
    }

    /// Codes of the one pixel.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut WindowScratch, out: &mut Map<i8>) {
        let channels = x.shape().c;
        let sums = &mut scratch.sums;
        sums.clear();
        sums.resize(channels, 0);
        vectorised(isa, Total { x: x.data(), zero: self.zero, sums });
        self.to.run(isa, sums, channels, channels, out.data_mut());
    }
}

struct Total<'a> {
    x: &'a [i8],
    zero: i32,
    sums: &'a mut [i32],
}

impl Loop for Total<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { x, zero, sums } = self;
        for pixel in x.chunks_exact(sums.len()) {
            for c in 0..sums.len() {
                sums[c] += i32::from(pixel[c]) - zero;
            }
        }
    }
}
