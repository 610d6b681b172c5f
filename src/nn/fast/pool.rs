//! Layers that slide a window over each channel alone: depthwise convolution, maximum, mean. Lanes are channels.

use crate::bits::Isa;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{BitMap, Geometry, Layer};
use std::ops::Range;

/// Channels whose results stay in registers together.
const LANES: usize = 16;

/// What is done with a window's values, in order (ky, kx).
#[derive(Debug, Clone)]
enum Fold {
    /// Σ w·x, then the bias: weights by tap and channel, bias by channel, or 0.
    Weighted(Vec<f32>, Vec<f32>),
    /// The largest.
    Max,
    /// The sum, divided by the number of taps inside.
    Mean,
}

/// A window over every channel of a float map.
#[derive(Debug, Clone)]
pub(super) struct Windowed {
    g: Geometry,
    channels: usize,
    fold: Fold,
}

impl Windowed {
    /// `None` for layers of another kind.
    pub(super) fn new(layer: &Layer, channels: usize, g: Geometry) -> Option<Self> {
        let fold = match layer {
            Layer::DepthwiseConv { weights, bias, .. } => {
                let bias = if bias.is_empty() { vec![0.0; channels] } else { bias.clone() };
                Fold::Weighted(weights.clone(), bias)
            }
            Layer::MaxPool { .. } => Fold::Max,
            Layer::AvgPool { .. } | Layer::GlobalAvgPool => Fold::Mean,
            _ => return None,
        };
        Some(Self { g, channels, fold })
    }

    /// Output pixels.
    pub(super) fn pixels(&self) -> usize {
        self.g.oh * self.g.ow
    }

    /// Results of these output pixels.
    pub(super) fn block(&self, isa: Isa, x: &[f32], pixels: Range<usize>, out: &mut [f32]) {
        vectorised(isa, Block { layer: self, x, pixels, out });
    }
}

struct Block<'a> {
    layer: &'a Windowed,
    x: &'a [f32],
    pixels: Range<usize>,
    out: &'a mut [f32],
}

impl Loop for Block<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { layer: Windowed { g, channels, fold }, x, pixels, out } = self;
        for (p, out) in pixels.zip(out.chunks_exact_mut(*channels)) {
            let at = At::new(g, *channels, p / g.ow, p % g.ow);
            match fold {
                Fold::Weighted(weights, bias) => {
                    at.fold(x, out, 0.0, |sum, v, tap, c| sum + v * weights[tap * *channels + c]);
                    out.iter_mut().zip(bias).for_each(|(v, b)| *v += b);
                }
                Fold::Max => at.fold(x, out, f32::NEG_INFINITY, |max, v, _, _| if v > max { v } else { max }),
                Fold::Mean => {
                    at.fold(x, out, 0.0, |sum, v, _, _| sum + v);
                    let n = count(at.rows.len() * at.columns.len());
                    out.iter_mut().for_each(|v| *v /= n);
                }
            }
        }
    }
}

/// One output pixel: the taps that fall inside.
struct At {
    rows: Range<usize>,
    columns: Range<usize>,
    /// Of tap (0, 0), should it be inside.
    y: usize,
    x: usize,
    top: usize,
    left: usize,
    kw: usize,
    iw: usize,
    channels: usize,
}

impl At {
    #[inline(always)]
    fn new(g: &Geometry, channels: usize, oy: usize, ox: usize) -> Self {
        let ([kh, kw], [sy, sx]) = (g.window.kernel, g.window.stride);
        let (y, x) = (oy * sy, ox * sx);
        let rows = g.top.saturating_sub(y)..(g.ih + g.top).saturating_sub(y).min(kh);
        let columns = g.left.saturating_sub(x)..(g.iw + g.left).saturating_sub(x).min(kw);
        Self { rows, columns, y, x, top: g.top, left: g.left, kw, iw: g.iw, channels }
    }

    /// Folds the taps inside, channel by channel, sixteen channels in registers at a time.
    #[inline(always)]
    fn fold(&self, x: &[f32], out: &mut [f32], start: f32, f: impl Fn(f32, f32, usize, usize) -> f32) {
        let mut first = 0;
        let (whole, rest) = out.as_chunks_mut::<LANES>();
        for lanes in whole {
            let mut acc = [start; LANES];
            self.taps(|tap, pixel| {
                let x = &x[pixel + first..][..LANES];
                for (i, (acc, v)) in acc.iter_mut().zip(x).enumerate() {
                    *acc = f(*acc, *v, tap, first + i);
                }
            });
            *lanes = acc;
            first += LANES;
        }
        rest.fill(start);
        if !rest.is_empty() {
            self.taps(|tap, pixel| {
                for (i, (acc, v)) in rest.iter_mut().zip(&x[pixel + first..]).enumerate() {
                    *acc = f(*acc, *v, tap, first + i);
                }
            });
        }
    }

    /// Each tap inside with the place of its pixel's first value.
    #[inline(always)]
    fn taps(&self, mut f: impl FnMut(usize, usize)) {
        for ky in self.rows.clone() {
            let line = (self.y + ky - self.top) * self.iw;
            for kx in self.columns.clone() {
                f(ky * self.kw + kx, (line + self.x + kx - self.left) * self.channels);
            }
        }
    }
}

/// A count of pixels as f32, exact below 2^24 and rounded to nearest above.
#[allow(clippy::cast_precision_loss, reason = "nearest is what a division by the count needs")]
fn count(n: usize) -> f32 {
    n as f32
}

/// Maximum of packed values by AND of words: bit 0 is +1, and planes nest.
pub(super) fn max_pool_bits(x: &BitMap, g: &Geometry, out: &mut BitMap) {
    let n = out.pixel_words();
    for (pixel_idx, out) in out.words_mut().chunks_exact_mut(n).enumerate() {
        let at = At::new(g, n, pixel_idx / g.ow, pixel_idx % g.ow);
        out.fill(u64::MAX);
        at.taps(|_, pixel| out.iter_mut().zip(&x.words()[pixel..]).for_each(|(o, v)| *o &= v));
    }
}
