//! A sweep for a terminal, and the same as Markdown.

use super::tables;
use super::verdict::verdict;
use crate::record::SweepRecord;
use crate::report::text::{draw, wrap};
use crate::report::view::Table;

fn tables(record: &SweepRecord) -> Vec<Table> {
    let mut all: Vec<Table> = tables::side_by_side(record).into_iter().collect();
    all.extend(record.analysis.iter().map(|a| tables::frontier(record, a)));
    all.extend(record.analysis.iter().map(tables::sensitivity));
    all.extend(record.analysis.iter().map(|a| tables::break_even(record, a)));
    all.retain(|t| !t.rows.is_empty());
    all
}

/// Renders a sweep for a terminal of `width` columns: verdict, frontiers, sensitivities, notes.
pub fn text(record: &SweepRecord, width: usize) -> String {
    let mut parts = vec![wrap(&format!("{}: {}", record.header.name, verdict(record)), width)];
    for table in tables(record) {
        let head = wrap(&format!("{}. {}", table.title, table.note), width);
        parts.push(format!("{head}\n{}", draw(&table, width)));
    }
    parts.extend(record.notes.iter().map(|n| wrap(&format!("Note: {n}"), width)));
    parts.join("\n\n") + "\n"
}

/// Renders a sweep as Markdown.
pub fn markdown(record: &SweepRecord) -> String {
    let cell = |c: &String| c.replace('|', "\\|");
    let line = |cells: &[String]| format!("| {} |\n", cells.iter().map(cell).collect::<Vec<_>>().join(" | "));
    let mut out = format!("# {}\n\n{}\n\n", record.header.name, verdict(record));
    out.push_str(&format!(
        "{} points, {}, `{}`, sweep file sha256 `{}`\n",
        record.points.len(),
        record.header.tool,
        record.command,
        record.header.space
    ));
    for table in tables(record) {
        out.push_str(&format!("\n## {}\n\n{}\n\n", table.title, table.note));
        out.push_str(&line(&table.header));
        out.push_str(&format!("|{}\n", " --- |".repeat(table.header.len())));
        table.rows.iter().for_each(|row| out.push_str(&line(row)));
    }
    if !record.notes.is_empty() {
        out.push_str("\n## Notes\n\n");
        record.notes.iter().for_each(|n| out.push_str(&format!("* {n}\n")));
    }
    out
}
