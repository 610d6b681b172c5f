//! `tinyprec calibrate`: a profile's uncertain numbers from measurements, and the next measurement worth making.

use super::validate::Rows;
use super::{Failure, Outcome, Status, Terminal};
use clap::Args;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tinyprec::profile::{self, Kind, Profile, Quantity};
use tinyprec::validate::{COLUMNS, Scope, Study, study};
use tinyprec::{cost, export, report};

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Measurement files (.csv or .toml); without one, the published measurements that come with the program
    files: Vec<PathBuf>,
    /// The board that matters: its new profile is written, and the proposal is for it
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Writes calibrated profiles there, NAME-calibrated.toml each, never over a file that is there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Writes the program and the CSV row of the most useful next measurement there
    #[arg(long, value_name = "DIR", requires = "profile")]
    propose: Option<PathBuf>,
    /// Prints the tables as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Prints every number and error as JSON
    #[arg(long)]
    json: bool,
}

/// Fits, cross-validates, writes, proposes.
pub fn run(args: &CalibrateArgs, terminal: &Terminal) -> Outcome {
    let board = args.profile.as_deref().map(profile::load).transpose()?;
    let mut rows = Rows::read(&args.files)?;
    if let Some(board) = &board {
        rows.list.retain(|row| row.core == board.core.core);
    }
    let layers = |name: &str| rows.layers(name);
    let asked = args.profile.as_deref().map(profile::base_name);
    let studies = study(&rows.list, &layers, asked)?;
    if studies.is_empty() {
        return Err(Failure::new("no row can be priced; `tinyprec validate` says why each is refused"));
    }
    let written = args.out.as_ref().map(|dir| write_profiles(&studies, asked, dir)).transpose()?;
    let mut value = json!({ "cores": studies.iter().map(as_json).collect::<Vec<_>>(), "written": written });
    let mut said = Vec::new();
    for path in written.iter().flatten() {
        said.push(format!("Written: {path}"));
    }
    if let (Some(dir), Some(asked), Some(board)) = (&args.propose, asked, &board) {
        let (text, proposal) = propose(&studies[0], asked, board, dir)?;
        said.push(text);
        value["proposals"] = proposal;
    }
    terminal.result(&match (args.json, args.markdown) {
        (true, _) => serde_json::to_string_pretty(&value)?,
        (_, true) => report::calibration::markdown(&studies),
        _ => report::calibration::text(&studies, terminal.width),
    })?;
    said.iter().for_each(|line| terminal.progress(line));
    Ok(Status::Done)
}

/// Numbers and errors of one core.
pub fn as_json(study: &Study<'_>) -> Value {
    let parameters = study.parameters().map(|p| {
        let (low, high) = p.interval();
        json!({
            "key": p.prior.key, "before": { "value": p.prior.value, "low": p.prior.low, "high": p.prior.high },
            "after": { "value": p.value, "low": low, "high": high }, "left": p.left(), "reach": p.reach,
        })
    });
    let confounded = study.fit.confounded.iter().map(|c| json!({ "a": c.a, "b": c.b, "correlation": c.correlation }));
    let crossed = study.errors().map(|c| {
        json!({
            "group": c.group, "uncalibrated": c.uncalibrated, "other_networks": c.other_networks,
            "other_boards": c.other_boards,
        })
    });
    json!({
        "core": study.core, "rows": study.model.rows().len(), "parameters": parameters.collect::<Vec<_>>(),
        "confounded": confounded.collect::<Vec<_>>(), "crossed": crossed.collect::<Vec<_>>(),
    })
}

/// One file for each board that has rows of its own, or for the one asked for; gives the paths.
fn write_profiles(studies: &[Study<'_>], only: Option<&str>, dir: &Path) -> Result<Vec<String>, Failure> {
    fs::create_dir_all(dir).map_err(|e| Failure::new(format!("{}: {e}", dir.display())))?;
    let mut written = Vec::new();
    for study in studies {
        let own = study.model.keys().iter().filter_map(|(scope, _)| match scope {
            Scope::Board(name) => Some(name.as_str()),
            Scope::Core(_) | Scope::Build(_) => None,
        });
        let boards = only.map_or_else(|| own.collect(), |name| BTreeSet::from([name]));
        for board in boards {
            written.push(write_profile(study, board, dir)?);
        }
    }
    Ok(written)
}

fn write_profile(study: &Study<'_>, board: &str, dir: &Path) -> Result<String, Failure> {
    let base = profile::load(board)?;
    let text = match profile::board_text(board) {
        Some(text) => text.to_owned(),
        None => fs::read_to_string(board).map_err(|e| Failure::new(format!("{board}: {e}")))?,
    };
    let before: BTreeMap<String, String> = base.terms().into_iter().map(|(k, q)| (k, q.source.clone())).collect();
    let name = Path::new(board).file_stem().map_or(board.to_owned(), |s| s.to_string_lossy().into_owned());
    let (mut changes, mut ids) = (BTreeMap::new(), BTreeSet::new());
    for ((scope, key), p, rows) in study.numbers() {
        // What the rows say nothing of stays as it was, with its source.
        if !scope.covers(board, &base.core.core) || p.reach == 0.0 || p.left() > 0.98 {
            continue;
        }
        ids.extend(rows.iter().map(|row| row.id.as_str()));
        let (low, high) = p.interval();
        let was = before.get(key).map_or(String::new(), |source| format!(": {source}"));
        let source = format!(
            "calibrated on {} rows of {} ({} …); before {} ({} to {}){was}",
            rows.len(),
            study.core,
            rows.first().map_or("", |row| row.id.as_str()),
            p.prior.value,
            p.prior.low,
            p.prior.high
        );
        let rounded = |x: f64| (x * 1e4).round() / 1e4;
        let number = Quantity {
            value: rounded(p.value),
            low: rounded(low.min(p.value)),
            high: rounded(high.max(p.value)),
            kind: Kind::Measured,
            source,
            line: 0,
        };
        changes.insert(key.clone(), number);
    }
    let comment = format!(
        "Calibrated by tinyprec {} from {board}: {} numbers fitted to {} measured rows of {}.\nRows: {}",
        env!("CARGO_PKG_VERSION"),
        changes.len(),
        ids.len(),
        study.core,
        ids.into_iter().collect::<Vec<_>>().join(" ")
    );
    let new_name = format!("{name}-calibrated");
    let (text, _) = base.rewritten(&text, &new_name, &comment, &changes);
    let path = dir.join(format!("{new_name}.toml"));
    create(&path, &text)?;
    Ok(path.display().to_string())
}

/// The best probe's program, its sources, instructions and the row to fill in.
fn propose(study: &Study<'_>, name: &str, board: &Profile, dir: &Path) -> Result<(String, Value), Failure> {
    let ranked = study.proposals(name)?;
    let (best, gain) = &ranked[0];
    let kernels = cost::kernel_set_for(board, "gcc12-o2")?;
    let row = csv_row(best, name, board, &kernels)?;
    fs::create_dir_all(dir).map_err(|e| Failure::new(format!("{}: {e}", dir.display())))?;
    create(&dir.join("probe.c"), &best.program())?;
    for (name, text) in export::C_SOURCES.iter().chain(export::PROBE_SOURCES) {
        create(&dir.join(name), text)?;
    }
    create(&dir.join("README.md"), &best.readme(kernels.compiler(), kernels.flags(), name))?;
    create(&dir.join("measurement.csv"), &row)?;
    let text = format!(
        "Next measurement on {}: `{}` ({}). It would take the uncertainty of these rows' predictions from ±{:.1} % to ±{:.1} % \
         ({:.0} % of the variance). Program, instructions and CSV row: {}",
        name,
        best.name,
        best.shows,
        200.0 * gain.now,
        200.0 * gain.after,
        100.0 * gain.gain,
        dir.display()
    );
    let all = ranked.iter().map(|(probe, p)| {
        json!({ "probe": probe.name, "shows": probe.shows, "gain": p.gain, "sigma_now": p.now, "sigma_after": p.after })
    });
    Ok((text, all.collect()))
}

fn csv_row(probe: &export::Probe, name: &str, board: &Profile, kernels: &cost::KernelSet) -> Result<String, Failure> {
    let clock = board.clock_mhz.value.to_string();
    let workload = format!("probe:{}", probe.name);
    let given = [
        ("id", probe.name),
        ("source", "your measurement"),
        ("board", &board.board),
        ("profile", name),
        ("core", &board.core.core),
        ("clock_mhz", &clock),
        ("compiler", kernels.compiler()),
        ("flags", kernels.flags()),
        ("software", "tinyprec twins"),
        ("class", "twins"),
        ("workload", &workload),
        ("layers", &workload),
        ("dtype", probe.dtype()),
        ("threads", "1"),
        ("trigger_phase", "kernel"),
    ];
    let cell = |column: &&str| given.iter().find(|(key, _)| key == column).map_or("", |(_, text)| *text);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    writer.write_record(COLUMNS.iter().map(cell))?;
    let bytes = writer.into_inner().map_err(|e| Failure::new(e.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Never over a file that is there.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let place = path.display();
    let file = fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file =
        file.map_err(|e| Failure::new(format!("{place}: {e}; give another folder, or move that file away")))?;
    file.write_all(text.as_bytes()).map_err(|e| Failure::new(format!("{place}: {e}")))
}
