//! `--budget FILE`: limits that a record must keep, exit status 2 where it does not.

use super::{Failure, Status, Terminal};
use clap::Args;
use std::path::PathBuf;
use tinyprec::config::{Budget, load_budget};
use tinyprec::explore;
use tinyprec::record::{RunRecord, SweepRecord};
use tinyprec::run::check_budget;

/// The flag of every command that can hold a budget.
#[derive(Debug, Args)]
pub struct BudgetArgs {
    /// Limits to keep (TOML; docs/sweeps.md); a broken one is named and ends the program with status 2
    #[arg(long, value_name = "FILE")]
    budget: Option<PathBuf>,
}

impl BudgetArgs {
    /// The budget, if one was given; wrong files fail before anything runs.
    pub fn load(&self) -> Result<Option<Budget>, Failure> {
        Ok(self.budget.as_ref().map(|path| load_budget(path)).transpose()?)
    }
}

/// Holds the budget against a record and says on stderr what breaks it.
pub fn hold(budget: Option<&Budget>, record: &RunRecord, terminal: &Terminal) -> Status {
    let broken = budget.map_or(Vec::new(), |budget| check_budget(budget, record));
    for violation in &broken {
        terminal.progress(&format!("{} {violation}", terminal.red("over budget:")));
    }
    if broken.is_empty() { Status::Done } else { Status::BudgetViolated }
}

/// Holds the budget against a sweep and says on stderr how many points keep it on each board, or what stops the closest.
pub fn hold_sweep(budget: Option<&Budget>, record: &SweepRecord, terminal: &Terminal) -> Result<Status, Failure> {
    let Some(budget) = budget else { return Ok(Status::Done) };
    let mut status = Status::Done;
    for room in explore::check_budget(budget, record)? {
        let on = room.board.as_ref().map_or(String::new(), |b| format!(" on {b}"));
        match room.keeping.as_slice() {
            [] => status = Status::BudgetViolated,
            keeping => {
                let points = record.points.len();
                terminal.progress(&format!("{} of {points} points keep the budget{on}", keeping.len()));
            }
        }
        for violation in &room.broken {
            terminal.progress(&format!("{} {violation}", terminal.red("over budget, at the closest point:")));
        }
    }
    Ok(status)
}
