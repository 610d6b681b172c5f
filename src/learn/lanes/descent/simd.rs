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

/// What a pass sees: the range of the stepped weights, lanes that are negative where a difference left 32 bits, sums of zero, weights that
/// stayed, and whether a sum lay beyond the ends.
struct Seen {
    least: __m512i,
    most: __m512i,
    beyond: __m512i,
    zero_sums: u32,
    same: u32,
    clamped: bool,
}

impl Seen {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn new((lo, hi): (i32, i32)) -> Self {
        let (least, most) = (_mm512_set1_epi32(lo), _mm512_set1_epi32(hi));
        Self { least, most, beyond: _mm512_setzero_si512(), zero_sums: 0, same: 0, clamped: false }
    }

    /// Of a pass over `n` sums, which came in whole vectors: those past the last are zero, move nothing and are taken off again.
    #[target_feature(enable = "avx512f,avx512dq")]
    #[inline]
    fn counted(&self, n: usize, (lo, hi): (i32, i32)) -> [Counted; 2] {
        let within = _mm512_reduce_min_epi32(self.least) == lo
            && _mm512_reduce_max_epi32(self.most) == hi
            && _mm512_movepi32_mask(self.beyond) == 0;
        let zero_sums = u64::from(self.zero_sums);
        let all = u64::try_from(n.next_multiple_of(16)).unwrap_or(u64::MAX);
        let count = (all - zero_sums, u64::from(self.same) - zero_sums);
        [(!self.clamped).then_some((0, 0)), within.then_some(count)]
    }
}

/// Sixteen sums and their weights at a time, the last time as many as there are: weights that `one` makes of them.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
#[inline]
fn for_all<T>(sums: &[T], master: &mut [i32], mut one: impl FnMut(&[T], __m512i) -> __m512i) {
    let (xs, x_rest) = sums.as_chunks::<16>();
    let (ws, w_rest) = master.as_chunks_mut::<16>();
    for (x, w) in xs.iter().zip(ws) {
        let stepped = one(x, load(w));
        store(w, stepped);
    }
    if !x_rest.is_empty() {
        let stepped = one(x_rest, load(w_rest));
        store(w_rest, stepped);
    }
}

/// `w − moved`; `WIDE` where that may leave 32 bits.
#[target_feature(enable = "avx512f,popcnt")]
#[inline]
fn next<const WIDE: bool>(seen: &mut Seen, w: __m512i, moved: __m512i) -> __m512i {
    seen.same += _mm512_testn_epi32_mask(moved, moved).count_ones();
    let next = _mm512_sub_epi32(w, moved);
    if WIDE {
        // The sign is set where the difference left 32 bits: (w ^ moved) & (w ^ next).
        seen.beyond = _mm512_or_si512(seen.beyond, _mm512_ternarylogic_epi32::<0b0001_1000>(w, moved, next));
    }
    (seen.least, seen.most) = (_mm512_min_epi32(seen.least, next), _mm512_max_epi32(seen.most, next));
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
    let mut seen = Seen::new(pass.master);
    for_all(sums, master, |x, w| {
        let x = load(x);
        seen.zero_sums += _mm512_testn_epi32_mask(x, x).count_ones();
        let x = if CLAMP {
            let inside = _mm512_min_epi32(_mm512_max_epi32(x, lo), hi);
            seen.clamped |= _mm512_cmpneq_epi32_mask(x, inside) != 0;
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
        next::<false>(&mut seen, w, moved)
    });
    seen.counted(sums.len(), pass.master)
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
    let mut seen = Seen::new(pass.master);
    for_all(sums, master, |x, w| {
        let mut of = |x: &[i64]| {
            let x = load_long(x);
            seen.zero_sums += _mm512_testn_epi64_mask(x, x).count_ones();
            let x = if CLAMP {
                let inside = _mm512_min_epi64(_mm512_max_epi64(x, lo), hi);
                seen.clamped |= _mm512_cmpneq_epi64_mask(x, inside) != 0;
                inside
            } else {
                x
            };
            let code = _mm512_sub_pd(_mm512_fmadd_pd(_mm512_cvtepi64_pd(x), factor, whole), whole);
            _mm512_fmadd_pd(code, step, whole)
        };
        let moved = low_halves([of(x), of(x.get(8..).unwrap_or_default())]);
        next::<true>(&mut seen, w, moved)
    });
    seen.counted(sums.len(), pass.master)
}
