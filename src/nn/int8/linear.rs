//! Convolutions and dense layers over 8-bit codes.

use super::super::error::{NnError, check_len};
use super::super::infer::Cx;
use super::super::run::{geometry, whole};
use super::super::{Geometry, Map, Shape, SmallFilters};
use super::{Int8, Requant};

/// What the sums of one layer are made of, for checks.
pub(super) struct Linear<'a> {
    pub out: usize,
    pub weights: &'a [i8],
    pub bias: &'a [i32],
    pub input_zero: i32,
    pub to: &'a Requant,
    /// Whether an output's weights lie side by side, or every `out`-th one is its.
    pub by_row: bool,
}

impl Linear<'_> {
    /// Lengths, zero points, and that no sum can leave 32 bits.
    pub(super) fn check(&self, cx: &Cx<'_>) -> Result<(), NnError> {
        cx.code("input_zero", self.input_zero)?;
        cx.code("zero", self.to.zero)?;
        check_len(&cx.part("bias"), self.bias.len(), self.out)?;
        if self.to.factors.len() != 1 {
            check_len(&cx.part("factor"), self.to.factors.len(), self.out)?;
        }
        cx.fits_i32(self.bound())
    }

    /// Largest magnitude of any output's sum: `255·Σ|w| + |bias|`.
    fn bound(&self) -> u128 {
        let fan_in = (self.weights.len() / self.out.max(1)).max(1);
        let mut sums: Vec<u128> = self.bias.iter().map(|b| u128::from(b.unsigned_abs())).collect();
        for (i, w) in self.weights.iter().enumerate() {
            sums[if self.by_row { i / fan_in } else { i % self.out }] += u128::from(w.unsigned_abs()) * 255;
        }
        sums.into_iter().max().unwrap_or(0)
    }
}

/// Depthwise weights as the fast loop wants them: 32 bits wide.
#[derive(Debug, Clone)]
pub(crate) struct PreparedInt8 {
    weights: Vec<i32>,
}

impl PreparedInt8 {
    /// `None` for layers of another kind.
    pub(crate) fn new(layer: &Int8) -> Option<Self> {
        match layer {
            Int8::Depthwise { weights, multiplier: 1, .. } => {
                Some(Self { weights: weights.iter().map(|w| i32::from(*w)).collect() })
            }
            _ => None,
        }
    }
}

/// Plain loops in the order of the formula.
pub(super) fn reference(layer: &Int8, x: &Map<i8>) -> Map<i8> {
    match layer {
        Int8::Conv { weights, bias, window, input_zero, to } => {
            conv(x, weights, bias, &geometry(*window, x.shape()), *input_zero, to)
        }
        Int8::Dense { weights, bias, input_zero, to } => conv(x, weights, bias, &whole(x.shape()), *input_zero, to),
        Int8::Depthwise { weights, multiplier, bias, window, input_zero, to } => {
            let g = geometry(*window, x.shape());
            depthwise(x, &g, bias.len(), *input_zero, |sums, tap, pixel| {
                for (o, sum) in sums.iter_mut().enumerate() {
                    *sum += i32::from(weights[tap * bias.len() + o]) * pixel[o / multiplier];
                }
            })
            .codes(bias, to)
        }
        _ => unreachable!("a layer with weights"),
    }
}

fn conv(x: &Map<i8>, weights: &SmallFilters, bias: &[i32], g: &Geometry, zero: i32, to: &Requant) -> Map<i8> {
    let ic = x.shape().c;
    let mut map = Map::zeros(Shape::new(g.oh, g.ow, bias.len()));
    for (place, pixel) in map.data_mut().chunks_exact_mut(bias.len()).enumerate() {
        let (oy, ox) = (place / g.ow, place % g.ow);
        for (o, code) in pixel.iter_mut().enumerate() {
            let mut sum = 0;
            for (tap, row) in weights.row(o).chunks_exact(ic).enumerate() {
                let Some((y, x_)) = g.source(oy, ox, tap / g.window.kernel[1], tap % g.window.kernel[1]) else {
                    continue;
                };
                for (v, w) in x.pixel(y, x_).iter().zip(row) {
                    sum += i32::from(*w) * (i32::from(*v) - zero);
                }
            }
            *code = to.code(o, sum + bias[o]);
        }
    }
    map
}

/// Sums of one layer before the bias.
struct Sums(Map<i32>);

impl Sums {
    fn codes(self, bias: &[i32], to: &Requant) -> Map<i8> {
        let sums = self.0.data().iter().enumerate();
        super::mapped(self.0.shape(), sums.map(|(i, s)| to.code(i % bias.len(), s + bias[i % bias.len()])))
    }
}

fn depthwise(x: &Map<i8>, g: &Geometry, out: usize, zero: i32, add: impl Fn(&mut [i32], usize, &[i32])) -> Sums {
    let mut map = Map::zeros(Shape::new(g.oh, g.ow, out));
    let mut centred = vec![0; x.shape().c];
    for (place, sums) in map.data_mut().chunks_exact_mut(out).enumerate() {
        for tap in 0..g.window.taps() {
            let (ky, kx) = (tap / g.window.kernel[1], tap % g.window.kernel[1]);
            let Some((y, x_)) = g.source(place / g.ow, place % g.ow, ky, kx) else { continue };
            centred.iter_mut().zip(x.pixel(y, x_)).for_each(|(c, v)| *c = i32::from(*v) - zero);
            add(sums, tap, &centred);
        }
    }
    Sums(map)
}

/// The same sums of a depthwise layer, all channels of a tap at once.
pub(super) fn fast(layer: &Int8, prepared: &PreparedInt8, x: &Map<i8>) -> Map<i8> {
    match layer {
        Int8::Depthwise { multiplier: 1, bias, window, input_zero, to, .. } => {
            let g = geometry(*window, x.shape());
            depthwise(x, &g, bias.len(), *input_zero, |sums, tap, pixel| {
                let row = &prepared.weights[tap * bias.len()..][..bias.len()];
                for ((sum, w), v) in sums.iter_mut().zip(row).zip(pixel) {
                    *sum += w * v;
                }
            })
            .codes(bias, to)
        }
        _ => reference(layer, x),
    }
}
