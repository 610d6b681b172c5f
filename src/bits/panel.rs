//! Weight rows interleaved eight at a time, so that one 512-bit vector holds the same word of eight rows.
//!
//! No horizontal sums and no wasted tail inside a vector: each lane counts for its own output. The same layout serves the
//! portable loop and every vector width.

use super::{Isa, portable};

/// Rows in one panel.
pub const LANES: usize = 8;

/// Where patches lie in a map of words: patch `p` is `runs` runs of `run_words` neighbouring words, the first at `starts[p]`,
/// each `run_stride` words after the one before. A convolution's patches are read in place, one run a kernel row.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'a> {
    /// First word of each patch.
    pub starts: &'a [u32],
    /// Words in a run.
    pub run_words: usize,
    /// Runs in a patch.
    pub runs: usize,
    /// Words from one run's start to the next one's.
    pub run_stride: usize,
}

impl Walk<'_> {
    /// A start as an index.
    #[inline(always)]
    pub(crate) fn place(&self, start: u32) -> usize {
        usize::try_from(start).expect("a u32 fits a usize where maps of words do")
    }

    /// One past the last word that a patch reads.
    fn reach(&self) -> usize {
        let last = self.starts.iter().copied().max().map_or(0, |s| self.place(s));
        last + (self.runs.max(1) - 1) * self.run_stride + self.run_words
    }
}

/// Counts of a patch and sixteen rows, laid out like the vector that they come from.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Sixteen(pub [u32; 2 * LANES]);

/// What takes counts while they are still in registers. Implemented with `#[inline(always)]`, so that it is compiled for the same
/// instructions as the kernel around it.
pub trait Tile {
    /// Counts of the patches from `patch` on and the rows `first..first + 16`; those past the last row mean nothing.
    fn counts<const N: usize>(&mut self, patch: usize, first: usize, counts: &[Sixteen; N]);
}

/// The rows of a weight matrix, `k` words each, in panels of [`LANES`] rows: word `j` of row `r` is at
/// `(r / 8 · k + j) · 8 + r % 8`; rows past the end are zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panels {
    rows: usize,
    k: usize,
    data: Vec<u64>,
}

impl Panels {
    /// Interleaves `rows` rows of `k` words that lie one after the other.
    ///
    /// # Panics
    /// If `row_major` is not `rows · k` words.
    pub fn new(row_major: &[u64], rows: usize, k: usize) -> Self {
        assert_eq!(row_major.len(), rows * k, "rows × words must match the data");
        let mut data = vec![0; rows.div_ceil(LANES) * LANES * k];
        for (i, word) in row_major.iter().enumerate() {
            let (row, j) = (i / k.max(1), i % k.max(1));
            data[(row / LANES * k + j) * LANES + row % LANES] = *word;
        }
        Self { rows, k, data }
    }

    /// Number of rows, without the padding of the last panel.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Words in a row.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Rows rounded up to whole panels: the stride of [`Panels::count`]'s output.
    pub fn padded_rows(&self) -> usize {
        self.rows.div_ceil(LANES) * LANES
    }

    /// `counts[p · padded_rows + r]` = differing bits of patch `p` and row `r`; counts past `rows` are those of zero rows.
    ///
    /// `isa` is what to use; one the machine lacks falls back to the portable loop.
    ///
    /// # Panics
    /// If patches are not `k` words, reach past `x`, or `counts` is not one count for each patch and padded row.
    pub fn count(&self, isa: Isa, x: &[u64], walk: &Walk<'_>, counts: &mut [u32]) {
        assert_eq!(walk.run_words * walk.runs, self.k, "patches are whole rows");
        assert_eq!(counts.len(), walk.starts.len() * self.padded_rows(), "one count for each patch and padded row");
        if walk.starts.is_empty() || self.rows == 0 || self.k == 0 {
            counts.fill(0);
            return;
        }
        assert!(walk.reach() <= x.len(), "patches lie inside the map");
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        if super::simd::count(isa, &self.data, self.k, x, walk, counts) {
            return;
        }
        let _ = isa;
        portable::count(&self.data, self.k, x, walk, counts);
    }

    /// [`Panels::count`] without a buffer: every count goes to `tile` once. `false`, and nothing done, where no kernel of `isa`
    /// does that on this machine.
    ///
    /// # Panics
    /// As [`Panels::count`].
    pub fn tiles(&self, isa: Isa, x: &[u64], walk: &Walk<'_>, tile: &mut impl Tile) -> bool {
        assert_eq!(walk.run_words * walk.runs, self.k, "patches are whole rows");
        if walk.starts.is_empty() || self.rows == 0 || self.k == 0 {
            return false;
        }
        assert!(walk.reach() <= x.len(), "patches lie inside the map");
        #[cfg(target_arch = "x86_64")]
        return super::simd::tiles(isa, &self.data, self.k, x, walk, tile);
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = (isa, tile);
            false
        }
    }

    /// [`Panels::count`] for `patches.len() / k` patches that lie one after the other.
    ///
    /// # Panics
    /// If the slices' lengths do not fit each other.
    pub fn popcounts(&self, isa: Isa, patches: &[u64], counts: &mut [u32]) {
        let n = patches.len() / self.k.max(1);
        assert_eq!(patches.len(), n * self.k, "patches are whole rows");
        let start = |p| u32::try_from(p * self.k).expect("patches have fewer than 2^32 words");
        let starts: Vec<u32> = (0..n).map(start).collect();
        let walk = Walk { starts: &starts, run_words: self.k, runs: 1, run_stride: 0 };
        self.count(isa, patches, &walk, counts);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{popcount_reference, words};
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn row(rng: &mut ChaCha8Rng, n: usize) -> Vec<u64> {
        let mut row: Vec<u64> = (0..words(n)).map(|_| rng.random()).collect();
        if let (Some(last), 1..) = (row.last_mut(), n % 64) {
            *last &= (1 << (n % 64)) - 1;
        }
        row
    }

    /// Counts that came tile by tile, those of padding rows too.
    fn tiled(panels: &Panels, isa: Isa, patches: &[u64]) -> Option<Vec<u32>> {
        struct Rows(usize, Vec<u32>);
        impl Tile for Rows {
            fn counts<const N: usize>(&mut self, patch: usize, first: usize, counts: &[Sixteen; N]) {
                let n = (self.0 - first).min(2 * LANES);
                for (i, Sixteen(counts)) in counts.iter().enumerate() {
                    self.1[(patch + i) * self.0 + first..][..n].copy_from_slice(&counts[..n]);
                }
            }
        }
        let starts: Vec<u32> =
            (0..patches.len() / panels.k()).map(|p| u32::try_from(p * panels.k()).unwrap()).collect();
        let walk = Walk { starts: &starts, run_words: panels.k(), runs: 1, run_stride: 0 };
        let mut rows = Rows(panels.padded_rows(), vec![u32::MAX; starts.len() * panels.padded_rows()]);
        panels.tiles(isa, patches, &walk, &mut rows).then_some(rows.1)
    }

    #[test]
    fn every_instruction_set_counts_like_the_bit_by_bit_reference() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for n in [1, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 193, 511, 513, 2304] {
            for (rows, n_patches) in [(1, 1), (7, 3), (8, 8), (9, 17), (20, 5), (24, 15)] {
                let weights: Vec<Vec<u64>> = (0..rows).map(|_| row(&mut rng, n)).collect();
                let patches: Vec<Vec<u64>> = (0..n_patches).map(|_| row(&mut rng, n)).collect();
                let panels = Panels::new(&weights.concat(), rows, words(n));
                for isa in Isa::available() {
                    let mut counts = vec![0; n_patches * panels.padded_rows()];
                    panels.popcounts(isa, &patches.concat(), &mut counts);
                    for (p, patch) in patches.iter().enumerate() {
                        for (r, weight) in weights.iter().enumerate() {
                            let expected = popcount_reference(patch, weight, n);
                            assert_eq!(
                                counts[p * panels.padded_rows() + r],
                                expected,
                                "{isa:?} n={n} row {r} patch {p}"
                            );
                        }
                    }
                    assert_eq!(
                        tiled(&panels, isa, &patches.concat()).unwrap_or(counts.clone()),
                        counts,
                        "{isa:?} n={n}"
                    );
                }
            }
        }
    }

    /// Equal results prove nothing of a kernel that leaves its work to the portable one.
    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn each_instruction_set_does_its_own_work() {
        let (weights, patches) = ([0x5555u64; 3 * 19], [0x1234u64; 3 * 5]);
        let panels = Panels::new(&weights, 19, 3);
        let walk = Walk { starts: &[0, 3, 6, 9, 12], run_words: 3, runs: 1, run_stride: 0 };
        for isa in Isa::available() {
            let mut counts = vec![0; 5 * panels.padded_rows()];
            let did = super::super::simd::count(isa, &panels.data, 3, &patches, &walk, &mut counts);
            assert_eq!(did, isa != Isa::Portable, "{isa:?}");
            assert_eq!(counts[0], if did { 3 * (0x5555u64 ^ 0x1234).count_ones() } else { 0 }, "{isa:?}");
        }
        assert!(cfg!(not(target_arch = "aarch64")) || Isa::best() == Isa::Neon);
        eprintln!("kernels of {:?} ran, {:?} is what networks run on", Isa::available(), Isa::best());
    }

    #[test]
    fn patches_in_runs_are_read_in_place() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        for (run_words, runs, run_stride) in [(1, 1, 0), (3, 3, 7), (4, 2, 4), (40, 3, 50), (5, 4, 9)] {
            let (rows, k) = (19, run_words * runs);
            let x: Vec<u64> = (0..runs * run_stride + run_words + 30).map(|_| rng.random()).collect();
            let weights: Vec<u64> = (0..rows * k).map(|_| rng.random()).collect();
            let panels = Panels::new(&weights, rows, k);
            let starts: Vec<u32> = (0..13).map(|p| p * 7 % 30).collect();
            let walk = Walk { starts: &starts, run_words, runs, run_stride };
            for isa in Isa::available() {
                let mut counts = vec![0; starts.len() * panels.padded_rows()];
                panels.count(isa, &x, &walk, &mut counts);
                for (p, start) in starts.iter().map(|s| usize::try_from(*s).unwrap()).enumerate() {
                    let patch: Vec<u64> =
                        (0..k).map(|j| x[start + j / run_words * run_stride + j % run_words]).collect();
                    for r in 0..rows {
                        let expected = popcount_reference(&patch, &weights[r * k..][..k], k * 64);
                        assert_eq!(counts[p * panels.padded_rows() + r], expected, "{isa:?} row {r} patch {p}");
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "inside the map")]
    fn patches_beyond_the_map_are_refused() {
        let walk = Walk { starts: &[5], run_words: 2, runs: 2, run_stride: 4 };
        Panels::new(&[0; 4], 1, 4).count(Isa::best(), &[0; 10], &walk, &mut [0; 8]);
    }
}
