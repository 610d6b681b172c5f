//! The learning head: state, one training step, prediction.

use super::backward::Loss;
use super::calls::{Calls, Tensor};
use super::forward::{Forward, Row};
use super::gradient::Gradient;
use super::kernels::StepCount;
use super::lanes::Way;
use super::param::Param;
use super::slot_state::SlotState;
use super::{BiasPolicy, FeatureTable, HeadConfig, LearnError, SlotName, TrainingSamples, UpdateBase};
use crate::numeric::{QParams, Scale, Values};
use crate::trace::{Phase, Sink};
use std::borrow::Cow;

/// A head of `classes` rows over `features` features, in one precision.
///
/// All buffers are allocated once; a step allocates nothing unless its sink listens.
#[derive(Debug, Clone)]
pub struct Head {
    pub(crate) config: HeadConfig,
    pub(crate) classes: usize,
    pub(crate) features: usize,
    pub(crate) forward: Forward,
    pub(crate) loss: Loss,
    pub(crate) weights: Param,
    pub(crate) bias: Option<Param>,
    pub(crate) calls: Calls,
    pub(crate) scratch: Vec<f64>,
    feature_scale: Scale,
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    total: StepCount,
}

/// What one training step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Optimiser step since the head was made, from 0.
    pub step: u64,
    /// Non-zero gradient entries and how many of their steps rounded to nothing.
    pub updates: StepCount,
}

impl Head {
    /// A head with all weights zero; `seed` matters to stochastic rounding only.
    ///
    /// Errors as [`HeadConfig::validate`], and when there are no classes or features.
    pub fn new(config: HeadConfig, classes: usize, features: usize, seed: u64) -> Result<Self, LearnError> {
        config.validate()?;
        for (what, got) in [("classes", classes), ("features", features)] {
            if got == 0 {
                return Err(LearnError::Shape { what, expected: 1, got });
            }
        }
        let forward = Forward::new(&config, classes, features, seed)?;
        let loss = Loss::new(&config, classes, seed)?;
        let feature_slot = SlotState::of(SlotName::Features, config.precision.slot(SlotName::Features), seed);
        let error = &loss.error_slot;
        let gradient =
            Gradient::new(&config, (classes, features), (error, feature_slot.as_ref()), Tensor::Weights, seed);
        let weights = Param::new(&config, (classes, features), Tensor::Weights, gradient, seed)?;
        let bias = (config.bias != BiasPolicy::None)
            .then(|| {
                let gradient = Gradient::new(&config, (classes, 1), (error, None), Tensor::Bias, seed);
                Param::new(&config, (classes, 1), Tensor::Bias, gradient, seed)
            })
            .transpose()?;
        let calls = Calls::new(&config, classes, features);
        let scratch = Vec::with_capacity(classes * features);
        let (feature_scale, total) = (Scale::ONE, StepCount::default());
        Ok(Self {
            config,
            classes,
            features,
            forward,
            loss,
            weights,
            bias,
            calls,
            scratch,
            feature_scale,
            seed,
            steps: 0,
            total,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// Classes (rows).
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Features (columns).
    pub fn features(&self) -> usize {
        self.features
    }

    /// The weights that SGD updates, `classes × features`.
    pub fn master(&self) -> &Values {
        &self.weights.master
    }

    /// The copy that the forward pass uses (the master itself where formats are equal).
    pub fn forward_copy(&self) -> Cow<'_, Values> {
        if self.forward.identical { Cow::Borrowed(&*self.weights.master) } else { self.forward.copied() }
    }

    /// CWR*'s consolidated weights.
    pub fn consolidated(&self) -> &Values {
        &self.weights.consolidated
    }

    /// The bias, where there is one.
    pub fn bias(&self) -> Option<&Values> {
        self.bias.as_ref().map(|b| &*b.master)
    }

    /// The velocity, where the optimiser keeps one.
    pub fn velocity(&self) -> Option<&Values> {
        self.weights.velocity.as_ref()
    }

    /// Updates over all steps so far.
    pub fn updates(&self) -> StepCount {
        self.total
    }

    /// Optimiser steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn check(&self, table: &FeatureTable) -> Result<(), LearnError> {
        if table.n_features() != self.features {
            return Err(LearnError::Shape { what: "a sample", expected: self.features, got: table.n_features() });
        }
        let expected = self.config.precision.slot(SlotName::Features).number();
        if expected != Some(table.format()) {
            return Err(LearnError::FeatureFormat {
                expected: expected.map(|f| f.to_string()).unwrap_or_default(),
                got: table.format().to_string(),
            });
        }
        Ok(())
    }

    /// One step of SGD on a minibatch.
    ///
    /// Order of phases: forward copy, logits, softmax, error, gradient, velocity, update (docs/numerics.md).
    pub fn step(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        self.check_batch(batch)?;
        let (table, rows) = (batch.table(), batch.rows());
        if self.bias.is_some() {
            self.refresh(table, Phase::Update, sink)?;
            self.errors_of_batch(batch, sink)?;
        } else {
            self.note_scale(table);
            let unit = self.forward.refresh_and_dots(&self.weights.master, (table, rows), &mut self.scratch)?;
            self.tell_copies(Phase::Update, sink);
            self.errors_of_dots(unit, batch, sink)?;
        }
        self.descend(batch, sink)
    }

    /// The second half of a step, from the batch's differences on.
    pub(crate) fn descend(
        &mut self,
        batch: TrainingSamples<'_>,
        sink: &mut dyn Sink,
    ) -> Result<StepReport, LearnError> {
        self.quantise_errors(batch.len(), sink)?;
        self.descend_from_errors(batch, sink)
    }

    /// As [`Self::descend`] once the errors are in their format.
    pub(crate) fn descend_from_errors(
        &mut self,
        batch: TrainingSamples<'_>,
        sink: &mut dyn Sink,
    ) -> Result<StepReport, LearnError> {
        self.gradients(batch, sink)?;
        let mut updates = StepCount::default();
        let base = match self.config.precision.update_base {
            UpdateBase::Forward if !self.forward.identical => Some(self.forward.base()),
            _ => None,
        };
        self.weights.update(&self.config, base)?;
        updates = updates.plus(self.weights.last);
        if let Some(bias) = &mut self.bias {
            bias.update(&self.config, None)?;
            updates = updates.plus(bias.last);
        }
        let report = StepReport { step: self.steps, updates };
        self.steps += 1;
        self.total = self.total.plus(updates);
        Ok(report)
    }

    /// Adds the updates of a layer below to the totals and to a step's report.
    pub(crate) fn with_updates(&mut self, report: StepReport, more: StepCount) -> StepReport {
        self.total = self.total.plus(more);
        StepReport { updates: report.updates.plus(more), ..report }
    }

    /// A minibatch of this head's features and classes, of at least one sample and no more than the buffers hold?
    pub(crate) fn check_batch(&self, batch: TrainingSamples<'_>) -> Result<(), LearnError> {
        self.check(batch.table())?;
        if batch.is_empty() || batch.len() > self.config.batch {
            return Err(LearnError::Shape { what: "a minibatch", expected: self.config.batch, got: batch.len() });
        }
        batch.check_classes(self.classes)
    }

    /// Samples of this head's features, all of them in the table?
    pub(crate) fn check_rows(&self, table: &FeatureTable, rows: &[usize]) -> Result<(), LearnError> {
        self.check(table)?;
        table.check_rows(rows)
    }

    /// Makes the forward copies anew (ForwardCopy).
    pub(crate) fn refresh(
        &mut self,
        table: &FeatureTable,
        phase: Phase,
        sink: &mut dyn Sink,
    ) -> Result<(), LearnError> {
        self.note_scale(table);
        self.refresh_copies(phase, sink)
    }

    fn note_scale(&mut self, table: &FeatureTable) {
        if let Values::Codes { params, .. } = table.values() {
            self.feature_scale = params.scale;
        }
    }

    fn tell_copies(&self, phase: Phase, sink: &mut dyn Sink) {
        self.tell(sink, |calls| calls.tensors().flat_map(|t| calls.forward_copy(t, phase)).collect::<Vec<_>>());
    }

    /// As [`Self::refresh`] with the feature scale of the last table.
    pub(crate) fn refresh_copies(&mut self, phase: Phase, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.forward.refresh(&self.weights.master, &mut self.scratch)?;
        if let Some(bias) = &self.bias {
            self.forward.refresh_bias(&bias.master, &self.weights.master, self.feature_scale)?;
        }
        self.tell_copies(phase, sink);
        Ok(())
    }

    /// From now on two halves of the rows run side by side on the caller's thread pool, where the head is large enough for
    /// that to pay. No result depends on it.
    pub fn side_by_side(&mut self, yes: bool) {
        let way = Way::best().side_by_side(yes, self.classes * self.features);
        (self.forward.way, self.weights.way, self.weights.gradient.way) = (way, way, way);
    }

    /// How its tensors are run over, for a loop of many steps to run beside a second thread that stays awake.
    pub(crate) fn beside(&self) -> Way {
        self.weights.way
    }

    pub(crate) fn quantise_errors(&mut self, batch: usize, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.loss.quantise(batch * self.classes)?;
        self.tell(sink, |calls| calls.quantise_error(batch));
        Ok(())
    }

    /// Batch gradients in their slot's format (GradientAccumulate, GradientRange, QuantiseGradient).
    pub(crate) fn gradients(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        let (table, rows) = (batch.table(), batch.rows());
        let error_scale = scale_of(&self.loss.errors);
        let feature_scale = scale_of(table.values());
        let (c, k) = (self.classes, self.features);
        self.weights.gradient.start(error_scale, feature_scale, rows.len())?;
        if !self.weights.gradient.add_batch(&self.loss.errors, (table, rows)) {
            self.weights.gradient.clear();
            for (b, &row) in rows.iter().enumerate() {
                self.weights.gradient.add(Row::of(&self.loss.errors, b, c), Row::of(table.values(), row, k))?;
            }
        }
        self.weights.gradient.finish(rows.len())?;
        if let Some(bias) = &mut self.bias {
            bias.gradient.start(error_scale, Scale::ONE, rows.len())?;
            bias.gradient.clear();
            let one = [1];
            let one_real = [1.0];
            for b in 0..rows.len() {
                let errors = Row::of(&self.loss.errors, b, c);
                let constant = match errors {
                    Row::Codes(..) => Row::Codes(&one, QParams::symmetric(Scale::ONE)),
                    Row::Reals(_) => Row::Reals(&one_real),
                };
                bias.gradient.add(errors, constant)?;
            }
            bias.gradient.finish(rows.len())?;
        }
        self.tell(sink, |calls| {
            let of_tensor = |tensor| {
                let sums = std::iter::repeat_n(calls.gradient_accumulate(tensor), rows.len());
                let ends = calls.quantise_gradient(tensor).into_iter().chain(calls.update(tensor));
                std::iter::once(calls.clear(tensor)).chain(sums).chain(ends)
            };
            calls.tensors().flat_map(of_tensor).collect::<Vec<_>>()
        });
        Ok(())
    }

    /// Class of one sample: the largest logit, the first of equals (HeadForward, ArgMax).
    pub fn predict(&mut self, table: &FeatureTable, row: usize, sink: &mut dyn Sink) -> Result<usize, LearnError> {
        self.check_rows(table, &[row])?;
        self.forward.dot(&self.weights.master, Row::of(table.values(), row, self.features))?;
        self.tell(sink, |calls| [calls.head_forward(), calls.argmax()]);
        Ok(self.forward.best())
    }

    /// The optimiser starts anew: velocities of zero.
    pub(crate) fn reset_velocity(&mut self) {
        std::iter::once(&mut self.weights).chain(&mut self.bias).for_each(Param::reset_velocity);
    }

    /// Both parameter tensors, weights first.
    pub(crate) fn params(&self) -> impl Iterator<Item = (Tensor, &Param)> {
        std::iter::once((Tensor::Weights, &self.weights)).chain(self.bias.iter().map(|b| (Tensor::Bias, b)))
    }
}

fn scale_of(values: &Values) -> Scale {
    match values {
        Values::Codes { params, .. } => params.scale,
        Values::Real(_) => Scale::ONE,
    }
}
