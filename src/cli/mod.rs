//! The command line: one file per subcommand, each "load, call the library, render".
//!
//! Results go to stdout, progress to stderr, `--json` gives every result as JSON, `NO_COLOR` is honoured and a
//! closed pipe ends the program quietly. Exit status: see [`Status`].

mod cost;
mod data;
mod eval;
mod import;
mod outcome;
mod profile;
mod report;
mod run;
mod store;
mod terminal;

use clap::{Parser, Subcommand};
use outcome::{Failure, Outcome, Status};
use std::process::ExitCode;
use terminal::Terminal;

/// How little precision can a device learn with, and what does each bit cost it?
#[derive(Debug, Parser)]
#[command(name = "tinyprec", version, about, after_help = STATUS_HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const STATUS_HELP: &str = "Exit status: 0 done, 1 usage or bad input, 2 a budget was violated, 3 a validation failed.\n\
                           Results go to stdout, progress to stderr.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Learn a stream of experiences in each precision, price it on each board, write record and report
    Run(run::RunArgs),
    /// Run a frozen network over a data set and count what it gets right
    Eval(eval::EvalArgs),
    /// Price a model or an experiment on a board, without running it
    Cost(cost::CostArgs),
    /// Say what a network file holds and what cannot be run, and convert it
    Import(import::ImportArgs),
    /// List, show and check board profiles
    Profile(profile::ProfileArgs),
    /// Fetch data sets, list and check what is there
    Data(data::DataArgs),
    /// Render a record.json again
    Report(report::ReportArgs),
}

/// Parses the command line, runs it and gives the exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let status = if error.use_stderr() { Status::BadInput } else { Status::Done };
            // A pipe closed while help is printed is no error of ours.
            let _ = error.print();
            return status.into();
        }
    };
    let terminal = Terminal::detect();
    let outcome = match &cli.command {
        Command::Run(args) => run::run(args, &terminal),
        Command::Eval(args) => eval::run(args, &terminal),
        Command::Cost(args) => cost::run(args, &terminal),
        Command::Import(args) => import::run(args, &terminal),
        Command::Profile(args) => profile::run(args, &terminal),
        Command::Data(args) => data::run(args, &terminal),
        Command::Report(args) => report::run(args, &terminal),
    };
    outcome::finish(outcome, &terminal)
}
