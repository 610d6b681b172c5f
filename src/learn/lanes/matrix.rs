//! Batches of dot products and of outer products on codes of up to 16 bits, modulo 2^32.

use super::Level;
use std::ops::Range;

/// Values that one row or sample is padded to, so that no vector loop has a tail.
pub(super) const PAD: usize = 32;

/// A code of up to 16 bits; wider ones are never given.
#[inline(always)]
fn lane(code: i32) -> i16 {
    code as i16
}

/// Rows of `columns` codes, each padded with zeros to a whole number of vectors; also the sum of each row.
pub(crate) fn to_lanes<'a>(
    level: Level,
    rows: impl ExactSizeIterator<Item = &'a [i32]>,
    columns: usize,
    lanes: &mut Vec<i16>,
    sums: &mut Vec<i32>,
) {
    let padded = columns.next_multiple_of(PAD);
    // Padding stays zero from call to call: a buffer serves one width.
    lanes.resize(rows.len() * padded, 0);
    sums.clear();
    for (row, lanes) in rows.zip(lanes.chunks_exact_mut(padded)) {
        let lanes = &mut lanes[..columns];
        #[cfg(target_arch = "x86_64")]
        if level != Level::Plain {
            sums.push(super::simd::to_lanes(level, row, lanes));
            continue;
        }
        let _ = level;
        sums.push(super::elementwise::to_16(row, lanes));
    }
}

/// `out[b][c] = Σ_k w[c][k] · a[b][k]` modulo 2^32; rows as [`to_lanes`] lays them.
pub(crate) fn dots(level: Level, w: &[i16], a: &[i16], classes: usize, out: &mut [i32]) {
    let Some(padded) = w.len().checked_div(classes).filter(|&p| p > 0) else { return };
    #[cfg(target_arch = "x86_64")]
    if level != Level::Plain {
        return super::simd::dots(level, w, a, (classes, padded), out);
    }
    let _ = level;
    dots_plain(w, a, (classes, padded), out);
}

pub(super) fn dots_plain(w: &[i16], a: &[i16], (classes, padded): (usize, usize), out: &mut [i32]) {
    for (out, a) in out.chunks_exact_mut(classes).zip(a.chunks_exact(padded)) {
        for (z, w) in out.iter_mut().zip(w.chunks_exact(padded)) {
            *z = w.iter().zip(a).fold(0, |s: i32, (&w, &a)| s.wrapping_add(i32::from(w) * i32::from(a)));
        }
    }
}

/// A batch turned for outer products: two samples side by side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs {
    /// `[pair][column][2]`, columns padded.
    features: Vec<i16>,
    /// `[class][pair][2]`.
    errors: Vec<i16>,
    /// Sum over the batch of each column's features, padded.
    column_sums: Vec<i32>,
    pairs: usize,
    padded: usize,
}

impl Pairs {
    /// From features as [`to_lanes`] lays them.
    pub fn features(&mut self, a: &[i16], columns: usize) {
        self.padded = columns.next_multiple_of(PAD);
        let padded = self.padded;
        let samples = a.len() / padded;
        self.pairs = samples.div_ceil(2);
        self.features.clear();
        self.features.resize(self.pairs * padded * 2, 0);
        for (pair, two) in self.features.chunks_exact_mut(padded * 2).zip(a.chunks(2 * padded)) {
            let (first, second) = two.split_at(padded);
            if second.is_empty() {
                pair.chunks_exact_mut(2).zip(first).for_each(|(p, &x)| p[0] = x);
            } else {
                pair.chunks_exact_mut(2).zip(first).zip(second).for_each(|((p, &x), &y)| (p[0], p[1]) = (x, y));
            }
        }
        self.column_sums.clear();
        self.column_sums.resize(padded, 0);
        for sample in a.chunks_exact(padded) {
            self.column_sums.iter_mut().zip(sample).for_each(|(s, &x)| *s += i32::from(x));
        }
    }

    /// Errors `[sample][class]`, of which `part` picks 16 bits.
    pub fn errors(&mut self, errors: &[i32], classes: usize, part: impl Fn(i32) -> i32) {
        self.errors.clear();
        self.errors.resize(classes * self.pairs * 2, 0);
        let width = self.pairs * 2;
        for (b, sample) in errors.chunks_exact(classes).enumerate() {
            sample.iter().enumerate().for_each(|(c, &e)| self.errors[c * width + b] = lane(part(e)));
        }
    }

    /// Sum of each column's features over the batch.
    pub fn column_sums(&self) -> &[i32] {
        &self.column_sums
    }
}

/// `acc[c][k] = Σ_b (e[b][c] − zero) · a[b][k]` modulo 2^32 of the classes `rows`; gives the smallest and largest, 0 inside.
pub(crate) fn outer(
    level: Level,
    p: &Pairs,
    zero: i32,
    columns: usize,
    rows: Range<usize>,
    acc: &mut [i32],
) -> (i32, i32) {
    let width = p.pairs * 2;
    let (mut lo, mut hi) = (0, 0);
    for (acc, errors) in
        acc.chunks_mut(4 * columns).zip(p.errors[rows.start * width..rows.end * width].chunks(4 * width))
    {
        #[cfg(target_arch = "x86_64")]
        if level != Level::Plain {
            let range =
                super::simd::outer(level, (&p.features, p.padded), errors, (zero, &p.column_sums), columns, acc);
            (lo, hi) = (range.0.min(lo), range.1.max(hi));
            continue;
        }
        let _ = level;
        let range = outer_plain((&p.features, p.padded), errors, (zero, &p.column_sums), columns, acc);
        (lo, hi) = (range.0.min(lo), range.1.max(hi));
    }
    (lo, hi)
}

/// Up to four classes at once.
pub(super) fn outer_plain(
    (features, padded): (&[i16], usize),
    errors: &[i16],
    (zero, column_sums): (i32, &[i32]),
    columns: usize,
    acc: &mut [i32],
) -> (i32, i32) {
    let width = features.len() / padded;
    let (mut lo, mut hi) = (0, 0);
    for (acc, errors) in acc.chunks_exact_mut(columns).zip(errors.chunks_exact(width)) {
        for (sum, &s) in acc.iter_mut().zip(column_sums) {
            *sum = zero.wrapping_mul(s).wrapping_neg();
        }
        for (pair, e) in features.chunks_exact(padded * 2).zip(errors.chunks_exact(2)) {
            let (e0, e1) = (i32::from(e[0]), i32::from(e[1]));
            for (sum, a) in acc.iter_mut().zip(pair.chunks_exact(2)) {
                *sum = sum.wrapping_add((e0 * i32::from(a[0])).wrapping_add(e1 * i32::from(a[1])));
            }
        }
        for &sum in acc.iter() {
            lo = lo.min(sum);
            hi = hi.max(sum);
        }
    }
    (lo, hi)
}
