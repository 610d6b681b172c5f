//! ABC-Net (Lin et al. 2017): each real convolution as a sum over several bases of binary weights and shifted binary activations.
//!
//! `conv(x) ≈ Σₙ Σₘ αₘ·βₙ · binary_conv(sign(x + vₙ − ½), Bₘ)`: the sign of `clip(x + v, 0, 1) − ½` is that of `x + v − ½`. The
//! skeleton is ResNet-18 with batch normalisation after each convolution; all layers but the first and the last are binary,
//! shortcuts included. Tensors of a layer: `weight0` … (OIHW, one a weight base), `alpha`, `beta`, `shift`.

use super::builder::{Builder, Conv, Norm, Value, padded};
use crate::nn::{BitFilters, Fill, Layer, NnError};

const NORM: Norm = Norm::full(1e-5);

/// Weight bases and activation bases.
#[derive(Clone, Copy)]
struct Bases {
    weights: usize,
    activations: usize,
}

pub fn resnet18_5x5(b: &mut Builder<'_>) -> Result<(), NnError> {
    resnet18(b, Bases { weights: 5, activations: 5 })
}

pub fn resnet18_5x3(b: &mut Builder<'_>) -> Result<(), NnError> {
    resnet18(b, Bases { weights: 5, activations: 3 })
}

fn resnet18(b: &mut Builder<'_>, bases: Bases) -> Result<(), NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let x = b.conv("conv1", x, Conv::padded(7, 2, 3, Fill::Zero, 64))?;
    let x = b.norm("bn1", x, NORM)?;
    let x = b.relu("relu", x)?;
    let mut x = b.max_pool("maxpool", x, padded(3, 2, 1, Fill::Zero))?;
    for (stage, filters) in [64, 128, 256, 512].into_iter().enumerate() {
        for unit in 0..2 {
            x = block(b, x, filters, bases, &format!("layer{}.{unit}", stage + 1))?;
        }
    }
    let x = b.global_pool("avgpool", x)?;
    b.classifier("fc", x, true).map(drop)
}

fn block(b: &mut Builder<'_>, x: Value, filters: usize, bases: Bases, name: &str) -> Result<Value, NnError> {
    let part = |part: &str| format!("{name}.{part}");
    let stride = if filters == x.shape.c { 1 } else { 2 };
    let y = layer(b, x, Conv::padded(3, stride, 1, Fill::Zero, filters), bases, &part("conv1"))?;
    let y = b.norm(&part("bn1"), y, NORM)?;
    let y = layer(b, y, Conv::padded(3, 1, 1, Fill::Zero, filters), bases, &part("conv2"))?;
    let y = b.norm(&part("bn2"), y, NORM)?;
    let mut shortcut = x;
    if stride == 2 {
        shortcut = layer(b, x, Conv::valid(1, 2, filters), bases, &part("downsample.0"))?;
        shortcut = b.norm(&part("downsample.1"), shortcut, NORM)?;
    }
    b.add(&part("add"), Layer::Add, &[y, shortcut])
}

/// One convolution: a packed map an activation base, all weight bases in one bank of filters.
fn layer(b: &mut Builder<'_>, x: Value, conv: Conv, bases: Bases, name: &str) -> Result<Value, NnError> {
    let (_, kernel) = b.kernel(name, x, conv);
    let mut banks = Vec::with_capacity(bases.weights);
    for m in 0..bases.weights {
        banks.push(b.parameters().signs(&format!("{name}.weight{m}"), kernel)?.filters);
    }
    let bank = BitFilters::stacked(&banks, name)?;
    let alpha = b.vector(&format!("{name}.alpha"), bases.weights)?;
    let beta = b.vector(&format!("{name}.beta"), bases.activations)?;
    let shift = b.vector(&format!("{name}.shift"), bases.activations)?;
    let mut total: Option<Value> = None;
    for (n, (v, beta)) in shift.iter().zip(&beta).enumerate() {
        let base = format!("{name}.base{n}");
        let shifted = b.add(&format!("{base}_shift"), Layer::Bias { bias: vec![v - 0.5; x.shape.c] }, &[x])?;
        let bits = b.sign(&base, shifted)?;
        let sums = b.binary(&base, bits, bank.clone(), conv.window)?;
        let coefficients = alpha.iter().flat_map(|a| vec![a * beta; conv.out]).collect();
        let part = Layer::CombineBases { bases: bases.weights, coefficients };
        let part = b.add(&format!("{base}_sum"), part, &[sums])?;
        total = Some(match total {
            None => part,
            Some(sum) => b.add(&format!("{base}_add"), Layer::Add, &[sum, part])?,
        });
    }
    Ok(total.unwrap_or(x))
}
