//! Logarithms of integers.

/// Fraction bits of [`log2`] and [`ln`].
pub const LOG_FRACTION: u32 = 26;

/// ln 2 in UQ0.32.
const LN2: u64 = 2_977_044_472;

/// `log2(x)` of an integer in UQ6.26 (N34); 0 for `x` 0 and 1.
pub fn log2(x: u64) -> u32 {
    let x = x.max(1);
    let top = 63 - x.leading_zeros();
    // UQ1.31 in [1, 2).
    let mut m = (x << (63 - top)) >> 32;
    let mut fraction = 0u32;
    for _ in 0..LOG_FRACTION {
        let square = m * m;
        let bit = u32::from(square >> 63 == 1);
        m = square >> (31 + bit);
        fraction = fraction << 1 | bit;
    }
    top << LOG_FRACTION | fraction
}

/// `ln(x)` of an integer in UQ6.26 (N35); 0 for `x` 0 and 1.
pub fn ln(x: u64) -> u32 {
    u32::try_from((u64::from(log2(x)) * LN2 + (1 << 31)) >> 32).expect("smaller than log2")
}
