//! What strategies need of a head beside its step: batches of predictions, scores set from outside, importance, bytes.

use super::calls::{Calls, Tensor};
use super::kernels::{self, StepCount};
use super::slot_state::narrow_real;
use super::{FeatureTable, Head, HeadConfig, LearnError, StepReport, TrainingSamples};
use crate::numeric::{Values, elementary};
use crate::trace::{KernelCall, NullSink, Sink};

/// Samples that are classified at a time.
const CHUNK: usize = 64;

impl Head {
    /// Hands a listening sink the calls that `made` makes; nobody else needs them.
    pub(crate) fn tell<C: IntoIterator<Item = KernelCall>>(&self, sink: &mut dyn Sink, made: impl FnOnce(&Calls) -> C) {
        if sink.listening() {
            made(&self.calls).into_iter().for_each(|call| self.calls.record(call, sink));
        }
    }

    pub(crate) fn check_counts(&self, counts: &[u32]) -> Result<(), LearnError> {
        if counts.len() == self.classes {
            return Ok(());
        }
        Err(LearnError::Shape { what: "class counts", expected: self.classes, got: counts.len() })
    }

    /// Classes of many samples, as [`Head::predict`] gives them one by one.
    pub fn predict_rows(&mut self, table: &FeatureTable, rows: &[usize]) -> Result<Vec<usize>, LearnError> {
        self.check_rows(table, rows)?;
        let mut classes = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(CHUNK) {
            let whole = self.forward.dots(&self.weights.master, table, chunk).is_some();
            for (b, &row) in chunk.iter().enumerate() {
                if whole {
                    self.forward.take(b);
                    classes.push(self.forward.best());
                } else {
                    classes.push(self.predict(table, row, &mut NullSink)?);
                }
            }
        }
        Ok(classes)
    }

    /// Logits of a batch into the loss's buffers, without errors.
    pub(crate) fn logits_of_batch(&mut self, table: &FeatureTable, rows: &[usize]) -> Result<(), LearnError> {
        let unit = self.forward.dots(&self.weights.master, table, rows);
        self.probabilities_of_dots(unit, (table, rows), &mut NullSink)
    }

    /// A report of a step that changed no weight.
    pub(crate) fn no_step(&mut self) -> StepReport {
        let report = StepReport { step: self.steps, updates: StepCount::default() };
        self.steps += 1;
        report
    }

    /// Rows and offsets of linear scores. A common factor brings the rows into the master's fixed range where it has one.
    pub(crate) fn set_scores(&mut self, mut rows: Vec<f64>, mut offsets: Vec<f64>) -> Result<(), LearnError> {
        let slot = &mut self.weights.master_slot;
        if let Some(params) = slot.fixed {
            let largest = rows.iter().fold(f64::MIN_POSITIVE, |m: f64, x| m.max(x.abs()));
            let (lo, hi) = slot.codes();
            let room = params.real(hi).min(-params.real(lo.saturating_add(i32::from(lo == i32::MIN))));
            let by = room / largest;
            rows.iter_mut().chain(&mut offsets).for_each(|x| *x *= by);
        }
        slot.fill_from_reals(&rows, &mut self.weights.master, "scores")?;
        if let Some(bias) = &mut self.bias {
            bias.master_slot.fill_from_reals(&offsets, &mut bias.master, "offsets of scores")?;
        }
        Ok(())
    }

    /// Mean over the minibatches of `samples` of each weight's squared gradient of the loss (`squares`), or else of the magnitude
    /// of its gradient of the mean of ‖z‖². In f32 from the device's logits, samples and sums in order.
    pub(crate) fn importance(&mut self, samples: TrainingSamples<'_>, squares: bool) -> Result<Vec<f32>, LearnError> {
        let (c, k) = (self.classes, self.features);
        let (mut total, mut gradient) = (vec![0f32; c * k], vec![0f32; c * k]);
        let (mut logits, mut error, mut sample) = (Vec::new(), vec![0f32; c], Vec::new());
        let mut batches = 0u32;
        for batch in samples.batches(self.config.batch) {
            self.errors_of_batch(batch, &mut NullSink)?;
            gradient.fill(0.0);
            for (b, (row, label)) in batch.pairs().enumerate() {
                self.loss.device_logits_of(b * c..(b + 1) * c, self.forward.integer_logits(), &mut logits);
                let z: Vec<f32> = logits.iter().map(|&z| narrow_real(z)).collect();
                if squares {
                    elementary::softmax_f32(&z, &mut error);
                    error[label] -= 1.0;
                } else {
                    error.iter_mut().zip(&z).for_each(|(e, z)| *e = 2.0 * z);
                }
                single_reals_of_row(batch.table(), row, &mut sample);
                kernels::gradient_accumulate_f32(&mut gradient, &error, &sample);
            }
            let mean = 1.0 / batch.len() as f32;
            for (t, g) in total.iter_mut().zip(&gradient) {
                let g = g * mean;
                *t += if squares { g * g } else { g.abs() };
            }
            batches += 1;
        }
        let n = f64::from(batches.max(1));
        total.iter_mut().for_each(|t| *t = narrow_real(f64::from(*t) / n));
        Ok(total)
    }

    /// Bytes that must live between steps: master, consolidated weights, forward copy where apart, velocity, bias.
    pub fn state_bytes(&self) -> u64 {
        let HeadConfig { precision, .. } = &self.config;
        let bytes = |slot, n: usize| precision.slot(slot).number().map_or(0, |f| f.storage_bytes(n));
        let mut sum = 0;
        for (tensor, param) in self.params() {
            let n = self.classes * param.columns;
            let (master, consolidated) = (param.master_slot.format, param.consolidated_slot.format);
            sum += master.storage_bytes(n) + consolidated.storage_bytes(n);
            sum += if param.velocity.is_some() { param.update_slot.format.storage_bytes(n) } else { 0 };
            sum += match tensor {
                Tensor::Weights if self.forward.identical => 0,
                Tensor::Weights => bytes(super::SlotName::WeightsForward, n),
                Tensor::Bias | Tensor::Layer => 4 * n,
            };
        }
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}

/// In single precision throughout, as a device has them.
fn single_reals_of_row(table: &FeatureTable, row: usize, out: &mut Vec<f32>) {
    let k = table.n_features();
    let at = row * k..(row + 1) * k;
    out.resize(k, 0.0);
    match table.values() {
        Values::Codes { codes, params } => super::forward::dequantise(&codes[at], *params, out),
        Values::Real(reals) => out.copy_from_slice(&reals[at]),
    }
}
