//! TensorFlow Lite's 8-bit layers, fast: codes go straight to the next map, nothing is allocated.
//!
//! Products are summed by the instructions made for them (AVX-512 VNNI, AVX2's pairs) or by plain loops compiled for each
//! instruction set; sums become codes sixteen channels at a time; what one code decides is a table. Everything equals
//! [`crate::nn::int8`] bit for bit: sums of integers do not depend on their order.

mod add;
mod depthwise;
mod dot;
mod elementwise;
mod requant;
#[allow(unsafe_code)]
mod simd;
mod window;

use crate::bits::Isa;
use crate::nn::run::{geometry, whole};
use crate::nn::{Int8, Tensor, TensorType};
use depthwise::Depthwise;
use dot::{Dot, DotScratch, Layer8};
use elementwise::{Binary, Convert, Unary};
use window::{Mean, Pool, WindowScratch};

/// One layer, prepared.
#[derive(Debug, Clone)]
pub(super) struct Eight(Kernel);

#[derive(Debug, Clone)]
enum Kernel {
    Dot(Dot),
    Depthwise(Depthwise),
    Pool(Pool),
    Mean(Mean),
    Unary(Unary),
    Binary(Binary),
    Convert(Convert),
}

/// Buffers of one call.
#[derive(Debug, Default)]
pub(super) struct EightScratch {
    dot: DotScratch,
    window: WindowScratch,
    values: Vec<i32>,
}

impl Eight {
    /// `None` where the layer is too odd to be worth a kernel.
    pub(super) fn new(layer: &Int8, input: TensorType) -> Option<Self> {
        let shape = input.shape;
        let kernel = match layer {
            Int8::Conv { weights, bias, window, input_zero, to } => {
                let layer = Layer8 { weights: weights.values(), bias, zero: *input_zero, to };
                Dot::new(&layer, shape.c, &geometry(*window, shape)).map(Kernel::Dot)
            }
            Int8::Dense { weights, bias, input_zero, to } => {
                let layer = Layer8 { weights: weights.values(), bias, zero: *input_zero, to };
                Dot::new(&layer, shape.c, &whole(shape)).map(Kernel::Dot)
            }
            Int8::Depthwise { weights, multiplier: 1, bias, window, input_zero, to } => {
                let layer = Layer8 { weights, bias, zero: *input_zero, to };
                Depthwise::new(&layer, &geometry(*window, shape)).map(Kernel::Depthwise)
            }
            Int8::MaxPool { window, range } => {
                Some(Kernel::Pool(Pool { g: geometry(*window, shape), mean: false, range: *range }))
            }
            Int8::AvgPool { window, range } => {
                Some(Kernel::Pool(Pool { g: geometry(*window, shape), mean: true, range: *range }))
            }
            Int8::Mean { input_zero, to } => Some(Kernel::Mean(Mean::new(*input_zero, to, shape.pixels(), shape.c))),
            Int8::Add { .. } | Int8::Mul { .. } => Binary::new(layer).map(Kernel::Binary),
            Int8::Quantise { .. } | Int8::Dequantise { .. } => Convert::new(layer).map(Kernel::Convert),
            _ => Unary::new(layer, shape.c).map(Kernel::Unary),
        };
        kernel.map(Self)
    }

    /// Runs it; types were checked when the network was built.
    pub(super) fn run(
        &self,
        isa: Isa,
        x: &Tensor,
        second: Option<&Tensor>,
        scratch: &mut EightScratch,
        out: &mut Tensor,
    ) {
        match (&self.0, x, out) {
            (Kernel::Dot(layer), Tensor::I8(x), Tensor::I8(out)) => layer.run(isa, x, &mut scratch.dot, out),
            (Kernel::Depthwise(layer), Tensor::I8(x), Tensor::I8(out)) => layer.run(isa, x, &mut scratch.window, out),
            (Kernel::Pool(layer), Tensor::I8(x), Tensor::I8(out)) => layer.run(isa, x, &mut scratch.window, out),
            (Kernel::Mean(layer), Tensor::I8(x), Tensor::I8(out)) => layer.run(isa, x, &mut scratch.window, out),
            (Kernel::Unary(layer), Tensor::I8(x), Tensor::I8(out)) => layer.run(x, &mut scratch.values, out),
            (Kernel::Binary(layer), Tensor::I8(x), Tensor::I8(out)) => {
                let second = if let Some(Tensor::I8(second)) = second { second } else { x };
                layer.run(isa, [x, second], &mut scratch.values, out);
            }
            (Kernel::Convert(Convert::Quantise(scale, zero)), Tensor::F32(x), Tensor::I8(out)) => {
                Convert::quantise(*scale, *zero, x.data(), out.data_mut());
            }
            (Kernel::Convert(Convert::Dequantise(values)), Tensor::I8(x), Tensor::F32(out)) => {
                Convert::dequantise(values, x.data(), out.data_mut());
            }
            _ => unreachable!("types were checked when the network was built"),
        }
    }
}
