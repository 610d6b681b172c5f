//! Plain loops compiled once for each instruction set: the code is the same, so are the results.

use crate::bits::Isa;

/// A loop that gains from wider vectors. Everything it calls must be inlined, or it stays compiled for any machine.
pub(super) trait Loop {
    /// Runs it; implemented with `#[inline(always)]`.
    fn run(self);
}

/// Runs a loop compiled for `isa`, or for any machine where this one lacks it.
pub(super) fn vectorised<L: Loop>(isa: Isa, work: L) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2<L: Loop>(work: L) {
            work.run();
        }
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
        fn avx512<L: Loop>(work: L) {
            work.run();
        }
        if isa.supported() {
            match isa {
                // SAFETY: the features were just found on this machine.
                Isa::Avx512 => return unsafe { avx512(work) },
                // SAFETY: as above.
                Isa::Avx2 => return unsafe { avx2(work) },
                _ => {}
            }
        }
    }
    let _ = isa;
    work.run();
}
