//! A budget held against a sweep: is there a point on every board that keeps all limits, and if not, what stops the closest one?

use super::SweepError;
use crate::config::{Budget, Limit};
use crate::record::{PointCost, PointResult, SweepRecord};
use crate::run::budget::{Figures, Term, Violation, hold, unchecked};
use serde::Serialize;

/// What a budget leaves of a sweep on one board.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Room {
    /// Board; `None` where the sweep is priced on none.
    pub board: Option<String>,
    /// Points that keep every limit, by index.
    pub keeping: Vec<usize>,
    /// Where none does: the limits that the closest point breaks. Closest is the least sum of excesses over limits, each as a share
    /// of its limit.
    pub broken: Vec<Violation>,
}

/// Holds a budget against every point that was run in full.
///
/// # Errors
/// [`SweepError::Usage`] where the budget names precisions: the points of a sweep have none.
pub fn check_budget(budget: &Budget, record: &SweepRecord) -> Result<Vec<Room>, SweepError> {
    if !budget.precisions.is_empty() {
        let message = "`precisions` in a budget names precisions of one experiment, which the points of a sweep do not have; leave it out";
        return Err(SweepError::Usage(message.to_owned()));
    }
    let boards: Vec<Option<&str>> = match record.analysis.as_slice() {
        [] => vec![None],
        all => all.iter().map(|a| Some(a.board.as_str())).collect(),
    };
    let mut rooms: Vec<Room> = boards.iter().map(|board| room(budget, record, *board)).collect();
    let strange =
        budget.limits.iter().filter(|l| l.board.as_ref().is_some_and(|b| !boards.contains(&Some(b.as_str()))));
    for limit in strange {
        let broken = vec![unchecked(limit, "no point of the sweep")];
        rooms.push(Room { board: limit.board.clone(), keeping: Vec::new(), broken });
    }
    Ok(rooms)
}

fn room(budget: &Budget, record: &SweepRecord, board: Option<&str>) -> Room {
    let limits = || budget.limits.iter().filter(|l| l.board.is_none() || l.board.as_deref() == board);
    let mut room = Room { board: board.map(str::to_owned), keeping: Vec::new(), broken: Vec::new() };
    let mut least = f64::INFINITY;
    for point in record.points.iter().filter(|p| p.rung.is_none() && p.learnt.is_some()) {
        let cost = board.and_then(|b| point.costs.iter().find(|c| c.board == b));
        let mut broken = Vec::new();
        for limit in limits() {
            let terms = terms(limit, budget, point, cost);
            if terms.is_empty() {
                broken.push(unchecked(limit, &format!("no price of point {}", point.index)));
            }
            let name = format!("point {} ({})", point.index, point.choices.join(" · "));
            terms.into_iter().for_each(|(value, part)| hold(limit, (&name, board), value, part, &mut broken));
        }
        if broken.is_empty() {
            room.keeping.push(point.index);
            continue;
        }
        let excess = |v: &Violation| (v.value - v.most) / v.most.abs().max(f64::MIN_POSITIVE);
        let all: f64 = broken.iter().map(excess).map(|e| if e.is_nan() { f64::MAX } else { e }).sum();
        if all < least {
            (least, room.broken) = (all, broken);
        }
    }
    if !room.keeping.is_empty() {
        room.broken.clear();
    } else if room.broken.is_empty() {
        room.broken = limits().map(|l| unchecked(l, "no point of the sweep")).collect();
    }
    room
}

/// Values that the limit is about, none where the point has no such value.
fn terms(limit: &Limit, budget: &Budget, point: &PointResult, cost: Option<&PointCost>) -> Vec<Term> {
    let learnt = point.learnt.as_ref();
    let alone = |x: Option<f64>| x.map(|x| (x, None)).into_iter().collect();
    match limit.key.as_str() {
        "accuracy_drop" => alone(learnt.and_then(|l| l.minus_baseline).map(|m| -m.mean)),
        "forgetting" => alone(learnt.map(|l| l.forgetting.map_or(0.0, |f| f.mean))),
        key => cost.map_or(Vec::new(), |c| Figures::from(c).values(key, budget.end)),
    }
}
