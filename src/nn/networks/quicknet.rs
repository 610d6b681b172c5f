//! QuickNet (Bannink et al., MLSys 2021): a float stem, sections of residual 3×3 binary blocks, float transitions that blur.

use super::builder::{Builder, Conv, Norm, Value};
use crate::nn::{Fill, Layer, NnError, RELU_CLAMP, Window};

/// Residual blocks and filters of the four sections.
type Sections = [(usize, usize); 4];

pub fn small(b: &mut Builder<'_>) -> Result<(), NnError> {
    quicknet(b, [(4, 32), (4, 64), (4, 256), (4, 512)])
}

pub fn medium(b: &mut Builder<'_>) -> Result<(), NnError> {
    quicknet(b, [(4, 64), (4, 128), (4, 256), (4, 512)])
}

pub fn large(b: &mut Builder<'_>) -> Result<(), NnError> {
    quicknet(b, [(6, 64), (8, 128), (12, 256), (6, 512)])
}

fn quicknet(b: &mut Builder<'_>, sections: Sections) -> Result<(), NnError> {
    let mut x = stem(b, sections[0].1)?;
    for (blocks, filters) in sections {
        if filters != x.shape.c {
            x = transition(b, x, filters)?;
        }
        for _ in 0..blocks {
            x = block(b, x)?;
        }
    }
    let name = b.number("activation");
    let x = b.relu(&name, x)?;
    let name = b.number("average_pooling2d");
    let x = b.global_pool(&name, x)?;
    let name = b.number("quant_dense");
    b.classifier(&name, x, true).map(drop)
}

fn stem(b: &mut Builder<'_>, filters: usize) -> Result<Value, NnError> {
    let x = b.image(super::IMAGENET_MEAN, super::IMAGENET_STD)?;
    let (conv, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let x = b.conv(&conv, x, Conv::same(3, 2, filters / 4))?;
    let x = b.norm(&norm, x, Norm::full(1e-3))?;
    let name = b.number("activation");
    let x = b.relu(&name, x)?;
    let (conv, norm) = (b.number("quant_depthwise_conv2d"), b.number("batch_normalization"));
    let x = b.depthwise(&conv, x, Window::same(3, 2, Fill::Zero))?;
    let x = b.norm(&norm, x, Norm { gamma: false, beta: false, eps: 1e-3 })?;
    let (conv, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let x = b.conv(&conv, x, Conv::same(1, 1, filters))?;
    b.norm(&norm, x, Norm::full(1e-3))
}

/// `x + BN(ReLU(binary 3×3))`: the ReLU acts on the integer sum, and the padding is +1.
fn block(b: &mut Builder<'_>, x: Value) -> Result<Value, NnError> {
    let (conv, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let sums = b.binary_conv(&conv, x, Conv::same_one(3, 1, x.shape.c))?;
    let y = b.norm_sums(&norm, &sums, false, RELU_CLAMP, Norm::full(1e-5))?;
    let name = b.number("add");
    b.add(&name, Layer::Add, &[y, x])
}

/// ReLU, maximum, blur with stride 2, 1×1 to the next section's filters.
fn transition(b: &mut Builder<'_>, x: Value, filters: usize) -> Result<Value, NnError> {
    let name = b.number("activation");
    let x = b.relu(&name, x)?;
    let name = b.number("max_pooling2d");
    let x = b.max_pool(&name, x, Window::valid(2, 1))?;
    let name = b.number("depthwise_conv2d");
    let x = b.depthwise(&name, x, Window::same(3, 2, Fill::Zero))?;
    let (conv, norm) = (b.number("quant_conv2d"), b.number("batch_normalization"));
    let x = b.conv(&conv, x, Conv::same(1, 1, filters))?;
    b.norm(&norm, x, Norm::full(1e-5))
}
