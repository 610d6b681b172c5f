//! Reference xor-popcount: one bit at a time, then one word at a time.

use super::row::BITS;

/// Number of places where the first `n` elements of two rows differ, counted bit by bit: the reference of every other version.
///
/// Range: 0..=n. Panics if a row is shorter than `words(n)`.
pub fn popcount_reference(a: &[u64], b: &[u64], n: usize) -> u32 {
    let differs = |i: usize| (a[i / BITS] >> (i % BITS) & 1) != (b[i / BITS] >> (i % BITS) & 1);
    (0..n).map(|i| u32::from(differs(i))).sum()
}

/// Number of differing bits of two rows, word by word; equals [`popcount_reference`] where both tails are zero.
pub fn popcount_words(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(x, w)| (x ^ w).count_ones()).sum()
}

/// Sum of the products of two ±1 rows of `n` elements: `n − 2·popcount(a xor b)`.
///
/// Range: −n..=n, always of the parity of `n`. Rows must have zero tails.
pub fn dot(a: &[u64], b: &[u64], n: usize) -> i64 {
    let n = i64::try_from(n).expect("a row in memory has fewer than 2^63 elements");
    n - 2 * i64::from(popcount_words(a, b))
}

#[cfg(test)]
mod tests {
    use super::super::{pack, words};
    use super::*;
    use proptest::prelude::*;

    /// Lengths around the word widths of hosts and devices.
    pub(crate) const LENGTHS: [usize; 14] = [1, 3, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 255, 257];

    proptest! {
        #[test]
        fn word_and_bit_counts_and_the_signed_sum_agree(seed in any::<u64>(), which in 0..LENGTHS.len()) {
            let n = LENGTHS[which];
            let mut state = seed;
            let mut signs = || -> Vec<i32> {
                (0..n).map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    if state >> 63 == 1 { -1 } else { 1 }
                }).collect()
            };
            let (x, y) = (signs(), signs());
            let (a, b) = (pack(&x), pack(&y));
            prop_assert_eq!(a.len(), words(n));
            prop_assert_eq!(popcount_words(&a, &b), popcount_reference(&a, &b, n));
            let exact: i64 = x.iter().zip(&y).map(|(p, q)| i64::from(p * q)).sum();
            prop_assert_eq!(dot(&a, &b, n), exact);
        }
    }
}
