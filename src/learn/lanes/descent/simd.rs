//! The pass for AVX-512; `Pass::new` finds the features first.

use super::{Once, Pass};
use crate::learn::lanes::blocks::Counted;
use crate::learn::lanes::narrow::simd::{load, low_halves, products, store};
use crate::learn::lanes::rounding::{WHOLE, WHOLE_SHORT};
use core::arch::x86_64::*;

/// [`Pass::step`] of 32-bit sums.
pub(super) fn step_short(pass: &Pass, sums: &[i32], master: &mut [i32]) -> [Counted; 2] {
    assert!(sums.len() == master.len());
    // SAFETY: a `Pass` is only made where the features were found.
    unsafe {
        match (pass.once, pass.clamps) {
            (Some(once), false) => short::<true, false>(pass, once, sums, master),
            (Some(once), true) => short::<true, true>(pass, once, sums, master),
            (None, false) => short::<false, false>(pass, Once { factor: 0.0, sure: 0.0 }, sums, master),
            (None, true) => short::<false, true>(pass, Once { factor: 0.0, sure: 0.0 }, sums, master),
        }
    }
}

/// [`Pass::step`] of 64-bit sums.
pub(super) fn step_long(pass: &Pass, sums: &[i64], master: &mut [i32]) -> [Counted; 2] {
    assert!(sums.len() == master.len());
    // SAFETY: a `Pass` is only made where the features were found.
    unsafe { if pass.clamps { long::<true>(pass, sums, master) } else { long::<false>(pass, sums, master) } }
}

/// Sums whose moved weights a count is about, in whole vectors: those past the last are zero, move nothing and are taken off again.
fn counted(n: usize, (zero_sums, same): (u32, u32)) -> (u64, u64) {
    let zero_sums = u64::from(zero_sums);
    let all = u64::try_from(n.next_multiple_of(16)).unwrap_or(u64::MAX);
    (all - zero_sums, u64::from(same) - zero_sums)
}

/// The range of the stepped weights, and lanes that are negative where a difference left 32 bits.
struct Reach {
    least: __m512i,
    most: __m512i,
    beyond: __m512i,
}

impl Reach {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn new((lo, hi): (i32, i32)) -> Self {
        Self { least: _mm512_set1_epi32(lo), most: _mm512_set1_epi32(hi), beyond: _mm512_setzero_si512() }
    }

    #[target_feature(enable = "avx512f,avx512dq")]
    #[inline]
    fn within(&self, (lo, hi): (i32, i32)) -> bool {
        _mm512_reduce_min_epi32(self.least) == lo
            && _mm512_reduce_max_epi32(self.most) == hi
            && _mm512_movepi32_mask(self.beyond) == 0
    }
}

/// `w − moved`; `WIDE` where that may leave 32 bits.
#[target_feature(enable = "avx512f")]
#[inline]
fn next<const WIDE: bool>(reach: &mut Reach, w: __m512i, moved: __m512i) -> __m512i {
    let next = _mm512_sub_epi32(w, moved);
    if WIDE {
        // The sign is set where the difference left 32 bits: (w ^ moved) & (w ^ next).
        reach.beyond = _mm512_or_si512(reach.beyond, _mm512_ternarylogic_epi32::<0b0001_1000>(w, moved, next));
    }
    (reach.least, reach.most) = (_mm512_min_epi32(reach.least, next), _mm512_max_epi32(reach.most, next));
    next
}

/// `round(round(x · factor) · step)`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn twice(x: __m512i, factor: __m512d, step: __m512d) -> __m512i {
    let whole = _mm512_set1_pd(WHOLE);
    let [low, high] = products::<false>(x, whole, factor);
    // The codes as floats again, without a way through integers.
    let again = |y| _mm512_fmadd_pd(_mm512_sub_pd(y, whole), step, whole);
    low_halves([again(low), again(high)])
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
fn short<const ONCE: bool, const CLAMP: bool>(
    pass: &Pass,
    once: Once,
    sums: &[i32],
    master: &mut [i32],
) -> [Counted; 2] {
    let (factor, step) = (_mm512_set1_pd(pass.factor), _mm512_set1_pd(pass.step));
    let (by, sure, whole) = (_mm512_set1_ps(once.factor), _mm512_set1_ps(once.sure), _mm512_set1_ps(WHOLE_SHORT));
    let end = |x: i64| i32::try_from(x).unwrap_or(if x < 0 { i32::MIN } else { i32::MAX });
    let (lo, hi) = (_mm512_set1_epi32(end(pass.ends.0)), _mm512_set1_epi32(end(pass.ends.1)));
    let mut reach = Reach::new(pass.master);
    let (mut zero_sums, mut same, mut clamped) = (0u32, 0u32, 0u16);
    let mut one = |x: __m512i, w: __m512i| {
        zero_sums += _mm512_testn_epi32_mask(x, x).count_ones();
        let x = if CLAMP {
            let inside = _mm512_min_epi32(_mm512_max_epi32(x, lo), hi);
            clamped |= _mm512_cmpneq_epi32_mask(x, inside);
            inside
        } else {
            x
        };
        let moved = if ONCE {
            let u = _mm512_cvtepi32_ps(x);
            let y = _mm512_fmadd_ps(u, by, whole);
            let far = _mm512_abs_ps(_mm512_fmsub_ps(u, by, _mm512_sub_ps(y, whole)));
            if _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(far, sure) == 0 {
                _mm512_sub_epi32(_mm512_castps_si512(y), _mm512_castps_si512(whole))
            } else {
                twice(x, factor, step)
            }
        } else {
            twice(x, factor, step)
        };
        same += _mm512_testn_epi32_mask(moved, moved).count_ones();
        next::<false>(&mut reach, w, moved)
    };
    let (xs, x_rest) = sums.as_chunks::<16>();
    let (ws, w_rest) = master.as_chunks_mut::<16>();
    for (x, w) in xs.iter().zip(ws) {
        let stepped = one(load(x), load(w));
        store(w, stepped);
    }
    if !x_rest.is_empty() {
        let stepped = one(load(x_rest), load(w_rest));
        store(w_rest, stepped);
    }
    let count = counted(sums.len(), (zero_sums, same));
    [(clamped == 0).then_some((0, 0)), reach.within(pass.master).then_some(count)]
}

/// Eight values, zeros where fewer are there.
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
fn long<const CLAMP: bool>(pass: &Pass, sums: &[i64], master: &mut [i32]) -> [Counted; 2] {
    let (factor, step, whole) = (_mm512_set1_pd(pass.factor), _mm512_set1_pd(pass.step), _mm512_set1_pd(WHOLE));
    let (lo, hi) = (_mm512_set1_epi64(pass.ends.0), _mm512_set1_epi64(pass.ends.1));
    let mut reach = Reach::new(pass.master);
    let (mut zero_sums, mut same, mut clamped) = (0u32, 0u32, 0u8);
    let mut one = |x: [__m512i; 2], w: __m512i| {
        let mut of = |x: __m512i| {
            zero_sums += _mm512_testn_epi64_mask(x, x).count_ones();
            let x = if CLAMP {
                let inside = _mm512_min_epi64(_mm512_max_epi64(x, lo), hi);
                clamped |= _mm512_cmpneq_epi64_mask(x, inside);
                inside
            } else {
                x
            };
            let code = _mm512_sub_pd(_mm512_fmadd_pd(_mm512_cvtepi64_pd(x), factor, whole), whole);
            _mm512_fmadd_pd(code, step, whole)
        };
        let moved = low_halves([of(x[0]), of(x[1])]);
        same += _mm512_testn_epi32_mask(moved, moved).count_ones();
        next::<true>(&mut reach, w, moved)
    };
    let (xs, x_rest) = sums.as_chunks::<16>();
    let (ws, w_rest) = master.as_chunks_mut::<16>();
    for (x, w) in xs.iter().zip(ws) {
        let stepped = one([load_long(x), load_long(&x[8..])], load(w));
        store(w, stepped);
    }
    if !x_rest.is_empty() {
        let second = load_long(x_rest.get(8..).unwrap_or_default());
        let stepped = one([load_long(x_rest), second], load(w_rest));
        store(w_rest, stepped);
    }
    let count = counted(sums.len(), (zero_sums, same));
    [(clamped == 0).then_some((0, 0)), reach.within(pass.master).then_some(count)]
}
