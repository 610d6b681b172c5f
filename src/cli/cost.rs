//! `tinyprec cost`: what a model or an experiment costs on a board, without running it.

use super::{Failure, Outcome, Terminal};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `cost`.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// Network (safetensors) or experiment file (TOML)
    input: PathBuf,
    /// Board profile: a built-in name or a TOML file; may be given several times
    #[arg(long = "profile", value_name = "P", required = true)]
    profiles: Vec<String>,
    /// Kernel set, instead of the experiment's own
    #[arg(long, value_name = "SET")]
    kernel_set: Option<String>,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prices and renders the table.
pub fn run(args: &CostArgs, _terminal: &Terminal) -> Outcome {
    Err(Failure::new(format!("`cost` is not wired yet {args:?}")))
}
