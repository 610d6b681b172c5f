//! TensorFlow Lite's softmax of 8-bit codes, on gemmlowp's fixed-point numbers.
//!
//! Raw 32-bit numbers with k integer bits stand for `raw / 2^(31 − k)`. Source: gemmlowp `fixedpoint/fixedpoint.h`, TensorFlow
//! Lite `reference/softmax.h`.

use super::super::{Map, NnError};
use super::Multiplier;
use super::multiplier::clamp;
use crate::numeric::narrow::{real_to_i64, saturate_i32};

/// Integer bits of a scaled difference.
const DIFF_BITS: u32 = 5;
/// Integer bits of the sum of exponentials.
const SUM_BITS: u32 = 12;

/// Softmax with the scale of its input (times beta) as a multiplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax {
    factor: Multiplier,
    least: i32,
}

impl Softmax {
    /// From the real value of one input step, `beta·scale`.
    ///
    /// * Formula: `factor = min(unit·2^26, 2^31 − 1)`; differences below `−⌊31·2^26 / 2^shift⌋` count as 0.
    ///
    /// # Errors
    /// [`NnError::OutOfRange`] unless `1 < unit·2^26`, as TensorFlow Lite demands.
    pub fn new(unit: f64) -> Result<Self, NnError> {
        let range = || NnError::OutOfRange {
            what: "softmax: beta times the input's scale".into(),
            value: unit.to_string(),
            allowed: "above 2^-26".into(),
        };
        let real = unit * f64::from(1u32 << (31 - DIFF_BITS));
        // `min` would turn NaN into the limit.
        if real.is_nan() || real <= 1.0 {
            return Err(range());
        }
        let real = real.min(f64::from(i32::MAX));
        let factor = Multiplier::from_f64(real).ok_or_else(range)?;
        let (_, shift) = factor.parts();
        let radius = 31.0 * f64::from(1u32 << (31 - DIFF_BITS)) / 2f64.powi(shift);
        Ok(Self { factor, least: -saturate_i32(real_to_i64(radius.floor())) })
    }

    /// Multiplier and shift of the factor, smallest difference that counts.
    pub fn parts(&self) -> (i32, i32, i32) {
        let (multiplier, shift) = self.factor.parts();
        (multiplier, shift, self.least)
    }

    /// From what [`Softmax::parts`] gave.
    pub fn from_parts(multiplier: i32, shift: i32, least: i32) -> Option<Self> {
        let factor = Multiplier::from_parts(multiplier, shift).filter(|f| *f != Multiplier::ZERO)?;
        (least <= 0).then_some(Self { factor, least })
    }

    /// The 256 exponentials that there can be: of a difference −d at place d, 0 where it does not count. A device may keep them as a table.
    pub fn table(&self) -> Vec<i32> {
        (0..256).map(|d| self.exponential(-d)).collect()
    }

    /// Each pixel's channels by themselves.
    pub(super) fn map(&self, x: &Map<i8>) -> Map<i8> {
        let rows = x.data().chunks_exact(x.shape().c);
        let codes: Vec<i8> = rows.flat_map(|row| self.row(row)).collect();
        super::mapped(x.shape(), codes.into_iter())
    }

    fn row(&self, row: &[i8]) -> Vec<i8> {
        let most = row.iter().copied().max().unwrap_or(0);
        let exps: Vec<i32> = row.iter().map(|v| self.exponential(i32::from(*v) - i32::from(most))).collect();
        let mut codes = vec![0; row.len()];
        self.shares(&exps, &mut codes);
        codes
    }

    /// e^difference without integer bits, 0 where it is too small to count.
    pub(crate) fn exponential(&self, difference: i32) -> i32 {
        if difference >= self.least { exp_of_negative(self.factor.apply(difference)) } else { 0 }
    }

    /// Codes of exponentials' shares in their sum.
    pub(crate) fn shares(&self, exps: &[i32], codes: &mut [i8]) {
        let sum = exps.iter().fold(0i32, |sum, e| sum.saturating_add(halve(*e, SUM_BITS)));
        let (scale, over_unit) = reciprocal(sum);
        for (code, e) in codes.iter_mut().zip(exps) {
            let share = halve(high(scale, *e), over_unit + 31 - 8);
            *code = clamp(share.saturating_add(i32::from(i8::MIN)), i8::MIN, i8::MAX);
        }
    }
}

/// `a·b / 2^31` to nearest, ties up, saturated: `SaturatingRoundingDoublingHighMul`.
fn high(a: i32, b: i32) -> i32 {
    saturate_i32((i64::from(a) * i64::from(b) + (1 << 30)) >> 31)
}

/// `x / 2^by` to nearest, ties away from zero: `RoundingDivideByPOT`.
fn halve(x: i32, by: u32) -> i32 {
    let size = i64::from(x.unsigned_abs());
    let magnitude = if by == 0 { size } else { (size + (1 << (by - 1))) >> by };
    saturate_i32(if x < 0 { -magnitude } else { magnitude })
}

/// `x·2^by`, saturated.
fn double(x: i32, by: u32) -> i32 {
    saturate_i32(i64::from(x) << by)
}

/// e^a for a ≤ 0 with 5 integer bits; the result has none.
fn exp_of_negative(a: i32) -> i32 {
    if a == 0 {
        return i32::MAX;
    }
    let quarter = 1 << (31 - DIFF_BITS - 2);
    let part = (a & (quarter - 1)) - quarter;
    let mut result = exp_within_a_quarter(double(part, DIFF_BITS));
    let rest = part.wrapping_sub(a);
    // e^(−2^i) for i from −2 to 4, without integer bits.
    let powers = [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    for (i, power) in powers.into_iter().enumerate() {
        if rest & (quarter << i) != 0 {
            result = high(result, power);
        }
    }
    result
}

/// e^a for −¼ ≤ a < 0 without integer bits: a Taylor series around −⅛ to the fourth power.
fn exp_within_a_quarter(a: i32) -> i32 {
    const E_TO_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = a + (1 << 28);
    let x2 = high(x, x);
    let x3 = high(x2, x);
    let x4 = high(x2, x2);
    let tail = halve(high(halve(x4, 2) + x3, THIRD) + x2, 1);
    E_TO_MINUS_EIGHTH + high(E_TO_MINUS_EIGHTH, x + tail)
}

/// 1/x of a number with 12 integer bits, normalised to ½ … 1 without integer bits, and the bits of x above 1.
fn reciprocal(x: i32) -> (i32, u32) {
    let x = x.max(1).unsigned_abs();
    let headroom = x.leading_zeros();
    let above = (x << headroom).wrapping_sub(1 << 31);
    (one_over_one_plus(above.cast_signed()), SUM_BITS.saturating_sub(headroom))
}

/// 1/(1 + a) for 0 ≤ a < 1, no integer bits: three Newton steps with 2 integer bits.
fn one_over_one_plus(a: i32) -> i32 {
    const START: i32 = 1_515_870_810;
    const SLOPE: i32 = -1_010_580_540;
    let sum = i64::from(a) + i64::from(i32::MAX);
    let half = saturate_i32((sum + if sum >= 0 { 1 } else { -1 }) / 2);
    let mut x = START.wrapping_add(high(half, SLOPE));
    for _ in 0..3 {
        let error = (1 << 29) - high(half, x);
        x = x.wrapping_add(double(high(x, error), 2));
    }
    double(x, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_and_reciprocals_are_close_to_the_real_ones() {
        for i in 0..2000 {
            let a = -i * 1_048_573;
            let exact = (f64::from(a) / f64::from(1 << 26)).exp();
            assert!((f64::from(exp_of_negative(a)) / 2f64.powi(31) - exact).abs() < 3e-7, "{a}");
            let b = i * 1_073_741;
            let exact = 1.0 / (1.0 + f64::from(b) / 2f64.powi(31));
            assert!((f64::from(one_over_one_plus(b)) / 2f64.powi(31) - exact).abs() < 1e-7, "{b}");
        }
    }

    #[test]
    fn scales_that_tensorflow_lite_refuses_are_refused() {
        assert!(Softmax::new(0.0).is_err() && Softmax::new(f64::NAN).is_err() && Softmax::new(-1.0).is_err());
        let softmax = Softmax::new(0.1).unwrap();
        let (m, s, l) = softmax.parts();
        assert_eq!(Softmax::from_parts(m, s, l), Some(softmax));
        assert_eq!(softmax.row(&[0, 0]), [0, 0]);
        assert_eq!(softmax.row(&[127, -128]), [127, -128]);
    }
}
