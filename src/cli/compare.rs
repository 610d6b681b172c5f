//! `tinyprec compare`: the change in every figure from one record to another.

use super::{Failure, Outcome, Status, Terminal};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use tinyprec::report::{self, compare, run_figures, sweep_figures};

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// record.json of a run, or sweep.json of a sweep
    a: PathBuf,
    /// The same of another
    b: PathBuf,
    /// Prints every figure as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Prints the changes as Markdown, for a comment on a change
    #[arg(long)]
    markdown: bool,
}

/// Reads both and renders their differences.
pub fn run(args: &CompareArgs, terminal: &Terminal) -> Outcome {
    let (a, b) = (figures(&args.a)?, figures(&args.b)?);
    let name = |path: &Path| path.display().to_string();
    let comparison = compare((&name(&args.a), &a), (&name(&args.b), &b));
    terminal.result(&if args.json {
        serde_json::to_string_pretty(&comparison)?
    } else if args.markdown {
        comparison.markdown()
    } else {
        comparison.text(terminal.width)
    })?;
    Ok(Status::Done)
}

fn figures(path: &Path) -> Result<Vec<(String, f64)>, Failure> {
    let is_sweep = fs::read_to_string(path).is_ok_and(|text| report::sweep::is_sweep(&text));
    Ok(if is_sweep { sweep_figures(&report::sweep::read(path)?) } else { run_figures(&report::read_record(path)?) })
}
