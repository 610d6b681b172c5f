//! The loops on 64-bit values for AVX-512, without a 64-bit value in memory where it can be helped; every caller asks for the level first.

use super::twice::Land;
use super::{Fine, Long, Stepped};
use crate::learn::lanes::blocks::{BLOCK, Counted};
use crate::learn::lanes::narrow::simd::{load, low_halves, mask_of, store};
use crate::learn::lanes::rounding::WHOLE;
use core::arch::x86_64::*;

/// The upper and lower eight of sixteen values as floats.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn floats(x: __m512i) -> [__m512d; 2] {
    [_mm512_cvtepi32_pd(lower(x)), _mm512_cvtepi32_pd(upper(x))]
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

    /// The next sixteen base values; what is not there counts as the base's zero.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    #[inline]
    fn next(&self, base: &[i32]) -> __m512i {
        if base.len() >= 16 {
            load(base)
        } else {
            _mm512_mask_mov_epi32(self.base_zero, mask_of(base.len()), load(base))
        }
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

/// As `fine_values`, whose results it does not keep; the gradient's zero is 0.
pub(super) fn range_of_step(base: &[i32], gradient: &[i32], fine: &Fine) -> Stepped {
    assert!(base.len() == gradient.len() && fine.zero == 0);
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
    fn wide(base: &[i32], gradient: &[i32], fine: &Fine) -> Stepped {
        let mover = Mover::new(fine);
        let zero = _mm512_set1_pd(0.0);
        let (mut least, mut most) = ([zero; 2], [zero; 2]);
        let mut zeros = 0u64;
        for k in (0..base.len()).step_by(16) {
            let n = base.len() - k;
            let g = load(&gradient[k..]);
            let b = mover.next(&base[k..]);
            zeros += u64::from(_mm512_mask_testn_epi32_mask(mask_of(n), g, g).count_ones());
            for (i, x) in mover.moved(b, g).into_iter().enumerate() {
                (least[i], most[i]) = (_mm512_min_pd(least[i], x), _mm512_max_pd(most[i], x));
            }
        }
        let least = _mm512_reduce_min_pd(_mm512_min_pd(least[0], least[1]));
        let most = _mm512_reduce_max_pd(_mm512_max_pd(most[0], most[1]));
        (u64::try_from(base.len()).unwrap_or(u64::MAX) - zeros, (least as i64, most as i64))
    }
    // SAFETY: the caller found the features.
    unsafe { wide(base, gradient, fine) }
}

/// The same step, on to codes; gives the gradients other than zero of at most `land.most`, and whether every code is in range.
pub(super) fn step_to_codes(base: &[i32], gradient: &[i32], fine: &Fine, land: &Land, out: &mut [i32]) -> (u64, bool) {
    assert!(base.len() == gradient.len() && base.len() == out.len() && fine.zero == 0);
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
    fn wide(base: &[i32], gradient: &[i32], fine: &Fine, land: &Land, out: &mut [i32]) -> (u64, bool) {
        let mover = Mover::new(fine);
        let (factor, zero) = (_mm512_set1_pd(land.factor), _mm512_set1_epi32(land.zero));
        let limit = _mm512_set1_epi32(land.most.cast_signed());
        let (mut least, mut most) = ([mover.whole; 2], [mover.whole; 2]);
        let mut below = 0u64;
        for k in (0..base.len()).step_by(16) {
            let g = load(&gradient[k..]);
            let b = mover.next(&base[k..]);
            let some = _mm512_test_epi32_mask(g, g);
            below += u64::from(_mm512_mask_cmple_epu32_mask(some, _mm512_abs_epi32(g), limit).count_ones());
            let [x0, x1] = mover.moved(b, g);
            let y = [_mm512_fmadd_pd(x0, factor, mover.whole), _mm512_fmadd_pd(x1, factor, mover.whole)];
            for i in 0..2 {
                (least[i], most[i]) = (_mm512_min_pd(least[i], y[i]), _mm512_max_pd(most[i], y[i]));
            }
            store(&mut out[k..], _mm512_add_epi32(low_halves(y), zero));
        }
        let least = _mm512_reduce_min_pd(_mm512_min_pd(least[0], least[1])) - WHOLE;
        let most = _mm512_reduce_max_pd(_mm512_max_pd(most[0], most[1])) - WHOLE;
        let zero = f64::from(land.zero);
        (below, least + zero >= f64::from(land.lo) && most + zero <= f64::from(land.hi))
    }
    // SAFETY: the caller found the features.
    unsafe { wide(base, gradient, fine, land, out) }
}

/// As [`Long::step`], of at most [`BLOCK`] sums.
pub(super) fn long_step(long: &Long, sums: &[i64], master: &mut [i32]) -> [Counted; 2] {
    assert!(sums.len() == master.len() && sums.len() <= BLOCK);
    // SAFETY: a `Long` is only made where the features were found.
    unsafe { long_wide(long, sums, master) }
}

/// The first eight values, zeros where fewer are there.
#[target_feature(enable = "avx512f")]
#[inline]
fn load_long(from: &[i64]) -> __m512i {
    match from.first_chunk::<8>() {
        // SAFETY: eight values are there.
        Some(from) => unsafe { _mm512_loadu_si512(from.as_ptr().cast()) },
        // SAFETY: the mask keeps the load within the values that are there.
        None => unsafe { _mm512_maskz_loadu_epi64((1u8 << from.len()) - 1, from.as_ptr()) },
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
fn long_wide(long: &Long, sums: &[i64], master: &mut [i32]) -> [Counted; 2] {
    let (factor, step) = (_mm512_set1_pd(long.factor), _mm512_set1_pd(long.step));
    let (whole, nothing) = (_mm512_set1_pd(WHOLE), _mm512_setzero_pd());
    let (mut least, mut most) = ([nothing; 2], [nothing; 2]);
    let mut lightest = _mm512_set1_epi32(long.master.0);
    let mut heaviest = _mm512_set1_epi32(long.master.1);
    let mut beyond = _mm512_setzero_si512();
    // Counted in the registers' lanes: masks would go through general registers one by one.
    let one = _mm512_set1_epi64(1);
    let (mut zero_sums, mut zero_codes) = ([_mm512_setzero_si512(); 2], [_mm512_setzero_si512(); 2]);
    let mut same = 0u32;
    let mut new = [0i32; BLOCK];
    for k in (0..sums.len()).step_by(16) {
        let n = sums.len() - k;
        let there = mask_of(n);
        let mut moved = [nothing; 2];
        for (i, moved) in moved.iter_mut().enumerate() {
            let [first, second] = there.to_le_bytes();
            let mask = if i == 0 { first } else { second };
            let x = load_long(sums.get(k + 8 * i..).unwrap_or_default());
            let y = _mm512_fmadd_pd(_mm512_cvtepi64_pd(x), factor, whole);
            let c = _mm512_sub_pd(y, whole);
            (least[i], most[i]) = (_mm512_min_pd(least[i], c), _mm512_max_pd(most[i], c));
            let (no_sum, no_code) =
                (_mm512_mask_testn_epi64_mask(mask, x, x), _mm512_mask_cmp_pd_mask::<_CMP_EQ_OQ>(mask, c, nothing));
            zero_sums[i] = _mm512_mask_add_epi64(zero_sums[i], no_sum, zero_sums[i], one);
            zero_codes[i] = _mm512_mask_add_epi64(zero_codes[i], no_code, zero_codes[i], one);
            *moved = _mm512_fmadd_pd(c, step, whole);
        }
        let moved = low_halves(moved);
        let w = load(&master[k..]);
        let next = _mm512_sub_epi32(w, moved);
        // The sign is set where the difference left 32 bits: (w ^ moved) & (w ^ next).
        beyond = _mm512_or_si512(beyond, _mm512_ternarylogic_epi32::<0b0001_1000>(w, moved, next));
        (lightest, heaviest) = (_mm512_min_epi32(lightest, next), _mm512_max_epi32(heaviest, next));
        same += _mm512_mask_testn_epi32_mask(there, moved, moved).count_ones();
        store(&mut new[k..], next);
    }
    let (lo, hi) = long.codes;
    let codes_fit = _mm512_reduce_min_pd(_mm512_min_pd(least[0], least[1])) >= lo
        && _mm512_reduce_max_pd(_mm512_max_pd(most[0], most[1])) <= hi;
    let (lo, hi) = long.master;
    let fit = codes_fit
        && _mm512_movepi32_mask(beyond) == 0
        && _mm512_reduce_min_epi32(lightest) == lo
        && _mm512_reduce_max_epi32(heaviest) == hi;
    if fit {
        master.copy_from_slice(&new[..master.len()]);
    }
    let sum_of = |[a, b]: [__m512i; 2]| _mm512_reduce_add_epi64(_mm512_add_epi64(a, b)).unsigned_abs();
    let (all, zero_sums, zero_codes) =
        (u64::try_from(sums.len()).unwrap_or(u64::MAX), sum_of(zero_sums), sum_of(zero_codes));
    [
        codes_fit.then(|| (all - zero_sums, zero_codes - zero_sums)),
        fit.then(|| (all - zero_codes, u64::from(same) - zero_codes)),
    ]
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

/// Eight values, or as many as fit.
#[target_feature(enable = "avx512f")]
#[inline]
fn store_long(to: &mut [i64], values: __m512i) {
    match to.first_chunk_mut::<8>() {
        // SAFETY: eight values fit.
        Some(to) => unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), values) },
        // SAFETY: the mask keeps the store within the values that are there.
        None => unsafe { _mm512_mask_storeu_epi64(to.as_mut_ptr(), (1u8 << to.len()) - 1, values) },
    }
}

/// Up to four classes of outer products of errors in two halves: `acc[c][k] = 2^16·Σ high·a + Σ low·a + off·column[k]`; smallest and
/// largest, 0 inside. Shapes as `matrix::tile_outer`'s; `words` is room for the errors side by side.
pub(super) fn outer_wide(
    (features, padded): (&[i16], usize),
    (high, low): (&[i32], &[i32]),
    (column_sums, off): (&[i32], i64),
    columns: usize,
    (words, acc): (&mut Vec<[i32; 8]>, &mut [i64]),
) -> (i64, i64) {
    let pairs = features.len() / padded / 2;
    let classes = acc.len() / columns;
    assert!(padded.is_multiple_of(32) && columns <= padded && column_sums.len() == padded);
    assert!(classes > 0 && high.len() == classes * pairs && low.len() == classes * pairs);
    words.clear();
    words.extend((0..pairs).map(|pair| {
        let at = |i: usize| i.min(classes - 1) * pairs + pair;
        std::array::from_fn(|i| if i < 4 { high[at(i)] } else { low[at(i - 4)] })
    }));
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
        let [h0, h1, h2, h3, l0, l1, l2, l3] = sums;
        for v in 0..2 {
            let k = k + 16 * v;
            let column = load(&column_sums[k..]);
            let start = |s| _mm512_mullo_epi64(off, _mm512_cvtepi32_epi64(s));
            let start = (start(lower(column)), start(upper(column)));
            let mut rows = acc.chunks_exact_mut(columns);
            // Written out: a loop over the sums would take them through memory.
            macro_rules! put {
                ($($high:ident $low:ident),*) => {$(
                    if let Some(to) = rows.next().and_then(|row| row.get_mut(k..)) {
                        let first = joined(lower($high[v]), lower($low[v]), start.0);
                        let second = joined(upper($high[v]), upper($low[v]), start.1);
                        // Past the last column every feature is zero, and so is its sum.
                        lo = _mm512_min_epi64(lo, _mm512_min_epi64(first, second));
                        hi = _mm512_max_epi64(hi, _mm512_max_epi64(first, second));
                        store_long(to, first);
                        store_long(to.get_mut(8..).unwrap_or_default(), second);
                    }
                )*};
            }
            put!(h0 l0, h1 l1, h2 l2, h3 l3);
        }
    }
    (_mm512_reduce_min_epi64(lo), _mm512_reduce_max_epi64(hi))
}
