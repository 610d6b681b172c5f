//! ReActNet (Liu et al. 2020): shifted signs and shifted PReLUs on MobileNet's and on ResNet's skeleton.
//!
//! PyTorch's sign gives 0 for 0; a packed bit cannot. Zero counts as +1 here, in weights and in activations, as on a device.

use super::builder::{Builder, Conv, Norm, Sums, Value, padded};
use crate::nn::{Fill, Layer, NO_CLAMP, NnError, Window};

const NORM: Norm = Norm::full(1e-5);

/// A shift a channel; the authors store it as (1, c, 1, 1).
fn shift(b: &mut Builder<'_>, name: &str, x: Value) -> Result<Value, NnError> {
    let c = x.shape.c;
    let bias = b.parameters().floats(&format!("{name}.bias"), &[1, c, 1, 1])?;
    b.add(name, Layer::Bias { bias }, &[x])
}

/// Shift, slope below zero, shift.
fn rprelu(b: &mut Builder<'_>, x: Value, names: [&str; 3]) -> Result<Value, NnError> {
    let x = shift(b, names[0], x)?;
    let x = b.prelu(names[1], x)?;
    shift(b, names[2], x)
}

fn normed(b: &mut Builder<'_>, name: &str, sums: &Sums) -> Result<Value, NnError> {
    b.norm_sums(name, sums, true, NO_CLAMP, NORM)
}

/// ReActNet-A: 13 blocks of a 3×3 and a 1×1 binary layer; where channels double, two 1×1 layers side by side.
pub fn reactnet_a(b: &mut Builder<'_>) -> Result<(), NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let x = b.conv("feature.0.conv1", x, Conv::padded(3, 2, 1, Fill::Zero, 32))?;
    let mut x = b.norm("feature.0.bn1", x, NORM)?;
    let widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    for (i, out) in widths.into_iter().enumerate() {
        let stride = if out != x.shape.c && out != 64 { 2 } else { 1 };
        x = mobile_block(b, x, out, stride, &format!("feature.{}", i + 1))?;
    }
    let x = b.global_pool("pool", x)?;
    b.classifier("fc", x, true).map(drop)
}

fn mobile_block(b: &mut Builder<'_>, x: Value, out: usize, stride: usize, name: &str) -> Result<Value, NnError> {
    let part = |part: &str| format!("{name}.{part}");
    let a = shift(b, &part("move11"), x)?;
    let sums = b.binary_conv(&part("binary_3x3"), a, Conv::padded(3, stride, 1, Fill::Zero, x.shape.c))?;
    let t = normed(b, &part("bn1"), &sums)?;
    let shortcut = if stride == 2 { b.avg_pool(&part("pooling"), x, Window::valid(2, 2))? } else { x };
    let u = b.add(&part("add1"), Layer::Add, &[t, shortcut])?;
    let u = rprelu(b, u, [&part("move12"), &part("prelu1"), &part("move13")])?;

    let v = shift(b, &part("move21"), u)?;
    let v = if out == x.shape.c {
        pointwise(b, v, u, [&part("binary_pw"), &part("bn2"), &part("add2")])?
    } else {
        let first = pointwise(b, v, u, [&part("binary_pw_down1"), &part("bn2_1"), &part("add2_1")])?;
        let second = pointwise(b, v, u, [&part("binary_pw_down2"), &part("bn2_2"), &part("add2_2")])?;
        b.add(&part("concat"), Layer::Concat, &[first, second])?
    };
    rprelu(b, v, [&part("move22"), &part("prelu2"), &part("move23")])
}

/// `BN(binary 1×1) + u`.
fn pointwise(b: &mut Builder<'_>, x: Value, u: Value, names: [&str; 3]) -> Result<Value, NnError> {
    let sums = b.binary_conv(names[0], x, Conv::valid(1, 1, u.shape.c))?;
    let y = normed(b, names[1], &sums)?;
    b.add(names[2], Layer::Add, &[y, u])
}

/// ReActNet on Bi-Real Net's 18 layers.
pub fn reactnet_resnet18(b: &mut Builder<'_>) -> Result<(), NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let x = b.conv("conv1", x, Conv::padded(7, 2, 3, Fill::Zero, 64))?;
    let x = b.norm("bn1", x, NORM)?;
    let mut x = b.max_pool("maxpool", x, padded(3, 2, 1, Fill::Zero))?;
    for (stage, filters) in [64, 128, 256, 512].into_iter().enumerate() {
        for layer in 0..4 {
            x = resnet_layer(b, x, filters, &format!("layer{}.{layer}", stage + 1))?;
        }
    }
    let x = b.global_pool("avgpool", x)?;
    b.classifier("fc", x, true).map(drop)
}

fn resnet_layer(b: &mut Builder<'_>, x: Value, filters: usize, name: &str) -> Result<Value, NnError> {
    let part = |part: &str| format!("{name}.{part}");
    let stride = if filters == x.shape.c { 1 } else { 2 };
    let a = shift(b, &part("move0"), x)?;
    let sums = b.binary_conv(&part("binary_conv"), a, Conv::padded(3, stride, 1, Fill::Zero, filters))?;
    let y = normed(b, &part("bn1"), &sums)?;
    let mut shortcut = x;
    if stride == 2 {
        shortcut = b.avg_pool(&part("downsample.0"), shortcut, Window::valid(2, 2))?;
        shortcut = b.conv(&part("downsample.1"), shortcut, Conv::valid(1, 1, filters))?;
        shortcut = b.norm(&part("downsample.2"), shortcut, NORM)?;
    }
    let y = b.add(&part("add"), Layer::Add, &[y, shortcut])?;
    rprelu(b, y, [&part("move1"), &part("prelu"), &part("move2")])
}
