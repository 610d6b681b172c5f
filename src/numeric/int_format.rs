//! Integer and fixed-point formats: validated once, infallible afterwards.

use super::FormatError;
use super::text::choices_as_text;
use std::fmt;

/// Where an integer format puts zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Scheme {
    /// Codes `−(2^(b−1)−1) … 2^(b−1)−1`, zero at code 0.
    #[default]
    Symmetric,
    /// Codes `−2^(b−1) … 2^(b−1)−1`, zero at an integer zero point.
    Affine,
}

choices_as_text!(Scheme, "scheme", { Symmetric = "symmetric", Affine = "affine" });

/// How many values share a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Granularity {
    /// One scale for the tensor.
    #[default]
    PerTensor,
    /// One scale for each channel (row of a weight matrix).
    PerChannel,
}

choices_as_text!(Granularity, "granularity", { PerTensor = "per-tensor", PerChannel = "per-channel" });

/// Which scales are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ScaleKind {
    /// Any 31-bit scale.
    #[default]
    Real,
    /// Powers of two: requantising is a shift. The range's scale is rounded up.
    PowerOfTwo,
}

choices_as_text!(ScaleKind, "scale kind", { Real = "real", PowerOfTwo = "pow2" });

/// Where the range of an integer format comes from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Range {
    /// Fixed in the format.
    Static {
        /// Real value of the smallest code, at most 0 after widening.
        lo: f64,
        /// Real value of the largest code.
        hi: f64,
    },
    /// Smallest and largest value of each tensor, anew each time.
    #[default]
    Dynamic,
    /// Calibrated once, then static.
    Frozen,
}

impl Eq for Range {}

impl std::hash::Hash for Range {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            // Adding 0 turns −0 into 0, so equal ranges hash equally.
            Range::Static { lo, hi } => (0u8, (lo + 0.0).to_bits(), (hi + 0.0).to_bits()).hash(state),
            Range::Dynamic => 1u8.hash(state),
            Range::Frozen => 2u8.hash(state),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Range::Static { lo, hi } => write!(to, "static({lo},{hi})"),
            Range::Dynamic => to.write_str("dynamic"),
            Range::Frozen => to.write_str("frozen"),
        }
    }
}

/// Integer codes with a scale: `real = scale · (code − zero_point)` (N19).
///
/// Built by [`IntFormat::new`] and the `with_` methods; the default is symmetric, per tensor, real scale, dynamic range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IntFormat {
    bits: u32,
    scheme: Scheme,
    granularity: Granularity,
    scale_kind: ScaleKind,
    range: Range,
}

impl IntFormat {
    /// An integer format of `bits` bits, 2 to 32.
    pub fn new(bits: u32) -> Result<Self, FormatError> {
        if !(2..=32).contains(&bits) {
            return Err(FormatError::Bits { bits: bits.into() });
        }
        Ok(Self {
            bits,
            scheme: Scheme::default(),
            granularity: Granularity::default(),
            scale_kind: ScaleKind::default(),
            range: Range::default(),
        })
    }

    /// With another scheme; an error when a static range is lopsided and the scheme symmetric.
    pub fn with_scheme(self, scheme: Scheme) -> Result<Self, FormatError> {
        Self { scheme, ..self }.checked()
    }

    /// With another granularity.
    pub fn with_granularity(self, granularity: Granularity) -> Self {
        Self { granularity, ..self }
    }

    /// With another kind of scale.
    pub fn with_scale_kind(self, scale_kind: ScaleKind) -> Self {
        Self { scale_kind, ..self }
    }

    /// With another range; an error when a static range is empty, not finite, or lopsided in a symmetric format.
    pub fn with_range(self, range: Range) -> Result<Self, FormatError> {
        Self { range, ..self }.checked()
    }

    fn checked(self) -> Result<Self, FormatError> {
        if let Range::Static { lo, hi } = self.range {
            let refuse = |why| Err(FormatError::Range { lo, hi, why });
            if !(lo.is_finite() && hi.is_finite()) {
                return refuse("both ends must be finite numbers");
            }
            if lo >= hi {
                return refuse("the lower end must be below the upper end");
            }
            if self.scheme == Scheme::Symmetric && lo != -hi {
                return refuse("a symmetric format needs −R and R; write affine for a lopsided range");
            }
        }
        Ok(self)
    }

    /// Width, 2 to 32.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Symmetric or affine.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Per tensor or per channel.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// Real or power-of-two scale.
    pub fn scale_kind(&self) -> ScaleKind {
        self.scale_kind
    }

    /// Static, dynamic or frozen.
    pub fn range(&self) -> Range {
        self.range
    }

    /// Smallest code.
    pub fn qmin(&self) -> i64 {
        match self.scheme {
            Scheme::Symmetric => -self.qmax(),
            Scheme::Affine => -self.qmax() - 1,
        }
    }

    /// Largest code, `2^(bits−1) − 1`.
    pub fn qmax(&self) -> i64 {
        (1i64 << (self.bits - 1)) - 1
    }

    /// Steps between the smallest and the largest code: `2^bits − 1` (affine) or `2^bits − 2` (symmetric).
    pub fn steps(&self) -> u64 {
        self.qmax().abs_diff(self.qmin())
    }
}

/// Fixed point `qI.F`: a sign bit, `I` integer and `F` fraction bits; `real = code · 2^−F` (N20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FixedFormat {
    integer: u32,
    fraction: u32,
}

impl FixedFormat {
    /// `I + F` from 1 to 31.
    pub fn new(integer: u32, fraction: u32) -> Result<Self, FormatError> {
        if !(1..=31).contains(&(u64::from(integer) + u64::from(fraction))) {
            return Err(FormatError::Fixed { integer: integer.into(), fraction: fraction.into() });
        }
        Ok(Self { integer, fraction })
    }

    /// Integer bits, the sign bit not counted.
    pub fn integer_bits(&self) -> u32 {
        self.integer
    }

    /// Fraction bits.
    pub fn fraction_bits(&self) -> u32 {
        self.fraction
    }

    /// Width, `I + F + 1`.
    pub fn bits(&self) -> u32 {
        self.integer + self.fraction + 1
    }

    /// Smallest code, `−2^(I+F)`.
    pub fn qmin(&self) -> i64 {
        -self.qmax() - 1
    }

    /// Largest code, `2^(I+F) − 1`.
    pub fn qmax(&self) -> i64 {
        (1i64 << (self.bits() - 1)) - 1
    }
}
