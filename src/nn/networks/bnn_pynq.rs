//! BNN-PYNQ (Umuroglu et al. 2017, FINN): CNV for CIFAR-10 and LFC for MNIST, with 1- or 2-bit weights and activations.

use super::builder::{Builder, Value};
use super::parameters::{KernelOrder, KernelShape};
use crate::nn::{BitFilters, Layer, NnError, SmallFilters, Thresholds, Window};

/// Bits of weights and activations.
#[derive(Clone, Copy)]
struct Bits {
    weights: usize,
    activations: usize,
}

pub fn cnv_w1a1(b: &mut Builder<'_>) -> Result<(), NnError> {
    cnv(b, Bits { weights: 1, activations: 1 })
}

pub fn cnv_w1a2(b: &mut Builder<'_>) -> Result<(), NnError> {
    cnv(b, Bits { weights: 1, activations: 2 })
}

pub fn cnv_w2a2(b: &mut Builder<'_>) -> Result<(), NnError> {
    cnv(b, Bits { weights: 2, activations: 2 })
}

pub fn lfc_w1a1(b: &mut Builder<'_>) -> Result<(), NnError> {
    lfc(b, Bits { weights: 1, activations: 1 })
}

pub fn lfc_w1a2(b: &mut Builder<'_>) -> Result<(), NnError> {
    lfc(b, Bits { weights: 1, activations: 2 })
}

/// What the first convolution reads for pixel p: q = clamp(⌊(p/255·2 − 1)·128 + ½⌋, −128, 127) = clamp(p − 128 + [p ≥ 128], −128,
/// 127), in integers: (p·256/255 − 128 + ½) = p − 128 + (p/255 + ½), and ⌊p/255 + ½⌋ is 1 from p = 128 on.
pub(crate) fn input_table() -> Vec<i8> {
    let q = |p: i32| (p - 128 + i32::from(p >= 128)).clamp(-128, 127);
    (0..256).map(|p| i8::try_from(q(p)).expect("clamped to the range of i8")).collect()
}

fn cnv(b: &mut Builder<'_>, bits: Bits) -> Result<(), NnError> {
    let image = b.raw_image();
    let mut x = b.add("quantise", Layer::Lookup { table: input_table() }, &[image])?;
    for (i, out) in [64, 64, 128, 128, 256, 256].into_iter().enumerate() {
        let (name, window) = (format!("l{i}"), Window::valid(3, 1));
        let (size, weights) = weights(b, &name, window.kernel, x.shape.c, out, bits)?;
        let layer = if i == 0 {
            let weights = SmallFilters::new(size, weights.values(), &name)?;
            Layer::InputConv { weights, window, offset: 0 }
        } else {
            Layer::BinaryConv { weights, window }
        };
        let y = b.add(&name, layer, &[x])?;
        x = thresholds(b, &name, y, bits)?;
        if i == 1 || i == 3 {
            x = b.add(&format!("{name}_pool"), Layer::MaxPoolBits { window: Window::valid(2, 2) }, &[x])?;
        }
    }
    let classes = b.options.classes;
    dense_layers(b, x, 6, &[512, 512, classes], bits)
}

fn lfc(b: &mut Builder<'_>, bits: Bits) -> Result<(), NnError> {
    let image = b.raw_image();
    let x = b.add("pack", Layer::PackInput { threshold: 128, flatten: true }, &[image])?;
    let classes = b.options.classes;
    dense_layers(b, x, 0, &[1024, 1024, 1024, classes], bits)
}

/// Dense layers numbered from `first`; the last one gives scores: matches of ±1, or signed sums.
fn dense_layers(b: &mut Builder<'_>, mut x: Value, first: usize, outs: &[usize], bits: Bits) -> Result<(), NnError> {
    for (i, out) in outs.iter().enumerate() {
        let name = format!("l{}", first + i);
        let (pixels, terms) = (x.shape.pixels(), x.shape.len());
        let (_, filters) = weights(b, &name, [1, 1], terms, *out, bits)?;
        let layer = Layer::BinaryDense { weights: filters.regrouped(pixels, &name)? };
        let sums = b.add(&name, layer, &[x])?;
        if i + 1 < outs.len() {
            x = thresholds(b, &name, sums, bits)?;
            continue;
        }
        b.set_classifier(&name);
        if bits.activations == 1 {
            let terms = i32::try_from(terms).expect("dense layers were checked to be small");
            b.add("scores", Layer::OffsetShift { offset: vec![terms; *out], shift: 1 }, &[sums])?;
        }
    }
    Ok(())
}

fn weights(
    b: &mut Builder<'_>,
    name: &str,
    taps: [usize; 2],
    inputs: usize,
    outputs: usize,
    bits: Bits,
) -> Result<(crate::nn::FilterSize, BitFilters), NnError> {
    let kernel = KernelShape { order: KernelOrder::Oihw, taps, inputs, outputs };
    let tensor = format!("{name}.weight");
    let filters = if bits.weights == 1 {
        b.parameters().signs(&tensor, kernel)?.filters
    } else {
        b.parameters().ternary(&tensor, kernel)?
    };
    Ok((kernel.size(), filters))
}

fn thresholds(b: &mut Builder<'_>, name: &str, sums: Value, bits: Bits) -> Result<Value, NnError> {
    let values = b.parameters().integers(&format!("{name}.threshold"), sums.shape.c * bits.activations)?;
    let name = format!("{name}_threshold");
    let layer = Layer::Threshold(Thresholds::new(bits.activations, values, Vec::new(), &name)?);
    b.add(&name, layer, &[sums])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_input_table_is_the_formula_of_the_hardware() {
        for (p, q) in super::input_table().into_iter().enumerate() {
            let exact =
                ((f64::from(u32::try_from(p).unwrap()) / 255.0 * 2.0 - 1.0) * 128.0 + 0.5).floor().clamp(-128.0, 127.0);
            assert_eq!(f64::from(q), exact, "p = {p}");
        }
    }
}
