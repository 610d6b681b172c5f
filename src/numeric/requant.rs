//! Integer times real factor, back to an integer: with one rounding, and with two as gemmlowp and TFLM do it.
//!
//! Two named functions, because composing roundings is not one rounding: `docs/numerics.md` (N16) has an example.

use super::narrow::{saturate_i32, saturate_i64};
use super::{Rounder, Scale};

/// `x · factor`, rounded once (N14).
///
/// * Value: the real `x · factor` to an integer.
/// * Formula: `round(x · mantissa / 2^(31 − exponent))` on the exact product.
/// * Range: any i64 in and out. `|x| < 2^32` needs a 64-bit product (`SMULL`, or `SMULL` + `MLA` for 33 bits); a wider `x` needs 96 bits.
/// * Rounding and ties: the rounder's.
/// * Overflow: saturates to i64.
/// * Equals: CMSIS-NN's `arm_nn_requantize` built with `CMSIS_NN_USE_SINGLE_ROUNDING`, for ties-up and results in i32.
pub fn requantise_single(x: i64, factor: Scale, rounder: &mut Rounder) -> i64 {
    let product = i128::from(x) * i128::from(factor.mantissa());
    let right = 31 - i64::from(factor.exponent());
    if let Ok(right) = u32::try_from(right) {
        return saturate_i64(rounder.shift_wide(product, right));
    }
    // A product other than 0 is at least 2^30, so a shift by 34 is at least 2^64; it is below 2^94, so one by 33 fits i128.
    match u32::try_from(-right) {
        Ok(left @ ..=33) => saturate_i64(product << left),
        _ => saturate_i64(product.signum() << 100),
    }
}

/// `x · factor` with two roundings, bit for bit as gemmlowp, TFLM and CMSIS-NN (default build) (N15, N16).
///
/// * Value: the real `x · factor` to an integer.
/// * Formula: `high = ⌊(x · 2^max(e,0) · mantissa + 2^30) / 2^31⌋`, then `high / 2^max(−e,0)` rounded, with `e` the exponent.
/// * Range: any i32 in and out.
/// * Rounding and ties: the first towards +∞, the second away from zero.
/// * Overflow: saturates to i32 where gemmlowp's left shift is undefined.
/// * Equals: `MultiplyByQuantizedMultiplier`; the parts `VQRDMULH` and `VRSHL` with a fix-up of negative ties.
/// * Source: gemmlowp `fixedpoint/fixedpoint.h`, CMSIS-NN `arm_nnsupportfunctions.h`.
pub fn requantise_double(x: i32, factor: Scale) -> i32 {
    multiply_double(x, factor.mantissa(), factor.exponent())
}

/// [`requantise_double`] by `mantissa · 2^(exponent − 31)` with any mantissa below 2^31 (N15, N16): TensorFlow Lite's mean divides
/// its multiplier by the number of values and does not bring the quotient back to 31 bits, which changes the first rounding.
///
/// * Value, formula, range, rounding, overflow, source: as [`requantise_double`].
/// * Equals: `MultiplyByQuantizedMultiplier`.
pub fn multiply_double(x: i32, mantissa: u32, exponent: i32) -> i32 {
    let left = exponent.clamp(0, 32);
    let right = exponent.saturating_neg().max(0);
    let raised = i128::from(x) << left;
    let high = (raised * i128::from(mantissa) + (1 << 30)) >> 31;
    divide_by_power_of_two(saturate_i64(high), right)
}

/// `x / 2^shift`, ties away from zero (N16): gemmlowp's `RoundingDivideByPOT` for any shift; `|x| < 2^63`.
fn divide_by_power_of_two(x: i64, shift: i32) -> i32 {
    // |x| ≤ 2^31 whenever the shift is not 0, so 40 already gives 0.
    let shift = shift.min(40);
    let size = x.saturating_abs();
    let magnitude = if shift == 0 { size } else { (size + (1 << (shift - 1))) >> shift };
    saturate_i32(magnitude * x.signum())
}
