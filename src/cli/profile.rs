//! `tinyprec profile`: the boards that can be priced.

use super::{Failure, Outcome, Terminal};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// Built-in profiles
    List {
        /// Prints the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// One profile with the source of every number
    Show {
        /// Built-in name or TOML file
        profile: String,
        /// Prints the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Checks a profile file: every number there, in range, with unit and source
    Check {
        /// TOML file
        file: PathBuf,
        /// Prints the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Lists, shows or checks.
pub fn run(args: &ProfileArgs, _terminal: &Terminal) -> Outcome {
    Err(Failure::new(format!("`profile` is not wired yet {:?}", args.command)))
}
