//! Batches of dot and outer products on codes of 8 bits, with AVX-512's products of unsigned by signed bytes.
//!
//! One operand is moved by 128 to be unsigned; what that adds is a sum of the other operand, and is taken off. Sums run modulo
//! 2^32 as in `matrix`, which serves every other machine and width.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod simd;

use super::Level;
use crate::numeric::QParams;
#[cfg(not(target_arch = "x86_64"))]
use plain as loops;
#[cfg(target_arch = "x86_64")]
use simd as loops;

/// Bytes that one row is padded to.
const PAD: usize = 64;
/// Classes of one tile.
const TILE: usize = 4;
/// What makes a signed code unsigned.
const MOVED: i32 = 128;

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

    /// Signed bytes: weights.
    pub fn signed<'a>(&mut self, rows: impl ExactSizeIterator<Item = &'a [i32]>, columns: usize) {
        self.fill(rows, columns, 0);
    }

    /// Bytes moved by 128: features.
    pub fn moved<'a>(&mut self, rows: impl ExactSizeIterator<Item = &'a [i32]>, columns: usize) {
        self.fill(rows, columns, MOVED);
    }

    fn fill<'a>(&mut self, rows: impl ExactSizeIterator<Item = &'a [i32]>, columns: usize, by: i32) {
        let padded = columns.next_multiple_of(PAD);
        self.columns = columns;
        // Padding stays zero from call to call: a buffer serves one width.
        self.rows.resize(rows.len() * padded, 0);
        self.sums.clear();
        for (row, bytes) in rows.zip(self.rows.chunks_exact_mut(padded)) {
            self.sums.push(loops::to_bytes(row, by, &mut bytes[..columns]));
        }
    }

    fn padded(&self) -> usize {
        self.columns.next_multiple_of(PAD)
    }
}

/// `out[b][c] = Σ_k (w[c][k] − w_zero) · (a[b][k] − a_zero)` of signed `w` and moved `a`.
pub(crate) fn dots((w, of_w): (&Bytes, QParams), (a, of_a): (&Bytes, QParams), out: &mut [i32]) {
    let (classes, terms) = (w.sums.len(), i32::try_from(w.columns).unwrap_or(i32::MAX));
    if classes == 0 {
        // No copy was made yet: the weights are zero.
        return out.fill(0);
    }
    loops::dots(&w.rows, &a.rows, (classes, w.padded()), out);
    let moved = MOVED + of_a.zero_point;
    for (out, &sum) in out.chunks_exact_mut(classes).zip(&a.sums) {
        let centred = sum.wrapping_sub(terms.wrapping_mul(of_a.zero_point));
        let off = of_w.zero_point.wrapping_mul(centred);
        out.iter_mut().zip(&w.sums).for_each(|(z, &s)| *z = z.wrapping_sub(moved.wrapping_mul(s)).wrapping_sub(off));
    }
}

/// A batch turned for outer products: four samples side by side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quads {
    /// `[quad][column][4]` signed, columns padded.
    features: Vec<i8>,
    /// `[class][quad]`, four moved errors in each.
    errors: Vec<i32>,
    /// Sum of each class' moved errors.
    sums: Vec<i32>,
    word: Vec<i32>,
    /// What each column's sum starts from.
    start: Vec<i32>,
    quads: usize,
    padded: usize,
}

impl Quads {
    /// `acc[c][k] = Σ_b (e[b][c] − e_zero) · (a[b][k] − a_zero)` of errors `[sample][class]` and moved features; gives the smallest
    /// and largest, 0 inside.
    pub fn outer(
        &mut self,
        (errors, e_zero, classes): (&[i32], i32, usize),
        (a, a_zero): (&Bytes, i32),
        acc: &mut [i32],
    ) -> (i32, i32) {
        let (columns, samples) = (a.columns, a.sums.len());
        (self.padded, self.quads) = (a.padded(), samples.div_ceil(4));
        let (padded, quads) = (self.padded, self.quads);
        self.features.resize(quads * padded * 4, 0);
        self.start.clear();
        self.start.resize(padded, 0);
        for (to, four) in self.features.chunks_exact_mut(padded * 4).zip(a.rows.chunks(padded * 4)) {
            loops::interleave(four, padded, to, &mut self.start);
        }
        let moved = MOVED + e_zero;
        self.start.iter_mut().for_each(|s| *s = s.wrapping_mul(moved).wrapping_neg());
        self.pack(errors, classes);
        let all = moved.wrapping_mul(i32::try_from(samples).unwrap_or(i32::MAX));
        let (mut lo, mut hi) = (0, 0);
        let tiles = self.errors.chunks(TILE * quads).zip(self.sums.chunks(TILE));
        for (acc, (to, sums)) in acc.chunks_mut(TILE * columns).zip(tiles) {
            let mut off = [0i32; TILE];
            off.iter_mut().zip(sums).for_each(|(off, &sum)| *off = a_zero.wrapping_mul(all.wrapping_sub(sum)));
            let range = loops::outer((&self.features, padded), to, (&self.start, off), columns, acc);
            (lo, hi) = (range.0.min(lo), range.1.max(hi));
        }
        (lo, hi)
    }

    /// Errors `[sample][class]`, moved, four to a word; and each class' sum of them.
    fn pack(&mut self, errors: &[i32], classes: usize) {
        let quads = self.quads;
        self.errors.resize(classes * quads, 0);
        self.sums.clear();
        self.sums.resize(classes, 0);
        for (quad, four) in errors.chunks(4 * classes).enumerate() {
            let word = &mut self.word;
            word.clear();
            word.resize(classes, 0);
            for (i, sample) in four.chunks_exact(classes).enumerate() {
                for ((word, sum), &e) in word.iter_mut().zip(&mut self.sums).zip(sample) {
                    let e = (e + MOVED) & 0xff;
                    *word |= e << (8 * i);
                    *sum += e;
                }
            }
            for (&word, to) in word.iter().zip(self.errors.chunks_exact_mut(quads)) {
                to[quad] = word;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels;
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
            let (mut bw, mut ba) = (Bytes::default(), Bytes::default());
            bw.signed(w.chunks(columns), columns);
            ba.moved(a.chunks(columns), columns);
            let of = |zero_point| QParams { scale: Scale::ONE, zero_point };
            let mut z = vec![3; samples * classes];
            dots((&bw, of(w_zero)), (&ba, of(a_zero)), &mut z);
            for (z, a) in z.chunks(classes).zip(a.chunks(columns)) {
                let mut expected = vec![0; classes];
                kernels::head_forward(&w, w_zero, a, a_zero, &mut expected);
                prop_assert_eq!(z, &expected[..]);
            }
            let mut plain = vec![3; samples * classes];
            loops::dots(&bw.rows, &ba.rows, (classes, bw.padded()), &mut z);
            plain::dots(&bw.rows, &ba.rows, (classes, bw.padded()), &mut plain);
            prop_assert_eq!(z, plain);
            let (mut acc, mut expected) = (vec![7; classes * columns], vec![0; classes * columns]);
            let mut quads = Quads::default();
            let range = quads.outer((&e, e_zero, classes), (&ba, a_zero), &mut acc);
            let (mut sides, mut sums) = (vec![0; 4 * ba.padded()], vec![5; ba.padded()]);
            let mut plain = (sides.clone(), sums.clone());
            let four = &ba.rows[..ba.rows.len().min(4 * ba.padded())];
            loops::interleave(four, ba.padded(), &mut sides, &mut sums);
            plain::interleave(four, ba.padded(), &mut plain.0, &mut plain.1);
            prop_assert_eq!((sides, sums), plain);
            let n = classes.min(TILE);
            let (mut tile, mut plain) = (vec![1; n * columns], vec![2; n * columns]);
            let (features, errors) = ((&quads.features[..], quads.padded), &quads.errors[..n * quads.quads]);
            let from = (&quads.start[..], [7, -9, 1 << 20, 0]);
            let found = loops::outer(features, errors, from, columns, &mut tile);
            prop_assert_eq!(found, plain::outer(features, errors, from, columns, &mut plain));
            prop_assert_eq!(tile, plain);
            for (a, e) in a.chunks(columns).zip(e.chunks(classes)) {
                kernels::gradient_accumulate(&mut expected, e, e_zero, a, a_zero);
            }
            prop_assert_eq!(&acc, &expected);
            prop_assert_eq!((i64::from(range.0), i64::from(range.1)), kernels::range_with_zero(&expected));
        }
    }
}
