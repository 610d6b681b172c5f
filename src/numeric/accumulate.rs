//! Sums in an accumulator of a stated width.

use super::narrow::{saturate_i64, signed_range};
use super::text::{choices_as_text, serde_as_text};
use super::{FormatError, Narrow, Overflow, OverflowError, narrow};
use std::fmt;
use std::str::FromStr;

/// When the accumulator's width is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Check {
    /// After every addition: a register of that width.
    #[default]
    EachAdd,
    /// Once, on the sum: a wider register, stored narrow.
    AtEnd,
}

choices_as_text!(Check, "accumulator check", { EachAdd = "each-add", AtEnd = "at-end" });

/// Width, check and overflow rule of an accumulator. Text: `acc32`, `acc16:at-end:wrap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccumulatorFormat {
    bits: u32,
    check: Check,
    overflow: Overflow,
}

impl AccumulatorFormat {
    /// `bits` from 8 to 64.
    pub fn new(bits: u32, check: Check, overflow: Overflow) -> Result<Self, FormatError> {
        if !(8..=64).contains(&bits) {
            return Err(FormatError::AccumulatorBits { bits: bits.into() });
        }
        Ok(Self { bits, check, overflow })
    }

    /// The width.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// When the width is enforced.
    pub fn check(&self) -> Check {
        self.check
    }

    /// What happens outside it.
    pub fn overflow(&self) -> Overflow {
        self.overflow
    }
}

impl fmt::Display for AccumulatorFormat {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "acc{}", self.bits)?;
        if self.check != Check::default() {
            write!(to, ":{}", self.check)?;
        }
        if self.overflow != Overflow::default() {
            write!(to, ":{}", self.overflow)?;
        }
        Ok(())
    }
}

impl FromStr for AccumulatorFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let mut parts = text.trim().split(':').map(str::trim);
        let bits = parts.next().and_then(|p| p.strip_prefix("acc")).and_then(|n| n.parse::<u64>().ok());
        let Some(bits) = bits else {
            return Err(FormatError::Choice {
                what: "accumulator",
                text: text.to_owned(),
                allowed: "acc8 … acc64, each with :at-end, :wrap or :error after it if wanted".to_owned(),
            });
        };
        let (mut check, mut overflow) = (Check::default(), Overflow::default());
        for part in parts {
            match part.parse::<Check>() {
                Ok(found) => check = found,
                Err(_) => overflow = part.parse()?,
            }
        }
        let narrow_bits = u32::try_from(bits).map_err(|_| FormatError::AccumulatorBits { bits })?;
        Self::new(narrow_bits, check, overflow)
    }
}

serde_as_text!(AccumulatorFormat);

/// A running sum (N17).
///
/// * Value: the sum of the terms, in the order they are added.
/// * Formula: `s ← narrow(s + term)` (each-add), `narrow(Σ term)` of the exact sum (at-end).
/// * Range: any i64 terms, fewer than 2^63 of them; the width's out.
/// * Overflow: the format's rule, by [`narrow::narrow`]; counted at each check.
/// * Equals: `ADD` (acc32:wrap), `QADD` (acc32, saturating at each add), `SMLAL` (acc64:wrap).
#[derive(Debug, Clone)]
pub struct Accumulator {
    format: AccumulatorFormat,
    sum: i128,
}

impl Accumulator {
    /// An empty sum.
    pub fn new(format: AccumulatorFormat) -> Self {
        Self { format, sum: 0 }
    }

    /// Adds one term.
    pub fn add(&mut self, term: i64, count: &mut Narrow) -> Result<(), OverflowError> {
        self.sum += i128::from(term);
        if self.format.check == Check::EachAdd {
            self.sum = i128::from(self.narrowed(count)?);
        }
        Ok(())
    }

    /// The sum in the accumulator's width.
    pub fn finish(&self, count: &mut Narrow) -> Result<i64, OverflowError> {
        match self.format.check {
            Check::EachAdd => Ok(saturate_i64(self.sum)),
            Check::AtEnd => self.narrowed(count),
        }
    }

    fn narrowed(&self, count: &mut Narrow) -> Result<i64, OverflowError> {
        narrow::narrow_wide(self.sum, self.format.bits, self.format.overflow, count)
    }
}

/// `Σ a[k]·b[k]`, k ascending, in the accumulator's format (N17). Panics when the lengths differ.
pub fn dot(a: &[i32], b: &[i32], format: AccumulatorFormat, count: &mut Narrow) -> Result<i64, OverflowError> {
    assert_eq!(a.len(), b.len(), "both sides of a dot product have one length");
    let mut sum = Accumulator::new(format);
    for (&x, &y) in a.iter().zip(b) {
        sum.add(i64::from(x) * i64::from(y), count)?;
    }
    sum.finish(count)
}

/// The smallest signed width that no sum of `n_terms` products `|a| ≤ a_max_abs`, `|w| ≤ w_max_abs` can leave (N18).
///
/// * Formula: the least `b` with `n_terms · a_max_abs · w_max_abs ≤ 2^(b−1) − 1`; 1 for an empty sum, at most 129.
/// * Source: the worst case of Jacob et al. 2018, §2.2, without assuming that it is not reached.
pub fn safe_bits(n_terms: u64, a_max_abs: u64, w_max_abs: u64) -> u32 {
    let bound = u128::from(n_terms).saturating_mul(u128::from(a_max_abs)).saturating_mul(u128::from(w_max_abs));
    129 - bound.leading_zeros()
}

/// Largest absolute value of a signed integer of `bits` bits: the `a_max_abs` of a full-range operand.
pub fn max_abs(bits: u32) -> u64 {
    signed_range(bits).0.unsigned_abs()
}
