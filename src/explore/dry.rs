//! How long a sweep will take: one point learnt, some images passed, the rest multiplied.

use super::SweepError;
use super::evaluate::evaluate;
use super::sweep::Sweep;
use crate::run::Prepared;
use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

/// What a sweep amounts to on this machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Points.
    pub points: usize,
    /// Full runs that they amount to; fewer with a search.
    pub runs: f64,
    /// Seconds of one point in the middle of the space, on one thread.
    pub point_seconds: f64,
    /// Seconds that the features of all backbones take, on all threads.
    pub features_seconds: f64,
    /// Bytes of a point in the log.
    pub point_bytes: usize,
}

impl Sweep {
    /// Learns the point in the middle of the space, logging nothing, and scales up.
    ///
    /// # Errors
    /// As running the sweep.
    pub fn estimate(&self, features: Option<&Path>) -> Result<Estimate, SweepError> {
        let points = self.header.points;
        let (mut middle, mut backbones) = (None, HashSet::new());
        for point in self.space.points() {
            let point = point?;
            backbones.insert(Prepared::key(&point.experiment));
            if point.index == points / 2 {
                middle = Some(point);
            }
        }
        let point = middle.expect("a survey found at least one point");
        let start = Instant::now();
        let prepared = Prepared::read(&point.experiment, features, &|_| {})?;
        let features_seconds = start.elapsed().as_secs_f64() * backbones.len() as f64;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let pool = pool.map_err(|e| SweepError::Usage(format!("cannot start a thread: {e}")))?;
        let start = Instant::now();
        let result = pool.install(|| evaluate(&point, (&prepared, None), &self.boards, None))?;
        let point_seconds = start.elapsed().as_secs_f64();
        let point_bytes = serde_json::to_string(&result).map_or(0, |t| t.len() + 30);
        let runs = self.space.search.as_ref().map_or(points as f64, |s| s.work(points));
        Ok(Estimate { points, runs, point_seconds, features_seconds, point_bytes })
    }
}
