//! AlexNet's descendants: XNOR-Net (Rastegari et al. 2016) and Binary AlexNet (Hubara et al. 2016).

use super::builder::{Builder, Conv, Norm, Value};
use crate::nn::{Layer, NO_CLAMP, NnError, Shape, Window};

/// Batch normalisation without gamma.
const fn shift(eps: f32) -> Norm {
    Norm { gamma: false, beta: true, eps }
}

/// XNOR-Net: first and last layer float, filters scaled by their mean magnitude, no scaling of inputs.
pub fn xnornet(b: &mut Builder<'_>) -> Result<(), NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let x = b.conv("conv2d", x, Conv::same(11, 4, 96))?;
    let name = b.number("batch_normalization");
    let x = b.norm(&name, x, shift(1e-5))?;
    let x = b.relu("activation", x)?;
    let name = b.number("max_pooling2d");
    let x = b.max_pool(&name, x, Window::valid(3, 2))?;
    let name = b.number("batch_normalization");
    let mut x = b.norm(&name, x, shift(1e-4))?;
    let layers = [
        (Conv::same(5, 1, 256), true, 1e-4),
        (Conv::same(3, 1, 384), false, 1e-4),
        (Conv::same(3, 1, 384), false, 1e-4),
        (Conv::same(3, 1, 256), true, 1e-4),
        (Conv::valid(6, 1, 4096), false, 1e-4),
        (Conv::valid(1, 1, 4096), false, 1e-3),
    ];
    // Without its top the network ends after the 6×6 layer.
    let layers = if b.options.top { &layers[..] } else { &layers[..5] };
    for &(conv, pool, eps) in layers {
        let (name, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
        let mut sums = b.binary_conv(&name, x, conv)?;
        if pool {
            // The factor is positive, so the largest sum is the largest value.
            let name = b.number("max_pooling2d");
            sums.value = b.max_pool(&name, sums.value, Window::valid(3, 2))?;
        }
        x = b.norm_sums(&norm, &sums, true, NO_CLAMP, shift(eps))?;
    }
    one_pixel(b, x)?;
    let x = b.relu("activation_1", x)?;
    b.classifier("dense", x, false).map(drop)
}

/// Binary AlexNet: every layer binary, the first one under real pixels.
pub fn binary_alexnet(b: &mut Builder<'_>) -> Result<(), NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let name = b.number("quant_conv2d");
    let conv = Conv::same(11, 4, 64);
    let (tensor, kernel) = b.kernel(&name, x, conv);
    let weights = b.parameters().signs(&tensor, kernel)?.filters;
    let x = b.add(&name, Layer::SignConv { weights, window: conv.window }, &[x])?;
    let (pool, norm) = (b.number("max_pooling2d"), b.number("batch_normalization"));
    let x = b.max_pool(&pool, x, Window::valid(3, 2))?;
    let mut x = b.norm(&norm, x, shift(1e-3))?;
    for (k, out, pool) in [(5, 192, true), (3, 384, false), (3, 384, false), (3, 256, true)] {
        x = binary_layer(b, x, Conv::same(k, 1, out), pool)?;
    }
    if x.shape != Shape::new(6, 6, 256) {
        return Err(super::does_not_fit("its dense layers", x.shape, "6x6x256"));
    }
    if !b.options.top {
        return Ok(());
    }
    // The map as one row: a window of the whole map reads it in the order in which Keras flattens it.
    for out in [4096, 4096] {
        x = dense_layer(b, x, out)?;
    }
    let out = b.options.classes;
    dense_layer(b, x, out).map(drop)
}

fn binary_layer(b: &mut Builder<'_>, x: Value, conv: Conv, pool: bool) -> Result<Value, NnError> {
    let (name, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let mut sums = b.binary_conv(&name, x, conv)?;
    if pool {
        let name = b.number("max_pooling2d");
        sums.value = b.max_pool(&name, sums.value, Window::valid(3, 2))?;
    }
    b.norm_sums(&norm, &sums, false, NO_CLAMP, shift(1e-3))
}

/// Keras has it as a 1×1 convolution over a reshaped map.
fn dense_layer(b: &mut Builder<'_>, x: Value, out: usize) -> Result<Value, NnError> {
    let (name, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let row = Value { shape: Shape::new(1, 1, x.shape.len()), ..x };
    let (tensor, kernel) = b.kernel(&name, row, Conv::valid(1, 1, out));
    let bits = b.sign(&name, x)?;
    let filters = b.parameters().signs(&tensor, kernel)?.filters.regrouped(x.shape.pixels(), &tensor)?;
    let value = b.add(&name, Layer::BinaryDense { weights: filters }, &[bits])?;
    let scale = b.norm_vectors(&norm, out, shift(1e-3))?;
    b.transform(&norm, value, NO_CLAMP, scale)
}

/// The published dense layers follow a map of one pixel.
fn one_pixel(b: &Builder<'_>, x: Value) -> Result<(), NnError> {
    if x.shape.pixels() == 1 || !b.options.top {
        Ok(())
    } else {
        Err(super::does_not_fit("its dense layer", x.shape, "1x1"))
    }
}
