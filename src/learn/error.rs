//! What can go wrong in this room.

use super::SlotName;
use crate::numeric::{FormatError, OverflowError, ScaleError, TensorError};

/// A head, a precision or a batch that cannot be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LearnError {
    /// A preset that does not exist.
    #[error("`{name}` is not a precision preset; choose one of {allowed}")]
    UnknownPreset {
        /// The name as given.
        name: String,
        /// The presets there are.
        allowed: String,
    },
    /// A strategy that does not exist.
    #[error("`{name}` is not a learning strategy; choose one of {allowed}")]
    UnknownStrategy {
        /// The name as given.
        name: String,
        /// The strategies there are.
        allowed: String,
    },
    /// A slot that does not exist.
    #[error("`{name}` is not a precision slot; choose one of {allowed}")]
    UnknownSlot {
        /// The name as given.
        name: String,
        /// The slots there are.
        allowed: String,
    },
    /// An accumulator that does not exist.
    #[error("`{name}` has no accumulator; only `logits` and `gradient` have one")]
    UnknownAccumulator {
        /// The name as given.
        name: String,
    },
    /// A format that cannot be read.
    #[error("slot `{slot}`: {source}")]
    SlotFormat {
        /// The slot.
        slot: SlotName,
        /// What is wrong.
        source: FormatError,
    },
    /// A format that the slot cannot hold.
    #[error("slot `{slot}` cannot be `{format}`: {why}")]
    Impossible {
        /// The slot.
        slot: SlotName,
        /// The format as text.
        format: String,
        /// The reason and the way out.
        why: &'static str,
    },
    /// A hyper-parameter outside its range.
    #[error("{name} = {value} is out of range: {allowed}")]
    HyperParameter {
        /// Which one.
        name: &'static str,
        /// The value as given.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Buffers whose sizes do not go together.
    #[error("{what} has {got} entries, expected {expected}")]
    Shape {
        /// Which buffer.
        what: &'static str,
        /// Entries expected.
        expected: usize,
        /// Entries given.
        got: usize,
    },
    /// A label outside the head's classes.
    #[error("label {label} is outside the head's {classes} classes")]
    UnknownClass {
        /// The label.
        label: usize,
        /// Classes of the head.
        classes: usize,
    },
    /// Features in another format than the head's.
    #[error(
        "the features are held as {got}, the head expects {expected}; prepare them with this precision's FeatureStage"
    )]
    FeatureFormat {
        /// What the head's `features` slot says.
        expected: String,
        /// What was given.
        got: String,
    },
    /// A feature too large for the device's 32-bit standardisation.
    #[error("feature {index} is {value}: standardisation takes integers within ±2^23")]
    FeatureRange {
        /// Position.
        index: usize,
        /// The value.
        value: i32,
    },
    /// A tensor or feature that is not a finite number.
    #[error("{what} holds a value that is not finite; lower the learning rate or check the features")]
    NotFinite {
        /// Which tensor.
        what: &'static str,
    },
    /// A penalty of EWC or MAS whose steps overshoot further each time.
    #[error(
        "the pull towards earlier weights diverged: rate × lambda × importance is above 1 somewhere; lower `lambda` or `learning_rate`"
    )]
    Diverged,
    /// An overflow where the slot's rule is `error`.
    #[error(transparent)]
    Overflow(#[from] OverflowError),
    /// A tensor that cannot be quantised.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A scale outside what a device can hold.
    #[error(transparent)]
    Scale(#[from] ScaleError),
}
