//! Requantising and narrowing over slices: the same numbers as the scalar functions, with the rule chosen outside the loop.

use super::narrow::{saturate_i32, saturate_i64};
use super::{Narrow, Overflow, OverflowError, Rounder, Rounding, Scale, narrow, requantise_single};

/// Where codes go: their range, their zero point and what happens outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Smallest code.
    pub lo: i32,
    /// Largest code.
    pub hi: i32,
    /// Added after rounding.
    pub zero_point: i32,
    /// What happens outside `lo…hi`.
    pub overflow: Overflow,
}

impl Target {
    /// The codes of an integer format, around `zero_point`.
    pub fn of(format: &super::IntFormat, zero_point: i32, overflow: Overflow) -> Self {
        Self { lo: saturate_i32(format.qmin()), hi: saturate_i32(format.qmax()), zero_point, overflow }
    }
}

/// Values handled at a time: the block stays in the first cache and on the stack.
const BLOCK: usize = 128;

/// `out[i] = round((values[i] − minus) · factor)` (N14): [`requantise_single`] of each, in order.
///
/// * Range: any `values − minus` within i64 (it saturates there); results saturate to i64.
/// * Rounding: the rounder's; `Stochastic` draws once for each value, in order, as the scalar function does.
/// * Panics when the slices differ in length.
pub fn requantise_slice<T: Copy + Into<i64>>(
    values: &[T],
    minus: i64,
    factor: Scale,
    rounder: &mut Rounder,
    out: &mut [i64],
) {
    assert_eq!(values.len(), out.len(), "one result for each value");
    let right = 31 - i64::from(factor.exponent());
    let mantissa = i64::from(factor.mantissa());
    match (rounder.mode(), u32::try_from(right)) {
        (mode, Ok(right @ 1..=62)) if mode != Rounding::Stochastic => {
            // Each arm gives `block` a constant rule, so that none is looked up inside the loop.
            let block = |mode, out: &mut [i64]| {
                for (out, &value) in out.iter_mut().zip(values) {
                    let x = value.into().saturating_sub(minus);
                    *out = rounded_product(mode, x, mantissa, right);
                }
            };
            match mode {
                Rounding::TiesEven => block(Rounding::TiesEven, out),
                Rounding::TiesAway => block(Rounding::TiesAway, out),
                Rounding::TiesUp => block(Rounding::TiesUp, out),
                Rounding::TowardZero => block(Rounding::TowardZero, out),
                Rounding::Floor | Rounding::Stochastic => block(Rounding::Floor, out),
            }
        }
        _ => {
            for (out, &value) in out.iter_mut().zip(values) {
                *out = requantise_single(value.into().saturating_sub(minus), factor, rounder);
            }
        }
    }
}

/// `x · mantissa / 2^right`: in 64 bits when `|x| < 2^32`, else in 96 bits of an i128.
#[inline(always)]
fn rounded_product(mode: Rounding, x: i64, mantissa: i64, right: u32) -> i64 {
    if x.unsigned_abs() >> 32 == 0 {
        super::round::shift_i64(mode, x * mantissa, right)
    } else {
        saturate_i64(super::round::shift_i128(mode, i128::from(x) * i128::from(mantissa), right))
    }
}

/// `out[i] = narrow(values[i])` to `lo…hi` (N11–N13): [`narrow::narrow_range`] of each, in order.
///
/// Stops at the first overflow where the rule is [`Overflow::Error`]. Panics when the slices differ in length or `lo > hi`.
pub fn narrow_slice(
    values: &[i64],
    lo: i32,
    hi: i32,
    overflow: Overflow,
    count: &mut Narrow,
    out: &mut [i32],
) -> Result<(), OverflowError> {
    assert_eq!(values.len(), out.len(), "one result for each value");
    assert!(lo <= hi, "the range must not be empty");
    let (wide_lo, wide_hi) = (i64::from(lo), i64::from(hi));
    let mut outside = false;
    for (out, &x) in out.iter_mut().zip(values) {
        outside |= (x < wide_lo) | (x > wide_hi);
        *out = saturate_i32(x.clamp(wide_lo, wide_hi));
    }
    if !outside {
        count.add_fitting(values.len());
        return Ok(());
    }
    for (out, &x) in out.iter_mut().zip(values) {
        *out = saturate_i32(narrow::narrow_range(x, wide_lo, wide_hi, overflow, count)?);
    }
    Ok(())
}

/// `out[i] = narrow(zero_point + round((values[i] − minus) · factor))` (N27).
pub fn requantise_narrow_slice<T: Copy + Into<i64>>(
    values: &[T],
    minus: i64,
    factor: Scale,
    target: Target,
    rounder: &mut Rounder,
    count: &mut Narrow,
    out: &mut [i32],
) -> Result<(), OverflowError> {
    assert_eq!(values.len(), out.len(), "one result for each value");
    let mut wide = [0i64; BLOCK];
    for (values, out) in values.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let wide = &mut wide[..values.len()];
        requantise_slice(values, minus, factor, rounder, wide);
        if target.zero_point != 0 {
            wide.iter_mut().for_each(|x| *x = x.saturating_add(target.zero_point.into()));
        }
        narrow_slice(wide, target.lo, target.hi, target.overflow, count, out)?;
    }
    Ok(())
}
