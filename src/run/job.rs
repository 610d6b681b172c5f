//! One precision with one seed: the whole stream, measured after each experience.

use super::{Features, Inputs, RunError};
use crate::data::Experience;
use crate::learn::{
    EpochOrder, FeatureStage, FeatureTable, Fidelity, Head, HeadConfig, Joint, LearnError, Precision, Standardise,
    StepCount, Strategy, StrategyKind, TrainOn, TrainingSamples, Twin,
};
use crate::metrics::{Confusion, MetricsError};
use crate::numeric::Narrow;
use crate::record::{AccumulatorInfo, EpochGradient, FidelityPoint, OverflowInfo};
use crate::trace::NullSink;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Numeric fidelity is recorded at about so many steps of a run.
const FIDELITY_STEPS: usize = 80;

/// Images, features and what to learn of them.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// Data, network and stream.
    pub inputs: &'a Inputs,
    /// Features of the training images.
    pub train: &'a Features,
    /// Features of the test images.
    pub test: &'a Features,
    /// Labels of the training images.
    pub train_labels: &'a [usize],
    /// Labels of the test images.
    pub test_labels: &'a [usize],
}

/// What was measured after one experience. Counts are totals since the start of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Accuracy on the test samples of each experience.
    pub accuracy: Vec<f64>,
    /// The same before any training; in the first experience's entry only.
    pub initial_accuracy: Vec<f64>,
    /// Accuracy on the test samples that count after this experience.
    pub stream_accuracy: f64,
    /// Mean class accuracy on the same samples.
    pub mean_class_accuracy: f64,
    /// `confusion[y][p]` over the whole test set.
    pub confusion: Vec<Vec<u32>>,
    /// Fidelity of the steps of this experience.
    pub fidelity: Vec<FidelityPoint>,
    /// Error of its gradients by epoch.
    #[serde(default)]
    pub gradient_by_epoch: Vec<EpochGradient>,
    /// Gradient entries that were not zero.
    pub updates: u64,
    /// Among them: the step rounded to nothing.
    pub vanished: u64,
    /// By site.
    pub overflows: Vec<OverflowInfo>,
    /// Widths.
    pub accumulators: Vec<AccumulatorInfo>,
}

/// One precision with one seed.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// Place of the precision in the experiment.
    pub precision: usize,
    /// How it learns.
    pub strategy: StrategyKind,
    /// The head.
    pub head: &'a HeadConfig,
    /// The seed.
    pub seed: u64,
    /// Epochs of each experience.
    pub epochs: &'a [usize],
    /// Record numeric fidelity?
    pub traced: bool,
    /// Threads have nothing else to do: a large head may use a second one. No byte of a result depends on it.
    pub spare_threads: bool,
}

impl Job<'_> {
    fn fault(&self, source: LearnError) -> RunError {
        RunError::Learn { precision: self.head.precision.name.clone(), seed: self.seed, source }
    }

    /// Learns the stream; `done` is given every finished experience and may stop the job with an error.
    pub fn learn(
        &self,
        material: &Material<'_>,
        done: &mut dyn FnMut(usize, &Measured) -> Result<(), RunError>,
    ) -> Result<Vec<Measured>, RunError> {
        let stream = &material.inputs.stream;
        let first = &stream.experiences[0].train;
        let (stage, train, test) =
            tables(&self.head.precision, material, first, self.seed).map_err(|e| self.fault(e))?;
        let classes = material.inputs.train.n_classes();
        let mut strategy =
            self.strategy.build(self.head, classes, material.train.width, self.seed).map_err(|e| self.fault(e))?;
        let strategy = strategy.as_mut();
        strategy.head_mut().side_by_side(self.spare_threads);
        let plan = Plan::new(self.strategy, material);
        let steps: usize = plan.iter().zip(self.epochs).map(|(rows, n)| rows.len().div_ceil(self.head.batch) * n).sum();
        let every = steps.div_ceil(FIDELITY_STEPS).max(1);
        let measure_error = |e| match e {
            Measure::Learn(e) => self.fault(e),
            Measure::Metrics(e) => RunError::Metrics(e),
        };
        let mut untrained = Some(measure(strategy, &test, material, 0).map_err(measure_error)?.accuracy);
        let mut all = Vec::new();
        for (experience, rows) in plan.iter().enumerate() {
            let (fidelity, gradient_by_epoch) = TrainingSamples::new(&train, material.train_labels, rows)
                .and_then(|samples| self.experience(strategy, samples, experience, every))
                .map_err(|e| self.fault(e))?;
            let mut measured = measure(strategy, &test, material, experience).map_err(measure_error)?;
            measured.initial_accuracy = untrained.take().unwrap_or_default();
            (measured.fidelity, measured.gradient_by_epoch) = (fidelity, gradient_by_epoch);
            measured.overflows = overflows(stage.count(), strategy.head());
            done(experience, &measured)?;
            all.push(measured);
        }
        Ok(all)
    }

    fn experience(
        &self,
        strategy: &mut dyn Strategy,
        samples: TrainingSamples<'_>,
        experience: usize,
        every: usize,
    ) -> Result<(Vec<FidelityPoint>, Vec<EpochGradient>), LearnError> {
        let counts = samples.class_counts(strategy.head().classes())?;
        strategy.begin_experience(&counts, &mut NullSink)?;
        let (mut twin, mut points, mut gradients) = (Twin::new(), Vec::new(), Vec::new());
        let (order, mut room) = (EpochOrder::new(self.seed), Vec::new());
        let beside = strategy.head().beside();
        beside.accompanied(|| {
            for epoch in 0..passes(self.strategy, self.epochs[experience]) {
                let mut of_epoch = Vec::new();
                let shuffled = samples.in_order(order, (experience, epoch), &mut room);
                for (i, batch) in shuffled.batches(self.head.batch).enumerate() {
                    let step = usize::try_from(strategy.head().steps()).unwrap_or(usize::MAX);
                    let traced = self.traced && (step.is_multiple_of(every) || i == 0);
                    if let Some(head) = strategy.plain_head().filter(|_| traced) {
                        let mut found = Vec::new();
                        twin.step(head, batch, &mut NullSink, &mut found)?;
                        of_epoch.extend(found.iter().filter_map(|f| f.mape.map(|mape| (mape, f.relative_l2))));
                        if step.is_multiple_of(every) {
                            points.extend(found.into_iter().map(|f| point(f, experience)));
                        }
                    } else {
                        strategy.observe(batch, &mut NullSink)?;
                    }
                }
                gradients.extend(mean_gradient(&of_epoch, experience, epoch));
            }
            Ok::<_, LearnError>(())
        })?;
        strategy.end_experience(samples, &mut NullSink)?;
        Ok((points, gradients))
    }
}

/// Mean of an epoch's (MAPE, relative L2); `None` where no step was recorded.
#[allow(clippy::cast_precision_loss, reason = "steps of an epoch are far below 2^53")]
fn mean_gradient(errors: &[(f64, f64)], experience: usize, epoch: usize) -> Option<EpochGradient> {
    let steps = errors.len();
    let (mape, l2) = errors.iter().fold((0.0, 0.0), |(a, b), (mape, l2)| (a + mape, b + l2));
    let n = steps as f64;
    (steps > 0).then(|| EpochGradient { experience, epoch, steps, mape: mape / n, relative_l2: l2 / n })
}

/// The samples that each experience trains on: a stretch of all samples in order of arrival.
pub(super) struct Plan {
    rows: Vec<usize>,
    stretches: Vec<Range<usize>>,
}

impl Plan {
    pub fn new(strategy: StrategyKind, material: &Material<'_>) -> Self {
        let experiences = &material.inputs.stream.experiences;
        let rows: Vec<usize> = experiences.iter().flat_map(|e| e.train.iter().copied()).collect();
        let mut arrived = 0;
        let stretch = |(i, e): (usize, &Experience)| {
            let own = arrived..arrived + e.train.len();
            arrived = own.end;
            match strategy.train_on() {
                TrainOn::Own => own,
                TrainOn::SoFar => 0..own.end,
                TrainOn::AllAtOnce if i == 0 => 0..rows.len(),
                TrainOn::AllAtOnce => 0..0,
            }
        };
        let stretches = experiences.iter().enumerate().map(stretch).collect();
        Self { rows, stretches }
    }

    /// Experience by experience.
    pub fn iter(&self) -> impl Iterator<Item = &[usize]> {
        self.stretches.iter().map(|at| &self.rows[at.clone()])
    }
}

/// How often an experience's samples are gone through: once where the strategy counts them.
pub(super) fn passes(strategy: StrategyKind, epochs: usize) -> usize {
    if strategy.single_pass() { 1 } else { epochs }
}

fn point(f: Fidelity, experience: usize) -> FidelityPoint {
    FidelityPoint {
        step: f.step,
        experience,
        role: f.role.to_string(),
        relative_l2: f.relative_l2,
        mape: f.mape,
        vanished: f.vanished,
        lsb: f.lsb,
    }
}

/// The precision's feature stage, calibrated on the rows `first`, and both sets in its format.
pub(super) fn tables(
    precision: &Precision,
    material: &Material<'_>,
    first: &[usize],
    seed: u64,
) -> Result<(FeatureStage, FeatureTable, FeatureTable), LearnError> {
    let calibration = material.train.rows(first);
    let mut stage =
        FeatureStage::calibrate(precision, calibration.raw(), material.train.width, Standardise::PerFeature, seed)?;
    let train = stage.prepare(material.train.raw())?;
    let test = stage.prepare(material.test.raw())?;
    Ok((stage, train, test))
}

enum Measure {
    Learn(LearnError),
    Metrics(MetricsError),
}

impl From<LearnError> for Measure {
    fn from(e: LearnError) -> Self {
        Self::Learn(e)
    }
}

impl From<MetricsError> for Measure {
    fn from(e: MetricsError) -> Self {
        Self::Metrics(e)
    }
}

/// Predicts every test sample and counts, after experience `after`.
fn measure(
    strategy: &mut dyn Strategy,
    test: &FeatureTable,
    material: &Material<'_>,
    after: usize,
) -> Result<Measured, Measure> {
    let stream = &material.inputs.stream;
    let mut predicted = vec![0; material.test_labels.len()];
    for (&row, class) in stream.test.iter().zip(strategy.predict_rows(test, &stream.test)?) {
        predicted[row] = class;
    }
    let count = |rows: &[usize]| {
        let mut confusion = Confusion::new(material.inputs.test.n_classes());
        rows.iter().try_for_each(|&row| confusion.add(material.test_labels[row], predicted[row]))?;
        Ok::<_, MetricsError>(confusion)
    };
    let confusion = count(&stream.test)?;
    let counted = if stream.growing { count(&stream.tested(after))? } else { confusion.clone() };
    // The labels have been looked at, and a stream may have hundreds of experiences.
    let right: Vec<bool> = predicted.iter().zip(material.test_labels).map(|(p, y)| p == y).collect();
    let of = |rows: &[usize]| rows.iter().filter(|&&row| right[row]).count() as f64 / rows.len().max(1) as f64;
    let StepCount { non_zero, vanished } = strategy.head().updates();
    let accumulators = strategy.head().accumulators().into_iter().map(|a| AccumulatorInfo {
        site: a.site,
        safe_bits: a.safe_bits,
        used_bits: a.used_bits,
        seen_bits: a.seen_bits,
    });
    Ok(Measured {
        accuracy: stream.experiences.iter().map(|e| of(&e.test)).collect(),
        initial_accuracy: Vec::new(),
        stream_accuracy: counted.accuracy().unwrap_or(0.0),
        mean_class_accuracy: counted.mean_class_accuracy().unwrap_or(0.0),
        confusion: confusion.to_rows(),
        fidelity: Vec::new(),
        gradient_by_epoch: Vec::new(),
        updates: non_zero,
        vanished,
        overflows: Vec::new(),
        accumulators: accumulators.collect(),
    })
}

fn overflows(features: &Narrow, head: &Head) -> Vec<OverflowInfo> {
    let mut all = vec![features.clone()];
    all.extend(head.overflows());
    let info = |n: Narrow| OverflowInfo {
        site: n.site,
        total: n.total,
        overflowed: n.overflowed,
        first: n.first.iter().map(|o| o.value).collect(),
    };
    all.into_iter().map(info).collect()
}

/// Final accuracy of float training on all classes at once, for one seed: the upper bound.
pub fn joint(head: &HeadConfig, material: &Material<'_>, epochs: usize, seed: u64) -> Result<f64, RunError> {
    let fault = |source| RunError::Learn { precision: "joint".to_owned(), seed, source };
    let stream = &material.inputs.stream;
    let mut rows: Vec<usize> = stream.experiences.iter().flat_map(|e| e.train.iter().copied()).collect();
    rows.sort_unstable();
    let (_, train, test) = tables(&head.precision, material, &stream.experiences[0].train, seed).map_err(fault)?;
    let classes = material.inputs.train.n_classes();
    let mut joint = Joint::new(head.clone(), classes, material.train.width, seed).map_err(fault)?;
    let one = (0, epochs, EpochOrder::new(seed));
    let samples = TrainingSamples::new(&train, material.train_labels, &rows).map_err(fault)?;
    crate::learn::train_experience(&mut joint, samples, one, &mut NullSink, &mut |_, _| {}).map_err(fault)?;
    match measure(&mut joint, &test, material, stream.experiences.len().saturating_sub(1)) {
        Ok(measured) => Ok(measured.stream_accuracy),
        Err(Measure::Learn(e)) => Err(fault(e)),
        Err(Measure::Metrics(e)) => Err(e.into()),
    }
}
