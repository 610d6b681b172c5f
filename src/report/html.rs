//! The report as one self-contained page: no network, no script, light and dark, wide and narrow.

use super::figure::{self, Group};
use super::verdict::verdict;
use super::view::{self, Table};
use super::{ReportError, numbers};
use crate::record::RunRecord;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("style.css");

#[derive(Serialize)]
struct Page<'a> {
    style: &'static str,
    title: &'a str,
    verdict: String,
    stream: String,
    tables: Vec<Table>,
    groups: Vec<Group>,
    details: Vec<Table>,
    experiences: Vec<Vec<String>>,
    backbone: String,
    backbone_classes: String,
    assumed: Vec<Assumed<'a>>,
    notes: &'a [String],
    record: &'a RunRecord,
}

#[derive(Serialize)]
struct Assumed<'a> {
    profile: &'a str,
    rows: &'a [(String, String, String)],
}

/// Renders a record as one HTML page.
///
/// # Errors
/// [`ReportError::Template`] if the embedded template does not render, which is a fault of this crate.
pub fn render(record: &RunRecord) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report", TEMPLATE)?;
    let page = page(record);
    Ok(environment.get_template("report")?.render(Serde(&page))?)
}

fn page(record: &RunRecord) -> Page<'_> {
    let mut tables = vec![view::learning(record)];
    tables.extend(record.boards.iter().map(|b| view::costs(record, b)));
    let mut details =
        vec![view::cost_intervals(record), view::slots(record), view::accumulators(record), view::overflows(record)];
    tables.retain(|t| !t.rows.is_empty());
    details.retain(|t| !t.rows.is_empty());
    let assumed = record.boards.iter().filter(|b| !b.assumed.is_empty());
    Page {
        style: STYLE,
        title: &record.provenance.experiment,
        verdict: verdict(record),
        stream: view::stream_line(record),
        tables,
        groups: figure::groups(record),
        details,
        experiences: experiences(record),
        backbone: backbone(record),
        backbone_classes: list(&record.stream.backbone_classes),
        assumed: assumed.map(|b| Assumed { profile: &b.profile, rows: &b.assumed }).collect(),
        notes: &record.notes,
        record,
    }
}

fn list(classes: &[usize]) -> String {
    if classes.is_empty() {
        return "not recorded".to_owned();
    }
    classes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

fn experiences(record: &RunRecord) -> Vec<Vec<String>> {
    let s = &record.stream;
    let row = |(i, classes): (usize, &Vec<usize>)| {
        let samples = s.experience_samples.get(i).map_or(numbers::NONE.to_owned(), usize::to_string);
        let epochs = s.epochs.get(i).map_or(numbers::NONE.to_owned(), usize::to_string);
        vec![(i + 1).to_string(), list(classes), samples, epochs]
    };
    s.experience_classes.iter().enumerate().map(row).collect()
}

fn backbone(record: &RunRecord) -> String {
    let b = &record.backbone;
    format!(
        "{}: {} features, {} KiB packed, {} million binary and {} million other multiply-accumulates an image",
        b.name,
        b.features,
        numbers::three(b.packed_bytes as f64 / 1024.0),
        numbers::three(b.binary_macs as f64 / 1e6),
        numbers::three(b.other_macs as f64 / 1e6)
    )
}
