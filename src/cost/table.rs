//! The prediction: plain data, by call, by site, by phase.

use super::memory::MemoryPlan;
use super::pipeline::{Limit, Range};
use crate::trace::{Op, Phase};

/// Every prediction for one list of calls on one board.
#[derive(Debug, Clone, PartialEq)]
pub struct CostTable {
    /// Profile name.
    pub profile: String,
    /// Core.
    pub core: String,
    /// Kernel set.
    pub kernel_set: String,
    /// One entry a call, in order.
    pub calls: Vec<CallCost>,
    /// Calls of the same phase and site together, in order of first appearance.
    pub sites: Vec<SiteCost>,
    /// Calls of the same phase together, in the order of [`Phase`].
    pub phases: Vec<PhaseCost>,
    /// All calls together.
    pub total: Cost,
    /// RAM and flash.
    pub memory: MemoryPlan,
}

/// Cycles with the time and energy that they take.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Core cycles.
    pub cycles: Range,
    /// Milliseconds: cycles / clock.
    pub latency_ms: Range,
    /// Microjoules: power × time.
    pub energy_uj: Range,
}

/// One call, all of its `times` together.
#[derive(Debug, Clone, PartialEq)]
pub struct CallCost {
    /// Phase.
    pub phase: Phase,
    /// Site.
    pub site: String,
    /// Operation.
    pub op: Op,
    /// Symbol of the kernel that runs it.
    pub kernel: String,
    /// How often it ran.
    pub times: u64,
    /// Cost of all of them.
    pub cost: Cost,
    /// Share of the middle cycles in which the core waits for memory, 0 to 1.
    pub memory_share: f64,
    /// Cycles of all executions, by what they are spent on.
    pub parts: Parts,
    /// What it waits for.
    pub bound: Bound,
}

/// Cycles by what they are spent on; they add up to the call's, except where bandwidth is the limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// Instructions, branches and what they wait for among themselves.
    pub pipeline: Range,
    /// Waiting for code.
    pub fetch: Range,
    /// Waiting for constants.
    pub constants: Range,
    /// Waiting for other data.
    pub data: Range,
}

/// What decides a call's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// RAM and its caches: more than half of the cycles, and most of them there.
    Memory,
    /// Flash: more than half of the cycles wait for memory, most of them for constants and code from flash.
    Flash,
    /// Number of instructions.
    Issue,
    /// One kind of unit.
    Unit(String),
    /// A chain of results from one trip to the next.
    Recurrence,
    /// Results within a trip that an in-order core must wait for: more than a tenth above every other bound.
    Latency,
}

impl Bound {
    /// In words for a table.
    pub fn text(&self) -> String {
        match self {
            Bound::Memory => "memory".to_owned(),
            Bound::Flash => "flash".to_owned(),
            Bound::Issue => "issue".to_owned(),
            Bound::Unit(name) => format!("unit {name}"),
            Bound::Recurrence => "dependency".to_owned(),
            Bound::Latency => "latency".to_owned(),
        }
    }
}

impl From<Limit> for Bound {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Issue => Bound::Issue,
            Limit::Unit(name) => Bound::Unit(name),
            Limit::Recurrence => Bound::Recurrence,
        }
    }
}

/// Calls of one site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteCost {
    /// Phase.
    pub phase: Phase,
    /// Site.
    pub site: String,
    /// Kernels that run there, each once, in order, joined by `+`.
    pub kernel: String,
    /// Cost.
    pub cost: Cost,
    /// Share of the middle cycles that waits for memory.
    pub memory_share: f64,
    /// What its call with the most cycles waits for.
    pub bound: Bound,
}

/// Calls of one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseCost {
    /// Phase.
    pub phase: Phase,
    /// Cost.
    pub cost: Cost,
    /// Share of the middle cycles that waits for memory.
    pub memory_share: f64,
}

/// One level of one call, for explanations.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelCost {
    /// Level.
    pub name: String,
    /// Trips.
    pub trips: Range,
    /// Instructions of the body.
    pub instructions: usize,
    /// Cycles of one trip.
    pub body_cycles: Range,
    /// Cycles that branches which break their habit add.
    pub breaks: Range,
    /// Cycles of all trips.
    pub cycles: Range,
    /// What a trip waits for.
    pub bound: Bound,
}

impl CostTable {
    /// Cost of one phase, `None` where no call belongs to it.
    pub fn phase(&self, phase: Phase) -> Option<&PhaseCost> {
        self.phases.iter().find(|p| p.phase == phase)
    }
}
