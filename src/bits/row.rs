//! One packed row: how many words, in, out, and the zero tail.

/// Elements in one word on the host.
pub const BITS: usize = u64::BITS as usize;

/// Words of 64 bits that hold `n` elements.
pub const fn words(n: usize) -> usize {
    n.div_ceil(BITS)
}

/// Words of 32 bits that a device needs for `n` elements.
pub const fn device_words(n: usize) -> usize {
    n.div_ceil(32)
}

/// Packs signs: a negative value is −1 (bit 1), zero and positive values are +1 (bit 0).
pub fn pack(values: &[i32]) -> Vec<u64> {
    let mut row = vec![0; words(values.len())];
    for (i, _) in values.iter().enumerate().filter(|(_, v)| **v < 0) {
        row[i / BITS] |= 1 << (i % BITS);
    }
    row
}

/// The `n` values ±1 of a packed row.
///
/// # Panics
/// If the row is shorter than `words(n)`.
pub fn unpack(row: &[u64], n: usize) -> Vec<i32> {
    (0..n).map(|i| if row[i / BITS] >> (i % BITS) & 1 == 1 { -1 } else { 1 }).collect()
}

/// The first `n` elements as bytes, least significant bit first, the tail of the last byte 0: what files hold.
pub fn pack_bytes(row: &[u64], n: usize) -> Vec<u8> {
    row.iter().flat_map(|w| w.to_le_bytes()).take(n.div_ceil(8)).collect()
}

/// Whether every bit past element `n` is 0, the invariant of each packed row.
pub fn tail_is_zero(row: &[u64], n: usize) -> bool {
    row.len() == words(n) && (n.is_multiple_of(BITS) || row.last().is_none_or(|w| w >> (n % BITS) == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pack_then_unpack_is_the_sign_and_the_tail_is_zero(values in prop::collection::vec(-3i32..=3, 0..200)) {
            let row = pack(&values);
            prop_assert!(tail_is_zero(&row, values.len()));
            let signs: Vec<i32> = values.iter().map(|v| if *v < 0 { -1 } else { 1 }).collect();
            prop_assert_eq!(unpack(&row, values.len()), signs);
        }
    }

    #[test]
    fn a_dirty_tail_is_seen() {
        assert!(!tail_is_zero(&[1 << 3], 3));
        assert!(tail_is_zero(&[1 << 3], 4));
        assert!(tail_is_zero(&[u64::MAX], 64));
        assert!(tail_is_zero(&[], 0));
    }

    #[test]
    fn bytes_are_the_device_words_little_endian() {
        let row = pack(&[-1, 1, 1, 1, 1, 1, 1, 1, 1, -1]);
        assert_eq!(pack_bytes(&row, 10), [0b1, 0b10]);
    }
}
