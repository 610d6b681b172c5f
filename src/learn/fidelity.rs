//! The f64 twin: the same step in exact-enough arithmetic from the device's own state, and how far the device is from it.

use super::consolidate::reals_of;
use super::{Head, LearnError, SlotName, StepReport, TrainingSamples};
use crate::numeric::Values;
use crate::trace::Sink;

/// Error of one tensor role at one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Fidelity {
    /// Optimiser step.
    pub step: u64,
    /// Slot name.
    pub role: SlotName,
    /// ‖device − exact‖₂ / ‖exact‖₂.
    pub relative_l2: f64,
    /// Mean of |device − exact| / |exact| over entries with exact ≠ 0, for `gradient`.
    pub mape: Option<f64>,
    /// Share of vanished updates of the step, for `update`.
    pub vanished: Option<f64>,
    /// One code of the stored weights after the step, for integer `weights.master`: constant on a static range, drifting on a
    /// dynamic one.
    pub lsb: Option<f64>,
}

/// Computes a head's step twice: on the device's integers, and in f64 from the same dequantised state.
///
/// Exact means: forward copy = master, softmax by `f64::exp`, no rounding anywhere. The weights' step only; a bias enters the
/// logits. Roles whose exact tensor is zero throughout (logits of zero weights, say) have no relative error and are left out.
#[derive(Debug, Clone, Default)]
pub struct Twin {
    master: Vec<f64>,
    velocity: Vec<f64>,
    device: Vec<f64>,
    features: Vec<f64>,
    gradient: Vec<f64>,
    update: Vec<f64>,
    logits: Vec<f64>,
    probabilities: Vec<f64>,
    error: Vec<f64>,
}

impl Twin {
    /// A twin with no state: it takes the head's at every step.
    pub fn new() -> Self {
        Self::default()
    }

    /// [`Head::step`] with the twin beside it; adds one [`Fidelity`] a role to `out`.
    pub fn step(
        &mut self,
        head: &mut Head,
        batch: TrainingSamples<'_>,
        sink: &mut dyn Sink,
        out: &mut Vec<Fidelity>,
    ) -> Result<StepReport, LearnError> {
        head.check_batch(batch)?;
        self.exact(head, batch);
        let report = head.step(batch, sink)?;
        self.compare(head, batch.len(), report, out);
        Ok(report)
    }

    /// Exact values of a role at the last step, empty for roles that the twin does not keep: logits, error, gradient, and the
    /// master weights after the step.
    pub fn exact_values(&self, role: SlotName) -> Vec<f64> {
        match role {
            SlotName::Logits => self.logits.clone(),
            SlotName::Error => self.error.clone(),
            SlotName::Gradient => self.gradient.clone(),
            SlotName::WeightsMaster => self.master.iter().zip(&self.update).map(|(w, u)| w + u).collect(),
            _ => Vec::new(),
        }
    }

    fn exact(&mut self, head: &Head, batch: TrainingSamples<'_>) {
        let (c, k) = (head.classes, head.features);
        reals_of(&head.weights.master, &mut self.master);
        let bias = head.bias.as_ref().map(|b| {
            let mut reals = Vec::new();
            reals_of(&b.master, &mut reals);
            reals
        });
        self.gradient.clear();
        self.gradient.resize(c * k, 0.0);
        for per_batch in [&mut self.logits, &mut self.probabilities, &mut self.error] {
            per_batch.clear();
        }
        for (row, label) in batch.pairs() {
            batch.table().reals_of_row(row, &mut self.features);
            let start = self.logits.len();
            for (class, weights) in self.master.chunks_exact(k).enumerate() {
                let z: f64 = weights.iter().zip(&self.features).map(|(w, a)| w * a).sum();
                self.logits.push(z + bias.as_ref().map_or(0.0, |b| b[class]));
            }
            softmax(&self.logits[start..], &mut self.probabilities);
            for class in 0..c {
                let target = if class == label { 1.0 } else { 0.0 };
                let e = self.probabilities[start + class] - target;
                self.error.push(e);
                let gradient = &mut self.gradient[class * k..(class + 1) * k];
                gradient.iter_mut().zip(&self.features).for_each(|(g, a)| *g += e * a);
            }
        }
        let n = batch.len() as f64;
        self.gradient.iter_mut().for_each(|g| *g /= n);
        self.exact_update(head);
    }

    fn exact_update(&mut self, head: &Head) {
        let config = &head.config;
        self.velocity.clear();
        match &head.weights.velocity {
            Some(velocity) => reals_of(velocity, &mut self.velocity),
            None => self.velocity.resize(self.master.len(), 0.0),
        }
        self.update.clear();
        self.update.extend(
            self.gradient
                .iter()
                .zip(&self.velocity)
                .zip(&self.master)
                .map(|((g, v), w)| -config.learning_rate * (config.momentum * v + g + config.weight_decay * w)),
        );
    }

    fn compare(&mut self, head: &Head, batch: usize, report: StepReport, out: &mut Vec<Fidelity>) {
        let step = report.step;
        let n = batch * head.classes;
        let stored = match &*head.weights.master {
            Values::Codes { params, .. } => Some(params.scale.to_f64()),
            Values::Real(_) => None,
        };
        let mut push = |role, device: &[f64], exact: &[f64], mape: bool, vanished: Option<f64>| {
            if let Some(relative_l2) = relative_l2(device, exact) {
                let mape = mape.then(|| mean_absolute_percentage(device, exact)).flatten();
                let lsb = stored.filter(|_| role == SlotName::WeightsMaster);
                out.push(Fidelity { step, role, relative_l2, mape, vanished, lsb });
            }
        };
        let device = &mut self.device;
        if head.forward.identical {
            // The forward pass used the master itself, which the step has changed since.
            device.clone_from(&self.master);
        } else {
            reals_of(&head.forward_copy(), device);
        }
        push(SlotName::WeightsForward, device, &self.master, false, None);
        head.loss.device_logits(n, head.forward.integer_logits(), device);
        push(SlotName::Logits, device, &self.logits, false, None);
        head.loss.device_differences(n, device);
        for (b, error) in self.error.chunks_exact(head.classes).enumerate() {
            // The device subtracted the one-hot in place: add it back from the exact difference.
            for (class, e) in error.iter().enumerate() {
                let i = b * head.classes + class;
                device[i] += (self.probabilities[i] - e).round();
            }
        }
        push(SlotName::Probabilities, device, &self.probabilities, false, None);
        reals_of(&head.loss.errors, device);
        device.truncate(n);
        push(SlotName::Error, device, &self.error, false, None);
        head.weights.gradient.device(device);
        push(SlotName::Gradient, device, &self.gradient, true, None);
        reals_of(&head.weights.master, device);
        let exact: Vec<f64> = self.master.iter().zip(&self.update).map(|(w, u)| w + u).collect();
        push(SlotName::WeightsMaster, device, &exact, false, None);
        device.iter_mut().zip(&self.master).for_each(|(after, before)| *after -= before);
        push(SlotName::Update, device, &self.update, false, Some(head.weights.last.share()));
    }
}

fn softmax(logits: &[f64], out: &mut Vec<f64>) {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let start = out.len();
    out.extend(logits.iter().map(|z| (z - most).exp()));
    let sum: f64 = out[start..].iter().sum();
    out[start..].iter_mut().for_each(|p| *p /= sum);
}

fn relative_l2(device: &[f64], exact: &[f64]) -> Option<f64> {
    let norm: f64 = exact.iter().map(|x| x * x).sum();
    let off: f64 = device.iter().zip(exact).map(|(d, x)| (d - x) * (d - x)).sum();
    (norm > 0.0).then(|| (off / norm).sqrt())
}

fn mean_absolute_percentage(device: &[f64], exact: &[f64]) -> Option<f64> {
    let known = device.iter().zip(exact).filter(|(_, x)| **x != 0.0);
    let (sum, n) = known.fold((0.0, 0usize), |(sum, n), (d, x)| (sum + ((d - x) / x).abs(), n + 1));
    (n > 0).then(|| sum / n as f64)
}
