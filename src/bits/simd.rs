//! x86-64 versions of the counting loop and of sign packing; each equals the portable one, tested beside it.

use super::Isa;
use super::panel::{LANES, Sixteen, Tile, Walk};
use core::arch::x86_64::*;

/// Words whose byte counts (at most 8 each) fit a byte.
const BYTE_WORDS: usize = 31;

/// Runs the version for `isa` if this machine has it and says whether it did. The caller has checked that every patch lies
/// inside `x`, is `k` words long, and that `counts` has a row of `panels.len() / k` counts for each.
pub(super) fn count(isa: Isa, panels: &[u64], k: usize, x: &[u64], walk: &Walk<'_>, counts: &mut [u32]) -> bool {
    if !isa.supported() {
        return false;
    }
    // SAFETY: the features each function needs were just found on this machine; the caller checked the lengths.
    unsafe {
        match isa {
            Isa::Popcnt => with_popcnt(panels, k, x, walk, counts),
            Isa::Avx2 => with_avx2(panels, k, x, walk, counts),
            Isa::Avx512 => with_avx512(panels, k, x, walk, &mut Stored { counts, stride: panels.len() / k }),
            Isa::Portable | Isa::Neon => return false,
        }
    }
    true
}

/// As [`count`], into a tile; only with AVX-512.
pub(super) fn tiles(isa: Isa, panels: &[u64], k: usize, x: &[u64], walk: &Walk<'_>, tile: &mut impl Tile) -> bool {
    if isa != Isa::Avx512 || !isa.supported() {
        return false;
    }
    // SAFETY: the features were just found on this machine; the caller checked the lengths.
    unsafe { with_avx512(panels, k, x, walk, tile) };
    true
}

/// Counts in memory, a row of `stride` a patch.
struct Stored<'a> {
    counts: &'a mut [u32],
    stride: usize,
}

impl Tile for Stored<'_> {
    #[inline(always)]
    fn counts<const N: usize>(&mut self, patch: usize, first: usize, counts: &[Sixteen; N]) {
        for (i, Sixteen(counts)) in counts.iter().enumerate() {
            let row = &mut self.counts[(patch + i) * self.stride..][..self.stride];
            match row[first..].first_chunk_mut() {
                Some(to) => *to = *counts,
                None => row[first..].copy_from_slice(&counts[..LANES]),
            }
        }
    }
}

#[target_feature(enable = "popcnt")]
fn with_popcnt(panels: &[u64], k: usize, x: &[u64], walk: &Walk<'_>, counts: &mut [u32]) {
    let stride = panels.len() / k;
    for (panel_idx, panel) in panels.chunks_exact(k * LANES).enumerate() {
        for (start, out) in walk.starts.iter().zip(counts.chunks_exact_mut(stride)) {
            let mut sums = [0u32; LANES];
            for (run, lanes) in panel.chunks_exact(walk.run_words * LANES).enumerate() {
                let words = &x[walk.place(*start) + run * walk.run_stride..][..walk.run_words];
                for (x, lanes) in words.iter().zip(lanes.chunks_exact(LANES)) {
                    for (sum, w) in sums.iter_mut().zip(lanes) {
                        *sum += (x ^ w).count_ones();
                    }
                }
            }
            out[panel_idx * LANES..][..LANES].copy_from_slice(&sums);
        }
    }
}

/// Bits of each byte: nibble lookup by byte shuffle (Muła, 2016).
#[target_feature(enable = "avx2")]
#[inline]
fn byte_counts(v: __m256i) -> __m256i {
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let low = _mm256_set1_epi8(0x0f);
    let lo = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
    let hi = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16::<4>(v), low));
    _mm256_add_epi8(lo, hi)
}

/// # Safety
/// AVX2, and lengths as [`count`] says.
#[target_feature(enable = "avx2,popcnt")]
unsafe fn with_avx2(panels: &[u64], k: usize, x: &[u64], walk: &Walk<'_>, counts: &mut [u32]) {
    const TILE: usize = 2;
    let stride = panels.len() / k;
    for (panel_idx, panel) in panels.chunks_exact(k * LANES).enumerate() {
        let (mut tiles, mut outs) = (walk.starts.chunks_exact(TILE), counts.chunks_exact_mut(stride * TILE));
        for (starts, out) in (&mut tiles).zip(&mut outs) {
            let xs: [*const u64; TILE] = std::array::from_fn(|p| x[walk.place(starts[p])..].as_ptr());
            // SAFETY: as the caller promises.
            unsafe { tile_avx2(panel, xs, walk, &mut out[panel_idx * LANES..], stride) };
        }
        let rest = outs.into_remainder().chunks_exact_mut(stride);
        for (start, out) in tiles.remainder().iter().zip(rest) {
            // SAFETY: as the caller promises.
            unsafe {
                tile_avx2(panel, [x[walk.place(*start)..].as_ptr()], walk, &mut out[panel_idx * LANES..], stride)
            };
        }
    }
}

/// `N` patches against one panel: counts gather in bytes, and in words once the bytes could be full.
///
/// # Safety
/// AVX2; patches at `xs` walk inside their map and are as long as the panel's rows.
#[target_feature(enable = "avx2,popcnt")]
#[inline]
unsafe fn tile_avx2<const N: usize>(
    panel: &[u64],
    xs: [*const u64; N],
    walk: &Walk<'_>,
    counts: &mut [u32],
    stride: usize,
) {
    assert!(counts.len() >= (N - 1) * stride + LANES && panel.len() == walk.runs * walk.run_words * LANES);
    let mut sums = [[_mm256_setzero_si256(); 2]; N];
    let mut w = panel.as_ptr();
    for run in 0..walk.runs {
        let mut j = 0;
        while j < walk.run_words {
            let n = BYTE_WORDS.min(walk.run_words - j);
            let mut bytes = [[_mm256_setzero_si256(); 2]; N];
            for i in j..j + n {
                // SAFETY: the panel holds runs · run_words · 8 words, and each patch runs · run_words.
                unsafe {
                    let halves = [_mm256_loadu_si256(w.cast()), _mm256_loadu_si256(w.add(4).cast())];
                    w = w.add(LANES);
                    for (x, bytes) in xs.iter().zip(&mut bytes) {
                        let v = _mm256_set1_epi64x((*x.add(run * walk.run_stride + i)).cast_signed());
                        for (byte, half) in bytes.iter_mut().zip(halves) {
                            *byte = _mm256_add_epi8(*byte, byte_counts(_mm256_xor_si256(v, half)));
                        }
                    }
                }
            }
            for (sum, byte) in sums.iter_mut().flatten().zip(bytes.into_iter().flatten()) {
                *sum = _mm256_add_epi64(*sum, _mm256_sad_epu8(byte, _mm256_setzero_si256()));
            }
            j += n;
        }
    }
    // The low halves of eight 64-bit sums, in order.
    let even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    for (p, [lo, hi]) in sums.into_iter().enumerate() {
        let (lo, hi) = (_mm256_permutevar8x32_epi32(lo, even), _mm256_permutevar8x32_epi32(hi, even));
        // SAFETY: p < N and `counts` reaches (N − 1) · stride + 8; the store need not be aligned.
        unsafe { _mm256_storeu_si256(counts.as_mut_ptr().add(p * stride).cast(), _mm256_blend_epi32::<0xf0>(lo, hi)) };
    }
}

/// # Safety
/// AVX-512, and lengths as [`count`] says.
#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vl,avx512bw,avx512dq,popcnt")]
unsafe fn with_avx512(panels: &[u64], k: usize, x: &[u64], walk: &Walk<'_>, tile: &mut impl Tile) {
    let mut first = 0;
    // SAFETY: as the caller promises; `first` counts the rows of the panels before.
    unsafe {
        let mut pairs = panels.chunks_exact(2 * k * LANES);
        for pair in &mut pairs {
            panels_avx512::<2>(pair, k, x, walk, first, tile);
            first += 2 * LANES;
        }
        if !pairs.remainder().is_empty() {
            panels_avx512::<1>(pairs.remainder(), k, x, walk, first, tile);
        }
    }
}

/// All patches against `M` panels from row `first` on, eight patches at a time: enough independent sums to hide every latency.
///
/// # Safety
/// AVX-512; lengths as [`count`] says.
#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vl,avx512bw,avx512dq,popcnt")]
#[inline]
unsafe fn panels_avx512<const M: usize>(
    panels: &[u64],
    k: usize,
    x: &[u64],
    walk: &Walk<'_>,
    first: usize,
    tile: &mut impl Tile,
) {
    let mut p = 0;
    let left = |p: usize| walk.starts.len() - p;
    // SAFETY: as the caller promises.
    unsafe {
        while left(p) >= 8 {
            tile_avx512::<8, M>(panels, k, x, p, walk, first, tile);
            p += 8;
        }
        if left(p) >= 4 {
            tile_avx512::<4, M>(panels, k, x, p, walk, first, tile);
            p += 4;
        }
        while left(p) > 0 {
            tile_avx512::<1, M>(panels, k, x, p, walk, first, tile);
            p += 1;
        }
    }
}

/// `N` patches from `p` on against `M` panels; sums stay in registers over the whole patch.
///
/// # Safety
/// AVX-512; patches walk inside `x` and are `k` words long.
#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vl,avx512bw,avx512dq,popcnt")]
#[inline]
unsafe fn tile_avx512<const N: usize, const M: usize>(
    panels: &[u64],
    k: usize,
    x: &[u64],
    p: usize,
    walk: &Walk<'_>,
    first: usize,
    tile: &mut impl Tile,
) {
    let starts = &walk.starts[p..][..N];
    assert!(panels.len() == M * k * LANES);
    let mut sums = [[_mm512_setzero_si512(); M]; N];
    let mut xs: [*const u64; N] = std::array::from_fn(|p| x[walk.place(starts[p])..].as_ptr());
    let mut w = panels.as_ptr();
    for _ in 0..walk.runs {
        for j in 0..walk.run_words {
            // SAFETY: each panel holds runs · run_words · 8 words, and each patch that many; loads need not be aligned.
            unsafe {
                let rows: [__m512i; M] = std::array::from_fn(|m| _mm512_loadu_si512(w.add(m * k * LANES).cast()));
                w = w.add(LANES);
                for (x, sums) in xs.iter().zip(&mut sums) {
                    let v = _mm512_set1_epi64((*x.add(j)).cast_signed());
                    for (sum, row) in sums.iter_mut().zip(rows) {
                        *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(_mm512_xor_si512(v, row)));
                    }
                }
            }
        }
        for x in &mut xs {
            *x = x.wrapping_add(walk.run_stride);
        }
    }
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let mut counts = [Sixteen([0; 2 * LANES]); N];
    for (counts, sums) in counts.iter_mut().zip(sums) {
        // The low halves of eight 64-bit sums, of both panels; of one panel twice.
        let both = _mm512_permutex2var_epi32(sums[0], even, sums[M - 1]);
        // SAFETY: both are 64 bytes, and any bits are numbers.
        *counts = unsafe { std::mem::transmute::<__m512i, Sixteen>(both) };
    }
    tile.counts(p, first, &counts);
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

/// Signs of whole words of floats, where the machine compares them faster than plain code. Says how many words it did.
pub(super) fn pack_negative(isa: Isa, x: &[f32], out: &mut [u64]) -> usize {
    if !isa.supported() {
        return 0;
    }
    // SAFETY: the features were just found on this machine.
    unsafe {
        match isa {
            Isa::Avx512 => pack_negative_avx512(x, out),
            Isa::Avx2 => pack_negative_avx2(x, out),
            _ => 0,
        }
    }
}

#[target_feature(enable = "avx512f")]
fn pack_negative_avx512(x: &[f32], out: &mut [u64]) -> usize {
    let chunks = x.as_chunks::<64>().0;
    for (x, word) in chunks.iter().zip(out) {
        let quarter = |q: usize| {
            // SAFETY: q < 4 and the chunk is 64 long; the load need not be aligned.
            let v = unsafe { _mm512_loadu_ps(x.as_ptr().add(q * 16)) };
            u64::from(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(v, _mm512_setzero_ps())) << (q * 16)
        };
        *word = quarter(0) | quarter(1) | quarter(2) | quarter(3);
    }
    chunks.len()
}

#[target_feature(enable = "avx2")]
fn pack_negative_avx2(x: &[f32], out: &mut [u64]) -> usize {
    let chunks = x.as_chunks::<64>().0;
    for (x, word) in chunks.iter().zip(out) {
        let eighth = |q: usize| {
            // SAFETY: q < 8 and the chunk is 64 long; the load need not be aligned.
            let v = unsafe { _mm256_loadu_ps(x.as_ptr().add(q * 8)) };
            let mask = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(v, _mm256_setzero_ps()));
            u64::from(mask.cast_unsigned()) << (q * 8)
        };
        *word = (0..8).fold(0, |word, q| word | eighth(q));
    }
    chunks.len()
}
