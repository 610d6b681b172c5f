//! The middle cycles of a call by physically named terms: what a calibration may scale, and what a diagnosis points at.

use super::error::CostError;
use super::estimate::Estimator;
use super::table::CallCost;
use super::terms::{breaks, trips};
use crate::profile::{Class, End, Pipeline};
use crate::trace::KernelCall;
use serde::Serialize;

/// One physical cause of cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// Instructions over the core's issue width. Events: instructions.
    Issue,
    /// Bubbles behind taken branches and mispredictions. Events: branches that redirect.
    Branch,
    /// Units that are busy and results that are waited for, in bodies that follow themselves. Events: loads in them.
    Stall,
    /// The same in bodies that do not follow themselves: entries of loops, code between them. Events: entries.
    Entry,
    /// Waiting for code from flash or its cache. Events: none counted (0).
    Fetch,
    /// Waiting for constants from flash or their cache. Events: bytes of constants.
    Constants,
    /// Waiting for RAM, caches and their bandwidth. Events: bytes of everything else.
    Memory,
    /// What the software around the kernels adds: dispatch by an interpreter, preparation of a call. Events: calls.
    Call,
}

impl Term {
    /// All terms, in the order of every list of them.
    pub const ALL: [Term; 8] =
        [Term::Issue, Term::Branch, Term::Stall, Term::Entry, Term::Fetch, Term::Constants, Term::Memory, Term::Call];

    /// Its name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Term::Issue => "issue",
            Term::Branch => "branch",
            Term::Stall => "stall",
            Term::Entry => "entry",
            Term::Fetch => "fetch",
            Term::Constants => "constants",
            Term::Memory => "memory",
            Term::Call => "call",
        }
    }
}

/// Cycles and events of every term, in the order of [`Term::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Breakdown {
    /// Cycles; they add up to the call's middle cycles.
    pub cycles: [f64; 8],
    /// How often it happened, see [`Term`]; also where the cycles of one are 0 at the profile's value.
    pub events: [f64; 8],
}

impl Breakdown {
    /// Cycles of a term.
    pub fn of(&self, term: Term) -> f64 {
        self.cycles[term as usize]
    }

    /// All cycles.
    pub fn total(&self) -> f64 {
        self.cycles.iter().sum()
    }

    /// Adds cycles and events to a term.
    pub fn add(&mut self, term: Term, cycles: f64, events: f64) {
        self.cycles[term as usize] += cycles;
        self.events[term as usize] += events;
    }

    /// Cycles times a factor; events stay.
    pub fn slower(mut self, factor: f64) -> Self {
        self.cycles.iter_mut().for_each(|v| *v *= factor);
        self
    }
}

impl std::ops::AddAssign for Breakdown {
    fn add_assign(&mut self, other: Self) {
        self.cycles.iter_mut().zip(other.cycles).for_each(|(a, b)| *a += b);
        self.events.iter_mut().zip(other.events).for_each(|(a, b)| *a += b);
    }
}

impl Estimator<'_> {
    /// Splits the middle cycles of a priced call (all of its `times`) by term.
    ///
    /// Formula (C12): issue = Σ trips × instructions / width; branch = Σ trips × redirecting branches × taken_extra; the rest
    /// of a level is stall where it follows itself, else entry; fetch, constants and memory are C6 and C7, and what
    /// bandwidth adds (C8) is memory.
    pub fn breakdown(&self, call: &KernelCall, cost: &CallCost) -> Result<Breakdown, CostError> {
        let index = self.find(call)?;
        let kernel = &self.kernels.kernels()[index];
        let core = &self.profile.core;
        let width = match &core.pipeline {
            Pipeline::RuleSum(_) => 1.0,
            Pipeline::Scoreboard(board) => f64::from(board.width.max(1)),
        };
        let times = call.times as f64;
        let bubble = core.branch.taken_extra.cost(End::Mid);
        let mut split = Breakdown::default();
        for (level, time) in kernel.levels.iter().zip(&self.times(index)?.levels) {
            let trips = trips(call, kernel, level)?.mid * times;
            split.add(Term::Branch, breaks(call, kernel, level)?.mid * times * time.of_a_break.mid, 0.0);
            let count = |wanted: fn(Class) -> bool| level.body.iter().filter(|i| wanted(i.class)).count() as f64;
            let (n, n_taken) = (level.body.len() as f64, count(Class::redirects));
            let (issue, branch) = (n / width, n_taken * bubble);
            let rest = time.cycles.mid - issue - branch;
            split.add(Term::Issue, trips * issue, trips * n);
            split.add(Term::Branch, trips * branch, trips * n_taken);
            match level.steady {
                true => split.add(Term::Stall, trips * rest, trips * count(Class::is_load)),
                false => split.add(Term::Entry, trips * rest, trips),
            }
        }
        let bytes = |constants: bool| {
            let of = |b: &&crate::trace::BufferUse| (b.kind == crate::trace::BufferKind::Weights) == constants;
            call.buffers.iter().filter(of).map(|b| b.bytes as f64).sum::<f64>() * times
        };
        split.add(Term::Fetch, cost.parts.fetch.mid, 0.0);
        split.add(Term::Constants, cost.parts.constants.mid, bytes(true));
        split.add(Term::Memory, cost.parts.data.mid, bytes(false));
        let beyond = cost.cost.cycles.mid - split.total();
        split.add(Term::Memory, beyond, 0.0);
        Ok(split)
    }
}
