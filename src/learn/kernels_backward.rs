//! Error, batch gradient, and their quantisation.

use super::{Requant, Site};
use crate::numeric::{AccumulatorFormat, Narrow, OverflowError, narrow};

/// Probabilities → `p − onehot(label)`, in place.
///
/// * Formula: `x[c] = x[c] − zero − (c == label ? one : 0)`, `one` = probability 1 in these units.
/// * Range: `±one`. Rounding and overflow: none.
pub fn error(probabilities: &mut [i32], zero: i32, one: i32, label: usize) {
    for (c, p) in probabilities.iter_mut().enumerate() {
        *p -= zero;
        if c == label {
            *p -= one;
        }
    }
}

/// Smallest and largest value, 0 always inside.
pub fn range_with_zero(values: &[i32]) -> (i64, i64) {
    let (mut lo, mut hi) = (0, 0);
    for &v in values {
        lo = lo.min(v);
        hi = hi.max(v);
    }
    (i64::from(lo), i64::from(hi))
}

/// Errors → error codes, [`Requant`] for each.
pub fn quantise_error(src: &[i32], requant: &Requant, site: &mut Site, dst: &mut [i32]) -> Result<(), OverflowError> {
    for (d, &s) in dst.iter_mut().zip(src) {
        *d = requant.code(s, site)?;
    }
    Ok(())
}

/// `acc[c][k] += (errors[c] − error_zero) · (features[k] − feature_zero)` in i32, one sample.
///
/// * Value: batch gradient in units of `error scale × feature scale` (the mean's 1/B is folded into the scale).
/// * Range: the caller proves that batch × largest error × largest feature fits 32 bits.
/// * Overflow: none by that proof; else [`gradient_accumulate_wide`] or [`gradient_accumulate_checked`].
/// * Equals: MLA.
pub fn gradient_accumulate(acc: &mut [i32], errors: &[i32], error_zero: i32, features: &[i32], feature_zero: i32) {
    for (row, &e) in acc.chunks_exact_mut(features.len()).zip(errors) {
        let e = e.wrapping_sub(error_zero);
        for (sum, &a) in row.iter_mut().zip(features) {
            *sum = sum.wrapping_add(e.wrapping_mul(a.wrapping_sub(feature_zero)));
        }
    }
}

/// As [`gradient_accumulate`] in i64, for which the caller proves 64 bits.
pub fn gradient_accumulate_wide(acc: &mut [i64], errors: &[i32], error_zero: i32, features: &[i32], feature_zero: i32) {
    for (row, &e) in acc.chunks_exact_mut(features.len()).zip(errors) {
        let e = i64::from(e) - i64::from(error_zero);
        for (sum, &a) in row.iter_mut().zip(features) {
            *sum = sum.wrapping_add(e.wrapping_mul(i64::from(a) - i64::from(feature_zero)));
        }
    }
}

/// As [`gradient_accumulate_wide`] with the accumulator narrowed to its format after each sample.
///
/// A device's accumulator lives in memory between samples, so `at-end` here means: once a sample's products are added.
pub fn gradient_accumulate_checked(
    acc: &mut [i64],
    (errors, error_zero): (&[i32], i32),
    (features, feature_zero): (&[i32], i32),
    accumulator: AccumulatorFormat,
    count: &mut Narrow,
) -> Result<(), OverflowError> {
    for (row, &e) in acc.chunks_exact_mut(features.len()).zip(errors) {
        let e = i64::from(e) - i64::from(error_zero);
        for (sum, &a) in row.iter_mut().zip(features) {
            let term = e.saturating_mul(i64::from(a) - i64::from(feature_zero));
            *sum = narrow(sum.saturating_add(term), accumulator.bits(), accumulator.overflow(), count)?;
        }
    }
    Ok(())
}

/// Smallest and largest accumulator, 0 always inside.
pub fn gradient_range(acc: &[i32]) -> (i64, i64) {
    range_with_zero(acc)
}

/// As [`gradient_range`] for 64-bit accumulators.
pub fn gradient_range_wide(acc: &[i64]) -> (i64, i64) {
    acc.iter().fold((0, 0), |(lo, hi), &v| (lo.min(v), hi.max(v)))
}

/// Accumulators → gradient codes, [`Requant`] for each. Gives the number of accumulators other than zero and of those among
/// them that became the code of zero.
pub fn quantise_gradient(
    acc: &[i32],
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    requantise(acc.iter().map(|&a| i64::from(a) - i64::from(requant.src_zero)), requant, site, dst)
}

/// As [`quantise_gradient`] for 64-bit accumulators.
pub fn quantise_gradient_wide(
    acc: &[i64],
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    requantise(acc.iter().map(|&a| a - i64::from(requant.src_zero)), requant, site, dst)
}

/// [`Requant`] of values less their zero, counted as in [`note_lost`].
#[inline]
pub(crate) fn requantise(
    centred: impl Iterator<Item = i64>,
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    let mut count = (0, 0);
    for (d, x) in dst.iter_mut().zip(centred) {
        *d = requant.centred(x, site)?;
        note_lost(&mut count, x != 0, *d == requant.dst_zero);
    }
    Ok(count)
}

/// Adds one value to the numbers of those other than zero, and of those among them that became nothing.
#[inline]
pub(crate) fn note_lost((non_zero, lost): &mut (u64, u64), some: bool, nothing: bool) {
    *non_zero += u64::from(some);
    *lost += u64::from(some & nothing);
}

/// Signed bits that hold both ends of a range.
pub(crate) fn bits_seen((lo, hi): (i64, i64)) -> u32 {
    let below = lo.min(0).unsigned_abs().saturating_sub(1);
    65 - below.max(hi.max(0).unsigned_abs()).leading_zeros()
}
