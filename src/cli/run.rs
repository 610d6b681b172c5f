//! `tinyprec run`: one experiment end to end.

use super::{Failure, Outcome, Terminal};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Experiment file (TOML; docs/config.md has every key)
    experiment: PathBuf,
    /// Where record, report and tables go, instead of the experiment's own `[output] dir`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Goes on with a run that was stopped, to the identical record
    #[arg(long)]
    resume: bool,
    /// Prints the record as JSON
    #[arg(long)]
    json: bool,
    /// Threads; the record does not depend on it [default: one a core]
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
    /// Seeds, instead of the experiment's own
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    seeds: Vec<u64>,
}

/// Runs the experiment and renders its record.
pub fn run(args: &RunArgs, _terminal: &Terminal) -> Outcome {
    Err(Failure::new(format!("{}: `run` is not wired yet {:?}", args.experiment.display(), args)))
}
