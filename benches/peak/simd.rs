//! What the machine can do at most: operations over registers, no loads, as many sums in flight as hide every latency.

use std::arch::x86_64::*;
use std::hint::black_box;
use tinyprec::bits::Isa;

const SUMS: usize = 16;
/// Binary multiply-accumulates of one round of [`popcounts`].
pub const BINARY_MACS: f64 = 512.0 * 16.0;

/// Float multiply-accumulates of one round of [`fused`] with these instructions.
pub fn float_macs(isa: Isa) -> f64 {
    16.0 * if isa == Isa::Avx512 { 16.0 } else { 8.0 }
}

/// 8-bit multiply-accumulates of one round of [`bytes`] with these instructions.
pub fn byte_macs(isa: Isa) -> f64 {
    if vnni(isa) { 64.0 * 16.0 } else { 16.0 * 16.0 }
}

fn vnni(isa: Isa) -> bool {
    isa == Isa::Avx512 && is_x86_feature_detected!("avx512vnni")
}

/// That many rounds of 8-bit products summed in 32 bits (VNNI; without it 16-bit pairs, which sums of 8 bits with a zero point
/// need); gives a number that depends on all of them. 0 where the machine has neither.
pub fn bytes(isa: Isa, n: u64) -> i32 {
    if !is_x86_feature_detected!("avx2") {
        return 0;
    }
    // SAFETY: the features were just found on this machine.
    unsafe { if vnni(isa) && isa.supported() { bytes_avx512(n) } else { pairs_avx2(n) } }
}

/// That many rounds of xor, popcount and add; gives a number that depends on all of them.
pub fn popcounts(isa: Isa, n: u64) -> u64 {
    assert!(isa.supported(), "the bench asks only for what the machine has");
    // SAFETY: supported, as just checked.
    unsafe { if isa == Isa::Avx512 { popcounts_avx512(n) } else { popcounts_scalar(n) } }
}

/// That many rounds of fused multiply-add; gives a number that depends on all of them. 0 where the machine has none.
pub fn fused(isa: Isa, n: u64) -> f32 {
    if !is_x86_feature_detected!("fma") || !is_x86_feature_detected!("avx2") {
        return 0.0;
    }
    // SAFETY: the features were just found on this machine.
    unsafe { if isa == Isa::Avx512 && isa.supported() { fused_avx512(n) } else { fused_avx2(n) } }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn popcounts_avx512(n: u64) -> u64 {
    let x: [__m512i; 4] = std::array::from_fn(|i| _mm512_set1_epi64(black_box(i as i64 * 0x1234_5678_9abc)));
    let (mut w, step) = (_mm512_set1_epi64(black_box(7)), _mm512_set1_epi64(0x0101_0101_0101));
    let mut sums = [_mm512_setzero_si512(); SUMS];
    for _ in 0..n {
        for four in sums.chunks_exact_mut(4) {
            for (sum, x) in four.iter_mut().zip(x) {
                *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(_mm512_xor_si512(w, x)));
            }
            // The next word, in the place of the kernel's load.
            w = _mm512_add_epi64(w, step);
        }
    }
    sums.into_iter().map(|s| _mm512_reduce_add_epi64(s).cast_unsigned()).sum()
}

#[target_feature(enable = "popcnt")]
fn popcounts_scalar(n: u64) -> u64 {
    let x: [u64; 8] = std::array::from_fn(|i| black_box(i as u64 * 0x1234_5678_9abc));
    let mut w = black_box(7u64);
    let mut sums = [0u64; 8];
    for _ in 0..n * 16 {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += u64::from((w ^ x).count_ones());
        }
        w = w.wrapping_add(0x0101_0101_0101);
    }
    sums.into_iter().sum()
}

#[target_feature(enable = "avx512f")]
fn fused_avx512(n: u64) -> f32 {
    let (x, w) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(0.001)));
    let mut sums = [_mm512_setzero_ps(); SUMS];
    for _ in 0..n {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, x, w);
        }
    }
    sums.into_iter().map(|s| _mm512_reduce_add_ps(s)).sum()
}

#[target_feature(enable = "avx2,fma")]
fn fused_avx2(n: u64) -> f32 {
    let (x, w) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(0.001)));
    let mut sums = [_mm256_setzero_ps(); SUMS];
    for _ in 0..n {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, x, w);
        }
    }
    let all = sums.into_iter().reduce(|a, b| _mm256_add_ps(a, b)).unwrap_or(_mm256_setzero_ps());
    _mm_cvtss_f32(_mm256_castps256_ps128(all))
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn bytes_avx512(n: u64) -> i32 {
    let (x, w) = (_mm512_set1_epi8(black_box(3)), _mm512_set1_epi8(black_box(-5)));
    let mut sums = [_mm512_setzero_si512(); SUMS];
    for _ in 0..n {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, x, w);
        }
    }
    sums.into_iter().map(|s| _mm512_reduce_add_epi32(s)).fold(0, i32::wrapping_add)
}

#[target_feature(enable = "avx2")]
fn pairs_avx2(n: u64) -> i32 {
    let x: [__m256i; 4] = std::array::from_fn(|i| _mm256_set1_epi16(black_box(i as i16 + 3)));
    let (mut w, step) = (_mm256_set1_epi16(black_box(-5)), _mm256_set1_epi16(1));
    let mut sums = [_mm256_setzero_si256(); 8];
    for _ in 0..2 * n {
        for four in sums.chunks_exact_mut(4) {
            for (sum, x) in four.iter_mut().zip(x) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, w));
            }
            w = _mm256_add_epi16(w, step);
        }
    }
    let all = sums.into_iter().reduce(|a, b| _mm256_add_epi32(a, b)).unwrap_or(_mm256_setzero_si256());
    _mm_cvtsi128_si32(_mm256_castsi256_si128(all))
}
