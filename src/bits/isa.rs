//! Which instructions the fast kernels use.

/// One of the instruction sets that fast kernels are written for. All give the same values, bit for bit.
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
    /// AArch64 NEON: two words, `cnt` counts bytes.
    Neon,
}

impl Isa {
    /// All of them, slowest first.
    pub const ALL: [Self; 5] = [Self::Portable, Self::Popcnt, Self::Neon, Self::Avx2, Self::Avx512];

    /// Everything this machine can run, slowest first; never empty.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.supported()).collect()
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
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("popcnt")
            }
            Self::Neon => false,
        }
        // Every AArch64 machine that this compiles for has NEON.
        #[cfg(target_arch = "aarch64")]
        return matches!(self, Self::Portable | Self::Neon);
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        return matches!(self, Self::Portable);
    }
}
