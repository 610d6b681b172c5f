//! The command line: one file per subcommand, each "load, call the library, render".
//!
//! Results go to stdout, progress to stderr, `--json` gives every result as JSON, `NO_COLOR` is honoured and a
//! closed pipe ends the program quietly. Exit status: see [`Status`].

mod budget;
mod calibrate;
mod compare;
mod cost;
mod cost_summary;
mod cost_view;
mod data;
mod diff;
mod eval;
mod explain;
mod import;
mod load;
mod model;
mod model_table;
mod model_time;
mod outcome;
mod profile;
mod progress;
mod report;
mod run;
mod store;
mod sweep;
mod sweep_progress;
mod terminal;
mod validate;
mod workload;

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
    /// Explore a design space: many precisions, priced on every board
    Sweep(sweep::SweepArgs),
    /// Say what changed in every figure from one record to another
    Compare(compare::CompareArgs),
    /// Find the first step and element where two precisions, or a run and a board's dump, part
    Diff(diff::DiffArgs),
    /// Run a frozen network over a data set and count what it gets right
    Eval(eval::EvalArgs),
    /// What a network is made of, and how fast it runs here
    Model(model::ModelArgs),
    /// Price a network, an experiment or a list of layers on a board, without running it
    Cost(cost::CostArgs),
    /// Say where a price comes from: formula, counts, coefficients with their places, and what it rests on
    Explain(explain::ExplainArgs),
    /// Say what a network file holds and what cannot be run, and convert it
    Import(import::ImportArgs),
    /// Compare predictions with measured boards, by core, software and type, and say what the misses have in common
    Validate(validate::ValidateArgs),
    /// Fit a profile's uncertain numbers to measurements, and name the next measurement worth making
    Calibrate(calibrate::CalibrateArgs),
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
        Command::Sweep(args) => sweep::run(args, &terminal),
        Command::Compare(args) => compare::run(args, &terminal),
        Command::Diff(args) => diff::run(args, &terminal),
        Command::Eval(args) => eval::run(args, &terminal),
        Command::Model(args) => model::run(args, &terminal),
        Command::Cost(args) => cost::run(args, &terminal),
        Command::Explain(args) => explain::run(args, &terminal),
        Command::Import(args) => import::run(args, &terminal),
        Command::Validate(args) => validate::run(args, &terminal),
        Command::Calibrate(args) => calibrate::run(args, &terminal),
        Command::Profile(args) => profile::run(args, &terminal),
        Command::Data(args) => data::run(args, &terminal),
        Command::Report(args) => report::run(args, &terminal),
    };
    outcome::finish(outcome, &terminal)
}
