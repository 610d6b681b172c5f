//! Counting in plain Rust: a carry-save tree over words, so that most words are added as bits and few are counted.

use super::panel::{LANES, Walk};

/// Half a panel: sums of four rows stay in the registers of any 128-bit machine.
const HALF: usize = LANES / 2;
type Lanes = [u64; HALF];

/// Sum and carry of three one-bit numbers in every bit of every lane.
#[inline(always)]
fn add3(a: Lanes, b: Lanes, c: Lanes) -> (Lanes, Lanes) {
    let (mut sum, mut carry) = ([0; HALF], [0; HALF]);
    for i in 0..HALF {
        let half = a[i] ^ b[i];
        sum[i] = half ^ c[i];
        carry[i] = (a[i] & b[i]) | (half & c[i]);
    }
    (sum, carry)
}

#[inline(always)]
fn add_counts(sums: &mut [u32; HALF], bits: Lanes, weight: u32) {
    for (sum, word) in sums.iter_mut().zip(bits) {
        *sum += weight * word.count_ones();
    }
}

/// Counts of one patch (its words one after the other) and half a panel (`k` times [`LANES`] words, these lanes from `first`).
#[inline(always)]
fn half_panel(patch: &[u64], panel: &[u64], first: usize) -> [u32; HALF] {
    let differs = |x: &u64, lanes: &[u64]| -> Lanes { std::array::from_fn(|i| x ^ lanes[first + i]) };
    let (mut sums, mut ones, mut twos) = ([0; HALF], [0; HALF], [0; HALF]);
    let (fours, rest) = patch.as_chunks::<4>();
    for (x, w) in fours.iter().zip(panel.chunks_exact(4 * LANES)) {
        let (a, b) = (differs(&x[0], w), differs(&x[1], &w[LANES..]));
        let (sum, carry) = add3(ones, a, b);
        let (c, d) = (differs(&x[2], &w[2 * LANES..]), differs(&x[3], &w[3 * LANES..]));
        let (sum, second) = add3(sum, c, d);
        ones = sum;
        let (sum, carry) = add3(twos, carry, second);
        twos = sum;
        add_counts(&mut sums, carry, 4);
    }
    if !fours.is_empty() {
        add_counts(&mut sums, ones, 1);
        add_counts(&mut sums, twos, 2);
    }
    for (x, w) in rest.iter().zip(panel[fours.len() * 4 * LANES..].chunks_exact(LANES)) {
        add_counts(&mut sums, differs(x, w), 1);
    }
    sums
}

/// Every patch against every panel; `counts` has one row of `panels.len() / k` counts a patch.
#[inline(always)]
pub(super) fn count(panels: &[u64], k: usize, x: &[u64], walk: &Walk<'_>, counts: &mut [u32]) {
    let mut patch = Vec::with_capacity(k);
    for (start, out) in walk.starts.iter().zip(counts.chunks_exact_mut(panels.len() / k)) {
        patch.clear();
        for run in 0..walk.runs {
            patch.extend_from_slice(&x[walk.place(*start) + run * walk.run_stride..][..walk.run_words]);
        }
        for (panel, out) in panels.chunks_exact(k * LANES).zip(out.chunks_exact_mut(LANES)) {
            out[..HALF].copy_from_slice(&half_panel(&patch, panel, 0));
            out[HALF..].copy_from_slice(&half_panel(&patch, panel, HALF));
        }
    }
}
