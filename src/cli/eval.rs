//! `tinyprec eval`: a frozen network over a data set.

use super::{Failure, Outcome, Terminal};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Network (safetensors; docs/backbone-format.md)
    model: PathBuf,
    /// CIFAR-10/100 binary file, or a directory with an idx pair (gzip or not)
    data: PathBuf,
    /// Only the first N images
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Writes label and scores of every image
    #[arg(long, value_name = "FILE.csv")]
    scores: Option<PathBuf>,
    /// Writes the features of every image
    #[arg(long, value_name = "FILE.safetensors")]
    features: Option<PathBuf>,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Evaluates and renders the counts.
pub fn run(args: &EvalArgs, _terminal: &Terminal) -> Outcome {
    Err(Failure::new(format!("`eval` is not wired yet {args:?}")))
}
