//! What the machine can do at most: xor, popcount and add over registers, no loads, as many sums in flight as the kernel has.

use std::arch::x86_64::*;
use tinyprec::bits::Isa;

const SUMS: usize = 8;
/// Binary multiply-accumulates of one round.
pub const MACS_PER_ROUND: f64 = 8.0 * 512.0;

/// Runs that many rounds and gives a number that depends on all of them.
pub fn rounds(isa: Isa, n: u64) -> u64 {
    assert!(isa.supported(), "the bench asks only for what the machine has");
    // SAFETY: supported, as just checked.
    unsafe { if isa == Isa::Avx512 { avx512(n) } else { popcnt(n) } }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn avx512(n: u64) -> u64 {
    let x: [__m512i; SUMS] =
        std::array::from_fn(|i| _mm512_set1_epi64(std::hint::black_box(i as i64 * 0x1234_5678_9abc)));
    let (mut w, step) = (_mm512_set1_epi64(std::hint::black_box(7)), _mm512_set1_epi64(0x0101_0101_0101));
    let mut sums = [_mm512_setzero_si512(); SUMS];
    for _ in 0..n {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(_mm512_xor_si512(w, x)));
        }
        // The next round's word, in the place of the kernel's load.
        w = _mm512_add_epi64(w, step);
    }
    sums.into_iter().map(|s| _mm512_reduce_add_epi64(s).cast_unsigned()).sum()
}

#[target_feature(enable = "popcnt")]
fn popcnt(n: u64) -> u64 {
    let x: [u64; SUMS] = std::array::from_fn(|i| std::hint::black_box(i as u64 * 0x1234_5678_9abc));
    let mut w = std::hint::black_box(7u64);
    let mut sums = [0u64; SUMS];
    for _ in 0..n * 8 {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += u64::from((w ^ x).count_ones());
        }
        w = w.wrapping_add(0x0101_0101_0101);
    }
    sums.into_iter().sum()
}
