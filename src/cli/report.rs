//! `tinyprec report`: a record rendered again.

use super::{Failure, Outcome, Terminal};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// record.json of a run
    record: PathBuf,
    /// Writes report.html and the CSV tables there; without it only the table is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the record as JSON
    #[arg(long)]
    json: bool,
}

/// Reads the record and renders it.
pub fn run(args: &ReportArgs, _terminal: &Terminal) -> Outcome {
    Err(Failure::new(format!("`report` is not wired yet {args:?}")))
}
