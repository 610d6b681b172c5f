//! Everything that can go wrong in this room, by whose fault it is.

use thiserror::Error;

/// A format, rounding rule or other choice that cannot be read or does not exist.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FormatError {
    /// The text names no format.
    #[error("`{text}` is not a number format; write binary, int2 … int32, qI.F (I + F from 1 to 31), f32, f16 or bf16")]
    Unknown {
        /// The text as given.
        text: String,
    },
    /// An integer width outside 2…32.
    #[error("`int{bits}` does not exist: an integer format has 2 to 32 bits (for ±1 write binary)")]
    Bits {
        /// The width asked for.
        bits: u64,
    },
    /// A fixed-point format that does not fit 32 bits.
    #[error(
        "`q{integer}.{fraction}` does not fit: the sign bit, {integer} integer and {fraction} fraction bits are {} bits; I + F must be from 1 to 31",
        integer + fraction + 1
    )]
    Fixed {
        /// Integer bits asked for, the sign not counted.
        integer: u64,
        /// Fraction bits asked for.
        fraction: u64,
    },
    /// An option after `:` that integers do not have.
    #[error(
        "`{option}` in `{text}` is no option of an integer format; options are symmetric, affine, per-tensor, per-channel, real, pow2, dynamic, frozen, static(lo,hi)"
    )]
    Option {
        /// The option as given.
        option: String,
        /// The whole text.
        text: String,
    },
    /// Two options that exclude each other.
    #[error("`{text}` sets the {what} twice; keep one")]
    Twice {
        /// Which property.
        what: &'static str,
        /// The whole text.
        text: String,
    },
    /// Options on a format that takes none.
    #[error("`{text}`: only integer formats take options after `:`; write `{bare}`")]
    NoOptions {
        /// The whole text.
        text: String,
        /// The format without options.
        bare: String,
    },
    /// A static range that is empty, not finite, or lopsided in a symmetric format.
    #[error("static({lo},{hi}) is no range: {why}")]
    Range {
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
        /// What is wrong and the way out.
        why: &'static str,
    },
    /// A word outside a closed list.
    #[error("`{text}` is not a {what}; choose one of {allowed}")]
    Choice {
        /// What was asked for.
        what: &'static str,
        /// The text as given.
        text: String,
        /// The allowed words.
        allowed: String,
    },
    /// An accumulator width outside 8…64.
    #[error("`acc{bits}` does not exist: an accumulator has 8 to 64 bits")]
    AccumulatorBits {
        /// The width asked for.
        bits: u64,
    },
}

/// A value left its range where the rule is `error`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "overflow at {site}: {value} is outside {lo}…{hi}; widen the format, scale the tensor, or choose saturate or wrap"
)]
pub struct OverflowError {
    /// Where.
    pub site: String,
    /// The value that did not fit.
    pub value: i64,
    /// Smallest allowed value.
    pub lo: i64,
    /// Largest allowed value.
    pub hi: i64,
}

/// A real number that is no scale.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ScaleError {
    /// Zero, negative, NaN or infinite.
    #[error("{0} is no scale: a scale is a positive finite number")]
    NotPositive(f64),
    /// A ratio with a zero.
    #[error("{num}/{den} is no scale: both sides must be at least 1")]
    Ratio {
        /// Numerator.
        num: u64,
        /// Denominator.
        den: u64,
    },
}

/// A tensor that cannot be quantised.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TensorError {
    /// A NaN or infinity among the values.
    #[error("value {index} is {value}: only finite numbers can be quantised; check where the tensor comes from")]
    NotFinite {
        /// Position.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A range with NaN, infinity or its ends exchanged.
    #[error("{lo}…{hi} is no range of values")]
    Range {
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
    },
    /// The number of values is not channels × something.
    #[error("{values} values do not divide into {channels} channels")]
    Channels {
        /// Values given.
        values: usize,
        /// Channels asked for.
        channels: usize,
    },
    /// The format holds reals, so it has no codes.
    #[error("{format} has no integer codes; use it as real values")]
    NoCodes {
        /// The format.
        format: String,
    },
    /// A range is needed and the format leaves it open.
    #[error("{format} takes its range from the data: give the range")]
    OpenRange {
        /// The format.
        format: String,
    },
    /// A value left its range where the rule is `error`.
    #[error(transparent)]
    Overflow(#[from] OverflowError),
    /// The scale would be zero or infinite.
    #[error(transparent)]
    Scale(#[from] ScaleError),
}

impl TensorError {
    /// The same error with positions counted from `offset` values earlier.
    pub(crate) fn at_offset(self, offset: usize) -> Self {
        match self {
            Self::NotFinite { index, value } => Self::NotFinite { index: index + offset, value },
            other => other,
        }
    }
}
