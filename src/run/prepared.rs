//! What many heads share: images, network, stream and features of one experiment, ready to learn and to price on.

use super::job::{Job, Material, Measured};
use super::learner::Learner;
use super::price::{Board, Calls};
use super::{Event, FeatureKey, FeatureStore, Features, ImageError, Inputs, RunError, assemble, inputs};
use crate::config::Experiment;
use crate::data::Dataset;
use crate::record::{BoardInfo, CostResult, PrecisionResult, RunRecord, SCHEMA_VERSION, Work};
use rayon::prelude::*;
use std::path::Path;

/// Inputs and features of an experiment. Heads, training and boards may differ from one use to the next; data, backbone and
/// stream may not (compare [`Prepared::key`]).
#[derive(Debug)]
pub struct Prepared {
    inputs: Inputs,
    train: Features,
    test: Features,
    train_labels: Vec<usize>,
    test_labels: Vec<usize>,
}

impl Prepared {
    /// Text that is equal for experiments that can share one [`Prepared`].
    pub fn key(experiment: &Experiment) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {}",
            experiment.data, experiment.backbone.path, experiment.scenario, experiment.domains, experiment.growing_test
        )
    }

    /// Reads everything and passes all images through the network, or takes their features from the store in folder `store`.
    ///
    /// # Errors
    /// [`RunError`] points at the entry of the experiment file that is at fault.
    pub fn read(
        experiment: &Experiment,
        store: Option<&Path>,
        observe: &(dyn Fn(&Event) + Sync),
    ) -> Result<Self, RunError> {
        let inputs = inputs::read(experiment)?;
        let store = store.map(FeatureStore::open).transpose()?;
        let (train, test) = match &inputs.features {
            Some(stored) => stored.clone(),
            None => (
                features(&inputs, &inputs.train, 0, store.as_ref(), observe)?,
                features(&inputs, &inputs.test, inputs.train.len(), store.as_ref(), observe)?,
            ),
        };
        let labels = |set: &Dataset| set.labels().iter().map(|&l| usize::from(l)).collect::<Vec<_>>();
        let (train_labels, test_labels) = (labels(&inputs.train), labels(&inputs.test));
        Ok(Self { inputs, train, test, train_labels, test_labels })
    }

    /// Path as given and SHA-256 of every file read.
    pub fn input_hashes(&self) -> &[(String, String)] {
        &self.inputs.hashes
    }

    pub(super) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    pub(super) fn material(&self) -> Material<'_> {
        Material {
            inputs: &self.inputs,
            train: &self.train,
            test: &self.test,
            train_labels: &self.train_labels,
            test_labels: &self.test_labels,
        }
    }

    /// Epochs of each experience.
    pub fn epochs(&self, experiment: &Experiment) -> Vec<usize> {
        let t = &experiment.training;
        let of = |i| if i == 0 { t.epochs_first } else { t.epochs_later };
        (0..self.inputs.stream.experiences.len()).map(of).collect()
    }

    /// Learns the stream in the experiment's first precision, once for each seed, without the f64 twin beside it.
    ///
    /// `float` are the final accuracies of the float precision on the same seeds, for the paired difference.
    ///
    /// # Errors
    /// [`RunError::Learn`], e.g. where an overflow rule says `error`.
    pub fn learn(&self, experiment: &Experiment, float: Option<&[f64]>) -> Result<PrecisionResult, RunError> {
        self.learn_traced(experiment, float, false)
    }

    fn learn_traced(
        &self,
        experiment: &Experiment,
        float: Option<&[f64]>,
        traced: bool,
    ) -> Result<PrecisionResult, RunError> {
        let epochs = self.epochs(experiment);
        let head = &experiment.heads[0];
        let material = self.material();
        let one = |(i, &seed): (usize, &u64)| -> Result<Vec<Measured>, RunError> {
            let strategy = experiment.training.strategy;
            let job = Job {
                precision: 0,
                strategy,
                head,
                seed,
                epochs: &epochs,
                traced: traced && i == 0,
                spare_threads: false,
            };
            job.learn(&material, &mut |_, _| Ok(()))
        };
        let jobs: Vec<_> = experiment.seeds.par_iter().enumerate().map(one).collect();
        let jobs = jobs.into_iter().collect::<Result<Vec<_>, _>>()?;
        assemble::precision(head, &experiment.seeds, jobs, float)
    }

    /// The whole record of the experiment's first precision on some boards, each called by its label, with numeric fidelity and
    /// without the joint upper bound; `command` is what reproduces it.
    ///
    /// # Errors
    /// As [`Prepared::learn`] and [`Prepared::price`].
    pub fn record<'b>(
        &self,
        experiment: &Experiment,
        boards: impl IntoIterator<Item = (&'b str, &'b Board)>,
        (command, float): (&str, Option<&[f64]>),
    ) -> Result<RunRecord, RunError> {
        let precision = self.learn_traced(experiment, float, true)?;
        let mut provenance = assemble::provenance(experiment, &self.inputs);
        command.clone_into(&mut provenance.command);
        let (labels, boards): (Vec<&str>, Vec<&Board>) = boards.into_iter().unzip();
        let priced = self.price(experiment, boards.iter().copied())?;
        let named = |(cost, label): (Result<CostResult, String>, &&str)| {
            cost.ok().map(|cost| CostResult { profile: (*label).to_owned(), ..cost })
        };
        let costs = priced.into_iter().zip(&labels).filter_map(named).collect();
        let info = |(board, label): (&&Board, &&str)| BoardInfo { profile: (*label).to_owned(), ..board.info() };
        Ok(RunRecord {
            schema_version: SCHEMA_VERSION,
            provenance,
            stream: assemble::stream(experiment, &self.inputs, &self.epochs(experiment)),
            backbone: assemble::backbone(&self.inputs.graph),
            joint_upper_bound: None,
            precisions: vec![precision],
            boards: boards.iter().zip(&labels).map(info).collect(),
            costs,
            notes: super::pipeline::notes(&self.inputs),
        })
    }

    /// Prices the experiment's first precision on each board; what cannot be priced comes as the reason.
    ///
    /// # Errors
    /// [`RunError::Learn`] if the head itself is impossible.
    pub fn price<'b>(
        &self,
        experiment: &Experiment,
        boards: impl IntoIterator<Item = &'b Board>,
    ) -> Result<Vec<Result<CostResult, String>>, RunError> {
        let (precision, calls) = (&experiment.heads[0].precision.name, self.calls(experiment)?);
        let price = |board: &Board| {
            let cost = board.price(precision, &calls).map_err(|e| e.to_string())?;
            // A table of points has no place for a figure that is a lower bound.
            match cost.unpriced.first() {
                Some(call) => Err(format!("no kernel {}, needed by `{}`", call.kernel, call.site)),
                None => Ok(cost),
            }
        };
        Ok(boards.into_iter().map(price).collect())
    }

    /// The boards, each profile once with what the intervals of the experiment's first precision rest on there.
    ///
    /// # Errors
    /// As [`Prepared::price`].
    pub fn board_infos<'b>(
        &self,
        experiment: &Experiment,
        boards: impl IntoIterator<Item = &'b Board>,
    ) -> Result<Vec<BoardInfo>, RunError> {
        let (precision, calls) = (&experiment.heads[0].precision.name, self.calls(experiment)?);
        let mut infos: Vec<BoardInfo> = Vec::new();
        for board in boards {
            let mut info = board.info();
            if infos.iter().all(|i| i.profile != info.profile || i.uncertainty.is_none()) {
                info.uncertainty = board.uncertainty(precision, &calls).ok();
            }
            infos.push(info);
        }
        Ok(infos)
    }

    fn calls(&self, experiment: &Experiment) -> Result<Calls, RunError> {
        let head = &experiment.heads[0];
        let fault = |source| RunError::Learn { precision: head.precision.name.clone(), seed: 0, source };
        Learner::of(experiment.training.strategy, head, &self.inputs).calls().map_err(fault)
    }

    /// What one whole stream runs on the device.
    pub fn work(&self, experiment: &Experiment) -> Work {
        let experiences = &self.inputs.stream.experiences;
        let steps = experiences.iter().zip(self.epochs(experiment));
        Work {
            images: experiences.iter().map(|e| e.train.len()).sum(),
            steps: steps.map(|(e, n)| e.train.len().div_ceil(experiment.training.batch) * n).sum(),
            consolidations: experiences.len(),
        }
    }
}

/// Features of one set, of which `before` images of others are done.
fn features(
    inputs: &Inputs,
    set: &Dataset,
    before: usize,
    store: Option<&FeatureStore>,
    observe: &(dyn Fn(&Event) + Sync),
) -> Result<Features, RunError> {
    let of = inputs.train.len() + inputs.test.len();
    let compute = || Features::of(&inputs.graph, set, &|n| observe(&Event::Features { done: before + n, of }));
    let Some(store) = store else { return compute() };
    let key = FeatureKey::new(&inputs.model_hash, set, "").map_err(ImageError::from)?;
    let (features, origin) = store.get_or(&key, compute)?;
    observe(&Event::Stored { images: set.len(), path: store.path(&key), origin });
    Ok(features)
}
