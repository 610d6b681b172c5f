//! Measurements of all jobs → the record's plain data.

use super::job::Measured;
use super::price::feature_calls;
use super::{Inputs, RunError, metrics};
use crate::config::Experiment;
use crate::learn::HeadConfig;
use crate::metrics::{MeanInterval, paired_test, summarise};
use crate::nn::Graph;
use crate::record::{
    AccumulatorInfo, BackboneInfo, OverflowInfo, PairedTestInfo, PrecisionResult, Provenance, SeedResult, StreamInfo,
    Summary,
};
use crate::trace::{Op, constant_bytes};

/// How many overflowing values a record keeps of each site.
const KEPT: usize = 4;

/// Where the numbers come from.
pub fn provenance(experiment: &Experiment, inputs: &Inputs) -> Provenance {
    let seeds: Vec<String> = experiment.seeds.iter().map(u64::to_string).collect();
    Provenance {
        tool: format!("tinyprec {}", env!("CARGO_PKG_VERSION")),
        experiment: experiment.name.clone(),
        experiment_toml: experiment.source.text.clone(),
        command: format!("tinyprec run {} --seeds {}", experiment.source.path, seeds.join(",")),
        inputs: inputs.hashes.clone(),
        seeds: experiment.seeds.clone(),
    }
}

/// What arrived.
pub fn stream(experiment: &Experiment, inputs: &Inputs, epochs: &[usize]) -> StreamInfo {
    let experiences = &inputs.stream.experiences;
    StreamInfo {
        dataset: inputs.train.name().to_owned(),
        scenario: experiment.scenario_name.to_owned(),
        n_classes: inputs.train.n_classes(),
        experience_classes: experiences.iter().map(|e| e.classes.clone()).collect(),
        experience_samples: experiences.iter().map(|e| e.train.len()).collect(),
        test_samples: inputs.stream.test.len(),
        growing_test: inputs.stream.growing,
        epochs: epochs.to_vec(),
        batch: experiment.training.batch,
        backbone_classes: inputs.graph.spec().trained_classes.clone(),
    }
}

/// The frozen network.
pub fn backbone(graph: &Graph) -> BackboneInfo {
    let calls = feature_calls(graph);
    let (mut binary_macs, mut other_macs) = (0, 0);
    for call in &calls {
        let product = |names: &[&str]| names.iter().map(|n| call.dims.get(n).unwrap_or(1)).product::<u64>();
        match call.op {
            // Tail bits of a word are no multiply-accumulates of the network, but a device computes them.
            Op::BinaryConv | Op::BinaryConvThreshold | Op::BinaryConvTransform => {
                binary_macs += 32 * product(&["oh", "ow", "oc", "kh", "kw", "words"])
            }
            Op::BinaryDense | Op::BinaryDenseThreshold | Op::BinaryDenseTransform => {
                binary_macs += 32 * product(&["rows", "words"])
            }
            Op::InputConv | Op::InputConvThreshold | Op::FloatConv | Op::SignConv | Op::Int8Conv => {
                other_macs += product(&["oh", "ow", "oc", "kh", "kw", "ic"])
            }
            Op::DepthwiseConv | Op::Int8DepthwiseConv => other_macs += product(&["oh", "ow", "channels", "kh", "kw"]),
            Op::FloatDense | Op::Int8Dense => other_macs += product(&["rows", "columns"]),
            _ => {}
        }
    }
    BackboneInfo {
        name: graph.name().to_owned(),
        features: graph.feature_type().shape.len(),
        packed_bytes: constant_bytes(&calls),
        binary_macs,
        other_macs,
    }
}

/// Mean and interval as the record keeps them.
pub fn summary(m: MeanInterval) -> Summary {
    Summary { mean: m.mean, half_width_95: m.half_width_95, n: m.n }
}

pub(super) fn over_seeds(values: Vec<f64>) -> Summary {
    summarise(&values).map_or(Summary { mean: 0.0, half_width_95: None, n: 0 }, summary)
}

/// Accuracy after the last experience, seed by seed.
pub fn finals(jobs: &[Vec<Measured>]) -> Vec<f64> {
    jobs.iter().filter_map(|j| j.last()).map(|m| m.stream_accuracy).collect()
}

/// One precision over all seeds; `float` are the final accuracies of the float precision on the same seeds.
pub fn precision(
    head: &HeadConfig,
    seeds: &[u64],
    jobs: Vec<Vec<Measured>>,
    float: Option<&[f64]>,
) -> Result<PrecisionResult, RunError> {
    let experiences = jobs.first().map_or(0, Vec::len);
    let last: Vec<&Measured> = jobs.iter().filter_map(|j| j.last()).collect();
    let versus = match float {
        Some(float) => paired_test(&finals(&jobs), float)?,
        None => None,
    };
    let metrics = metrics::of(&jobs)?;
    let (updates, vanished) = last.iter().fold((0u64, 0u64), |(u, v), m| (u + m.updates, v + m.vanished));
    #[allow(clippy::cast_precision_loss, reason = "a share of counts far below 2^53")]
    let vanished_updates = (updates > 0).then(|| vanished as f64 / updates as f64);
    Ok(PrecisionResult {
        name: head.precision.name.clone(),
        slots: head.precision.to_text(),
        final_accuracy: over_seeds(finals(&jobs)),
        accuracy_by_experience: (0..experiences)
            .map(|i| over_seeds(jobs.iter().map(|j| j[i].stream_accuracy).collect()))
            .collect(),
        forgetting: metrics.backward_transfer.map(|b| Summary { mean: 0.0 - b.mean, ..b }),
        minus_float: versus.map(|v| summary(v.difference)),
        versus_float: versus.map(|v| PairedTestInfo {
            n: v.difference.n,
            t: v.t,
            t_p: v.t_p,
            signed_rank: v.signed_rank,
            signed_rank_p: v.signed_rank_p,
        }),
        metrics: Some(metrics),
        vanished_updates,
        overflows: overflows(&last),
        accumulators: accumulators(&last),
        seeds: seeds.iter().zip(jobs).map(|(&seed, job)| seed_result(seed, job)).collect(),
    })
}

fn seed_result(seed: u64, job: Vec<Measured>) -> SeedResult {
    SeedResult {
        seed,
        accuracy: job.iter().map(|m| m.accuracy.clone()).collect(),
        initial_accuracy: job.first().map_or(Vec::new(), |m| m.initial_accuracy.clone()),
        stream_accuracy: job.iter().map(|m| m.stream_accuracy).collect(),
        mean_class_accuracy: job.iter().map(|m| m.mean_class_accuracy).collect(),
        confusion: job.last().map_or(Vec::new(), |m| m.confusion.clone()),
        gradient_by_epoch: job.iter().flat_map(|m| m.gradient_by_epoch.iter().cloned()).collect(),
        fidelity: job.into_iter().flat_map(|m| m.fidelity).collect(),
    }
}

/// Sums over seeds, by site in order of first appearance.
fn overflows(last: &[&Measured]) -> Vec<OverflowInfo> {
    let mut all: Vec<OverflowInfo> = Vec::new();
    for info in last.iter().flat_map(|m| &m.overflows) {
        match all.iter_mut().find(|o| o.site == info.site) {
            None => all.push(info.clone()),
            Some(sum) => {
                sum.total += info.total;
                sum.overflowed += info.overflowed;
                sum.first.extend(&info.first);
                sum.first.truncate(KEPT);
            }
        }
    }
    all
}

/// Widest over seeds, by site.
fn accumulators(last: &[&Measured]) -> Vec<AccumulatorInfo> {
    let mut all: Vec<AccumulatorInfo> = Vec::new();
    for info in last.iter().flat_map(|m| &m.accumulators) {
        match all.iter_mut().find(|a| a.site == info.site) {
            None => all.push(info.clone()),
            Some(widest) => widest.seen_bits = widest.seen_bits.max(info.seen_bits),
        }
    }
    all
}
