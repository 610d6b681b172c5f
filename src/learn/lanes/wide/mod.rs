//! Loops on values of 64 bits: sums joined from halves, and SGD on the fine grid of weights whose range is taken anew.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod simd;
mod twice;

use super::elementwise::Lane;
use super::matrix::TILE;
use super::rounding::{InFloats, Round, Route, Source};
use super::{Level, Way};
use crate::numeric::{Rounding, Scale};
use std::ops::Range;
pub(crate) use twice::{Codes, Twice};

/// `sum = high·2^16 + low + off·column` of one row; gives the smallest and largest, 0 inside.
#[inline(always)]
pub(super) fn join_row(high: &[i32], low: &[i32], (columns, off): (&[i32], i64), out: &mut [i64]) -> (i64, i64) {
    let (mut least, mut most) = (0i64, 0i64);
    for (((sum, &h), &l), &s) in out.iter_mut().zip(high).zip(low).zip(columns) {
        let x = (i64::from(h) << 16) + i64::from(l) + off * i64::from(s);
        *sum = x;
        least = least.min(x);
        most = most.max(x);
    }
    (least, most)
}

/// 64-bit sums of rows of `columns` values from sums of the errors' upper and lower halves.
pub(super) fn join_tile(
    level: Level,
    (high, low): (&[i32], &[i32]),
    at: (&[i32], i64),
    columns: usize,
    out: &mut [i64],
) -> (i64, i64) {
    let halves = high.chunks_exact(columns).zip(low.chunks_exact(columns));
    let (mut least, mut most) = (0, 0);
    for (out, (high, low)) in out.chunks_exact_mut(columns).zip(halves) {
        #[cfg(target_arch = "x86_64")]
        if level != Level::Plain {
            let (a, b) = super::simd::join_row_of(level, high, low, at, out);
            (least, most) = (a.min(least), b.max(most));
            continue;
        }
        let _ = level;
        let (a, b) = join_row(high, low, at, out);
        (least, most) = (a.min(least), b.max(most));
    }
    (least, most)
}

/// Factors and zeros of a step on the fine grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fine {
    base_zero: i32,
    base: f64,
    zero: i32,
    step: f64,
}

impl Fine {
    /// Of zeros, factors to the fine grid and largest distances from the zeros; `None` where floats could not hold the results.
    fn new<T: Source>(
        way: Way,
        base: (i32, Scale, u64),
        gradient: (i32, Scale, u64),
        rounding: Rounding,
    ) -> Option<Self> {
        let route = |factor, mode, most| match Route::new::<T>(factor, mode, (way.level.fused(), most), (0, 0))? {
            Route::Narrow(real) | Route::Fused(real) => Some(real),
            Route::Integer(_) => None,
        };
        Some(Self {
            base_zero: base.0,
            base: route(base.1, Rounding::TiesEven, base.2)?,
            zero: gradient.0,
            step: route(gradient.1, rounding, gradient.2)?,
        })
    }
}

/// What a step on the fine grid found: gradients other than zero, and the range of the new weights, 0 inside.
pub(crate) type Stepped = (u64, (i64, i64));

/// `out = round((base − base_zero) · base_factor) − round((gradient − zero) · factor)`, both ties to even.
#[inline(always)]
pub(super) fn fine_values<T: Source>(base: &[i32], gradient: &[T], fine: &Fine, out: &mut [i64]) -> Stepped {
    let (of_base, of_step) = (InFloats::<false>(fine.base), InFloats::<false>(fine.step));
    let (mut non_zero, mut least, mut most) = (0u64, 0i64, 0i64);
    for ((d, &c), &g) in out.iter_mut().zip(base).zip(gradient) {
        let x = of_base.of(c, fine.base_zero).0 - of_step.of(g, fine.zero).0;
        *d = x;
        least = least.min(x);
        most = most.max(x);
        non_zero += u64::from(!g.is(fine.zero));
    }
    (non_zero, (least, most))
}

/// Codes or sums of one width, for the loops on the fine grid.
pub(crate) trait WideLane: Lane {
    fn fine(level: Level, base: &[i32], gradient: &[Self], fine: &Fine, out: &mut [i64]) -> Stepped;
    fn below(level: Level, gradient: &[Self], zero: i32, most: u64) -> u64;
}

macro_rules! wide_lane {
    ($t:ty, $fine:ident, $below:ident) => {
        impl WideLane for $t {
            fn fine(level: Level, base: &[i32], gradient: &[Self], fine: &Fine, out: &mut [i64]) -> Stepped {
                #[cfg(target_arch = "x86_64")]
                if level != Level::Plain {
                    return super::simd::$fine(level, base, gradient, fine, out);
                }
                let _ = level;
                fine_values(base, gradient, fine, out)
            }

            fn below(level: Level, gradient: &[Self], zero: i32, most: u64) -> u64 {
                #[cfg(target_arch = "x86_64")]
                if level != Level::Plain {
                    return super::simd::$below(level, gradient, zero, most);
                }
                let _ = level;
                below_values(gradient, zero, most)
            }
        }
    };
}

wide_lane!(i32, fine_i32, below_i32);
wide_lane!(i64, fine_i64, below_i64);

/// [`fine_values`] of a whole tensor, or `None` where `kernels::widen` and `kernels::subtract_step_wide`, which it equals, must do it.
///
/// `base`: codes, their zero, the factor to the fine grid and the largest distance from that zero; `gradient`: the same.
pub(crate) fn step_fine<T: WideLane>(
    way: Way,
    base: (&[i32], i32, Scale, u64),
    gradient: (&[T], i32, Scale, u64),
    rounding: Rounding,
    out: &mut [i64],
) -> Option<Stepped> {
    let fine = Fine::new::<T>(way, (base.1, base.2, base.3), (gradient.1, gradient.2, gradient.3), rounding)?;
    let at = way.half(out.len());
    let (codes, sums, out) = (base.0.split_at(at), gradient.0.split_at(at), out.split_at_mut(at));
    let half = |codes: &[i32], sums: &[T], out: &mut [i64]| T::fine(way.level, codes, sums, &fine, out);
    let ((n, (a, b)), (m, (c, d))) = way.both(|| half(codes.0, sums.0, out.0), || half(codes.1, sums.1, out.1));
    Some((n + m, (a.min(c), b.max(d))))
}

/// Of up to four classes' 32-bit errors of a pair of samples, both of 16 bits in one word: e = high · 2^16 + low + 2^15. Without a second sample
/// its features are zero.
pub(super) fn halves_of(two: &[i32], classes: usize, at: Range<usize>) -> [i32; 2 * TILE] {
    let four = |from: &[i32]| match from.first_chunk::<TILE>() {
        Some(all) => *all,
        None => std::array::from_fn(|i| from.get(i).copied().unwrap_or(0)),
    };
    let (first, second) =
        (four(&two[at.clone()]), four(two.get(classes + at.start..classes + at.end).unwrap_or_default()));
    let low = |e: i32| (e & 0xffff) - (1 << 15);
    std::array::from_fn(|i| {
        let (a, b) = (first[i % TILE], second[i % TILE]);
        if i < TILE { (a >> 16 & 0xffff) | (b >> 16 << 16) } else { (low(a) & 0xffff) | low(b) << 16 }
    })
}

/// Outer products of up to four classes whose errors come in two halves, as [`halves_of`] gives them, joined in 64 bits where this
/// machine does it in registers.
pub(super) fn outer_tile(
    level: Level,
    features: (&[i16], usize),
    words: &[[i32; 8]],
    at: (&[i32], i64),
    columns: usize,
    acc: &mut [i64],
) -> Option<(i64, i64)> {
    #[cfg(target_arch = "x86_64")]
    if level == Level::Avx512 {
        return Some(simd::outer_wide(features, words, at, columns, acc));
    }
    let _ = (level, features, words, at, columns, acc);
    None
}

/// Values other than zero that are no farther from it than `most`.
#[inline(always)]
pub(super) fn below_values<T: Source>(gradient: &[T], zero: i32, most: u64) -> u64 {
    gradient.iter().map(|g| u64::from(g.near(zero, most))).sum()
}

/// Values other than zero that are nearer to it than `limit`.
pub(crate) fn count_below<T: WideLane>(way: Way, gradient: &[T], zero: i32, limit: f64) -> u64 {
    // An integer below a real is one below the next whole number.
    let most = (limit.ceil() as u64).saturating_sub(1);
    let (first, second) = gradient.split_at(way.half(gradient.len()));
    let half = |gradient: &[T]| T::below(way.level, gradient, zero, most);
    let (a, b) = way.both(|| half(first), || half(second));
    a + b
}
