//! Sums of two maps by 32-bit floats in AVX-512; equal to the line in 64 bits, tested beside it.

use super::Line;
use crate::bits::Isa;

#[cfg(target_arch = "x86_64")]
use {
    super::{ROUNDER, Short},
    crate::nn::fast::int8::requant::{narrowed, simd::packed},
    core::arch::x86_64::*,
};

/// Codes that are taken together.
#[cfg(target_arch = "x86_64")]
const GROUP: usize = 64;

/// Codes of as many whole groups as there are, where this machine has the instructions; says how many codes.
///
/// # Panics
/// If the maps are not equally long.
pub(super) fn groups(isa: Isa, line: &Line, a: &[i8], b: &[i8], out: &mut [i8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if isa == Isa::Avx512
        && isa.supported()
        && let Some(short) = &line.short
    {
        assert!(a.len() == out.len() && b.len() == out.len(), "two codes for each");
        // SAFETY: the features were just found on this machine, the lengths just checked.
        unsafe { groups_avx512(line, short, a, b, out) };
        return out.len() / GROUP * GROUP;
    }
    let _ = (isa, line, a, b, out);
    0
}

/// # Safety
/// AVX-512 with its byte, word and shorter vectors; all slices of one length.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn groups_avx512(line: &Line, short: &Short, a: &[i8], b: &[i8], out: &mut [i8]) {
    // What rounds added to an integer of 8 bits is exact in either width.
    let zero = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(_mm512_set1_ps(narrowed(line.zero - ROUNDER))));
    let zero = _mm512_broadcastw_epi16(_mm256_castsi256_si128(zero));
    let (low, high) = (_mm512_set1_epi8(line.low), _mm512_set1_epi8(line.high));
    let [first, second] = short.factors.map(|factor| _mm512_set1_ps(factor));
    let (start, near) = (_mm512_set1_ps(short.start), _mm512_set1_ps(0.5 - short.near));
    let groups = a.as_chunks::<GROUP>().0.iter().zip(b.as_chunks::<GROUP>().0);
    for ((a, b), out) in groups.zip(out.as_chunks_mut::<GROUP>().0) {
        let mut far = _mm512_setzero_ps();
        let mut codes = [_mm512_setzero_si512(); 4];
        for (i, code) in codes.iter_mut().enumerate() {
            // SAFETY: sixteen codes of a group; loads need not be aligned.
            let float = |x: &[i8; GROUP]| unsafe {
                _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(x.as_ptr().add(i * 16).cast())))
            };
            let value = _mm512_fmadd_ps(float(a), first, _mm512_fmadd_ps(float(b), second, start));
            *code = _mm512_cvtps_epi32(value);
            // The larger of the distances to the nearest integers.
            far = _mm512_range_ps::<0b1011>(far, _mm512_reduce_ps::<0>(value));
        }
        if _mm512_cmp_ps_mask::<_CMP_GE_OQ>(far, near) != 0 {
            out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = line.code(*a, *b));
            continue;
        }
        let code = _mm512_min_epi8(_mm512_max_epi8(packed(codes, zero), low), high);
        // SAFETY: a group is as long as a vector.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), code) };
    }
}
