//! Softmax and its loss on integer logits.

use super::super::Scale;
use super::super::narrow::saturate_i32;
use super::{Exponent, exp2_neg, ln};

/// Fraction bits of a probability: 1.0 is `2^30`, as in the format `q1.30`.
pub const PROBABILITY_FRACTION: u32 = 30;

/// `1 / sum` as a multiplier and a shift: `e / sum = e · multiplier / 2^(32 + shift) `, in UQ0.30 after `>> shift` (N38).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reciprocal {
    /// `⌊2^62 / s⌋` with `s` the sum normalised to 32 bits; `2^30 … 2^31`.
    pub multiplier: u32,
    /// Bits of the sum.
    pub shift: u32,
}

/// The reciprocal of a sum of at least 1 (N38); one 64-by-32-bit division.
pub fn reciprocal(sum: u64) -> Reciprocal {
    let sum = sum.max(1);
    let top = sum.leading_zeros();
    let normal = (sum << top) >> 32;
    let multiplier = u32::try_from((1u64 << 62) / normal).expect("the divisor has its top bit set");
    Reciprocal { multiplier, shift: 64 - top }
}

/// Softmax of integer logits worth `unit` each, into `q1.30` (N39).
pub fn softmax(logits: &[i32], unit: Scale, out: &mut [i32]) {
    assert_eq!(logits.len(), out.len(), "one probability for each logit");
    let most = logits.iter().copied().max().unwrap_or(0);
    let exponent = Exponent::new(unit);
    let mut sum = 0u64;
    for (p, &z) in out.iter_mut().zip(logits) {
        let e = exp2_neg(exponent.of(most.abs_diff(z)));
        sum += u64::from(e);
        *p = saturate_i32(e.into());
    }
    let by = reciprocal(sum);
    let half = (1u64 << by.shift) >> 1;
    for p in out.iter_mut() {
        let e = u64::from(p.unsigned_abs());
        *p = saturate_i32(i64::try_from((e * u64::from(by.multiplier) + half) >> by.shift).expect("at most 2^30"));
    }
}

/// `−ln p` of a `q1.30` probability in UQ6.26 (N40); a probability of 0 counts as one step, 2^−30.
pub fn nll(probability: i32) -> u32 {
    let p = u64::from(probability.max(1).unsigned_abs()).min(1 << PROBABILITY_FRACTION);
    ln(1 << PROBABILITY_FRACTION) - ln(p)
}
