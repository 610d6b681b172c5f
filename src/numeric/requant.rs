//! Integer times real factor, back to an integer: with one rounding, and with two as gemmlowp and TFLM do it.

use super::narrow::{saturate_i32, saturate_i64};
use super::{Rounder, Scale};

/// `x · factor` with one rounding (N14).
pub fn requantise_single(x: i64, factor: Scale, rounder: &mut Rounder) -> i64 {
    let product = i128::from(x) * i128::from(factor.mantissa());
    let right = 31i64 - i64::from(factor.exponent());
    if right >= 0 {
        saturate_i64(rounder.shift_wide(product, u32::try_from(right).expect("an i32's distance from 31")))
    } else if product == 0 {
        0
    } else {
        let left = u32::try_from(-right).unwrap_or(u32::MAX).min(64);
        // The product has at most 95 bits and at least 30, so one shift of 64 surely saturates.
        saturate_i64(if left > 31 { product.signum() << 100 } else { product << left })
    }
}

/// `x · factor` with gemmlowp's two roundings (N15, N16).
pub fn requantise_double(x: i32, factor: Scale) -> i32 {
    let left = factor.exponent().clamp(0, 31);
    let right = (-factor.exponent()).max(0);
    let raised = saturate_i32(i64::from(x) << left);
    let high = (i64::from(raised) * i64::from(factor.mantissa()) + (1 << 30)) >> 31;
    divide_by_power_of_two(high, right)
}

/// `x / 2^shift`, ties away from zero, as gemmlowp's `RoundingDivideByPOT`.
fn divide_by_power_of_two(x: i64, shift: i32) -> i32 {
    let shift = shift.min(40);
    let magnitude = if shift == 0 { x.abs() } else { (x.abs() + (1 << (shift - 1))) >> shift };
    saturate_i32(magnitude * x.signum())
}
