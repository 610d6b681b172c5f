//! Comparisons packed into bits: how thresholds and float maps turn into signs.

use super::Isa;
use super::row::BITS;

/// Bit `i` of `out` = (`a[i] < b[i]`), tail zero. `out` holds `words(a.len())` words.
pub fn pack_less(isa: Isa, a: &[i32], b: &[i32], out: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    let done = super::simd::pack_less(isa, a, b, out);
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    let _ = isa;
    let pairs = a.chunks(BITS).zip(b.chunks(BITS)).skip(done);
    for ((a, b), word) in pairs.zip(&mut out[done..]) {
        let bits = a.iter().zip(b).enumerate().map(|(i, (a, b))| u64::from(a < b) << i);
        *word = bits.fold(0, |word, bit| word | bit);
    }
}

/// Bit `i` of `out` = (`x[i] < 0`), tail zero: −0 and NaN give 0. `out` holds `words(x.len())` words.
pub fn pack_negative(isa: Isa, x: &[f32], out: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    let done = super::simd::pack_negative(isa, x, out);
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    let _ = isa;
    for (values, word) in x.chunks(BITS).zip(out.iter_mut()).skip(done) {
        let (eights, rest) = values.as_chunks::<8>();
        *word = 0;
        for (i, eight) in eights.iter().enumerate() {
            *word |= negatives(eight) << (8 * i);
        }
        for (i, v) in rest.iter().enumerate() {
            *word |= u64::from(*v < 0.0) << (8 * eights.len() + i);
        }
    }
}

/// Eight signs in the low byte: eight bytes of 0 or 1, moved together by one multiplication without carries.
#[inline(always)]
fn negatives(x: &[f32; 8]) -> u64 {
    let flags: [u8; 8] = std::array::from_fn(|i| u8::from(x[i] < 0.0));
    u64::from_le_bytes(flags).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::super::{tail_is_zero, unpack, words};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_bit_is_its_comparison(pairs in prop::collection::vec((-3i32..3, -3i32..3), 1..300)) {
            let (a, b): (Vec<i32>, Vec<i32>) = pairs.iter().copied().unzip();
            for isa in Isa::available() {
                let mut out = vec![u64::MAX; words(a.len())];
                pack_less(isa, &a, &b, &mut out);
                prop_assert!(tail_is_zero(&out, a.len()));
                let expected: Vec<i32> = pairs.iter().map(|(a, b)| if a < b { -1 } else { 1 }).collect();
                prop_assert_eq!(unpack(&out, a.len()), expected);
            }
        }

        #[test]
        fn each_bit_is_its_float_sign(x in prop::collection::vec(prop::sample::select(
            vec![0.0f32, -0.0, 1.5, -1.5, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e-45, 1e-45],
        ), 1..300)) {
            for isa in Isa::available() {
                let mut out = vec![u64::MAX; words(x.len())];
                pack_negative(isa, &x, &mut out);
                prop_assert!(tail_is_zero(&out, x.len()));
                let expected: Vec<i32> = x.iter().map(|v| if *v < 0.0 { -1 } else { 1 }).collect();
                prop_assert_eq!(unpack(&out, x.len()), expected);
            }
        }
    }
}
