//! EWC and MAS on the head: each weight is pulled to where it was, in proportion to its importance (S7–S9).
//!
//! The importance is computed in f32 from the device's own logits, once an experience, and kept in the format of slot `past`;
//! the anchor is kept in the format of slot `consolidated`. The pull is one rounded product a weight beside SGD's step, both
//! from the weights before the step; it does not pass through the velocity.

use super::super::calls::Tensor;
use super::super::consolidate::reals_of;
use super::super::kernels;
use super::super::slot_state::{SlotState, narrow_real};
use super::super::{FeatureTable, Head, LearnError, SlotName, StepReport, Strategy};
use super::Importance;
use crate::numeric::{Scale, Values};
use crate::trace::{Phase, Sink};

#[derive(Debug, Clone)]
struct Penalty {
    anchor: Values,
    /// `2 · λ · F`.
    pull: Values,
}

/// EWC or MAS.
#[derive(Debug, Clone)]
pub(super) struct Anchored {
    head: Head,
    lambda: f64,
    importance: Importance,
    penalties: Vec<Penalty>,
    /// F before its rounding to the pull's format, for the running ones.
    running: Vec<f32>,
    pull_slot: SlotState,
    moves: Vec<i64>,
    move_reals: Vec<f64>,
    experiences: usize,
}

impl Anchored {
    pub fn new(head: Head, lambda: f64, importance: Importance) -> Result<Self, LearnError> {
        let past = head.config().precision.slot(SlotName::Past);
        let pull_slot = SlotState::named("head.pull", past, head.seed).ok_or(LearnError::Impossible {
            slot: SlotName::Past,
            format: "accumulator".to_owned(),
            why: "only logits and gradient can stay in their accumulator",
        })?;
        Ok(Self {
            head,
            lambda,
            importance,
            penalties: Vec::new(),
            running: Vec::new(),
            pull_slot,
            moves: Vec::new(),
            move_reals: Vec::new(),
            experiences: 0,
        })
    }

    /// What the penalties take off each weight, from the weights as they are: codes of the master's grid, or reals.
    fn pulls(&mut self) -> Result<bool, LearnError> {
        let rate = self.head.config().learning_rate;
        let param = &mut self.head.weights;
        let Values::Codes { codes: w, params: wp } = &param.master else {
            self.pulls_of_reals(rate);
            return Ok(false);
        };
        let fixed = !param.master_slot.is_dynamic();
        let same = |p: &Penalty| matches!(&p.anchor, Values::Codes { params, .. } if params == wp);
        let codes = |p: &Penalty| matches!(p.pull, Values::Codes { .. });
        if !(fixed && self.penalties.iter().all(|p| same(p) && codes(p))) {
            self.pulls_of_reals(rate);
            return Ok(false);
        }
        self.moves.clear();
        self.moves.resize(w.len(), 0);
        for penalty in &self.penalties {
            let (Values::Codes { codes: anchor, .. }, Values::Codes { codes: pull, params }) =
                (&penalty.anchor, &penalty.pull)
            else {
                continue;
            };
            let factor = Scale::from_f64(rate)?.mul(params.scale);
            let site = &mut param.update_slot.site;
            for (((moved, &w), &a), &k) in self.moves.iter_mut().zip(w).zip(anchor).zip(pull) {
                let off = (i64::from(w) - i64::from(a)).saturating_mul(i64::from(k));
                *moved = moved.saturating_add(kernels::product(off, factor, &mut site.rounder));
            }
        }
        Ok(true)
    }

    fn pulls_of_reals(&mut self, rate: f64) {
        let (mut w, mut a, mut k) = (Vec::new(), Vec::new(), Vec::new());
        reals_of(&self.head.weights.master, &mut w);
        self.move_reals.clear();
        self.move_reals.resize(w.len(), 0.0);
        for penalty in &self.penalties {
            reals_of(&penalty.anchor, &mut a);
            reals_of(&penalty.pull, &mut k);
            for (((moved, w), a), k) in self.move_reals.iter_mut().zip(&w).zip(&a).zip(&k) {
                *moved += rate * k * (w - a);
            }
        }
    }

    fn apply(&mut self, codes: bool) -> Result<(), LearnError> {
        let param = &mut self.head.weights;
        if !codes {
            let mut reals = Vec::new();
            reals_of(&param.master, &mut reals);
            reals.iter_mut().zip(&self.move_reals).for_each(|(w, m)| *w -= m);
            return param.master_slot.fill_from_reals(&reals, &mut param.master, "pulled weights");
        }
        let (lo, hi, overflow) = param.master_slot.limits();
        if let Values::Codes { codes, .. } = &mut param.master {
            for (w, &moved) in codes.iter_mut().zip(&self.moves) {
                let y = i64::from(*w).saturating_sub(moved);
                *w = kernels::store(y, lo, hi, overflow, &mut param.master_slot.site.count)?;
            }
        }
        Ok(())
    }

    /// Old and new importance become one.
    fn merged(&self, new: Vec<f32>) -> Vec<f32> {
        let (keep, take) = match self.importance {
            Importance::Separate => return new,
            Importance::Online { decay } => (narrow_real(decay), 1.0),
            Importance::Sensitivity { alpha } => (narrow_real(alpha), narrow_real(1.0 - alpha)),
        };
        if self.running.is_empty() {
            return new;
        }
        self.running.iter().zip(&new).map(|(&old, &new)| keep * old + take * new).collect()
    }

    fn remember(&mut self, importance: &[f32]) -> Result<(), LearnError> {
        let mut anchor = self.head.weights.consolidated_slot.zeros(importance.len());
        let mut reals = Vec::new();
        reals_of(&self.head.weights.master, &mut reals);
        self.head.weights.consolidated_slot.fill_from_reals(&reals, &mut anchor, "anchors")?;
        let mut pull = self.pull_slot.zeros(importance.len());
        let doubled: Vec<f64> = importance.iter().map(|&f| 2.0 * self.lambda * f64::from(f)).collect();
        self.pull_slot.fill_from_reals(&doubled, &mut pull, "importances")?;
        if self.importance != Importance::Separate {
            self.penalties.clear();
        }
        self.penalties.push(Penalty { anchor, pull });
        Ok(())
    }
}

impl Strategy for Anchored {
    fn begin_experience(&mut self, counts: &[u32], _sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.check_counts(counts)?;
        self.head.reset_velocity();
        Ok(())
    }

    fn observe(
        &mut self,
        table: &FeatureTable,
        labels: &[usize],
        rows: &[usize],
        sink: &mut dyn Sink,
    ) -> Result<StepReport, LearnError> {
        let codes = self.pulls()?;
        let report = self.head.step(table, labels, rows, sink)?;
        if !self.penalties.is_empty() {
            self.apply(codes)?;
        }
        if sink.listening() {
            self.penalties.iter().for_each(|_| sink.record(self.head.calls.anchor_pull()));
        }
        Ok(report)
    }

    fn end_experience(
        &mut self,
        table: &FeatureTable,
        labels: &[usize],
        rows: &[usize],
        sink: &mut dyn Sink,
    ) -> Result<(), LearnError> {
        if self.experiences == 0 {
            self.head.calibrate(table, labels, rows)?;
        }
        self.experiences += 1;
        self.head.refresh(table, Phase::Consolidate, sink)?;
        let squares = !matches!(self.importance, Importance::Sensitivity { .. });
        let new = self.head.importance(table, labels, rows, squares)?;
        if sink.listening() {
            for batch in rows.chunks(self.head.config().batch) {
                batch.iter().for_each(|_| sink.record(self.head.calls.batch_forward()));
                sink.record(self.head.calls.importance(batch.len()));
            }
            sink.record(self.head.calls.remember());
        }
        let merged = self.merged(new);
        self.remember(&merged)?;
        self.running = merged;
        Ok(())
    }

    fn predict(&mut self, table: &FeatureTable, row: usize, sink: &mut dyn Sink) -> Result<usize, LearnError> {
        self.head.predict(table, row, sink)
    }

    fn predict_rows(&mut self, table: &FeatureTable, rows: &[usize]) -> Result<Vec<usize>, LearnError> {
        self.head.predict_rows(table, rows)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn plain_head(&mut self) -> Option<&mut Head> {
        None
    }

    fn state_bytes(&self) -> u64 {
        let n = self.head.classes() * self.head.features();
        let calls = &self.head.calls;
        let each = calls.consolidated(Tensor::Weights).storage_bytes(n) + self.pull_slot.format.storage_bytes(n);
        let running = if self.importance == Importance::Separate { 0 } else { 4 * self.running.len() };
        let extra = self.penalties.len() * each + running;
        self.head.state_bytes() + u64::try_from(extra).unwrap_or(u64::MAX)
    }
}
