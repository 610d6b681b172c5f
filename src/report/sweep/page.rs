//! A sweep as one self-contained page: frontiers first, then every point to sort, filter and slide through.

use super::data::data;
use super::verdict::{described, verdict};
use super::{plot, tables};
use crate::record::{BoardInfo, RunRecord, SweepRecord};
use crate::report::ReportError;
use crate::report::diagnosis::diagnoses;
use crate::report::figure::{self, Group};
use crate::report::html::{STYLE, TABLE};
use crate::report::view::{self, Table};
use crate::report::{view_cost, view_stream};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const TEMPLATE: &str = include_str!("sweep.html");
const SWEEP_STYLE: &str = include_str!("sweep.css");
const SCRIPT: &str = include_str!("sweep.js");

#[derive(Serialize)]
struct Page<'a> {
    style: &'static str,
    sweep_style: &'static str,
    script: &'static str,
    verdict: String,
    stream: String,
    n_points: usize,
    plots: Vec<plot::Plot>,
    frontiers: Vec<Table>,
    sensitivities: Vec<Table>,
    details: Vec<Detail>,
    assumed: Vec<Table>,
    seeds: String,
    data: String,
    record: &'a Slim<'a>,
}

/// The parts of the record that the template reads itself; a thousand points are not copied through it.
#[derive(Serialize)]
struct Slim<'a> {
    header: &'a crate::record::SweepHeader,
    sweep_version: u32,
    command: &'a str,
    sweep_toml: &'a str,
    notes: &'a [String],
}

/// Points of one stream and backbone told in full, side by side.
#[derive(Serialize)]
pub(in crate::report) struct Detail {
    title: String,
    stream: String,
    diagnoses: Vec<String>,
    pub groups: Vec<Group>,
    tables: Vec<Table>,
}

/// Renders a sweep as one HTML page.
///
/// # Errors
/// [`ReportError::Template`] if the embedded template does not render, which is a fault of this crate.
pub fn html(record: &SweepRecord) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("table", TABLE)?;
    environment.add_template("sweep", TEMPLATE)?;
    let mut assumed = assumed(record);
    let mut frontiers: Vec<Table> = tables::side_by_side(record).into_iter().collect();
    frontiers.extend(record.analysis.iter().map(|a| tables::frontier(record, a)));
    let mut sensitivities: Vec<Table> = record.analysis.iter().map(tables::sensitivity).collect();
    sensitivities.extend(record.analysis.iter().map(|a| tables::break_even(record, a)));
    for tables in [&mut assumed, &mut frontiers, &mut sensitivities] {
        tables.retain(|t| !t.rows.is_empty());
    }
    let slim = Slim {
        header: &record.header,
        sweep_version: record.sweep_version,
        command: &record.command,
        sweep_toml: &record.sweep_toml,
        notes: &record.notes,
    };
    let first = record.details.first();
    let seeds =
        first.map_or(String::new(), |d| d.provenance.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
    let page = Page {
        style: STYLE,
        sweep_style: SWEEP_STYLE,
        script: SCRIPT,
        verdict: verdict(record),
        stream: first.map_or(String::new(), |d| format!("{}, backbone {}", d.stream.dataset, d.backbone.name)),
        n_points: record.points.len(),
        plots: plot::frontiers(record),
        frontiers,
        sensitivities,
        details: details(record),
        assumed,
        seeds,
        data: data(record),
        record: &slim,
    };
    Ok(environment.get_template("sweep")?.render(Serde(&page))?)
}

pub(in crate::report) fn details(record: &SweepRecord) -> Vec<Detail> {
    let mut merged: Vec<RunRecord> = Vec::new();
    for detail in &record.details {
        match merged.iter_mut().find(|m| m.stream == detail.stream && m.backbone == detail.backbone) {
            Some(m) => {
                m.precisions.extend(detail.precisions.iter().cloned());
                m.costs.extend(detail.costs.iter().cloned());
            }
            None => merged.push(detail.clone()),
        }
    }
    merged.into_iter().enumerate().map(|(i, m)| one_detail(i, &m)).collect()
}

fn one_detail(number: usize, record: &RunRecord) -> Detail {
    let mut groups = figure::groups(record);
    for figure in groups.iter_mut().flat_map(|g| &mut g.figures) {
        // Names of drawings must be unique on the page.
        figure.svg = figure.svg.replace("fig-", &format!("d{number}-fig-"));
    }
    let mut all = vec![view::learning(record), view_stream::metrics(record)];
    for board in &record.boards {
        all.extend([
            view::costs(record, board),
            view_cost::phases(record, &board.profile),
            view_cost::sites(record, &board.profile),
            view_stream::efficiency(record, board),
        ]);
    }
    all.extend(record.precisions.iter().map(view_stream::matrix));
    all.extend([view::overflows(record), view::accumulators(record), view::slots(record)]);
    all.retain(|t| !t.rows.is_empty());
    let names: Vec<&str> = record.precisions.iter().map(|p| p.name.as_str()).collect();
    let (title, stream) = (names.join(", "), view::stream_line(record));
    Detail { title, stream, diagnoses: diagnoses(record), groups, tables: all }
}

/// One table a profile: boards that differ in their kernel set share their numbers.
fn assumed(record: &SweepRecord) -> Vec<Table> {
    let first = |(i, b): &(usize, &BoardInfo)| record.boards[..*i].iter().all(|other| other.profile != b.profile);
    record.boards.iter().enumerate().filter(first).map(|(_, b)| view_cost::assumptions(b)).collect()
}

/// A point as the page's tips call it.
pub(super) fn tip(record: &SweepRecord, index: usize) -> String {
    super::verdict::point(record, index)
        .map_or(String::new(), |p| format!("{index}: {}, {} %", described(record, p), super::verdict::accuracy_text(p)))
}
