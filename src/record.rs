//! The versioned result of one run: plain serde data, the only thing `report` reads.
//!
//! Nothing here is computed; `run` fills it, `report` renders it, users parse it. Field names carry their units.
//! Times of day, host names and thread counts are left out on purpose: same inputs and seed give a byte-identical file.

mod cost;
mod fidelity;
mod sweep;

pub use cost::{CostResult, Interval, PhaseCost, RamPoint, SiteCost, StoredSamples, UnpricedCall};
pub use fidelity::{EpochGradient, FidelityPoint};
pub use sweep::{
    AxisInfo, BoardAnalysis, BreakEven, FrontierPoint, KERNELS, Learnt, PointCost, PointResult, SWEEP_VERSION,
    Sensitivity, SweepHeader, SweepRecord, Work,
};

use serde::{Deserialize, Serialize};

/// Version of this layout; raised when a field changes meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// One run of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// What ran, from what.
    pub provenance: Provenance,
    /// The stream that was learnt.
    pub stream: StreamInfo,
    /// The frozen network.
    pub backbone: BackboneInfo,
    /// Joint training of the same head in float on all classes at once: the upper bound of every accuracy here.
    pub joint_upper_bound: Option<Summary>,
    /// One entry a precision, in the experiment's order.
    pub precisions: Vec<PrecisionResult>,
    /// One entry a board.
    pub boards: Vec<BoardInfo>,
    /// One entry for each precision on each board.
    pub costs: Vec<CostResult>,
    /// Things a reader must know: fallbacks, unavailable metrics and why.
    pub notes: Vec<String>,
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// `tinyprec x.y.z`.
    pub tool: String,
    /// The experiment's name.
    pub experiment: String,
    /// The experiment file, whole, so that the record can be rerun.
    pub experiment_toml: String,
    /// The command that reproduces the record.
    pub command: String,
    /// SHA-256 of each input file: (path as given, hex).
    pub inputs: Vec<(String, String)>,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
}

/// What arrived, in which order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamInfo {
    /// Data set name.
    pub dataset: String,
    /// `nc`, `ni`, `sessions`, `nic`, `permuted`, `rotated` or `listed`.
    pub scenario: String,
    /// Number of classes of the head.
    pub n_classes: usize,
    /// Classes of each experience.
    pub experience_classes: Vec<Vec<usize>>,
    /// Training samples of each experience.
    pub experience_samples: Vec<usize>,
    /// Test samples.
    pub test_samples: usize,
    /// Whether the test set grows with the experiences; otherwise it is fixed.
    #[serde(default)]
    pub growing_test: bool,
    /// Epochs of each experience.
    pub epochs: Vec<usize>,
    /// Minibatch.
    pub batch: usize,
    /// Classes that the backbone was trained on; the stream's later classes are not among them.
    pub backbone_classes: Vec<usize>,
}

/// The frozen network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneInfo {
    /// Name.
    pub name: String,
    /// Features that reach the head.
    pub features: usize,
    /// Packed weights, thresholds and scales in bytes.
    pub packed_bytes: u64,
    /// Binary multiply-accumulates of one inference.
    pub binary_macs: u64,
    /// Other multiply-accumulates of one inference.
    pub other_macs: u64,
}

/// Mean over seeds with its 95 % Student t interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Half width of the 95 % interval; `null` with fewer than two seeds.
    pub half_width_95: Option<f64>,
    /// Number of seeds.
    pub n: usize,
}

/// One precision over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecisionResult {
    /// `float`, `hybrid-8`, … or the user's own name.
    pub name: String,
    /// Slot → format text with its rounding and overflow, as run.
    pub slots: Vec<(String, String)>,
    /// Final average accuracy over all classes' test set, 0…1.
    pub final_accuracy: Summary,
    /// Accuracy over the whole test stream after each experience.
    pub accuracy_by_experience: Vec<Summary>,
    /// Mean forgetting after the last experience; `null` with one experience.
    pub forgetting: Option<Summary>,
    /// Paired difference of the final accuracy to `float` on the same seeds; `null` for `float` or without it.
    pub minus_float: Option<Summary>,
    /// Tests of that difference; `null` where there is none.
    #[serde(default)]
    pub versus_float: Option<PairedTestInfo>,
    /// The stream's other metrics; absent in records of older versions.
    #[serde(default)]
    pub metrics: Option<StreamMetrics>,
    /// One entry a seed.
    pub seeds: Vec<SeedResult>,
    /// Share of non-zero gradient entries whose step rounded to nothing, over all steps and seeds.
    pub vanished_updates: Option<f64>,
    /// Overflows by site over all seeds.
    pub overflows: Vec<OverflowInfo>,
    /// Safe and used width of each accumulator.
    pub accumulators: Vec<AccumulatorInfo>,
}

/// Paired tests over the seeds of a difference in final accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairedTestInfo {
    /// Pairs.
    pub n: usize,
    /// Student's t; `null` with fewer than two pairs or where all differences are equal.
    pub t: Option<f64>,
    /// Its two-sided p, n − 1 degrees of freedom.
    pub t_p: Option<f64>,
    /// Wilcoxon's sum of positive ranks.
    pub signed_rank: f64,
    /// Its exact two-sided p.
    pub signed_rank_p: Option<f64>,
}

/// What else is read from the accuracy matrix R and the confusion, after the last experience unless it says otherwise. Avalanche's
/// definitions; fractions of 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamMetrics {
    /// Mean of R's last row: each experience weighs the same.
    pub average_accuracy: Summary,
    /// Mean over all experiences of the accuracy on the test stream after each.
    pub average_over_time: Summary,
    /// Minus the mean forgetting; `null` with one experience.
    pub backward_transfer: Option<Summary>,
    /// Mean over j ≥ 1 of R[j−1][j] minus the untrained head's accuracy on j; `null` with one experience.
    pub forward_transfer: Option<Summary>,
    /// Mean over all experiences of the mean class accuracy after each.
    pub amca: Summary,
    /// Accuracy of each class, mean over seeds; `null` for a class without test samples.
    pub per_class_accuracy: Vec<Option<f64>>,
}

/// One seed of one precision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResult {
    /// The seed.
    pub seed: u64,
    /// `accuracy[i][j]`: accuracy on the test samples of experience j (its classes, or its domain) after training experience i.
    pub accuracy: Vec<Vec<f64>>,
    /// Accuracy on the test samples of each experience before any training.
    #[serde(default)]
    pub initial_accuracy: Vec<f64>,
    /// Accuracy on the test stream after experience i: all of it, or what arrived so far where the test set grows.
    pub stream_accuracy: Vec<f64>,
    /// Mean class accuracy on the same samples after experience i.
    #[serde(default)]
    pub mean_class_accuracy: Vec<f64>,
    /// `confusion[y][p]` after the last experience.
    pub confusion: Vec<Vec<u32>>,
    /// Numeric fidelity by recorded step (first seed only; empty for the others).
    pub fidelity: Vec<FidelityPoint>,
    /// Error of the gradient by epoch (first seed only; empty for the others and in records of older versions).
    #[serde(default)]
    pub gradient_by_epoch: Vec<EpochGradient>,
}

/// Saturations and wraps of one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverflowInfo {
    /// Where.
    pub site: String,
    /// How many values were narrowed there.
    pub total: u64,
    /// How many did not fit.
    pub overflowed: u64,
    /// The first few values that did not fit.
    pub first: Vec<i64>,
}

/// Width of one accumulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccumulatorInfo {
    /// Where.
    pub site: String,
    /// Bits that can never overflow, by the bound in docs/numerics.md.
    pub safe_bits: u32,
    /// Bits in use.
    pub used_bits: u32,
    /// Bits that the largest value seen would have needed.
    pub seen_bits: u32,
}

/// One board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardInfo {
    /// Profile name.
    pub profile: String,
    /// Human name of the board.
    pub board: String,
    /// Core (`cortex-m4`, …).
    pub core: String,
    /// Clock.
    pub clock_mhz: f64,
    /// RAM that a program may use.
    pub ram_kib: f64,
    /// Flash; `null` where programs are not stored in flash.
    pub flash_kib: Option<f64>,
    /// Every assumed number of the profile: (key, value, source).
    pub assumed: Vec<(String, String, String)>,
    /// What the intervals of the predictions rest on; `null` where nothing was priced.
    #[serde(default)]
    pub uncertainty: Option<Uncertainty>,
}

/// The numbers that make the intervals of one precision's predictions on one board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uncertainty {
    /// The precision whose kernel calls were priced with each number alone at its ends.
    pub precision: String,
    /// Largest part of the step's energy first.
    pub numbers: Vec<UncertainNumber>,
}

/// One uncertain number and its part of the intervals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UncertainNumber {
    /// Key in the board's file, or `core.` and the key in the core's file.
    pub key: String,
    /// Value with its interval.
    pub value: String,
    /// `measured`, `vendor`, `model` or `assumed`.
    pub origin: String,
    /// Who says so.
    pub source: String,
    /// Part of the sum of all numbers' movements of the energy of a training step, 0 to 1.
    pub step_energy_share: f64,
    /// The same of the latency of a training step.
    pub step_latency_share: f64,
    /// The same of the latency of an image.
    pub inference_latency_share: f64,
}
