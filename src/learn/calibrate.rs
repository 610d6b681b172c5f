//! The calibration pass after the first experience: ranges of frozen slots.

use super::{Head, LearnError, TrainingSamples};
use crate::trace::{NullSink, Phase};

impl Head {
    /// Does a slot wait for its range?
    pub(crate) fn awaits_range(&self) -> bool {
        let error = &self.loss.error_slot;
        let gradient = self.weights.gradient.slot.as_ref();
        (error.is_frozen_kind() && error.fixed.is_none())
            || gradient.is_some_and(|s| s.is_frozen_kind() && s.fixed.is_none())
    }

    /// One pass over the first experience's samples in order, without updates: the range of the error, then, with that error
    /// format, of the gradient. Does nothing where no slot is `frozen`, or once the ranges are known. Source: method_details.md §1.2.
    pub(crate) fn calibrate(&mut self, samples: TrainingSamples<'_>) -> Result<(), LearnError> {
        if !self.awaits_range() || samples.is_empty() {
            return Ok(());
        }
        self.check(samples.table())?;
        samples.check_classes(self.classes)?;
        self.refresh(samples.table(), Phase::Consolidate, &mut NullSink)?;
        let (mut codes, mut reals) = ((0i64, 0i64), (0f64, 0f64));
        for batch in samples.batches(self.config.batch) {
            self.errors_of_batch(batch, &mut NullSink)?;
            let (c, r) = self.loss.range(batch.len() * self.classes);
            codes = (codes.0.min(c.0), codes.1.max(c.1));
            reals = (reals.0.min(r.0), reals.1.max(r.1));
        }
        self.loss.freeze(codes, reals)?;
        let (mut lo, mut hi) = (0f64, 0f64);
        for batch in samples.batches(self.config.batch) {
            self.errors_of_batch(batch, &mut NullSink)?;
            self.quantise_errors(batch.len(), &mut NullSink)?;
            self.gradients(batch, &mut NullSink)?;
            self.weights.gradient.settle()?;
            self.bias.iter_mut().try_for_each(|bias| bias.gradient.settle())?;
            let (l, h) = self.weights.gradient.real_range();
            (lo, hi) = (lo.min(l), hi.max(h));
        }
        self.weights.gradient.freeze(lo, hi)
    }
}
