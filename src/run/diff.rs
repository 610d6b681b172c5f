//! Where two runs part: the same stream learnt in lockstep, every tensor of every step compared.

use super::job::{Material, Plan, passes, tables};
use super::replay::largest;
use super::{Prepared, RunError};
use crate::config::Experiment;
use crate::learn::{
    EpochOrder, FeatureTable, Head, HeadConfig, LearnError, Snapshot, Strategy, StrategyKind, TrainingSamples,
};
use crate::trace::NullSink;
use serde::Serialize;
use std::collections::BTreeMap;

/// Buckets of a histogram of differences: 0, 1, 2 to 3, 4 to 7, … least significant bits.
const BUCKETS: usize = 12;

/// What the comparison found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Divergence {
    /// One side, as the user named it.
    pub a: String,
    /// The other.
    pub b: String,
    /// Seed of both.
    pub seed: u64,
    /// Steps compared.
    pub steps: u64,
    /// The first difference; `None` where there is none.
    pub first: Option<First>,
    /// Test samples whose class differs after each experience, out of all test samples; only for two runs.
    pub changed_decisions: Vec<usize>,
    /// Test samples.
    pub test_samples: usize,
    /// Accuracy on the whole test set after each experience: (a, b); only for two runs.
    pub accuracy: Vec<(f64, f64)>,
}

/// The first step at which anything differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct First {
    /// Optimiser step, from 0.
    pub step: u64,
    /// Experience, from 0.
    pub experience: usize,
    /// The first tensor of the flow that differs.
    pub role: String,
    /// Its first element that differs: (row, column).
    pub element: (usize, usize),
    /// Value there on both sides.
    pub values: (f64, f64),
    /// Every tensor of the step.
    pub tensors: Vec<TensorDifference>,
    /// Samples of the minibatch whose largest logit moved.
    pub changed_decisions: usize,
    /// Samples of the minibatch.
    pub batch: usize,
}

/// Differences of one tensor at one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorDifference {
    /// Slot name.
    pub role: String,
    /// Elements.
    pub elements: usize,
    /// Elements that differ.
    pub different: usize,
    /// One least significant bit of the coarser side, as a real; `None` where both are real.
    pub lsb: Option<f64>,
    /// Elements by size of difference: 0, up to 1, 2, 4, 8, … LSB; against the largest value × 2^−24 where both are real.
    pub histogram: Vec<usize>,
    /// Largest difference.
    pub largest: f64,
}

/// One side of a comparison that runs.
pub(super) struct Side<'a> {
    strategy: Box<dyn Strategy>,
    pub train: FeatureTable,
    test: FeatureTable,
    head: &'a HeadConfig,
}

pub(super) fn fault(head: &HeadConfig, seed: u64) -> impl Fn(LearnError) -> RunError + '_ {
    move |source| RunError::Learn { precision: head.precision.name.clone(), seed, source }
}

pub(super) fn side<'a>(
    head: &'a HeadConfig,
    strategy: StrategyKind,
    material: &Material<'_>,
    seed: u64,
) -> Result<Side<'a>, RunError> {
    let first = &material.inputs.stream.experiences[0].train;
    let (_, train, test) = tables(&head.precision, material, first, seed).map_err(fault(head, seed))?;
    let classes = material.inputs.train.n_classes();
    let strategy = strategy.build(head, classes, material.train.width, seed).map_err(fault(head, seed))?;
    Ok(Side { strategy, train, test, head })
}

/// Learns the experiment's stream in two precisions at once and says where they part. Both learn to the end: a later difference in
/// accuracy is traced back to the first step.
///
/// # Errors
/// [`RunError::Learn`], e.g. where the two do not take the same steps.
pub fn compare_runs(
    prepared: &Prepared,
    experiment: &Experiment,
    (a, b): (&HeadConfig, &HeadConfig),
    seed: u64,
) -> Result<Divergence, RunError> {
    let material = prepared.material();
    let strategy = experiment.training.strategy;
    let (mut left, mut right) = (side(a, strategy, &material, seed)?, side(b, strategy, &material, seed)?);
    let mut found = empty((&a.precision.name, &b.precision.name), seed, &material);
    let batch = a.batch;
    each_step(prepared, experiment, (seed, batch), &mut |event| match event {
        Step::Begin(rows) => {
            left.begin(&material, rows, seed)?;
            right.begin(&material, rows, seed)
        }
        Step::Batch(experience, rows) => {
            left.observe(&material, rows, seed)?;
            right.observe(&material, rows, seed)?;
            if found.first.is_none() {
                let (x, y) = (left.snapshots(rows.len()), right.snapshots(rows.len()));
                found.first = first_difference(found.steps, experience, (&x, &y), rows.len());
            }
            found.steps += 1;
            Ok(())
        }
        Step::End(rows) => {
            left.end(&material, rows, seed)?;
            right.end(&material, rows, seed)?;
            let (p, q) = (left.predictions(&material, seed)?, right.predictions(&material, seed)?);
            found.changed_decisions.push(p.iter().zip(&q).filter(|(p, q)| p != q).count());
            let right_ones = |p: &[usize]| {
                let hits =
                    material.inputs.stream.test.iter().zip(p).filter(|(row, c)| material.test_labels[**row] == **c);
                hits.count() as f64 / p.len().max(1) as f64
            };
            found.accuracy.push((right_ones(&p), right_ones(&q)));
            Ok(())
        }
    })?;
    Ok(found)
}

/// Tensors of steps as a board wrote them: (step, role) → values, row-major.
pub type Dump = BTreeMap<(u64, String), Vec<f64>>;

/// Learns the experiment's stream and compares with what a board dumped, step by step; steps and roles that the dump lacks are passed over.
///
/// # Errors
/// [`RunError::Learn`].
pub fn compare_dump(
    prepared: &Prepared,
    experiment: &Experiment,
    (a, dump, name): (&HeadConfig, &Dump, &str),
    seed: u64,
) -> Result<Divergence, RunError> {
    let material = prepared.material();
    let mut own = side(a, experiment.training.strategy, &material, seed)?;
    let mut found = empty((&a.precision.name, name), seed, &material);
    found.test_samples = 0;
    let last = dump.keys().map(|(step, _)| *step).max().unwrap_or(0);
    let mut step = 0;
    each_step(prepared, experiment, (seed, a.batch), &mut |event| match event {
        _ if found.first.is_some() || step > last => Ok(()),
        Step::Begin(rows) => own.begin(&material, rows, seed),
        Step::Batch(experience, rows) => {
            own.observe(&material, rows, seed)?;
            let mut mine = own.snapshots(rows.len());
            mine.iter_mut().flat_map(|m| &mut m.values).for_each(|x| *x = as_dumped(*x));
            let theirs: Vec<Snapshot> = mine.iter().filter_map(|m| dumped(m, dump, step)).collect();
            let mine: Vec<Snapshot> = mine.into_iter().filter(|m| theirs.iter().any(|t| t.role == m.role)).collect();
            if !mine.is_empty() {
                found.first = first_difference(step, experience, (&mine, &theirs), rows.len());
                found.steps += 1;
            }
            step += 1;
            Ok(())
        }
        Step::End(rows) => own.end(&material, rows, seed),
    })?;
    Ok(found)
}

/// Every tensor of the given steps, as a board would dump them.
///
/// # Errors
/// [`RunError::Learn`].
pub fn dump(
    prepared: &Prepared,
    experiment: &Experiment,
    head: &HeadConfig,
    (seed, steps): (u64, &[u64]),
) -> Result<Vec<(u64, Vec<Snapshot>)>, RunError> {
    let material = prepared.material();
    let mut own = side(head, experiment.training.strategy, &material, seed)?;
    let (mut all, mut step) = (Vec::new(), 0);
    let last = steps.iter().copied().max().unwrap_or(0);
    each_step(prepared, experiment, (seed, head.batch), &mut |event| match event {
        _ if step > last => Ok(()),
        Step::Begin(rows) => own.begin(&material, rows, seed),
        Step::Batch(_, rows) => {
            own.observe(&material, rows, seed)?;
            if steps.contains(&step) {
                all.push((step, own.snapshots(rows.len())));
            }
            step += 1;
            Ok(())
        }
        Step::End(rows) => own.end(&material, rows, seed),
    })?;
    Ok(all)
}

/// A value as a dump holds it: in f32.
fn as_dumped(x: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the dump's element type is meant")]
    let single = x as f32;
    f64::from(single)
}

/// The dump's tensor for one of ours, transposed where that fits better; `None` where it has none of that role and size.
fn dumped(mine: &Snapshot, dump: &Dump, step: u64) -> Option<Snapshot> {
    let values = dump.get(&(step, mine.role.to_string())).filter(|v| v.len() == mine.values.len())?;
    let rows = mine.values.len() / mine.columns.max(1);
    let turned: Vec<f64> = (0..values.len()).map(|i| values[(i % mine.columns) * rows + i / mine.columns]).collect();
    let off = |v: &[f64]| v.iter().zip(&mine.values).filter(|(a, b)| a != b).count();
    let better = if off(&turned) < off(values) { turned } else { values.clone() };
    Some(Snapshot { values: better, ..mine.clone() })
}

fn empty((a, b): (&str, &str), seed: u64, material: &Material<'_>) -> Divergence {
    Divergence {
        a: a.to_owned(),
        b: b.to_owned(),
        seed,
        steps: 0,
        first: None,
        changed_decisions: Vec::new(),
        test_samples: material.inputs.stream.test.len(),
        accuracy: Vec::new(),
    }
}

/// What happens next in a stream.
pub(super) enum Step<'a> {
    Begin(&'a [usize]),
    Batch(usize, &'a [usize]),
    End(&'a [usize]),
}

/// Goes through the stream in the order in which a job learns it.
pub(super) fn each_step(
    prepared: &Prepared,
    experiment: &Experiment,
    (seed, batch): (u64, usize),
    act: &mut dyn FnMut(Step<'_>) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let material = prepared.material();
    let strategy = experiment.training.strategy;
    let plan = Plan::new(strategy, &material);
    for (experience, (rows, epochs)) in plan.iter().zip(prepared.epochs(experiment)).enumerate() {
        act(Step::Begin(rows))?;
        let mut shuffled = rows.to_vec();
        for epoch in 0..passes(strategy, epochs) {
            shuffled.copy_from_slice(rows);
            EpochOrder::new(seed).shuffle(experience, epoch, &mut shuffled);
            for part in shuffled.chunks(batch) {
                act(Step::Batch(experience, part))?;
            }
        }
        act(Step::End(rows))?;
    }
    Ok(())
}

impl Side<'_> {
    pub fn head(&self) -> &Head {
        self.strategy.head()
    }

    /// The tensors of the step just taken; none where the strategy learns without gradient steps.
    fn snapshots(&self, batch: usize) -> Vec<Snapshot> {
        let head = self.head();
        if head.steps() == 0 { Vec::new() } else { head.snapshots(batch) }
    }

    /// Is a step of this strategy one of the head and nothing more?
    pub fn is_plain(&mut self) -> bool {
        self.strategy.plain_head().is_some()
    }

    pub fn begin(&mut self, material: &Material<'_>, rows: &[usize], seed: u64) -> Result<(), RunError> {
        self.with(material, rows, seed, |strategy, samples| {
            let counts = samples.class_counts(strategy.head().classes())?;
            strategy.begin_experience(&counts, &mut NullSink)
        })
    }

    pub fn observe(&mut self, material: &Material<'_>, rows: &[usize], seed: u64) -> Result<(), RunError> {
        self.with(material, rows, seed, |strategy, batch| strategy.observe(batch, &mut NullSink).map(drop))
    }

    pub fn end(&mut self, material: &Material<'_>, rows: &[usize], seed: u64) -> Result<(), RunError> {
        self.with(material, rows, seed, |strategy, samples| strategy.end_experience(samples, &mut NullSink))
    }

    /// Hands the strategy these rows of the side's own training table.
    fn with(
        &mut self,
        material: &Material<'_>,
        rows: &[usize],
        seed: u64,
        act: impl FnOnce(&mut dyn Strategy, TrainingSamples<'_>) -> Result<(), LearnError>,
    ) -> Result<(), RunError> {
        let samples = TrainingSamples::new(&self.train, material.train_labels, rows);
        samples.and_then(|s| act(self.strategy.as_mut(), s)).map_err(fault(self.head, seed))
    }

    fn predictions(&mut self, material: &Material<'_>, seed: u64) -> Result<Vec<usize>, RunError> {
        self.strategy.predict_rows(&self.test, &material.inputs.stream.test).map_err(fault(self.head, seed))
    }
}

/// The first difference between the tensors of one step, `None` where all are equal. Tensors that only one side has are passed over.
fn first_difference(step: u64, experience: usize, (a, b): (&[Snapshot], &[Snapshot]), batch: usize) -> Option<First> {
    let pairs: Vec<(&Snapshot, &Snapshot)> = a
        .iter()
        .filter_map(|x| Some((x, b.iter().find(|y| y.role == x.role && y.values.len() == x.values.len())?)))
        .collect();
    let (x, y) = pairs.iter().find(|(x, y)| x.values != y.values)?;
    let at = x.values.iter().zip(&y.values).position(|(p, q)| p != q)?;
    let logits = pairs.iter().find(|(x, _)| x.role.name() == "logits");
    let moved = logits.map_or(0, |(x, y)| {
        x.values.chunks(x.columns).zip(y.values.chunks(y.columns)).filter(|(p, q)| largest(p) != largest(q)).count()
    });
    Some(First {
        step,
        experience,
        role: x.role.to_string(),
        element: (at / x.columns, at % x.columns),
        values: (x.values[at], y.values[at]),
        tensors: pairs.iter().map(|(x, y)| tensor_difference(x, y)).collect(),
        changed_decisions: moved,
        batch,
    })
}

fn tensor_difference(a: &Snapshot, b: &Snapshot) -> TensorDifference {
    let lsb = [a.lsb, b.lsb].into_iter().flatten().reduce(f64::max);
    let most = a.values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let unit = lsb.unwrap_or(most * 2f64.powi(-24)).max(f64::MIN_POSITIVE);
    let mut histogram = vec![0; BUCKETS];
    let (mut different, mut largest) = (0, 0.0_f64);
    for (x, y) in a.values.iter().zip(&b.values) {
        let d = (x - y).abs();
        different += usize::from(x != y);
        largest = largest.max(d);
        let size = d / unit;
        // Half an LSB of slack: grids of different origins never agree exactly.
        let bucket = (0..BUCKETS - 1)
            .find(|&k| size <= if k == 0 { 0.0 } else { 2f64.powi(i32::try_from(k).unwrap_or(0) - 1) + 0.5 });
        histogram[bucket.unwrap_or(BUCKETS - 1)] += 1;
    }
    let role = a.role.to_string();
    TensorDifference { role, elements: a.values.len(), different, lsb, histogram, largest }
}
