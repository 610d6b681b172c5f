//! From a batch's logits to its errors.

use super::forward::Row;
use super::{FeatureTable, Head, LearnError, TrainingSamples};
use crate::numeric::Scale;
use crate::trace::Sink;

impl Head {
    /// Logits, probabilities and differences of a batch (HeadForward, Softmax, Error).
    pub(crate) fn errors_of_batch(
        &mut self,
        batch: TrainingSamples<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), LearnError> {
        let unit = self.forward.dots(&self.weights.master, batch.table(), batch.rows());
        self.errors_of_dots(unit, batch, sink)
    }

    /// As [`Self::errors_of_batch`] from dot products of unit `unit`, where they were made at once.
    pub(crate) fn errors_of_dots(
        &mut self,
        unit: Option<Scale>,
        batch: TrainingSamples<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), LearnError> {
        self.probabilities_of_dots(unit, (batch.table(), batch.rows()), sink)?;
        self.loss.error(batch.labels());
        self.tell(sink, |calls| [calls.error(batch.len())]);
        Ok(())
    }

    /// Logits and probabilities from dot products of unit `unit`, where they were made at once (HeadForward, Softmax).
    pub(crate) fn probabilities_of_dots(
        &mut self,
        unit: Option<Scale>,
        (table, rows): (&FeatureTable, &[usize]),
        sink: &mut dyn Sink,
    ) -> Result<(), LearnError> {
        let seen = match (unit, self.forward.logits_of_batch()) {
            (Some(unit), Some(sums)) => self.loss.softmax_of_batch(sums, unit)?,
            _ => None,
        };
        match seen {
            Some((lo, hi)) => self.forward.seen = (lo.min(self.forward.seen.0), hi.max(self.forward.seen.1)),
            None => self.probabilities_one_by_one(unit, table, rows)?,
        }
        self.tell(sink, |calls| {
            let forward = std::iter::repeat_n(calls.batch_forward(), rows.len());
            forward.chain(std::iter::repeat_n(calls.softmax(), rows.len()))
        });
        Ok(())
    }

    /// Logits and probabilities sample by sample; from dot products of unit `unit`, where they were made at once.
    fn probabilities_one_by_one(
        &mut self,
        unit: Option<Scale>,
        table: &FeatureTable,
        rows: &[usize],
    ) -> Result<(), LearnError> {
        let c = self.classes;
        for (b, &row) in rows.iter().enumerate() {
            let at = b * c..(b + 1) * c;
            let unit = match unit {
                Some(unit) => {
                    self.forward.take(b);
                    unit
                }
                None => self.forward.dot(&self.weights.master, Row::of(table.values(), row, self.features))?,
            };
            let (codes, reals) = (&mut self.loss.logit_codes[at.clone()], &mut self.loss.logit_reals[at]);
            self.loss.logit_unit = self.forward.logits(unit, codes, reals)?;
        }
        (0..rows.len()).try_for_each(|b| self.loss.softmax(b, self.forward.integer_logits()))
    }
}
