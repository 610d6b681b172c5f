//! Weight rows interleaved eight at a time, so that one 512-bit vector holds the same word of eight rows.
//!
//! No horizontal sums and no wasted tail inside a vector: each lane counts for its own output. The same layout serves the
//! portable loop and every vector width.

/// Rows in one panel.
pub const LANES: usize = 8;

/// Which instructions the fast kernels use. All give the same integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust, any machine.
    Portable,
    /// x86-64 with `popcnt`, one word at a time.
    Popcnt,
    /// x86-64 AVX2: four words, byte shuffles count.
    Avx2,
    /// x86-64 AVX-512 with VPOPCNTDQ: eight words, one instruction counts.
    Avx512,
}

impl Isa {
    /// Everything this machine can run, slowest first; never empty.
    pub fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable, Self::Popcnt, Self::Avx2, Self::Avx512];
        all.retain(|isa| isa.supported());
        all
    }

    /// The fastest one this machine can run.
    pub fn best() -> Self {
        *Self::available().last().expect("Portable is always available")
    }

    /// Whether this machine can run it.
    pub fn supported(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Portable => true,
            Self::Popcnt => is_x86_feature_detected!("popcnt"),
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt"),
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vpopcntdq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("popcnt")
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        matches!(self, Self::Portable)
    }
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

    /// Rows rounded up to whole panels: the stride of [`Panels::popcounts`]'s output.
    pub fn padded_rows(&self) -> usize {
        self.rows.div_ceil(LANES) * LANES
    }

    /// `counts[p · padded_rows + r]` = differing bits of patch `p` and row `r`, for `patches.len() / k` patches of `k` words.
    ///
    /// `isa` is what to use; one the machine lacks falls back to the portable loop. Counts past `rows` are those of zero rows.
    ///
    /// # Panics
    /// If the slices' lengths do not fit each other.
    pub fn popcounts(&self, isa: Isa, patches: &[u64], counts: &mut [u32]) {
        let n = patches.len() / self.k.max(1);
        assert_eq!(patches.len(), n * self.k, "patches are whole rows");
        assert_eq!(counts.len(), n * self.padded_rows(), "one count for each patch and padded row");
        if n == 0 || self.rows == 0 {
            return;
        }
        #[cfg(target_arch = "x86_64")]
        if super::simd::popcounts(isa, &self.data, self.k, patches, counts) {
            return;
        }
        let _ = isa;
        portable(&self.data, self.k, patches, counts);
    }
}

/// The plain version: for each panel, each patch, eight lane sums. Inlined into the vector versions' fallbacks.
#[inline(always)]
pub(super) fn portable(panels: &[u64], k: usize, patches: &[u64], counts: &mut [u32]) {
    let stride = panels.len() / k;
    for (panel_idx, panel) in panels.chunks_exact(k * LANES).enumerate() {
        for (patch, out) in patches.chunks_exact(k).zip(counts.chunks_exact_mut(stride)) {
            let mut sums = [0u32; LANES];
            for (x, lanes) in patch.iter().zip(panel.chunks_exact(LANES)) {
                for (sum, w) in sums.iter_mut().zip(lanes) {
                    *sum += (x ^ w).count_ones();
                }
            }
            out[panel_idx * LANES..][..LANES].copy_from_slice(&sums);
        }
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

    #[test]
    fn every_instruction_set_counts_like_the_bit_by_bit_reference() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for n in [1, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 193, 511, 513, 2304] {
            for (rows, n_patches) in [(1, 1), (7, 3), (8, 8), (9, 17), (20, 5)] {
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
                }
            }
        }
    }
}
