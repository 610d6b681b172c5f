//! Softmax of integer logits, shaped for vector registers.

use super::Level;
use super::elementwise::low;
use crate::numeric::Scale;
use crate::numeric::elementary::{Exponent, reciprocal};

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
