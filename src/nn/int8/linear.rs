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

/// Plain loops in the order of the formula.
pub(super) fn reference(layer: &Int8, x: &Map<i8>) -> Map<i8> {
    match layer {
        Int8::Conv { weights, bias, window, input_zero, to } => {
            conv(x, weights, bias, &geometry(*window, x.shape()), *input_zero, to)
        }
        Int8::Dense { weights, bias, input_zero, to } => conv(x, weights, bias, &whole(x.shape()), *input_zero, to),
        Int8::Depthwise { weights, multiplier, bias, window, input_zero, to } => {
            depthwise(x, weights, bias, *multiplier, &geometry(*window, x.shape()), *input_zero, to)
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

fn depthwise(
    x: &Map<i8>,
    weights: &[i8],
    bias: &[i32],
    multiplier: usize,
    g: &Geometry,
    zero: i32,
    to: &Requant,
) -> Map<i8> {
    let out = bias.len();
    let mut map = Map::zeros(Shape::new(g.oh, g.ow, out));
    for (place, pixel) in map.data_mut().chunks_exact_mut(out).enumerate() {
        for (o, code) in pixel.iter_mut().enumerate() {
            let mut sum = 0;
            for tap in 0..g.window.taps() {
                let (ky, kx) = (tap / g.window.kernel[1], tap % g.window.kernel[1]);
                let Some((y, x_)) = g.source(place / g.ow, place % g.ow, ky, kx) else { continue };
                sum += i32::from(weights[tap * out + o]) * (i32::from(x.pixel(y, x_)[o / multiplier]) - zero);
            }
            *code = to.code(o, sum + bias[o]);
        }
    }
    map
}
