//! TensorFlow Lite's 8-bit layers, each with the integer rules of its reference kernel.
//!
//! An 8-bit map holds codes q that stand for `scale·(q − zero)`; the scales are folded into multipliers when a file is read, so
//! the layers know zero points and multipliers only. Every layer documents the reference kernel it equals bit for bit.

mod elementwise;
mod linear;
mod multiplier;
mod pool;
mod softmax;

pub(crate) use elementwise::{dequantise, quantise};
pub use multiplier::{Multiplier, Requant, Roundings};
pub(crate) use pool::rounded_mean;
pub use softmax::Softmax;

use super::error::check_len;
use super::infer::{Cx, Info};
use super::{FilterSize, Kind, Map, NnError, Shape, SmallFilters, Tensor, Window};

/// One 8-bit layer. Taps beyond the border add nothing (they read the zero point).
#[derive(Debug, Clone, PartialEq)]
pub enum Int8 {
    /// i8 → i8: Σ w·(x − input_zero) + bias over (ky, kx, channel), then [`Requant`]. Equals `ConvPerChannel`.
    Conv {
        /// Weights, (output, ky, kx, channel).
        weights: SmallFilters,
        /// One an output.
        bias: Vec<i32>,
        /// Window.
        window: Window,
        /// Code of zero in what it reads.
        input_zero: i32,
        /// Sums to codes, one factor or one an output.
        to: Requant,
    },
    /// i8 → i8, output `c·multiplier + m` from channel c alone. Equals `DepthwiseConvPerChannel`.
    Depthwise {
        /// Weights, (ky, kx, output).
        weights: Vec<i8>,
        /// Outputs of each channel.
        multiplier: usize,
        /// One an output.
        bias: Vec<i32>,
        /// Window.
        window: Window,
        /// Code of zero in what it reads.
        input_zero: i32,
        /// Sums to codes, one factor or one an output.
        to: Requant,
    },
    /// i8 → i8, 1 × 1: the whole map, in order (y, x, channel). Equals `FullyConnected` of the integer reference kernels.
    Dense {
        /// Weights, (output, input).
        weights: SmallFilters,
        /// One an output.
        bias: Vec<i32>,
        /// Code of zero in what it reads.
        input_zero: i32,
        /// Sums to codes, one factor or one an output.
        to: Requant,
    },
    /// Two of i8 → i8: both inputs less their zeros, times 2^20, scaled to a common unit, added, scaled to the output's. Equals `AddElementwise`.
    Add {
        /// Codes of zero of the inputs.
        zeros: [i32; 2],
        /// To the common unit.
        factors: [Multiplier; 2],
        /// From it to the output; one factor.
        to: Requant,
    },
    /// Two of i8 → i8: (a − zero)·(b − zero), then [`Requant`]. Equals `MulElementwise`. The second may be 1 × 1: one value a channel.
    Mul {
        /// Codes of zero of the inputs.
        zeros: [i32; 2],
        /// One factor.
        to: Requant,
    },
    /// i8 → i8: maximum over the window, clamped; taps outside never win. Equals `MaxPool`.
    MaxPool {
        /// Window.
        window: Window,
        /// Smallest and largest code.
        range: [i8; 2],
    },
    /// i8 → i8: mean of the taps inside, halves away from zero, clamped. Equals `AveragePool`.
    AvgPool {
        /// Window.
        window: Window,
        /// Smallest and largest code.
        range: [i8; 2],
    },
    /// i8 → i8, 1 × 1: (Σ x − n·input_zero) over all n pixels by [`Requant`], whose factor holds the 1/n. Equals `QuantizedMeanOrSum`.
    Mean {
        /// Code of zero in what it reads.
        input_zero: i32,
        /// One factor.
        to: Requant,
    },
    /// i8 → i8: probabilities in units of 1/256 less 128. Equals `Softmax`.
    Softmax(Softmax),
    /// i8 → i8 by a table of 256 entries, indexed by code + 128.
    Table {
        /// 256 entries.
        table: Vec<i8>,
    },
    /// i8 → i8: (x − input_zero) by [`Requant`]: another scale, or a ReLU. Equals `Requantize` and `ReluX`.
    Rescale {
        /// Code of zero in what it reads.
        input_zero: i32,
        /// One factor.
        to: Requant,
    },
    /// i8 → i8: v = x − input_zero; `positive·v` where v ≥ 0, else `negative·(v·alpha[c])`. Equals `BroadcastPrelu4DSlow`.
    PRelu {
        /// Code of zero in what it reads.
        input_zero: i32,
        /// One a channel, less their zero point: −255 to 255.
        alpha: Vec<i32>,
        /// Factor of v.
        positive: Multiplier,
        /// Factor of v·alpha.
        negative: Multiplier,
        /// Code of zero in the output.
        zero: i32,
    },
    /// f32 → i8: `clamp(round(x / scale) + zero)`, halves away from zero; NaN gives zero. Equals `AffineQuantize`.
    Quantise {
        /// Value of one step.
        scale: f32,
        /// Code of zero.
        zero: i32,
    },
    /// i8 → f32: `scale·(x − zero)`, rounded once. Equals `Dequantize`.
    Dequantise {
        /// Value of one step.
        scale: f32,
        /// Code of zero.
        zero: i32,
    },
}

impl Int8 {
    /// The operation's name in files and messages.
    pub fn op(&self) -> &'static str {
        match self {
            Int8::Conv { .. } => "int8_conv",
            Int8::Depthwise { .. } => "int8_depthwise_conv",
            Int8::Dense { .. } => "int8_dense",
            Int8::Add { .. } => "int8_add",
            Int8::Mul { .. } => "int8_mul",
            Int8::MaxPool { .. } => "int8_max_pool",
            Int8::AvgPool { .. } => "int8_avg_pool",
            Int8::Mean { .. } => "int8_mean",
            Int8::Softmax(_) => "int8_softmax",
            Int8::Table { .. } => "int8_table",
            Int8::Rescale { .. } => "int8_rescale",
            Int8::PRelu { .. } => "int8_prelu",
            Int8::Quantise { .. } => "quantise_int8",
            Int8::Dequantise { .. } => "dequantise_int8",
        }
    }

    /// How many inputs it reads.
    pub fn arity(&self) -> usize {
        if matches!(self, Int8::Add { .. } | Int8::Mul { .. }) { 2 } else { 1 }
    }

    /// Constant tensors with their bytes on a device: 8-bit weights, 32-bit biases, 8 bytes a factor of a channel.
    pub(crate) fn constants(&self) -> Vec<(&'static str, usize)> {
        let linear = |weights: usize, bias: usize, to: &Requant| {
            vec![("weight", weights), ("bias", bias * 4), ("factor", to.factors.len() * 8)]
        };
        match self {
            Int8::Conv { weights, bias, to, .. } | Int8::Dense { weights, bias, to, .. } => {
                linear(weights.values().len(), bias.len(), to)
            }
            Int8::Depthwise { weights, bias, to, .. } => linear(weights.len(), bias.len(), to),
            Int8::Table { table } => vec![("table", table.len())],
            Int8::PRelu { alpha, .. } => vec![("alpha", alpha.len() * 4)],
            _ => Vec::new(),
        }
    }
}

/// What an 8-bit layer gives for what it reads.
pub(super) fn infer(layer: &Int8, cx: &Cx<'_>, second: Option<Info>) -> Result<Info, NnError> {
    let shape = cx.input.ty.shape;
    let reads = if matches!(layer, Int8::Quantise { .. }) { Kind::F32 } else { Kind::I8 };
    cx.reads(&[reads])?;
    let out = match layer {
        Int8::Conv { weights, bias, window, input_zero, to } => {
            let out = cx.conv(*window, weights.size())?;
            let (weights, input_zero) = (weights.values(), *input_zero);
            linear::Linear { out: out.c, weights, bias, input_zero, to, by_row: true }.check(cx)?;
            out
        }
        Int8::Depthwise { weights, multiplier, bias, window, input_zero, to } => {
            let out = shape.c.saturating_mul(*multiplier);
            check_len(&cx.part("weight"), weights.len(), window.taps().saturating_mul(out))?;
            linear::Linear { out, weights, bias, input_zero: *input_zero, to, by_row: false }.check(cx)?;
            Shape { c: out, ..cx.pool(*window)? }
        }
        Int8::Dense { weights, bias, input_zero, to } => {
            let FilterSize { out, .. } = weights.size();
            check_len(&cx.part("weight row"), weights.size().fan_in(), shape.len())?;
            let (weights, input_zero) = (weights.values(), *input_zero);
            linear::Linear { out, weights, bias, input_zero, to, by_row: true }.check(cx)?;
            Shape::new(1, 1, out)
        }
        Int8::MaxPool { window, .. } | Int8::AvgPool { window, .. } => cx.pool(*window)?,
        Int8::Mean { to, .. } => {
            check_len(&cx.part("factor"), to.factors.len(), 1)?;
            cx.sum(shape, u128::try_from(shape.pixels()).unwrap_or(u128::MAX).saturating_mul(255))?;
            Shape::new(1, 1, shape.c)
        }
        _ => {
            elementwise::check(layer, cx, second)?;
            shape
        }
    };
    let kind = if matches!(layer, Int8::Dequantise { .. }) { Kind::F32 } else { Kind::I8 };
    Ok(cx.gives(out, kind, if kind == Kind::I8 { 128 } else { 0 }))
}

/// Runs a layer by the reference loops.
pub(super) fn run(layer: &Int8, x: &Tensor, second: Option<&Tensor>) -> Tensor {
    if let (Int8::Quantise { scale, zero }, Tensor::F32(x)) = (layer, x) {
        let codes = x.data().iter().map(|v| elementwise::quantise(*v, *scale, *zero));
        return Tensor::I8(mapped(x.shape(), codes));
    }
    let Tensor::I8(x) = x else { unreachable!("types were checked when the network was built") };
    let second = match second {
        Some(Tensor::I8(second)) => second,
        _ => x,
    };
    if let Int8::Dequantise { scale, zero } = layer {
        return Tensor::F32(mapped(x.shape(), x.data().iter().map(|v| elementwise::dequantise(*v, *scale, *zero))));
    }
    Tensor::I8(match layer {
        Int8::Conv { .. } | Int8::Dense { .. } | Int8::Depthwise { .. } => linear::reference(layer, x),
        Int8::MaxPool { window, range } => pool::max(x, *window, *range),
        Int8::AvgPool { window, range } => pool::average(x, *window, *range),
        Int8::Mean { input_zero, to } => pool::mean(x, *input_zero, to),
        Int8::Softmax(softmax) => softmax.map(x),
        _ => elementwise::map(layer, x, second),
    })
}

fn mapped<T: Copy + Default>(shape: Shape, values: impl Iterator<Item = T>) -> Map<T> {
    Map::new(shape, values.collect()).expect("one value for each")
}
