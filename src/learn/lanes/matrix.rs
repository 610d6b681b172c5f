//! Batches of dot products and of outer products on codes of up to 16 bits, modulo 2^32.

use super::bytes::{Bytes, MOVED};
use super::wide::{halves_of, join_tile, outer_tile};
use super::{Level, Way};
use std::ops::Range;

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

/// Rows of `columns` codes, each padded with zeros to a whole number of vectors.
pub(crate) fn to_lanes<'a>(
    level: Level,
    rows: impl ExactSizeIterator<Item = &'a [i32]>,
    columns: usize,
    lanes: &mut Vec<i16>,
) {
    let padded = columns.next_multiple_of(PAD);
    // Padding stays zero from call to call: a buffer serves one width.
    lanes.resize(rows.len() * padded, 0);
    for (row, lanes) in rows.zip(lanes.chunks_exact_mut(padded)) {
        row_to_lanes(level, row, &mut lanes[..columns]);
    }
}

fn row_to_lanes(level: Level, row: &[i32], lanes: &mut [i16]) -> i32 {
    #[cfg(target_arch = "x86_64")]
    if level != Level::Plain {
        return super::simd::to_lanes(level, row, lanes);
    }
    let _ = level;
    to_16(row, lanes)
}

/// Weights in 16-bit lanes, as [`to_lanes`] lays rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lanes {
    rows: Vec<i16>,
    batches: [Vec<i16>; 2],
}

impl Lanes {
    /// `out = Σ_k (w[c][k] − zero) · a[b][k]` modulo 2^32 as [`Halves`] lays them, of the samples `rows` of features in lanes; `codes` of
    /// the weights are laid first where given. Each half gathers the samples for itself.
    pub fn dots(
        &mut self,
        way: Way,
        (codes, zero): (Option<&[i32]>, i32),
        (all, samples): (Rows<'_>, &[usize]),
        (classes, columns): (usize, usize),
        out: &mut [i32],
    ) {
        let padded = columns.next_multiple_of(PAD);
        // Padding stays zero from call to call: a buffer serves one width.
        self.rows.resize(classes * padded, 0);
        let first = way.half(classes);
        let (rows0, rows1) = self.rows.split_at_mut(first * padded);
        let (out0, out1) = out.split_at_mut(first * samples.len());
        let [batch0, batch1] = &mut self.batches;
        let (codes0, codes1) = codes.map(|codes| codes.split_at(first * columns)).unzip();
        let half = |rows: &mut [i16], codes: Option<&[i32]>, batch: &mut Vec<i16>, out: &mut [i32]| {
            let classes = rows.len() / padded;
            if classes == 0 {
                return;
            }
            for (row, lanes) in
                codes.into_iter().flat_map(|c| c.chunks_exact(columns)).zip(rows.chunks_exact_mut(padded))
            {
                row_to_lanes(way.level, row, &mut lanes[..columns]);
            }
            all.pick(way.level, columns, samples, batch);
            dots(way.level, (rows, batch), padded, out);
            if zero == 0 {
                return;
            }
            for (sums, sample) in out.chunks_exact_mut(classes).zip(batch.chunks_exact(padded)) {
                let off = zero.wrapping_mul(sample.iter().map(|&a| i32::from(a)).sum());
                sums.iter_mut().for_each(|z| *z = z.wrapping_sub(off));
            }
        };
        way.both(|| half(rows0, codes0, batch0, out0), || half(rows1, codes1, batch1, out1));
    }
}

/// All samples of a table, of which batches are gathered.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// As [`to_lanes`] lays them.
    Lanes(&'a [i16]),
    /// Moved bytes, and the zero that is to be taken off.
    Bytes(&'a Bytes, i32),
}

/// Bytes moved by `off` to 16 bits.
#[inline(always)]
pub(super) fn widen(bytes: &[u8], off: i16, lanes: &mut [i16]) {
    lanes.iter_mut().zip(bytes).for_each(|(to, &b)| *to = i16::from(b) - off);
}

impl Rows<'_> {
    /// The samples `picked`, padded.
    fn pick(self, level: Level, columns: usize, picked: &[usize], out: &mut Vec<i16>) {
        let padded = columns.next_multiple_of(PAD);
        // Padding stays zero from call to call: a buffer serves one width.
        out.resize(picked.len() * padded, 0);
        for (to, &row) in out.chunks_exact_mut(padded).zip(picked) {
            match self {
                Self::Lanes(all) => to.copy_from_slice(&all[row * padded..(row + 1) * padded]),
                Self::Bytes(bytes, zero) => {
                    let (from, to, off) = (bytes.row(row), &mut to[..columns], lane(MOVED + zero));
                    #[cfg(target_arch = "x86_64")]
                    if level != Level::Plain {
                        super::simd::widen_of(level, from, off, to);
                        continue;
                    }
                    let _ = level;
                    widen(from, off, to);
                }
            }
        }
    }
}

/// Where a batch's sums lie: `[sample][class]` of the first half of the classes, then of the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Halves {
    pub samples: usize,
    pub classes: usize,
    /// Classes of the first half.
    pub first: usize,
}

impl Halves {
    /// The two parts of sample `b`'s sums.
    pub fn of<'a>(&self, sums: &'a [i32], b: usize) -> [&'a [i32]; 2] {
        let (n, m) = (self.first, self.classes - self.first);
        let (first, second) = sums.split_at(self.samples * n);
        [&first[b * n..(b + 1) * n], &second[b * m..(b + 1) * m]]
    }
}

/// `out[b][c] = Σ_k w[c][k] · a[b][k]` modulo 2^32; rows of `padded` lanes as [`to_lanes`] lays them.
fn dots(level: Level, (w, a): (&[i16], &[i16]), padded: usize, out: &mut [i32]) {
    let classes = w.len() / padded;
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
    /// `[class][pair]`, two errors of 16 bits in each, the first sample's below.
    errors: Vec<i32>,
    turned: [Turned; 2],
}

/// A batch's features, for one half of the classes.
#[derive(Debug, Clone, Default)]
struct Turned {
    batch: Vec<i16>,
    /// `[pair][column][2]`, columns padded.
    features: Vec<i16>,
    /// Sum over the batch of each column's features, padded.
    column_sums: Vec<i32>,
    /// The sums of one tile's upper and lower halves of 32-bit errors.
    tile: [Vec<i32>; 2],
    /// One tile's 32-bit errors, pair by pair: the upper halves of four classes, then the lower.
    words: Vec<[i32; 8]>,
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

impl Turned {
    fn turn(&mut self, level: Level, (all, columns): (Rows<'_>, usize), rows: &[usize]) {
        all.pick(level, columns, rows, &mut self.batch);
        let padded = columns.next_multiple_of(PAD);
        self.features.resize(rows.len().div_ceil(2) * padded * 2, 0);
        for (pair, two) in self.features.chunks_exact_mut(padded * 2).zip(self.batch.chunks(2 * padded)) {
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
        for sample in self.batch.chunks_exact(padded) {
            #[cfg(target_arch = "x86_64")]
            if level != Level::Plain {
                super::simd::add_of(level, sample, &mut self.column_sums);
                continue;
            }
            add(sample, &mut self.column_sums);
        }
    }
}

/// Errors `[sample][class]`, their zero, and how many classes there are.
type Errors<'a> = (&'a [i32], i32, usize);

impl Pairs {
    /// `acc[c][k] = Σ_b (e[b][c] − zero) · a[b][k]` modulo 2^32 of 16-bit errors and the samples `rows` of features in lanes; gives the
    /// smallest and largest, 0 inside.
    pub fn outer(
        &mut self,
        way: Way,
        (errors, zero, classes): Errors<'_>,
        (all, rows): (Rows<'_>, &[usize]),
        (columns, acc): (usize, &mut [i32]),
    ) -> (i32, i32) {
        let (padded, pairs, first) = (columns.next_multiple_of(PAD), rows.len().div_ceil(2), way.half(classes));
        self.errors.resize(classes * pairs, 0);
        let [turned0, turned1] = &mut self.turned;
        let half = |turned: &mut Turned, class: usize, words: &mut [i32], acc: &mut [i32]| {
            if words.is_empty() {
                return (0, 0);
            }
            pair_up(errors, (classes, class), words, pairs);
            turned.turn(way.level, (all, columns), rows);
            let (features, at) = ((&turned.features[..], padded), (zero, &turned.column_sums[..]));
            let tiles = words.chunks(TILE * pairs).zip(acc.chunks_mut(TILE * columns));
            tiles.fold((0, 0), |range, (words, acc)| {
                around(range, tile_outer(way.level, features, words, at, columns, acc))
            })
        };
        let ((words0, words1), (acc0, acc1)) =
            (self.errors.split_at_mut(first * pairs), acc.split_at_mut(first * columns));
        let (a, b) = way.both(|| half(turned0, 0, words0, acc0), || half(turned1, first, words1, acc1));
        around(a, b)
    }

    /// As [`Self::outer`] of 32-bit errors, in 64 bits: e = high · 2^16 + low + 2^15 with both parts in 16 bits.
    pub fn outer_wide(
        &mut self,
        way: Way,
        (errors, zero, classes): Errors<'_>,
        (all, rows): (Rows<'_>, &[usize]),
        (columns, acc): (usize, &mut [i64]),
    ) -> (i64, i64) {
        let (padded, first) = (columns.next_multiple_of(PAD), way.half(classes));
        let off = (1 << 15) - i64::from(zero);
        let [turned0, turned1] = &mut self.turned;
        let half = |turned: &mut Turned, classes_of: Range<usize>, acc: &mut [i64]| {
            if classes_of.is_empty() {
                return (0, 0);
            }
            turned.turn(way.level, (all, columns), rows);
            let (features, sums) = ((&turned.features[..], padded), &turned.column_sums[..]);
            let ([of_high, of_low], words) = (&mut turned.tile, &mut turned.words);
            let tiles = classes_of.step_by(TILE).zip(acc.chunks_mut(TILE * columns));
            tiles.fold((0, 0), |range, (class, acc)| {
                let n = acc.len() / columns;
                words.clear();
                words.extend(errors.chunks(2 * classes).map(|two| halves_of(two, classes, class..class + n)));
                if let Some(found) = outer_tile(way.level, features, words, (sums, off), columns, acc) {
                    return around(range, found);
                }
                for (of, from) in [(&mut *of_high, 0), (&mut *of_low, TILE)] {
                    let errors: Vec<i32> = (from..from + n).flat_map(|i| words.iter().map(move |w| w[i])).collect();
                    of.resize(acc.len(), 0);
                    tile_outer(way.level, features, &errors, (0, sums), columns, of);
                }
                around(range, join_tile(way.level, (of_high, of_low), (sums, off), columns, acc))
            })
        };
        let (acc0, acc1) = acc.split_at_mut(first * columns);
        let (a, b) = way.both(|| half(turned0, 0..first, acc0), || half(turned1, first..classes, acc1));
        around(a, b)
    }
}

/// Classes of one tile of outer products.
pub(super) const TILE: usize = 4;

/// Both ranges.
fn around<T: Ord>(a: (T, T), b: (T, T)) -> (T, T) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Errors `[sample][class]` of 16 bits, from a class on, as `[class][pair]`.
fn pair_up(errors: &[i32], (classes, first): (usize, usize), to: &mut [i32], pairs: usize) {
    for (class, to) in (first..).zip(to.chunks_exact_mut(pairs)) {
        for (to, two) in to.iter_mut().zip(errors.chunks(2 * classes)) {
            let second = two.get(classes + class).map_or(0, |&e| e << 16);
            *to = (two[class] & 0xffff) | second;
        }
    }
}

/// The two errors of one pair.
pub(super) fn both(pair: i32) -> (i32, i32) {
    (i32::from(lane(pair)), pair >> 16)
}

/// Up to four classes: `acc[c][k] = Σ_b (e[b][c] − zero) · a[b][k]` modulo 2^32; gives the smallest and largest, 0 inside.
fn tile_outer(
    level: Level,
    features: (&[i16], usize),
    errors: &[i32],
    at: (i32, &[i32]),
    columns: usize,
    acc: &mut [i32],
) -> (i32, i32) {
    #[cfg(target_arch = "x86_64")]
    if level != Level::Plain {
        return super::simd::outer(level, features, errors, at, columns, acc);
    }
    let _ = level;
    outer_plain(features, errors, at, columns, acc)
}

/// [`tile_outer`] as it is meant.
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
