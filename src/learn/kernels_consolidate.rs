//! CWR*'s rows: loading, scalar mean, weight of the past, weighted sum.

use super::{Requant, Site, product, store};
use crate::numeric::{OverflowError, Rounder, Rounding, elementary};

/// Rows of `src` where `take`, the code of zero elsewhere.
///
/// Both sides have one grid; otherwise convert afterwards. `columns` values a row.
pub fn load_rows(dst: &mut [i32], src: &[i32], columns: usize, take: &[bool], zero: i32) {
    for ((d, s), &t) in dst.chunks_exact_mut(columns).zip(src.chunks_exact(columns)).zip(take) {
        if t {
            d.copy_from_slice(s);
        } else {
            d.fill(zero);
        }
    }
}

/// Sum of the centred codes of the rows where `rows`, and the number of values.
///
/// Range: at most 2^31 values of 33 bits, so i64 holds the sum.
pub fn sum_rows(codes: &[i32], columns: usize, rows: &[bool], zero: i32) -> (i64, i64) {
    let (mut sum, mut n) = (0, 0);
    for row in codes.chunks_exact(columns).zip(rows).filter(|(_, take)| **take).map(|(row, _)| row) {
        for &w in row {
            sum += i64::from(w) - i64::from(zero);
            n += 1;
        }
    }
    (sum, n)
}

/// CWR*'s one scalar mean, with `fraction` fraction bits: `round(sum · 2^fraction / n)`; 0 without values.
///
/// * Value: mean of all weights of the current classes' rows, in units of `2^−fraction` of the master's LSB, so that
///   subtracting it costs no rounding of its own.
/// * Rounding: ties-even, once. Overflow: saturates to i64 (impossible below 2^15 rows of 2^16 values).
/// * Source: method_details.md §2 step 4; Avalanche's plugin.
pub fn mean_rows((sum, n): (i64, i64), fraction: u32) -> i64 {
    if n == 0 {
        return 0;
    }
    Rounder::new(Rounding::TiesEven, 0, 0).divide(sum.saturating_mul(1 << fraction), n)
}

/// `√(past / current)` with `fraction` fraction bits.
///
/// * Formula: `isqrt(past · 2^(2·fraction) / current)`, integer division, then the integer square root.
/// * Range: `past` and `current` below 2^32, `fraction` ≤ 16; 0 where `current` is 0.
/// * Rounding: `floor` or `toward-zero`: as the formula; any `ties-…` rule: to the nearest (a root is never half-way).
/// * Overflow: none; the result has at most 32 bits.
pub fn past_weight(past: u32, current: u32, fraction: u32, rounding: Rounding) -> u32 {
    if current == 0 {
        return 0;
    }
    let squared = (u64::from(past) << (2 * fraction)) / u64::from(current);
    let root = elementary::isqrt(squared);
    let rest = squared - u64::from(root) * u64::from(root);
    let up = !matches!(rounding, Rounding::Floor | Rounding::TowardZero) && rest > u64::from(root);
    root.saturating_add(u32::from(up))
}

/// One row: `cw = limit(round((cw·wp + (tw − mean)·2^f) / (wp + 2^f)))`, `f` = `fraction`.
///
/// * Value: `cw[j]·wpast + (tw[j] − avg)` over `wpast + 1`.
/// * Formula: `to_consolidated` carries `(tw − zero)·2^f − mean` from the master's grid to the consolidated one; where both
///   are one grid its factor is 1 and nothing is rounded but the quotient.
/// * Range: `mean` and the intermediate have `f` fraction bits in i64. Rounding: the site's. Overflow: by
///   `to_consolidated`, counted.
/// * Source: method_details.md §2 step 4.
pub fn consolidate_rows(
    consolidated: &mut [i32],
    trained: &[i32],
    (mean, wpast, fraction): (i64, u32, u32),
    to_consolidated: &Requant,
    site: &mut Site,
) -> Result<(), OverflowError> {
    let same_grid = to_consolidated.factor == crate::numeric::Scale::ONE;
    let den = i64::from(wpast) + (1 << fraction);
    for (cw, &tw) in consolidated.iter_mut().zip(trained) {
        let new = ((i64::from(tw) - i64::from(to_consolidated.src_zero)) << fraction) - mean;
        let new = if same_grid { new } else { product(new, to_consolidated.factor, &mut site.rounder) };
        let old = (i64::from(*cw) - i64::from(to_consolidated.dst_zero)).saturating_mul(i64::from(wpast));
        let merged = site.rounder.divide(old.saturating_add(new), den) + i64::from(to_consolidated.dst_zero);
        *cw = store(merged, to_consolidated.lo, to_consolidated.hi, to_consolidated.overflow, &mut site.count)?;
    }
    Ok(())
}
