//! `tinyprec report`: a record rendered again.

use super::budget::{self, BudgetArgs};
use super::{Failure, Outcome, Terminal};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use tinyprec::record::{RunRecord, SweepRecord};
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
    /// Writes every drawing as a PNG beside the page, into pictures/ (needs the feature `png`)
    #[arg(long, requires = "out")]
    png: bool,
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
    pictures(args, Drawn::Run(&record), terminal)?;
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
    pictures(args, Drawn::Sweep(&record), terminal)?;
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

/// What pictures are made of.
#[cfg_attr(not(feature = "png"), allow(dead_code))]
enum Drawn<'a> {
    Run(&'a RunRecord),
    Sweep(&'a SweepRecord),
}

#[cfg(feature = "png")]
fn pictures(args: &ReportArgs, drawn: Drawn<'_>, terminal: &Terminal) -> Result<(), Failure> {
    let Some(dir) = args.out.as_ref().filter(|_| args.png).map(|dir| dir.join("pictures")) else { return Ok(()) };
    let pictures = match drawn {
        Drawn::Run(record) => report::run_pictures(record),
        Drawn::Sweep(record) => report::sweep_pictures(record),
    };
    fs::create_dir_all(&dir)?;
    let pictures = pictures.map_err(Failure::new)?;
    for (name, bytes) in &pictures {
        fs::write(dir.join(name), bytes)?;
    }
    terminal.progress(&format!("{} pictures in {}", pictures.len(), dir.display()));
    Ok(())
}

#[cfg(not(feature = "png"))]
fn pictures(args: &ReportArgs, _: Drawn<'_>, _: &Terminal) -> Result<(), Failure> {
    if args.png {
        return Err(Failure::new("this program was built without pictures; build it with --features png"));
    }
    Ok(())
}
