//! Float layers, in f32, each sum in one stated order and without fused multiply-add.
//!
//! This file defines the bits; every other path, on any number of threads, must give the same. The order is the plainest one
//! and costs a SIMD kernel nothing: an output's sum starts at +0 and takes its terms one after the other in (ky, kx, channel)
//! order, each product rounded before it is added, the bias last. Different outputs do not touch each other, so a kernel
//! vectorises over output channels (or pixels) with a multiply and an add a term. Taps outside of the map are left out; a
//! kernel that pads with +0 gives the same bits, for such a sum is never −0 and adding ±0 changes no other. Fused multiply-add
//! is not used: a core without it would need a library call a term.

use super::{BitFilters, BitMap, Geometry, Map, Shape};
use crate::numeric::elementary::{exp_f32, softmax_f32};

/// `x·mul[c] + add[c]` of values that are exact in f32 or already f32.
pub fn affine(x: Vec<f32>, shape: Shape, mul: &[f32], add: &[f32]) -> Map<f32> {
    let mut map = Map::zeros(shape);
    let pixels = map.data_mut().chunks_exact_mut(shape.c).zip(x.chunks_exact(shape.c));
    for (out, pixel) in pixels {
        for (c, (y, v)) in out.iter_mut().zip(pixel).enumerate() {
            *y = v * mul[c] + add[c];
        }
    }
    map
}

/// x, or +0 where x < 0.
pub fn relu(mut x: Map<f32>) -> Map<f32> {
    x.data_mut().iter_mut().filter(|v| **v < 0.0).for_each(|v| *v = 0.0);
    x
}

/// x where x ≥ 0, `alpha[c]·x` below.
pub fn prelu(mut x: Map<f32>, alpha: &[f32]) -> Map<f32> {
    let channels = x.shape().c;
    for (i, v) in x.data_mut().iter_mut().enumerate() {
        if *v < 0.0 {
            *v *= alpha[i % channels];
        }
    }
    x
}

/// −1 iff x < 0.
pub fn sign(x: &Map<f32>) -> BitMap {
    let shape = x.shape();
    let mut map = BitMap::ones(shape, 1);
    for (i, _) in x.data().iter().enumerate().filter(|(_, v)| **v < 0.0) {
        map.set_negative(i / shape.c / shape.w, i / shape.c % shape.w, i % shape.c, 0);
    }
    map
}

/// `x + bias[c]`.
pub fn bias(mut x: Map<f32>, bias: &[f32]) -> Map<f32> {
    for pixel in x.data_mut().chunks_exact_mut(bias.len()) {
        pixel.iter_mut().zip(bias).for_each(|(v, b)| *v += b);
    }
    x
}

/// `1 / (1 + exp(−x))`.
pub fn sigmoid(mut x: Map<f32>) -> Map<f32> {
    x.data_mut().iter_mut().for_each(|v| *v = 1.0 / (1.0 + exp_f32(-*v)));
    x
}

/// `2 / (1 + exp(−2x)) − 1`: within 2^−23 of tanh x, ±1 far from 0.
pub fn tanh(mut x: Map<f32>) -> Map<f32> {
    x.data_mut().iter_mut().for_each(|v| *v = 2.0 / (1.0 + exp_f32(-2.0 * *v)) - 1.0);
    x
}

/// `x·min(max(x + 3, 0), 6) / 6`.
pub fn hard_swish(mut x: Map<f32>) -> Map<f32> {
    x.data_mut().iter_mut().for_each(|v| *v = *v * (*v + 3.0).clamp(0.0, 6.0) / 6.0);
    x
}

/// min(max(x, low), high).
pub fn clamp(mut x: Map<f32>, low: f32, high: f32) -> Map<f32> {
    x.data_mut().iter_mut().for_each(|v| *v = v.max(low).min(high));
    x
}

/// Each pixel's channels to probabilities.
pub fn softmax(x: &Map<f32>) -> Map<f32> {
    let mut map = Map::zeros(x.shape());
    let channels = x.shape().c;
    for (logits, out) in x.data().chunks_exact(channels).zip(map.data_mut().chunks_exact_mut(channels)) {
        softmax_f32(logits, out);
    }
    map
}

/// Each pixel times the gate.
pub fn gate(mut x: Map<f32>, gate: &Map<f32>) -> Map<f32> {
    for pixel in x.data_mut().chunks_exact_mut(gate.data().len()) {
        pixel.iter_mut().zip(gate.data()).for_each(|(v, g)| *v *= g);
    }
    x
}

/// Channels of maps of one size, one after the other.
pub fn concat<T: Copy + Default>(maps: &[&Map<T>]) -> Map<T> {
    let Shape { h, w, .. } = maps[0].shape();
    let mut data = Vec::with_capacity(maps.iter().map(|m| m.data().len()).sum());
    for i in 0..h * w {
        maps.iter().for_each(|m| data.extend_from_slice(m.pixel(i / w, i % w)));
    }
    Map::new(Shape::new(h, w, maps.iter().map(|m| m.shape().c).sum()), data).expect("every channel of every pixel")
}

/// Some neighbouring channels.
pub fn slice(x: &Map<f32>, start: usize, len: usize) -> Map<f32> {
    let Shape { h, w, c } = x.shape();
    let data = x.data().chunks_exact(c).flat_map(|pixel| &pixel[start..start + len]).copied().collect();
    Map::new(Shape::new(h, w, len), data).expect("every pixel's slice")
}

/// The second map added to the last channels of the first.
pub fn add_last(mut x: Map<f32>, tail: &Map<f32>) -> Map<f32> {
    let (c, t) = (x.shape().c, tail.shape().c);
    for (pixel, add) in x.data_mut().chunks_exact_mut(c).zip(tail.data().chunks_exact(t)) {
        pixel[c - t..].iter_mut().zip(add).for_each(|(v, a)| *v += a);
    }
    x
}

/// `Σₘ coefficients[m, c]·float(x[m·c_out + c])`, m ascending.
#[allow(clippy::cast_precision_loss, reason = "rounding to nearest even is what the layer documents")]
pub fn combine_bases(x: &Map<i32>, bases: usize, coefficients: &[f32]) -> Map<f32> {
    let Shape { h, w, c } = x.shape();
    let out = c / bases;
    let mut map = Map::zeros(Shape::new(h, w, out));
    for (sums, pixel) in map.data_mut().chunks_exact_mut(out).zip(x.data().chunks_exact(c)) {
        for (terms, by) in pixel.chunks_exact(out).zip(coefficients.chunks_exact(out)) {
            sums.iter_mut().zip(terms).zip(by).for_each(|((s, v), b)| *s += *v as f32 * b);
        }
    }
    map
}

/// ±1 weights under real inputs: Σ ±x in order (ky, kx, channel).
pub fn sign_conv(x: &Map<f32>, weights: &BitFilters, g: &Geometry) -> Map<f32> {
    let size = weights.size();
    let signs: Vec<f32> = weights.values().iter().map(|w| f32::from(*w)).collect();
    conv(x, &signs, size.out, &[], g)
}

/// Convolution; `weights` in order (output, ky, kx, channel), sums in that order, then the bias.
pub fn conv(x: &Map<f32>, weights: &[f32], out: usize, bias: &[f32], g: &Geometry) -> Map<f32> {
    let ic = x.shape().c;
    let fan_in = g.window.taps() * ic;
    let mut map = Map::zeros(Shape::new(g.oh, g.ow, out));
    for (pixel_idx, pixel) in map.data_mut().chunks_exact_mut(out).enumerate() {
        let (oy, ox) = (pixel_idx / g.ow, pixel_idx % g.ow);
        for (o, y) in pixel.iter_mut().enumerate() {
            let mut acc = 0.0;
            for (tap, row) in weights[o * fan_in..][..fan_in].chunks_exact(ic).enumerate() {
                let Some((sy, sx)) = g.source(oy, ox, tap / g.window.kernel[1], tap % g.window.kernel[1]) else {
                    continue;
                };
                for (v, w) in x.pixel(sy, sx).iter().zip(row) {
                    acc += v * w;
                }
            }
            *y = acc + bias.get(o).copied().unwrap_or(0.0);
        }
    }
    map
}

/// Each channel under its own kernel; `weights` in order (ky, kx, channel).
pub fn depthwise(x: &Map<f32>, weights: &[f32], bias: &[f32], g: &Geometry) -> Map<f32> {
    let channels = x.shape().c;
    let mut map = over_windows(x, g, 0.0, |acc, v, tap, c| acc + v * weights[tap * channels + c]);
    for (i, v) in map.data_mut().iter_mut().enumerate() {
        *v += bias.get(i % channels).copied().unwrap_or(0.0);
    }
    map
}

/// Maximum over the window.
pub fn max_pool(x: &Map<f32>, g: &Geometry) -> Map<f32> {
    over_windows(x, g, f32::NEG_INFINITY, |acc, v, _, _| if v > acc { v } else { acc })
}

/// Mean over the taps inside the map.
pub fn avg_pool(x: &Map<f32>, g: &Geometry) -> Map<f32> {
    let channels = x.shape().c;
    let mut map = over_windows(x, g, 0.0, |acc, v, _, _| acc + v);
    for (pixel_idx, pixel) in map.data_mut().chunks_exact_mut(channels).enumerate() {
        let (oy, ox) = (pixel_idx / g.ow, pixel_idx % g.ow);
        let taps = (0..g.window.taps()).map(|t| (t / g.window.kernel[1], t % g.window.kernel[1]));
        let inside = taps.filter(|(ky, kx)| g.source(oy, ox, *ky, *kx).is_some()).count();
        for v in pixel {
            *v /= count(inside);
        }
    }
    map
}

/// Mean over all pixels.
pub fn global_avg_pool(x: &Map<f32>) -> Map<f32> {
    let mut map = Map::zeros(Shape::new(1, 1, x.shape().c));
    for pixel in x.data().chunks_exact(x.shape().c) {
        for (sum, v) in map.data_mut().iter_mut().zip(pixel) {
            *sum += v;
        }
    }
    for v in map.data_mut() {
        *v /= count(x.shape().pixels());
    }
    map
}

/// A dense layer is a convolution whose kernel is the whole map.
pub fn dense(x: &Map<f32>, weights: &[f32], out: usize, bias: &[f32]) -> Map<f32> {
    let Shape { h, w, .. } = x.shape();
    let window = super::Window { kernel: [h, w], ..super::Window::valid(1, 1) };
    let g = Geometry { window, ih: h, iw: w, oh: 1, ow: 1, top: 0, left: 0 };
    conv(x, weights, out, bias, &g)
}

/// Folds each channel over the taps inside the map, in order (ky, kx).
fn over_windows(x: &Map<f32>, g: &Geometry, start: f32, fold: impl Fn(f32, f32, usize, usize) -> f32) -> Map<f32> {
    let channels = x.shape().c;
    let mut map = Map::zeros(Shape::new(g.oh, g.ow, channels));
    for (pixel_idx, pixel) in map.data_mut().chunks_exact_mut(channels).enumerate() {
        let (oy, ox) = (pixel_idx / g.ow, pixel_idx % g.ow);
        pixel.fill(start);
        for tap in 0..g.window.taps() {
            let Some((sy, sx)) = g.source(oy, ox, tap / g.window.kernel[1], tap % g.window.kernel[1]) else { continue };
            for (c, (acc, v)) in pixel.iter_mut().zip(x.pixel(sy, sx)).enumerate() {
                *acc = fold(*acc, *v, tap, c);
            }
        }
    }
    map
}

/// A count of pixels as f32, exact below 2^24 and rounded to nearest above.
#[allow(clippy::cast_precision_loss, reason = "nearest is what a division by the count needs")]
fn count(n: usize) -> f32 {
    n as f32
}
