//! The loops of this room for AVX2 and AVX-512; each equals its plain version bit for bit, tested in `mod.rs`.

use super::Level;
use super::blocks::{Counted, range_of};
use super::elementwise::{Grid, requant_block, sgd_block};
use super::matrix::{add, interleave, to_16, widen};
use super::reals::{dots as real_dots, row_of_outer};
use super::softmax::{exponentials, normalise};
use super::wide::{Fine, Stepped, below_values, fine_values, join_row};
use crate::numeric::elementary::Exponent;
use core::arch::x86_64::*;

/// Declares a function that runs a plain body compiled for the level's registers.
macro_rules! at_level {
    ($name:ident, $body:expr, ($($arg:ident: $t:ty),*) -> $out:ty) => {
        pub(super) fn $name(level: Level, $($arg: $t),*) -> $out {
            #[target_feature(enable = "avx2,fma,bmi2")]
            fn avx2($($arg: $t),*) -> $out {
                $body($($arg),*)
            }
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,bmi2")]
            fn avx512($($arg: $t),*) -> $out {
                $body($($arg),*)
            }
            // SAFETY: a level is only made where its features were found (`Level::best`).
            unsafe {
                match level {
                    Level::Avx512 => avx512($($arg),*),
                    _ => avx2($($arg),*),
                }
            }
        }
    };
}

at_level!(requant_i32, requant_block, (src: &[i32], grid: &Grid, dst: &mut [i32]) -> Counted);
at_level!(requant_i64, requant_block, (src: &[i64], grid: &Grid, dst: &mut [i32]) -> Counted);
at_level!(sgd_i32, sgd_block, (weights: &[i32], gradient: &[i32], grid: &Grid, out: &mut [i32]) -> Counted);
at_level!(sgd_i64, sgd_block, (weights: &[i32], gradient: &[i64], grid: &Grid, out: &mut [i32]) -> Counted);
at_level!(join_row_of, join_row, (high: &[i32], low: &[i32], at: (&[i32], i64), out: &mut [i64]) -> (i64, i64));
at_level!(exponentials_of, exponentials, (logits: &[i32], most: i32, exponent: Exponent, out: &mut [i32]) -> u64);
at_level!(to_lanes, to_16, (codes: &[i32], lanes: &mut [i16]) -> i32);
at_level!(widen_of, widen, (bytes: &[u8], off: i16, lanes: &mut [i16]) -> ());
at_level!(interleave_of, interleave, (first: &[i16], second: &[i16], out: &mut [i16]) -> ());
at_level!(add_of, add, (values: &[i16], sums: &mut [i32]) -> ());
at_level!(range_level, range_of, (codes: &[i32], zero: i32) -> (i32, i32));
at_level!(fine_i32, fine_values, (base: &[i32], gradient: &[i32], fine: &Fine, out: &mut [i64]) -> Stepped);
at_level!(fine_i64, fine_values, (base: &[i32], gradient: &[i64], fine: &Fine, out: &mut [i64]) -> Stepped);
at_level!(below_i32, below_values, (gradient: &[i32], zero: i32, most: u64) -> u64);
at_level!(below_i64, below_values, (gradient: &[i64], zero: i32, most: u64) -> u64);
at_level!(dots_of_reals, real_dots, (weights: &[f32], features: &[f32], sums: &mut [f32]) -> ());
at_level!(outer_of_reals, row_of_outer, (errors: &[f32], features: &[&[f32]], acc: &mut [f32]) -> ());
at_level!(normalise_all, normalise, (values: &mut [i32], multiplier: u32, shift: u32) -> ());

/// As `matrix::dots`; `padded` is a multiple of 32.
pub(super) fn dots(level: Level, w: &[i16], a: &[i16], (classes, padded): (usize, usize), out: &mut [i32]) {
    assert!(padded.is_multiple_of(32) && w.len() == classes * padded && out.len() == a.len() / padded * classes);
    let samples = a.len() / padded;
    for c in (0..classes).step_by(4) {
        let rows: [&[i16]; 4] = std::array::from_fn(|i| row(w, (c + i).min(classes - 1), padded));
        for b in (0..samples).step_by(4) {
            let columns: [&[i16]; 4] = std::array::from_fn(|i| row(a, (b + i).min(samples - 1), padded));
            // SAFETY: a level is only made where its features were found.
            let tile = unsafe {
                match level {
                    Level::Avx512 => tile_avx512(rows, columns),
                    _ => tile_avx2(rows, columns),
                }
            };
            let n = 4.min(classes - c);
            for (i, sums) in tile.iter().enumerate().take(samples - b) {
                out[(b + i) * classes + c..][..n].copy_from_slice(&sums[..n]);
            }
        }
    }
}

fn row(values: &[i16], i: usize, padded: usize) -> &[i16] {
    &values[i * padded..(i + 1) * padded]
}

/// Sums of four rows times four samples, `[sample][row]`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn tile_avx512(rows: [&[i16]; 4], samples: [&[i16]; 4]) -> [[i32; 4]; 4] {
    let mut sums = [[_mm512_setzero_si512(); 4]; 4];
    for k in (0..rows[0].len()).step_by(32) {
        let load = |x: &[i16]| {
            let x = &x[k..k + 32];
            // SAFETY: 32 values of 16 bits are there.
            unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
        };
        let w = [load(rows[0]), load(rows[1]), load(rows[2]), load(rows[3])];
        for b in 0..4 {
            let a = load(samples[b]);
            for c in 0..4 {
                sums[b][c] = _mm512_dpwssd_epi32(sums[b][c], w[c], a);
            }
        }
    }
    let mut out = [[0; 4]; 4];
    for (out, s) in out.iter_mut().zip(sums) {
        four_sums(s, out);
    }
    out
}

/// The sum of the lanes of each of four vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn four_sums(s: [__m512i; 4], out: &mut [i32; 4]) {
    let pair = |x, y| _mm512_add_epi32(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y));
    let (t0, t1) = (pair(s[0], s[1]), pair(s[2], s[3]));
    let four = _mm512_add_epi32(_mm512_unpacklo_epi64(t0, t1), _mm512_unpackhi_epi64(t0, t1));
    let half = _mm256_add_epi32(_mm512_castsi512_si256(four), _mm512_extracti64x4_epi64::<1>(four));
    let sum = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
    // SAFETY: four values of 32 bits fit.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), sum) };
}

#[target_feature(enable = "avx2")]
fn tile_avx2(rows: [&[i16]; 4], samples: [&[i16]; 4]) -> [[i32; 4]; 4] {
    let mut out = [[0; 4]; 4];
    for (out, sample) in out.iter_mut().zip(samples) {
        let mut s = [_mm256_setzero_si256(); 4];
        for k in (0..sample.len()).step_by(16) {
            let load = |x: &[i16]| {
                let x = &x[k..k + 16];
                // SAFETY: 16 values of 16 bits are there.
                unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
            };
            let a = load(sample);
            for (s, row) in s.iter_mut().zip(rows) {
                *s = _mm256_add_epi32(*s, _mm256_madd_epi16(load(row), a));
            }
        }
        let pair = |x, y| _mm256_add_epi32(_mm256_unpacklo_epi32(x, y), _mm256_unpackhi_epi32(x, y));
        let (t0, t1) = (pair(s[0], s[1]), pair(s[2], s[3]));
        let four = _mm256_add_epi32(_mm256_unpacklo_epi64(t0, t1), _mm256_unpackhi_epi64(t0, t1));
        let sum = _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256::<1>(four));
        // SAFETY: four values of 32 bits fit.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), sum) };
    }
    out
}

/// As `matrix::outer_plain`.
pub(super) fn outer(
    level: Level,
    (features, padded): (&[i16], usize),
    errors: &[i32],
    (zero, column_sums): (i32, &[i32]),
    columns: usize,
    acc: &mut [i32],
) -> (i32, i32) {
    let pairs = features.len() / padded / 2;
    assert!(padded.is_multiple_of(32) && columns <= padded && column_sums.len() == padded);
    let classes = acc.len() / columns;
    assert!(classes > 0 && errors.len() == classes * pairs);
    let e: [&[i32]; 4] = std::array::from_fn(|i| {
        let c = i.min(classes - 1);
        &errors[c * pairs..(c + 1) * pairs]
    });
    let mut range = (0, 0);
    // SAFETY: a level is only made where its features were found.
    unsafe {
        match level {
            Level::Avx512 => outer_avx512((features, padded), e, (zero, column_sums), columns, acc, &mut range),
            _ => outer_avx2((features, padded), e, (zero, column_sums), columns, acc, &mut range),
        }
    }
    range
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn outer_avx512(
    (features, padded): (&[i16], usize),
    errors: [&[i32]; 4],
    (zero, column_sums): (i32, &[i32]),
    columns: usize,
    acc: &mut [i32],
    range: &mut (i32, i32),
) {
    let minus = _mm512_set1_epi32(zero.wrapping_neg());
    let (mut lo, mut hi) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for k in (0..padded).step_by(32) {
        let mut start = [_mm512_setzero_si512(); 2];
        for (v, s) in start.iter_mut().enumerate() {
            let sums = &column_sums[k + 16 * v..k + 16 * v + 16];
            // SAFETY: 16 values of 32 bits are there.
            *s = _mm512_mullo_epi32(minus, unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) });
        }
        let mut sums = [start; 4];
        let [e0, e1, e2, e3] = errors;
        for ((((a, &e0), &e1), &e2), &e3) in features.chunks_exact(2 * padded).zip(e0).zip(e1).zip(e2).zip(e3) {
            let a = &a[2 * k..2 * k + 64];
            // SAFETY: 64 values of 16 bits are there.
            let a = unsafe { [_mm512_loadu_si512(a.as_ptr().cast()), _mm512_loadu_si512(a[32..].as_ptr().cast())] };
            for (c, e) in [e0, e1, e2, e3].into_iter().enumerate() {
                let e = _mm512_set1_epi32(e);
                for v in 0..2 {
                    sums[c][v] = _mm512_dpwssd_epi32(sums[c][v], a[v], e);
                }
            }
        }
        for (acc, sums) in acc.chunks_exact_mut(columns).zip(sums) {
            for (v, sum) in sums.into_iter().enumerate() {
                lo = _mm512_min_epi32(lo, sum);
                hi = _mm512_max_epi32(hi, sum);
                let Some(to) = acc.get_mut(k + 16 * v..) else { continue };
                match to.first_chunk_mut::<16>() {
                    // A masked store takes many times as long as a whole one.
                    // SAFETY: sixteen values fit.
                    Some(to) => unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), sum) },
                    // SAFETY: the mask keeps the store within the fewer values that are there.
                    None => unsafe { _mm512_mask_storeu_epi32(to.as_mut_ptr(), (1 << to.len()) - 1, sum) },
                }
            }
        }
    }
    *range = (_mm512_reduce_min_epi32(lo), _mm512_reduce_max_epi32(hi));
}

#[target_feature(enable = "avx2")]
fn outer_avx2(
    (features, padded): (&[i16], usize),
    errors: [&[i32]; 4],
    (zero, column_sums): (i32, &[i32]),
    columns: usize,
    acc: &mut [i32],
    range: &mut (i32, i32),
) {
    let minus = _mm256_set1_epi32(zero.wrapping_neg());
    let mut out = [0i32; 8];
    for k in (0..padded).step_by(8) {
        let start = &column_sums[k..k + 8];
        // SAFETY: eight values of 32 bits are there.
        let start = _mm256_mullo_epi32(minus, unsafe { _mm256_loadu_si256(start.as_ptr().cast()) });
        let mut sums = [start; 4];
        for (pair, a) in features.chunks_exact(2 * padded).enumerate() {
            let a = &a[2 * k..2 * k + 16];
            // SAFETY: 16 values of 16 bits are there.
            let a = unsafe { _mm256_loadu_si256(a.as_ptr().cast()) };
            for (sum, errors) in sums.iter_mut().zip(errors) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(a, _mm256_set1_epi32(errors[pair])));
            }
        }
        for (acc, sum) in acc.chunks_exact_mut(columns).zip(sums) {
            // SAFETY: eight values of 32 bits fit.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), sum) };
            let Some(to) = acc.get_mut(k..) else { continue };
            for (to, &sum) in to.iter_mut().zip(&out) {
                *to = sum;
                *range = (range.0.min(sum), range.1.max(sum));
            }
        }
    }
}
