//! Every tensor of a step as reals, to lay beside another head's or a board's.

use super::consolidate::reals_of;
use super::{Head, SlotName};
use crate::numeric::Values;

/// One tensor of the step that a head has just taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Slot name.
    pub role: SlotName,
    /// Values, row-major.
    pub values: Vec<f64>,
    /// Columns of a row: features for weights and gradients, classes for what belongs to samples.
    pub columns: usize,
    /// Real value of one code; `None` where values are real.
    pub lsb: Option<f64>,
}

impl Head {
    /// The tensors of the last step on `batch` samples, in the order of the flow: forward copy (where it is not the master
    /// itself), logits, probabilities less one-hot, error, gradient, master weights after the step.
    pub fn snapshots(&self, batch: usize) -> Vec<Snapshot> {
        let (n, classes, features) = (batch * self.classes, self.classes, self.features);
        let mut all = Vec::new();
        let mut push = |role, columns, lsb, fill: &dyn Fn(&mut Vec<f64>)| {
            let mut values = Vec::new();
            fill(&mut values);
            all.push(Snapshot { role, values, columns, lsb });
        };
        if !self.forward.identical {
            let copy = &*self.forward.copied();
            push(SlotName::WeightsForward, features, lsb(copy), &|v| reals_of(copy, v));
        }
        let integer = self.forward.integer_logits();
        let logit = integer.then(|| self.loss.logit_unit.to_f64());
        push(SlotName::Logits, classes, logit, &|v| self.loss.device_logits(n, integer, v));
        let probability = self.loss.probability_slot.is_integer().then(|| self.loss.unit().to_f64());
        push(SlotName::Probabilities, classes, probability, &|v| self.loss.device_differences(n, v));
        push(SlotName::Error, classes, lsb(&self.loss.errors), &|v| {
            reals_of(&self.loss.errors, v);
            v.truncate(n);
        });
        let gradient = &self.weights.gradient;
        let sum = gradient.is_integer().then(|| gradient.unit.to_f64());
        let own = if gradient.slot.is_some() { lsb(&gradient.values()) } else { sum };
        push(SlotName::Gradient, features, own, &|v| gradient.device(v));
        let master = &self.weights.master;
        push(SlotName::WeightsMaster, features, lsb(master), &|v| reals_of(master, v));
        all
    }
}

fn lsb(values: &Values) -> Option<f64> {
    match values {
        Values::Codes { params, .. } => Some(params.scale.to_f64()),
        Values::Real(_) => None,
    }
}
