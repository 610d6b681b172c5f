//! `round(x · factor)` for vector registers: without a branch, in integers or by one fused multiply-add.

use crate::numeric::{Rounding, Scale};

/// Largest magnitude of a 64-bit value whose split product fits.
pub(super) const MOST: i64 = 1 << 60;
/// Bits of a 96-bit product that are folded into one sticky bit.
const FOLDED: u32 = 31;
/// `1.5 · 2^52`: a float of this size has whole numbers for its last place, and this one is even.
pub(super) const WHOLE: f64 = 6_755_399_441_055_744.0;
/// `1.5 · 2^23`, the same of 32-bit floats.
pub(super) const WHOLE_SHORT: f32 = 12_582_912.0;
/// Largest magnitude of results that are compared and added in 32 bits.
const NARROW: f64 = 1_073_741_824.0;

/// Rounding of `x · factor` in integers: `⌊(p + bias + …) / 2^s⌋`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factor {
    mantissa: i32,
    shift: u32,
    bias: i64,
    odd: i64,
    negative: i64,
}

impl Factor {
    /// `None` where the plain kernel must run: stochastic rounding, or a shift outside 1…62.
    /// `wide`: for products of more than 64 bits, of which the lowest [`FOLDED`] − 1 are folded; the shift is at least 33 there.
    fn new(factor: Scale, rounding: Rounding, wide: bool) -> Option<Self> {
        let folded = if wide { FOLDED } else { 0 };
        let shift = u32::try_from(31 - factor.exponent()).ok()?.checked_sub(folded).filter(|s| (1..=62).contains(s))?;
        if wide && shift < 2 {
            return None;
        }
        let half = 1i64 << (shift - 1);
        let (bias, odd, negative) = match rounding {
            Rounding::TiesEven => (half - 1, 1, 0),
            Rounding::TiesUp => (half, 0, 0),
            Rounding::TiesAway => (half, 0, -1),
            Rounding::Floor => (0, 0, 0),
            Rounding::TowardZero => (0, 0, (1 << shift) - 1),
            Rounding::Stochastic => return None,
        };
        Some(Self { mantissa: i32::try_from(factor.mantissa()).ok()?, shift, bias, odd, negative })
    }

    /// Any `|x| ≤ 2^31`; `NEGATIVE` where the rule looks at the sign.
    #[inline(always)]
    fn of<const NEGATIVE: bool>(&self, x: i64) -> i64 {
        self.rounded::<NEGATIVE>(x.wrapping_mul(i64::from(self.mantissa)))
    }

    /// `|x| ≤ 2^60`: the product in two halves; what is below them matters only by being there or not.
    #[inline(always)]
    fn of_wide<const NEGATIVE: bool>(&self, x: i64) -> i64 {
        let mantissa = i64::from(self.mantissa);
        let low = (x & 0xffff_ffff).wrapping_mul(mantissa);
        let high = (x >> 32).wrapping_mul(mantissa).wrapping_add(low >> 32);
        self.rounded::<NEGATIVE>(high << 1 | i64::from(low & 0xffff_ffff != 0))
    }

    #[inline(always)]
    fn rounded<const NEGATIVE: bool>(&self, p: i64) -> i64 {
        let sign = if NEGATIVE { (p >> 63) & self.negative } else { 0 };
        p.wrapping_add(self.bias + ((p >> self.shift) & self.odd) + sign) >> self.shift
    }
}

/// A source of codes or accumulators.
pub(crate) trait Source: Copy + Send + Sync + Into<i64> {
    /// Products need more than 64 bits.
    const WIDE: bool;
    /// A value less its zero, and something negative if that leaves the products' range.
    fn centre(self, zero: i32) -> (i64, i32);
    /// The value as a float; exact up to 2^53.
    fn real(self) -> f64;
    /// Equal to the code of zero?
    fn is(self, zero: i32) -> bool;
    /// Other than the code of zero, and no farther from it than `most`?
    fn near(self, zero: i32, most: u64) -> bool;
}

impl Source for i32 {
    const WIDE: bool = false;

    #[inline(always)]
    fn centre(self, zero: i32) -> (i64, i32) {
        let x = self.wrapping_sub(zero);
        (i64::from(x), (self ^ zero) & (self ^ x))
    }

    #[inline(always)]
    fn real(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn is(self, zero: i32) -> bool {
        self == zero
    }

    #[inline(always)]
    fn near(self, zero: i32, most: u64) -> bool {
        let far = self.abs_diff(zero);
        (far != 0) & (far <= u32::try_from(most).unwrap_or(u32::MAX))
    }
}

impl Source for i64 {
    const WIDE: bool = true;

    #[inline(always)]
    fn centre(self, zero: i32) -> (i64, i32) {
        let x = self - i64::from(zero);
        (x, -i32::from(!(-MOST..=MOST).contains(&x)))
    }

    #[inline(always)]
    fn real(self) -> f64 {
        self as f64
    }

    #[inline(always)]
    fn is(self, zero: i32) -> bool {
        self == i64::from(zero)
    }

    #[inline(always)]
    fn near(self, zero: i32, most: u64) -> bool {
        let far = self.abs_diff(zero.into());
        (far != 0) & (far <= most)
    }
}

/// How the products of a whole tensor are rounded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Route {
    /// In integers.
    Integer(Factor),
    /// Ties to even, every result below 2^30: `x · factor + 1.5·2^52` in one fused multiply-add, whose only rounding is the one
    /// asked for, since x and the 31-bit factor are exact; the sum's last bits are the result.
    Narrow(f64),
    /// The same, every result below 2^51.
    Fused(f64),
}

impl Route {
    /// The cheapest for `|x| ≤ most`; `codes` are the limits of what comes of it. `None`: only the plain kernel will do.
    pub fn new<T: Source>(
        factor: Scale,
        rounding: Rounding,
        (fused, most): (bool, u64),
        codes: (i32, i32),
    ) -> Option<Self> {
        let (real, largest) = (factor.to_f64(), most as f64 * factor.to_f64());
        if fused && rounding == Rounding::TiesEven && most <= 1 << 52 && real.is_normal() && largest < WHOLE / 4.0 {
            let small = |x: i32| f64::from(x).abs() <= NARROW;
            let narrow = largest < NARROW && small(codes.0) && small(codes.1);
            return Some(if narrow { Self::Narrow(real) } else { Self::Fused(real) });
        }
        Factor::new(factor, rounding, T::WIDE).map(Self::Integer)
    }
}

/// What rounds one value; known when a loop is compiled.
pub(super) trait Round<T: Source>: Copy {
    /// Results may be compared and added in 32 bits.
    const NARROW: bool;
    /// Results may be added in 64 bits.
    const SHORT: bool;
    /// `round((x − zero) · factor)` and something negative if that may be wrong.
    fn of(&self, x: T, zero: i32) -> (i64, i32);
    /// [`Self::of`] where results are narrow.
    fn narrow(&self, x: T, zero: i32) -> i32;
}

/// [`Route::Integer`]; `NEGATIVE` where the rule looks at the sign.
#[derive(Clone, Copy)]
pub(super) struct InIntegers<const NEGATIVE: bool>(pub Factor);

impl InIntegers<false> {
    pub fn looks_at_sign(factor: &Factor) -> bool {
        factor.negative != 0
    }
}

impl<T: Source, const NEGATIVE: bool> Round<T> for InIntegers<NEGATIVE> {
    const NARROW: bool = false;
    const SHORT: bool = false;

    #[inline(always)]
    fn of(&self, x: T, zero: i32) -> (i64, i32) {
        let (x, bad) = x.centre(zero);
        (if T::WIDE { self.0.of_wide::<NEGATIVE>(x) } else { self.0.of::<NEGATIVE>(x) }, bad)
    }

    #[inline(always)]
    fn narrow(&self, x: T, zero: i32) -> i32 {
        low_bits(self.of(x, zero).0.cast_unsigned())
    }
}

/// [`Route::Narrow`] and [`Route::Fused`].
#[derive(Clone, Copy)]
pub(super) struct InFloats<const NARROW: bool>(pub f64);

impl<T: Source, const IS_NARROW: bool> Round<T> for InFloats<IS_NARROW> {
    const NARROW: bool = IS_NARROW;
    const SHORT: bool = true;

    #[inline(always)]
    fn of(&self, x: T, zero: i32) -> (i64, i32) {
        let sum = (x.real() - f64::from(zero)).mul_add(self.0, WHOLE);
        (sum.to_bits().cast_signed().wrapping_sub(WHOLE.to_bits().cast_signed()), 0)
    }

    #[inline(always)]
    fn narrow(&self, x: T, zero: i32) -> i32 {
        low_bits((x.real() - f64::from(zero)).mul_add(self.0, WHOLE).to_bits())
    }
}

/// The last 32 bits, which is all of a narrow result ([`WHOLE`]'s own are zero).
#[inline(always)]
pub(super) fn low_bits(x: u64) -> i32 {
    (x as u32).cast_signed()
}

/// `zero + round(x / unit)`, ties to even, up to the first code outside the limits; gives how many were written.
pub(crate) fn codes_of_reals(src: &[f64], (unit, zero): (f64, i32), (lo, hi): (i32, i32), out: &mut [i32]) -> usize {
    let (least, most) = (f64::from(lo) - f64::from(zero), f64::from(hi) - f64::from(zero));
    let mut n = 0;
    for (d, &x) in out.iter_mut().zip(src) {
        let sum = x / unit + WHOLE;
        // Not far from `WHOLE` the sum is a whole number, rounded once.
        if !(least..=most).contains(&(sum - WHOLE)) {
            break;
        }
        *d = low_bits(sum.to_bits()).wrapping_add(zero);
        n += 1;
    }
    n
}
