//! The report for a terminal: verdict first, then one table of learning and one of costs for each board.

use super::diagnosis::diagnoses;
use super::verdict::verdict;
use super::view::{self, Table};
use crate::record::RunRecord;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle};

/// A rule below the heads, nothing else.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Renders a record for a terminal of `width` columns.
///
/// Plain text; lines are at most `width` columns long where `width` ≥ 60.
pub fn render(record: &RunRecord, width: usize) -> String {
    let headline = format!("{}: {}", record.provenance.experiment, verdict(record));
    let mut parts = vec![wrap(&headline, width), wrap(&view::stream_line(record), width)];
    let mut tables = vec![view::learning(record)];
    tables.extend(record.boards.iter().map(|b| view::costs(record, b)));
    for table in tables.iter().filter(|t| !t.rows.is_empty()) {
        let head = wrap(&format!("{}. {}", table.title, table.note), width);
        parts.push(format!("{head}\n{}", draw(table, width)));
    }
    parts.extend(diagnoses(record).iter().map(|d| wrap(&format!("Diagnosis: {d}"), width)));
    parts.extend(record.notes.iter().map(|n| wrap(&format!("Note: {n}"), width)));
    parts.join("\n\n") + "\n"
}

pub(super) fn draw(table: &Table, width: usize) -> String {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(RULED).set_content_arrangement(ContentArrangement::Dynamic);
    drawn.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    drawn.set_header(table.header.clone());
    drawn.add_rows(table.rows.clone());
    for (i, column) in drawn.column_iter_mut().enumerate() {
        if i == 0 {
            column.set_padding((0, 1)).set_constraint(ColumnConstraint::ContentWidth);
        } else {
            column.set_padding((0, 1)).set_cell_alignment(CellAlignment::Right);
        }
    }
    drawn.trim_fmt()
}

/// Breaks a text at blanks so that no line is longer than `width`, words that are themselves longer excepted.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("starts with one line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
