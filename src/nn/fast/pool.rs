//! Layers that slide a window over each channel alone: depthwise convolution, maximum, mean. Lanes are channels.

use crate::bits::Isa;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{BitMap, Geometry, Layer};
use std::ops::Range;

/// Channels in a vector.
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
        // Without weights and borders, neighbouring outputs of stride 1 are one long row of channels.
        let flat = !matches!(fold, Fold::Weighted(..)) && g.window.stride[1] == 1 && !g.padded();
        let (mut p, mut done) = (pixels.start, 0);
        while p < pixels.end {
            let run = if flat { (g.ow - p % g.ow).min(pixels.end - p) } else { 1 };
            let at = At::new(g, *channels, p / g.ow, p % g.ow);
            let out = &mut out[done..done + run * *channels];
            (p, done) = (p + run, done + out.len());
            match fold {
                Fold::Weighted(weights, bias) => {
                    at.fold::<Weighted>(x, weights, out);
                    for (v, b) in out.iter_mut().zip(bias) {
                        *v += b;
                    }
                }
                Fold::Max if run > 1 => at.row::<Largest>(x, out),
                Fold::Max => at.fold::<Largest>(x, &[], out),
                Fold::Mean => {
                    if run > 1 {
                        at.row::<Sum>(x, out)
                    } else {
                        at.fold::<Sum>(x, &[], out)
                    }
                    let n = count(at.rows.len() * at.columns.len());
                    for v in out {
                        *v /= n;
                    }
                }
            }
        }
    }
}

/// One step of a fold over a window. A trait and not a closure, so that it is compiled with the loop around it.
trait Step {
    const START: f32;
    /// Whether it reads weights.
    const WEIGHTED: bool;
    /// Whether four vectors of channels at once are faster than one.
    const WIDE: bool;
    fn step(acc: f32, x: f32, w: f32) -> f32;
}

struct Weighted;
struct Largest;
struct Sum;

impl Step for Weighted {
    const START: f32 = 0.0;
    const WEIGHTED: bool = true;
    const WIDE: bool = true;
    #[inline(always)]
    fn step(acc: f32, x: f32, w: f32) -> f32 {
        acc + x * w
    }
}

impl Step for Largest {
    const START: f32 = f32::NEG_INFINITY;
    const WEIGHTED: bool = false;
    const WIDE: bool = false;
    #[inline(always)]
    fn step(acc: f32, x: f32, _: f32) -> f32 {
        if x > acc { x } else { acc }
    }
}

impl Step for Sum {
    const START: f32 = 0.0;
    const WEIGHTED: bool = false;
    const WIDE: bool = true;
    #[inline(always)]
    fn step(acc: f32, x: f32, _: f32) -> f32 {
        acc + x
    }
}

/// One output pixel, or the first of a row: the taps that fall inside.
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
        let ([_, kw], [sy, sx]) = (g.window.kernel, g.window.stride);
        let (y, x) = (oy * sy, ox * sx);
        let (rows, columns) = (g.rows().taps(oy), g.columns().taps(ox));
        Self { rows, columns, y, x, top: g.top, left: g.left, kw, iw: g.iw, channels }
    }

    /// Folds whole rows of values without weights, two taps at a time: a row of the output stays in the first-level cache.
    #[inline(always)]
    fn row<S: Step>(&self, x: &[f32], out: &mut [f32]) {
        let n = out.len();
        let (columns, mut first) = (self.columns.len(), true);
        for pair in 0..(self.rows.len() * columns).div_ceil(2) {
            let tap = |t: usize| &x[self.pixel(self.rows.start + t / columns, self.columns.start + t % columns)..][..n];
            let a = tap(2 * pair);
            let b = (2 * pair + 1 < self.rows.len() * columns).then(|| tap(2 * pair + 1));
            match (b, first) {
                (Some(b), true) => {
                    for i in 0..n {
                        out[i] = S::step(S::step(S::START, a[i], 0.0), b[i], 0.0);
                    }
                }
                (Some(b), false) => {
                    for i in 0..n {
                        out[i] = S::step(S::step(out[i], a[i], 0.0), b[i], 0.0);
                    }
                }
                (None, true) => {
                    for i in 0..n {
                        out[i] = S::step(S::START, a[i], 0.0);
                    }
                }
                (None, false) => {
                    for i in 0..n {
                        out[i] = S::step(out[i], a[i], 0.0);
                    }
                }
            }
            first = false;
        }
    }

    /// Folds the taps inside, channel by channel, as many channels at a time as stay in registers.
    #[inline(always)]
    fn fold<S: Step>(&self, x: &[f32], weights: &[f32], out: &mut [f32]) {
        let mut first = 0;
        while S::WIDE && first + 4 * LANES <= out.len() {
            first = self.lanes::<S, { 4 * LANES }>(x, weights, out, first);
        }
        while first + LANES <= out.len() {
            first = self.lanes::<S, LANES>(x, weights, out, first);
        }
        while first < out.len() {
            first = self.lanes::<S, 1>(x, weights, out, first);
        }
    }

    /// `L` channels from `first` on.
    #[inline(always)]
    fn lanes<S: Step, const L: usize>(&self, x: &[f32], weights: &[f32], out: &mut [f32], first: usize) -> usize {
        let mut acc = [S::START; L];
        for ky in self.rows.start..self.rows.end {
            for kx in self.columns.start..self.columns.end {
                let x = &x[self.pixel(ky, kx) + first..][..L];
                if S::WEIGHTED {
                    let w = &weights[(ky * self.kw + kx) * self.channels + first..][..L];
                    for i in 0..L {
                        acc[i] = S::step(acc[i], x[i], w[i]);
                    }
                } else {
                    for i in 0..L {
                        acc[i] = S::step(acc[i], x[i], 0.0);
                    }
                }
            }
        }
        out[first..first + L].copy_from_slice(&acc);
        first + L
    }

    /// Place of the first value that a tap inside reads.
    #[inline(always)]
    fn pixel(&self, ky: usize, kx: usize) -> usize {
        ((self.y + ky - self.top) * self.iw + self.x + kx - self.left) * self.channels
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
        for (ky, kx) in at.rows.clone().flat_map(|y| at.columns.clone().map(move |x| (y, x))) {
            out.iter_mut().zip(&x.words()[at.pixel(ky, kx)..]).for_each(|(o, v)| *o &= v);
        }
    }
}
