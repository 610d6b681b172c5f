//! The overflow recorder's black box: the first step in which a value did not fit, carried out again in wide arithmetic.

use super::diff::{Step, each_step, fault, side};
use super::{Prepared, RunError};
use crate::config::Experiment;
use crate::learn::{HeadConfig, SlotName, TrainingSamples, Twin};
use crate::trace::NullSink;
use serde::Serialize;

/// Roles that are compared, in the order of the flow.
const ROLES: [SlotName; 4] = [SlotName::Logits, SlotName::Error, SlotName::Gradient, SlotName::WeightsMaster];

/// The first overflow of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// Precision.
    pub precision: String,
    /// Seed.
    pub seed: u64,
    /// Steps until the first overflow was found, or all of them.
    pub steps: u64,
    /// The event; `None` where everything fitted.
    pub event: Option<Event>,
}

/// A step with an overflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Optimiser step, from 0.
    pub step: u64,
    /// Experience, from 0.
    pub experience: usize,
    /// Sites that overflowed in this step: (site, values that did not fit, the first few of them before narrowing).
    pub sites: Vec<(String, u64, Vec<i64>)>,
    /// The step's tensors in the device's arithmetic and in f64 without any limit.
    pub tensors: Vec<Replayed>,
    /// Samples of the minibatch whose largest logit is another one in wide arithmetic.
    pub changed_decisions: usize,
    /// Samples of the minibatch.
    pub batch: usize,
}

/// One tensor of the step, both ways.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// Slot name.
    pub role: String,
    /// Element with the largest difference: (row, column).
    pub worst: (usize, usize),
    /// There, as the device computes it.
    pub device: f64,
    /// There, in wide arithmetic.
    pub wide: f64,
    /// ‖device − wide‖₂ / ‖wide‖₂; `None` where the wide tensor is zero.
    pub relative_l2: Option<f64>,
}

/// Learns until the first value does not fit, and replays that step in f64 from the same state.
///
/// # Errors
/// [`RunError::NoReplay`] where a step is more than the head's own; [`RunError::Learn`]: an overflow rule `error` is taken as the event's end, so use another rule to replay it.
pub fn first_overflow(
    prepared: &Prepared,
    experiment: &Experiment,
    config: &HeadConfig,
    seed: u64,
) -> Result<Replay, RunError> {
    let material = prepared.material();
    let strategy = experiment.training.strategy;
    let mut own = side(config, strategy, &material, seed)?;
    if !own.is_plain() {
        return Err(RunError::NoReplay { strategy: strategy.to_string() });
    }
    let mut replay = Replay { precision: config.precision.name.clone(), seed, steps: 0, event: None };
    each_step(prepared, experiment, (seed, config.batch), &mut |step| match step {
        _ if replay.event.is_some() => Ok(()),
        Step::Begin(rows) => own.begin(&material, rows, seed),
        Step::Batch(experience, rows) => {
            let mut before = own.head().clone();
            let counted = before.overflows();
            own.observe(&material, rows, seed)?;
            let after = own.head().overflows();
            let grown = after.iter().filter_map(|now| {
                let then = counted.iter().find(|c| c.site == now.site).map_or(0, |c| c.overflowed);
                let first = now.first.iter().map(|o| o.value).collect();
                (now.overflowed > then).then(|| (now.site.clone(), now.overflowed - then, first))
            });
            let sites: Vec<(String, u64, Vec<i64>)> = grown.collect();
            if !sites.is_empty() {
                let mut twin = Twin::new();
                let batch = TrainingSamples::new(&own.train, material.train_labels, rows);
                let stepped = batch.and_then(|b| twin.step(&mut before, b, &mut NullSink, &mut Vec::new()));
                stepped.map_err(fault(config, seed))?;
                let snapshots = before.snapshots(rows.len());
                let tensors = ROLES.iter().filter_map(|role| {
                    let device = snapshots.iter().find(|s| s.role == *role)?;
                    replayed(*role, &device.values, &twin.exact_values(*role), device.columns)
                });
                let logits = snapshots.iter().find(|s| s.role == SlotName::Logits);
                let changed = logits.map_or(0, |l| {
                    let wide = twin.exact_values(SlotName::Logits);
                    let pairs = l.values.chunks(l.columns).zip(wide.chunks(l.columns));
                    pairs.filter(|(a, b)| largest(a) != largest(b)).count()
                });
                replay.event = Some(Event {
                    step: replay.steps,
                    experience,
                    sites,
                    tensors: tensors.collect(),
                    changed_decisions: changed,
                    batch: rows.len(),
                });
            }
            replay.steps += 1;
            Ok(())
        }
        Step::End(rows) => own.end(&material, rows, seed),
    })?;
    Ok(replay)
}

/// Place of the largest value, the first of equals.
pub(super) fn largest(row: &[f64]) -> Option<usize> {
    (0..row.len()).reduce(|best, i| if row[i] > row[best] { i } else { best })
}

fn replayed(role: SlotName, device: &[f64], wide: &[f64], columns: usize) -> Option<Replayed> {
    if device.len() != wide.len() || wide.is_empty() {
        return None;
    }
    let off: Vec<f64> = device.iter().zip(wide).map(|(d, w)| (d - w).abs()).collect();
    let at = largest(&off)?;
    let norm: f64 = wide.iter().map(|w| w * w).sum();
    let difference: f64 = off.iter().map(|d| d * d).sum();
    Some(Replayed {
        role: role.to_string(),
        worst: (at / columns, at % columns),
        device: device[at],
        wide: wide[at],
        relative_l2: (norm > 0.0).then(|| (difference / norm).sqrt()),
    })
}
