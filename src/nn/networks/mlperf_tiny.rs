//! The int8 reference networks of MLPerf Tiny (Banbury et al. 2021), as baselines: batch normalisation folded, ReLU in the clamp.
//!
//! Their published files are TensorFlow Lite's and load with their own scales; these are for counting and pricing.

use super::builder::{Builder, Value};
use crate::nn::int8::{Multiplier, Requant, Roundings, Softmax};
use crate::nn::{Fill, FilterSize, Int8, Layer, NnError, Shape, SmallFilters, Window};

/// A real number near 1/√fan-in: keeps stand-in codes within a byte, more is not asked of it.
const FACTOR: f64 = 0.01;

/// ResNet-8 for CIFAR-10.
pub fn resnet8(b: &mut Builder<'_>) -> Result<(), NnError> {
    let image = b.raw_image();
    let mut x = conv(b, "conv", image, [3, 3], 1, 16, true)?;
    for (i, filters) in [16, 32, 64].into_iter().enumerate() {
        let (stride, name) = (if i == 0 { 1 } else { 2 }, format!("stack{}", i + 1));
        let y = conv(b, &format!("{name}.conv1"), x, [3, 3], stride, filters, true)?;
        let y = conv(b, &format!("{name}.conv2"), y, [3, 3], 1, filters, false)?;
        let shortcut = match i {
            0 => x,
            _ => conv(b, &format!("{name}.shortcut"), x, [1, 1], stride, filters, false)?,
        };
        let sum = Int8::Add { zeros: [0, 0], factors: [factor()?; 2], to: requant(1, true)? };
        x = b.add(&format!("{name}.add"), Layer::Int8(sum), &[shortcut, y])?;
    }
    top(b, x)
}

/// DS-CNN for keyword spotting.
pub fn ds_cnn(b: &mut Builder<'_>) -> Result<(), NnError> {
    let image = b.raw_image();
    let mut x = conv(b, "conv", image, [10, 4], 2, 64, true)?;
    for i in 0..4 {
        x = depthwise(b, &format!("block{i}.depthwise"), x, 1)?;
        x = conv(b, &format!("block{i}.pointwise"), x, [1, 1], 1, 64, true)?;
    }
    top(b, x)
}

/// MobileNetV1, a quarter as wide, for visual wake words.
pub fn mobilenet(b: &mut Builder<'_>) -> Result<(), NnError> {
    let image = b.raw_image();
    let mut x = conv(b, "conv", image, [3, 3], 2, 8, true)?;
    let blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)];
    let blocks = blocks.into_iter().chain([(128, 1); 5]).chain([(256, 2), (256, 1)]);
    for (i, (filters, stride)) in blocks.enumerate() {
        x = depthwise(b, &format!("block{i}.depthwise"), x, stride)?;
        x = conv(b, &format!("block{i}.pointwise"), x, [1, 1], 1, filters, true)?;
    }
    top(b, x)
}

/// The autoencoder for anomaly detection: a spectrum through 8 numbers and back.
pub fn autoencoder(b: &mut Builder<'_>) -> Result<(), NnError> {
    let mut x = b.raw_image();
    for (i, out) in [128, 128, 128, 128, 8, 128, 128, 128, 128].into_iter().enumerate() {
        x = dense(b, &format!("dense{i}"), x, out, true)?;
    }
    let out = b.options.classes;
    dense(b, "dense9", x, out, false).map(drop)
}

/// Mean over the map, dense, softmax.
fn top(b: &mut Builder<'_>, x: Value) -> Result<(), NnError> {
    let Shape { h, w, .. } = x.shape;
    let window = Window { kernel: [h, w], stride: [h, w], ..Window::valid(1, 1) };
    let x = b.add("pool", Layer::Int8(Int8::AvgPool { window, range: [i8::MIN, i8::MAX] }), &[x])?;
    if !b.options.top {
        return Ok(());
    }
    let classes = b.options.classes;
    let x = dense(b, "dense", x, classes, false)?;
    b.set_classifier("dense");
    b.add("softmax", Layer::Int8(Int8::Softmax(Softmax::new(FACTOR)?)), &[x]).map(drop)
}

fn factor() -> Result<Multiplier, NnError> {
    let range =
        || NnError::OutOfRange { what: "factor".into(), value: FACTOR.to_string(), allowed: "a multiplier".into() };
    Multiplier::from_f64(FACTOR).ok_or_else(range)
}

fn requant(n: usize, relu: bool) -> Result<Requant, NnError> {
    let (factors, low) = (vec![factor()?; n], if relu { 0 } else { i8::MIN });
    Ok(Requant { factors, roundings: Roundings::Two, zero: 0, low, high: i8::MAX })
}

/// 8-bit weights.
fn codes(b: &mut Builder<'_>, name: &str, n: usize) -> Result<Vec<i8>, NnError> {
    let values = b.parameters().integers(&format!("{name}.weight"), n)?;
    Ok(values.into_iter().map(|v| i8::try_from(v.clamp(-127, 127)).expect("clamped to a byte")).collect())
}

fn conv(
    b: &mut Builder<'_>,
    name: &str,
    x: Value,
    kernel: [usize; 2],
    stride: usize,
    out: usize,
    relu: bool,
) -> Result<Value, NnError> {
    let size = FilterSize { out, taps: kernel[0] * kernel[1], ic: x.shape.c };
    let weights = SmallFilters::new(size, codes(b, name, out * size.fan_in())?, name)?;
    let bias = b.parameters().integers(&format!("{name}.bias"), out)?;
    let window = Window { kernel, ..Window::same(1, stride, Fill::Zero) };
    let layer = Int8::Conv { weights, bias, window, input_zero: 0, to: requant(out, relu)? };
    b.add(name, Layer::Int8(layer), &[x])
}

fn depthwise(b: &mut Builder<'_>, name: &str, x: Value, stride: usize) -> Result<Value, NnError> {
    let c = x.shape.c;
    let weights = codes(b, name, 9 * c)?;
    let bias = b.parameters().integers(&format!("{name}.bias"), c)?;
    let window = Window::same(3, stride, Fill::Zero);
    let layer = Int8::Depthwise { weights, multiplier: 1, bias, window, input_zero: 0, to: requant(c, true)? };
    b.add(name, Layer::Int8(layer), &[x])
}

fn dense(b: &mut Builder<'_>, name: &str, x: Value, out: usize, relu: bool) -> Result<Value, NnError> {
    let size = FilterSize { out, taps: 1, ic: x.shape.len() };
    let weights = SmallFilters::new(size, codes(b, name, out * size.ic)?, name)?;
    let bias = b.parameters().integers(&format!("{name}.bias"), out)?;
    b.add(name, Layer::Int8(Int8::Dense { weights, bias, input_zero: 0, to: requant(1, relu)? }), &[x])
}
