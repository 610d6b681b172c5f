//! `tinyprec validate`: predictions beside measurements, and how wrong they are.

use super::{Failure, Outcome, Status, Terminal};
use clap::Args;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tinyprec::cost::Range;
use tinyprec::report::validation;
use tinyprec::validate::{
    Measurement, Scored, SoftwareClass, Validation, check_profiles, published, published_layers, read_measurements,
    score,
};

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Measurement files (.csv or .toml, see docs/validation.md); without one, the published measurements that come with the
    /// program
    files: Vec<PathBuf>,
    /// Only rows of this software class
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Only rows of this core
    #[arg(long, value_name = "CORE")]
    core: Option<String>,
    /// Writes a page with plots, Markdown and CSV there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints every table as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Prints every row and figure as JSON
    #[arg(long)]
    json: bool,
}

/// Reads, predicts, compares and renders.
pub fn run(args: &ValidateArgs, terminal: &Terminal) -> Outcome {
    let mut rows = Rows::read(&args.files)?;
    if let Some(class) = &args.class {
        let classes = || SoftwareClass::ALL.map(SoftwareClass::name).join(", ");
        let known = SoftwareClass::ALL.into_iter().find(|c| c.name() == class);
        let known = known.ok_or_else(|| Failure::new(format!("--class `{class}` is not known; use {}", classes())))?;
        rows.list.retain(|row| row.class == known);
    }
    rows.list.retain(|row| args.core.as_ref().is_none_or(|core| row.core == *core));
    if rows.list.is_empty() {
        return Err(Failure::new("no rows are left; leave out --class or --core, or give another file"));
    }
    let result = score(&rows.list, &|name| rows.layers(name));
    let page = args.out.as_ref().map(|dir| validation::write(&result, dir)).transpose()?;
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&as_json(&result))?)?;
    } else if args.markdown {
        terminal.result(&validation::markdown(&result))?;
    } else {
        terminal.result(&validation::text(&result, terminal.width))?;
    }
    if let Some(page) = page {
        terminal.progress(&format!("Report: {}", page.display()));
    }
    Ok(Status::Done)
}

/// Rows of the files that a command was given, or the published ones, and the folders where their layer lists lie.
pub struct Rows {
    /// The rows.
    pub list: Vec<Measurement>,
    folders: Vec<PathBuf>,
}

impl Rows {
    /// Reads every file; none means the published measurements.
    pub fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut rows = Rows { list: Vec::new(), folders: Vec::new() };
        for path in files {
            rows.list.extend(read(path)?);
            rows.folders.extend(path.parent().map(Path::to_owned));
        }
        if files.is_empty() {
            rows.list = published()?;
        }
        Ok(rows)
    }

    /// A layer list beside a file, else one that the published measurements use.
    pub fn layers(&self, name: &str) -> Option<String> {
        let beside = self.folders.iter().find_map(|folder| fs::read_to_string(folder.join(name)).ok());
        beside.or_else(|| published_layers(name).map(str::to_owned))
    }
}

fn read(path: &Path) -> Result<Vec<Measurement>, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|e| Failure::new(format!("{name}: {e}; give a measurement file, .csv or .toml")))?;
    let rows = read_measurements(&name, &text)?;
    check_profiles(&name, &rows)?;
    Ok(rows)
}

fn as_json(v: &Validation) -> Value {
    json!({
        "headlines": v.headlines,
        "groups": v.groups,
        "refused": v.refused().into_iter().map(|(reason, rows, example)| json!({
            "reason": reason, "rows": rows, "example": example,
        })).collect::<Vec<_>>(),
        "rows": v.rows.iter().map(row_json).collect::<Vec<_>>(),
    })
}

fn row_json(s: &Scored) -> Value {
    let range = |r: Range| json!({ "low": r.low, "mid": r.mid, "high": r.high });
    let row = &s.row;
    let mut value = json!({
        "id": row.id, "core": row.core, "class": row.class, "dtype": row.dtype.to_string(), "workload": row.workload,
        "layer": row.layer, "measured_ms": row.milliseconds(), "baseline_ms": s.baseline_ms,
    });
    match &s.outcome {
        Ok(p) => {
            value["prediction"] = json!(p);
            value["cycles"] = range(p.cycles);
            value["latency_ms"] = range(p.latency_ms);
            value["energy_uj"] = range(p.energy_uj);
            value["factor"] = range(p.factor);
            value["latency_error"] = json!(s.latency_error());
        }
        Err(refusal) => value["refused"] = json!({ "reason": refusal.reason(), "why": refusal.to_string() }),
    }
    value
}
