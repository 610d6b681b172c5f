//! Core tables: what each instruction class costs on a core, and how the core issues.
//!
//! Two models: a sum of issue cycles with adjacency rules (single issue, Cortex-M4), and an in-order scoreboard
//! (dual issue, Cortex-M7 and Cortex-A53). Every row carries its source; `cost` runs kernels through them.

mod numbers;
mod raw;
mod read;
mod table;

pub use numbers::CoreNumber;
pub use table::{
    BranchTimes, ClassKey, CoreTable, Pairing, Pipeline, RuleRow, RuleSum, ScoreRow, Scoreboard, Spacing, Ticks,
    UnitUse,
};

pub(super) use numbers::core_numbers;
pub(super) use read::read_core;
