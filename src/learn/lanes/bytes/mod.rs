//! Batches of dot and outer products on codes of 8 bits, with AVX-512's products of unsigned by signed bytes.
//!
//! One operand is moved by 128 to be unsigned; what that adds is a sum of the other operand, and is taken off. Sums run modulo
//! 2^32 as in `matrix`, which serves every other machine and width.

mod made;
#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod simd;

use super::{Level, Way};
use crate::numeric::QParams;
pub(crate) use made::Made;
#[cfg(not(target_arch = "x86_64"))]
use plain as loops;
#[cfg(target_arch = "x86_64")]
use simd as loops;

/// Bytes that one row is padded to.
const PAD: usize = 64;
/// Classes of one tile.
const TILE: usize = 4;
/// What makes a signed code unsigned.
pub(super) const MOVED: i32 = 128;

/// The byte of a code of 8 bits; wider ones are never given.
#[inline(always)]
fn byte(code: i32) -> u8 {
    code as u8
}

/// Rows of 8-bit codes, padded, with the sum of each row's codes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bytes {
    rows: Vec<u8>,
    sums: Vec<i32>,
    columns: usize,
}

/// Codes to bytes, moved by 128 where `by` is 128; gives the codes' sum.
#[inline(always)]
pub(super) fn to_8(codes: &[i32], by: i32, bytes: &mut [u8]) -> i32 {
    let mut sum = 0i32;
    for (to, &code) in bytes.iter_mut().zip(codes) {
        *to = byte(code.wrapping_add(by));
        sum = sum.wrapping_add(code);
    }
    sum
}

impl Bytes {
    /// Whether this machine has the products, and codes of these limits fit.
    pub fn fit(level: Level, (lo, hi): (i32, i32)) -> bool {
        level == Level::Avx512 && lo >= -128 && hi <= 127
    }

    /// Rows of features, moved by 128.
    pub fn moved(rows: &[i32], columns: usize) -> Self {
        let mut bytes = Self::default();
        bytes.resize(rows.len() / columns, columns);
        let padded = bytes.padded();
        lay(rows, MOVED, (&mut bytes.rows, &mut bytes.sums), (columns, padded));
        bytes
    }

    /// One row, without its padding.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.rows[row * self.padded()..][..self.columns]
    }

    /// All rows one after the other, where no padding comes between.
    pub fn whole(&self) -> Option<&[u8]> {
        (self.columns == self.padded()).then_some(&self.rows)
    }

    fn resize(&mut self, rows: usize, columns: usize) {
        self.columns = columns;
        // Padding stays zero from call to call: a buffer serves one width.
        self.rows.resize(rows * self.padded(), 0);
        self.sums.resize(rows, 0);
    }

    fn padded(&self) -> usize {
        self.columns.next_multiple_of(PAD)
    }

    /// Of these weights, signed: `out = Σ_k (w[c][k] − w_zero) · (a[b][k] − a_zero)` as [`Halves`](super::matrix::Halves) lays them, of
    /// the samples `rows` of moved features; the weights are laid first where they are not yet.
    pub fn dots(
        &mut self,
        way: Way,
        (weights, of_w, classes): (Weights<'_>, QParams, usize),
        (all, rows, of_a): (&Self, &[usize], QParams),
        out: &mut [i32],
    ) {
        self.resize(classes, all.columns);
        let (columns, padded, first) = (self.columns, self.padded(), way.half(classes));
        let (rows0, rows1) = self.rows.split_at_mut(first * padded);
        let (sums0, sums1) = self.sums.split_at_mut(first);
        let (out0, out1) = out.split_at_mut(first * rows.len());
        let (weights0, weights1) = weights.split_at(first * columns);
        let half = |to: &mut [u8], sums: &mut [i32], weights: Weights<'_>, out: &mut [i32]| {
            if !sums.is_empty() {
                weights.lay((&mut *to, &mut *sums), (columns, padded));
                centred_dots((to, sums, of_w), (all, rows, of_a), out);
            }
        };
        way.both(|| half(rows0, sums0, weights0, out0), || half(rows1, sums1, weights1, out1));
    }
}

/// Where the rows of a dot product come from.
pub(crate) enum Weights<'a> {
    /// They were laid before.
    Laid,
    /// Signed codes.
    Codes(&'a [i32]),
    /// Codes that are made first, from the values of another grid; written out as they are laid unless there is no room for them.
    Made { from: &'a [i32], codes: &'a mut [i32], by: Made },
}

impl<'a> Weights<'a> {
    fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Self::Laid => (Self::Laid, Self::Laid),
            Self::Codes(codes) => {
                let (a, b) = codes.split_at(at);
                (Self::Codes(a), Self::Codes(b))
            }
            Self::Made { from, codes, by } => {
                let ((a, b), (c, d)) = (from.split_at(at), codes.split_at_mut(at.min(codes.len())));
                (Self::Made { from: a, codes: c, by }, Self::Made { from: b, codes: d, by })
            }
        }
    }

    fn lay(self, to: (&mut [u8], &mut [i32]), (columns, padded): (usize, usize)) {
        match self {
            Self::Laid => {}
            Self::Codes(codes) => lay(codes, 0, to, (columns, padded)),
            Self::Made { from, codes, by } => {
                let mut codes = codes.chunks_exact_mut(columns);
                let laid = to.0.chunks_exact_mut(padded).zip(to.1);
                for (from, (bytes, sum)) in from.chunks_exact(columns).zip(laid) {
                    *sum = by.row(from, codes.next().unwrap_or_default(), &mut bytes[..columns]);
                }
            }
        }
    }
}

/// Rows of codes to bytes moved by `by`, and each row's sum of codes.
fn lay(codes: &[i32], by: i32, (rows, sums): (&mut [u8], &mut [i32]), (columns, padded): (usize, usize)) {
    for ((row, bytes), sum) in codes.chunks_exact(columns).zip(rows.chunks_exact_mut(padded)).zip(sums) {
        *sum = loops::to_bytes(row, by, &mut bytes[..columns]);
    }
}

fn centred_dots(
    (w, sums, of_w): (&[u8], &[i32], QParams),
    (a, rows, of_a): (&Bytes, &[usize], QParams),
    out: &mut [i32],
) {
    let (classes, terms) = (sums.len(), i32::try_from(a.columns).unwrap_or(i32::MAX));
    loops::dots(w, (&a.rows, rows), (classes, a.padded()), out);
    let moved = MOVED + of_a.zero_point;
    for (out, &row) in out.chunks_exact_mut(classes).zip(rows) {
        let centred = a.sums[row].wrapping_sub(terms.wrapping_mul(of_a.zero_point));
        let off = of_w.zero_point.wrapping_mul(centred);
        out.iter_mut().zip(sums).for_each(|(z, &s)| *z = z.wrapping_sub(moved.wrapping_mul(s)).wrapping_sub(off));
    }
}

/// A batch turned for outer products: four samples side by side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quads {
    /// `[class][quad]`, four moved errors in each.
    errors: Vec<i32>,
    /// Sum of each class' moved errors.
    sums: Vec<i32>,
    turned: [Turned; 2],
}

/// A batch's features, for one half of the classes.
#[derive(Debug, Clone, Default)]
struct Turned {
    /// `[quad][column][4]` signed, columns padded.
    features: Vec<i8>,
    /// What each column's sum starts from.
    start: Vec<i32>,
    /// One quad's moved errors, class by class.
    word: Vec<i32>,
}

impl Turned {
    fn turn(&mut self, all: &Bytes, rows: &[usize], moved: i32) {
        let padded = all.padded();
        self.features.resize(rows.len().div_ceil(4) * padded * 4, 0);
        self.start.clear();
        self.start.resize(padded, 0);
        for (to, four) in self.features.chunks_exact_mut(padded * 4).zip(rows.chunks(4)) {
            loops::interleave((&all.rows, four), padded, to, &mut self.start);
        }
        self.start.iter_mut().for_each(|s| *s = s.wrapping_mul(moved).wrapping_neg());
    }
}

impl Quads {
    /// `acc[c][k] = Σ_b (e[b][c] − e_zero) · (a[b][k] − a_zero)` of errors `[sample][class]` and the samples `rows` of moved features;
    /// gives the smallest and largest, 0 inside.
    pub fn outer(
        &mut self,
        way: Way,
        (errors, e_zero, classes): (&[i32], i32, usize),
        (all, rows, a_zero): (&Bytes, &[usize], i32),
        acc: &mut [i32],
    ) -> (i32, i32) {
        let (columns, quads, first) = (all.columns, rows.len().div_ceil(4), way.half(classes));
        self.errors.resize(classes * quads, 0);
        self.sums.resize(classes, 0);
        let moved = MOVED + e_zero;
        let of_all = moved.wrapping_mul(i32::try_from(rows.len()).unwrap_or(i32::MAX));
        let [turned0, turned1] = &mut self.turned;
        // Each half packs its own: what one core wrote a little at a time costs the other more to read than to make.
        let half = |turned: &mut Turned, class: usize, packed: (&mut [i32], &mut [i32]), acc: &mut [i32]| {
            if packed.1.is_empty() {
                return (0, 0);
            }
            pack((errors, classes, class), quads, (packed.0, packed.1, &mut turned.word));
            let (errors, sums) = (&*packed.0, &*packed.1);
            turned.turn(all, rows, moved);
            let (mut lo, mut hi) = (0, 0);
            let tiles = errors.chunks(TILE * quads).zip(sums.chunks(TILE));
            for (acc, (errors, sums)) in acc.chunks_mut(TILE * columns).zip(tiles) {
                let mut off = [0i32; TILE];
                off.iter_mut().zip(sums).for_each(|(off, &sum)| *off = a_zero.wrapping_mul(of_all.wrapping_sub(sum)));
                let features = (&turned.features[..], all.padded());
                let range = loops::outer(features, errors, (&turned.start, off), columns, acc);
                (lo, hi) = (range.0.min(lo), range.1.max(hi));
            }
            (lo, hi)
        };
        let (errors0, errors1) = self.errors.split_at_mut(first * quads);
        let (sums0, sums1) = self.sums.split_at_mut(first);
        let (acc0, acc1) = acc.split_at_mut(first * columns);
        let (a, b) =
            way.both(|| half(turned0, 0, (errors0, sums0), acc0), || half(turned1, first, (errors1, sums1), acc1));
        (a.0.min(b.0), a.1.max(b.1))
    }
}

/// Errors `[sample][class]` from class `first` on, moved, four to a word; and each class' sum of them.
fn pack(
    (errors, classes, first): (&[i32], usize, usize),
    quads: usize,
    (to, sums, word): (&mut [i32], &mut [i32], &mut Vec<i32>),
) {
    sums.fill(0);
    for (quad, four) in errors.chunks(4 * classes).enumerate() {
        word.clear();
        word.resize(sums.len(), 0);
        for (i, sample) in four.chunks_exact(classes).enumerate() {
            for ((word, sum), &e) in word.iter_mut().zip(&mut *sums).zip(&sample[first..]) {
                let e = (e + MOVED) & 0xff;
                *word |= e << (8 * i);
                *sum += e;
            }
        }
        for (&word, to) in word.iter().zip(to.chunks_exact_mut(quads)) {
            to[quad] = word;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels;
    use crate::learn::lanes::Halves;
    use crate::numeric::Scale;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn products_of_bytes_equal_the_plain_kernels(
            classes in 1usize..11, columns in 1usize..200, samples in 1usize..10, seed in 0u32..1000, w_zero in -128i32..128,
            a_zero in -128i32..128, e_zero in -128i32..128,
        ) {
            if !Bytes::fit(Level::best(), (-128, 127)) {
                return Ok(());
            }
            let mut state = seed;
            let mut code = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.cast_signed() >> 24
            };
            let w: Vec<i32> = (0..classes * columns).map(|_| code()).collect();
            let a: Vec<i32> = (0..samples * columns).map(|_| code()).collect();
            let e: Vec<i32> = (0..samples * classes).map(|_| code()).collect();
            let (mut bw, ba) = (Bytes::default(), Bytes::moved(&a, columns));
            let of = |zero_point| QParams { scale: Scale::ONE, zero_point };
            let mut z = vec![3; samples * classes];
            let rows: Vec<usize> = (0..samples).collect();
            let ways = [false, true].map(|two| Way { level: Level::best(), two });
            for way in ways {
                for weights in [Weights::Codes(&w), Weights::Laid] {
                    bw.dots(way, (weights, of(w_zero), classes), (&ba, &rows, of(a_zero)), &mut z);
                    let halves = Halves { samples, classes, first: way.half(classes) };
                    for (b, a) in a.chunks(columns).enumerate() {
                        let mut expected = vec![0; classes];
                        kernels::head_forward(&w, w_zero, a, a_zero, &mut expected);
                        prop_assert_eq!(halves.of(&z, b).concat(), expected);
                    }
                }
            }
            let mut plain = vec![3; samples * classes];
            loops::dots(&bw.rows, (&ba.rows, &rows), (classes, bw.padded()), &mut z);
            plain::dots(&bw.rows, (&ba.rows, &rows), (classes, bw.padded()), &mut plain);
            prop_assert_eq!(z, plain);
            let (mut acc, mut expected) = (vec![7; classes * columns], vec![0; classes * columns]);
            let mut quads = Quads::default();
            for (a, e) in a.chunks(columns).zip(e.chunks(classes)) {
                kernels::gradient_accumulate(&mut expected, e, e_zero, a, a_zero);
            }
            for way in ways {
                let range = quads.outer(way, (&e, e_zero, classes), (&ba, &rows, a_zero), &mut acc);
                prop_assert_eq!(&acc, &expected);
                prop_assert_eq!((i64::from(range.0), i64::from(range.1)), kernels::range_with_zero(&expected));
            }
            let (mut sides, mut sums) = (vec![0; 4 * ba.padded()], vec![5; ba.padded()]);
            let mut plain = (sides.clone(), sums.clone());
            let four = (&ba.rows[..], &rows[rows.len().saturating_sub(4)..]);
            loops::interleave(four, ba.padded(), &mut sides, &mut sums);
            plain::interleave(four, ba.padded(), &mut plain.0, &mut plain.1);
            prop_assert_eq!((sides, sums), plain);
            let n = classes.min(TILE);
            let (mut tile, mut plain) = (vec![1; n * columns], vec![2; n * columns]);
            let turned = &quads.turned[0];
            let (features, errors) = ((&turned.features[..], ba.padded()), &quads.errors[..n * samples.div_ceil(4)]);
            let from = (&turned.start[..], [7, -9, 1 << 20, 0]);
            let found = loops::outer(features, errors, from, columns, &mut tile);
            prop_assert_eq!(found, plain::outer(features, errors, from, columns, &mut plain));
            prop_assert_eq!(tile, plain);
        }
    }
}
