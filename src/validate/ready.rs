//! What rows are priced with, read once: boards, the structure of their software, its kernels.

use super::board::{RowBoard, row_board};
use super::measurement::{Measurement, SoftwareClass};
use super::predict::Refusal;
use super::software::Software;
use crate::cost::{KernelSet, kernel_set_for};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Configuration of one row.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Its board.
    pub board: RowBoard,
    /// Structure of its software.
    pub software: &'static Software,
    /// Name of the kernel set.
    pub set: String,
    /// The set itself, shared by all rows that it prices.
    pub kernels: Result<Rc<KernelSet>, Refusal>,
}

/// Configuration of every row, in order, or why there is none.
pub fn ready<'r>(rows: impl IntoIterator<Item = &'r Measurement>) -> Vec<Result<Ready, Refusal>> {
    // A core's float unit decides too: one of single precision has kernels of its own.
    let mut sets: BTreeMap<(String, bool, String), Result<Rc<KernelSet>, Refusal>> = BTreeMap::new();
    let mut one = |row: &Measurement| {
        let board = row_board(row)?;
        if row.threads > 1 {
            return Err(Refusal::Threads(row.threads));
        }
        let software = Software::of(row).ok_or_else(|| no_structure(row))?;
        let set = board.profile.kernel_set.clone().unwrap_or_else(|| software.set_of(row, &board.profile));
        let key = (board.profile.core.core.clone(), board.profile.single_precision, set.clone());
        let read = || kernel_set_for(&board.profile, &set).map(Rc::new).map_err(|e| Refusal::Kernel(e.to_string()));
        let kernels = sets.entry(key).or_insert_with(read).clone();
        Ok(Ready { board, software, set, kernels })
    };
    rows.into_iter().map(&mut one).collect()
}

fn no_structure(row: &Measurement) -> Refusal {
    Refusal::Software(match row.class {
        SoftwareClass::Other => format!("the structure of {} is not modelled", row.software),
        class => format!("{} ({}) has no kernels on {}", class.name(), row.software, row.core),
    })
}
