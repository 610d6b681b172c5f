//! Streaming linear discriminant analysis: running class means and one shared covariance, no gradient (S10).
//!
//! Statistics run in f64 here (f32 on a device); the scores they give go into the head's own formats. A common positive factor
//! of all scores changes no decision, so the rows are brought into the master's range first.

use super::super::{Head, LearnError, StepReport, Strategy, TrainingSamples};
use super::means::{Means, NEVER};
use crate::trace::{Phase, Sink};

/// SLDA.
#[derive(Debug, Clone)]
pub(super) struct StreamingLda {
    head: Head,
    shrinkage: f64,
    means: Means,
    /// `features × features`; ones at the start, as the published code has it.
    covariance: Vec<f64>,
    seen: f64,
}

impl StreamingLda {
    pub fn new(head: Head, shrinkage: f64) -> Self {
        let (classes, k) = (head.classes(), head.features());
        Self { head, shrinkage, means: Means::new(classes, k), covariance: vec![1.0; k * k], seen: 0.0 }
    }

    /// `S ← (n·S + n/(n+1)·d·dᵀ)/(n+1)` with `d = x − μ_y` before the mean moves. Lower triangle only: S is symmetric.
    fn take(&mut self, class: usize, x: &[f64]) {
        let n = self.seen;
        let d: Vec<f64> = x.iter().zip(self.means.mean(class)).map(|(x, m)| x - m).collect();
        let (keep, add) = (n / (n + 1.0), n / ((n + 1.0) * (n + 1.0)));
        for (i, row) in self.covariance.chunks_exact_mut(d.len()).enumerate() {
            let by = add * d[i];
            row[..=i].iter_mut().zip(&d).for_each(|(s, d)| *s = keep * *s + by * d);
        }
        self.means.add(class, x);
        self.seen += 1.0;
    }

    /// Lower Cholesky factor of `(1 − ε)·S + ε·I`.
    fn factor(&self) -> Result<Vec<f64>, LearnError> {
        let k = self.head.features();
        let mut l = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                let shrunk = (1.0 - self.shrinkage) * self.covariance[i * k + j];
                let a = shrunk + if i == j { self.shrinkage } else { 0.0 };
                let dot: f64 = l[i * k..i * k + j].iter().zip(&l[j * k..j * k + j]).map(|(x, y)| x * y).sum();
                let rest = a - dot;
                l[i * k + j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / l[j * k + j] };
            }
        }
        if l.iter().all(|x| x.is_finite()) { Ok(l) } else { Err(LearnError::NotFinite { what: "the covariance" }) }
    }
}

/// `x` with `L·Lᵀ·x = b`, in place.
fn solve(l: &[f64], k: usize, x: &mut [f64]) {
    for i in 0..k {
        let dot: f64 = l[i * k..i * k + i].iter().zip(&*x).map(|(l, x)| l * x).sum();
        x[i] = (x[i] - dot) / l[i * k + i];
    }
    for i in (0..k).rev() {
        x[i] /= l[i * k + i];
        let value = x[i];
        x[..i].iter_mut().zip(&l[i * k..i * k + i]).for_each(|(x, l)| *x -= l * value);
    }
}

impl Strategy for StreamingLda {
    fn observe(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        self.head.check_batch(batch)?;
        let mut x = Vec::new();
        for (row, class) in batch.pairs() {
            batch.table().reals_of_row(row, &mut x);
            self.take(class, &x);
            self.head.tell(sink, |calls| [calls.covariance_update(), calls.mean_update()]);
        }
        Ok(self.head.no_step())
    }

    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        let (classes, k) = (self.head.classes(), self.head.features());
        let l = self.factor()?;
        let (mut rows, mut offsets) = (Vec::with_capacity(classes * k), Vec::new());
        for class in 0..classes {
            let mut row: Vec<f64> = self.means.mean(class).collect();
            solve(&l, k, &mut row);
            let half = row.iter().zip(self.means.mean(class)).map(|(w, m)| w * m).sum::<f64>() / 2.0;
            offsets.push(if self.means.count(class) == 0 { NEVER } else { -half });
            rows.append(&mut row);
        }
        self.head.set_scores(rows, offsets)?;
        self.head.tell(sink, |calls| [calls.solve()]);
        self.head.refresh(samples.table(), Phase::Consolidate, sink)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn state_bytes(&self) -> u64 {
        let square = u64::try_from(self.covariance.len()).unwrap_or(u64::MAX);
        self.head.state_bytes() + self.means.bytes() + 4 * square
    }
}
