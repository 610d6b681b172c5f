//! Running a sweep: points in order, features once, heads in parallel, every finished point in the log before the next event.

use super::SweepError;
use super::evaluate::{Priced, evaluate};
use super::log::Log;
use super::logs::{self, Entry, Finished};
use super::space::{Point, Space};
use crate::config::{ConfigError, Experiment};
use crate::record::{PointResult, SweepHeader};
use crate::run::{self, Prepared, RunError, hash_bytes};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Prepared inputs kept beyond the chunk that needs them.
const KEPT: usize = 2;
/// Points a thread is given at a time, to be in memory together.
const CHUNK: usize = 16;

/// A sweep ready to run: the space, what it is priced on, and what all its shards agree on.
#[derive(Debug)]
pub struct Sweep {
    /// The space.
    pub space: Space,
    /// What all shards agree on.
    pub header: SweepHeader,
    /// What every point is priced on.
    pub boards: Vec<Priced>,
    /// Combinations of board and kernel set that cannot be priced, with the reason.
    pub notes: Vec<String>,
}

/// Which points to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Those whose index leaves the remainder k − 1 when divided by n.
    Shard {
        /// From 1.
        k: usize,
        /// Shards.
        n: usize,
    },
    /// One of them.
    Index(usize),
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of the sweep.
    pub out: PathBuf,
    /// Threads; one a core where `None`. No result depends on it.
    pub jobs: Option<usize>,
    /// Which points.
    pub part: Part,
    /// Folder in which features are kept and found again, if they are.
    pub features: Option<PathBuf>,
}

/// How far a sweep is.
#[derive(Debug)]
pub enum Event<'a> {
    /// Images pass a network, or their features are found in the store.
    Inputs(&'a run::Event),
    /// A point is finished and on the disk.
    Point {
        /// Points finished in this part, earlier runs included.
        done: usize,
        /// Points of this part.
        of: usize,
        /// The point.
        result: &'a PointResult,
    },
}

impl Part {
    /// Is the point with this index in the part?
    pub fn holds(self, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::Shard { k, n } => index % n == k - 1,
            Self::Index(i) => index == i,
        }
    }

    /// Points of the part out of `points`.
    pub fn count(self, points: usize) -> usize {
        match self {
            Self::All => points,
            Self::Shard { k, n } => (points + n - k) / n,
            Self::Index(i) => usize::from(i < points),
        }
    }
}

impl Sweep {
    /// Looks through the whole space once: counts the points, checks each, hashes the inputs, reads the boards.
    ///
    /// # Errors
    /// [`SweepError`] points at the first thing in the file that is wrong.
    pub fn survey(space: Space) -> Result<Self, SweepError> {
        let (mut points, mut inputs, mut seen) = (0, Vec::new(), HashSet::new());
        let mut first = None;
        for point in space.points() {
            let point = point?;
            points += 1;
            if seen.insert(Prepared::key(&point.experiment)) {
                for input in run::input_hashes(&point.experiment)? {
                    if !inputs.contains(&input) {
                        inputs.push(input);
                    }
                }
            }
            first.get_or_insert(point);
        }
        let Some(first) = first else {
            let message = "no point meets the constraints";
            return Err(ConfigError::from(space.source.at(0..0, message, "loosen `constraints` in [space]")).into());
        };
        let (boards, notes) = super::boards::boards(&space, &first)?;
        let header = SweepHeader {
            name: space.name.clone(),
            tool: format!("tinyprec {}", env!("CARGO_PKG_VERSION")),
            space: hash_bytes(space.source.text.as_bytes()),
            points,
            inputs,
        };
        Ok(Self { space, header, boards, notes })
    }

    /// Runs the points of a part that no log in the folder holds yet, and logs each.
    ///
    /// # Errors
    /// [`SweepError`]; whatever was finished before stays in the log.
    pub fn run(&self, options: &Options, observe: &(dyn Fn(&Event<'_>) + Sync)) -> Result<(), SweepError> {
        self.check(options.part)?;
        let (log, finished) = logs::open(&options.out, &self.header, options.part)?;
        let threads = options.jobs.unwrap_or(0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| RunError::Threads { jobs: threads, message: e.to_string() })?;
        let runner = Runner {
            sweep: self,
            log: Mutex::new(log),
            done: Mutex::new(0),
            of: options.part.count(self.header.points),
            features: options.features.as_deref(),
            observe,
        };
        match &self.space.search {
            None => pool.install(|| runner.every(options.part, finished)),
            Some(search) => pool.install(|| runner.halving(*search, finished)),
        }
    }

    fn check(&self, part: Part) -> Result<(), SweepError> {
        let points = self.header.points;
        match part {
            Part::Shard { k, n } if k == 0 || k > n => {
                Err(SweepError::Usage(format!("shard {k}/{n}: shards are numbered from 1 to {n}")))
            }
            Part::Index(i) if i >= points => {
                Err(SweepError::Usage(format!("index {i}: the points are numbered from 0 to {}", points - 1)))
            }
            Part::Shard { .. } | Part::Index(_) if self.space.search.is_some() => Err(SweepError::Usage(
                "a search decides from all points which ones go on, so it runs on one machine; drop [space.search] to shard".into(),
            )),
            _ => Ok(()),
        }
    }
}

pub(super) struct Runner<'a> {
    pub sweep: &'a Sweep,
    log: Mutex<Log>,
    done: Mutex<usize>,
    of: usize,
    features: Option<&'a Path>,
    observe: &'a (dyn Fn(&Event<'_>) + Sync),
}

/// A point with what it is run as.
pub(super) struct Task {
    pub point: Point,
    pub rung: Option<usize>,
}

impl Runner<'_> {
    fn every(&self, part: Part, mut finished: Finished) -> Result<(), SweepError> {
        let mut tasks = Vec::new();
        let mut shared = Vec::new();
        let most = CHUNK * rayon::current_num_threads();
        for point in self.sweep.space.points() {
            let point = point?;
            if !part.holds(point.index) {
                continue;
            }
            if finished.has(point.index, None) {
                *self.done.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                continue;
            }
            tasks.push(Task { point, rung: None });
            if tasks.len() == most {
                self.chunk(&std::mem::take(&mut tasks), &mut shared, &mut finished)?;
            }
        }
        self.chunk(&tasks, &mut shared, &mut finished).map(drop)
    }

    /// Runs a chunk: inputs first, then baselines, then the points, each stage in parallel.
    pub fn chunk(
        &self,
        tasks: &[Task],
        shared: &mut Vec<(String, Arc<Prepared>)>,
        finished: &mut Finished,
    ) -> Result<Vec<PointResult>, SweepError> {
        for task in tasks {
            self.prepare(&task.point, shared)?;
        }
        let find = |point: &Point| {
            let key = Prepared::key(&point.experiment);
            shared.iter().find(|(k, _)| *k == key).map(|(_, p)| p).expect("prepared above")
        };
        self.baselines(tasks, &find, &mut finished.baselines)?;
        let one = |task: &Task| -> Result<PointResult, SweepError> {
            let baseline =
                Self::baseline_of(self.sweep, &task.point)?.and_then(|(key, _)| finished.baselines.get(&key));
            let given = (&**find(&task.point), baseline.map(Vec::as_slice));
            let result = evaluate(&task.point, given, &self.sweep.boards, task.rung)?;
            self.keep(&Entry::Point(Box::new(result.clone())))?;
            let done = {
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                *done += 1;
                *done
            };
            (self.observe)(&Event::Point { done, of: self.of.max(done), result: &result });
            Ok(result)
        };
        // Points of a chunk are collected, so that the first error in their order is the one reported.
        let results: Vec<Result<PointResult, SweepError>> = tasks.par_iter().with_max_len(1).map(one).collect();
        let results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
        let fresh = shared.len().saturating_sub(KEPT);
        shared.drain(..fresh);
        Ok(results)
    }

    fn prepare(&self, point: &Point, shared: &mut Vec<(String, Arc<Prepared>)>) -> Result<(), SweepError> {
        let key = Prepared::key(&point.experiment);
        match shared.iter().position(|(k, _)| *k == key) {
            // Most recently used last.
            Some(at) => {
                let entry = shared.remove(at);
                shared.push(entry);
            }
            None => {
                let observe = |event: &run::Event| (self.observe)(&Event::Inputs(event));
                shared.push((key, Arc::new(Prepared::read(&point.experiment, self.features, &observe)?)));
            }
        }
        Ok(())
    }

    /// Hash of a point's baseline experiment, and the experiment; `None` where the space has no baseline.
    pub fn baseline_of(sweep: &Sweep, point: &Point) -> Result<Option<(String, Experiment)>, SweepError> {
        let preset = sweep.space.baseline.as_deref().unwrap_or("float");
        if preset == "none" {
            return Ok(None);
        }
        let mut experiment = sweep.space.baseline_of(point, preset)?;
        experiment.seeds.clone_from(&point.experiment.seeds);
        experiment.training = point.experiment.training;
        let text = format!("{} {:?} {:?}", experiment.source.text, experiment.seeds, experiment.training);
        Ok(Some((hash_bytes(text.as_bytes()), experiment)))
    }

    /// Final accuracies of the baselines that these tasks need and nobody has learnt yet.
    fn baselines<'p>(
        &self,
        tasks: &[Task],
        find: &(dyn Fn(&Point) -> &'p Arc<Prepared> + Sync),
        known: &mut HashMap<String, Vec<f64>>,
    ) -> Result<(), SweepError> {
        let mut missing = BTreeMap::new();
        for task in tasks {
            if let Some((key, experiment)) =
                Self::baseline_of(self.sweep, &task.point)?.filter(|(key, _)| !known.contains_key(key))
            {
                missing.entry(key).or_insert((experiment, find(&task.point).clone()));
            }
        }
        let one = |(key, (experiment, prepared)): (String, (Experiment, Arc<Prepared>))| {
            let learnt = prepared.learn(&experiment, None)?;
            let finals: Vec<f64> =
                learnt.seeds.iter().map(|s| s.stream_accuracy.last().copied().unwrap_or(0.0)).collect();
            self.keep(&Entry::Baseline { key: key.clone(), finals: finals.clone() })?;
            Ok((key, finals))
        };
        let learnt: Vec<Result<(String, Vec<f64>), SweepError>> = missing.into_par_iter().map(one).collect();
        for entry in learnt {
            let (key, finals) = entry?;
            known.insert(key, finals);
        }
        Ok(())
    }

    fn keep(&self, entry: &Entry) -> Result<(), SweepError> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).append(entry)
    }
}
