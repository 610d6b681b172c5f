//! Densely connected networks: BinaryDenseNet (Bethge et al. 2019) and MeliusNet (Bethge et al. 2020).

use super::builder::{Builder, Conv, Norm, Value};
use super::residual::plain_stem;
use crate::nn::{Fill, Layer, NnError, Shape, Window};

const GROWTH: usize = 64;
const NORM: Norm = Norm::full(1e-5);

/// Layers of each block; by which number the channels are divided between blocks, in tenths.
struct Plan {
    layers: [usize; 4],
    reduction: [usize; 3],
}

pub fn densenet28(b: &mut Builder<'_>) -> Result<(), NnError> {
    densenet(b, &Plan { layers: [6, 6, 6, 5], reduction: [27, 27, 22] })
}

pub fn densenet37(b: &mut Builder<'_>) -> Result<(), NnError> {
    densenet(b, &Plan { layers: [6, 8, 12, 6], reduction: [33, 33, 40] })
}

pub fn densenet45(b: &mut Builder<'_>) -> Result<(), NnError> {
    densenet(b, &Plan { layers: [6, 12, 14, 8], reduction: [27, 33, 40] })
}

/// Channels after a transition: divided, rounded down, then to the nearest multiple of 32 (ties to the even one).
fn reduced(channels: usize, tenths: usize) -> usize {
    let (whole, rest) = (10 * channels / tenths / 32, 10 * channels / tenths % 32);
    32 * if rest > 16 || (rest == 16 && whole % 2 == 1) { whole + 1 } else { whole }
}

fn densenet(b: &mut Builder<'_>, plan: &Plan) -> Result<(), NnError> {
    let mut x = plain_stem(b)?;
    for (block, layers) in plan.layers.into_iter().enumerate() {
        for _ in 0..layers {
            let (norm, conv, join) =
                (b.number("batch_normalization"), b.number("quant_conv2d"), b.number("concatenate"));
            let y = binary_branch(b, x, &norm, &conv)?;
            x = b.add(&join, Layer::Concat, &[x, y])?;
        }
        let Some(tenths) = plan.reduction.get(block) else { continue };
        let name = b.number("batch_normalization");
        let y = b.norm(&name, x, NORM)?;
        let (pool, relu, conv) = (b.number("max_pooling2d"), b.number("activation"), b.number("conv2d"));
        let y = b.max_pool(&pool, y, Window::valid(2, 2))?;
        let y = b.relu(&relu, y)?;
        x = b.conv(&conv, y, Conv::same(1, 1, reduced(x.shape.c, *tenths)))?;
    }
    let name = b.number("batch_normalization");
    let x = b.norm(&name, x, NORM)?;
    let name = b.number("activation");
    let x = b.relu(&name, x)?;
    let x = b.global_pool("average_pooling2d", x)?;
    b.classifier("dense", x, true).map(drop)
}

/// Batch normalisation and a binary 3×3 to 64 channels, as floats.
fn binary_branch(b: &mut Builder<'_>, x: Value, norm: &str, conv: &str) -> Result<Value, NnError> {
    let y = b.norm(norm, x, NORM)?;
    let sums = b.binary_conv(conv, y, Conv::same(3, 1, GROWTH))?;
    b.float(conv, sums.value)
}

/// MeliusNet-22: dense blocks that widen by 64 channels, each followed by one that improves the new ones.
pub fn meliusnet22(b: &mut Builder<'_>) -> Result<(), NnError> {
    let mut x = grouped_stem(b)?;
    for (section, (blocks, filters)) in [(4, 160), (5, 224), (4, 256), (4, 0)].into_iter().enumerate() {
        for block in 0..blocks {
            let name = |part: &str| format!("section_{section}_block_{block}_{part}");
            let y = binary_branch(b, x, &name("dense_bn"), &name("dense_binconv"))?;
            x = b.add(&name("dense_concat"), Layer::Concat, &[x, y])?;
            let y = binary_branch(b, x, &name("improve_bn"), &name("improve_binconv"))?;
            x = b.add(&name("improve_merge"), Layer::AddLast, &[x, y])?;
        }
        if filters > 0 {
            let name = |part: &str| format!("section_{section}_transition_{part}");
            let y = b.norm(&name("bn"), x, NORM)?;
            let y = b.max_pool(&name("maxpool"), y, Window::same(2, 2, Fill::Zero))?;
            let y = b.relu(&name("relu"), y)?;
            x = b.conv(&name("pw"), y, Conv::same(1, 1, filters))?;
        }
    }
    let x = b.norm("head_bn", x, NORM)?;
    let x = b.relu("head_relu", x)?;
    let x = b.global_pool("head_globalpool", x)?;
    b.classifier("head_dense", x, true).map(drop)
}

fn grouped_stem(b: &mut Builder<'_>) -> Result<Value, NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let mut x = b.conv("stem_s0_conv", x, Conv::same(3, 2, 32))?;
    for (stage, groups, filters) in [("s1", 4, 32), ("s2", 8, 64)] {
        let before = if stage == "s1" { "s0" } else { "s1" };
        x = b.norm(&format!("stem_{before}_bn"), x, NORM)?;
        x = b.relu(&format!("stem_{before}_relu"), x)?;
        x = grouped(b, x, &format!("stem_{stage}_groupconv"), groups, filters)?;
    }
    let x = b.norm("stem_s2_bn", x, NORM)?;
    let x = b.relu("stem_s2_relu", x)?;
    b.max_pool("stem_pool", x, Window::same(2, 2, Fill::Zero))
}

/// Each group of channels under its own 3×3 convolution.
fn grouped(b: &mut Builder<'_>, x: Value, name: &str, groups: usize, filters: usize) -> Result<Value, NnError> {
    let Shape { c, .. } = x.shape;
    let mut parts = Vec::with_capacity(groups);
    for g in 0..groups {
        let part = Layer::Slice { start: g * c / groups, len: c / groups };
        let part = b.add(&format!("{name}_split{g}"), part, &[x])?;
        parts.push(b.conv(&format!("{name}_conv{g}"), part, Conv::same(3, 1, filters / groups))?);
    }
    b.add(&format!("{name}_concat"), Layer::Concat, &parts)
}

#[cfg(test)]
mod tests {
    #[test]
    fn transitions_round_to_multiples_of_32_as_the_published_widths_do() {
        assert_eq!([(448, 27), (448, 33), (384, 40)].map(|(c, t)| super::reduced(c, t)), [160, 128, 96]);
    }
}
