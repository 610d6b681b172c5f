//! Budgets held against a record.

use crate::config::{Budget, End, Limit};
use crate::record::{CostResult, Interval, PointCost, RunRecord};
use crate::trace::Phase;
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
    /// Value of the record; NaN where there is none.
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
        if self.value.is_nan() {
            return to.write_str(", so nothing holds this limit");
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
            for (value, part) in Figures::from(cost).values(&limit.key, budget.end) {
                checked += 1;
                hold(limit, (&cost.precision, Some(&cost.profile)), value, part, &mut broken);
            }
        }
        if checked == 0 && broken.len() == before {
            let what = if budget.precisions.is_empty() { "no precision" } else { "none of the precisions" };
            broken.push(unchecked(limit, &format!("{what} of the record")));
        }
    }
    broken
}

/// A limit that nothing can be held against.
pub fn unchecked(limit: &Limit, what: &str) -> Violation {
    Violation {
        place: limit.place.clone(),
        key: limit.key.clone(),
        precision: format!("{what} can be checked"),
        board: limit.board.clone(),
        value: f64::NAN,
        most: limit.most,
        largest_part: None,
    }
}

/// Notes a value above its limit.
pub fn hold(
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

/// The figures of one precision or point on one board that a budget can limit.
#[derive(Debug)]
pub struct Figures {
    image: [Interval; 2],
    step: [Interval; 2],
    ram_kib: f64,
    flash_kib: f64,
    /// Units that hold calls without a price.
    partly: Vec<String>,
    /// Unit, phase, and latency and energy at the middle.
    parts: Vec<(String, Phase, [f64; 2])>,
}

impl From<&CostResult> for Figures {
    fn from(c: &CostResult) -> Self {
        Self {
            image: [c.inference_latency_ms, c.inference_energy_uj],
            step: [c.step_latency_ms, c.step_energy_uj],
            ram_kib: c.ram_kib,
            flash_kib: c.flash_kib,
            partly: c.unpriced.iter().map(|u| u.unit.clone()).collect(),
            parts: c.phases.iter().map(|p| (p.unit.clone(), p.phase, [p.latency_ms.mid, p.energy_uj.mid])).collect(),
        }
    }
}

impl From<&PointCost> for Figures {
    fn from(c: &PointCost) -> Self {
        Self {
            image: [c.inference_latency_ms, c.inference_energy_uj],
            step: [c.step_latency_ms, c.step_energy_uj],
            ram_kib: c.ram_kib,
            flash_kib: c.flash_kib,
            // A point with such calls has no price at all.
            partly: Vec::new(),
            parts: c.phases.iter().map(|(phase, unit, ms, uj)| (unit.clone(), *phase, [*ms, *uj])).collect(),
        }
    }
}

/// A value with its largest part, where it has parts: (phase, value).
pub type Term = (f64, Option<(String, f64)>);

impl Figures {
    /// Values that a key limits: `latency_ms` and `energy_uj` stand for one image and for one step; none for a key about learning.
    pub fn values(&self, key: &str, end: End) -> Vec<Term> {
        let pick = |i: &Interval| if end == End::High { i.high } else { i.mid };
        let part = |unit: &str, quantity: usize| {
            let own = self.parts.iter().filter(|(u, ..)| u == unit);
            let own = own.map(|(_, phase, values)| (format!("{phase:?}"), values[quantity]));
            own.reduce(|a, b| if b.1 > a.1 { b } else { a })
        };
        // A figure that lacks calls without a price cannot be held against a limit: NaN breaks it.
        let whole = |unit: &str, x: f64| if self.partly.iter().any(|u| u == unit) { f64::NAN } else { x };
        let image = |quantity: usize| (whole("image", pick(&self.image[quantity])), part("image", quantity));
        let step = |quantity: usize| (whole("step", pick(&self.step[quantity])), part("step", quantity));
        match key {
            "latency_ms" => vec![image(0), step(0)],
            "energy_uj" => vec![image(1), step(1)],
            "step_latency_ms" => vec![step(0)],
            "step_energy_uj" => vec![step(1)],
            "inference_latency_ms" => vec![image(0)],
            "inference_energy_uj" => vec![image(1)],
            "ram_kib" => vec![(self.ram_kib, None)],
            "flash_kib" => vec![(self.flash_kib, None)],
            _ => Vec::new(),
        }
    }
}
