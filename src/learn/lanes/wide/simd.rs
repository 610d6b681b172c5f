//! The loops on 64-bit values for AVX-512, without a 64-bit value in memory where it can be helped; every caller asks for the level first.

use super::twice::{Codes, Land, Once};
use super::{Fine, Stepped};
use crate::learn::lanes::narrow::simd::{load, low_halves, mask_of, store};
use crate::learn::lanes::rounding::{WHOLE, WHOLE_SHORT};
use core::arch::x86_64::*;

/// The upper and lower eight of sixteen values as floats.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn floats(x: __m512i) -> [__m512d; 2] {
    [_mm512_cvtepi32_pd(lower(x)), _mm512_cvtepi32_pd(upper(x))]
}

/// A width of the codes that a step starts from.
trait Width: Sized {
    /// The first sixteen codes.
    fn sixteen(from: &[Self; 16]) -> __m512i;
    /// Fewer codes, zeros after them.
    fn few(from: &[Self]) -> __m512i;
}

impl Width for i32 {
    #[inline(always)]
    fn sixteen(from: &[Self; 16]) -> __m512i {
        // SAFETY: sixteen values are there, and the callers found the features.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn few(from: &[Self]) -> __m512i {
        // SAFETY: the callers found the features.
        unsafe { load(from) }
    }
}

impl Width for u8 {
    #[inline(always)]
    fn sixteen(from: &[Self; 16]) -> __m512i {
        // SAFETY: sixteen bytes are there, and the callers found the features.
        unsafe { _mm512_cvtepi8_epi32(_mm_loadu_si128(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn few(from: &[Self]) -> __m512i {
        let mut all = [0; 16];
        all[..from.len()].copy_from_slice(from);
        Self::sixteen(&all)
    }
}

/// A step on the fine grid, sixteen weights at a time.
#[derive(Clone, Copy)]
struct Mover {
    base_zero: __m512i,
    base: __m512d,
    step: __m512d,
    whole: __m512d,
}

impl Mover {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn new(fine: &Fine) -> Self {
        Self {
            base_zero: _mm512_set1_epi32(fine.base_zero),
            base: _mm512_set1_pd(fine.base),
            step: _mm512_set1_pd(fine.step),
            whole: _mm512_set1_pd(WHOLE),
        }
    }

    /// Fewer than sixteen base values; what is not there counts as the base's zero.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    #[inline]
    fn few<W: Width>(&self, base: &[W]) -> __m512i {
        _mm512_mask_mov_epi32(self.base_zero, mask_of(base.len()), W::few(base))
    }

    /// Whole numbers below 2^52, so their difference is exact.
    #[target_feature(enable = "avx512f,avx512dq")]
    #[inline]
    fn moved(&self, base: __m512i, gradient: __m512i) -> [__m512d; 2] {
        let (base, gradient) = (floats(_mm512_sub_epi32(base, self.base_zero)), floats(gradient));
        let one = |b, g| {
            let from = _mm512_fmadd_pd(b, self.base, self.whole);
            _mm512_sub_pd(from, _mm512_fmadd_pd(g, self.step, self.whole))
        };
        [one(base[0], gradient[0]), one(base[1], gradient[1])]
    }
}

/// Parts of a tensor whose ranges are looked at one by one.
const PARTS: usize = 64;

/// As `fine_values`, whose results it does not keep; the gradient's zero is 0, and no value is larger than `largest` before its parts are rounded.
///
/// In 32-bit floats first, whose error is known; then exactly the parts that could hold an end of the range.
pub(super) fn range_of_step(base: Codes<'_>, gradient: &[i32], fine: &Fine, largest: f64) -> Stepped {
    match base {
        Codes::Words(base) => range_from(base, gradient, fine, largest),
        Codes::Bytes(base) => range_from(base, gradient, fine, largest),
    }
}

fn range_from<W: Width>(base: &[W], gradient: &[i32], fine: &Fine, largest: f64) -> Stepped {
    assert!(base.len() == gradient.len() && fine.zero == 0);
    let part = base.len().div_ceil(PARTS).next_multiple_of(16).max(512);
    let parts = || base.chunks(part).zip(gradient.chunks(part));
    let (mut ends, mut zeros) = ([(0f32, 0f32); PARTS], 0);
    for ((base, gradient), end) in parts().zip(&mut ends) {
        // SAFETY: the caller found the features.
        let (n, range) = unsafe { near_range(base, gradient, fine) };
        (zeros, *end) = (zeros + n, range);
    }
    // Both factors, products and their difference are rounded to 24 bits; either part is off by half a step of the fine grid.
    let slack = 2.0 * (largest * f64::from(2f32.powi(-21)) + 2.0);
    let (lo, hi) = ends.iter().fold((0f32, 0f32), |(lo, hi), end| (lo.min(end.0), hi.max(end.1)));
    let (lo, hi) = (f64::from(lo) + slack, f64::from(hi) - slack);
    let (mut least, mut most) = (0f64, 0f64);
    for ((base, gradient), end) in parts().zip(&ends) {
        if f64::from(end.0) <= lo || f64::from(end.1) >= hi {
            // SAFETY: the caller found the features.
            let (a, b) = unsafe { exact_range(base, gradient, fine) };
            (least, most) = (least.min(a), most.max(b));
        }
    }
    (u64::try_from(base.len()).unwrap_or(u64::MAX) - zeros, (least as i64, most as i64))
}

/// Gradients of zero, and the range to 24 bits.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
fn near_range<W: Width>(base: &[W], gradient: &[i32], fine: &Fine) -> (u64, (f32, f32)) {
    let mover = Mover::new(fine);
    let (of_base, of_step) = (_mm512_set1_ps(fine.base as f32), _mm512_set1_ps(fine.step as f32));
    let (mut least, mut most) = (_mm512_setzero_ps(), _mm512_setzero_ps());
    let mut zeros = 0u64;
    let mut one = |b: __m512i, g: __m512i| {
        let from = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(b, mover.base_zero)), of_base);
        let x = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(g), of_step, from);
        (least, most) = (_mm512_min_ps(least, x), _mm512_max_ps(most, x));
        zeros += u64::from(_mm512_testn_epi32_mask(g, g).count_ones());
    };
    let ((bs, b_rest), (gs, g_rest)) = (base.as_chunks::<16>(), gradient.as_chunks::<16>());
    bs.iter().zip(gs).for_each(|(b, g)| one(W::sixteen(b), load(g)));
    if !b_rest.is_empty() {
        one(mover.few(b_rest), load(g_rest));
    }
    // What was put past the last value is a gradient of zero too.
    zeros -= u64::try_from(base.len().next_multiple_of(16) - base.len()).unwrap_or(0);
    (zeros, (_mm512_reduce_min_ps(least), _mm512_reduce_max_ps(most)))
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn exact_range<W: Width>(base: &[W], gradient: &[i32], fine: &Fine) -> (f64, f64) {
    let mover = Mover::new(fine);
    let (mut least, mut most) = ([_mm512_setzero_pd(); 2], [_mm512_setzero_pd(); 2]);
    let mut one = |b: __m512i, g: __m512i| {
        for (i, x) in mover.moved(b, g).into_iter().enumerate() {
            (least[i], most[i]) = (_mm512_min_pd(least[i], x), _mm512_max_pd(most[i], x));
        }
    };
    let ((bs, b_rest), (gs, g_rest)) = (base.as_chunks::<16>(), gradient.as_chunks::<16>());
    bs.iter().zip(gs).for_each(|(b, g)| one(W::sixteen(b), load(g)));
    if !b_rest.is_empty() {
        one(mover.few(b_rest), load(g_rest));
    }
    (_mm512_reduce_min_pd(_mm512_min_pd(least[0], least[1])), _mm512_reduce_max_pd(_mm512_max_pd(most[0], most[1])))
}

/// The same step, on to codes; gives the gradients other than zero of at most `land.most`, and whether every code is in range.
pub(super) fn step_to_codes(
    base: Codes<'_>,
    gradient: &[i32],
    fine: &Fine,
    land: &Land,
    out: &mut [i32],
) -> (u64, bool) {
    match base {
        Codes::Words(base) => codes_from(base, gradient, fine, land, out),
        Codes::Bytes(base) => codes_from(base, gradient, fine, land, out),
    }
}

fn codes_from<W: Width>(base: &[W], gradient: &[i32], fine: &Fine, land: &Land, out: &mut [i32]) -> (u64, bool) {
    assert!(base.len() == gradient.len() && base.len() == out.len() && fine.zero == 0);
    // SAFETY: the caller found the features.
    unsafe {
        match (land.checked, land.once) {
            (true, _) => to_codes::<W, true>(base, gradient, fine, land, out),
            (false, None) => to_codes::<W, false>(base, gradient, fine, land, out),
            (false, Some(once)) => to_codes_once(base, gradient, (fine, &once), land, out),
        }
    }
}

/// Whether a gradient is other than zero and of at most the limit's magnitude, for sixteen of them.
#[target_feature(enable = "avx512f,popcnt")]
#[inline]
fn below(g: __m512i, limit: __m512i) -> u64 {
    let some = _mm512_test_epi32_mask(g, g);
    u64::from(_mm512_mask_cmple_epu32_mask(some, _mm512_abs_epi32(g), limit).count_ones())
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
fn to_codes<W: Width, const CHECKED: bool>(
    base: &[W],
    gradient: &[i32],
    fine: &Fine,
    land: &Land,
    out: &mut [i32],
) -> (u64, bool) {
    let mover = Mover::new(fine);
    let (factor, zero) = (_mm512_set1_pd(land.factor), _mm512_set1_epi32(land.zero));
    let limit = _mm512_set1_epi32(land.most.cast_signed());
    let (mut least, mut most) = ([mover.whole; 2], [mover.whole; 2]);
    let mut count = 0u64;
    let mut one = |b: __m512i, g: __m512i| {
        count += below(g, limit);
        let [x0, x1] = mover.moved(b, g);
        let y = [_mm512_fmadd_pd(x0, factor, mover.whole), _mm512_fmadd_pd(x1, factor, mover.whole)];
        if CHECKED {
            for i in 0..2 {
                (least[i], most[i]) = (_mm512_min_pd(least[i], y[i]), _mm512_max_pd(most[i], y[i]));
            }
        }
        _mm512_add_epi32(low_halves(y), zero)
    };
    for_all(&mover, (base, gradient), out, &mut one);
    let least = _mm512_reduce_min_pd(_mm512_min_pd(least[0], least[1])) - WHOLE;
    let most = _mm512_reduce_max_pd(_mm512_max_pd(most[0], most[1])) - WHOLE;
    let zero = f64::from(land.zero);
    (count, least + zero >= f64::from(land.lo) && most + zero <= f64::from(land.hi))
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
fn to_codes_once<W: Width>(
    base: &[W],
    gradient: &[i32],
    (fine, once): (&Fine, &Once),
    land: &Land,
    out: &mut [i32],
) -> (u64, bool) {
    let mover = Mover::new(fine);
    let (factor, zero) = (_mm512_set1_pd(land.factor), _mm512_set1_epi32(land.zero));
    let limit = _mm512_set1_epi32(land.most.cast_signed());
    let (of_base, of_step) = (_mm512_set1_ps(once.base), _mm512_set1_ps(once.step));
    let (sure, whole) = (_mm512_set1_ps(once.sure), _mm512_set1_ps(WHOLE_SHORT));
    let to_code = _mm512_sub_epi32(zero, _mm512_castps_si512(whole));
    let mut count = 0u64;
    let mut one = |b: __m512i, g: __m512i| {
        count += below(g, limit);
        let from = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(b, mover.base_zero)), of_base);
        let y = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(g), of_step, from);
        let sum = _mm512_add_ps(y, whole);
        let far = _mm512_abs_ps(_mm512_sub_ps(y, _mm512_sub_ps(sum, whole)));
        if _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(far, sure) == 0 {
            return _mm512_add_epi32(_mm512_castps_si512(sum), to_code);
        }
        let [x0, x1] = mover.moved(b, g);
        let y = [_mm512_fmadd_pd(x0, factor, mover.whole), _mm512_fmadd_pd(x1, factor, mover.whole)];
        _mm512_add_epi32(low_halves(y), zero)
    };
    for_all(&mover, (base, gradient), out, &mut one);
    (count, true)
}

/// `out = one(base, gradient)`, sixteen at a time; what is past the last counts as weights of zero that do not move.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
#[inline]
fn for_all<W: Width>(
    mover: &Mover,
    (base, gradient): (&[W], &[i32]),
    out: &mut [i32],
    one: &mut impl FnMut(__m512i, __m512i) -> __m512i,
) {
    let ((bs, b_rest), (gs, g_rest)) = (base.as_chunks::<16>(), gradient.as_chunks::<16>());
    let (outs, out_rest) = out.as_chunks_mut::<16>();
    for ((b, g), out) in bs.iter().zip(gs).zip(outs) {
        store(out, one(W::sixteen(b), load(g)));
    }
    if !b_rest.is_empty() {
        store(out_rest, one(mover.few(b_rest), load(g_rest)));
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn lower(x: __m512i) -> __m256i {
    _mm512_castsi512_si256(x)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn upper(x: __m512i) -> __m256i {
    _mm512_extracti64x4_epi64::<1>(x)
}

/// `high · 2^16 + low + start`.
#[target_feature(enable = "avx512f")]
#[inline]
fn joined(high: __m256i, low: __m256i, start: __m512i) -> __m512i {
    let high = _mm512_slli_epi64::<16>(_mm512_cvtepi32_epi64(high));
    _mm512_add_epi64(_mm512_add_epi64(high, _mm512_cvtepi32_epi64(low)), start)
}

/// Sixteen values of 64 bits, or as many as fit.
#[target_feature(enable = "avx512f")]
#[inline]
fn store_long(to: &mut [i64], first: __m512i, second: __m512i) {
    if let Some(to) = to.first_chunk_mut::<16>() {
        // SAFETY: sixteen values fit.
        unsafe {
            _mm512_storeu_si512(to.as_mut_ptr().cast(), first);
            _mm512_storeu_si512(to[8..].as_mut_ptr().cast(), second);
        }
        return;
    }
    let mut all = [0; 16];
    store_long(&mut all, first, second);
    to.copy_from_slice(&all[..to.len()]);
}

/// Up to four classes of outer products of errors in two halves: `acc[c][k] = 2^16·Σ high·a + Σ low·a + off·column[k]`; smallest and
/// largest, 0 inside. Shapes as `matrix::tile_outer`'s; of each pair of samples `words` has four classes' upper halves, then the lower.
pub(super) fn outer_wide(
    (features, padded): (&[i16], usize),
    words: &[[i32; 8]],
    (column_sums, off): (&[i32], i64),
    columns: usize,
    acc: &mut [i64],
) -> (i64, i64) {
    assert!(padded.is_multiple_of(32) && columns <= padded && column_sums.len() == padded);
    assert!(words.len() == features.len() / padded / 2 && acc.len().is_multiple_of(columns));
    // SAFETY: the caller found the features.
    unsafe { outer_halves((features, padded), words, (column_sums, off), columns, acc) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn outer_halves(
    (features, padded): (&[i16], usize),
    words: &[[i32; 8]],
    (column_sums, off): (&[i32], i64),
    columns: usize,
    acc: &mut [i64],
) -> (i64, i64) {
    let (mut lo, mut hi) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    let off = _mm512_set1_epi64(off);
    let classes = acc.len() / columns;
    for k in (0..padded).step_by(32) {
        let mut sums = [[_mm512_setzero_si512(); 2]; 8];
        for (a, words) in features.chunks_exact(2 * padded).zip(words) {
            let a = &a[2 * k..2 * k + 64];
            // SAFETY: 64 values of 16 bits are there.
            let a = unsafe { [_mm512_loadu_si512(a.as_ptr().cast()), _mm512_loadu_si512(a[32..].as_ptr().cast())] };
            for (sums, &word) in sums.iter_mut().zip(words) {
                let word = _mm512_set1_epi32(word);
                sums[0] = _mm512_dpwssd_epi32(sums[0], a[0], word);
                sums[1] = _mm512_dpwssd_epi32(sums[1], a[1], word);
            }
        }
        // Written out: a loop over the sums would take them through memory.
        macro_rules! put {
            ($v:literal: $($class:literal),*) => {
                let from = k + 16 * $v;
                let column = load(&column_sums[from..from + 16]);
                let start = |s| _mm512_mullo_epi64(off, _mm512_cvtepi32_epi64(s));
                let start = (start(lower(column)), start(upper(column)));
                $(if $class < classes && from < columns {
                    let (high, low) = (sums[$class][$v], sums[$class + 4][$v]);
                    let first = joined(lower(high), lower(low), start.0);
                    let second = joined(upper(high), upper(low), start.1);
                    // Past the last column every feature is zero, and so is its sum.
                    lo = _mm512_min_epi64(lo, _mm512_min_epi64(first, second));
                    hi = _mm512_max_epi64(hi, _mm512_max_epi64(first, second));
                    store_long(&mut acc[$class * columns + from..($class + 1) * columns], first, second);
                })*
            };
        }
        put!(0: 0, 1, 2, 3);
        put!(1: 0, 1, 2, 3);
    }
    (_mm512_reduce_min_epi64(lo), _mm512_reduce_max_epi64(hi))
}
