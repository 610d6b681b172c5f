//! From the trained float network to an integer graph: signs of the weights and folded thresholds.
//!
//! After a convolution the float network computes y = (sum − mean) / deviation + beta in f32 and keeps sign(y). The sum is
//! an integer and y never falls as the sum grows (each f32 operation rounds monotonically, the deviation is positive), so
//! the sign is exactly `sum ≥ t` for the smallest integer `t` with y(t) ≥ 0. That `t` is found by bisection on the *same
//! f32 operations*, not from the real formula, so the integer graph and the float network agree without exception.
//! A maximum over sums commutes with the monotone map, so pooling the bits afterwards equals pooling the sums before.

use candle_core::Tensor;
use tinyprec::nn::{BitFilters, FilterSize, GraphSpec, Layer, Shape, SmallFilters, Thresholds, Window};

use crate::idx::{Res, SIDE};
use crate::net::{Block, EPSILON, Net};

/// The largest value that a first-layer pixel can take.
const PIXEL_MAX: i32 = 255;

/// The integer network: input 28 × 28 × 1 bytes, output ±1 features.
pub fn graph(net: &Net, name: &str, classes: &[u8], notes: &str) -> Res<GraphSpec> {
    let mut spec = GraphSpec::new(name, Shape::new(SIDE, SIDE, 1));
    spec.trained_classes = classes.iter().map(|&c| usize::from(c)).collect();
    spec.notes = notes.to_owned();
    for (i, block) in net.blocks.iter().enumerate() {
        let shape = block.shape;
        let size = FilterSize { out: shape.outputs, taps: shape.kernel * shape.kernel, ic: shape.inputs };
        let weights = signs(&block.latent.as_tensor().flatten_all()?)?;
        let window = Window::valid(shape.kernel, shape.stride);
        let layer = if i == 0 {
            Layer::InputConv { weights: SmallFilters::new(size, weights, shape.name)?, window, offset: 0 }
        } else {
            Layer::BinaryConv { weights: BitFilters::from_values(size, &weights, shape.name)?, window }
        };
        let bound = i32::try_from(size.fan_in())? * if i == 0 { PIXEL_MAX } else { 1 };
        let values = thresholds(block, bound)?;
        spec = spec.then(shape.name, layer);
        let name = format!("{}.sign", shape.name);
        spec = spec.then(&name, Layer::Threshold(Thresholds::new(1, values, Vec::new(), &name)?));
        if shape.pool {
            spec = spec.then(&format!("{}.pool", shape.name), Layer::MaxPoolBits { window: Window::valid(2, 2) });
        }
    }
    Ok(spec)
}

/// sign of each value, sign(0) = +1, as [`crate::ste::hard_sign`] takes it.
fn signs(latent: &Tensor) -> Res<Vec<i8>> {
    Ok(latent.to_vec1::<f32>()?.iter().map(|&w| if w >= 0.0 { 1 } else { -1 }).collect())
}

/// For each output, the smallest integer sum in ±`bound` whose sign is +1, or `bound` + 1 if there is none.
fn thresholds(block: &Block, bound: i32) -> Res<Vec<i32>> {
    let mean = block.mean.to_vec1::<f32>()?;
    let deviation = (&block.variance + EPSILON)?.sqrt()?.to_vec1::<f32>()?;
    let beta = block.beta.as_tensor().to_vec1::<f32>()?;
    let channels = mean.iter().zip(&deviation).zip(&beta);
    Ok(channels.map(|((m, d), b)| first_positive(bound, |sum| (sum - m) / d + b >= 0.0)).collect())
}

/// The smallest integer in ±`bound` for which the monotone `positive` holds, or `bound` + 1.
fn first_positive(bound: i32, positive: impl Fn(f32) -> bool) -> i32 {
    let (mut low, mut high) = (-bound, bound + 1);
    while low < high {
        let middle = low + (high - low).div_euclid(2);
        // Sums are below 2^24, so they are exact in f32.
        if positive(middle as f32) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
