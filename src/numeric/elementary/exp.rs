//! Integer powers of two and of e with a non-positive exponent.

use super::super::Scale;
use super::super::narrow::saturate_u32;

/// Coefficients of `2^−f = 1 − c1·f + c2·f² − …` in UQ0.31; a minimax fit on [0, 1], relative error 2.1e−9.
const POWER: [u32; 6] = [1_488_521_986, 515_877_902, 119_165_493, 20_571_132, 2_737_501, 234_126];

/// log2 e as a scale.
const LOG2_E: (u32, i32) = (1_549_082_005, 1);

/// `2^−y` (N31).
///
/// * Value: `y` in UQ5.27 (0 to just below 32), the result in UQ2.30: `2^30` for `y = 0`, falling to 0.
/// * Formula: with `i = ⌊y⌋` and `f = y − i` in UQ0.31, Horner's `h ← c − ⌊h·f / 2^31⌋` from c6 down to c0 = 2^31, then `(⌊h / 2^i⌋ + 1) / 2`.
/// * Range: any u32. Never rises with `y` on the tested grid (2^18 points).
/// * Rounding: products floor, the end ties up. Largest error 3.2 · 2^−30 (measured on that grid).
/// * Overflow: none; every intermediate fits u32, every product u64.
/// * Equals: six `UMULL`. Source: own minimax fit (Remez, relative error 2.1e−9 with c0 = 1).
pub fn exp2_neg(y: u32) -> u32 {
    let (whole, f) = (y >> 27, (y & ((1 << 27) - 1)) << 4);
    let times_f = |h: u32| high31(h, f);
    let mut h = POWER[5];
    h = POWER[4] - times_f(h);
    h = POWER[3] - times_f(h);
    h = POWER[2] - times_f(h);
    h = POWER[1] - times_f(h);
    h = POWER[0] - times_f(h);
    h = (1 << 31) - times_f(h);
    ((h >> whole) + 1) >> 1
}

/// `⌊a·b / 2^31⌋` of two numbers of at most 2^31: UMULL and a shift.
fn high31(a: u32, b: u32) -> u32 {
    saturate_u32((u64::from(a) * u64::from(b)) >> 31)
}

/// How an integer count of `unit`s becomes an exponent in UQ5.27: once a tensor, so that the loop multiplies and shifts only (N32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exponent {
    mantissa: u32,
    left: u32,
    right: u32,
}

impl Exponent {
    /// For `e^(−t·unit)`.
    pub fn new(unit: Scale) -> Self {
        let log2_e = Scale::from_parts(LOG2_E.0, LOG2_E.1).expect("a normal mantissa");
        let factor = unit.mul(log2_e);
        // y = t · mantissa · 2^(exponent − 31) · 2^27
        let shift = factor.exponent().saturating_sub(4);
        if shift < -63 {
            // t · mantissa < 2^63: every exponent rounds to 0.
            return Self { mantissa: 0, left: 0, right: 0 };
        }
        let side = |s: i32| u32::try_from(s).unwrap_or(0);
        // A product other than 0 is at least 2^30, so a shift by 2 already saturates.
        Self { mantissa: factor.mantissa(), left: side(shift).min(2), right: side(shift.saturating_neg()) }
    }

    /// The multiplier, the left shift (0…2) and the right shift (0…63), for a C twin.
    pub fn parts(&self) -> (u32, u32, u32) {
        (self.mantissa, self.left, self.right)
    }

    /// `min(round(t · factor), 2^32 − 1)` in UQ5.27 (N32), ties up; one `UMULL`.
    pub fn of(&self, t: u32) -> u32 {
        let product = u64::from(t) * u64::from(self.mantissa);
        let half = (1u64 << self.right) >> 1;
        saturate_u32(((product + half) >> self.right).min(1 << 32) << self.left)
    }
}

/// `e^(−t·unit)` in UQ2.30 (N33).
///
/// * Formula: `2^−y` with `y = t · (unit · log2 e)` by [`Exponent`]. Range: any `t`, any unit.
/// * Rounding: of `y` to 2^−27 and of [`exp2_neg`]; together at most 5.2 · 2^−30 (measured). Overflow: none.
pub fn exp_neg(t: u32, unit: Scale) -> u32 {
    exp2_neg(Exponent::new(unit).of(t))
}
