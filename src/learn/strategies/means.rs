//! Nearest class mean: integer sums of each class's features, scores `μ·x − ½‖μ‖²` (S11).

use super::super::{Head, LearnError, StepReport, Strategy, TrainingSamples};
use crate::trace::{Phase, Sink};

/// Running class means; exact sums while features are codes.
#[derive(Debug, Clone)]
pub(super) struct Means {
    sums: Vec<f64>,
    counts: Vec<u32>,
    features: usize,
}

impl Means {
    pub fn new(classes: usize, features: usize) -> Self {
        Self { sums: vec![0.0; classes * features], counts: vec![0; classes], features }
    }

    /// Adds one sample (sums of codes are whole multiples of the scale, so their order is free).
    pub fn add(&mut self, class: usize, sample: &[f64]) {
        let at = class * self.features;
        self.sums[at..at + self.features].iter_mut().zip(sample).for_each(|(s, x)| *s += x);
        self.counts[class] = self.counts[class].saturating_add(1);
    }

    /// Samples of a class so far.
    pub fn count(&self, class: usize) -> u32 {
        self.counts[class]
    }

    /// Mean of a class; zeros before its first sample.
    pub fn mean(&self, class: usize) -> impl Iterator<Item = f64> + '_ {
        let n = f64::from(self.counts[class].max(1));
        self.sums[class * self.features..(class + 1) * self.features].iter().map(move |s| s / n)
    }

    /// 32-bit sums and counts.
    pub fn bytes(&self) -> u64 {
        4 * u64::try_from(self.sums.len() + self.counts.len()).unwrap_or(u64::MAX)
    }
}

/// Score of a class that has no sample: below every other.
pub(super) const NEVER: f64 = -1e30;

/// Nearest class mean.
#[derive(Debug, Clone)]
pub(super) struct NearestMean {
    head: Head,
    means: Means,
}

impl NearestMean {
    pub fn new(head: Head) -> Self {
        let means = Means::new(head.classes(), head.features());
        Self { head, means }
    }
}

impl Strategy for NearestMean {
    fn observe(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        self.head.check_batch(batch)?;
        let mut x = Vec::new();
        for (row, class) in batch.pairs() {
            batch.table().reals_of_row(row, &mut x);
            self.means.add(class, &x);
            self.head.tell(sink, |calls| [calls.mean_update()]);
        }
        Ok(self.head.no_step())
    }

    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        let (mut rows, mut offsets) = (Vec::new(), Vec::new());
        for class in 0..self.head.classes() {
            let start = rows.len();
            rows.extend(self.means.mean(class));
            let half: f64 = rows[start..].iter().map(|m| m * m).sum::<f64>() / 2.0;
            offsets.push(if self.means.count(class) == 0 { NEVER } else { -half });
        }
        self.head.set_scores(rows, offsets)?;
        self.head.tell(sink, |calls| [calls.means_to_rows()]);
        self.head.refresh(samples.table(), Phase::Consolidate, sink)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn state_bytes(&self) -> u64 {
        self.head.state_bytes() + self.means.bytes()
    }
}
