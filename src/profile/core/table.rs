//! A checked core table.

use super::super::isa::{Class, Operand, Width};
use super::super::quantity::{End, Kind, Quantity};
use std::collections::BTreeMap;

/// Whole cycles with their interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    /// Fewest plausible.
    pub low: u32,
    /// Best estimate.
    pub mid: u32,
    /// Most plausible.
    pub high: u32,
}

impl Ticks {
    /// At one end.
    pub fn at(self, end: End) -> u32 {
        match end {
            End::Favourable => self.low,
            End::Mid => self.mid,
            End::Unfavourable => self.high,
        }
    }
}

/// A row's key: a class, or a class at one width.
pub type ClassKey = (Class, Option<Width>);

/// Everything known about one core.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreTable {
    /// `cortex-m4`, as kernel files name it.
    pub core: String,
    /// The file it was read from.
    pub file: String,
    /// In words.
    pub title: String,
    /// Branch costs.
    pub branch: BranchTimes,
    /// How it issues.
    pub pipeline: Pipeline,
    /// Rows and rules whose kind is `assumed`: key, value, source.
    pub assumed: Vec<(String, String, String)>,
}

/// What leaving the straight line costs.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchTimes {
    /// Cycles after a taken branch in which nothing issues.
    pub taken_extra: Quantity,
    /// Cycles that a mispredicted branch adds.
    pub mispredict: Quantity,
    /// Share of loop exits and other fall-through branches outside steady bodies that are mispredicted.
    pub exit_mispredict_share: Quantity,
}

/// How a core issues instructions.
// One a profile: the size of the larger variant costs nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Pipeline {
    /// One instruction after the other; neighbours change each other's cost.
    RuleSum(RuleSum),
    /// In order, several a cycle, waiting for operands and units.
    Scoreboard(Scoreboard),
}

/// Single issue: class cycles plus adjacency rules.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSum {
    /// Cycles by class.
    pub rows: BTreeMap<ClassKey, RuleRow>,
    /// Cycles that a load right after a load saves.
    pub load_run_saving: Quantity,
    /// Cycles that a load right before an immediate-offset store saves.
    pub load_then_store_saving: Quantity,
    /// Cycles that a load right after a store adds.
    pub store_then_load_extra: Quantity,
    /// Cycles added when the previous instruction wrote a register of the address.
    pub address_extra: Quantity,
    /// Cycles added when the previous instruction's float result is consumed.
    pub float_use_extra: Quantity,
    /// Cycles added when the previous instruction is a load whose result is consumed.
    pub load_use_extra: Quantity,
}

/// One class of a rule sum.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleRow {
    /// Issue cycles.
    pub cycles: Ticks,
    /// More for each register of a multiple load or store.
    pub per_register: u32,
    /// Origin.
    pub kind: Kind,
    /// Source.
    pub source: String,
    /// Line in the core's file.
    pub line: usize,
}

/// In-order issue with units and latencies.
#[derive(Debug, Clone, PartialEq)]
pub struct Scoreboard {
    /// Instructions a cycle.
    pub width: u32,
    /// Cycles until a written-back base can be used.
    pub write_back_latency: u32,
    /// Results are written in program order, as llvm-mca's in-order stage does: an instruction waits until its first result
    /// comes no earlier than the last of those before it. Taken branches do not end their cycle then.
    pub in_order_write_back: bool,
    /// With in-order write-back: latency of the flags that a 16-bit Thumb instruction writes besides its register.
    pub narrow_flag_latency: Option<u32>,
    /// Cycles that a written-back base takes at least before it can address memory again.
    pub base_to_address: u32,
    /// Additions, subtractions and moves whose sources are there a cycle early are done a stage before the others: see [`ScoreRow`].
    pub early_alu: bool,
    /// Pairs of classes that must keep a distance.
    pub spacings: Vec<Spacing>,
    /// Units: name and number of instances.
    pub units: Vec<(String, u32)>,
    /// Rows by class.
    pub rows: BTreeMap<ClassKey, ScoreRow>,
}

/// Instructions that may not issue closely behind others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spacing {
    /// Behind these classes …
    pub after: Vec<ClassKey>,
    /// … these wait.
    pub then: Vec<ClassKey>,
    /// Of `then` only those that write their base back, or only those that do not.
    pub write_back: Option<bool>,
    /// Cycles behind the issue of `after` that are closed; 0 closes the same cycle only.
    pub within: u32,
    /// Closed to the younger slot only: alone or as the older instruction, `then` may issue.
    pub only_younger: bool,
    /// Source.
    pub source: String,
}

/// How an instruction may share a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// In any slot.
    Any,
    /// Only as the oldest instruction of its cycle.
    Older,
    /// Alone in its cycles.
    Single,
}

/// Instances of one unit that an instruction holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitUse {
    /// Index into [`Scoreboard::units`].
    pub unit: usize,
    /// Cycles that one instance is held.
    pub cycles: u32,
}

/// One class of a scoreboard.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// Unit instances held, at the favourable, mid and unfavourable end.
    pub units: [Vec<UnitUse>; 3],
    /// Cycles from issue until a consumer may issue, by [`Operand`] of the consumer.
    pub latency_to: BTreeMap<Operand, Ticks>,
    /// Sharing.
    pub pairing: Pairing,
    /// Sharing where addressing writes its base back.
    pub pairing_write_back: Pairing,
    /// Registers that a multiple load or store moves a cycle; the instruction holds its cycle until all have moved.
    pub registers_per_cycle: u32,
    /// Issue slots, without and with a written-back base.
    pub slots: [u32; 2],
    /// Cycles until the written-back base can be used; the core's where the row gives none.
    pub base_latency: Option<u32>,
    /// Latency in place of the row's where addressing writes its base back.
    pub latency_write_back: Option<u32>,
    /// Latency in place of the row's where the result is a core register's (moves out of the float unit).
    pub latency_core: Option<u32>,
    /// Latency before `[[forward]]`: what in-order write-back goes by.
    pub latency: Ticks,
    /// With in-order write-back: cycles until the instruction has ended, where that is later than its results can be used.
    pub last_result: u32,
    /// The kind that a `data` source of this class counts as.
    pub reads_data_as: Operand,
    /// The kind that a `shift` source of this class counts as.
    pub reads_shift_as: Operand,
    /// Origin.
    pub kind: Kind,
    /// Source.
    pub source: String,
    /// Line in the core's file.
    pub line: usize,
}

impl RuleSum {
    /// The row of a class at a width: the row for the width where there is one, else the class's.
    pub fn row(&self, class: Class, width: Option<Width>) -> Option<&RuleRow> {
        self.rows.get(&(class, width)).or_else(|| self.rows.get(&(class, None)))
    }
}

impl Scoreboard {
    /// The row of a class at a width: the row for the width where there is one, else the class's.
    pub fn row(&self, class: Class, width: Option<Width>) -> Option<&ScoreRow> {
        self.rows.get(&(class, width)).or_else(|| self.rows.get(&(class, None)))
    }
}

impl ScoreRow {
    /// The unit instances at one end.
    pub fn units_at(&self, end: End) -> &[UnitUse] {
        match end {
            End::Favourable => &self.units[0],
            End::Mid => &self.units[1],
            End::Unfavourable => &self.units[2],
        }
    }
}
