//! The stream's metrics over all seeds of one precision.

use super::RunError;
use super::assemble::over_seeds;
use super::job::Measured;
use crate::metrics::{AccuracyMatrix, Confusion, amca, summarise};
use crate::record::{StreamMetrics, Summary};

/// Reads them from what each seed measured.
///
/// # Errors
/// Accuracies that do not fit together; a fault of this program.
pub fn of(jobs: &[Vec<Measured>]) -> Result<StreamMetrics, RunError> {
    let matrices = jobs.iter().map(|j| matrix(j)).collect::<Result<Vec<_>, _>>()?;
    let last = jobs.first().map_or(0, |j| j.len().saturating_sub(1));
    let optional = |of: &dyn Fn(&AccuracyMatrix) -> Option<f64>| {
        let each: Option<Vec<f64>> = matrices.iter().map(of).collect();
        each.as_deref().and_then(summarise).map(super::assemble::summary)
    };
    let each_seed = |of: &dyn Fn(&[Measured]) -> Option<f64>| -> Summary {
        over_seeds(jobs.iter().filter_map(|j| of(j)).collect())
    };
    Ok(StreamMetrics {
        average_accuracy: over_seeds(matrices.iter().filter_map(|m| m.average(last)).collect()),
        average_over_time: each_seed(&|job| mean(&job.iter().map(|m| m.stream_accuracy).collect::<Vec<_>>())),
        backward_transfer: optional(&|m| m.backward_transfer(last)),
        forward_transfer: optional(&|m| m.stream_forward_transfer(last)),
        amca: each_seed(&|job| amca(&job.iter().map(|m| m.mean_class_accuracy).collect::<Vec<_>>())),
        per_class_accuracy: per_class(jobs)?,
    })
}

fn matrix(job: &[Measured]) -> Result<AccuracyMatrix, RunError> {
    let mut matrix = AccuracyMatrix::new(job.len());
    if let Some(first) = job.first() {
        matrix.set_initial(first.initial_accuracy.clone())?;
    }
    job.iter().try_for_each(|measured| matrix.push(measured.accuracy.clone()))?;
    Ok(matrix)
}

/// After the last experience, mean over seeds.
fn per_class(jobs: &[Vec<Measured>]) -> Result<Vec<Option<f64>>, RunError> {
    let mut each = Vec::new();
    for measured in jobs.iter().filter_map(|j| j.last()) {
        each.push(Confusion::from_counts(&measured.confusion)?.per_class());
    }
    let classes = each.first().map_or(0, Vec::len);
    let of = |class: usize| each.iter().map(|seed| seed[class]).collect::<Option<Vec<f64>>>();
    Ok((0..classes).map(|class| of(class).and_then(|v| mean(&v))).collect())
}

fn mean(values: &[f64]) -> Option<f64> {
    summarise(values).map(|m| m.mean)
}
