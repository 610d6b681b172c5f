//! One point, learnt and priced.

use super::space::Point;
use crate::record::{CostResult, Interval, Learnt, PointCost, PointResult, PrecisionResult, Work};
use crate::run::{Board, Prepared, RunError};

/// A board with its kernel set and override, and how reports call the three together.
#[derive(Debug)]
pub struct Priced {
    /// Label.
    pub label: String,
    /// The board.
    pub board: Board,
}

/// Learns and prices one point. A point that fails in learning or pricing is a result, with the reason in it.
///
/// # Errors
/// Only what is no fault of the point: a fault of this program.
pub fn evaluate(
    point: &Point,
    (prepared, baseline): (&Prepared, Option<&[f64]>),
    boards: &[Priced],
    rung: Option<usize>,
) -> Result<PointResult, RunError> {
    let mut result = PointResult {
        index: point.index,
        hash: point.hash(),
        rung,
        choices: point.choices.clone(),
        failure: None,
        learnt: None,
        work: prepared.work(&point.experiment),
        costs: Vec::new(),
        unpriced: Vec::new(),
    };
    match prepared.learn(&point.experiment, baseline) {
        Ok(precision) => result.learnt = Some(learnt(precision)),
        Err(RunError::Learn { source, .. }) => result.failure = Some(source.to_string()),
        Err(other) => return Err(other),
    }
    let work = result.work;
    let priced = prepared.price(&point.experiment, boards.iter().map(|b| &b.board))?;
    for (board, cost) in boards.iter().zip(priced) {
        match cost {
            Ok(cost) => result.costs.push(priced_point(&board.label, &cost, work)),
            Err(why) => result.unpriced.push((board.label.clone(), why)),
        }
    }
    Ok(result)
}

fn learnt(p: PrecisionResult) -> Learnt {
    let last = p.seeds.iter().map(|s| s.stream_accuracy.last().copied().unwrap_or(0.0));
    Learnt {
        accuracy: p.final_accuracy,
        accuracy_by_seed: last.collect(),
        accuracy_by_experience: p.accuracy_by_experience.iter().map(|s| s.mean).collect(),
        forgetting: p.forgetting,
        minus_baseline: p.minus_float,
        vanished_updates: p.vanished_updates,
        overflows: p
            .overflows
            .into_iter()
            .filter(|o| o.overflowed > 0)
            .map(|o| (o.site, o.overflowed, o.total))
            .collect(),
        accumulators: p.accumulators,
    }
}

fn priced_point(label: &str, cost: &CostResult, work: Work) -> PointCost {
    let whole = |image: Interval, step: Interval, end: Interval, unit: f64| {
        let of = |pick: fn(&Interval) -> f64| {
            let sum = pick(&image) * work.images as f64
                + pick(&step) * work.steps as f64
                + pick(&end) * work.consolidations as f64;
            sum * unit
        };
        Interval { low: of(|i| i.low), mid: of(|i| i.mid), high: of(|i| i.high) }
    };
    let phase = |p: &crate::record::PhaseCost| (p.phase, p.unit.clone(), p.latency_ms.mid, p.energy_uj.mid);
    PointCost {
        board: label.to_owned(),
        inference_latency_ms: cost.inference_latency_ms,
        inference_energy_uj: cost.inference_energy_uj,
        step_latency_ms: cost.step_latency_ms,
        step_energy_uj: cost.step_energy_uj,
        consolidation_latency_ms: cost.consolidation_latency_ms,
        consolidation_energy_uj: cost.consolidation_energy_uj,
        stream_latency_s: whole(cost.inference_latency_ms, cost.step_latency_ms, cost.consolidation_latency_ms, 1e-3),
        stream_energy_j: whole(cost.inference_energy_uj, cost.step_energy_uj, cost.consolidation_energy_uj, 1e-6),
        ram_kib: cost.ram_kib,
        flash_kib: cost.flash_kib,
        fits: cost.fits,
        missing_kib: cost.missing_kib,
        phases: cost.phases.iter().map(phase).collect(),
    }
}
