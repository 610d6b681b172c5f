//! Objective values of points, and whether two points can be told apart.

use crate::explore::space::Objective;
use crate::metrics::paired_difference;
use crate::record::{Interval, PointCost, PointResult};

/// The cost on a board; on the first one where `board` is `None`.
pub fn cost<'a>(point: &'a PointResult, board: Option<&str>) -> Option<&'a PointCost> {
    match board {
        None => point.costs.first(),
        Some(board) => point.costs.iter().find(|c| c.board == board),
    }
}

/// Low, middle and high of an objective as it is, not oriented.
fn interval(point: &PointResult, board: Option<&str>, objective: Objective) -> Option<Interval> {
    let exact = |x: f64| Interval { low: x, mid: x, high: x };
    let learnt = point.learnt.as_ref()?;
    let of_cost = |pick: fn(&PointCost) -> Interval| cost(point, board).map(pick);
    match objective {
        Objective::Accuracy => Some(exact(learnt.accuracy.mean)),
        Objective::Forgetting => learnt.forgetting.map(|f| exact(f.mean)),
        Objective::StepLatencyMs => of_cost(|c| c.step_latency_ms),
        Objective::StepEnergyUj => of_cost(|c| c.step_energy_uj),
        Objective::InferenceLatencyMs => of_cost(|c| c.inference_latency_ms),
        Objective::InferenceEnergyUj => of_cost(|c| c.inference_energy_uj),
        Objective::StreamEnergyJ => of_cost(|c| c.stream_energy_j),
        Objective::RamKib => cost(point, board).map(|c| exact(c.ram_kib)),
        Objective::FlashKib => cost(point, board).map(|c| exact(c.flash_kib)),
    }
}

/// Best estimate of each objective, turned so that more is better; `None` where one is not known or the point does not fit.
pub fn values(point: &PointResult, board: Option<&str>, objectives: &[Objective]) -> Option<Vec<f64>> {
    if cost(point, board).is_some_and(|c| !c.fits) {
        return None;
    }
    let turned = |o: &Objective| interval(point, board, *o).map(|i| if o.more_is_better() { i.mid } else { -i.mid });
    objectives.iter().map(turned).collect()
}

/// Can two points be told apart in an objective?
///
/// Accuracy and forgetting: the 95 % interval of the paired difference over seeds leaves out zero (never with one seed).
/// Costs: one is lower at the low end, in the middle and at the high end of the predictions: both rest on the same assumptions,
/// so their ends belong together.
pub fn told_apart(a: &PointResult, b: &PointResult, board: Option<&str>, objective: Objective) -> bool {
    if matches!(objective, Objective::Accuracy | Objective::Forgetting) {
        return accuracy_differs(a, b);
    }
    match (interval(a, board, objective), interval(b, board, objective)) {
        (Some(a), Some(b)) => {
            let less = a.low < b.low && a.mid < b.mid && a.high < b.high;
            let more = a.low > b.low && a.mid > b.mid && a.high > b.high;
            less || more
        }
        _ => true,
    }
}

/// Does the paired difference of the final accuracies leave out zero?
pub fn accuracy_differs(a: &PointResult, b: &PointResult) -> bool {
    let (Some(a), Some(b)) = (&a.learnt, &b.learnt) else { return true };
    match paired_difference(&a.accuracy_by_seed, &b.accuracy_by_seed) {
        Ok(Some(d)) => d.half_width_95.is_some_and(|half| d.mean.abs() > half),
        _ => true,
    }
}
