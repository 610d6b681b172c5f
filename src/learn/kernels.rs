//! The head's operations as free functions on slices: what a device runs, one function an operation.
//!
//! Weights, accumulators and gradients are row-major `classes × features`; errors and probabilities one sample's `classes`
//! at a time. Codes are held in `i32` whatever their width. Sums run over `features` in ascending order. A C twin of each
//! function is proven equal to it, so these bodies are the definition of the arithmetic.

use crate::numeric::{Narrow, Overflow, OverflowError, Rounder, Rounding, Scale, narrow_range};

#[path = "kernels_backward.rs"]
mod backward;
#[path = "kernels_consolidate.rs"]
mod consolidate;
#[path = "kernels_float.rs"]
mod float;
#[path = "kernels_forward.rs"]
mod forward;
#[path = "kernels_update.rs"]
mod update;
#[path = "kernels_wide.rs"]
mod wide;

pub(crate) use backward::{bits_seen, note_lost, requantise};
pub use backward::{
    error, gradient_accumulate, gradient_accumulate_checked, gradient_accumulate_wide, gradient_range,
    gradient_range_wide, quantise_error, quantise_gradient, quantise_gradient_wide, range_with_zero,
};
pub use consolidate::{consolidate_rows, load_rows, mean_rows, past_weight, sum_rows};
pub use float::{
    consolidate_rows_f32, error_f32, gradient_accumulate_f32, head_forward_f32, mean_rows_f32, past_weight_f32,
    round_to_format, sgd_update_f32, sum_rows_f32, velocity_f32,
};
pub(crate) use forward::logit_to;
pub use forward::{argmax, argmax_f32, forward_copy, head_forward, head_forward_checked, softmax};
pub use update::{Step, StepCount, sgd_update, sgd_update_wide, velocity};
pub(crate) use update::{descend, stepped};
pub use wide::{WIDE_FRACTION, narrow_wide_codes, subtract_step_wide, widen};

/// Rounding state and overflow counter of one slot.
#[derive(Debug, Clone)]
pub struct Site {
    /// The slot's rounding.
    pub rounder: Rounder,
    /// Its overflow counter.
    pub count: Narrow,
}

impl Site {
    /// A fresh site; `seed` and `stream` matter to stochastic rounding only.
    pub fn new(name: &str, rounding: Rounding, seed: u64, stream: u64) -> Self {
        Self { rounder: Rounder::new(rounding, seed, stream), count: Narrow::new(name) }
    }
}

/// From one integer grid to another: `dst = limit(dst_zero + round((src − src_zero) · factor))`.
///
/// * Value: `factor` is the source's scale over the destination's.
/// * Range: sources of 32 bits (or 64 where a function says so); destinations `lo … hi`.
/// * Rounding: the site's, once, on the exact product.
/// * Overflow: by `overflow`, counted at the site.
/// * Equals: SMULL, shift with rounding, SSAT.
/// * Source: Jacob et al. 2018, equation 5, with one rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requant {
    /// Source code of real zero.
    pub src_zero: i32,
    /// Source scale over destination scale.
    pub factor: Scale,
    /// Destination code of real zero.
    pub dst_zero: i32,
    /// Smallest destination code.
    pub lo: i32,
    /// Largest destination code.
    pub hi: i32,
    /// What happens outside.
    pub overflow: Overflow,
}

impl Requant {
    /// [`Requant`] of one code.
    #[inline]
    pub fn code(&self, x: i32, site: &mut Site) -> Result<i32, OverflowError> {
        self.centred(i64::from(x) - i64::from(self.src_zero), site)
    }

    /// As [`Self::code`] for a value from which the source's zero is already subtracted.
    #[inline]
    pub fn centred(&self, x: i64, site: &mut Site) -> Result<i32, OverflowError> {
        let y = product(x, self.factor, &mut site.rounder).saturating_add(i64::from(self.dst_zero));
        store(y, self.lo, self.hi, self.overflow, &mut site.count)
    }

    /// As [`Self::centred`] of a code that is in range, uncounted.
    pub(crate) fn within(&self, x: i64, rounder: &mut Rounder) -> Option<i32> {
        let y = product(x, self.factor, rounder).saturating_add(i64::from(self.dst_zero));
        (i64::from(self.lo)..=self.hi.into()).contains(&y).then(|| fits(y))
    }
}

/// `x · factor` rounded once: [`crate::numeric::requantise_single`] with a 64-bit short cut for |x| ≤ 2^32.
///
/// * Value: the integer next to the exact product by the rounder's rule.
/// * Range: any x; saturates to i64.
/// * Rounding: once; the product of |x| ≤ 2^32 and a 31-bit mantissa fits 64 bits.
/// * Equals: `requantise_single`, tested.
#[inline]
pub fn product(x: i64, factor: Scale, rounder: &mut Rounder) -> i64 {
    let mode = rounder.mode();
    let shift = 31 - factor.exponent();
    if mode != Rounding::Stochastic
        && (-30..=0).contains(&shift)
        && x.unsigned_abs() <= 1 << 32
        && let Some(exact) = (x * i64::from(factor.mantissa())).checked_mul(1 << -shift)
    {
        return exact;
    }
    if mode == Rounding::Stochastic || x.unsigned_abs() > 1 << 32 || !(1..=62).contains(&shift) {
        return crate::numeric::requantise_single(x, factor, rounder);
    }
    shift_round(x * i64::from(factor.mantissa()), shift.unsigned_abs(), mode)
}

/// `p / 2^shift` by a deterministic rule, `shift` from 1 to 62.
#[inline]
pub(crate) fn shift_round(p: i64, shift: u32, mode: Rounding) -> i64 {
    let floor = p >> shift;
    let rest = p & ((1i64 << shift) - 1);
    let half = 1i64 << (shift - 1);
    let up = match mode {
        Rounding::TiesEven => rest + (floor & 1) > half,
        Rounding::TiesAway => rest + i64::from(p >= 0) > half,
        Rounding::TiesUp => rest >= half,
        Rounding::Floor | Rounding::Stochastic => false,
        Rounding::TowardZero => p < 0 && rest != 0,
    };
    floor + i64::from(up)
}

/// Limits to `lo … hi`; the common case is two comparisons.
#[inline]
pub(crate) fn store(x: i64, lo: i32, hi: i32, overflow: Overflow, count: &mut Narrow) -> Result<i32, OverflowError> {
    let (lo, hi) = (i64::from(lo), i64::from(hi));
    if lo <= x && x <= hi {
        count.total += 1;
        return Ok(fits(x));
    }
    narrow_range(x, lo, hi, overflow, count).map(fits)
}

/// A value already limited to i32.
#[inline]
pub(crate) fn fits(x: i64) -> i32 {
    crate::numeric::narrow::saturate_i32(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The 64-bit short cut is the exact requantisation.
        #[test]
        fn product_equals_requantise_single(
            x in -(1i64 << 33)..(1i64 << 33), mantissa in (1u32 << 30)..(1 << 31), exponent in -40i32..34,
            mode in 0usize..5,
        ) {
            let mode = Rounding::ALL[mode];
            let factor = Scale::from_parts(mantissa, exponent).unwrap();
            let mut rounder = Rounder::new(mode, 0, 0);
            let expected = crate::numeric::requantise_single(x, factor, &mut rounder);
            prop_assert_eq!(product(x, factor, &mut rounder), expected);
        }
    }
}
