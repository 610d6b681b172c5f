//! What points say together: frontiers, knees, sensitivities, break-evens. Takes results and gives results; reads nothing.

mod pareto;
mod sensitivity;
mod values;

pub use pareto::{dominates, frontier, hypervolume, knee, layers};
pub use sensitivity::sensitivities;
pub use values::{told_apart, values};

use super::space::{Battery, Objective};
use crate::record::{AxisInfo, BoardAnalysis, BreakEven, FrontierPoint, Interval, PointResult};
use values::{accuracy_differs, cost};

/// A point may be this much less accurate than the best and still count as equal, if the two cannot be told apart.
const ALMOST: f64 = 0.01;
/// Above so many points of a frontier in four objectives, exact hypervolume takes too long.
const MOST_4D: usize = 300;

/// Analysis of one board over the points that were run in full.
pub fn analyse(
    points: &[PointResult],
    axes: &[AxisInfo],
    board: &str,
    objectives: &[Objective],
    battery: Option<&Battery>,
) -> BoardAnalysis {
    let full: Vec<&PointResult> = points.iter().filter(|p| p.rung.is_none() && p.learnt.is_some()).collect();
    let valued: Vec<(&PointResult, Vec<f64>)> =
        full.iter().filter_map(|p| Some((*p, values(p, Some(board), objectives)?))).collect();
    let all: Vec<Vec<f64>> = valued.iter().map(|(_, v)| v.clone()).collect();
    let mut front: Vec<&(&PointResult, Vec<f64>)> = frontier(&all).into_iter().map(|i| &valued[i]).collect();
    front.sort_by(|a, b| accuracy(b.0).total_cmp(&accuracy(a.0)).then(a.0.index.cmp(&b.0.index)));
    let front_values: Vec<Vec<f64>> = front.iter().map(|(_, v)| v.clone()).collect();
    let told = |a: &PointResult, b: &PointResult| objectives.iter().any(|o| told_apart(a, b, Some(board), *o));
    let point = |(p, v): &&(&PointResult, Vec<f64>)| {
        let twins = front.iter().filter(|(q, _)| q.index != p.index && !told(p, q)).map(|(q, _)| q.index);
        let own = cost(p, Some(board));
        FrontierPoint {
            index: p.index,
            values: v.iter().zip(objectives).map(|(x, o)| if o.more_is_better() { *x } else { -x }).collect(),
            indistinguishable: twins.collect(),
            accuracy_per_joule: own.map_or(0.0, |c| accuracy(p) / c.stream_energy_j.mid.max(f64::MIN_POSITIVE)),
            accuracy_per_kib: own.map_or(0.0, |c| accuracy(p) / c.ram_kib.max(f64::MIN_POSITIVE)),
        }
    };
    BoardAnalysis {
        board: board.to_owned(),
        frontier: front.iter().map(point).collect(),
        hypervolume: share(&all, &front_values),
        knee: knee(&front_values).map(|i| front[i].0.index),
        cheapest_equal: cheapest_equal(&valued, objectives),
        sensitivity: sensitivities(&full, axes, board),
        break_even: front.iter().filter_map(|(p, _)| break_even(p, board, battery?)).collect(),
    }
}

fn accuracy(p: &PointResult) -> f64 {
    p.learnt.as_ref().map_or(0.0, |l| l.accuracy.mean)
}

/// Hypervolume above the worst of all points, as a share of the box between worst and best.
fn share(all: &[Vec<f64>], front: &[Vec<f64>]) -> Option<f64> {
    let d = all.first()?.len();
    let ends = |o: usize| all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p[o]), h.max(p[o])));
    let ends: Vec<(f64, f64)> = (0..d).map(ends).collect();
    if ends.iter().any(|(low, high)| low >= high) || (d > 3 && front.len() > MOST_4D) {
        return None;
    }
    let scaled: Vec<Vec<f64>> =
        front.iter().map(|p| p.iter().zip(&ends).map(|(x, (low, high))| (x - low) / (high - low)).collect()).collect();
    Some(hypervolume(&scaled, &vec![0.0; d]))
}

/// The cheapest point by the first cost objective whose accuracy cannot be told from the best.
fn cheapest_equal(valued: &[(&PointResult, Vec<f64>)], objectives: &[Objective]) -> Option<usize> {
    let at = objectives.iter().position(|o| !o.more_is_better())?;
    let (best, _) =
        valued.iter().max_by(|a, b| accuracy(a.0).total_cmp(&accuracy(b.0)).then(b.0.index.cmp(&a.0.index)))?;
    let close = |p: &PointResult| {
        p.index == best.index || (accuracy(best) - accuracy(p) <= ALMOST && !accuracy_differs(best, p))
    };
    let equal = valued.iter().filter(|(p, _)| close(p));
    let cheapest = equal.max_by(|a, b| {
        a.1[at].total_cmp(&b.1[at]).then(accuracy(a.0).total_cmp(&accuracy(b.0))).then(b.0.index.cmp(&a.0.index))
    })?;
    Some(cheapest.0.index)
}

/// New samples a day that the battery pays for: what it can give in a day, less what idling takes, over the energy of a sample
/// (the whole stream's energy shared among its samples).
fn break_even(p: &PointResult, board: &str, battery: &Battery) -> Option<BreakEven> {
    let own = cost(p, Some(board))?;
    let samples = p.work.images.max(1) as f64;
    let energy = |stream: f64| stream / samples * 1e3;
    let e = own.stream_energy_j;
    let sample_energy_mj = Interval { low: energy(e.low), mid: energy(e.mid), high: energy(e.high) };
    let daily_mj = 1e3 * (battery.capacity_j / battery.lifetime_days - battery.idle_uw * 1e-6 * 86_400.0);
    let a_day = |mj: f64| (daily_mj / mj.max(f64::MIN_POSITIVE)).max(0.0);
    let samples_a_day = Interval {
        low: a_day(sample_energy_mj.high),
        mid: a_day(sample_energy_mj.mid),
        high: a_day(sample_energy_mj.low),
    };
    Some(BreakEven { index: p.index, sample_energy_mj, samples_a_day })
}
