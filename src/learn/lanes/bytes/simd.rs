//! The loops on bytes for AVX-512; every caller asks [`super::Bytes::fit`] first.

use super::{Made, TILE, to_8};
use crate::learn::lanes::narrow::simd::{low_halves, products};
use crate::learn::lanes::rounding::WHOLE_SHORT;
use core::arch::x86_64::*;

/// [`to_8`] in wide registers.
pub(super) fn to_bytes(codes: &[i32], by: i32, bytes: &mut [u8]) -> i32 {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn wide(codes: &[i32], by: i32, bytes: &mut [u8]) -> i32 {
        to_8(codes, by, bytes)
    }
    // SAFETY: `Bytes::fit` found the features.
    unsafe { wide(codes, by, bytes) }
}

/// [`Made::row`].
pub(super) fn make_row(made: &Made, from: &[i32], codes: &mut [i32], bytes: &mut [u8]) -> i32 {
    assert!((codes.is_empty() || codes.len() == from.len()) && bytes.len() == from.len());
    // SAFETY: a `Made` is only made where the features were found.
    unsafe { make_wide(made, from, codes, bytes) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn make_wide(made: &Made, from: &[i32], codes: &mut [i32], bytes: &mut [u8]) -> i32 {
    let (froms, last) = from.as_chunks::<64>();
    let (codes, last_codes) = codes.as_chunks_mut::<64>();
    let (bytes, last_bytes) = bytes.as_chunks_mut::<64>();
    let (mut codes, mut sums) = (codes.iter_mut(), _mm512_setzero_si512());
    for (from, bytes) in froms.iter().zip(bytes) {
        sums = _mm512_dpbusd_epi32(sums, _mm512_set1_epi8(1), make_64(made, from, codes.next(), bytes));
    }
    let mut sum = _mm512_reduce_add_epi32(sums);
    if !last.is_empty() {
        let (mut from, mut codes, mut bytes) = ([made.src_zero; 64], [0; 64], [0; 64]);
        from[..last.len()].copy_from_slice(last);
        make_64(made, &from, Some(&mut codes), &mut bytes);
        last_bytes.copy_from_slice(&bytes[..last.len()]);
        sum += codes[..last.len()].iter().sum::<i32>();
        last_codes.copy_from_slice(&codes[..last_codes.len()]);
    }
    sum
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
fn make_64(made: &Made, from: &[i32; 64], codes: Option<&mut [i32; 64]>, bytes: &mut [u8; 64]) -> __m512i {
    let whole = _mm512_set1_ps(WHOLE_SHORT);
    let by = _mm512_set1_ps(made.factor as f32);
    let off = _mm512_set1_ps((-f64::from(made.src_zero) * made.factor) as f32);
    let mut far = _mm512_setzero_ps();
    let zero = _mm512_set1_epi32(made.dst_zero);
    let to_code = _mm512_sub_epi32(zero, _mm512_castps_si512(whole));
    // SAFETY: 64 values are there.
    let x: [__m512i; 4] = std::array::from_fn(|i| unsafe { _mm512_loadu_si512(from[16 * i..].as_ptr().cast()) });
    let mut of = |x: __m512i| {
        let y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), by, off);
        let sum = _mm512_add_ps(y, whole);
        // The larger of both magnitudes.
        far = _mm512_range_ps::<0b1011>(far, _mm512_sub_ps(y, _mm512_sub_ps(sum, whole)));
        _mm512_add_epi32(_mm512_castps_si512(sum), to_code)
    };
    let mut code = [of(x[0]), of(x[1]), of(x[2]), of(x[3])];
    if _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(far, _mm512_set1_ps(made.sure)) != 0 {
        let (src_zero, factor) = (_mm512_set1_pd(made.src_zero.into()), _mm512_set1_pd(made.factor));
        let exact = |x| _mm512_add_epi32(low_halves(products::<true>(x, src_zero, factor)), zero);
        code = [exact(x[0]), exact(x[1]), exact(x[2]), exact(x[3])];
    }
    for (to, code) in codes.into_iter().flat_map(|codes| codes.chunks_exact_mut(16)).zip(code) {
        // SAFETY: sixteen values fit.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), code) };
    }
    // All codes fit bytes; packing goes by quarters of the registers.
    let pairs = (_mm512_packs_epi32(code[0], code[1]), _mm512_packs_epi32(code[2], code[3]));
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let packed = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(pairs.0, pairs.1));
    // SAFETY: 64 bytes fit.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), packed) };
    packed
}

/// `out[b][c] = Σ_k w[c][k] · a[rows[b]][k]`, `w` signed, `a` unsigned; `padded` is a multiple of 64.
pub(super) fn dots(w: &[u8], (a, picked): (&[u8], &[usize]), (classes, padded): (usize, usize), out: &mut [i32]) {
    let samples = picked.len();
    assert!(padded.is_multiple_of(64) && w.len() == classes * padded && out.len() == samples * classes);
    for c in (0..classes).step_by(TILE) {
        let rows: [&[u8]; TILE] = std::array::from_fn(|i| row(w, (c + i).min(classes - 1), padded));
        for b in (0..samples).step_by(4) {
            let columns: [&[u8]; 4] = std::array::from_fn(|i| row(a, picked[(b + i).min(samples - 1)], padded));
            // SAFETY: `Bytes::fit` found the features.
            let tile = unsafe { tile(rows, columns) };
            let n = TILE.min(classes - c);
            for (i, sums) in tile.iter().enumerate().take(samples - b) {
                out[(b + i) * classes + c..][..n].copy_from_slice(&sums[..n]);
            }
        }
    }
}

fn row(values: &[u8], i: usize, padded: usize) -> &[u8] {
    &values[i * padded..(i + 1) * padded]
}

/// Sums of four rows times four samples, `[sample][row]`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn tile(rows: [&[u8]; TILE], samples: [&[u8]; 4]) -> [[i32; TILE]; 4] {
    let mut sums = [[_mm512_setzero_si512(); TILE]; 4];
    for k in (0..rows[0].len()).step_by(64) {
        let load = |x: &[u8]| {
            let x = &x[k..k + 64];
            // SAFETY: 64 bytes are there.
            unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
        };
        let w = [load(rows[0]), load(rows[1]), load(rows[2]), load(rows[3])];
        for b in 0..4 {
            let a = load(samples[b]);
            for c in 0..TILE {
                sums[b][c] = _mm512_dpbusd_epi32(sums[b][c], a, w[c]);
            }
        }
    }
    let mut out = [[0; TILE]; 4];
    for (out, s) in out.iter_mut().zip(sums) {
        super::super::simd::four_sums(s, out);
    }
    out
}

/// Up to four of moved rows of `padded` bytes side by side as signed bytes, and each column's sum added to `sums`.
pub(super) fn interleave((all, picked): (&[u8], &[usize]), padded: usize, out: &mut [i8], sums: &mut [i32]) {
    assert!(padded.is_multiple_of(64) && out.len() == 4 * padded && sums.len() == padded && picked.len() <= 4);
    let rows = std::array::from_fn(|i| picked.get(i).map(|&r| row(all, r, padded)));
    // SAFETY: `Bytes::fit` found the features.
    unsafe { interleave_wide(rows, padded, out, sums) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn interleave_wide(rows: [Option<&[u8]>; 4], padded: usize, out: &mut [i8], sums: &mut [i32]) {
    let (flip, ones) = (_mm_set1_epi8(-128), _mm512_set1_epi8(1));
    for k in (0..padded).step_by(16) {
        let load = |i: usize| match rows[i].map(|row| &row[k..k + 16]) {
            // SAFETY: 16 bytes are there.
            Some(x) => _mm_xor_si128(unsafe { _mm_loadu_si128(x.as_ptr().cast()) }, flip),
            None => _mm_setzero_si128(),
        };
        let (a, b, c, d) = (load(0), load(1), load(2), load(3));
        let (ab, cd) = (_mm_unpacklo_epi8(a, b), _mm_unpacklo_epi8(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_epi8(a, b), _mm_unpackhi_epi8(c, d));
        let parts = [
            _mm_unpacklo_epi16(ab, cd),
            _mm_unpackhi_epi16(ab, cd),
            _mm_unpacklo_epi16(ab_high, cd_high),
            _mm_unpackhi_epi16(ab_high, cd_high),
        ];
        let to = &mut out[4 * k..4 * k + 64];
        for (to, part) in to.chunks_exact_mut(16).zip(parts) {
            // SAFETY: 16 bytes fit.
            unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), part) };
        }
        let sums = &mut sums[k..k + 16];
        // SAFETY: 64 bytes were just written, 16 sums of 32 bits are there.
        unsafe {
            let four = _mm512_loadu_si512(to.as_ptr().cast());
            let sum = _mm512_loadu_si512(sums.as_ptr().cast());
            _mm512_storeu_si512(sums.as_mut_ptr().cast(), _mm512_dpbusd_epi32(sum, ones, four));
        }
    }
}

/// Up to four classes: `acc[c][k] = start[k] + off[c] + Σ e · a` of unsigned errors and signed features; smallest and largest, 0 inside.
pub(super) fn outer(
    (features, padded): (&[i8], usize),
    errors: &[i32],
    (start, off): (&[i32], [i32; TILE]),
    columns: usize,
    acc: &mut [i32],
) -> (i32, i32) {
    let quads = features.len() / padded / 4;
    let classes = acc.len() / columns;
    assert!(padded.is_multiple_of(64) && columns <= padded && start.len() == padded);
    assert!(classes > 0 && errors.len() == classes * quads);
    let e: [&[i32]; TILE] = std::array::from_fn(|i| {
        let c = i.min(classes - 1);
        &errors[c * quads..(c + 1) * quads]
    });
    // SAFETY: `Bytes::fit` found the features.
    unsafe { outer_wide((features, padded), e, (start, off), columns, acc) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn outer_wide(
    (features, padded): (&[i8], usize),
    [e0, e1, e2, e3]: [&[i32]; TILE],
    (start, off): (&[i32], [i32; TILE]),
    columns: usize,
    acc: &mut [i32],
) -> (i32, i32) {
    let (mut lo, mut hi) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    let classes = acc.len() / columns;
    for k in (0..columns).step_by(32) {
        let start = &start[k..k + 32];
        // SAFETY: 32 values of 32 bits are there.
        let (s0, s1) =
            unsafe { (_mm512_loadu_si512(start.as_ptr().cast()), _mm512_loadu_si512(start[16..].as_ptr().cast())) };
        let from = |off: i32| {
            let off = _mm512_set1_epi32(off);
            [_mm512_add_epi32(s0, off), _mm512_add_epi32(s1, off)]
        };
        let mut sums = [from(off[0]), from(off[1]), from(off[2]), from(off[3])];
        for ((((a, &e0), &e1), &e2), &e3) in features.chunks_exact(4 * padded).zip(e0).zip(e1).zip(e2).zip(e3) {
            let a = &a[4 * k..4 * k + 128];
            // SAFETY: 128 bytes are there.
            let a = unsafe { [_mm512_loadu_si512(a.as_ptr().cast()), _mm512_loadu_si512(a[64..].as_ptr().cast())] };
            for (c, e) in [e0, e1, e2, e3].into_iter().enumerate() {
                let e = _mm512_set1_epi32(e);
                for v in 0..2 {
                    sums[c][v] = _mm512_dpbusd_epi32(sums[c][v], e, a[v]);
                }
            }
        }
        // Written out: a loop over the sums would take them through memory.
        macro_rules! put {
            ($($class:literal $v:literal),*) => {$({
                let (from, sum) = (k + 16 * $v, sums[$class][$v]);
                if $class < classes && from < columns {
                    let n = columns - from;
                    let mask = if n >= 16 { u16::MAX } else { (1u16 << n) - 1 };
                    lo = _mm512_mask_min_epi32(lo, mask, lo, sum);
                    hi = _mm512_mask_max_epi32(hi, mask, hi, sum);
                    let to = &mut acc[$class * columns + from..($class + 1) * columns];
                    match to.first_chunk_mut::<16>() {
                        // A masked store takes many times as long as a whole one.
                        // SAFETY: sixteen values fit.
                        Some(to) => unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), sum) },
                        // SAFETY: the mask keeps the store within the values that are there.
                        None => unsafe { _mm512_mask_storeu_epi32(to.as_mut_ptr(), mask, sum) },
                    }
                }
            })*};
        }
        put!(0 0, 0 1, 1 0, 1 1, 2 0, 2 1, 3 0, 3 1);
    }
    (_mm512_reduce_min_epi32(lo), _mm512_reduce_max_epi32(hi))
}
