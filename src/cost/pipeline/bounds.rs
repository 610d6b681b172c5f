//! Lower bounds of a body on a scoreboard core: they explain a time, and no time may be below them.

use super::scoreboard::{Prepared, wide};

/// What a body waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// Issue slots.
    Issue,
    /// One kind of unit.
    Unit(String),
    /// A chain of results from one iteration to the next.
    Recurrence,
}

/// Cycles an iteration cannot go below.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Instructions / width.
    pub issue: f64,
    /// Largest occupancy of a unit / its instances, and the unit's name.
    pub unit: (f64, String),
    /// Slope of the chains of results with endless width and units.
    pub recurrence: f64,
}

impl Bounds {
    /// The largest of the three.
    pub fn cycles(&self) -> f64 {
        self.issue.max(self.unit.0).max(self.recurrence)
    }

    /// Which one is the largest.
    pub fn limit(&self) -> Limit {
        if self.recurrence >= self.issue && self.recurrence >= self.unit.0 {
            Limit::Recurrence
        } else if self.unit.0 > self.issue {
            Limit::Unit(self.unit.1.clone())
        } else {
            Limit::Issue
        }
    }
}

/// Formula (C5): n / width; max over units of held cycles / instances; dataflow slope.
pub(super) fn bounds(code: &Prepared) -> Bounds {
    let mut unit = (0.0, String::new());
    for (at, (name, &instances)) in code.unit_names.iter().zip(&code.unit_counts).enumerate() {
        let uses = code.body.iter().flat_map(|issue| &issue.units).filter(|u| u.unit == at);
        let held: u64 = uses.map(|u| u64::from(u.cycles)).sum();
        let cycles = wide(held) / f64::from(instances.max(1));
        if cycles > unit.0 {
            unit = (cycles, name.clone());
        }
    }
    let slots = wide(u64::try_from(code.body.len()).unwrap_or(u64::MAX));
    Bounds { issue: slots / wide(code.width), unit, recurrence: recurrence(code) }
}

/// Slope of the latest result with endless width and units.
fn recurrence(code: &Prepared) -> f64 {
    let mut written = vec![None; code.n_registers];
    let mut latest = [0u64; 61];
    for slot in &mut latest {
        for (index, issue) in code.body.iter().enumerate() {
            let cycle = code.operands_ready(issue, &written);
            let is_early = code.is_early(issue, cycle, true, &written);
            code.note_writes(index, cycle + issue.cycles - 1, is_early, &mut written);
            *slot = (*slot).max(cycle);
        }
    }
    wide(latest[60] - latest[20]) / 40.0
}
