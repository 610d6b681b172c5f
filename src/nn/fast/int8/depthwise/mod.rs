//! Depthwise convolutions over 8-bit codes, one filter a channel: lanes are channels.

mod bytes;
#[allow(unsafe_code)]
mod simd;

use super::dot::Layer8;
use super::requant::{Codes, LANES};
use super::window::WindowScratch;
use crate::bits::{Isa, Walk};
use crate::nn::fast::pad::Patches;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Geometry, Map};
use bytes::Bytes;

/// Sums of a block: they stay in the first-level cache.
const BLOCK_SUMS: usize = 4096;

/// A depthwise convolution with one filter a channel.
#[derive(Debug, Clone)]
pub(super) struct Depthwise {
    bytes: Option<Box<Bytes>>,
    /// By tap and channel, channels filled up to whole vectors with weights of 0.
    weights: Vec<i16>,
    bias: Vec<i32>,
    zero: i16,
    taps: [usize; 2],
    channels: usize,
    patches: Patches,
    to: Codes,
}

impl Depthwise {
    /// `None` where the border makes the map absurdly large.
    pub(super) fn new(layer: &Layer8<'_>, g: &Geometry) -> Option<Self> {
        let channels = layer.bias.len();
        let padded = channels.div_ceil(LANES) * LANES;
        let patches = Patches::new(g, channels)?;
        let mut bias = layer.bias.to_vec();
        bias.resize(padded, 0);
        let mut weights = vec![0; g.window.taps() * padded];
        for (tap, row) in layer.weights.chunks_exact(channels).enumerate() {
            for (c, w) in row.iter().enumerate() {
                weights[tap * padded + c] = i16::from(*w);
            }
        }
        let to = Codes::new(layer.to, channels, bound(layer));
        let zero = i16::try_from(layer.zero).ok()?;
        let bytes = Bytes::new(layer, g).map(Box::new);
        Some(Self { bytes, weights, bias, zero, taps: g.window.kernel, channels, patches, to })
    }

    /// Codes of the whole map.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut WindowScratch, out: &mut Map<i8>) {
        if let Some(bytes) = self.bytes.as_deref().filter(|_| simd::takes_bytes(isa)) {
            return bytes.run(isa, x, scratch, out);
        }
        let WindowScratch { padded, sums, .. } = scratch;
        let x = self.patches.rows(padded, 0, |at, row| {
            row.iter_mut().zip(&x.data()[at..]).for_each(|(to, v)| *to = i16::from(*v) - self.zero);
        });
        let stride = self.bias.len();
        let n = (BLOCK_SUMS / stride).max(1);
        for first in (0..self.patches.pixels()).step_by(n) {
            let range = first..(first + n).min(self.patches.pixels());
            sums.resize(sums.len().max(range.len() * stride), 0);
            let sums = &mut sums[..range.len() * stride];
            let walk = self.patches.walk(range.clone());
            vectorised(isa, Taps { layer: self, x, walk, sums });
            let codes = &mut out.data_mut()[range.start * self.channels..range.end * self.channels];
            self.to.run(isa, sums, stride, self.channels, codes);
        }
    }
}

/// What no sum exceeds.
fn bound(layer: &Layer8<'_>) -> u64 {
    let mut sizes: Vec<u64> = layer.bias.iter().map(|b| u64::from(b.unsigned_abs())).collect();
    for row in layer.weights.chunks_exact(layer.bias.len()) {
        sizes.iter_mut().zip(row).for_each(|(size, w)| *size += u64::from(w.unsigned_abs()) * 255);
    }
    sizes.into_iter().max().unwrap_or(0)
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
