//! TensorFlow Lite's quantised factor, and what stands behind every sum: factor, zero point, clamp.

use crate::numeric::multiply_double;
use crate::numeric::narrow::{real_to_i64, saturate_i32, saturate_i64};

/// A factor ≥ 0, `multiplier · 2^(shift − 31)`, as `QuantizeMultiplier` makes it: ties away from zero, below 2^−32 nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiplier {
    mantissa: u32,
    exponent: i32,
}

impl Multiplier {
    /// Nothing comes through.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };
    /// Exactly 1.
    pub const ONE: Self = Self { mantissa: 1 << 30, exponent: 1 };

    /// From a real factor; `None` unless it is finite, not negative and below 2^31.
    ///
    /// * Formula: `x = q·2^e` with q in ½ … 1; `multiplier = round(q·2^31)`, ties away; e below −31 gives 0.
    /// * Equals: TensorFlow Lite's `QuantizeMultiplier` (`quantization_util.cc`).
    pub fn from_f64(x: f64) -> Option<Self> {
        if !(x.is_finite() && (0.0..2_147_483_648.0).contains(&x)) {
            return None;
        }
        if x < f64::MIN_POSITIVE {
            return Some(Self::ZERO);
        }
        let field = i32::try_from(x.to_bits() >> 52).expect("the sign is 0, so 11 bits are left");
        let exponent = field - 1022;
        // Both factors are powers of two within range, so q·2^31 is exact.
        let q = x * 2f64.powi(-exponent / 2) * 2f64.powi(31 - exponent + exponent / 2);
        let mantissa = u32::try_from(real_to_i64(q.round())).ok()?;
        let rounded_up = mantissa == 1 << 31;
        let (mantissa, exponent) = if rounded_up { (1 << 30, exponent + 1) } else { (mantissa, exponent) };
        Some(if exponent < -31 { Self::ZERO } else { Self { mantissa, exponent } })
    }

    /// From TensorFlow Lite's pair; `None` unless the multiplier is not negative and the shift −31 to 31.
    pub fn from_parts(multiplier: i32, shift: i32) -> Option<Self> {
        let mantissa = u32::try_from(multiplier).ok()?;
        (-31..=31).contains(&shift).then_some(Self { mantissa, exponent: shift })
    }

    /// The multiplier and the shift.
    pub fn parts(self) -> (i32, i32) {
        (i32::try_from(self.mantissa).expect("a mantissa has 31 bits"), self.exponent)
    }

    /// The factor divided by `n` ≥ 1, as TensorFlow Lite divides a mean's: the multiplier is raised by the bits of n, divided
    /// towards zero and not brought back to 31 bits.
    pub fn divided_by(self, n: u32) -> Option<Self> {
        let raise = i32::try_from(n.checked_ilog2()?).ok()?.min(31 + self.exponent);
        let mantissa = u32::try_from((u64::from(self.mantissa) << raise) / u64::from(n)).ok()?;
        Self::from_parts(i32::try_from(mantissa).ok()?, self.exponent - raise)
    }

    /// `x` times the factor, rounded once, ties up: the shift behind the whole product.
    ///
    /// * Formula: `(x·multiplier + 2^(30 − shift)) >> (31 − shift)`. Range: any i32; saturates. Equals numerics N14.
    pub fn apply_once(self, x: i32) -> i32 {
        let right = u32::try_from(31 - self.exponent).unwrap_or(0);
        let product = i128::from(x) * i128::from(self.mantissa);
        let half = if right == 0 { 0 } else { 1i128 << (right - 1) };
        saturate_i32(saturate_i64((product + half) >> right))
    }

    /// `x` times the factor with two roundings: `MultiplyByQuantizedMultiplier` (numerics N15, N16).
    pub fn apply(self, x: i32) -> i32 {
        multiply_double(x, self.mantissa, self.exponent)
    }
}

/// How often a product with a factor is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roundings {
    /// The product's upper half, ties up ([`Multiplier::apply_once`]).
    One,
    /// The doubled upper half, then the shift, ties away from zero ([`Multiplier::apply`]).
    #[default]
    Two,
}

/// From 32-bit sums to 8-bit codes: `clamp(factor·sum + zero, low, high)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requant {
    /// One for all channels, or one a channel.
    pub factors: Vec<Multiplier>,
    /// How often factor·sum is rounded.
    pub roundings: Roundings,
    /// Code of zero.
    pub zero: i32,
    /// Smallest code: the type's, or the fused activation's.
    pub low: i8,
    /// Largest code.
    pub high: i8,
}

impl Requant {
    /// Code of one sum.
    pub fn code(&self, channel: usize, sum: i32) -> i8 {
        let factor = if self.factors.len() == 1 { self.factors[0] } else { self.factors[channel] };
        let scaled = match self.roundings {
            Roundings::One => factor.apply_once(sum),
            Roundings::Two => factor.apply(sum),
        };
        clamp(scaled.saturating_add(self.zero), self.low, self.high)
    }
}

/// `x` limited to `low…high`.
pub(super) fn clamp(x: i32, low: i8, high: i8) -> i8 {
    i8::try_from(x.min(high.into()).max(low.into())).expect("between two bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_those_of_tensorflow_lite() {
        let parts = |x| Multiplier::from_f64(x).map(Multiplier::parts);
        assert_eq!(parts(0.5), Some((1 << 30, 0)));
        assert_eq!(parts(1.0), Some((1 << 30, 1)));
        assert_eq!(parts(0.0), Some((0, 0)));
        // 2^30 + ½ in units of 2^−31: a tie, away from zero where `Scale` goes to even.
        assert_eq!(parts(0.5 + 2f64.powi(-32)), Some(((1 << 30) + 1, 0)));
        assert_eq!(parts(1.0 - 2f64.powi(-40)), Some((1 << 30, 1)));
        assert_eq!(parts(2f64.powi(-32)), Some((1 << 30, -31)));
        assert_eq!(parts(2f64.powi(-33)), Some((0, 0)));
        assert_eq!(parts(1e-310), Some((0, 0)));
        assert_eq!([parts(-1.0), parts(f64::NAN), parts(2f64.powi(31))], [None; 3]);
        assert_eq!(Multiplier::from_parts(1 << 30, -32), None);
        assert_eq!(Multiplier::from_parts(-5, 0), None);
        assert_eq!(Multiplier::ONE.divided_by(25).map(Multiplier::parts), Some((687_194_767, -3)));
        assert_eq!(Multiplier::ONE.divided_by(0), None);
    }

    #[test]
    fn one_rounding_and_two_part_where_the_first_makes_a_tie() {
        let quarter = Multiplier::from_f64(0.25 - 2f64.powi(-33)).unwrap();
        // 6/4 less a little is 1; rounded up to 1.5·2 first, it becomes a tie and then 2.
        assert_eq!((quarter.apply_once(6), quarter.apply(6)), (1, 2));
        assert_eq!([-6, -2, 2].map(|x| Multiplier::from_f64(0.25).unwrap().apply_once(x)), [-1, 0, 1]);
        assert_eq!(Multiplier::from_f64(1e9).unwrap().apply_once(i32::MIN), i32::MIN);
    }

    #[test]
    fn codes_saturate_at_the_activation() {
        let to = Requant { factors: vec![Multiplier::ONE], roundings: Roundings::Two, zero: -100, low: -100, high: 27 };
        assert_eq!([-500, 0, 3, 200, i32::MAX].map(|x| to.code(9, x)), [-100, -100, -97, 27, 27]);
    }
}
