//! Confusion matrix, accuracy over the stream, per-class accuracy and AMCA.

use super::{MetricsError, matrix::count};
use ndarray::Array2;

/// `counts[y][p]`: test samples of class `y` that were predicted as `p`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    counts: Array2<u32>,
}

impl Confusion {
    /// All zero, `n_classes` × `n_classes`.
    pub fn new(n_classes: usize) -> Self {
        Self { counts: Array2::zeros((n_classes, n_classes)) }
    }

    /// From counts, row = true class.
    ///
    /// # Errors
    /// [`MetricsError::RowLength`] if they are not square.
    pub fn from_counts(rows: &[Vec<u32>]) -> Result<Self, MetricsError> {
        let expected = rows.len();
        if let Some(row) = rows.iter().find(|row| row.len() != expected) {
            return Err(MetricsError::RowLength { expected, got: row.len() });
        }
        Ok(Self { counts: Array2::from_shape_fn((expected, expected), |(y, p)| rows[y][p]) })
    }

    /// Counts one prediction.
    pub fn add(&mut self, label: usize, predicted: usize) -> Result<(), MetricsError> {
        let n_classes = self.counts.nrows();
        let class = if label < n_classes { predicted } else { label };
        let cell = self.counts.get_mut((label, predicted)).ok_or(MetricsError::UnknownClass { class, n_classes })?;
        *cell = cell.saturating_add(1);
        Ok(())
    }

    /// The counts row by row, row = true class.
    pub fn to_rows(&self) -> Vec<Vec<u32>> {
        self.counts.rows().into_iter().map(|row| row.to_vec()).collect()
    }

    /// Correct over total, each sample counting once (Top1_Acc_Stream, not the mean of experiences); `None` if empty.
    pub fn accuracy(&self) -> Option<f64> {
        self.accuracy_of(|_| true)
    }

    /// As [`Self::accuracy`], over the samples of the given classes only.
    pub fn accuracy_on(&self, classes: &[usize]) -> Option<f64> {
        self.accuracy_of(|y| classes.contains(&y))
    }

    /// Accuracy of each class; `None` for a class without test samples.
    pub fn per_class(&self) -> Vec<Option<f64>> {
        (0..self.counts.nrows()).map(|y| self.accuracy_of(|c| c == y)).collect()
    }

    /// Mean of the per-class accuracies over the classes that have samples.
    pub fn mean_class_accuracy(&self) -> Option<f64> {
        let known: Vec<f64> = self.per_class().into_iter().flatten().collect();
        if known.is_empty() { None } else { Some(known.iter().sum::<f64>() / count(known.len())) }
    }

    fn accuracy_of(&self, keep: impl Fn(usize) -> bool) -> Option<f64> {
        let (mut correct, mut total) = (0u64, 0u64);
        for (y, row) in self.counts.rows().into_iter().enumerate().filter(|(y, _)| keep(*y)) {
            correct += u64::from(row[y]);
            total += row.iter().map(|&n| u64::from(n)).sum::<u64>();
        }
        if total == 0 { None } else { Some(correct as f64 / total as f64) }
    }
}

/// Average mean-class accuracy: mean over the experiences so far of the mean class accuracy after each
/// ([`Confusion::mean_class_accuracy`]); `None` without experiences.
pub fn amca(after_each_experience: &[f64]) -> Option<f64> {
    if after_each_experience.is_empty() {
        return None;
    }
    Some(after_each_experience.iter().sum::<f64>() / count(after_each_experience.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class 0: 3 of 4 right; class 1: 1 of 2; class 2: none tested.
    fn example() -> Confusion {
        let mut c = Confusion::new(3);
        for (y, p) in [(0, 0), (0, 0), (0, 0), (0, 2), (1, 1), (1, 0)] {
            c.add(y, p).unwrap();
        }
        c
    }

    #[test]
    fn samples_and_classes_weigh_differently() {
        let c = example();
        assert_eq!(c.accuracy(), Some(4.0 / 6.0));
        assert_eq!(c.accuracy_on(&[0]), Some(0.75));
        assert_eq!(c.accuracy_on(&[2]), None);
        assert_eq!(c.per_class(), [Some(0.75), Some(0.5), None]);
        assert_eq!(c.mean_class_accuracy(), Some(0.625));
        assert_eq!(c.to_rows()[0], [3, 0, 1]);
    }

    #[test]
    fn amca_averages_over_experiences() {
        let mut perfect = Confusion::new(3);
        perfect.add(1, 1).unwrap();
        let means = [example(), perfect].map(|c| c.mean_class_accuracy().unwrap());
        assert_eq!(amca(&means), Some(0.8125));
        assert_eq!(amca(&[]), None);
        assert_eq!(Confusion::new(3).mean_class_accuracy(), None);
    }

    #[test]
    fn unknown_classes_are_named() {
        let mut c = Confusion::new(2);
        assert_eq!(c.add(0, 2), Err(MetricsError::UnknownClass { class: 2, n_classes: 2 }));
        assert_eq!(c.add(5, 0), Err(MetricsError::UnknownClass { class: 5, n_classes: 2 }));
    }
}
