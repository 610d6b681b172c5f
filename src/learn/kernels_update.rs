//! Velocity and SGD's step.

use super::{Site, product, store};
use crate::numeric::{Overflow, OverflowError, Scale};

/// How SGD's step lands on the master's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Code of zero of the gradient (or velocity).
    pub src_zero: i32,
    /// Learning rate × gradient scale / master scale.
    pub factor: Scale,
    /// Smallest master code.
    pub lo: i32,
    /// Largest master code.
    pub hi: i32,
    /// What happens to master codes outside.
    pub overflow: Overflow,
}

/// How many entries had a gradient, and how many of those did not move the weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepCount {
    /// Entries with a non-zero gradient.
    pub non_zero: u64,
    /// Among them: the step rounded to nothing.
    pub vanished: u64,
}

impl StepCount {
    /// Share of non-zero gradient entries whose step rounded to nothing; 0 without any.
    pub fn share(&self) -> f64 {
        if self.non_zero == 0 { 0.0 } else { self.vanished as f64 / self.non_zero as f64 }
    }

    /// Sum of two counts.
    pub fn plus(self, other: Self) -> Self {
        Self { non_zero: self.non_zero + other.non_zero, vanished: self.vanished + other.vanished }
    }
}

/// `velocity = limit(round(μ·velocity) + round(gradient) + round(λ·weight))`, each term rounded once to the velocity's grid.
///
/// * Range: `gradient` gives codes minus their zero; `to_velocity` = gradient scale / velocity scale; `momentum` and `decay` (λ × master scale / velocity scale) are
///   `None` where zero.
/// * Overflow: by `limits`, counted at the site.
pub fn velocity(
    velocity: &mut [i32],
    (gradient, to_velocity): (impl Iterator<Item = i64>, Scale),
    (master, master_zero, decay): (&[i32], i32, Option<Scale>),
    momentum: Option<Scale>,
    (lo, hi, overflow): (i32, i32, Overflow),
    site: &mut Site,
) -> Result<(), OverflowError> {
    for ((v, g), &w) in velocity.iter_mut().zip(gradient).zip(master) {
        let kept = momentum.map_or(0, |m| product(i64::from(*v), m, &mut site.rounder));
        let new = product(g, to_velocity, &mut site.rounder);
        let pull = decay.map_or(0, |d| product(i64::from(w) - i64::from(master_zero), d, &mut site.rounder));
        let sum = kept.saturating_add(new).saturating_add(pull);
        *v = store(sum, lo, hi, overflow, &mut site.count)?;
    }
    Ok(())
}

/// `master = limit(master − round((gradient − zero) · factor))`.
///
/// * Value: one step of SGD; `factor` = η · gradient scale / master scale.
/// * Range: codes `lo … hi`. Rounding: the site's, once. Overflow: by `step.overflow`, counted at `master`.
/// * Gives: how many gradients were not zero and how many of their steps rounded to nothing.
/// * Equals: SMULL, rounding shift, SUB, SSAT.
pub fn sgd_update(
    master: &mut [i32],
    gradient: &[i32],
    step: &Step,
    update: &mut Site,
    store_site: &mut Site,
) -> Result<StepCount, OverflowError> {
    let centred = gradient.iter().map(|&g| i64::from(g) - i64::from(step.src_zero));
    descend(master, centred, step, (update, store_site))
}

/// As [`sgd_update`] straight from 64-bit accumulators.
pub fn sgd_update_wide(
    master: &mut [i32],
    gradient: &[i64],
    step: &Step,
    update: &mut Site,
    store_site: &mut Site,
) -> Result<StepCount, OverflowError> {
    descend(master, gradient.iter().copied(), step, (update, store_site))
}

/// [`stepped`] of every code.
#[inline]
pub(crate) fn descend(
    master: &mut [i32],
    centred: impl Iterator<Item = i64>,
    step: &Step,
    (update, store_site): (&mut Site, &mut Site),
) -> Result<StepCount, OverflowError> {
    let mut count = StepCount::default();
    for (w, g) in master.iter_mut().zip(centred) {
        *w = stepped(*w, g, step, update, store_site, &mut count)?;
    }
    Ok(count)
}

/// One code's step, with `g` less its zero.
#[inline]
pub(crate) fn stepped(
    w: i32,
    g: i64,
    step: &Step,
    update: &mut Site,
    store_site: &mut Site,
    count: &mut StepCount,
) -> Result<i32, OverflowError> {
    let moved = product(g, step.factor, &mut update.rounder);
    count.non_zero += u64::from(g != 0);
    count.vanished += u64::from(g != 0 && moved == 0);
    store(i64::from(w).saturating_sub(moved), step.lo, step.hi, step.overflow, &mut store_site.count)
}
