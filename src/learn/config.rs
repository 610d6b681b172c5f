//! The head's configuration and the check that every slot can hold what it is given.

use super::{LearnError, Precision, Slot, SlotFormat, SlotName};
use crate::numeric::{Format, Granularity, Range, Rounding, Scheme};
use serde::{Deserialize, Serialize};

/// What happens to the head's bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiasPolicy {
    /// No bias (the authors, Avalanche's MobileNet, ar1-pytorch).
    #[default]
    None,
    /// One more column of the weights: loaded, averaged and consolidated with them.
    Consolidate,
    /// Trained and left as trained, never reset (Avalanche's plugin with a biased head).
    AsTrained,
}

/// What a class that was never trained scores at test time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnseenRows {
    /// Its row is zero (the Caffe original).
    #[default]
    Zero,
    /// Its row keeps what training as a negative left (Avalanche, ar1-pytorch).
    AsTrained,
}

/// The learning head: hyper-parameters, policies, precision.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadConfig {
    /// η, positive.
    pub learning_rate: f64,
    /// μ, 0 ≤ μ < 1.
    pub momentum: f64,
    /// λ, not negative.
    pub weight_decay: f64,
    /// Largest minibatch.
    pub batch: usize,
    /// Bias policy.
    pub bias: BiasPolicy,
    /// Rows of classes never trained.
    pub unseen: UnseenRows,
    /// Formats.
    pub precision: Precision,
}

impl HeadConfig {
    /// Plain SGD with batch 32, no bias, unseen rows zero.
    pub fn new(precision: Precision, learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.0,
            weight_decay: 0.0,
            batch: 32,
            bias: BiasPolicy::None,
            unseen: UnseenRows::Zero,
            precision,
        }
    }

    /// Does the optimiser keep a velocity?
    pub fn has_velocity(&self) -> bool {
        self.momentum > 0.0 || self.weight_decay > 0.0
    }

    /// Checks hyper-parameters and every slot; the error names the first one at fault and the way out.
    pub fn validate(&self) -> Result<(), LearnError> {
        let outside = |name, value, allowed| Err(LearnError::HyperParameter { name, value, allowed });
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return outside("learning_rate", self.learning_rate, "a positive number");
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return outside("momentum", self.momentum, "from 0 to below 1");
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return outside("weight_decay", self.weight_decay, "0 or a positive number");
        }
        if !(1..=65_536).contains(&self.batch) {
            return outside("batch", self.batch as f64, "from 1 to 65536");
        }
        if self.precision.forward_margin_percent > 100 {
            return outside(
                "forward_margin_percent",
                f64::from(self.precision.forward_margin_percent),
                "from 0 to 100",
            );
        }
        for name in SlotName::ALL {
            let unused = match name {
                SlotName::Bias => self.bias == BiasPolicy::None,
                SlotName::Update => !self.has_velocity(),
                _ => false,
            };
            if !unused {
                check_slot(name, self.precision.slot(name))?;
            }
        }
        Ok(())
    }
}

/// What kind of format a slot was given.
enum Kind {
    Accumulator,
    Binary,
    Static,
    Dynamic,
    Frozen,
    Fixed,
    Real,
}

fn kind(format: SlotFormat) -> Kind {
    match format {
        SlotFormat::Accumulator => Kind::Accumulator,
        SlotFormat::Format(Format::Binary) => Kind::Binary,
        SlotFormat::Format(Format::Fixed(_)) => Kind::Fixed,
        SlotFormat::Format(Format::F32 | Format::F16 | Format::Bf16) => Kind::Real,
        SlotFormat::Format(Format::Int(int)) => match int.range() {
            Range::Static { .. } => Kind::Static,
            Range::Dynamic => Kind::Dynamic,
            Range::Frozen => Kind::Frozen,
        },
    }
}

fn check_slot(name: SlotName, slot: &Slot) -> Result<(), LearnError> {
    let refuse = |why| Err(LearnError::Impossible { slot: name, format: slot.format.to_string(), why });
    if let SlotFormat::Format(Format::Int(int)) = slot.format
        && int.granularity() == Granularity::PerChannel
    {
        return refuse("the head keeps one scale a tensor (CWR*'s scalar mean compares all rows); drop per-channel");
    }
    if let (SlotName::Logits | SlotName::Probabilities, SlotFormat::Format(Format::Int(int))) = (name, slot.format)
        && int.bits() > 30
        && int.scheme() == Scheme::Affine
    {
        return refuse(
            "a code less its zero point must fit 32 bits; write at most int30:affine, or a symmetric format",
        );
    }
    use Kind::{Accumulator, Binary, Dynamic, Fixed, Frozen, Real, Static};
    match (name, kind(slot.format)) {
        (SlotName::Logits | SlotName::Gradient, Accumulator) => Ok(()),
        (_, Accumulator) => refuse("only logits and gradient can stay in their accumulator; give a number format"),
        (SlotName::Features | SlotName::WeightsForward, Binary) => Ok(()),
        (_, Binary) => refuse("only features and weights.forward can be binary; give at least int2"),
        (SlotName::Features, Dynamic) => {
            refuse("features keep the range of the first experience; write frozen or static(lo,hi)")
        }
        (SlotName::Features | SlotName::Error | SlotName::Gradient, Frozen) => Ok(()),
        (_, Frozen) => {
            refuse("only features, error and gradient have a calibrated range; write dynamic or static(lo,hi)")
        }
        (SlotName::Logits | SlotName::Probabilities, Dynamic) => {
            refuse("one sample's values have no range of their own; write static(lo,hi) or a qI.F format")
        }
        (SlotName::Bias, Dynamic) => refuse("a bias needs static(lo,hi), a qI.F format or a real format"),
        (SlotName::Update, Static | Dynamic) => refuse("the velocity is fixed point or real; write qI.F or f32"),
        (SlotName::Past, _) if slot.rounding == Rounding::Stochastic => {
            refuse("an integer square root rounds down or to nearest; choose rounding floor or ties-even for `past`")
        }
        (SlotName::Past, Static | Dynamic) => {
            refuse("a square root of a ratio is fixed point or real; write qI.F or f32")
        }
        (_, Dynamic | Static | Fixed | Real) => Ok(()),
    }
}
