//! Weights whose range is taken anew each step: the step happens on a fixed fine grid, the codes follow.

use super::{Requant, StepCount, product};
use crate::numeric::{OverflowError, Rounder, Rounding, Scale};

/// Fraction bits of the fine grid (i64, so values within ±2^23).
pub const WIDE_FRACTION: i32 = 40;

/// Codes → fine grid: `dst = round((src − zero) · scale · 2^40)`, ties even.
pub fn widen(src: &[i32], zero: i32, scale: Scale, dst: &mut [i64]) {
    let factor = scale.mul(Scale::pow2(WIDE_FRACTION));
    let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
    for (d, &s) in dst.iter_mut().zip(src) {
        *d = product(i64::from(s) - i64::from(zero), factor, &mut rounder);
    }
}

/// `weights −= round(gradient · factor)` on the fine grid; `factor` = η · gradient scale · 2^40.
pub fn subtract_step_wide(
    weights: &mut [i64],
    gradient: impl Iterator<Item = i64>,
    factor: Scale,
    rounder: &mut Rounder,
) -> StepCount {
    let mut count = StepCount::default();
    for (w, g) in weights.iter_mut().zip(gradient) {
        let moved = product(g, factor, rounder);
        count.non_zero += u64::from(g != 0);
        count.vanished += u64::from(g != 0 && moved == 0);
        *w = w.saturating_sub(moved);
    }
    count
}

/// Fine grid → codes, [`Requant`] for each (its `src_zero` is 0).
pub fn narrow_wide_codes(
    src: &[i64],
    requant: &Requant,
    site: &mut super::Site,
    dst: &mut [i32],
) -> Result<(), OverflowError> {
    for (d, &s) in dst.iter_mut().zip(src) {
        *d = requant.centred(s, site)?;
    }
    Ok(())
}
