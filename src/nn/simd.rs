//! The first layer's inner loop, compiled once for each instruction set; the code is the same plain loop, so are the results.

use crate::bits::Isa;

macro_rules! accumulate {
    ($name:ident, $wide:ident, $mid:ident, $t:ty) => {
        /// `acc[o] += Σ_k x[k] · weights[k · acc.len() + o]`; the caller has made sure that no sum can overflow.
        pub(super) fn $name(isa: Isa, x: &[$t], weights: &[$t], acc: &mut [$t]) {
            #[inline(always)]
            fn plain(x: &[$t], weights: &[$t], acc: &mut [$t]) {
                let (mut blocks, n) = (acc.chunks_exact_mut(BLOCK), weights.len() / x.len().max(1));
                let mut done = 0;
                for block in &mut blocks {
                    let mut sums = [0 as $t; BLOCK];
                    for (v, row) in x.iter().zip(weights.chunks_exact(n)) {
                        for (sum, w) in sums.iter_mut().zip(&row[done..done + BLOCK]) {
                            *sum = sum.wrapping_add(v.wrapping_mul(*w));
                        }
                    }
                    block.iter_mut().zip(sums).for_each(|(a, s)| *a = a.wrapping_add(s));
                    done += BLOCK;
                }
                let rest = blocks.into_remainder();
                for (v, row) in x.iter().zip(weights.chunks_exact(n)) {
                    for (a, w) in rest.iter_mut().zip(&row[done..]) {
                        *a = a.wrapping_add(v.wrapping_mul(*w));
                    }
                }
            }

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn $mid(x: &[$t], weights: &[$t], acc: &mut [$t]) {
                    plain(x, weights, acc);
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
                fn $wide(x: &[$t], weights: &[$t], acc: &mut [$t]) {
                    plain(x, weights, acc);
                }
                match isa {
                    // SAFETY: the features were just found on this machine.
                    Isa::Avx512 if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") => {
                        return unsafe { $wide(x, weights, acc) };
                    }
                    // SAFETY: as above.
                    Isa::Avx512 | Isa::Avx2 if is_x86_feature_detected!("avx2") => {
                        return unsafe { $mid(x, weights, acc) };
                    }
                    _ => {}
                }
            }
            let _ = isa;
            plain(x, weights, acc);
        }
    };
}

/// Outputs whose sums stay in registers together.
const BLOCK: usize = 64;

accumulate!(accumulate_i16, i16_avx512, i16_avx2, i16);
accumulate!(accumulate_i32, i32_avx512, i32_avx2, i32);
