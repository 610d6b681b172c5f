//! Vector versions of [`super::panel`]'s loop; each equals the portable one bit for bit, tested there for every width.

use super::panel::{Isa, LANES, portable};
use core::arch::x86_64::*;

/// Patches that share one pass over a panel: enough independent sums to hide the latency of add and popcount.
const TILE: usize = 8;

/// Runs the version for `isa` if this machine has it and says whether it did.
pub(super) fn popcounts(isa: Isa, panels: &[u64], k: usize, patches: &[u64], counts: &mut [u32]) -> bool {
    if isa == Isa::Portable || !isa.supported() {
        return false;
    }
    // SAFETY: the features each function needs were just found on this machine.
    unsafe {
        match isa {
            Isa::Portable => return false,
            Isa::Popcnt => with_popcnt(panels, k, patches, counts),
            Isa::Avx2 => with_avx2(panels, k, patches, counts),
            Isa::Avx512 => with_avx512(panels, k, patches, counts),
        }
    }
    true
}

#[target_feature(enable = "popcnt")]
fn with_popcnt(panels: &[u64], k: usize, patches: &[u64], counts: &mut [u32]) {
    portable(panels, k, patches, counts);
}

/// Bits of each 64-bit lane: nibble lookup by byte shuffle, then bytes summed by `sad` (Muła, 2016).
#[target_feature(enable = "avx2")]
fn popcount_epi64_avx2(v: __m256i) -> __m256i {
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let low = _mm256_set1_epi8(0x0f);
    let lo = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
    let hi = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16::<4>(v), low));
    _mm256_sad_epu8(_mm256_add_epi8(lo, hi), _mm256_setzero_si256())
}

#[target_feature(enable = "avx2,popcnt")]
fn with_avx2(panels: &[u64], k: usize, patches: &[u64], counts: &mut [u32]) {
    let stride = panels.len() / k;
    for (panel_idx, panel) in panels.chunks_exact(k * LANES).enumerate() {
        for (patch, out) in patches.chunks_exact(k).zip(counts.chunks_exact_mut(stride)) {
            let mut sums = [_mm256_setzero_si256(); 2];
            for (x, lanes) in patch.iter().zip(panel.chunks_exact(LANES)) {
                let x = _mm256_set1_epi64x(x.cast_signed());
                for (half, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `lanes` is eight words, so both halves of four are inside it; the load need not be aligned.
                    let w = unsafe { _mm256_loadu_si256(lanes.as_ptr().add(half * 4).cast()) };
                    *sum = _mm256_add_epi64(*sum, popcount_epi64_avx2(_mm256_xor_si256(x, w)));
                }
            }
            let mut lanes = [0u64; LANES];
            for (half, sum) in sums.iter().enumerate() {
                // SAFETY: `lanes` is eight words, so both halves of four are inside it; the store need not be aligned.
                unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().add(half * 4).cast(), *sum) };
            }
            for (count, lane) in out[panel_idx * LANES..][..LANES].iter_mut().zip(lanes) {
                *count = u32::try_from(lane).expect("a row has fewer than 2^32 bits");
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vl,avx512bw,popcnt")]
fn with_avx512(panels: &[u64], k: usize, patches: &[u64], counts: &mut [u32]) {
    let stride = panels.len() / k;
    for (panel_idx, panel) in panels.chunks_exact(k * LANES).enumerate() {
        let mut tiles = patches.chunks_exact(k * TILE);
        let mut outs = counts.chunks_exact_mut(stride * TILE);
        for (tile, out) in (&mut tiles).zip(&mut outs) {
            tile_avx512::<TILE>(panel, k, tile, &mut out[panel_idx * LANES..], stride);
        }
        let rest = tiles.remainder().chunks_exact(k);
        for (patch, out) in rest.zip(outs.into_remainder().chunks_exact_mut(stride)) {
            tile_avx512::<1>(panel, k, patch, &mut out[panel_idx * LANES..], stride);
        }
    }
}

/// `N` patches against one panel; sums stay in registers over the whole row.
#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vl,avx512bw,popcnt")]
#[inline]
fn tile_avx512<const N: usize>(panel: &[u64], k: usize, patches: &[u64], counts: &mut [u32], stride: usize) {
    assert!(panel.len() >= k * LANES && patches.len() >= k * N && counts.len() >= (N - 1) * stride + LANES);
    let mut sums = [_mm512_setzero_si512(); N];
    for j in 0..k {
        // SAFETY: j < k and the panel holds k · 8 words; the load need not be aligned.
        let w = unsafe { _mm512_loadu_si512(panel.as_ptr().add(j * LANES).cast()) };
        for (p, sum) in sums.iter_mut().enumerate() {
            // SAFETY: p < N and j < k, and there are N · k words.
            let x = unsafe { *patches.get_unchecked(p * k + j) };
            let differs = _mm512_xor_si512(w, _mm512_set1_epi64(x.cast_signed()));
            *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(differs));
        }
    }
    for (p, sum) in sums.into_iter().enumerate() {
        // SAFETY: p < N and `counts` reaches (N − 1) · stride + 8; a 64-bit lane narrows to the low 32 bits of its count.
        unsafe { _mm256_storeu_si256(counts.as_mut_ptr().add(p * stride).cast(), _mm512_cvtepi64_epi32(sum)) };
    }
}

/// Sixteen comparisons at a time; whole words only, and only on a machine with AVX-512. Says how many words it did.
pub(super) fn pack_less(isa: Isa, a: &[i32], b: &[i32], out: &mut [u64]) -> usize {
    if isa != Isa::Avx512 || !isa.supported() {
        return 0;
    }
    // SAFETY: the features were just found on this machine.
    unsafe { pack_less_avx512(a, b, out) }
}

#[target_feature(enable = "avx512f")]
fn pack_less_avx512(a: &[i32], b: &[i32], out: &mut [u64]) -> usize {
    let words = a.chunks_exact(64).zip(b.chunks_exact(64)).zip(out.iter_mut());
    let mut done = 0;
    for ((a, b), word) in words {
        *word = 0;
        for quarter in 0..4 {
            // SAFETY: both chunks are 64 long and quarter · 16 + 16 ≤ 64; the loads need not be aligned.
            let (a, b) = unsafe {
                let at = quarter * 16;
                (_mm512_loadu_si512(a.as_ptr().add(at).cast()), _mm512_loadu_si512(b.as_ptr().add(at).cast()))
            };
            *word |= u64::from(_mm512_cmplt_epi32_mask(a, b)) << (quarter * 16);
        }
        done += 1;
    }
    done
}
