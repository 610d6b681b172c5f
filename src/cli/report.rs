//! `tinyprec report`: a record rendered again.

use super::budget::{self, BudgetArgs};
use super::{Outcome, Terminal};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use tinyprec::report;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// record.json of a run, or sweep.json of a sweep
    record: PathBuf,
    /// Writes report.html and the CSV tables there; without it only the table is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Writes Avalanche's eval_results.csv and training_results.csv there, a folder for each precision and seed
    #[arg(long, value_name = "DIR")]
    avalanche_csv: Option<PathBuf>,
    /// Prints the record as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    budget: BudgetArgs,
}

/// Reads the record and renders it.
pub fn run(args: &ReportArgs, terminal: &Terminal) -> Outcome {
    if fs::read_to_string(&args.record).is_ok_and(|text| report::sweep::is_sweep(&text)) {
        return sweep(args, terminal);
    }
    let budget = args.budget.load()?;
    let record = report::read_record(&args.record)?;
    if let Some(dir) = &args.avalanche_csv {
        let folders = report::write_avalanche(&record, dir)?;
        terminal.progress(&format!("{} folders of Avalanche's tables in {}", folders.len(), dir.display()));
    }
    let status = budget::hold(budget.as_ref(), &record, terminal);
    let page = args.out.as_ref().map(|dir| report::write_report(&record, dir)).transpose()?;
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&record)?)?;
        return Ok(status);
    }
    terminal.result(&report::text(&record, terminal.width))?;
    if let Some(page) = page {
        terminal.result(&format!("\nReport: {}", page.display()))?;
    }
    Ok(status)
}

fn sweep(args: &ReportArgs, terminal: &Terminal) -> Outcome {
    let budget = args.budget.load()?;
    let record = report::sweep::read(&args.record)?;
    let status = budget::hold_sweep(budget.as_ref(), &record, terminal)?;
    let page = args.out.as_ref().map(|dir| report::sweep::write(&record, dir)).transpose()?;
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&record)?)?;
        return Ok(status);
    }
    terminal.result(&report::sweep::text(&record, terminal.width))?;
    if let Some(page) = page {
        terminal.result(&format!("\nReport: {}", page.display()))?;
    }
    Ok(status)
}
