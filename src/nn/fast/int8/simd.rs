//! Sums of 8-bit products by the instructions made for them; each function equals the plain loop, tested in `tests/kernels_fast.rs`.

use super::dot::Panels;
use crate::bits::{Isa, Walk};

#[cfg(target_arch = "x86_64")]
use {
    super::dot::{QUAD, ROW},
    super::requant::LANES,
    core::arch::x86_64::*,
};

/// Whether [`bytes`] is what to call here: AVX-512 with VNNI.
pub(super) fn takes_bytes(isa: Isa) -> bool {
    #[cfg(target_arch = "x86_64")]
    return isa == Isa::Avx512 && isa.supported() && is_x86_feature_detected!("avx512vnni");
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = isa;
        false
    }
}

/// Sums of codes plus 128, beginning with `start`; a row of `start.len()` sums a patch.
///
/// # Panics
/// Where [`takes_bytes`] says no, or a patch or the sums lie outside of their slices.
pub(super) fn bytes(isa: Isa, panels: &Panels, start: &[i32], x: &[u8], walk: &Walk<'_>, sums: &mut [i32]) {
    assert!(takes_bytes(isa), "asked before");
    check(panels, x.len(), walk, sums.len());
    assert_eq!(start.len(), panels.start.len(), "one start an output");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the features were just found on this machine, the lengths just checked.
    unsafe {
        bytes_avx512(panels, start, x, walk, sums);
    }
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("no such machine takes bytes");
}

/// Sums of codes in 16 bits, where this machine has better than the plain loop; says whether it has.
///
/// # Panics
/// If a patch or the sums lie outside of their slices.
pub(super) fn wide(isa: Isa, panels: &Panels, x: &[i16], walk: &Walk<'_>, sums: &mut [i32]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if matches!(isa, Isa::Avx2 | Isa::Avx512) && isa.supported() {
        check(panels, x.len(), walk, sums.len());
        // SAFETY: the features were just found on this machine, the lengths just checked.
        unsafe { wide_avx2(panels, x, walk, sums) };
        return true;
    }
    let _ = (isa, panels, x, walk, sums);
    false
}

/// Every quad of every patch lies in `x`, every weight in its panel, and `sums` has a row for each patch.
fn check(panels: &Panels, x: usize, walk: &Walk<'_>, sums: usize) {
    let last = walk.starts.iter().copied().max().map_or(0, |s| walk.place(s));
    let run = panels.run_quads * 4;
    assert!(last + (walk.runs.max(1) - 1) * walk.run_stride + run <= x, "patches lie inside the map");
    assert_eq!(panels.weights.len(), panels.start.len() * walk.runs * run, "a weight for each value");
    assert!(panels.start.len().is_multiple_of(16) && sums == walk.starts.len() * panels.start.len(), "a sum each");
}

/// # Safety
/// AVX-512 with VNNI; lengths as [`check`] says, `start` one an output.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni,avx512bw,avx512vl,avx512dq")]
unsafe fn bytes_avx512(panels: &Panels, start: &[i32], x: &[u8], walk: &Walk<'_>, sums: &mut [i32]) {
    let n = start.len() / LANES;
    let mut panel = 0;
    // SAFETY: as the caller promises; `panel` counts the panels before.
    unsafe {
        while panel < n {
            if walk.starts.len() == 1 && n - panel >= 4 {
                tile_avx512::<1, 4>(panels, start, x, walk, [0, panel], sums);
                panel += 4;
            } else if n - panel >= 2 {
                patches_avx512::<2>(panels, start, x, walk, panel, sums);
                panel += 2;
            } else {
                patches_avx512::<1>(panels, start, x, walk, panel, sums);
                panel += 1;
            }
        }
    }
}

/// All patches against `M` panels, eight at a time: enough independent sums to hide every latency.
///
/// # Safety
/// As [`bytes_avx512`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni,avx512bw,avx512vl,avx512dq")]
#[inline]
unsafe fn patches_avx512<const M: usize>(
    panels: &Panels,
    start: &[i32],
    x: &[u8],
    walk: &Walk<'_>,
    panel: usize,
    sums: &mut [i32],
) {
    let mut p = 0;
    // SAFETY: as the caller promises.
    unsafe {
        while p < walk.starts.len() {
            match walk.starts.len() - p {
                8.. => {
                    tile_avx512::<8, M>(panels, start, x, walk, [p, panel], sums);
                    p += 8;
                }
                4.. => {
                    tile_avx512::<4, M>(panels, start, x, walk, [p, panel], sums);
                    p += 4;
                }
                _ => {
                    tile_avx512::<1, M>(panels, start, x, walk, [p, panel], sums);
                    p += 1;
                }
            }
        }
    }
}

/// `N` patches from `p` on against `M` panels.
///
/// # Safety
/// As [`bytes_avx512`]; there are that many patches and panels.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni,avx512bw,avx512vl,avx512dq")]
#[inline]
unsafe fn tile_avx512<const N: usize, const M: usize>(
    panels: &Panels,
    start: &[i32],
    x: &[u8],
    walk: &Walk<'_>,
    [p, panel]: [usize; 2],
    sums: &mut [i32],
) {
    let size = walk.runs * panels.run_quads * ROW;
    let places = &walk.starts[p..][..N];
    let weights = &panels.weights[panel * size..][..M * size];
    let (first, stride) = (panel * LANES, start.len());
    // SAFETY: `start` and a row of `sums` hold M · 16 values from `first` on; loads and stores need not be aligned. Patches and
    // panels are as long as the loops read (checked by the caller).
    unsafe {
        let begin: [__m512i; M] =
            std::array::from_fn(|m| _mm512_loadu_si512(start[first + m * LANES..][..LANES].as_ptr().cast()));
        let mut acc = [begin; N];
        let mut xs: [*const u8; N] = std::array::from_fn(|i| x.as_ptr().add(walk.place(places[i])));
        let mut w = weights.as_ptr();
        for _ in 0..walk.runs {
            for q in 0..panels.run_quads {
                let rows: [__m512i; M] = std::array::from_fn(|m| _mm512_loadu_si512(w.add(m * size).cast()));
                w = w.add(ROW);
                for (x, acc) in xs.iter().zip(&mut acc) {
                    let v = _mm512_set1_epi32(x.add(q * QUAD).cast::<i32>().read_unaligned());
                    for (acc, row) in acc.iter_mut().zip(rows) {
                        *acc = _mm512_dpbusd_epi32(*acc, v, row);
                    }
                }
            }
            for x in &mut xs {
                *x = x.wrapping_add(walk.run_stride);
            }
        }
        for (i, acc) in acc.into_iter().enumerate() {
            let row = &mut sums[(p + i) * stride + first..][..M * LANES];
            for (m, acc) in acc.into_iter().enumerate() {
                _mm512_storeu_si512(row.as_mut_ptr().add(m * LANES).cast(), acc);
            }
        }
    }
}

/// # Safety
/// AVX2; lengths as [`check`] says.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn wide_avx2(panels: &Panels, x: &[i16], walk: &Walk<'_>, sums: &mut [i32]) {
    for panel in 0..panels.start.len() / LANES {
        let mut p = 0;
        while p < walk.starts.len() {
            // SAFETY: as the caller promises.
            unsafe {
                if walk.starts.len() - p >= 2 {
                    tile_avx2::<2>(panels, x, walk, [p, panel], sums);
                    p += 2;
                } else {
                    tile_avx2::<1>(panels, x, walk, [p, panel], sums);
                    p += 1;
                }
            }
        }
    }
}

/// `N` patches from `p` on against one panel.
///
/// # Safety
/// As [`wide_avx2`]; there are that many patches and panels.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn tile_avx2<const N: usize>(
    panels: &Panels,
    x: &[i16],
    walk: &Walk<'_>,
    [p, panel]: [usize; 2],
    sums: &mut [i32],
) {
    let size = walk.runs * panels.run_quads * ROW;
    let places = &walk.starts[p..][..N];
    let weights = &panels.weights[panel * size..][..size];
    let (first, stride) = (panel * LANES, panels.start.len());
    // SAFETY: as for `tile_avx512`, with four values of 16 bits a quad.
    unsafe {
        // Two neighbouring products a lane, so four outputs a vector.
        let mut acc = [[_mm256_setzero_si256(); 4]; N];
        let mut xs: [*const i16; N] = std::array::from_fn(|i| x.as_ptr().add(walk.place(places[i])));
        let mut w = weights.as_ptr();
        for _ in 0..walk.runs {
            for q in 0..panels.run_quads {
                let rows: [__m256i; 4] =
                    std::array::from_fn(|i| _mm256_cvtepi8_epi16(_mm_loadu_si128(w.add(i * LANES).cast())));
                w = w.add(ROW);
                for (x, acc) in xs.iter().zip(&mut acc) {
                    let v = _mm256_set1_epi64x(x.add(q * QUAD).cast::<i64>().read_unaligned());
                    for (acc, row) in acc.iter_mut().zip(rows) {
                        *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(v, row));
                    }
                }
            }
            for x in &mut xs {
                *x = x.wrapping_add(walk.run_stride);
            }
        }
        for (i, acc) in acc.into_iter().enumerate() {
            let row = &mut sums[(p + i) * stride + first..][..LANES];
            for (half, pair) in acc.chunks_exact(2).enumerate() {
                let start = &panels.start[first + half * 8..][..8];
                // Outputs 0 1 4 5 2 3 6 7, then in order.
                let sum = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(pair[0], pair[1]));
                let sum = _mm256_add_epi32(sum, _mm256_loadu_si256(start.as_ptr().cast()));
                _mm256_storeu_si256(row.as_mut_ptr().add(half * 8).cast(), sum);
            }
        }
    }
}
