//! The loops on bytes as plain Rust: what `simd` equals, and what other machines compile.

use super::{MOVED, TILE, to_8};

/// [`to_8`].
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
pub(super) fn to_bytes(codes: &[i32], by: i32, bytes: &mut [u8]) -> i32 {
    to_8(codes, by, bytes)
}

/// `out[b][c] = Σ_k w[c][k] · a[rows[b]][k]`, `w` signed, `a` unsigned.
pub(super) fn dots(w: &[u8], (a, rows): (&[u8], &[usize]), (classes, padded): (usize, usize), out: &mut [i32]) {
    for (out, row) in out.chunks_exact_mut(classes).zip(rows) {
        let a = &a[row * padded..(row + 1) * padded];
        for (z, w) in out.iter_mut().zip(w.chunks_exact(padded)) {
            *z = w.iter().zip(a).map(|(&w, &a)| i32::from(w.cast_signed()) * i32::from(a)).sum();
        }
    }
}

/// Up to four of moved rows of `padded` bytes side by side as signed bytes, and each column's sum added to `sums`.
pub(super) fn interleave((all, rows): (&[u8], &[usize]), padded: usize, out: &mut [i8], sums: &mut [i32]) {
    out.fill(0);
    for (i, row) in rows.iter().enumerate() {
        for ((to, sum), &x) in out.chunks_exact_mut(4).zip(&mut *sums).zip(&all[row * padded..]) {
            to[i] = (x ^ 0x80).cast_signed();
            *sum += i32::from(x) - MOVED;
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
    let (mut lo, mut hi) = (0, 0);
    for ((acc, errors), off) in acc.chunks_exact_mut(columns).zip(errors.chunks_exact(quads)).zip(off) {
        for (k, (sum, &start)) in acc.iter_mut().zip(start).enumerate() {
            *sum = start.wrapping_add(off);
            for (four, e) in features.chunks_exact(4 * padded).zip(errors) {
                let products = four[4 * k..4 * k + 4].iter().zip(e.to_le_bytes());
                *sum = sum.wrapping_add(products.map(|(&a, e)| i32::from(a) * i32::from(e)).sum());
            }
            lo = lo.min(*sum);
            hi = hi.max(*sum);
        }
    }
    (lo, hi)
}
