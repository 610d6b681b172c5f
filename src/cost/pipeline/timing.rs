//! One body on one core, at the three ends of every interval.

use super::super::kernel::{Instr, Level};
use super::bounds::{Bounds, bounds};
use super::rule_sum::rule_sum_cycles;
use super::scoreboard::{Prepared, single_pass, steady_slope};
use crate::profile::{Class, CoreTable, End, Pipeline, Width};
use std::iter::Sum;
use std::ops::{Add, Mul};

/// Low, middle and high of a prediction: every number of the profile at its favourable end, value, unfavourable end.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// Favourable end.
    pub low: f64,
    /// Best estimate.
    pub mid: f64,
    /// Unfavourable end.
    pub high: f64,
}

impl Range {
    /// The same number at all ends.
    pub const fn exact(value: f64) -> Self {
        Range { low: value, mid: value, high: value }
    }

    /// Evaluates at each end, in the order low, mid, high.
    pub fn over(mut value: impl FnMut(End) -> f64) -> Self {
        Range { low: value(End::Favourable), mid: value(End::Mid), high: value(End::Unfavourable) }
    }

    /// At one end.
    pub fn at(&self, end: End) -> f64 {
        match end {
            End::Favourable => self.low,
            End::Mid => self.mid,
            End::Unfavourable => self.high,
        }
    }
}

impl Add for Range {
    type Output = Range;

    fn add(self, other: Range) -> Range {
        Range { low: self.low + other.low, mid: self.mid + other.mid, high: self.high + other.high }
    }
}

/// End by end: low × low, mid × mid, high × high.
impl Mul for Range {
    type Output = Range;

    fn mul(self, other: Range) -> Range {
        Range { low: self.low * other.low, mid: self.mid * other.mid, high: self.high * other.high }
    }
}

impl Sum for Range {
    fn sum<I: Iterator<Item = Range>>(ranges: I) -> Range {
        ranges.fold(Range::default(), Add::add)
    }
}

/// What one trip through a body costs.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyTime {
    /// Cycles of one trip, branch bubbles included.
    pub cycles: Range,
    /// More for each time that its branch breaks its habit ([`Level::breaks`]): the share that is mispredicted × its cost.
    pub of_a_break: Range,
    /// What limits it, at mid; of scoreboard cores only.
    pub bounds: Option<Bounds>,
}

/// An instruction that the core's table has no row for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingClass {
    /// Class.
    pub class: Class,
    /// Width.
    pub width: Option<Width>,
    /// The assembly.
    pub assembly: String,
}

impl MissingClass {
    pub(super) fn of(instr: &Instr) -> Self {
        MissingClass { class: instr.class, width: instr.width, assembly: instr.assembly.clone() }
    }
}

/// Cycles of one trip through a level's body.
///
/// Formula: single-issue cores, the rule sum (docs/cost-model.md, C1); scoreboard cores, the steady-state slope of the
/// body following itself where the level is steady (C2), else the issue span of a single pass, whose high end waits for
/// every result (C3); apart from it, mispredict × share for a branch that breaks its habit (C4).
pub fn body_time(level: &Level, core: &CoreTable) -> Result<BodyTime, MissingClass> {
    let (body, steady) = (&level.body, level.steady);
    let of_a_break = Range::over(|end| core.branch.exit_mispredict_share.cost(end) * core.branch.mispredict.cost(end));
    match &core.pipeline {
        Pipeline::RuleSum(rules) => {
            let mut missing = None;
            let cycles = Range::over(|end| {
                rule_sum_cycles(body, steady, rules, &core.branch, end).unwrap_or_else(|e| {
                    missing = Some(e);
                    0.0
                })
            });
            missing.map_or(Ok(BodyTime { cycles, of_a_break, bounds: None }), Err)
        }
        Pipeline::Scoreboard(board) => {
            let [low, mid, high] = End::ALL.map(|end| Prepared::new(body, board, &core.branch, end));
            let (low, mid, high) = (low?, mid?, high?);
            let cycles = if steady {
                Range { low: steady_slope(&low), mid: steady_slope(&mid), high: steady_slope(&high) }
            } else {
                Range { low: single_pass(&low).0, mid: single_pass(&mid).0, high: single_pass(&high).1 }
            };
            let bounds = bounds(&mid);
            Ok(BodyTime { cycles, of_a_break, bounds: Some(bounds) })
        }
    }
}
