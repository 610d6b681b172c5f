//! The versioned result of a sweep: what each point learnt and costs, and what the points say together.

use super::{AccumulatorInfo, BoardInfo, Interval, RunRecord, Summary};
use crate::trace::Phase;
use serde::{Deserialize, Serialize};

/// Version of the sweep's layout; raised when a field changes meaning or goes away.
pub const SWEEP_VERSION: u32 = 1;
/// Between board and kernel set in the label of what a sweep is priced on.
pub const KERNELS: &str = " / ";

/// One sweep, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepRecord {
    /// [`SWEEP_VERSION`] of the writer.
    pub sweep_version: u32,
    /// What every shard of the sweep must agree on.
    pub header: SweepHeader,
    /// The sweep file, whole.
    pub sweep_toml: String,
    /// The command that reproduces the record.
    pub command: String,
    /// Axes in the file's order.
    pub axes: Vec<AxisInfo>,
    /// What the frontier is drawn over.
    pub objectives: Vec<String>,
    /// Every point, by index.
    pub points: Vec<PointResult>,
    /// Boards that the points are priced on.
    pub boards: Vec<BoardInfo>,
    /// What the points say together, board by board.
    pub analysis: Vec<BoardAnalysis>,
    /// Points told in full: the best of each board and the baseline's neighbours.
    pub details: Vec<RunRecord>,
    /// Things a reader must know: what could not be priced or learnt, and why.
    pub notes: Vec<String>,
}

/// What decides a sweep's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepHeader {
    /// The experiment's name.
    pub name: String,
    /// `tinyprec x.y.z`.
    pub tool: String,
    /// SHA-256 of the sweep file.
    pub space: String,
    /// Points of the space.
    pub points: usize,
    /// SHA-256 of each input file of any point: (path as given, hex).
    pub inputs: Vec<(String, String)>,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisInfo {
    /// Name.
    pub name: String,
    /// Labels in the file's order; empty for a continuous range.
    pub choices: Vec<String>,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointResult {
    /// Number in the space, from 0.
    pub index: usize,
    /// SHA-256 of the point's own experiment file.
    pub hash: String,
    /// Rung (from 1) at which a search stopped the point, with its share of epochs and seeds; absent for points run in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<usize>,
    /// Label of each axis's choice.
    pub choices: Vec<String>,
    /// Why it could not be learnt (an overflow where the rule says `error`, say); the numbers below are absent then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What was learnt.
    pub learnt: Option<Learnt>,
    /// What the device runs over the whole stream.
    pub work: Work,
    /// What it costs, on each board with each kernel set.
    pub costs: Vec<PointCost>,
    /// What could not be priced: (board, why).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<(String, String)>,
}

/// Work of one whole stream on the device, in units that a board prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Images through the backbone: every training sample once, its features are stored.
    pub images: usize,
    /// Optimiser steps.
    pub steps: usize,
    /// Consolidations.
    pub consolidations: usize,
}

/// What a point learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learnt {
    /// Final accuracy on the whole test set.
    pub accuracy: Summary,
    /// The same, seed by seed.
    pub accuracy_by_seed: Vec<f64>,
    /// Mean over seeds after each experience.
    pub accuracy_by_experience: Vec<f64>,
    /// Mean forgetting after the last experience.
    pub forgetting: Option<Summary>,
    /// Paired difference to the baseline on the same seeds.
    pub minus_baseline: Option<Summary>,
    /// Share of updates that rounded to nothing.
    pub vanished_updates: Option<f64>,
    /// Sites with overflows: (site, did not fit, of).
    pub overflows: Vec<(String, u64, u64)>,
    /// Widths of the accumulators.
    pub accumulators: Vec<AccumulatorInfo>,
}

/// What a point costs on one board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointCost {
    /// Board, with the kernel set where there are several, and the override where there is one.
    pub board: String,
    /// One image through backbone and head.
    pub inference_latency_ms: Interval,
    /// Energy of that.
    pub inference_energy_uj: Interval,
    /// One training step on stored features.
    pub step_latency_ms: Interval,
    /// Energy of that.
    pub step_energy_uj: Interval,
    /// One consolidation.
    pub consolidation_latency_ms: Interval,
    /// Energy of that.
    pub consolidation_energy_uj: Interval,
    /// The whole stream: every training image once, every step, every consolidation.
    pub stream_latency_s: Interval,
    /// Energy of that.
    pub stream_energy_j: Interval,
    /// RAM.
    pub ram_kib: f64,
    /// Flash.
    pub flash_kib: f64,
    /// Fits the board.
    pub fits: bool,
    /// Missing where it does not fit.
    pub missing_kib: f64,
    /// Best estimates by phase and unit: (phase, unit, ms, µJ).
    pub phases: Vec<(Phase, String, f64, f64)>,
}

/// What the points say on one board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardAnalysis {
    /// Board (see [`PointCost::board`]).
    pub board: String,
    /// Points that no other point beats in every objective, by index, best accuracy first.
    pub frontier: Vec<FrontierPoint>,
    /// Hypervolume of the frontier as a share of the box from the worst to the best value of each objective.
    pub hypervolume: Option<f64>,
    /// The point of the frontier farthest from the plane through its ends, objectives scaled to 0…1 over the frontier.
    pub knee: Option<usize>,
    /// The cheapest point (first cost objective) whose accuracy cannot be told from the best and is at most one point lower.
    pub cheapest_equal: Option<usize>,
    /// What one choice more or less of each axis changes, all else equal.
    pub sensitivity: Vec<Sensitivity>,
    /// Break-evens of the frontier, where the file has a battery.
    pub break_even: Vec<BreakEven>,
}

/// One point of a frontier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontierPoint {
    /// Its index.
    pub index: usize,
    /// Objective values, in the record's order.
    pub values: Vec<f64>,
    /// Points of the frontier that cannot be told from this one in any objective: accuracy by the 95 % interval of the paired
    /// difference over seeds, a cost by its order at both ends of the predictions' intervals.
    pub indistinguishable: Vec<usize>,
    /// Final accuracy for each joule of the whole stream.
    pub accuracy_per_joule: f64,
    /// Final accuracy for each KiB of RAM.
    pub accuracy_per_kib: f64,
}

/// Changing one axis from a choice to the next one, over all pairs of points that agree in every other axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensitivity {
    /// Axis.
    pub axis: String,
    /// From this choice.
    pub from: String,
    /// To this choice.
    pub to: String,
    /// Pairs of points.
    pub pairs: usize,
    /// Change of accuracy, paired by point and seed.
    pub accuracy: Summary,
    /// Mean change of a training step's latency.
    pub step_latency_ms: f64,
    /// Mean change of a training step's energy.
    pub step_energy_uj: f64,
    /// Mean change of one image's latency.
    pub inference_latency_ms: f64,
    /// Mean change of RAM and flash together.
    pub memory_kib: f64,
    /// `better for free`, `buys accuracy`, `saves at no loss`, `costs accuracy`, `pays for nothing`, `only loses`,
    /// `no difference` or `trade-off`; accuracy counts as changed where its 95 % interval leaves out zero.
    pub verdict: String,
}

/// How much learning a battery pays for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakEven {
    /// Point.
    pub index: usize,
    /// Energy of learning one new sample: one image, its steps, its share of a consolidation.
    pub sample_energy_mj: Interval,
    /// New samples a day until the battery does not last its lifetime.
    pub samples_a_day: Interval,
}
