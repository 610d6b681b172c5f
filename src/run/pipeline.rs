//! The run itself, from an experiment to its record.

use super::job::{Job, Material, Measured, joint};
use super::learner::Learner;
use super::parts::{self, PartFile};
use super::price::{Board, boards};
use super::{Inputs, Origin, Prepared, RunError, assemble, files};
use crate::config::Experiment;
use crate::data;
use crate::learn::{HeadConfig, Precision, StrategyKind};
use crate::metrics::summarise;
use crate::record::{BoardInfo, CostResult, RunRecord, SCHEMA_VERSION, Summary, UnpricedCall};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Name of the record.
pub const RECORD: &str = "record.json";

/// How to run, none of which changes the record.
#[derive(Debug, Clone)]
pub struct Options {
    /// Output folder; made if it is not there.
    pub out: PathBuf,
    /// Go on from the finished experiences in it.
    pub resume: bool,
    /// Threads; one a core where `None`.
    pub jobs: Option<usize>,
    /// Folder of the [`FeatureStore`]; where `None`, features are computed and not kept.
    pub features: Option<PathBuf>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Images that passed the network.
    Features {
        /// So many.
        done: usize,
        /// Of so many.
        of: usize,
    },
    /// Where the features of one set came from.
    Stored {
        /// So many images.
        images: usize,
        /// The store's file.
        path: PathBuf,
        /// Found, computed, or why not.
        origin: Origin,
    },
    /// A precision finished an experience with one seed.
    Experience {
        /// Precision.
        precision: String,
        /// Seed.
        seed: u64,
        /// Experience, from 0.
        experience: usize,
    },
}

/// Runs an experiment and writes its record into the output folder.
///
/// `observe` hears how far it is, from any thread.
///
/// # Errors
/// [`RunError`]; whatever was finished before stays on disk for [`Options::resume`].
pub fn run(
    experiment: &Experiment,
    options: &Options,
    observe: &(dyn Fn(&Event) + Sync),
) -> Result<RunRecord, RunError> {
    let parts = parts::folder(&options.out, options.resume)?;
    let boards = boards(experiment)?;
    let threads = options.jobs.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| RunError::Threads { jobs: threads, message: e.to_string() })?;
    let record = pool.install(|| {
        let prepared = Prepared::read(experiment, options.features.as_deref(), observe)?;
        whole(experiment, &prepared, &boards, (&parts, options.resume), observe)
    })?;
    let path = options.out.join(RECORD);
    let failed = |source| RunError::Write { path: path.clone(), source };
    let mut text = serde_json::to_string_pretty(&record).map_err(|e| failed(e.into()))?;
    text.push('\n');
    crate::files::replace(&path, text.as_bytes()).map_err(failed)?;
    Ok(record)
}

fn whole(
    experiment: &Experiment,
    prepared: &Prepared,
    boards: &[Board],
    (parts, resume): (&Path, bool),
    observe: &(dyn Fn(&Event) + Sync),
) -> Result<RunRecord, RunError> {
    let (inputs, material) = (prepared.inputs(), prepared.material());
    let epochs = prepared.epochs(experiment);
    let all = learn_all(experiment, &material, &epochs, (parts, resume), observe)?;
    let joint = upper_bound(experiment, &material)?;
    let mut notes = notes(inputs);
    notes.extend(strategy_note(experiment, inputs)?);
    let (costs, infos) = price_all(experiment, inputs, boards, &mut notes)?;
    let floats = experiment.heads.iter().position(|h| h.precision.name == "float").map(|i| assemble::finals(&all[i]));
    let mut precisions = Vec::new();
    for (head, jobs) in experiment.heads.iter().zip(all) {
        let float = floats.as_deref().filter(|_| head.precision.name != "float");
        precisions.push(assemble::precision(head, &experiment.seeds, jobs, float)?);
    }
    Ok(RunRecord {
        schema_version: SCHEMA_VERSION,
        provenance: assemble::provenance(experiment, inputs),
        stream: assemble::stream(experiment, inputs, &epochs),
        backbone: assemble::backbone(&inputs.graph),
        joint_upper_bound: joint,
        precisions,
        boards: infos,
        costs,
        notes,
    })
}

/// Measurements by precision and seed, in the experiment's order whatever the number of threads.
fn learn_all(
    experiment: &Experiment,
    material: &Material<'_>,
    epochs: &[usize],
    (parts, resume): (&Path, bool),
    observe: &(dyn Fn(&Event) + Sync),
) -> Result<Vec<Vec<Vec<Measured>>>, RunError> {
    let heads = experiment.heads.iter().enumerate();
    let spare_threads = 2 * experiment.heads.len() * experiment.seeds.len() <= rayon::current_num_threads();
    let jobs: Vec<Job<'_>> = heads
        .flat_map(|(precision, head)| {
            experiment.seeds.iter().enumerate().map(move |(i, &seed)| Job {
                precision,
                strategy: experiment.training.strategy,
                head,
                seed,
                epochs,
                traced: i == 0,
                spare_threads,
            })
        })
        .collect();
    let one = |job: &Job<'_>| {
        let key = key((job.strategy, job.head), material.inputs, epochs, job.traced);
        let mut part = PartFile::open(parts, (job.precision, job.seed), &key, resume)?;
        if part.experiences().len() == epochs.len() {
            return Ok(part.experiences().to_vec());
        }
        job.learn(material, &mut |experience, measured| {
            part.keep(experience, measured)?;
            let precision = job.head.precision.name.clone();
            observe(&Event::Experience { precision, seed: job.seed, experience });
            Ok(())
        })
    };
    let results: Vec<Result<Vec<Measured>, RunError>> = jobs.par_iter().map(one).collect();
    let mut flat = results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(experiment.heads.iter().map(|_| flat.by_ref().take(experiment.seeds.len()).collect()).collect())
}

/// Hash of everything that decides a job's numbers but its seed.
fn key((strategy, head): (StrategyKind, &HeadConfig), inputs: &Inputs, epochs: &[usize], traced: bool) -> String {
    let stream = &inputs.stream;
    let text = format!(
        "{} {SCHEMA_VERSION} {strategy:?} {head:?} {:?} {:?} {stream:?} {epochs:?} {traced}",
        env!("CARGO_PKG_VERSION"),
        inputs.hashes,
        inputs.train.treatment()
    );
    files::hash_bytes(text.as_bytes())
}

fn upper_bound(experiment: &Experiment, material: &Material<'_>) -> Result<Option<Summary>, RunError> {
    let epochs = experiment.training.joint_epochs;
    let Some(plain) = experiment.heads.first().filter(|_| epochs > 0) else { return Ok(None) };
    let fault = |source| RunError::Learn { precision: "joint".to_owned(), seed: 0, source };
    let head = HeadConfig { precision: Precision::preset("float").map_err(fault)?, ..plain.clone() };
    let each: Vec<Result<f64, RunError>> =
        experiment.seeds.par_iter().map(|&seed| joint(&head, material, epochs, seed)).collect();
    let each = each.into_iter().collect::<Result<Vec<f64>, _>>()?;
    Ok(summarise(&each).map(assemble::summary))
}

/// Costs of every precision on every board, and the boards; what cannot be priced becomes a note with the reason.
fn price_all(
    experiment: &Experiment,
    inputs: &Inputs,
    boards: &[Board],
    notes: &mut Vec<String>,
) -> Result<(Vec<CostResult>, Vec<BoardInfo>), RunError> {
    let (mut costs, mut infos) = (Vec::new(), Vec::new());
    for board in boards {
        let mut last = None;
        let mut refused: Vec<(String, Vec<&str>)> = Vec::new();
        let mut partly: Vec<(String, Vec<&str>)> = Vec::new();
        for head in &experiment.heads {
            let precision = &head.precision.name;
            let fault = |source| RunError::Learn { precision: precision.clone(), seed: 0, source };
            let calls = Learner::of(experiment.training.strategy, head, inputs).calls().map_err(fault)?;
            match board.price(precision, &calls) {
                Ok(cost) => {
                    for missing in unpriced(&cost) {
                        match partly.iter_mut().find(|(m, _)| *m == missing) {
                            Some((_, names)) => names.push(precision),
                            None => partly.push((missing, vec![precision])),
                        }
                    }
                    costs.push(cost);
                    last = Some((precision, calls));
                }
                Err(reason) => {
                    let reason = reason.to_string();
                    match refused.iter_mut().find(|(r, _)| *r == reason) {
                        Some((_, names)) => names.push(precision),
                        None => refused.push((reason, vec![precision])),
                    }
                }
            }
        }
        let mut info = board.info();
        notes.extend(
            partly
                .iter()
                .map(|(what, names)| format!("Not in the cost of {} on {}: {what}.", names.join(", "), info.profile)),
        );
        notes.extend(
            refused.iter().map(|(why, names)| format!("No cost for {} on {}: {why}.", names.join(", "), info.profile)),
        );
        // Which numbers matter hardly depends on the precision; the last one stands for all.
        info.uncertainty = last.and_then(|(precision, calls)| board.uncertainty(precision, &calls).ok());
        infos.push(info);
    }
    Ok((costs, infos))
}

/// What a cost does not hold, one text for each kernel that is not there.
fn unpriced(cost: &CostResult) -> Vec<String> {
    let one = |c: &UnpricedCall| {
        format!("`{}`, {} times a {}, has no kernel {} in {}", c.site, c.times, c.unit, c.kernel, cost.kernel_set)
    };
    cost.unpriced.iter().map(one).collect()
}

/// Classes that the first experience does not have, each once, in order of arrival.
fn met_later(experiences: &[data::Experience]) -> Vec<usize> {
    let first = experiences.first().map_or(0, |e| e.classes.len());
    let mut met = Vec::new();
    for class in experiences.iter().flat_map(|e| &e.classes) {
        if !met.contains(class) {
            met.push(*class);
        }
    }
    met.split_off(first)
}

pub(super) fn notes(inputs: &Inputs) -> Vec<String> {
    let trained = &inputs.graph.spec().trained_classes;
    let mut notes = Vec::new();
    let later = met_later(&inputs.stream.experiences);
    let known: Vec<String> = later.iter().filter(|c| trained.contains(c)).map(usize::to_string).collect();
    if !known.is_empty() {
        notes.push(format!(
            "The backbone was trained on classes that later experiences bring ({}): their accuracy is better than on a device that meets them for the first time.",
            known.join(", ")
        ));
    }
    notes
}

/// What a strategy other than CWR* is, and the bytes that it keeps in each precision.
fn strategy_note(experiment: &Experiment, inputs: &Inputs) -> Result<Option<String>, RunError> {
    let kind = experiment.training.strategy;
    if kind == StrategyKind::CwrStar {
        return Ok(None);
    }
    let (classes, features) = (inputs.train.n_classes(), inputs.graph.feature_type().shape.len());
    let mut each = Vec::new();
    for head in &experiment.heads {
        let name = &head.precision.name;
        let built = kind.build(head, classes, features, 0);
        let built = built.map_err(|source| RunError::Learn { precision: name.clone(), seed: 0, source })?;
        each.push(format!("{name} {} bytes", built.state_bytes()));
    }
    let list = each.join(", ");
    Ok(Some(format!("Strategy {kind} ({kind:?}); learning state before the first experience: {list}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_come_again_are_named_once() {
        let stream = |classes: &[&[usize]]| {
            let one = |c: &&[usize]| data::Experience { classes: c.to_vec(), train: Vec::new(), test: Vec::new() };
            classes.iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(met_later(&stream(&[&[1, 4], &[3], &[0], &[1], &[3], &[0, 4]])), [3, 0]);
        assert!(met_later(&stream(&[&[0, 1], &[0, 1], &[0, 1]])).is_empty() && met_later(&[]).is_empty());
    }
}
