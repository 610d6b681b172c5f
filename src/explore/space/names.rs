//! What constraints can ask of a point: its choices, its formats, its training.

use super::axis::Axis;
use crate::config::{Experiment, allowed_values};
use std::fmt;

/// A value of a constraint.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// True or false.
    Truth(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(x) => write!(to, "{x}"),
            Self::Text(t) => write!(to, "'{t}'"),
            Self::Truth(b) => write!(to, "{b}"),
        }
    }
}

/// A name of a constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An axis, by its number.
    Axis(usize, String),
    /// A property of a slot, an accumulator or the training, resolved: `features.bits`.
    Resolved(String),
}

impl fmt::Display for Name {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Axis(_, name) | Self::Resolved(name) => to.write_str(name),
        }
    }
}

const SLOTS: [&str; 11] = [
    "features",
    "weights.forward",
    "weights.master",
    "bias",
    "logits",
    "probabilities",
    "error",
    "gradient",
    "update",
    "consolidated",
    "past",
];
const PROPERTIES: [&str; 4] = ["bits", "format", "rounding", "overflow"];
const OTHERS: [&str; 8] = [
    "accumulators.logits.bits",
    "accumulators.gradient.bits",
    "training.batch",
    "training.learning_rate",
    "training.momentum",
    "training.weight_decay",
    "training.epochs_first",
    "training.epochs_later",
];

/// Every resolved name.
fn resolved() -> impl Iterator<Item = String> + Clone {
    let slots = SLOTS.iter().flat_map(|s| PROPERTIES.iter().map(move |p| format!("{s}.{p}")));
    slots.chain(OTHERS.iter().map(|&o| o.to_owned()))
}

impl Name {
    /// The name, if it is one.
    pub fn parse(text: &str, axes: &[Axis]) -> Option<Self> {
        if let Some(i) = axes.iter().position(|a| a.name == text) {
            return Some(Self::Axis(i, text.to_owned()));
        }
        resolved().find(|n| n == text).map(Self::Resolved)
    }

    /// What a misspelt name may have meant.
    pub fn help(text: &str, axes: &[Axis]) -> String {
        let all: Vec<String> = axes.iter().map(|a| a.name.clone()).chain(resolved()).collect();
        let full = allowed_values(text, "names", all.iter().map(String::as_str));
        // The list of all names is long: keep the suggestion, and say the rule.
        let near = full.split('?').next().filter(|n| n.starts_with("did you mean")).map(|n| format!("{n}? "));
        let own = axes.iter().map(|a| a.name.as_str()).collect::<Vec<_>>().join(", ");
        format!(
            "{}names: the axes ({own}); SLOT.bits, SLOT.format, SLOT.rounding, SLOT.overflow; accumulators.logits.bits, \
             accumulators.gradient.bits; training.KEY",
            near.unwrap_or_default()
        )
    }

    /// Its value in a resolved experiment; axes are looked up elsewhere.
    pub fn value(&self, experiment: &Experiment) -> Option<Value> {
        let Self::Resolved(name) = self else { return None };
        let head = experiment.heads.first()?;
        let t = &experiment.training;
        let number = |x: f64| Some(Value::Number(x));
        match name.as_str() {
            "accumulators.logits.bits" => number(f64::from(head.precision.logits_accumulator.bits())),
            "accumulators.gradient.bits" => number(f64::from(head.precision.gradient_accumulator.bits())),
            "training.batch" => number(t.batch as f64),
            "training.learning_rate" => number(t.learning_rate),
            "training.momentum" => number(t.momentum),
            "training.weight_decay" => number(t.weight_decay),
            "training.epochs_first" => number(t.epochs_first as f64),
            "training.epochs_later" => number(t.epochs_later as f64),
            slot => {
                let (slot, property) = slot.rsplit_once('.')?;
                let found = head.precision.slot(slot.parse().ok()?);
                match property {
                    "bits" => {
                        let accumulator = if slot == "logits" {
                            head.precision.logits_accumulator
                        } else {
                            head.precision.gradient_accumulator
                        };
                        number(f64::from(found.number().map_or(accumulator.bits(), |f| f.bits())))
                    }
                    "format" => Some(Value::Text(found.format.to_string())),
                    "rounding" => Some(Value::Text(found.rounding.to_string())),
                    "overflow" => Some(Value::Text(found.overflow.to_string())),
                    _ => None,
                }
            }
        }
    }
}
