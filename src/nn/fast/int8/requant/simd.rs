//! Sums to 8-bit codes by AVX-512; equal to the plain loop, tested beside it.

use super::Lanes;
use crate::bits::Isa;

#[cfg(target_arch = "x86_64")]
use {
    super::{FLAT, Float, LANES, NEAR},
    core::arch::x86_64::*,
};

/// Codes of factors with two roundings, where pixels follow one another without gaps (or are 8 sums in 16) and this machine has
/// the instructions; says whether it did.
///
/// # Panics
/// If sums are missing.
pub(super) fn rounded(isa: Isa, lanes: &Lanes, sums: &[i32], stride: usize, channels: usize, out: &mut [i8]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if isa == Isa::Avx512
        && isa.supported()
        && let Some(float) = lanes.float.as_ref().filter(|float| float.channels == channels)
    {
        let half = (channels, stride) == (LANES / 2, LANES);
        if !half && (stride != channels || !channels.is_multiple_of(LANES)) {
            return false;
        }
        let period = float.factors.len();
        assert!(period.is_multiple_of(FLAT) && lanes.right.len() == period && float.offsets.len() == period);
        assert!(out.len() / channels * stride <= sums.len() && out.len().is_multiple_of(channels), "a sum each");
        check(lanes);
        let whole = out.len() / FLAT * FLAT;
        let (out, rest) = out.split_at_mut(whole);
        // SAFETY: the features were just found on this machine, the lengths just checked.
        unsafe {
            if half {
                rounded_avx512::<true>(lanes, float, sums, out);
                twice_avx512(lanes, &sums[whole * 2..], stride, channels, rest);
            } else {
                rounded_avx512::<false>(lanes, float, sums, out);
                rest_avx512(lanes, &sums[whole..], whole % period, rest);
            }
        }
        return true;
    }
    let _ = (isa, lanes, sums, stride, channels, out);
    false
}

/// Codes of factors with two roundings, where this machine has better than the plain loop; says whether it has.
///
/// # Panics
/// If `channels` is more than the factors or the stride, or sums are missing.
pub(super) fn twice(isa: Isa, lanes: &Lanes, sums: &[i32], stride: usize, channels: usize, out: &mut [i8]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if isa == Isa::Avx512 && isa.supported() {
        assert!(0 < channels && channels <= stride && channels <= lanes.right.len(), "a factor each");
        assert!(sums.len() / stride >= out.len() / channels, "a sum each");
        check(lanes);
        // SAFETY: the features were just found on this machine, the lengths just checked.
        unsafe { twice_avx512(lanes, sums, stride, channels, out) };
        return true;
    }
    let _ = (isa, lanes, sums, stride, channels, out);
    false
}

/// Every table is whole vectors long, the mantissas one more.
#[cfg(target_arch = "x86_64")]
fn check(lanes: &Lanes) {
    let n = lanes.right.len();
    assert!(n.is_multiple_of(LANES) && lanes.mantissa.len() == n + 1, "whole vectors");
    assert!([&lanes.left, &lanes.halves[0], &lanes.halves[1]].iter().all(|table| table.len() == n), "a factor each");
}

/// Factors of sixteen channels.
#[cfg(target_arch = "x86_64")]
struct Sixteen {
    mantissa: [__m512i; 2],
    left: Option<__m512i>,
    right: __m512i,
    halves: [__m512i; 2],
    zero: __m512i,
}

#[cfg(target_arch = "x86_64")]
impl Sixteen {
    /// # Safety
    /// AVX-512; `first` and fifteen more are in the tables, as [`check`] says.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    #[inline]
    unsafe fn new(lanes: &Lanes, first: usize) -> Self {
        // SAFETY: as the caller promises; the mantissas have one more.
        unsafe {
            let at = |values: &[i32]| _mm512_loadu_si512(values.as_ptr().add(first).cast());
            Self {
                mantissa: [at(&lanes.mantissa), at(&lanes.mantissa[1..])],
                left: lanes.raises.then(|| at(&lanes.left)),
                right: at(&lanes.right),
                halves: [at(&lanes.halves[0]), at(&lanes.halves[1])],
                zero: _mm512_set1_epi32(lanes.zero),
            }
        }
    }

    /// Codes before they are clamped.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    #[inline]
    fn codes(&self, sum: __m512i) -> __m512i {
        let sum = self.left.map_or(sum, |left| _mm512_sllv_epi32(sum, left));
        let nudge = _mm512_set1_epi64(1 << 30);
        let even = _mm512_mul_epi32(sum, self.mantissa[0]);
        let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(sum), self.mantissa[1]);
        let even = _mm512_srli_epi64::<31>(_mm512_add_epi64(even, nudge));
        let odd = _mm512_slli_epi64::<1>(_mm512_add_epi64(odd, nudge));
        let high = _mm512_mask_blend_epi32(0b1010_1010_1010_1010, even, odd);
        // A product rounds to 0 or has its sum's sign, and 0 gives 0 with either half.
        let half = _mm512_mask_blend_epi32(_mm512_movepi32_mask(sum), self.halves[0], self.halves[1]);
        _mm512_add_epi32(_mm512_srav_epi32(_mm512_add_epi32(high, half), self.right), self.zero)
    }
}

/// Pixels of `channels` sums, `stride` sums apart, by the integers.
///
/// # Safety
/// AVX-512 with its byte, word and shorter vectors; lengths as [`twice`] checks them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn twice_avx512(lanes: &Lanes, sums: &[i32], stride: usize, channels: usize, out: &mut [i8]) {
    let pixels = out.len() / channels;
    let (low, high) = (_mm_set1_epi8(lanes.low), _mm_set1_epi8(lanes.high));
    for first in (0..channels).step_by(LANES) {
        let n = LANES.min(channels - first);
        let mask: __mmask16 = if n == LANES { !0 } else { (1 << n) - 1 };
        // SAFETY: factors are there for whole vectors; sums and codes are read and written under the mask, which ends with the
        // channels.
        unsafe {
            let factors = Sixteen::new(lanes, first);
            for p in 0..pixels {
                let sum = _mm512_maskz_loadu_epi32(mask, sums.as_ptr().add(p * stride + first));
                let code = _mm512_cvtsepi32_epi8(factors.codes(sum));
                let code = _mm_min_epi8(_mm_max_epi8(code, low), high);
                _mm_mask_storeu_epi8(out.as_mut_ptr().add(p * channels + first), mask, code);
            }
        }
    }
}

/// Fewer sums than a group, of channel `first` on, by the integers.
///
/// # Safety
/// As [`twice_avx512`]; sums and channels are whole vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn rest_avx512(lanes: &Lanes, sums: &[i32], first: usize, out: &mut [i8]) {
    let (low, high) = (_mm_set1_epi8(lanes.low), _mm_set1_epi8(lanes.high));
    for (i, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        // SAFETY: as the caller promises.
        unsafe {
            let sum = _mm512_loadu_si512(sums[i * LANES..][..LANES].as_ptr().cast());
            let code = _mm512_cvtsepi32_epi8(Sixteen::new(lanes, first + i * LANES).codes(sum));
            _mm_storeu_si128(out.as_mut_ptr().cast(), _mm_min_epi8(_mm_max_epi8(code, low), high));
        }
    }
}

/// Groups of 64 sums by floats; by the integers where any lies near a tie. `HALF`: the lower halves of vectors are sums.
///
/// # Safety
/// AVX-512 with its byte, word and shorter vectors; lengths as [`rounded`] checks them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn rounded_avx512<const HALF: bool>(lanes: &Lanes, float: &Float, sums: &[i32], out: &mut [i8]) {
    let zero = _mm512_set1_epi16(i8_wide(lanes.zero));
    let (low, high) = (_mm512_set1_epi8(lanes.low), _mm512_set1_epi8(lanes.high));
    let (sign, near) = (_mm512_set1_epi32(i32::MIN), _mm512_set1_ps(0.5 - NEAR));
    let mut first = 0;
    for (group, out) in out.as_chunks_mut::<FLAT>().0.iter_mut().enumerate() {
        // SAFETY: as the caller promises: sums of the whole group, factors of 64 channels from `first` on.
        unsafe {
            let load = |i: usize| {
                if HALF {
                    let at = sums.as_ptr().add((group * 8 + i * 2) * LANES);
                    let below = _mm512_castsi256_si512(_mm256_loadu_si256(at.cast()));
                    _mm512_inserti64x4::<1>(below, _mm256_loadu_si256(at.add(LANES).cast()))
                } else {
                    _mm512_loadu_si512(sums.as_ptr().add(group * FLAT + i * LANES).cast())
                }
            };
            let mut far = _mm512_setzero_ps();
            let mut codes = [_mm512_setzero_si512(); 4];
            for (i, code) in codes.iter_mut().enumerate() {
                let at = first + i * LANES;
                let sum = load(i);
                let offset = _mm512_loadu_si512(float.offsets.as_ptr().add(at).cast());
                // The offset with the sum's sign.
                let offset = _mm512_ternarylogic_epi32::<0xF8>(offset, sum, sign);
                let factor = _mm512_loadu_ps(float.factors.as_ptr().add(at));
                let value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), factor, _mm512_castsi512_ps(offset));
                *code = _mm512_cvtps_epi32(value);
                // The larger of the distances to the nearest integers.
                far = _mm512_range_ps::<0b1011>(far, _mm512_reduce_ps::<0>(value));
            }
            if _mm512_cmp_ps_mask::<_CMP_GE_OQ>(far, near) != 0 {
                for (i, code) in codes.iter_mut().enumerate() {
                    *code = Sixteen::new(lanes, first + i * LANES).codes(load(i));
                }
                // Packed below with the zero added once more.
                codes = codes.map(|code| _mm512_sub_epi32(code, _mm512_set1_epi32(lanes.zero)));
            }
            let code = packed(codes, zero);
            let code = _mm512_min_epi8(_mm512_max_epi8(code, low), high);
            _mm512_storeu_si512(out.as_mut_ptr().cast(), code);
        }
        first += FLAT;
        if first == float.factors.len() {
            first = 0;
        }
    }
}

/// 64 integers plus `zero`, a code's in 16 bits, in order as bytes, each at its limit where it is beyond.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
#[inline]
pub(in crate::nn::fast::int8) fn packed([a, b, c, d]: [__m512i; 4], zero: __m512i) -> __m512i {
    let ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero);
    let cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero);
    // Packing works in quarters of a vector.
    let in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_permutexvar_epi32(in_order, _mm512_packs_epi16(ab, cd))
}

/// A code of zero in 16 bits.
#[cfg(target_arch = "x86_64")]
fn i8_wide(zero: i32) -> i16 {
    i16::try_from(zero).expect("a code has 8 bits, checked when the network was built")
}
