//! The pass for AVX-512; `Narrow::new` finds the features first.

use super::super::blocks::Counted;
use super::super::rounding::WHOLE;
use super::Narrow;
use core::arch::x86_64::*;

/// Codes of `sums`; what was counted, `None` where one is out of range.
pub(super) fn pass(narrow: &Narrow, sums: &[i32], codes: &mut [i32]) -> Counted {
    assert!(codes.len() == sums.len());
    // SAFETY: a `Narrow` is only made where the features were found.
    unsafe { if narrow.src_zero == 0 { wide::<false>(narrow, sums, codes) } else { wide::<true>(narrow, sums, codes) } }
}

/// Sixteen values less `zero` times `factor`, with [`WHOLE`] added in the same rounding: the whole numbers nearest to the products are the low halves.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
pub(in super::super) fn products<const CENTRED: bool>(x: __m512i, zero: __m512d, factor: __m512d) -> [__m512d; 2] {
    let whole = _mm512_set1_pd(WHOLE);
    let centred = |x| if CENTRED { _mm512_sub_pd(x, zero) } else { x };
    let low = centred(_mm512_cvtepi32_pd(_mm512_castsi512_si256(x)));
    let high = centred(_mm512_cvtepi32_pd(_mm512_extracti64x4_epi64::<1>(x)));
    [_mm512_fmadd_pd(low, factor, whole), _mm512_fmadd_pd(high, factor, whole)]
}

/// The low halves of sixteen results that [`WHOLE`] was added to.
#[target_feature(enable = "avx512f")]
#[inline]
pub(in super::super) fn low_halves([low, high]: [__m512d; 2]) -> __m512i {
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    _mm512_permutex2var_epi32(_mm512_castpd_si512(low), even, _mm512_castpd_si512(high))
}

/// A one for each of the first `n` of sixteen values.
pub(in super::super) fn mask_of(n: usize) -> u16 {
    if n >= 16 { u16::MAX } else { (1u16 << n) - 1 }
}

/// The first sixteen values; where fewer are there, zeros after them.
#[target_feature(enable = "avx512f")]
#[inline]
pub(in super::super) fn load(from: &[i32]) -> __m512i {
    if let Some(from) = from.first_chunk::<16>() {
        // SAFETY: sixteen values are there.
        return unsafe { _mm512_loadu_si512(from.as_ptr().cast()) };
    }
    // SAFETY: the mask keeps the load within the values that are there.
    unsafe { _mm512_maskz_loadu_epi32(mask_of(from.len()), from.as_ptr()) }
}

/// Sixteen values, or as many as fit. A masked store takes many times as long as a whole one.
#[target_feature(enable = "avx512f")]
#[inline]
pub(in super::super) fn store(to: &mut [i32], values: __m512i) {
    if let Some(to) = to.first_chunk_mut::<16>() {
        // SAFETY: sixteen values fit.
        return unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), values) };
    }
    // SAFETY: the mask keeps the store within the values that are there.
    unsafe { _mm512_mask_storeu_epi32(to.as_mut_ptr(), mask_of(to.len()), values) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
fn wide<const CENTRED: bool>(narrow: &Narrow, sums: &[i32], codes: &mut [i32]) -> Counted {
    let factor = _mm512_set1_pd(narrow.factor);
    let (src_zero, zero_real) = (_mm512_set1_epi32(narrow.src_zero), _mm512_set1_pd(narrow.src_zero.into()));
    let zero = _mm512_set1_epi32(narrow.zero);
    let (mut least, mut most) = (_mm512_set1_epi32(narrow.codes.0), _mm512_set1_epi32(narrow.codes.1));
    let (mut zero_sums, mut zero_codes) = (0u32, 0u32);
    for k in (0..sums.len()).step_by(16) {
        let from = &sums[k..];
        let mask = mask_of(from.len());
        let x = load(from);
        let c = low_halves(products::<CENTRED>(x, zero_real, factor));
        let code = _mm512_add_epi32(c, zero);
        (least, most) = (_mm512_min_epi32(least, code), _mm512_max_epi32(most, code));
        store(&mut codes[k..], code);
        zero_sums += _mm512_mask_cmpeq_epi32_mask(mask, x, src_zero).count_ones();
        zero_codes += _mm512_mask_testn_epi32_mask(mask, c, c).count_ones();
    }
    let all = u32::try_from(sums.len()).unwrap_or(u32::MAX);
    let fit = _mm512_reduce_min_epi32(least) == narrow.codes.0 && _mm512_reduce_max_epi32(most) == narrow.codes.1;
    fit.then(|| (u64::from(all - zero_sums), u64::from(zero_codes - zero_sums)))
}
