//! Residual networks of 18 layers with one shortcut a binary layer: Bi-Real Net, Real-to-Binary Net, ResNet-E.

use super::builder::{Builder, Conv, Norm, Value};
use crate::nn::{Fill, Layer, NO_CLAMP, NnError, Window};

/// Filters of the four stages; each has four binary layers.
const STAGES: [usize; 4] = [64, 128, 256, 512];
const LAYERS: usize = 4;
/// Keras' epsilon where none is given.
const EPS: f32 = 1e-3;

/// Bi-Real Net (Liu et al. 2018): no activation but sign; filters scaled by their mean magnitude.
pub fn bireal(b: &mut Builder<'_>) -> Result<(), NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let (conv, norm) = (b.number("conv2d"), b.number("batch_normalization"));
    let x = b.conv(&conv, x, Conv::same(7, 2, 64))?;
    let x = b.norm(&norm, x, Norm::full(EPS))?;
    let name = b.number("max_pooling2d");
    let mut x = b.max_pool(&name, x, Window::same(3, 2, Fill::Zero))?;
    for filters in STAGES {
        for _ in 0..LAYERS {
            x = bireal_layer(b, x, filters)?;
        }
    }
    let name = b.number("average_pooling2d");
    let x = b.global_pool(&name, x)?;
    let name = b.number("dense");
    b.classifier(&name, x, true).map(drop)
}

fn bireal_layer(b: &mut Builder<'_>, x: Value, filters: usize) -> Result<Value, NnError> {
    let down = x.shape.c != filters;
    let mut shortcut = x;
    if down {
        let pool = b.number("average_pooling2d");
        shortcut = b.avg_pool(&pool, shortcut, Window::same(2, 2, Fill::Zero))?;
        // Created before the layer's own, so its number comes first.
        let (conv, norm) = (b.number("conv2d"), b.number("batch_normalization"));
        shortcut = b.conv(&conv, shortcut, Conv::same(1, 1, filters))?;
        shortcut = b.norm(&norm, shortcut, Norm::full(EPS))?;
    }
    let (conv, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let sums = b.binary_conv(&conv, x, Conv::same(3, if down { 2 } else { 1 }, filters))?;
    let y = b.norm_sums(&norm, &sums, true, NO_CLAMP, Norm::full(EPS))?;
    let name = b.number("add");
    b.add(&name, Layer::Add, &[y, shortcut])
}

/// ResNet-E (Bethge et al. 2019): plain signs; images below 50 pixels get a 3×3 stem without pooling.
pub fn resnet_e(b: &mut Builder<'_>) -> Result<(), NnError> {
    let mut x = plain_stem(b)?;
    if b.options.input[0] >= super::SMALL_IMAGE {
        let name = b.number("batch_normalization");
        x = b.norm(&name, x, Norm::full(1e-5))?;
    }
    for filters in STAGES {
        for _ in 0..LAYERS {
            x = resnet_e_layer(b, x, filters)?;
        }
    }
    let name = b.number("activation");
    let x = b.relu(&name, x)?;
    let name = b.number("average_pooling2d");
    let x = b.global_pool(&name, x)?;
    let name = b.number("dense");
    b.classifier(&name, x, true).map(drop)
}

/// The stem that ResNet-E and BinaryDenseNet share: 7×7/2, BN, ReLU, maximum 3×3/2; only a 3×3 for small images.
pub fn plain_stem(b: &mut Builder<'_>) -> Result<Value, NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let conv = b.number("conv2d");
    if b.options.input[0] < super::SMALL_IMAGE {
        return b.conv(&conv, x, Conv::same(3, 1, 64));
    }
    let x = b.conv(&conv, x, Conv::same(7, 2, 64))?;
    let (norm, relu, pool) = (b.number("batch_normalization"), b.number("activation"), b.number("max_pooling2d"));
    let x = b.norm(&norm, x, Norm::full(1e-5))?;
    let x = b.relu(&relu, x)?;
    b.max_pool(&pool, x, Window::same(3, 2, Fill::Zero))
}

fn resnet_e_layer(b: &mut Builder<'_>, x: Value, filters: usize) -> Result<Value, NnError> {
    let down = x.shape.c != filters;
    let mut shortcut = x;
    if down {
        let pool = b.number("average_pooling2d");
        shortcut = b.avg_pool(&pool, shortcut, Window::valid(2, 2))?;
        let (conv, norm) = (b.number("conv2d"), b.number("batch_normalization"));
        shortcut = b.conv(&conv, shortcut, Conv::same(1, 1, filters))?;
        shortcut = b.norm(&norm, shortcut, Norm::full(1e-5))?;
    }
    let (conv, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let sums = b.binary_conv(&conv, x, Conv::same(3, if down { 2 } else { 1 }, filters))?;
    let y = b.norm_sums(&norm, &sums, false, NO_CLAMP, Norm::full(1e-5))?;
    let name = b.number("add");
    b.add(&name, Layer::Add, &[y, shortcut])
}

/// Real-to-Binary Net (Martinez et al. 2020): each binary sum is scaled by a gate computed from the layer's input.
pub fn real_to_binary(b: &mut Builder<'_>) -> Result<(), NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let name = |part: &str| format!("r2b_bnn_block_1_{part}");
    let x = b.conv(&name("conv2d"), x, Conv::same(7, 2, 64))?;
    let x = b.norm(&name("batch_norm"), x, Norm::full(EPS))?;
    let x = b.prelu(&name("prelu"), x)?;
    let mut x = b.max_pool(&name("pool"), x, Window::same(3, 2, Fill::Zero))?;
    for block in 2..10 {
        let down = block > 3 && block % 2 == 0;
        for (half, down) in [("a", down), ("b", false)] {
            x = half_block(b, x, down, &format!("r2b_bnn_block_{block}{half}"))?;
        }
    }
    let x = b.global_pool("r2b_bnn_block_10_global_pool", x)?;
    b.classifier("r2b_bnn_block_10_logits", x, true).map(drop)
}

/// `shortcut(x) + PReLU(c · g)`: u = BN(x), c = binary 3×3 of sign u, g = sigmoid(W₂·relu(W₁·mean u)).
fn half_block(b: &mut Builder<'_>, x: Value, down: bool, name: &str) -> Result<Value, NnError> {
    let part = |part: &str| format!("{name}_{part}");
    let filters = if down { 2 * x.shape.c } else { x.shape.c };
    let mut shortcut = x;
    if down {
        shortcut = b.avg_pool(&part("shortcut_pool"), shortcut, Window::same(2, 2, Fill::Zero))?;
        shortcut = b.conv(&part("shortcut_conv2d"), shortcut, Conv::same(1, 1, filters))?;
        shortcut = b.norm(&part("shortcut_batch_norm"), shortcut, Norm::full(EPS))?;
    }
    let u = b.norm(&part("batch_norm"), x, Norm::full(EPS))?;
    let sums = b.binary_conv(&part("conv2d"), u, Conv::same(3, if down { 2 } else { 1 }, filters))?;
    let c = b.float(&part("conv2d"), sums.value)?;
    let z = b.global_pool(&part("scaling_pool"), u)?;
    let z = b.dense(&part("scaling_dense_reduce"), z, x.shape.c / 8, false)?;
    let z = b.relu(&part("scaling_relu"), z)?;
    let z = b.dense(&part("scaling_dense_expand"), z, filters, false)?;
    let g = b.add(&part("scaling_sigmoid"), Layer::Sigmoid, &[z])?;
    let y = b.add(&part("scaling_multiplication"), Layer::Gate, &[c, g])?;
    let y = b.prelu(&part("prelu"), y)?;
    b.add(&part("skip_add"), Layer::Add, &[y, shortcut])
}
