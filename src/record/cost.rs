//! What precisions cost on boards.

use crate::trace::Phase;
use serde::{Deserialize, Serialize};

/// Low, middle and high of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// With every assumption at its favourable end.
    pub low: f64,
    /// Best estimate.
    pub mid: f64,
    /// With every assumption at its unfavourable end.
    pub high: f64,
}

/// One precision on one board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostResult {
    /// Precision name.
    pub precision: String,
    /// Profile name.
    pub profile: String,
    /// Kernel set name.
    pub kernel_set: String,
    /// One image through backbone and head.
    pub inference_latency_ms: Interval,
    /// Energy of that.
    pub inference_energy_uj: Interval,
    /// One training step of one minibatch on stored features (head only).
    pub step_latency_ms: Interval,
    /// Energy of that.
    pub step_energy_uj: Interval,
    /// One consolidation (end of an experience).
    pub consolidation_latency_ms: Interval,
    /// Energy of that.
    pub consolidation_energy_uj: Interval,
    /// By phase.
    pub phases: Vec<PhaseCost>,
    /// By kernel call, merged by site.
    pub sites: Vec<SiteCost>,
    /// Largest number of live bytes, learning state and arena together.
    pub ram_kib: f64,
    /// Code, constant weights and tables.
    pub flash_kib: f64,
    /// Both fit the board.
    pub fits: bool,
    /// Bytes missing in RAM or flash where it does not fit, else 0.
    pub missing_kib: f64,
    /// Samples of the largest experience as features, which a device keeps where the stream does not come again: not in `ram_kib`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_samples: Option<StoredSamples>,
    /// Live bytes in call order.
    pub ram_timeline: Vec<RamPoint>,
    /// Calls of the strategy that no kernel of the set runs: no figure above holds their time, energy or code; the RAM of their
    /// state is in `ram_kib`.
    #[serde(default)]
    pub unpriced: Vec<UnpricedCall>,
}

/// What a device keeps of an experience between its epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSamples {
    /// Samples of the largest experience.
    pub samples: u64,
    /// Bytes of one sample's features.
    pub sample_bytes: u64,
    /// All of them.
    pub kib: f64,
    /// Whether they fit the board's RAM beside everything else.
    pub fits: bool,
}

/// A kernel call without a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnpricedCall {
    /// `image`, `step` or `consolidation`.
    pub unit: String,
    /// The phase.
    pub phase: Phase,
    /// Head operation.
    pub site: String,
    /// Operation and element types: the kernel that is not there.
    pub kernel: String,
    /// Times in the unit.
    pub times: u64,
}

/// Cost of one phase within one unit. `head_forward` comes twice: for one image, and for the whole minibatch of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseCost {
    /// The phase.
    pub phase: Phase,
    /// What one unit is: `image`, `step`, `consolidation`.
    pub unit: String,
    /// Cycles.
    pub cycles: Interval,
    /// Latency.
    pub latency_ms: Interval,
    /// Energy.
    pub energy_uj: Interval,
}

/// Cost of one site (layer or head operation).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteCost {
    /// Phase.
    pub phase: Phase,
    /// Layer or head operation.
    pub site: String,
    /// Kernel of the kernel set that runs it.
    pub kernel: String,
    /// Cycles.
    pub cycles: Interval,
    /// Share of the cycles that waits for memory.
    pub memory_share: f64,
}

/// Live bytes while one call runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RamPoint {
    /// Position in the list of calls.
    pub call: usize,
    /// Site of the call.
    pub site: String,
    /// Permanent state (learning state, stored samples, weights placed in RAM).
    pub state_bytes: u64,
    /// Arena in use.
    pub arena_bytes: u64,
}
