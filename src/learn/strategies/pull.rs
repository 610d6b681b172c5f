//! Quadratic penalties on one parameter tensor: anchors, and the pull towards them beside SGD's step (S7).
//!
//! The pull is integer where weights and anchors share a fixed grid and the pull is codes: one rounded product a weight. Otherwise it
//! runs in f64 and is rounded once into the weights. Both from the weights before the step.

use super::super::consolidate::reals_of;
use super::super::kernels;
use super::super::param::Param;
use super::super::slot_state::SlotState;
use super::super::{HeadConfig, LearnError, SlotName};
use crate::numeric::{Scale, Values};

/// Where weights were, and how strongly each is drawn back there.
#[derive(Debug, Clone)]
pub(super) struct Penalty {
    anchor: Values,
    pull: Values,
}

impl Penalty {
    /// The weights as they are, in their consolidated format, and `pull` (the penalty's second derivative) in its slot's.
    pub fn new(param: &mut Param, pull_slot: &mut SlotState, pull: &[f64]) -> Result<Self, LearnError> {
        let mut anchor = param.consolidated_slot.zeros(pull.len());
        let mut reals = Vec::new();
        reals_of(&param.master, &mut reals);
        param.consolidated_slot.fill_from_reals(&reals, &mut anchor, "anchors")?;
        let mut values = pull_slot.zeros(pull.len());
        pull_slot.fill_from_reals(pull, &mut values, "importances")?;
        Ok(Self { anchor, pull: values })
    }

    /// `pull · (w − anchor)` of each weight as reals, added to `out`.
    pub fn add_gradient(&self, weights: &[f64], out: &mut [f64]) {
        let (mut a, mut k) = (Vec::new(), Vec::new());
        reals_of(&self.anchor, &mut a);
        reals_of(&self.pull, &mut k);
        for (((g, w), a), k) in out.iter_mut().zip(weights).zip(&a).zip(&k) {
            *g += k * (w - a);
        }
    }
}

/// The slot of pulls: format and rounding of slot `past`.
pub(super) fn pull_slot(site: &str, config: &HeadConfig, seed: u64) -> Result<SlotState, LearnError> {
    SlotState::named(site, config.precision.slot(SlotName::Past), seed).ok_or(LearnError::Impossible {
        slot: SlotName::Past,
        format: "accumulator".to_owned(),
        why: "only logits and gradient can stay in their accumulator",
    })
}

/// What the penalties take off each weight in one step.
#[derive(Debug, Clone, Default)]
pub(super) enum Pulls {
    #[default]
    None,
    /// In codes of the weights' grid.
    Codes(Vec<i64>),
    Reals(Vec<f64>),
}

impl Pulls {
    /// From the weights as they are.
    pub fn take(&mut self, param: &mut Param, penalties: &[Penalty], rate: f64) -> Result<(), LearnError> {
        if penalties.is_empty() {
            *self = Self::None;
            return Ok(());
        }
        let fixed = !param.master_slot.is_dynamic();
        let Values::Codes { codes: w, params: wp } = &*param.master else {
            *self = Self::of_reals(param, penalties, rate);
            return Ok(());
        };
        let same = |p: &Penalty| matches!(&p.anchor, Values::Codes { params, .. } if params == wp);
        let codes = |p: &Penalty| matches!(p.pull, Values::Codes { .. });
        if !(fixed && penalties.iter().all(|p| same(p) && codes(p))) {
            *self = Self::of_reals(param, penalties, rate);
            return Ok(());
        }
        let mut moves = vec![0i64; w.len()];
        for penalty in penalties {
            let (Values::Codes { codes: anchor, .. }, Values::Codes { codes: pull, params }) =
                (&penalty.anchor, &penalty.pull)
            else {
                continue;
            };
            let factor = Scale::from_f64(rate)?.mul(params.scale);
            let site = &mut param.update_slot.site;
            for (((moved, &w), &a), &k) in moves.iter_mut().zip(w).zip(anchor).zip(pull) {
                let off = (i64::from(w) - i64::from(a)).saturating_mul(i64::from(k));
                *moved = moved.saturating_add(kernels::product(off, factor, &mut site.rounder));
            }
        }
        *self = Self::Codes(moves);
        Ok(())
    }

    fn of_reals(param: &Param, penalties: &[Penalty], rate: f64) -> Self {
        let mut w = Vec::new();
        reals_of(&param.master, &mut w);
        let mut moves = vec![0.0; w.len()];
        penalties.iter().for_each(|p| p.add_gradient(&w, &mut moves));
        moves.iter_mut().for_each(|m| *m *= rate);
        Self::Reals(moves)
    }

    /// Takes them off the weights, which SGD's step may have moved since.
    pub fn apply(&self, param: &mut Param) -> Result<(), LearnError> {
        match self {
            Self::None => Ok(()),
            Self::Reals(moves) => {
                let mut reals = Vec::new();
                reals_of(&param.master, &mut reals);
                reals.iter_mut().zip(moves).for_each(|(w, m)| *w -= m);
                let stored = param.master_slot.fill_from_reals(&reals, &mut param.master, "pulled weights");
                stored.map_err(|e| if matches!(e, LearnError::NotFinite { .. }) { LearnError::Diverged } else { e })
            }
            Self::Codes(moves) => {
                let (lo, hi, overflow) = param.master_slot.limits();
                if let Values::Codes { codes, .. } = &mut *param.master {
                    for (w, &moved) in codes.iter_mut().zip(moves) {
                        let y = i64::from(*w).saturating_sub(moved);
                        *w = kernels::store(y, lo, hi, overflow, &mut param.master_slot.site.count)?;
                    }
                }
                Ok(())
            }
        }
    }
}
