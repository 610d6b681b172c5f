//! The accuracy matrix R and what is read from it.

use super::MetricsError;
use ndarray::{Array2, ArrayView1, ArrayView2, s};

/// `R[i][j]`: accuracy on the test samples of experience `j` after training experience `i`, both from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyMatrix {
    initial: Option<Vec<f64>>,
    /// Square; rows from `trained` on are not known yet.
    values: Array2<f64>,
    trained: usize,
}

impl AccuracyMatrix {
    /// An empty matrix for a stream of `n_experiences`.
    pub fn new(n_experiences: usize) -> Self {
        Self { initial: None, values: Array2::zeros((n_experiences, n_experiences)), trained: 0 }
    }

    /// Accuracies of the untrained model, needed for forward transfer.
    pub fn set_initial(&mut self, row: Vec<f64>) -> Result<(), MetricsError> {
        self.initial = Some(self.checked(row)?);
        Ok(())
    }

    /// Adds the row of the next experience.
    pub fn push(&mut self, row: Vec<f64>) -> Result<(), MetricsError> {
        if self.trained == self.values.nrows() {
            return Err(MetricsError::TooManyRows { expected: self.values.nrows() });
        }
        let row = self.checked(row)?;
        self.values.row_mut(self.trained).assign(&ArrayView1::from(&row));
        self.trained += 1;
        Ok(())
    }

    /// All rows so far, experiences trained × experiences of the stream.
    pub fn rows(&self) -> ArrayView2<'_, f64> {
        self.values.slice(s![..self.trained, ..])
    }

    /// `R[i][j]`.
    pub fn get(&self, i: usize, j: usize) -> Option<f64> {
        self.rows().get((i, j)).copied()
    }

    /// Mean of row `i` over all experiences of the stream (ACC where `i` is the last).
    pub fn average(&self, i: usize) -> Option<f64> {
        self.average_over(i, self.values.ncols())
    }

    /// Mean of row `i` over the experiences trained so far, `j ≤ i`.
    pub fn average_on_trained(&self, i: usize) -> Option<f64> {
        self.average_over(i, i + 1)
    }

    /// Mean of the first `n` accuracies of row `i`.
    fn average_over(&self, i: usize, n: usize) -> Option<f64> {
        let known = i < self.trained && n <= self.values.ncols();
        known.then(|| self.values.slice(s![i, ..n])).and_then(mean)
    }

    /// Average over time: mean of [`Self::average`] over the experiences trained so far.
    pub fn average_over_time(&self) -> Option<f64> {
        let averages: Vec<f64> = (0..self.trained).filter_map(|i| self.average(i)).collect();
        mean(&averages)
    }

    /// Forgetting of `j` after `i`: `R[j][j] − R[i][j]`; `None` unless `j < i`.
    pub fn forgetting(&self, i: usize, j: usize) -> Option<f64> {
        if j < i { Some(self.get(j, j)? - self.get(i, j)?) } else { None }
    }

    /// Mean forgetting over the experiences before `i`; `None` for the first experience.
    pub fn stream_forgetting(&self, i: usize) -> Option<f64> {
        let all: Option<Vec<f64>> = (0..i).map(|j| self.forgetting(i, j)).collect();
        mean(&all?)
    }

    /// Backward transfer after `i`: minus the mean forgetting.
    pub fn backward_transfer(&self, i: usize) -> Option<f64> {
        self.stream_forgetting(i).map(|f| -f)
    }

    /// Forward transfer to `j`: `R[j−1][j]` minus the untrained model's accuracy on `j`; `None` for `j = 0`.
    pub fn forward_transfer(&self, j: usize) -> Option<f64> {
        Some(self.get(j.checked_sub(1)?, j)? - self.initial.as_ref()?.get(j)?)
    }

    /// Mean forward transfer over `1 ≤ j ≤ i + 1` that the stream has.
    pub fn stream_forward_transfer(&self, i: usize) -> Option<f64> {
        let last = (i + 1).min(self.values.ncols().checked_sub(1)?);
        let all: Option<Vec<f64>> = (1..=last).map(|j| self.forward_transfer(j)).collect();
        mean(&all?)
    }

    fn checked(&self, row: Vec<f64>) -> Result<Vec<f64>, MetricsError> {
        if row.len() != self.values.ncols() {
            return Err(MetricsError::RowLength { expected: self.values.ncols(), got: row.len() });
        }
        match row.iter().find(|&&v| !(0.0..=1.0).contains(&v)) {
            Some(&value) => Err(MetricsError::NotAnAccuracy { value }),
            None => Ok(row),
        }
    }
}

/// Mean, summed in order.
fn mean<'a>(values: impl Into<ArrayView1<'a, f64>>) -> Option<f64> {
    let values = values.into();
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / count(values.len())) }
}

/// A count as a real number; exact below 2⁵³.
pub(super) fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three experiences, worked by hand.
    fn example() -> AccuracyMatrix {
        let mut r = AccuracyMatrix::new(3);
        r.set_initial(vec![0.1, 0.2, 0.05]).unwrap();
        for row in [vec![0.9, 0.3, 0.0], vec![0.5, 0.8, 0.1], vec![0.4, 0.6, 0.7]] {
            r.push(row).unwrap();
        }
        r
    }

    fn close(a: Option<f64>, b: f64) {
        assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} is not {b}");
    }

    #[test]
    fn avalanche_definitions_by_hand() {
        let r = example();
        close(r.average(2), (0.4 + 0.6 + 0.7) / 3.0);
        close(r.average_on_trained(1), 0.65);
        close(r.average_over_time(), (0.4 + 1.4 / 3.0 + 1.7 / 3.0) / 3.0);
        close(r.forgetting(2, 0), 0.5);
        close(r.forgetting(2, 1), 0.2);
        close(r.stream_forgetting(2), 0.35);
        close(r.backward_transfer(2), -0.35);
        close(r.forward_transfer(1), 0.1); // R[0][1] − initial[1] = 0.3 − 0.2
        close(r.forward_transfer(2), 0.05); // R[1][2] − initial[2] = 0.1 − 0.05
        close(r.stream_forward_transfer(2), 0.075);
        assert_eq!(r.forgetting(2, 2), None, "the experience just trained is not forgotten");
        assert_eq!(r.stream_forgetting(0), None);
        assert_eq!(r.forward_transfer(0), None);
    }

    #[test]
    fn forgetting_is_not_the_maximum_over_history() {
        let mut r = AccuracyMatrix::new(3);
        for row in [vec![0.5, 0.0, 0.0], vec![0.9, 0.5, 0.0], vec![0.6, 0.5, 0.5]] {
            r.push(row).unwrap();
        }
        close(r.forgetting(2, 0), -0.1); // 0.5 − 0.6; Chaudhry's maximum would give 0.3
    }

    #[test]
    fn wrong_rows_say_what_is_wrong() {
        let mut r = AccuracyMatrix::new(1);
        assert_eq!(r.push(vec![0.1, 0.2]), Err(MetricsError::RowLength { expected: 1, got: 2 }));
        assert_eq!(r.push(vec![1.5]), Err(MetricsError::NotAnAccuracy { value: 1.5 }));
        assert!(r.push(vec![f64::NAN]).is_err());
        r.push(vec![1.0]).unwrap();
        assert_eq!(r.push(vec![1.0]), Err(MetricsError::TooManyRows { expected: 1 }));
    }
}
