//! Features as bytes: packed, bounded, checksummed.
//!
//! Little-endian: 8 bytes `TPFEATS1`, 32 bytes key, 1 byte kind (0 integers, 1 f32), 1 byte bits a code, 6 zero bytes, then as
//! u64 samples and features a sample, as i64 the smallest integer, as u64 the step; the payload; SHA-256 of everything before.
//! Integers are `smallest + step · code`, codes bit to bit, least significant bit first: ±1 takes one bit, 0..49 takes six.

use super::features::{FeatureValues, Features};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"TPFEATS1";
const HEADER: usize = 80;
const CHECKSUM: usize = 32;

/// The file of some features under a key.
pub fn encode(key: &[u8; 32], features: &Features) -> Vec<u8> {
    let (kind, code, payload) = match &features.values {
        FeatureValues::Ints(x) => {
            let code = Code::of(x);
            (0, code, code.pack(x))
        }
        FeatureValues::Reals(x) => {
            let bytes = x.iter().flat_map(|v| v.to_le_bytes()).collect();
            (1, Code { smallest: 0, step: 1, bits: 32 }, bytes)
        }
    };
    let mut out = Vec::with_capacity(HEADER + payload.len() + CHECKSUM);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(key);
    out.extend_from_slice(&[kind, code.bits, 0, 0, 0, 0, 0, 0]);
    for n in [features.samples(), features.width] {
        out.extend_from_slice(&u64::try_from(n).expect("a usize fits 64 bits").to_le_bytes());
    }
    out.extend_from_slice(&code.smallest.to_le_bytes());
    out.extend_from_slice(&code.step.to_le_bytes());
    out.extend_from_slice(&payload);
    let checksum = Sha256::digest(&out);
    out.extend_from_slice(&checksum);
    out
}

/// The features in a file's bytes, or what is wrong with them.
pub fn decode(key: &[u8; 32], bytes: &[u8]) -> Result<Features, String> {
    let body_end = bytes.len().checked_sub(CHECKSUM).filter(|n| *n >= HEADER).ok_or("is cut short")?;
    let (body, checksum) = bytes.split_at(body_end);
    if Sha256::digest(body).as_slice() != checksum {
        return Err("its checksum does not match its contents".to_owned());
    }
    let word = |at: usize| u64::from_le_bytes(body[at..at + 8].try_into().expect("eight bytes"));
    if &body[..8] != MAGIC || body[8..40] != key[..] {
        return Err("belongs to another model, data set or version".to_owned());
    }
    let wrong = || "its sizes do not fit its length".to_owned();
    let (samples, width) = (usize::try_from(word(48)), usize::try_from(word(56)));
    let (Ok(samples), Ok(width)) = (samples, width) else { return Err(wrong()) };
    let len = samples.checked_mul(width).filter(|n| *n > 0).ok_or_else(wrong)?;
    let code = Code { smallest: word(64).cast_signed(), step: word(72), bits: body[41] };
    let payload = &body[HEADER..];
    if code.bits > 32 || code.payload_bytes(len) != Some(payload.len()) {
        return Err(wrong());
    }
    let values = match body[40] {
        0 => FeatureValues::Ints(code.unpack(payload, len).ok_or("holds values beyond 32 bits")?),
        1 if code.bits == 32 => {
            FeatureValues::Reals(payload.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
        }
        _ => return Err("is of an unknown kind".to_owned()),
    };
    Ok(Features { width, values })
}

/// How integers become codes of equal width.
#[derive(Debug, Clone, Copy)]
struct Code {
    smallest: i64,
    step: u64,
    bits: u8,
}

impl Code {
    fn of(x: &[i32]) -> Self {
        let smallest = i64::from(x.iter().copied().min().unwrap_or(0));
        let above = |v: &i32| (i64::from(*v) - smallest).unsigned_abs();
        let step = x.iter().map(above).fold(0, gcd).max(1);
        let largest = x.iter().map(above).max().unwrap_or(0) / step;
        let bits = u8::try_from(u64::BITS - largest.leading_zeros()).expect("at most 64");
        Self { smallest, step, bits }
    }

    fn payload_bytes(self, len: usize) -> Option<usize> {
        Some(len.checked_mul(usize::from(self.bits))?.div_ceil(8))
    }

    fn pack(self, x: &[i32]) -> Vec<u8> {
        let (mut pending, mut n_pending) = (0u64, 0);
        let mut out = Vec::with_capacity(self.payload_bytes(x.len()).unwrap_or(0));
        for v in x {
            let code = (i64::from(*v) - self.smallest).unsigned_abs() / self.step;
            pending |= code << n_pending;
            n_pending += self.bits;
            while n_pending >= 8 {
                out.push(pending.to_le_bytes()[0]);
                pending >>= 8;
                n_pending -= 8;
            }
        }
        if n_pending > 0 {
            out.push(pending.to_le_bytes()[0]);
        }
        out
    }

    /// `None` where a value does not fit an i32.
    fn unpack(self, payload: &[u8], len: usize) -> Option<Vec<i32>> {
        let (mut pending, mut n_pending) = (0u64, 0);
        let mut bytes = payload.iter();
        let mut out = Vec::with_capacity(len);
        let mask = (1u64 << self.bits) - 1;
        for _ in 0..len {
            while n_pending < self.bits {
                pending |= u64::from(*bytes.next()?) << n_pending;
                n_pending += 8;
            }
            let above = i64::try_from((pending & mask).checked_mul(self.step)?).ok()?;
            out.push(i32::try_from(self.smallest.checked_add(above)?).ok()?);
            pending >>= self.bits;
            n_pending -= self.bits;
        }
        Some(out)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];

    fn ints(width: usize, values: Vec<i32>) -> Features {
        Features { width, values: FeatureValues::Ints(values) }
    }

    proptest! {
        #[test]
        fn integers_come_back(values in prop::collection::vec(any::<i32>(), 1..60), shift in 0u32..32) {
            let features = ints(1, values.iter().map(|v| v >> shift).collect());
            prop_assert_eq!(decode(&KEY, &encode(&KEY, &features)), Ok(features));
        }

        #[test]
        fn no_byte_can_change_unnoticed(at in 0usize..117, bit in 0u32..8) {
            let mut bytes = encode(&KEY, &ints(2, vec![1, -1, -1, 1, 5, 5, 7, 5, 1, 1]));
            prop_assert_eq!(bytes.len(), 80 + 4 + 32);
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(&KEY, &bytes).is_err());
        }
    }

    #[test]
    fn signs_take_a_bit_and_reals_keep_theirs() {
        let signs = ints(64, (0..640).map(|i| if i % 3 == 0 { -1 } else { 1 }).collect());
        assert_eq!(encode(&KEY, &signs).len(), HEADER + 80 + CHECKSUM);
        let constant = ints(3, vec![9; 9]);
        assert_eq!(decode(&KEY, &encode(&KEY, &constant)), Ok(constant));
        let reals = Features { width: 2, values: FeatureValues::Reals(vec![0.1, -0.0, f32::MIN_POSITIVE, 3e38]) };
        let back = decode(&KEY, &encode(&KEY, &reals)).unwrap();
        let FeatureValues::Reals(x) = &back.values else { panic!("reals") };
        assert_eq!(x[1].to_bits(), (-0.0f32).to_bits());
        assert_eq!(back, reals);
    }

    #[test]
    fn lies_about_sizes_are_errors_even_with_a_right_checksum() {
        for (at, value) in [(48, u64::MAX), (56, 1 << 40), (48, 0), (64, u64::MAX >> 1), (72, u64::MAX)] {
            let mut bytes = encode(&KEY, &ints(2, vec![1, -1, 5, 3]));
            bytes.truncate(bytes.len() - CHECKSUM);
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            let checksum = Sha256::digest(&bytes);
            bytes.extend_from_slice(&checksum);
            assert!(decode(&KEY, &bytes).is_err(), "{at}");
        }
        assert!(decode(&[8; 32], &encode(&KEY, &ints(1, vec![1]))).is_err());
        assert!(decode(&KEY, b"TPFEATS1").is_err());
    }
}
