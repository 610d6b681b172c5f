//! The operations of the pipeline, each with the names of its dimensions.

use serde::{Deserialize, Serialize};

/// The operation. Its dimensions' names are part of its definition and listed with each variant.
///
/// Operations with a window also have `rows_in` and `cols_in`: kernel rows (columns) inside the map, summed over the output's rows
/// (columns). With padding there are `pad_top pad_left`, `pad_value` (0 nothing, 1 +1) and `rows_full cols_full`: rows (columns) of
/// the output whose window lies inside as a whole. Products of codes with zero points have `affine`, sums that are checked at each addition
/// because their accumulator is not provably wide enough `checked`, a forward copy packed in fewer than 8 bits `packed` (the bits), rounding
/// at random `stochastic` (draws a value), rounding by another rule than ties to even `rule` (1 floor, 2 toward zero, 3 ties up, 4 ties away), a factor that is
/// a power of two below 1 `shift`.
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
    /// 2/(1 + exp(−2x)) − 1 in f32. `n`.
    Tanh,
    /// x·min(max(x + 3, 0), 6)/6 in f32. `n`.
    HardSwish,
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
    /// 8-bit depthwise convolution, requantised by channel. `oh ow channels kh kw` (+ as `Int8Conv`), and `multiplier` (outputs a channel of
    /// the input) where that is not 1.
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
    /// Batch accumulator set to zero. `n`.
    Clear,
    /// Outer product of error and features added to the batch accumulator. `classes features`.
    GradientAccumulate,
    /// One sample's whole step: weights −= error × feature × rate, bias too. `classes features`.
    OuterUpdate,
    /// Smallest and largest accumulator of the batch. `n`.
    GradientRange,
    /// Accumulators → gradient format. `n`.
    QuantiseGradient,
    /// Momentum and weight decay into the velocity. `n`, where it draws `kept` (1 with momentum).
    Velocity,
    /// Master weights −= rounded step. `n`.
    SgdUpdate,
    /// Smallest and largest value of a tensor whose range is taken anew. `n`.
    Range,
    /// Range of integers → its scale, zero point and factor. `n` (ranges).
    RangeScale,
    /// Rows kept in fewer than 8 bits (`packed` of them) or in halves → whole bytes or f32; codes → reals, or → wider codes. `n`.
    Unpack,
    /// The reverse of `Unpack`, rounded. `n` (+ `packed`).
    Pack,
    /// Values on a fine grid, or codes of another slot → codes of a slot. `n`.
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

    /// EWC, MAS: weights −= rounded (weight − anchor) · pull; where anchors are f32 and weights are not, what it moves is added to f32. `n`.
    AnchorPull,
    /// EWC, MAS: weights less what f32 penalties moved them, on a range taken anew (moves, weights). `n`.
    MoveWeights,
    /// EWC, MAS: f32 errors of a minibatch's logits, their batch gradient, its square (MAS: with `magnitude`, its magnitude) added.
    /// `batch classes features`.
    ImportanceAccumulate,
    /// EWC, MAS: weights → anchor, importance → pull (importance, weights, anchor, pull); with `running` earlier importance stays. `n`.
    KeepAnchor,
    /// LwF: two softmaxes over the known classes at a temperature, their weighted difference added to the errors. `batch classes`.
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
