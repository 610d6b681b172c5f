//! Forward copy, logits, softmax, largest logit.

use super::{Requant, Site, product};
use crate::numeric::{Accumulator, AccumulatorFormat, Narrow, OverflowError, Scale, elementary};

/// Master codes → forward copy (N14).
///
/// Value: `dst[i] ≈ src[i]` in the copy's grid. Formula, range, rounding and overflow: [`Requant`].
/// Panics when the lengths differ.
pub fn forward_copy(src: &[i32], requant: &Requant, site: &mut Site, dst: &mut [i32]) -> Result<(), OverflowError> {
    assert_eq!(src.len(), dst.len(), "a copy has the length of its source");
    for (d, &s) in dst.iter_mut().zip(src) {
        *d = requant.code(s, site)?;
    }
    Ok(())
}

/// `logits[c] += Σ_k (weights[c][k] − weight_zero) · (features[k] − feature_zero)` in i32.
///
/// * Value: logit in units of `weight scale × feature scale`; `logits` holds what it starts from (0, or the bias).
/// * Range: the caller proves with [`crate::numeric::safe_bits`] that no partial sum leaves 32 bits.
/// * Overflow: none by that proof; [`head_forward_checked`] is the function without it.
/// * Equals: MLA / SMLAD on Cortex-M.
pub fn head_forward(weights: &[i32], weight_zero: i32, features: &[i32], feature_zero: i32, logits: &mut [i32]) {
    for (z, row) in logits.iter_mut().zip(weights.chunks_exact(features.len())) {
        let mut sum = *z;
        for (&w, &a) in row.iter().zip(features) {
            sum = sum.wrapping_add(w.wrapping_sub(weight_zero).wrapping_mul(a.wrapping_sub(feature_zero)));
        }
        *z = sum;
    }
}

/// As [`head_forward`] in an accumulator of any width, checked as its format says; starts from `logits`.
pub fn head_forward_checked(
    (weights, weight_zero): (&[i32], i32),
    (features, feature_zero): (&[i32], i32),
    accumulator: AccumulatorFormat,
    count: &mut Narrow,
    logits: &mut [i64],
) -> Result<(), OverflowError> {
    for (z, row) in logits.iter_mut().zip(weights.chunks_exact(features.len())) {
        let mut sum = Accumulator::new(accumulator);
        sum.add(*z, count)?;
        for (&w, &a) in row.iter().zip(features) {
            let (w, a) = (i64::from(w) - i64::from(weight_zero), i64::from(a) - i64::from(feature_zero));
            sum.add(w.saturating_mul(a), count)?;
        }
        *z = sum.finish(count)?;
    }
    Ok(())
}

/// Softmax of one sample's logits: codes in `scale` units → probabilities in q1.30.
///
/// * Value: `p[c] = exp(z[c]·scale) / Σ exp`, as [`crate::numeric::elementary`] computes it in integers.
/// * Range: any i32 logits; 0 … 2^30 out.
/// * Rounding: fixed by the elementary functions; no choice.
pub fn softmax(logits: &[i32], scale: Scale, probabilities: &mut [i32]) {
    elementary::softmax(logits, scale, probabilities);
}

/// Index of the largest value; the first of equals.
pub fn argmax(logits: &[i64]) -> usize {
    let mut best = 0;
    for (c, &z) in logits.iter().enumerate() {
        if z > logits[best] {
            best = c;
        }
    }
    best
}

/// As [`argmax`] in f32.
pub fn argmax_f32(logits: &[f32]) -> usize {
    let mut best = 0;
    for (c, &z) in logits.iter().enumerate() {
        if z > logits[best] {
            best = c;
        }
    }
    best
}

/// A logit in another grid, by one rounding; used where the slot does not keep the accumulator.
#[inline]
pub(crate) fn logit_to(x: i64, factor: Scale, site: &mut Site) -> i64 {
    product(x, factor, &mut site.rounder)
}
