//! A real positive factor as a device holds it: 31 bits of mantissa and a power of two.

use super::ScaleError;
use serde::{Deserialize, Serialize};

/// `mantissa · 2^(exponent − 31)` with the mantissa in `2^30 … 2^31 − 1`, so the value is in `2^(exponent−1) … 2^exponent` (N10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scale {
    mantissa: u32,
    exponent: i32,
}

const ONE_31: u64 = 1 << 31;

impl Scale {
    /// Exactly 1.
    pub const ONE: Self = Self { mantissa: 1 << 30, exponent: 1 };

    /// From parts; `None` unless the mantissa is in `2^30 … 2^31 − 1`.
    pub fn from_parts(mantissa: u32, exponent: i32) -> Option<Self> {
        (mantissa >> 30 == 1).then_some(Self { mantissa, exponent })
    }

    /// The mantissa, `2^30 … 2^31 − 1`.
    pub fn mantissa(self) -> u32 {
        self.mantissa
    }

    /// The exponent; TensorFlow Lite's `shift`.
    pub fn exponent(self) -> i32 {
        self.exponent
    }

    /// `2^k`, exactly.
    pub fn pow2(k: i32) -> Self {
        Self { mantissa: 1 << 30, exponent: k.saturating_add(1) }
    }

    /// The nearest scale to `x` (N10).
    ///
    /// * Range: any positive finite f64, subnormals too; anything else is an error.
    /// * Rounding: one, to 31 bits, ties to even. Overflow: none.
    /// * Equals: TFLM's `QuantizeMultiplier` but for ties, which that takes away from zero.
    pub fn from_f64(x: f64) -> Result<Self, ScaleError> {
        if !(x.is_finite() && x > 0.0) {
            return Err(ScaleError::NotPositive(x));
        }
        let bits = x.to_bits();
        let (field, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
        let (significand, exponent) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, 0) };
        let exponent =
            if field == 0 { exponent } else { i32::try_from(field).expect("an exponent field has 11 bits") - 1075 };
        Ok(Self::rounded(significand, false, exponent))
    }

    /// The exact value, as long as f64 has it (exponents −1021 … 1024; beyond it is 0, subnormal or infinite).
    pub fn to_f64(self) -> f64 {
        // Two exact powers: one alone may leave f64's exponent range although the product does not.
        let half = (self.exponent - 31) / 2;
        f64::from(self.mantissa) * 2f64.powi(half) * 2f64.powi(self.exponent - 31 - half)
    }

    /// `num / den` (N29).
    ///
    /// * Range: any two u64; an error when either is 0. A device needs 128 bits for 64-bit operands and, where both are below 2^32,
    ///   only one 64-by-32-bit division: shift `num` to bit 63 and `den` to bit 31; the quotient has 32 or 33 bits, the remainder is the sticky bit.
    /// * Rounding: one, to 31 bits, ties to even. Overflow: none.
    pub fn ratio(num: u64, den: u64) -> Result<Self, ScaleError> {
        if num == 0 || den == 0 {
            return Err(ScaleError::Ratio { num, den });
        }
        let (up, down) = (num.leading_zeros(), den.leading_zeros());
        let wide = (u128::from(num) << up) << 33;
        let den = u128::from(den) << down;
        let quotient = u64::try_from(wide / den).expect("a normalised quotient has at most 35 bits");
        let exponent = i32::try_from(down).expect("≤ 64") - i32::try_from(up).expect("≤ 64") - 33;
        Ok(Self::rounded(quotient, wide % den != 0, exponent))
    }

    /// `self · other` (N29): a 62-bit product, rounded once to 31 bits, ties to even. Exponents saturate at i32.
    #[allow(clippy::should_implement_trait)] // it rounds, which an operator would hide
    pub fn mul(self, other: Self) -> Self {
        let product = u64::from(self.mantissa) * u64::from(other.mantissa);
        let exponent = self.exponent.saturating_add(other.exponent);
        Self::rounded(product, false, exponent.saturating_sub(62))
    }

    /// `self / other` (N29): `⌊a·2^32 / b⌋` and its remainder (64 by 32 bits), rounded once to 31 bits, ties to even. Exponents saturate at i32.
    #[allow(clippy::should_implement_trait)] // it rounds, which an operator would hide
    pub fn div(self, other: Self) -> Self {
        let num = u64::from(self.mantissa) << 32;
        let den = u64::from(other.mantissa);
        let exponent = self.exponent.saturating_sub(other.exponent);
        Self::rounded(num / den, num % den != 0, exponent.saturating_sub(32))
    }

    /// `1 / self`, as [`Scale::div`] (N29).
    pub fn recip(self) -> Self {
        Self::ONE.div(self)
    }

    /// `significand · 2^exponent` (plus a little when `sticky`), ties to even on 31 bits.
    fn rounded(significand: u64, sticky: bool, exponent: i32) -> Self {
        let top = significand.leading_zeros();
        let normal = significand << top;
        let kept = normal >> 33;
        let rest = normal & ((1 << 33) - 1);
        let half = 1u64 << 32;
        let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
        let mantissa = kept + u64::from(up);
        let exponent = exponent.saturating_add(64 - i32::try_from(top).expect("≤ 63"));
        let (mantissa, exponent) =
            if mantissa == ONE_31 { (ONE_31 / 2, exponent.saturating_add(1)) } else { (mantissa, exponent) };
        Self { mantissa: u32::try_from(mantissa).expect("below 2^31"), exponent }
    }
}
