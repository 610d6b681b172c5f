//! Comparisons packed into bits: how thresholds turn sums into signs.

use super::panel::Isa;
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
    }
}
