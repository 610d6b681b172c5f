//! Square roots.

/// `⌊√x⌋` (N36).
///
/// * Formula: two bits of `x` at a time, restoring; 32 rounds of compare, subtract, shift. Range: any u64, u32 out.
/// * Rounding: floor. Overflow: none. Equals: `u64::isqrt`. Source: the digit-by-digit method.
pub fn isqrt(x: u64) -> u32 {
    let (mut rest, mut root, mut bit) = (x, 0u64, 1u64 << 62);
    while bit != 0 {
        let trial = root + bit;
        root >>= 1;
        if rest >= trial {
            rest -= trial;
            root += bit;
        }
        bit >>= 2;
    }
    u32::try_from(root).expect("the root of 64 bits has 32")
}

/// `√(num / den)` in UQ16.16 (N37).
///
/// * Formula: `isqrt(⌊num·2^32 / den⌋)`, one 64-by-32-bit division. Range: any two u32; `den` 0 counts as 1.
/// * Rounding: floor, of the exact root. Overflow: none (the largest is `√(2^32 − 1)`).
pub fn sqrt_ratio(num: u32, den: u32) -> u32 {
    isqrt((u64::from(num) << 32) / u64::from(den.max(1)))
}
