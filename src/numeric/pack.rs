//! Sub-byte storage: codes of 1 to 8 bits, bit to bit, least significant bit first.

use super::{Format, narrow::signed_range};

/// Bytes that `n` codes of `bits` bits take, rounded up to whole bytes (N21).
pub fn packed_bytes(n: usize, bits: u32) -> usize {
    let bits = usize::try_from(bits).expect("a width is small");
    // Eight codes fill `bits` bytes: no product larger than the result is formed.
    n / 8 * bits + (n % 8 * bits).div_ceil(8)
}

/// Packs codes into `bits` bits each, 2 to 8, two's complement (N21).
///
/// * Value: bit `j` of code `i` is bit `(i·bits + j) mod 8` of byte `(i·bits + j) / 8`; the bits after the last code are 0.
/// * Range: codes in `−2^(bits−1) … 2^(bits−1) − 1`; `None` when one is not, or `bits` is not 2 to 8.
/// * Equals: for 4 bits, TFLite's int4 storage (low nibble first).
pub fn pack(codes: &[i32], bits: u32) -> Option<Vec<u8>> {
    if !(2..=8).contains(&bits) {
        return None;
    }
    let (lo, hi) = signed_range(bits);
    let mut bytes = Vec::with_capacity(packed_bytes(codes.len(), bits));
    let (mut pending, mut n_pending) = (0u32, 0u32);
    for &code in codes {
        if !(lo..=hi).contains(&i64::from(code)) {
            return None;
        }
        pending |= (code.cast_unsigned() & ((1 << bits) - 1)) << n_pending;
        n_pending += bits;
        if n_pending >= 8 {
            bytes.push(pending.to_le_bytes()[0]);
            pending >>= 8;
            n_pending -= 8;
        }
    }
    if n_pending > 0 {
        bytes.push(pending.to_le_bytes()[0]);
    }
    Some(bytes)
}

/// The first `n` codes of packed bytes, the inverse of [`pack`]; `None` when the bytes are too few or `bits` is not 2 to 8.
pub fn unpack(bytes: &[u8], n: usize, bits: u32) -> Option<Vec<i32>> {
    if !(2..=8).contains(&bits) || bytes.len() < packed_bytes(n, bits) {
        return None;
    }
    let (mut pending, mut n_pending) = (0u32, 0u32);
    let mut bytes = bytes.iter();
    let mut codes = Vec::with_capacity(n);
    for _ in 0..n {
        if n_pending < bits {
            pending |= u32::from(*bytes.next()?) << n_pending;
            n_pending += 8;
        }
        // Up against the sign bit and back: the sign is extended.
        codes.push((pending << (32 - bits)).cast_signed() >> (32 - bits));
        pending >>= bits;
        n_pending -= bits;
    }
    Some(codes)
}

/// Packs ±1 into bits: bit 1 is −1, least significant bit first, the bits after the last value 0 (the crate's bit convention).
///
/// `None` when a value is neither −1 nor 1.
pub fn pack_binary(values: &[i32]) -> Option<Vec<u8>> {
    let mut bytes = vec![0u8; packed_bytes(values.len(), 1)];
    for (i, &value) in values.iter().enumerate() {
        match value {
            1 => {}
            -1 => bytes[i / 8] |= 1 << (i % 8),
            _ => return None,
        }
    }
    Some(bytes)
}

/// The first `n` ±1 of packed bits, the inverse of [`pack_binary`]; `None` when the bytes are too few.
pub fn unpack_binary(bytes: &[u8], n: usize) -> Option<Vec<i32>> {
    if bytes.len() < packed_bytes(n, 1) {
        return None;
    }
    Some((0..n).map(|i| if bytes[i / 8] >> (i % 8) & 1 == 1 { -1 } else { 1 }).collect())
}

/// Codes of any integer format of up to 8 bits as a device stores them; `None` for wider formats and reals.
pub fn pack_format(codes: &[i32], format: &Format) -> Option<Vec<u8>> {
    match format {
        Format::Binary => pack_binary(codes),
        Format::Int(_) | Format::Fixed(_) => pack(codes, format.bits()),
        Format::F32 | Format::F16 | Format::Bf16 => None,
    }
}
