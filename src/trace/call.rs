//! One kernel call: operation, phase, named dimensions, element types and buffers.

use serde::{Deserialize, Serialize};

/// The part of the pipeline that a call belongs to; costs are reported by phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The frozen backbone: image in, features out.
    Inference,
    /// Features to logits and probabilities with the low-precision copy.
    HeadForward,
    /// Error and gradient of the head.
    Backward,
    /// The optimiser's step on the master weights and the new forward copy.
    Update,
    /// CWR* loading, mean subtraction and weighted sum, once an experience.
    Consolidate,
}

/// The operation. Its dimensions' names are part of its definition and listed with each variant.
///
/// Operations with a window also have `rows_in` and `cols_in`: kernel rows (columns) inside the map, summed over the output's rows
/// (columns). With padding there are `pad_top pad_left`, `pad_value` (0 nothing, 1 +1) and `rows_full cols_full`: rows (columns) of
/// the output whose window lies inside as a whole. A head with zero points in its dot products has `affine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// 8-bit image × ±1 weights → accumulators. `oh ow oc kh kw ic` (+ `ih iw`, `stride`).
    InputConv,
    /// As `InputConv` with the threshold fused: packed bits out. Same dims and `owords` = ⌈oc/32⌉.
    InputConvThreshold,
    /// xor-popcount convolution → i32 accumulators. `oh ow oc kh kw words` (words of 32 bits a tap) (+ `ih iw`, `stride`).
    BinaryConv,
    /// As `BinaryConv` with the threshold fused: packed bits out. Same dims and `owords`.
    BinaryConvThreshold,
    /// xor-popcount matrix-vector product → i32. `rows words`.
    BinaryDense,
    /// As `BinaryDense` with the threshold fused: packed bits out. `rows words owords`.
    BinaryDenseThreshold,
    /// Accumulators → packed bits by per-channel thresholds. `pixels channels`.
    Threshold,
    /// Max pooling on packed bits (OR of +1s). `oh ow k words` (+ `ih iw`, `stride`).
    MaxPoolBits,
    /// Count of +1 over all pixels, by channel. `pixels channels words`.
    GlobalSumBits,
    /// Sum of integers over all pixels, by channel. `pixels channels`.
    GlobalSum,
    /// 8-bit pixels → packed bits by comparison with one number. `n`.
    PackInput,
    /// 8-bit pixels → 8-bit codes by a table of 256. `n`.
    Lookup,
    /// Residual add of two maps of i32 or of f32. `n`.
    Add,
    /// Integers plus a per-channel constant, then an arithmetic shift right. `n pixels channels`.
    OffsetShift,
    /// Integers → features: per-channel offset, multiplier, shift, saturation. `n`.
    Standardise,
    /// As `BinaryConv` with the output transform fused: clamp, f32 multiply and add; f32 out. Same dims.
    BinaryConvTransform,
    /// As `BinaryDense` with the output transform fused: f32 out. Same dims.
    BinaryDenseTransform,
    /// i32 accumulators → f32: clamp, offset, multiply, add. `pixels channels`.
    OutputTransform,
    /// Sums of `bases` filter banks → f32, each times its coefficient. `pixels channels bases` (`channels` of the output).
    CombineBases,

    /// f32 convolution, bias added last where there is one. `oh ow oc kh kw ic` (+ `ih iw`, `stride`, padding).
    FloatConv,
    /// f32 image × ±1 weights. `oh ow oc kh kw ic` (+ as `FloatConv`).
    SignConv,
    /// f32 depthwise convolution. `oh ow channels kh kw` (+ as `FloatConv`).
    DepthwiseConv,
    /// f32 matrix-vector product. `rows columns`.
    FloatDense,
    /// Any → f32: multiply and add by channel. `pixels channels`.
    Affine,
    /// f32 plus a constant a channel. `pixels channels`.
    Bias,
    /// max(x, 0). `n`.
    Relu,
    /// f32: x, or its channel's slope times x below zero. `pixels channels`.
    PRelu,
    /// 1/(1 + exp(−x)) in f32. `n`.
    Sigmoid,
    /// f32 → packed signs. `pixels channels words`.
    Sign,
    /// Max pooling of i32 or f32. `oh ow channels kh kw` (+ `ih iw`, `stride`, padding).
    MaxPool,
    /// Mean over the taps inside the map, f32. `oh ow channels kh kw` (+ `ih iw`, `stride`, padding).
    AvgPool,
    /// Mean over all pixels, f32. `pixels channels`.
    GlobalAvgPool,
    /// f32 map times one factor a channel computed by the network. `pixels channels`.
    Gate,
    /// Channels of f32 maps one after the other, copied. `pixels channels` (of the output) `inputs`.
    Concat,
    /// Some channels of an f32 map, copied. `pixels channels` (of the output) `from` (channels of the input).
    Slice,
    /// f32 map added to the last channels of a wider one. `pixels channels tail`.
    AddLast,
    /// min(max(x, low), high) in f32. `n`.
    Clamp,
    /// Softmax of the channels of each pixel, f32. `pixels channels`.
    FloatSoftmax,

    /// 8-bit convolution, requantised by channel. `oh ow oc kh kw ic` (+ `ih iw`, `stride`, padding).
    Int8Conv,
    /// 8-bit depthwise convolution, requantised by channel. `oh ow channels kh kw` (+ as `Int8Conv`).
    Int8DepthwiseConv,
    /// 8-bit matrix-vector product, requantised. `rows columns`.
    Int8Dense,
    /// Sum of two 8-bit maps with scales of their own. `n`.
    Int8Add,
    /// Product of two 8-bit maps, requantised. `n`.
    Int8Mul,
    /// 8-bit map times one 8-bit factor a channel, requantised. `pixels channels`.
    Int8Gate,
    /// Max pooling of 8-bit maps. `oh ow channels kh kw` (+ as `Int8Conv`).
    Int8MaxPool,
    /// Mean over the taps inside an 8-bit map. `oh ow channels kh kw` (+ as `Int8Conv`).
    Int8AvgPool,
    /// Mean over all pixels of an 8-bit map, requantised. `pixels channels`.
    Int8Mean,
    /// Softmax of the 8-bit channels of each pixel. `pixels channels`.
    Int8Softmax,
    /// 8-bit codes to another scale, clamped. `n`.
    Int8Rescale,
    /// 8-bit codes times one of two factors by their sign. `pixels channels`.
    Int8PRelu,
    /// f32 to 8-bit codes, or back. `n`.
    Int8Convert,

    /// Master weights → forward copy. `n`.
    ForwardCopy,
    /// Features × forward copy → logits. `classes features`.
    HeadForward,
    /// Logits → probabilities. `classes`.
    Softmax,
    /// Index of the largest logit. `classes`.
    ArgMax,
    /// Probabilities − one-hot, and its range, over the batch. `batch classes`.
    Error,
    /// Error → its format with the batch's range. `n`.
    QuantiseError,
    /// Outer product of error and features added to the batch accumulator. `classes features`.
    GradientAccumulate,
    /// One sample's whole step: weights −= error × feature × rate, bias too. `classes features`.
    OuterUpdate,
    /// Smallest and largest accumulator of the batch. `n`.
    GradientRange,
    /// Accumulators → gradient format. `n`.
    QuantiseGradient,
    /// Momentum and weight decay into the velocity. `n`.
    Velocity,
    /// Master weights −= rounded step. `n`.
    SgdUpdate,
    /// Smallest and largest value of a tensor whose range is taken anew. `n`.
    Range,
    /// Values on a fine grid → codes of a slot. `n`.
    Requantise,
    /// Zero or copy rows at the start of an experience. `n` weights in `rows` rows.
    LoadRows,
    /// CWR*'s scalar mean of the current classes' rows. `n` weights in `rows` rows.
    MeanRows,
    /// √(past/current) of one class. `classes`.
    PastWeight,
    /// Weighted sum of old and new rows. `n` weights in `rows` rows.
    ConsolidateRows,

    /// AR1*: binary layer's sums times a factor, added to the features in place, limited. `n`.
    Residual,
    /// AR1*: one sample's error back through the head's master weights → accumulators. `classes features`.
    InputGradient,
    /// AR1*: f32 sum of gradient times movement of each weight of the layer. `n`.
    PathIntegral,
    /// AR1*: the experience's path integral over its squared movement onto the total, and the importance from it. `n`.
    PathImportance,

    /// EWC, MAS: weights −= rounded (weight − anchor) · pull. `n`.
    AnchorPull,
    /// EWC, MAS: f32 errors of a minibatch's logits, their batch gradient, its square or magnitude added. `batch classes features`.
    ImportanceAccumulate,
    /// EWC, MAS: weights → anchor, importance → pull. `n`.
    KeepAnchor,
    /// LwF: two softmaxes at a temperature, their weighted difference added to the errors. `batch classes`.
    Distil,
    /// One sample added to its class's sum. `features`.
    MeanUpdate,
    /// SLDA: rank-one update of the shared covariance (lower triangle). `features`.
    CovarianceUpdate,
    /// Class sums and counts → rows and offsets. `classes features`.
    MeansToRows,
    /// SLDA: Cholesky factor of the covariance, then one solution a class. `classes features`.
    SolveRows,
    /// Replay: features → buffer. `n`.
    StoreLatent,
    /// Replay: buffer → features. `n`.
    LoadLatent,
}

/// How an element is stored on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Elem {
    /// Packed ±1, 32 to a word.
    B1,
    /// −1, 0 or +1 as two packed planes of ±1 whose half sum it is, each 32 to a word.
    B2,
    /// Unsigned byte (pixels).
    U8,
    /// Signed, stored in 1 byte (2…8 bits of value; sub-byte formats packed give their own `bits`).
    I8,
    /// Signed, 2 bytes.
    I16,
    /// Signed, 4 bytes.
    I32,
    /// Signed, 8 bytes.
    I64,
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    Bf16,
}

impl Elem {
    /// How a device stores one value of a format: sub-byte integers count as `I8`, 9…16 bits as `I16`, more as `I32`.
    pub fn of(format: &crate::numeric::Format) -> Self {
        use crate::numeric::Format;
        match format {
            Format::Binary => Elem::B1,
            Format::F32 => Elem::F32,
            Format::F16 => Elem::F16,
            Format::Bf16 => Elem::Bf16,
            Format::Int(_) | Format::Fixed(_) => match format.bits() {
                ..=8 => Elem::I8,
                9..=16 => Elem::I16,
                _ => Elem::I32,
            },
        }
    }

    /// Short name used in kernel files: `b1 b2 u8 i8 i16 i32 i64 f32 f16 bf16`.
    pub fn code(self) -> &'static str {
        match self {
            Elem::B1 => "b1",
            Elem::B2 => "b2",
            Elem::U8 => "u8",
            Elem::I8 => "i8",
            Elem::I16 => "i16",
            Elem::I32 => "i32",
            Elem::I64 => "i64",
            Elem::F32 => "f32",
            Elem::F16 => "f16",
            Elem::Bf16 => "bf16",
        }
    }
}

/// Named dimensions in the order they were given; names are listed with each [`Op`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dims(Vec<(String, u64)>);

impl Dims {
    /// No dimensions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; a name given twice keeps its newest value.
    pub fn with(mut self, name: &str, value: u64) -> Self {
        self.0.retain(|(n, _)| n != name);
        self.0.push((name.to_owned(), value));
        self
    }

    /// The value of a dimension, if it was given.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(n, _)| n == name).map(|&(_, v)| v)
    }

    /// All of them, in order, as they are stored.
    pub fn sizes(&self) -> &[(String, u64)] {
        &self.0
    }

    /// Changes the value of a dimension that is there; `false` where it is not.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        self.0.iter_mut().find(|(n, _)| n == name).map(|(_, v)| *v = value).is_some()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(n, v)| (n.as_str(), *v))
    }
}

/// What a buffer holds, which decides where it may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BufferKind {
    /// Constant: flash, or RAM where the profile says so.
    Weights,
    /// Lives from its first write to its last read: the arena.
    Activation,
    /// Working space of one call: the arena.
    Scratch,
    /// Kept between steps (master and consolidated weights, counts, velocity): RAM for good.
    State,
}

/// Direction of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Only read.
    Read,
    /// Written before it is read.
    Write,
    /// Read and written.
    ReadWrite,
}

/// One buffer of a call. The same `name` in two calls is the same memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BufferUse {
    /// Unique in the run, e.g. `l3.bits` or `head.master`.
    pub name: String,
    /// Size of the whole buffer.
    pub bytes: u64,
    /// What it holds.
    pub kind: BufferKind,
    /// Direction.
    pub access: Access,
}

impl BufferUse {
    /// A buffer of `bytes` bytes.
    pub fn new(name: &str, bytes: u64, kind: BufferKind, access: Access) -> Self {
        Self { name: name.to_owned(), bytes, kind, access }
    }
}

/// One operation as a device would run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelCall {
    /// The operation.
    pub op: Op,
    /// The part of the pipeline.
    pub phase: Phase,
    /// Where in the network or head (layer name).
    pub site: String,
    /// Named dimensions of one execution.
    pub dims: Dims,
    /// Element types in the operation's order (inputs, then output); part of the kernel's identity.
    pub elems: Vec<Elem>,
    /// Buffers read and written.
    pub buffers: Vec<BufferUse>,
    /// How often in a row this very call ran.
    pub times: u64,
}

impl KernelCall {
    /// A call with no dimensions yet, run once.
    pub fn new(op: Op, phase: Phase, site: &str) -> Self {
        Self { op, phase, site: site.to_owned(), dims: Dims::new(), elems: Vec::new(), buffers: Vec::new(), times: 1 }
    }

    /// Sets the dimensions.
    pub fn dims(mut self, dims: Dims) -> Self {
        self.dims = dims;
        self
    }

    /// Sets the element types.
    pub fn elems(mut self, elems: &[Elem]) -> Self {
        self.elems = elems.to_vec();
        self
    }

    /// Adds a buffer.
    pub fn buffer(mut self, buffer: BufferUse) -> Self {
        self.buffers.push(buffer);
        self
    }

    /// Equal in everything but `times`.
    pub fn same_work(&self, other: &Self) -> bool {
        self.op == other.op
            && self.phase == other.phase
            && self.site == other.site
            && self.dims == other.dims
            && self.elems == other.elems
            && self.buffers == other.buffers
    }
}
/// Bytes of all constants that some calls read, each buffer once.
pub fn constant_bytes(calls: &[KernelCall]) -> u64 {
    let constants = calls.iter().flat_map(|c| &c.buffers).filter(|b| b.kind == BufferKind::Weights);
    constants.map(|b| (b.name.as_str(), b.bytes)).collect::<std::collections::BTreeMap<_, _>>().values().sum()
}
