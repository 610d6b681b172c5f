//! AArch64 version of the counting loop; equals the portable one, tested beside it.

use super::Isa;
use super::panel::{LANES, Walk};
use core::arch::aarch64::*;

/// Words whose byte counts (at most 8 each) fit a byte.
const BYTE_WORDS: usize = 31;
/// Vectors of two words in a panel.
const PAIRS: usize = LANES / 2;

/// Runs the NEON version and says whether it did. The caller has checked that every patch lies inside `x`, is `k` words long,
/// and that `counts` has a row of `panels.len() / k` counts for each.
pub(super) fn count(isa: Isa, panels: &[u64], k: usize, x: &[u64], walk: &Walk<'_>, counts: &mut [u32]) -> bool {
    if isa != Isa::Neon {
        return false;
    }
    const TILE: usize = 4;
    let stride = panels.len() / k;
    for (panel_idx, panel) in panels.chunks_exact(k * LANES).enumerate() {
        let (mut tiles, mut outs) = (walk.starts.chunks_exact(TILE), counts.chunks_exact_mut(stride * TILE));
        for (starts, out) in (&mut tiles).zip(&mut outs) {
            let xs: [*const u64; TILE] = std::array::from_fn(|p| x[walk.place(starts[p])..].as_ptr());
            // SAFETY: every AArch64 target of this crate has NEON; the caller checked the lengths.
            unsafe { tile(panel, xs, walk, &mut out[panel_idx * LANES..], stride) };
        }
        let rest = outs.into_remainder().chunks_exact_mut(stride);
        for (start, out) in tiles.remainder().iter().zip(rest) {
            // SAFETY: as above.
            unsafe { tile(panel, [x[walk.place(*start)..].as_ptr()], walk, &mut out[panel_idx * LANES..], stride) };
        }
    }
    true
}

/// `N` patches against one panel: counts gather in bytes, and in words once the bytes could be full.
///
/// # Safety
/// NEON; patches at `xs` walk inside their map and are as long as the panel's rows.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn tile<const N: usize>(panel: &[u64], xs: [*const u64; N], walk: &Walk<'_>, counts: &mut [u32], stride: usize) {
    assert!(counts.len() >= (N - 1) * stride + LANES && panel.len() == walk.runs * walk.run_words * LANES);
    let mut sums = [[vdupq_n_u64(0); PAIRS]; N];
    let mut w = panel.as_ptr();
    for run in 0..walk.runs {
        let mut j = 0;
        while j < walk.run_words {
            let n = BYTE_WORDS.min(walk.run_words - j);
            let mut bytes = [[vdupq_n_u8(0); PAIRS]; N];
            for i in j..j + n {
                // SAFETY: the panel holds runs · run_words · 8 words, and each patch runs · run_words.
                unsafe {
                    let rows: [uint64x2_t; PAIRS] = std::array::from_fn(|m| vld1q_u64(w.add(2 * m)));
                    w = w.add(LANES);
                    for (x, bytes) in xs.iter().zip(&mut bytes) {
                        let v = vdupq_n_u64(*x.add(run * walk.run_stride + i));
                        for (byte, row) in bytes.iter_mut().zip(rows) {
                            *byte = vaddq_u8(*byte, vcntq_u8(vreinterpretq_u8_u64(veorq_u64(v, row))));
                        }
                    }
                }
            }
            for (sum, byte) in sums.iter_mut().flatten().zip(bytes.into_iter().flatten()) {
                *sum = vaddq_u64(*sum, vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(byte))));
            }
            j += n;
        }
    }
    for (p, sums) in sums.into_iter().enumerate() {
        for (m, sum) in sums.into_iter().enumerate() {
            // SAFETY: p < N, m < 4 and `counts` reaches (N − 1) · stride + 8; counts are below 2^32, so narrowing keeps them.
            unsafe { vst1_u32(counts.as_mut_ptr().add(p * stride + 2 * m), vmovn_u64(sum)) };
        }
    }
}
