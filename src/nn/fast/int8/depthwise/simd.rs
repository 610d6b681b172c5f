//! Depthwise products by AVX-512 with VNNI; equal to the plain loop, tested in `tests/kernels_fast.rs`.

use super::bytes::{Bytes, QUAD, WIDTH};

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

pub(super) use super::super::simd::takes_bytes;

/// Sums of a row of outputs: `sums` has a vector of 64 for each chunk of each unit; `x` begins where the row's first output reads.
///
/// # Panics
/// Where the machine has no such products, or a slice is too short.
pub(super) fn taps(layer: &Bytes, x: &[u8], sums: &mut [i32]) {
    assert!(takes_bytes(crate::bits::Isa::Avx512), "asked before");
    let far = layer.offsets.iter().max().map_or(0, |most| most + (layer.units - 1) * layer.unit + layer.chunks * WIDTH);
    assert!(far <= x.len(), "taps lie inside the map");
    assert_eq!(layer.weights.len(), layer.chunks * layer.offsets.len() * WIDTH, "a weight for each value");
    assert_eq!(layer.start.len(), layer.chunks * WIDTH, "a start for each value");
    assert!(sums.len() == layer.units * layer.chunks * WIDTH && layer.offsets.len().is_multiple_of(QUAD), "a sum each");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the features were just found on this machine, the lengths just checked.
    unsafe {
        taps_avx512(layer, x, sums);
    }
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("no such machine takes bytes");
}

/// # Safety
/// AVX-512 with VNNI; lengths as [`taps`] checks them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni,avx512bw,avx512vl,avx512dq")]
unsafe fn taps_avx512(layer: &Bytes, x: &[u8], sums: &mut [i32]) {
    let vectors = sums.as_chunks_mut::<WIDTH>().0;
    for (at, sums) in vectors.iter_mut().enumerate() {
        let (unit, chunk) = (at / layer.chunks, at % layer.chunks);
        // SAFETY: as the caller promises; loads and stores need not be aligned.
        unsafe {
            let x = x.as_ptr().add(unit * layer.unit + chunk * WIDTH);
            let start = layer.start.as_ptr().add(chunk * WIDTH);
            let mut w = layer.weights.as_ptr().add(chunk * layer.offsets.len() * WIDTH);
            let mut acc: [__m512i; 4] = std::array::from_fn(|i| _mm512_loadu_si512(start.add(i * 16).cast()));
            for quad in layer.offsets.as_chunks::<QUAD>().0 {
                let [a, b, c, d] = quad.map(|offset| _mm512_loadu_si512(x.add(offset).cast()));
                let (ab, ab_high) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
                let (cd, cd_high) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
                let woven = [
                    _mm512_unpacklo_epi16(ab, cd),
                    _mm512_unpackhi_epi16(ab, cd),
                    _mm512_unpacklo_epi16(ab_high, cd_high),
                    _mm512_unpackhi_epi16(ab_high, cd_high),
                ];
                for (acc, taps) in acc.iter_mut().zip(woven) {
                    *acc = _mm512_dpbusd_epi32(*acc, taps, _mm512_loadu_si512(w.cast()));
                    w = w.add(WIDTH);
                }
            }
            // From four quarters of each sixteen back to sixteen neighbours.
            let [a, b, c, d] = acc;
            let (low, low_rest) = (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0x44>(c, d));
            let (high, high_rest) = (_mm512_shuffle_i32x4::<0xEE>(a, b), _mm512_shuffle_i32x4::<0xEE>(c, d));
            let rows = [
                _mm512_shuffle_i32x4::<0x88>(low, low_rest),
                _mm512_shuffle_i32x4::<0xDD>(low, low_rest),
                _mm512_shuffle_i32x4::<0x88>(high, high_rest),
                _mm512_shuffle_i32x4::<0xDD>(high, high_rest),
            ];
            for (to, row) in sums.as_chunks_mut::<16>().0.iter_mut().zip(rows) {
                _mm512_storeu_si512(to.as_mut_ptr().cast(), row);
            }
        }
    }
}
