//! The precision slots of the head: every tensor role whose format, rounding and overflow can be chosen.

use super::LearnError;
use crate::numeric::{Format, FormatError, Overflow, Rounding};
use std::fmt;
use std::str::FromStr;

/// One tensor role of the learning head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SlotName {
    /// What the backbone hands over, standardised.
    Features,
    /// The low-precision copy that the forward pass multiplies with.
    WeightsForward,
    /// The weights that SGD updates.
    WeightsMaster,
    /// The bias, where the policy keeps one.
    Bias,
    /// The forward pass's output.
    Logits,
    /// Softmax of the logits.
    Probabilities,
    /// dL/dz, probabilities minus one-hot.
    Error,
    /// The batch's weight gradient.
    Gradient,
    /// The optimiser's velocity, and the rounding of its step.
    Update,
    /// CWR*'s consolidated weights.
    Consolidated,
    /// CWR*'s √(past/current).
    Past,
}

impl SlotName {
    /// All slots, in the order of the flow.
    pub const ALL: [SlotName; 11] = [
        SlotName::Features,
        SlotName::WeightsForward,
        SlotName::WeightsMaster,
        SlotName::Bias,
        SlotName::Logits,
        SlotName::Probabilities,
        SlotName::Error,
        SlotName::Gradient,
        SlotName::Update,
        SlotName::Consolidated,
        SlotName::Past,
    ];

    /// The name used in experiment files and records.
    pub fn name(self) -> &'static str {
        match self {
            SlotName::Features => "features",
            SlotName::WeightsForward => "weights.forward",
            SlotName::WeightsMaster => "weights.master",
            SlotName::Bias => "bias",
            SlotName::Logits => "logits",
            SlotName::Probabilities => "probabilities",
            SlotName::Error => "error",
            SlotName::Gradient => "gradient",
            SlotName::Update => "update",
            SlotName::Consolidated => "consolidated",
            SlotName::Past => "past",
        }
    }

    pub(super) fn index(self) -> usize {
        SlotName::ALL.iter().position(|&s| s == self).expect("ALL lists every slot")
    }
}

impl fmt::Display for SlotName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl FromStr for SlotName {
    type Err = LearnError;

    fn from_str(text: &str) -> Result<Self, LearnError> {
        SlotName::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| LearnError::UnknownSlot {
            name: text.to_owned(),
            allowed: SlotName::ALL.map(SlotName::name).join(", "),
        })
    }
}

/// A format, or the raw accumulator of the operation that fills the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlotFormat {
    /// No requantisation: the sum as it stands in its accumulator (`logits` and `gradient` only). Text: `accumulator`.
    Accumulator,
    /// A number format.
    Format(Format),
}

impl fmt::Display for SlotFormat {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlotFormat::Accumulator => to.write_str("accumulator"),
            SlotFormat::Format(format) => format.fmt(to),
        }
    }
}

impl FromStr for SlotFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        if text.trim() == "accumulator" { Ok(SlotFormat::Accumulator) } else { text.parse().map(SlotFormat::Format) }
    }
}

/// What one slot holds and how values get into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Format.
    pub format: SlotFormat,
    /// Rounding of the operation that fills the slot; for `update` the rounding of the velocity and of SGD's step.
    pub rounding: Rounding,
    /// What happens to values that do not fit.
    pub overflow: Overflow,
}

impl Slot {
    /// A slot with ties-even rounding that saturates.
    pub fn new(format: Format) -> Self {
        Self { format: SlotFormat::Format(format), rounding: Rounding::TiesEven, overflow: Overflow::Saturate }
    }

    /// The number format; `None` for a raw accumulator.
    pub fn number(&self) -> Option<Format> {
        match self.format {
            SlotFormat::Accumulator => None,
            SlotFormat::Format(format) => Some(format),
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {} {}", self.format, self.rounding, self.overflow)
    }
}
