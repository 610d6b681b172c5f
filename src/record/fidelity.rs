//! How far the device's numbers are from exact ones, step by step and epoch by epoch.

use serde::{Deserialize, Serialize};

/// How far the gradient of one epoch is from the f64 twin's, over the epoch's recorded steps (its first and those of `fidelity`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochGradient {
    /// Experience index.
    pub experience: usize,
    /// Epoch of the experience, from 0.
    pub epoch: usize,
    /// Recorded steps.
    pub steps: usize,
    /// Mean of their mean absolute percentage errors over entries with |exact| > 0.
    pub mape: f64,
    /// Mean of their ‖quantised − exact‖₂ / ‖exact‖₂.
    pub relative_l2: f64,
}

/// Error of one tensor role against the f64 twin at one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FidelityPoint {
    /// Optimiser step since the start of the run.
    pub step: u64,
    /// Experience index.
    pub experience: usize,
    /// Slot name (`logits`, `probabilities`, `error`, `gradient`, `weights.master`, `weights.forward`, `update`).
    pub role: String,
    /// ‖quantised − exact‖₂ / ‖exact‖₂.
    pub relative_l2: f64,
    /// Mean absolute percentage error over entries with |exact| > 0, where the role is `gradient`.
    pub mape: Option<f64>,
    /// Share of vanished updates of this step, where the role is `update`.
    pub vanished: Option<f64>,
    /// One code of the stored weights after this step, where the role is `weights.master` and they are integers.
    #[serde(default)]
    pub lsb: Option<f64>,
}
