//! `tinyprec run`: one experiment end to end.

use super::budget::{self, BudgetArgs};
use super::progress::Progress;
use super::store::{self, StoreArgs};
use super::{Failure, Outcome, Terminal};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tinyprec::run::{Event, Options, RECORD};
use tinyprec::{config, report, run};

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
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Seeds, instead of the experiment's own
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    seeds: Vec<u64>,
    #[command(flatten)]
    budget: BudgetArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the experiment and renders its record.
pub fn run(args: &RunArgs, terminal: &Terminal) -> Outcome {
    let budget = args.budget.load()?;
    let mut experiment = config::load(&args.experiment)?;
    if !args.seeds.is_empty() {
        let repeated = args.seeds.iter().enumerate().find(|(i, s)| args.seeds[..*i].contains(s));
        if let Some((_, seed)) = repeated {
            return Err(Failure::new(format!("--seeds lists {seed} twice; each seed is one run")));
        }
        experiment.seeds.clone_from(&args.seeds);
    }
    let own = experiment.out.clone().unwrap_or_else(|| Path::new("out").join(&experiment.name));
    let out = args.out.clone().unwrap_or(own);
    let options = Options {
        out: out.clone(),
        resume: args.resume,
        jobs: args.jobs.map(usize::from),
        features: args.store.folder(),
    };
    let of = experiment.heads.len() * experiment.seeds.len();
    let done = AtomicUsize::new(0);
    let progress = Mutex::new(Progress::new(terminal, "backbone"));
    let record = run::run(&experiment, &options, &|event| show(event, terminal, &progress, (&done, of)));
    terminal.status_line("");
    let record = record?;
    let page = report::write_report(&record, &out)?;
    let status = budget::hold(budget.as_ref(), &record, terminal);
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&record)?)?;
        return Ok(status);
    }
    terminal.result(&report::text(&record, terminal.width))?;
    terminal.result(&format!("\nRecord: {}\nReport: {}", out.join(RECORD).display(), page.display()))?;
    Ok(status)
}

fn show(event: &Event, terminal: &Terminal, progress: &Mutex<Progress>, (finished, jobs): (&AtomicUsize, usize)) {
    match event {
        Event::Features { done, of } => {
            if let Ok(mut progress) = progress.lock() {
                progress.show(*done, *of);
            }
        }
        Event::Stored { images, path, origin } => store::tell(terminal, *images, path, origin),
        Event::Experience { precision, seed, experience } => {
            let n = finished.fetch_add(1, Ordering::Relaxed) + 1;
            let last = format!("{precision}, seed {seed}, experience {}", experience + 1);
            terminal.status_line(&format!("learning {jobs} jobs, {n} experiences finished; last: {last}"));
        }
    }
}
