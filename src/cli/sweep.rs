//! `tinyprec sweep`: a design space, on one machine or in shards.

use super::budget::{BudgetArgs, hold_sweep};
use super::store::StoreArgs;
use super::sweep_progress::Progress;
use super::{Failure, Outcome, Status, Terminal};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use tinyprec::explore::{self, Options, Part, Space, Sweep};
use tinyprec::report;

/// Arguments of `sweep`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SweepArgs {
    #[command(subcommand)]
    command: Option<SweepCommand>,
    #[command(flatten)]
    whole: WholeArgs,
}

#[derive(Debug, Args)]
struct WholeArgs {
    /// Sweep file: an experiment with a [space] table (docs/sweeps.md)
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    run: RunArgs,
    /// Says how many points, how long and how much disk, and runs nothing
    #[arg(long)]
    dry_run: bool,
    /// Goes on with the points that are not finished
    #[arg(long)]
    resume: bool,
    /// Deletes finished points in the folder and starts anew
    #[arg(long, conflicts_with = "resume")]
    fresh: bool,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Folder of the sweep [default: out/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads; no result depends on it [default: one a core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Only every n-th point, from the k-th on; merge when all shards are through
    #[arg(long, value_name = "K/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    budget: BudgetArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Subcommand)]
enum SweepCommand {
    /// Writes every point to points.jsonl: index, hash, experiment file
    Plan {
        /// Sweep file
        file: PathBuf,
        /// Folder of the sweep [default: out/NAME]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Runs some points; run again, it repeats nothing that is finished
    Run {
        /// Sweep file
        file: PathBuf,
        #[command(flatten)]
        run: RunArgs,
        /// Only this point
        #[arg(long, value_name = "I", conflicts_with = "shard")]
        index: Option<usize>,
    },
    /// Checks that all points are there, once and by one version, and writes results and report
    Merge {
        /// Sweep file
        file: PathBuf,
        /// Folders of the shards [default: the sweep's own]
        folders: Vec<PathBuf>,
        #[command(flatten)]
        run: RunArgs,
    },
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((k, n)) if (1..=n).contains(&k) => Ok((k, n)),
        _ => Err("give K/N with K from 1 to N, for example 3/8".to_owned()),
    }
}

/// Runs, plans or merges.
pub fn run(args: &SweepArgs, terminal: &Terminal) -> Outcome {
    match (&args.command, &args.whole) {
        (Some(SweepCommand::Plan { file, out }), _) => plan(file, out.as_deref(), terminal),
        (Some(SweepCommand::Run { file, run, index }), _) => {
            let sweep = Sweep::survey(Space::load(file)?)?;
            let part = index.map_or(part(run), Part::Index);
            points(&sweep, run, part, terminal)
        }
        (Some(SweepCommand::Merge { file, folders, run }), _) => {
            let sweep = Sweep::survey(Space::load(file)?)?;
            let out = folder(&sweep.space, run.out.as_deref());
            let folders = if folders.is_empty() { vec![out.clone()] } else { folders.clone() };
            merged(&sweep, &folders, (&out, run), terminal)
        }
        (None, WholeArgs { file: Some(file), run, dry_run, resume, fresh }) => {
            let sweep = Sweep::survey(Space::load(file)?)?;
            if *dry_run {
                return dry(&sweep, run, terminal);
            }
            let out = folder(&sweep.space, run.out.as_deref());
            if *fresh {
                explore::clear_logs(&out)?;
            } else if !resume && run.shard.is_none() && explore::any_logs(&out)? {
                return Err(explore::SweepError::AlreadyThere { path: out }.into());
            }
            points(&sweep, run, part(run), terminal)
        }
        (None, WholeArgs { file: None, .. }) => Err(Failure::new("give a sweep file; docs/sweeps.md shows one")),
    }
}

fn part(run: &RunArgs) -> Part {
    run.shard.map_or(Part::All, |(k, n)| Part::Shard { k, n })
}

fn folder(space: &Space, out: Option<&Path>) -> PathBuf {
    out.map_or_else(|| Path::new("out").join(&space.name), Path::to_path_buf)
}

fn options(out: &Path, run: &RunArgs, part: Part) -> Options {
    Options { out: out.to_path_buf(), jobs: run.jobs.map(usize::from), part, features: run.store.folder() }
}

fn points(sweep: &Sweep, run: &RunArgs, part: Part, terminal: &Terminal) -> Outcome {
    let out = folder(&sweep.space, run.out.as_deref());
    let options = options(&out, run, part);
    run.budget.load()?;
    let again = if part == Part::All { "--resume goes on with the rest" } else { "run the part again to go on" };
    let (n, log) = (part.count(sweep.header.points), out.join("log"));
    terminal.progress(&format!("{n} points; finished ones stay in {} if this is stopped: {again}", log.display()));
    let progress = Progress::new(terminal, &sweep.space.objectives);
    let done = sweep.run(&options, &|event| progress.show(event));
    terminal.status_line("");
    done?;
    progress.summary();
    if part == Part::All {
        return merged(sweep, std::slice::from_ref(&out), (&out, run), terminal);
    }
    let log = out.join("log");
    let text = format!(
        "The points of this part are finished: {}\nMerge when all are: tinyprec sweep merge {}",
        log.display(),
        sweep.space.source.path
    );
    if run.json {
        let value =
            serde_json::json!({ "log": log, "points": part.count(sweep.header.points), "of": sweep.header.points });
        terminal.result(&serde_json::to_string_pretty(&value)?)?;
    } else {
        terminal.result(&text)?;
    }
    Ok(Status::Done)
}

fn merged(sweep: &Sweep, folders: &[PathBuf], (out, run): (&Path, &RunArgs), terminal: &Terminal) -> Outcome {
    terminal.status_line("merging, and telling the best points in full");
    let record = sweep.merge(folders, &options(out, run, Part::All));
    terminal.status_line("");
    let record = record?;
    let page = report::sweep::write(&record, out)?;
    let status = hold_sweep(run.budget.load()?.as_ref(), &record, terminal)?;
    if run.json {
        terminal.result(&serde_json::to_string(&record)?)?;
        return Ok(status);
    }
    terminal.result(&report::sweep::text(&record, terminal.width))?;
    terminal.result(&format!("\nRecord: {}\nReport: {}", out.join(explore::SWEEP_RECORD).display(), page.display()))?;
    Ok(status)
}

fn plan(file: &Path, out: Option<&Path>, terminal: &Terminal) -> Outcome {
    let space = Space::load(file)?;
    let out = folder(&space, out);
    let path = out.join("points.jsonl");
    std::fs::create_dir_all(&out)?;
    let n = tinyprec::files::replace_with(&path, |lines| {
        let mut n = 0;
        for point in space.points() {
            let point = point?;
            let value =
                serde_json::json!({ "index": point.index, "hash": point.hash(), "experiment_toml": point.toml });
            writeln!(lines, "{value}")?;
            n += 1;
        }
        Ok::<_, super::outcome::Failure>(n)
    })?;
    terminal.result(&format!("{n} points: {}", path.display()))?;
    Ok(Status::Done)
}

fn dry(sweep: &Sweep, run: &RunArgs, terminal: &Terminal) -> Outcome {
    terminal.status_line("learning one point to see how long it takes");
    let estimate = sweep.estimate(run.store.folder().as_deref());
    terminal.status_line("");
    let e = estimate?;
    let jobs = run.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let part = part(run);
    let points = part.count(e.points);
    let share = points as f64 / e.points as f64;
    let seconds = e.features_seconds + share * e.runs * e.point_seconds / jobs as f64;
    let kib = share * e.points as f64 * e.point_bytes as f64 / 1024.0;
    if run.json {
        let value = serde_json::json!({
            "points": points, "full_runs": share * e.runs, "boards": sweep.boards.len(), "jobs": jobs, "seconds": seconds,
            "point_seconds": e.point_seconds, "features_seconds": e.features_seconds, "log_kib": kib, "results_kib": 2.0 * kib,
        });
        terminal.result(&serde_json::to_string_pretty(&value)?)?;
        return Ok(Status::Done);
    }
    let text = format!(
        "{points} points ({:.0} full runs) on {} boards\nabout {} with {jobs} threads: features {}, then {:.2} s a point\nabout {:.1} MiB of disk: {:.1} MiB of log, the same again for the results",
        share * e.runs,
        sweep.boards.len(),
        super::sweep_progress::duration(seconds),
        super::sweep_progress::duration(e.features_seconds),
        e.point_seconds,
        3.0 * kib / 1024.0,
        kib / 1024.0,
    );
    terminal.result(&text)?;
    Ok(Status::Done)
}
