//! Successive halving: many points with few epochs and seeds, the best of them with more, the best of those in full.

use super::SweepError;
use super::analysis::{layers, values};
use super::logs::Finished;
use super::space::{Objective, Search};
use super::sweep::{Runner, Task};
use crate::config::Experiment;
use crate::record::PointResult;

impl Search {
    /// Share of the full work in rung `rung` of `1 … rungs`.
    pub fn share(&self, rung: usize) -> f64 {
        (0..self.rungs - rung).fold(1.0, |share, _| share / self.eta as f64)
    }

    /// Points that enter rung `rung` out of `points`.
    pub fn entering(&self, points: usize, rung: usize) -> usize {
        (1..rung).fold(points, |n, _| n.div_ceil(self.eta).max(1))
    }

    /// The experiment with the rung's share of epochs and seeds, at least one of each; experiences stay whole.
    pub fn shortened(&self, experiment: &Experiment, rung: usize) -> Experiment {
        let share = self.share(rung);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small count")]
        let part = |n: usize| ((n as f64 * share).round() as usize).max(1);
        let mut short = experiment.clone();
        short.training.epochs_first = part(experiment.training.epochs_first);
        short.training.epochs_later = part(experiment.training.epochs_later);
        short.seeds.truncate(part(experiment.seeds.len()));
        short
    }

    /// Runs in full that the search amounts to.
    pub fn work(&self, points: usize) -> f64 {
        (1..=self.rungs).map(|rung| self.entering(points, rung) as f64 * self.share(rung)).sum()
    }
}

impl Runner<'_> {
    /// Climbs the rungs. What a log holds is not run again, and decides as it did before.
    pub(super) fn halving(&self, search: Search, mut finished: Finished) -> Result<(), SweepError> {
        let mut entering: Option<Vec<usize>> = None;
        let mut shared = Vec::new();
        for rung in 1..=search.rungs {
            let stops = (rung < search.rungs).then_some(rung);
            let mut results = Vec::new();
            let mut tasks = Vec::new();
            let most = 16 * rayon::current_num_threads();
            for point in self.sweep.space.points() {
                let mut point = point?;
                if entering.as_ref().is_some_and(|e| e.binary_search(&point.index).is_err()) {
                    continue;
                }
                if let Some(known) = finished.get(point.index, stops)? {
                    results.push(known);
                    continue;
                }
                point.experiment = search.shortened(&point.experiment, rung);
                tasks.push(Task { point, rung: stops });
                if tasks.len() == most {
                    results.extend(self.chunk(&std::mem::take(&mut tasks), &mut shared, &mut finished)?);
                }
            }
            results.extend(self.chunk(&tasks, &mut shared, &mut finished)?);
            results.sort_by_key(|r| r.index);
            entering = Some(best(&results, results.len().div_ceil(search.eta), &self.sweep.space.objectives));
        }
        Ok(())
    }
}

/// Indices of the `keep` best points, sorted: by layers of the frontier on the first board, the least crowded of the last layer.
fn best(results: &[PointResult], keep: usize, objectives: &[Objective]) -> Vec<usize> {
    let valued: Vec<(usize, Vec<f64>)> =
        results.iter().filter_map(|r| Some((r.index, values(r, None, objectives)?))).collect();
    let all: Vec<Vec<f64>> = valued.iter().map(|(_, v)| v.clone()).collect();
    let mut kept: Vec<usize> = layers(&all).into_iter().take(keep).map(|i| valued[i].0).collect();
    kept.sort_unstable();
    kept
}
