//! The layers a network is made of, as plain data.

use super::{BitFilters, Int8, OutputTransform, SmallFilters, Standardise, Thresholds, Window};

/// One layer. Each variant says what it reads and gives; all sums are exact integers unless it says float.
///
/// Float layers compute in f32, in the stated order, without fused multiply-add, so every machine gives the same bits.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// u8 → ±1: −1 iff the pixel is below the threshold.
    PackInput {
        /// Smallest pixel that becomes +1.
        threshold: u8,
        /// Whether the whole image becomes one row of bits (1 × 1 × h·w·c), as a dense layer wants it.
        flatten: bool,
    },
    /// u8 → i8 by a table of 256 entries, indexed by the pixel.
    Lookup {
        /// 256 entries.
        table: Vec<i8>,
    },
    /// u8 or i8 → i32: Σ w·(x − offset) over the window; a tap outside adds nothing.
    InputConv {
        /// Weights, (output, ky, kx, channel).
        weights: SmallFilters,
        /// Window; padding fills with zero.
        window: Window,
        /// Subtracted from every value read.
        offset: i32,
    },
    /// ±1 or 2-bit → i32: signed sum over the window, `K − 2·popcount`.
    BinaryConv {
        /// Weights, (output, ky, kx, channel).
        weights: BitFilters,
        /// Window; its fill says what a tap outside reads.
        window: Window,
    },
    /// ±1 or 2-bit → i32: signed sum over the whole map, in order (y, x, channel).
    BinaryDense {
        /// Weights, (output, y, x, channel).
        weights: BitFilters,
    },
    /// i32 → ±1 or 2-bit by per-channel thresholds.
    Threshold(Thresholds),
    /// ±1 or 2-bit → the same: maximum over the window; taps outside never win.
    MaxPoolBits {
        /// Window.
        window: Window,
    },
    /// ±1 → i32, 1 × 1: number of +1 over all pixels, 0..=h·w, by channel.
    GlobalSumBits,
    /// i32 → i32, 1 × 1: sum over all pixels, by channel.
    GlobalSum,
    /// i32 + i32 → i32 (wrapping is refused when the network is built), or f32 + f32 → f32.
    Add,
    /// i32 → i32: `(x + offset[c]) >> shift`, arithmetic shift.
    OffsetShift {
        /// One a channel.
        offset: Vec<i32>,
        /// 0..=31.
        shift: u32,
    },
    /// i32 → i8 codes by a per-channel multiplier and offset.
    Standardise(Standardise),
    /// i32 → f32: `float(clamp(x, clamp) − base)·mul[c] + add[c]`, each operation rounded (LCE's output transform).
    OutputTransform(OutputTransform),
    /// i32 → f32 with 1/`bases` of the channels: `Σₘ coefficient[m, c]·float(x[m·c_out + c])`, m ascending from 0, each
    /// operation rounded. Sums the outputs of several binary filter banks, as ABC-Net's weight bases ask.
    CombineBases {
        /// Filter banks that follow one another in the channels, at least 1.
        bases: usize,
        /// One a base and output channel, (base, channel).
        coefficients: Vec<f32>,
    },

    /// Any → f32: `x·mul[c] + add[c]`, two roundings. Batch normalisation at inference, input scaling, dequantisation.
    Affine {
        /// One a channel.
        mul: Vec<f32>,
        /// One a channel.
        add: Vec<f32>,
    },
    /// i32 or f32 → the same: max(x, 0).
    Relu,
    /// f32 → f32: x if x ≥ 0, else alpha[c]·x.
    PRelu {
        /// One a channel.
        alpha: Vec<f32>,
    },
    /// f32 → ±1: −1 iff x < 0; both zeros become +1.
    Sign,
    /// f32 → f32: `x + bias[c]`, one rounding (ReActNet's shifts).
    Bias {
        /// One a channel.
        bias: Vec<f32>,
    },
    /// f32 → f32: `1 / (1 + exp(−x))` with [`crate::numeric::elementary::exp_f32`], one rounded addition and one rounded division.
    Sigmoid,
    /// f32 → f32: min(max(x, low), high); NaN becomes low.
    Clamp {
        /// Smallest value let through.
        low: f32,
        /// Largest value let through.
        high: f32,
    },
    /// f32 → f32: 2/(1 + exp(−2x)) − 1.
    Tanh,
    /// f32 → f32: x·min(max(x + 3, 0), 6)/6, from left to right.
    HardSwish,
    /// f32 → f32, each pixel by itself: [`crate::numeric::elementary::softmax_f32`] of its channels (numerics N43).
    Softmax,
    /// f32 (h × w × c) and f32 (1 × 1 × c) → f32: each pixel times the second map, channel by channel.
    Gate,
    /// Two or more maps of f32 or i8 and one size → the same: their channels one after the other.
    Concat,
    /// f32 → f32: channels `start..start + len`.
    Slice {
        /// First channel.
        start: usize,
        /// Channels.
        len: usize,
    },
    /// f32 (c channels) and f32 (at most c) → f32: the second map added to the last channels of the first.
    AddLast,
    /// f32 → f32: Σ ±x over (ky, kx, channel) in that order; a tap outside adds nothing. ±1 weights under real inputs.
    SignConv {
        /// Weights, (output, ky, kx, channel), one plane.
        weights: BitFilters,
        /// Window; padding fills with zero.
        window: Window,
    },
    /// f32 → f32: Σ w·x over (ky, kx, channel) in that order, then the bias.
    FloatConv {
        /// Weights, (output, ky, kx, channel).
        weights: Vec<f32>,
        /// Output channels.
        out: usize,
        /// Empty or one an output.
        bias: Vec<f32>,
        /// Window; padding fills with zero.
        window: Window,
    },
    /// f32 → f32, channel by channel: Σ w·x over (ky, kx), then the bias.
    DepthwiseConv {
        /// Weights, (ky, kx, channel).
        weights: Vec<f32>,
        /// Empty or one a channel.
        bias: Vec<f32>,
        /// Window; padding fills with zero.
        window: Window,
    },
    /// f32 → f32: Σ w·x over (y, x, channel) in that order, then the bias.
    FloatDense {
        /// Weights, (output, y, x, channel).
        weights: Vec<f32>,
        /// Outputs.
        out: usize,
        /// Empty or one an output.
        bias: Vec<f32>,
    },
    /// i32 or f32 → the same: maximum over the window; taps outside never win.
    MaxPool {
        /// Window.
        window: Window,
    },
    /// f32 → f32: sum over the window in order (ky, kx), divided by the number of taps inside the map.
    AvgPool {
        /// Window.
        window: Window,
    },
    /// f32 → f32, 1 × 1: sum over all pixels in order, divided by their number.
    GlobalAvgPool,

    /// An 8-bit layer with TensorFlow Lite's integer rules.
    Int8(Int8),
}

impl Layer {
    /// The operation's name in files and messages.
    pub fn op(&self) -> &'static str {
        match self {
            Layer::PackInput { .. } => "pack_input",
            Layer::Lookup { .. } => "lookup",
            Layer::InputConv { .. } => "input_conv",
            Layer::BinaryConv { .. } => "binary_conv",
            Layer::BinaryDense { .. } => "binary_dense",
            Layer::Threshold(_) => "threshold",
            Layer::MaxPoolBits { .. } => "max_pool_bits",
            Layer::GlobalSumBits => "global_sum_bits",
            Layer::GlobalSum => "global_sum",
            Layer::Add => "add",
            Layer::OffsetShift { .. } => "offset_shift",
            Layer::Standardise(_) => "standardise",
            Layer::OutputTransform(_) => "output_transform",
            Layer::CombineBases { .. } => "combine_bases",
            Layer::Bias { .. } => "bias",
            Layer::Sigmoid => "sigmoid",
            Layer::Clamp { .. } => "clamp",
            Layer::Softmax => "softmax",
            Layer::Tanh => "tanh",
            Layer::HardSwish => "hard_swish",
            Layer::Gate => "gate",
            Layer::Concat => "concat",
            Layer::Slice { .. } => "slice",
            Layer::AddLast => "add_last",
            Layer::SignConv { .. } => "sign_conv",
            Layer::Affine { .. } => "affine",
            Layer::Relu => "relu",
            Layer::PRelu { .. } => "prelu",
            Layer::Sign => "sign",
            Layer::FloatConv { .. } => "float_conv",
            Layer::DepthwiseConv { .. } => "depthwise_conv",
            Layer::FloatDense { .. } => "float_dense",
            Layer::MaxPool { .. } => "max_pool",
            Layer::AvgPool { .. } => "avg_pool",
            Layer::GlobalAvgPool => "global_avg_pool",
            Layer::Int8(layer) => layer.op(),
        }
    }

    /// Packed filters, of the layers that have them.
    pub fn filters(&self) -> Option<&BitFilters> {
        match self {
            Layer::BinaryConv { weights, .. } | Layer::BinaryDense { weights } | Layer::SignConv { weights, .. } => {
                Some(weights)
            }
            _ => None,
        }
    }

    /// How many inputs it reads: at least, at most.
    pub fn arity(&self) -> (usize, usize) {
        match self {
            Layer::Add | Layer::Gate | Layer::AddLast => (2, 2),
            Layer::Concat => (2, usize::MAX),
            Layer::Int8(layer) => (layer.arity(), layer.arity()),
            _ => (1, 1),
        }
    }
}
