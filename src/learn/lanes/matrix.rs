//! Batches of dot products and of outer products on codes of up to 16 bits, modulo 2^32.

use super::Level;

/// Values that one row or sample is padded to, so that no vector loop has a tail.
pub(super) const PAD: usize = 32;

/// A code of up to 16 bits; wider ones are never given.
#[inline(always)]
fn lane(code: i32) -> i16 {
    code as i16
}

/// Codes of up to 16 bits into 16-bit lanes; gives their sum modulo 2^32.
#[inline(always)]
pub(super) fn to_16(codes: &[i32], lanes: &mut [i16]) -> i32 {
    let mut sum = 0i32;
    for (to, &code) in lanes.iter_mut().zip(codes) {
        *to = lane(code);
        sum = sum.wrapping_add(code);
    }
    sum
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
        sums.push(to_16(row, lanes));
    }
}

/// `out[b][c] = Σ_k w[c][k] · a[b][k]` modulo 2^32; rows as [`to_lanes`] lays them.
pub(crate) fn dots(level: Level, (w, a): (&[i16], &[i16]), classes: usize, out: &mut [i32]) {
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
    /// `[class][pair]`, two errors of 16 bits in each, the first sample's below.
    errors: Vec<i32>,
    /// Sum over the batch of each column's features, padded.
    column_sums: Vec<i32>,
    pairs: usize,
    padded: usize,
}

/// `out = first[0], second[0], first[1], second[1], …`
#[inline(always)]
pub(super) fn interleave(first: &[i16], second: &[i16], out: &mut [i16]) {
    for ((to, &x), &y) in out.chunks_exact_mut(2).zip(first).zip(second) {
        (to[0], to[1]) = (x, y);
    }
}

/// `sums += values`
#[inline(always)]
pub(super) fn add(values: &[i16], sums: &mut [i32]) {
    sums.iter_mut().zip(values).for_each(|(s, &x)| *s += i32::from(x));
}

impl Pairs {
    /// From features as [`to_lanes`] lays them.
    pub fn features(&mut self, level: Level, a: &[i16], columns: usize) {
        self.padded = columns.next_multiple_of(PAD);
        let padded = self.padded;
        let samples = a.len() / padded;
        self.pairs = samples.div_ceil(2);
        self.features.resize(self.pairs * padded * 2, 0);
        for (pair, two) in self.features.chunks_exact_mut(padded * 2).zip(a.chunks(2 * padded)) {
            let (first, second) = two.split_at(padded);
            if second.is_empty() {
                pair.chunks_exact_mut(2).zip(first).for_each(|(p, &x)| (p[0], p[1]) = (x, 0));
                continue;
            }
            #[cfg(target_arch = "x86_64")]
            if level != Level::Plain {
                super::simd::interleave_of(level, first, second, pair);
                continue;
            }
            let _ = level;
            interleave(first, second, pair);
        }
        self.column_sums.clear();
        self.column_sums.resize(padded, 0);
        for sample in a.chunks_exact(padded) {
            #[cfg(target_arch = "x86_64")]
            if level != Level::Plain {
                super::simd::add_of(level, sample, &mut self.column_sums);
                continue;
            }
            add(sample, &mut self.column_sums);
        }
    }

    /// Errors `[sample][class]`, of which `part` picks 16 bits.
    pub fn errors(&mut self, errors: &[i32], classes: usize, part: impl Fn(i32) -> i32) {
        self.errors.resize(classes * self.pairs, 0);
        let low = |e: i32| part(e) & 0xffff;
        for (class, to) in self.errors.chunks_exact_mut(self.pairs).enumerate() {
            for (to, two) in to.iter_mut().zip(errors.chunks(2 * classes)) {
                let second = two.get(classes + class).map_or(0, |&e| part(e) << 16);
                *to = low(two[class]) | second;
            }
        }
    }

    /// Sum of each column's features over the batch.
    pub fn column_sums(&self) -> &[i32] {
        &self.column_sums
    }
}

/// The two errors of one pair.
pub(super) fn both(pair: i32) -> (i32, i32) {
    (i32::from(lane(pair)), pair >> 16)
}

/// `acc[c][k] = Σ_b (e[b][c] − zero) · a[b][k]` modulo 2^32; gives the smallest and largest, 0 inside.
pub(crate) fn outer(level: Level, p: &Pairs, zero: i32, columns: usize, acc: &mut [i32]) -> (i32, i32) {
    let (mut lo, mut hi) = (0, 0);
    for (acc, errors) in acc.chunks_mut(4 * columns).zip(p.errors.chunks(4 * p.pairs)) {
        let (features, at) = ((&p.features[..], p.padded), (zero, &p.column_sums[..]));
        #[cfg(target_arch = "x86_64")]
        if level != Level::Plain {
            let range = super::simd::outer(level, features, errors, at, columns, acc);
            (lo, hi) = (range.0.min(lo), range.1.max(hi));
            continue;
        }
        let _ = level;
        let range = outer_plain(features, errors, at, columns, acc);
        (lo, hi) = (range.0.min(lo), range.1.max(hi));
    }
    (lo, hi)
}

/// Up to four classes at once.
pub(super) fn outer_plain(
    (features, padded): (&[i16], usize),
    errors: &[i32],
    (zero, column_sums): (i32, &[i32]),
    columns: usize,
    acc: &mut [i32],
) -> (i32, i32) {
    let pairs = features.len() / padded / 2;
    let (mut lo, mut hi) = (0, 0);
    for (acc, errors) in acc.chunks_exact_mut(columns).zip(errors.chunks_exact(pairs)) {
        for (sum, &s) in acc.iter_mut().zip(column_sums) {
            *sum = zero.wrapping_mul(s).wrapping_neg();
        }
        for (pair, &e) in features.chunks_exact(padded * 2).zip(errors) {
            let (e0, e1) = both(e);
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
