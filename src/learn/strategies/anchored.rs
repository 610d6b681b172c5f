//! EWC and MAS on the head: each weight is pulled to where it was, in proportion to its importance (S7–S9).
//!
//! The importance is computed in f32 from the device's own logits, once an experience, and kept in the format of slot `past`;
//! the anchor is kept in the format of slot `consolidated`. The pull is one rounded product a weight beside SGD's step, both
//! from the weights before the step; it does not pass through the velocity.

use super::super::calls::Tensor;
use super::super::slot_state::{SlotState, narrow_real};
use super::super::{Head, LearnError, StepReport, Strategy, TrainingSamples};
use super::Importance;
use super::pull::{Penalty, Pulls, pull_slot};
use crate::trace::{Phase, Sink};

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
    pulls: Pulls,
}

impl Anchored {
    pub fn new(head: Head, lambda: f64, importance: Importance) -> Result<Self, LearnError> {
        let pull_slot = pull_slot("head.pull", head.config(), head.seed)?;
        Ok(Self {
            head,
            lambda,
            importance,
            penalties: Vec::new(),
            running: Vec::new(),
            pull_slot,
            pulls: Pulls::default(),
        })
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
        let pull: Vec<f64> = importance.iter().map(|&f| 2.0 * self.lambda * f64::from(f)).collect();
        if self.importance != Importance::Separate {
            self.penalties.clear();
        }
        self.penalties.push(Penalty::new(&mut self.head.weights, &mut self.pull_slot, &pull)?);
        Ok(())
    }
}

impl Strategy for Anchored {
    fn observe(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        let rate = self.head.config().learning_rate;
        self.pulls.take(&mut self.head.weights, &self.penalties, rate)?;
        let report = self.head.step(batch, sink)?;
        self.pulls.apply(&mut self.head.weights)?;
        self.head.tell(sink, |calls| calls.pulls(Tensor::Weights, self.penalties.len()));
        Ok(report)
    }

    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.calibrate(samples)?;
        self.head.refresh(samples.table(), Phase::Consolidate, sink)?;
        let squares = !matches!(self.importance, Importance::Sensitivity { .. });
        let new = self.head.importance(samples, squares)?;
        self.head.tell(sink, |calls| {
            let batches = samples.batches(self.head.config().batch).flat_map(|batch| {
                let forward = std::iter::repeat_n(calls.batch_forward(), batch.len());
                forward.chain([calls.importance(batch.len(), self.importance)])
            });
            batches
                .chain([calls.remember(Tensor::Weights, self.importance != Importance::Separate)])
                .collect::<Vec<_>>()
        });
        let merged = self.merged(new);
        self.remember(&merged)?;
        self.running = merged;
        Ok(())
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
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
