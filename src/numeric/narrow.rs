//! The one place where a wide integer becomes a narrow one, with its overflow rule and its counter.

use super::OverflowError;
use super::text::choices_as_text;
use serde::{Deserialize, Serialize};

/// What happens to a value outside the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Overflow {
    /// The nearest end of the range (N12).
    #[default]
    Saturate,
    /// Modulo the number of codes (N13), as a plain machine integer does.
    Wrap,
    /// An [`OverflowError`].
    Error,
}

choices_as_text!(Overflow, "overflow rule", { Saturate = "saturate", Wrap = "wrap", Error = "error" });

/// How many overflowing operands a counter keeps.
pub const KEPT_OPERANDS: usize = 4;

/// One operand that did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflowed {
    /// How many values this site had narrowed before it.
    pub index: u64,
    /// The value before narrowing.
    pub value: i64,
}

/// Counter of one narrowing site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Narrow {
    /// Where, e.g. `head.weights.forward`.
    pub site: String,
    /// Values narrowed.
    pub total: u64,
    /// Values that did not fit.
    pub overflowed: u64,
    /// The first [`KEPT_OPERANDS`] of them.
    pub first: Vec<Overflowed>,
}

impl Narrow {
    /// An empty counter.
    pub fn new(site: &str) -> Self {
        Self { site: site.to_owned(), ..Self::default() }
    }

    /// Share of values that did not fit, 0 when nothing was narrowed.
    pub fn share(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.overflowed as f64 / self.total as f64 }
    }

    /// Adds another counter of the same site that ran after this one.
    pub fn merge(&mut self, later: &Self) {
        let room = KEPT_OPERANDS.saturating_sub(self.first.len());
        let shifted = later.first.iter().map(|o| Overflowed { index: o.index + self.total, ..*o });
        self.first.extend(shifted.take(room));
        self.total += later.total;
        self.overflowed += later.overflowed;
    }

    /// Counts `n` values that fit.
    pub(crate) fn add_fitting(&mut self, n: usize) {
        self.total += u64::try_from(n).unwrap_or(u64::MAX);
    }

    #[cold]
    pub(crate) fn note(&mut self, value: i64) {
        if self.first.len() < KEPT_OPERANDS {
            self.first.push(Overflowed { index: self.total, value });
        }
        self.overflowed += 1;
    }
}

/// An integer-valued f64 to i64, saturating; NaN gives 0 (N9).
pub(crate) fn real_to_i64(x: f64) -> i64 {
    x as i64
}

/// Smallest and largest value of a signed integer of `bits` bits (1…64; panics otherwise) (N11).
pub fn signed_range(bits: u32) -> (i64, i64) {
    assert!((1..=64).contains(&bits), "a signed integer has 1 to 64 bits");
    let hi = i64::MAX >> (64 - bits);
    (-hi - 1, hi)
}

/// Narrows to a signed integer of `bits` bits (N11–N13).
///
/// * Value: `x`, unchanged when it fits.
/// * Formula: `min(max(x, lo), hi)` (saturate), `lo + (x − lo) mod 2^bits` (wrap).
/// * Range: any i64 in; `−2^(bits−1) … 2^(bits−1) − 1` out, `bits` from 1 to 64 (panics otherwise).
/// * Rounding: none.
/// * Overflow: as `overflow` says; counted either way.
/// * Equals: SSAT (saturate), SXTB/SXTH (wrap, 8 and 16 bits).
pub fn narrow(x: i64, bits: u32, overflow: Overflow, count: &mut Narrow) -> Result<i64, OverflowError> {
    let (lo, hi) = signed_range(bits);
    narrow_range(x, lo, hi, overflow, count)
}

/// Narrows to `lo…hi`; as [`narrow`] for ranges that are no power of two, such as symmetric codes.
///
/// * Formula: wrapping is modulo `hi − lo + 1`, into `lo…hi`.
/// * Range: any i64 in, `lo…hi` out; panics when `lo > hi`.
/// * Rounding: none. Overflow: as `overflow` says; counted either way.
pub fn narrow_range(x: i64, lo: i64, hi: i64, overflow: Overflow, count: &mut Narrow) -> Result<i64, OverflowError> {
    assert!(lo <= hi, "the range must not be empty");
    if (lo..=hi).contains(&x) {
        count.total += 1;
        return Ok(x);
    }
    count.note(x);
    count.total += 1;
    match overflow {
        Overflow::Saturate => Ok(x.clamp(lo, hi)),
        Overflow::Wrap => Ok(wrap(i128::from(x), lo, hi)),
        Overflow::Error => Err(OverflowError { site: count.site.clone(), value: x, lo, hi }),
    }
}

/// As [`narrow`] for sums wider than 64 bits; the counter keeps the operand limited to i64.
pub(crate) fn narrow_wide(x: i128, bits: u32, overflow: Overflow, count: &mut Narrow) -> Result<i64, OverflowError> {
    let (lo, hi) = signed_range(bits);
    if let Ok(x) = i64::try_from(x) {
        return narrow_range(x, lo, hi, overflow, count);
    }
    count.note(saturate_i64(x));
    count.total += 1;
    match overflow {
        Overflow::Saturate => Ok(if x < 0 { lo } else { hi }),
        Overflow::Wrap => Ok(wrap(x, lo, hi)),
        Overflow::Error => Err(OverflowError { site: count.site.clone(), value: saturate_i64(x), lo, hi }),
    }
}

fn wrap(x: i128, lo: i64, hi: i64) -> i64 {
    let codes = i128::from(hi) - i128::from(lo) + 1;
    let offset = (x - i128::from(lo)).rem_euclid(codes);
    saturate_i64(i128::from(lo) + offset)
}

/// Counts a real that a floating-point format of largest value `most` cannot hold; the kept operand is limited to i64.
pub(crate) fn note_real(value: f32, most: f32, overflow: Overflow, count: &mut Narrow) -> Result<(), OverflowError> {
    let whole = real_to_i64(value.into());
    count.note(whole);
    count.total += 1;
    match overflow {
        Overflow::Saturate | Overflow::Wrap => Ok(()),
        Overflow::Error => {
            let hi = real_to_i64(most.into());
            Err(OverflowError { site: count.site.clone(), value: whole, lo: -hi, hi })
        }
    }
}

/// `x` limited to i64 (N12).
///
/// Not counted: for places whose bound is proven, or whose documentation says that they saturate.
pub fn saturate_i64(x: i128) -> i64 {
    i64::try_from(x).unwrap_or(if x < 0 { i64::MIN } else { i64::MAX })
}

/// `x` limited to i32 (N12); not counted, as [`saturate_i64`]. Equals `SQXTN`.
pub fn saturate_i32(x: i64) -> i32 {
    i32::try_from(x).unwrap_or(if x < 0 { i32::MIN } else { i32::MAX })
}

/// `x` limited to u32 (N12); not counted, as [`saturate_i64`]. Equals `UQXTN`.
pub fn saturate_u32(x: u64) -> u32 {
    u32::try_from(x).unwrap_or(u32::MAX)
}
