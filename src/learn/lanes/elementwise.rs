//! One value in, one value out: requantising, SGD's step, softmax.

use super::super::kernels::{Requant, Site, Step, StepCount, product, store};
use super::Level;
use crate::numeric::elementary::{Exponent, reciprocal};
use crate::numeric::{OverflowError, Rounding, Scale};

/// Values of one block: few enough that one value out of range costs little.
const BLOCK: usize = 256;
/// Largest magnitude of a 64-bit value whose split product fits.
const MOST: i64 = 1 << 60;
/// Bits of a 96-bit product that are folded into one sticky bit.
const FOLDED: u32 = 31;

/// Rounding of `x · factor` without a branch: `⌊(p + bias + …) / 2^s⌋`.
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

/// What a block needs besides its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    factor: Factor,
    src_zero: i32,
    dst_zero: i32,
    lo: i32,
    hi: i32,
}

impl Grid {
    /// The rule looks at the sign, or a limit is an end of i32, which a saturated value could hide behind.
    fn careful(&self) -> bool {
        self.factor.negative != 0 || self.lo == i32::MIN || self.hi == i32::MAX
    }
}

/// Non-zero values and those among them that came to nothing; `None` if any value of the block is out of range.
pub(crate) type Counted = Option<(u64, u64)>;

/// A value less its zero, and something negative if that leaves the products' range.
pub(crate) trait Centre: Copy + Into<i64> {
    const WIDE: bool;
    fn centre(self, zero: i32) -> (i64, i32);

    #[inline(always)]
    fn product<const NEGATIVE: bool>(x: i64, factor: &Factor) -> i64 {
        if Self::WIDE { factor.of_wide::<NEGATIVE>(x) } else { factor.of::<NEGATIVE>(x) }
    }
}

impl Centre for i32 {
    const WIDE: bool = false;

    #[inline(always)]
    fn centre(self, zero: i32) -> (i64, i32) {
        let x = self.wrapping_sub(zero);
        (i64::from(x), (self ^ zero) & (self ^ x))
    }
}

impl Centre for i64 {
    const WIDE: bool = true;

    #[inline(always)]
    fn centre(self, zero: i32) -> (i64, i32) {
        let x = self - i64::from(zero);
        (x, -i32::from(!(-MOST..=MOST).contains(&x)))
    }
}

/// `dst = dst_zero + round((src − src_zero) · factor)`.
#[inline(always)]
pub(super) fn requant_block<T: Centre>(src: &[T], grid: &Grid, dst: &mut [i32]) -> Counted {
    if grid.careful() { requant_values::<T, true>(src, grid, dst) } else { requant_values::<T, false>(src, grid, dst) }
}

#[inline(always)]
fn requant_values<T: Centre, const CAREFUL: bool>(src: &[T], grid: &Grid, dst: &mut [i32]) -> Counted {
    let (mut outside, mut non_zero, mut lost) = (0i32, 0u32, 0u32);
    let g = *grid;
    for (d, &s) in dst.iter_mut().zip(src) {
        let (x, bad) = s.centre(g.src_zero);
        let y = T::product::<CAREFUL>(x, &g.factor) + i64::from(g.dst_zero);
        *d = low(y);
        outside |= bad | beyond::<CAREFUL>(y, *d, &g);
        non_zero += u32::from(x != 0);
        lost += u32::from((x != 0) & (*d == g.dst_zero));
    }
    (outside >= 0).then_some((non_zero.into(), lost.into()))
}

/// `weights −= round((gradient − src_zero) · factor)` into `out`.
#[inline(always)]
pub(super) fn sgd_block<T: Centre>(weights: &[i32], gradient: &[T], grid: &Grid, out: &mut [i32]) -> Counted {
    if grid.careful() {
        sgd_values::<T, true>(weights, gradient, grid, out)
    } else {
        sgd_values::<T, false>(weights, gradient, grid, out)
    }
}

#[inline(always)]
fn sgd_values<T: Centre, const CAREFUL: bool>(
    weights: &[i32],
    gradient: &[T],
    grid: &Grid,
    out: &mut [i32],
) -> Counted {
    let (mut outside, mut non_zero, mut lost) = (0i32, 0u32, 0u32);
    let g = *grid;
    for ((d, &w), &s) in out.iter_mut().zip(weights).zip(gradient) {
        let (x, bad) = s.centre(g.src_zero);
        let y = i64::from(w) - T::product::<CAREFUL>(x, &g.factor);
        *d = low(y);
        outside |= bad | beyond::<CAREFUL>(y, *d, &g);
        non_zero += u32::from(x != 0);
        lost += u32::from((x != 0) & (*d == w));
    }
    (outside >= 0).then_some((non_zero.into(), lost.into()))
}

/// Negative if `y` (limited to i32: `d`) is outside the codes.
#[inline(always)]
fn beyond<const CAREFUL: bool>(y: i64, d: i32, g: &Grid) -> i32 {
    if CAREFUL {
        -i32::from((y < i64::from(g.lo)) | (y > i64::from(g.hi)))
    } else {
        -i32::from((d < g.lo) | (d > g.hi))
    }
}

/// Limited to i32.
#[inline(always)]
fn low(y: i64) -> i32 {
    y.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// A source of codes or accumulators.
pub(crate) trait Lane: Centre {
    fn requant(level: Level, src: &[Self], grid: &Grid, dst: &mut [i32]) -> Counted;
    fn sgd(level: Level, weights: &[i32], gradient: &[Self], grid: &Grid, out: &mut [i32]) -> Counted;
}

macro_rules! lane {
    ($t:ty, $requant:ident, $sgd:ident) => {
        impl Lane for $t {
            fn requant(level: Level, src: &[Self], grid: &Grid, dst: &mut [i32]) -> Counted {
                #[cfg(target_arch = "x86_64")]
                if level != Level::Plain {
                    return super::simd::$requant(level, src, grid, dst);
                }
                let _ = level;
                requant_block(src, grid, dst)
            }

            fn sgd(level: Level, weights: &[i32], gradient: &[Self], grid: &Grid, out: &mut [i32]) -> Counted {
                #[cfg(target_arch = "x86_64")]
                if level != Level::Plain {
                    return super::simd::$sgd(level, weights, gradient, grid, out);
                }
                let _ = level;
                sgd_block(weights, gradient, grid, out)
            }
        }
    };
}

lane!(i32, requant_i32, sgd_i32);
lane!(i64, requant_i64, sgd_i64);

/// [`Requant`] of every value; gives the number of values other than zero and of those among them that became the code of zero.
///
/// Equals `kernels::forward_copy`, `quantise_error` and `quantise_gradient`.
pub(crate) fn requant<T: Lane>(
    level: Level,
    src: &[T],
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    let grid = Factor::new(requant.factor, site.rounder.mode(), T::WIDE).map(|factor| Grid {
        factor,
        src_zero: requant.src_zero,
        dst_zero: requant.dst_zero,
        lo: requant.lo,
        hi: requant.hi,
    });
    let (mut non_zero, mut lost) = (0, 0);
    for (src, dst) in src.chunks(BLOCK).zip(dst.chunks_mut(BLOCK)) {
        if let Some((n, l)) = grid.as_ref().and_then(|grid| T::requant(level, src, grid, dst)) {
            site.count.total += u64::try_from(src.len()).unwrap_or(u64::MAX);
            (non_zero, lost) = (non_zero + n, lost + l);
            continue;
        }
        for (d, &s) in dst.iter_mut().zip(src) {
            let x = s.into() - i64::from(requant.src_zero);
            *d = requant.centred(x, site)?;
            non_zero += u64::from(x != 0);
            lost += u64::from(x != 0 && *d == requant.dst_zero);
        }
    }
    Ok((non_zero, lost))
}

/// SGD's step on codes. Equals `kernels::sgd_update` and `sgd_update_wide`.
pub(crate) fn sgd<T: Lane>(
    level: Level,
    master: &mut [i32],
    gradient: &[T],
    step: &Step,
    update: &mut Site,
    store_site: &mut Site,
) -> Result<StepCount, OverflowError> {
    let grid = Factor::new(step.factor, update.rounder.mode(), T::WIDE).map(|factor| Grid {
        factor,
        src_zero: step.src_zero,
        dst_zero: 0,
        lo: step.lo,
        hi: step.hi,
    });
    let mut count = StepCount::default();
    let mut new = [0i32; BLOCK];
    for (master, gradient) in master.chunks_mut(BLOCK).zip(gradient.chunks(BLOCK)) {
        let new = &mut new[..master.len()];
        if let Some((n, l)) = grid.as_ref().and_then(|grid| T::sgd(level, master, gradient, grid, new)) {
            store_site.count.total += u64::try_from(master.len()).unwrap_or(u64::MAX);
            count = count.plus(StepCount { non_zero: n, vanished: l });
            master.copy_from_slice(new);
            continue;
        }
        for (w, &g) in master.iter_mut().zip(gradient) {
            let x = g.into() - i64::from(step.src_zero);
            let moved = product(x, step.factor, &mut update.rounder);
            count.non_zero += u64::from(x != 0);
            count.vanished += u64::from(x != 0 && moved == 0);
            let y = i64::from(*w).saturating_sub(moved);
            *w = store(y, step.lo, step.hi, step.overflow, &mut store_site.count)?;
        }
    }
    Ok(count)
}

/// `sum = high·2^16 + low + off·column` of one row; gives the smallest and largest, 0 inside.
#[inline(always)]
pub(super) fn join_row(high: &[i32], low: &[i32], (columns, off): (&[i32], i64), out: &mut [i64]) -> (i64, i64) {
    let (mut least, mut most) = (0i64, 0i64);
    for (((sum, &h), &l), &s) in out.iter_mut().zip(high).zip(low).zip(columns) {
        let x = (i64::from(h) << 16) + i64::from(l) + off * i64::from(s);
        *sum = x;
        least = least.min(x);
        most = most.max(x);
    }
    (least, most)
}

/// 64-bit sums of rows of `columns` values from sums of the errors' upper and lower halves.
pub(crate) fn join(
    level: Level,
    (high, low): (&[i32], &[i32]),
    (column_sums, off): (&[i32], i64),
    columns: usize,
    out: &mut [i64],
) -> (i64, i64) {
    let halves = high.chunks_exact(columns).zip(low.chunks_exact(columns));
    let (mut least, mut most) = (0, 0);
    for (out, (high, low)) in out.chunks_exact_mut(columns).zip(halves) {
        let at = (column_sums, off);
        #[cfg(target_arch = "x86_64")]
        if level != Level::Plain {
            let (a, b) = super::simd::join_row_of(level, high, low, at, out);
            (least, most) = (a.min(least), b.max(most));
            continue;
        }
        let _ = level;
        let (a, b) = join_row(high, low, at, out);
        (least, most) = (a.min(least), b.max(most));
    }
    (least, most)
}

/// `e_c = exp_neg(most − z_c)` of one sample, and their sum.
#[inline(always)]
pub(super) fn exponentials(logits: &[i32], most: i32, exponent: Exponent, out: &mut [i32]) -> u64 {
    let (mantissa, left, right) = exponent.parts();
    let half = (1u64 << right) >> 1;
    let mut sum = 0u64;
    for (p, &z) in out.iter_mut().zip(logits) {
        let t = u64::from(most.wrapping_sub(z).cast_unsigned());
        let y = (((t * u64::from(mantissa) + half) >> right).min(1 << 32) << left).min(u64::from(u32::MAX));
        let (whole, f) = (y >> 27, (y & ((1 << 27) - 1)) << 4);
        let mut h = 234_126u64;
        for c in [2_737_501, 20_571_132, 119_165_493, 515_877_902, 1_488_521_986, 1 << 31] {
            h = c - ((h * f) >> 31);
        }
        let e = ((h >> whole) + 1) >> 1;
        sum += e;
        *p = low(e.cast_signed());
    }
    sum
}

/// Codes of up to 16 bits into 16-bit lanes; gives their sum modulo 2^32.
#[inline(always)]
pub(super) fn to_16(codes: &[i32], lanes: &mut [i16]) -> i32 {
    let mut sum = 0i32;
    for (lane, &code) in lanes.iter_mut().zip(codes) {
        *lane = code as i16;
        sum = sum.wrapping_add(code);
    }
    sum
}

/// `p_c = (e_c · multiplier + half) >> shift`.
#[inline(always)]
pub(super) fn normalise(values: &mut [i32], multiplier: u32, shift: u32) {
    let half = (1u64 << shift) >> 1;
    for p in values {
        let e = u64::from(p.unsigned_abs());
        *p = low(((e * u64::from(multiplier) + half) >> shift).cast_signed());
    }
}

/// Softmax of one sample. Equals `elementary::softmax`.
pub(crate) fn softmax(level: Level, logits: &[i32], unit: Scale, out: &mut [i32]) {
    let most = logits.iter().copied().max().unwrap_or(0);
    let exponent = Exponent::new(unit);
    #[cfg(target_arch = "x86_64")]
    if level != Level::Plain {
        let by = reciprocal(super::simd::exponentials_of(level, logits, most, exponent, out));
        return super::simd::normalise_all(level, out, by.multiplier, by.shift);
    }
    let _ = level;
    let by = reciprocal(exponentials(logits, most, exponent, out));
    normalise(out, by.multiplier, by.shift);
}
