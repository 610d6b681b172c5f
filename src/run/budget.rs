//! Budgets held against a record.

use crate::config::{Budget, End, Limit};
use crate::record::{CostResult, Interval, RunRecord};
use serde::Serialize;
use std::fmt;

/// A limit that a record breaks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    /// Where the limit stands.
    pub place: String,
    /// What is limited.
    pub key: String,
    /// Precision.
    pub precision: String,
    /// Board, where the limit is about one.
    pub board: Option<String>,
    /// Value of the record.
    pub value: f64,
    /// Largest value allowed.
    pub most: f64,
    /// The largest part of the value, where it has parts: (phase, value).
    pub largest_part: Option<(String, f64)>,
}

impl fmt::Display for Violation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = self.value - self.most;
        write!(to, "{}: {}: {}", self.place, self.key, self.precision)?;
        if let Some(board) = &self.board {
            write!(to, " on {board}")?;
        }
        write!(to, " has {:.4}, {:.4} over the budget of {}", self.value, over, self.most)?;
        match &self.largest_part {
            Some((part, value)) => write!(to, "; the largest part is {part} with {value:.4}"),
            None => Ok(()),
        }
    }
}

/// Every limit that a precision breaks on a board, in the budget's order. Limits of boards or precisions that the record does not
/// have are broken too: a budget that checks nothing must not pass.
pub fn check_budget(budget: &Budget, record: &RunRecord) -> Vec<Violation> {
    let wanted = |name: &str| budget.precisions.is_empty() || budget.precisions.iter().any(|p| p == name);
    let mut broken = Vec::new();
    for limit in &budget.limits {
        let before = broken.len();
        let mut checked = 0;
        for p in record.precisions.iter().filter(|p| wanted(&p.name)) {
            let learnt = match limit.key.as_str() {
                "accuracy_drop" => Some(p.minus_float.map_or(0.0, |m| -m.mean)),
                "forgetting" => Some(p.forgetting.map_or(0.0, |f| f.mean)),
                _ => None,
            };
            if let Some(value) = learnt {
                checked += 1;
                hold(limit, (&p.name, None), value, None, &mut broken);
            }
        }
        let on = |c: &&CostResult| limit.board.as_ref().is_none_or(|b| *b == c.profile) && wanted(&c.precision);
        for cost in record.costs.iter().filter(on) {
            for (value, part) in values(&limit.key, cost, budget.end) {
                checked += 1;
                hold(limit, (&cost.precision, Some(&cost.profile)), value, part, &mut broken);
            }
        }
        if checked == 0 && broken.len() == before {
            let precision = if budget.precisions.is_empty() { "no precision" } else { "none of the precisions" };
            broken.push(Violation {
                place: limit.place.clone(),
                key: limit.key.clone(),
                precision: format!("{precision} of the record can be checked: it"),
                board: limit.board.clone(),
                value: f64::NAN,
                most: limit.most,
                largest_part: None,
            });
        }
    }
    broken
}

fn hold(
    limit: &Limit,
    (precision, board): (&str, Option<&str>),
    value: f64,
    largest_part: Option<(String, f64)>,
    broken: &mut Vec<Violation>,
) {
    // Not written as a negation: NaN must break the limit.
    if value <= limit.most {
        return;
    }
    broken.push(Violation {
        place: limit.place.clone(),
        key: limit.key.clone(),
        precision: precision.to_owned(),
        board: board.map(str::to_owned),
        value,
        most: limit.most,
        largest_part,
    });
}

/// Values that a key limits: `latency_ms` and `energy_uj` stand for one image and for one step.
fn values(key: &str, c: &CostResult, end: End) -> Vec<(f64, Option<(String, f64)>)> {
    let pick = |i: &Interval| if end == End::High { i.high } else { i.mid };
    let part = |unit: &str, of: fn(&crate::record::PhaseCost) -> Interval| {
        let own = c.phases.iter().filter(|p| p.unit == unit).map(|p| (format!("{:?}", p.phase), pick(&of(p))));
        own.reduce(|a, b| if b.1 > a.1 { b } else { a })
    };
    let latency = |unit: &str| part(unit, |p| p.latency_ms);
    let energy = |unit: &str| part(unit, |p| p.energy_uj);
    // A figure that lacks calls without a price cannot be held against a limit: NaN breaks it.
    let whole = |unit: &str, x: f64| if c.unpriced.iter().any(|u| u.unit == unit) { f64::NAN } else { x };
    let image_ms = (whole("image", pick(&c.inference_latency_ms)), latency("image"));
    let image_uj = (whole("image", pick(&c.inference_energy_uj)), energy("image"));
    let step_ms = (whole("step", pick(&c.step_latency_ms)), latency("step"));
    let step_uj = (whole("step", pick(&c.step_energy_uj)), energy("step"));
    match key {
        "latency_ms" => vec![image_ms, step_ms],
        "energy_uj" => vec![image_uj, step_uj],
        "step_latency_ms" => vec![step_ms],
        "step_energy_uj" => vec![step_uj],
        "inference_latency_ms" => vec![image_ms],
        "inference_energy_uj" => vec![image_uj],
        "ram_kib" => vec![(c.ram_kib, None)],
        "flash_kib" => vec![(c.flash_kib, None)],
        _ => Vec::new(),
    }
}
