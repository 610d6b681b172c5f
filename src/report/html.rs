//! The report as one self-contained page: no network, no script, light and dark, wide and narrow.

use super::diagnosis::diagnoses;
use super::figure::{self, Group};
use super::verdict::verdict;
use super::view::{self, Table};
use super::{ReportError, numbers, view_cost, view_stream};
use crate::record::RunRecord;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const TEMPLATE: &str = include_str!("template.html");
/// The macro that draws a [`Table`], for this page and the sweep's.
pub(super) const TABLE: &str = include_str!("table.html");
pub(super) const STYLE: &str = include_str!("style.css");

#[derive(Serialize)]
struct Page<'a> {
    style: &'static str,
    title: &'a str,
    verdict: String,
    stream: String,
    tables: Vec<Table>,
    wide: Vec<Table>,
    groups: Vec<Group>,
    details: Vec<Table>,
    experiences: Vec<Vec<String>>,
    backbone: String,
    backbone_classes: String,
    assumed: Vec<Table>,
    diagnoses: Vec<String>,
    notes: &'a [String],
    record: &'a RunRecord,
}

/// Renders a record as one HTML page.
///
/// # Errors
/// [`ReportError::Template`] if the embedded template does not render, which is a fault of this crate.
pub fn render(record: &RunRecord) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("table", TABLE)?;
    environment.add_template("report", TEMPLATE)?;
    let page = page(record);
    Ok(environment.get_template("report")?.render(Serde(&page))?)
}

fn page(record: &RunRecord) -> Page<'_> {
    let mut tables = vec![view::learning(record)];
    let mut wide = vec![view_stream::metrics(record)];
    tables.extend(record.boards.iter().map(|b| view::costs(record, b)));
    let mut details = vec![view::cost_intervals(record)];
    for board in &record.boards {
        details.extend([
            view_cost::phases(record, &board.profile),
            view_cost::sites(record, &board.profile),
            view_stream::efficiency(record, board),
        ]);
    }
    details.extend(record.precisions.iter().map(view_stream::matrix));
    details.extend([view::slots(record), view::accumulators(record), view::overflows(record)]);
    let mut assumed: Vec<Table> = record.boards.iter().map(view_cost::assumptions).collect();
    for tables in [&mut tables, &mut wide, &mut details, &mut assumed] {
        tables.retain(|t| !t.rows.is_empty());
    }
    Page {
        style: STYLE,
        title: &record.provenance.experiment,
        verdict: verdict(record),
        stream: view::stream_line(record),
        tables,
        wide,
        groups: figure::groups(record),
        details,
        experiences: experiences(record),
        backbone: backbone(record),
        backbone_classes: list(&record.stream.backbone_classes),
        assumed,
        diagnoses: diagnoses(record),
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
