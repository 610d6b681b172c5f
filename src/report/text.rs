//! The report for a terminal: verdict first, then one table of learning and one of costs for each board.

use super::diagnosis::diagnoses;
use super::verdict::verdict;
use super::view::{self, Table};
use super::view_stream;
use crate::record::RunRecord;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width};

/// A rule below the heads, nothing else.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Renders a record for a terminal of `width` columns.
///
/// Plain text; lines are at most `width` columns long where `width` ≥ 60.
pub fn render(record: &RunRecord, width: usize) -> String {
    let headline = format!("{}: {}", record.provenance.experiment, verdict(record));
    let mut parts = vec![wrap(&headline, width), wrap(&view::stream_line(record), width)];
    let mut tables = vec![view::learning(record), view_stream::metrics(record)];
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
    // Numbers are not torn apart: where the whole cells find no room, the ends of their intervals are left out.
    let fits = |rows: &[Vec<String>]| needed(&table.header, rows).iter().map(|w| w + GAP).sum::<usize>() <= width;
    let mut rows = table.rows.clone();
    if !fits(&rows) {
        rows.iter_mut().flat_map(|row| row.iter_mut().skip(1)).for_each(|cell| *cell = middle(cell));
    }
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(RULED).set_content_arrangement(ContentArrangement::Dynamic);
    drawn.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    drawn.set_header(table.header.clone());
    let widths = if fits(&rows) { needed(&table.header, &rows) } else { vec![0; table.header.len()] };
    drawn.add_rows(rows);
    for (i, column) in drawn.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        let least = u16::try_from(widths[i] + 1).unwrap_or(u16::MAX);
        if i == 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        } else {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    drawn.trim_fmt()
}

/// Columns between two cells.
const GAP: usize = 2;

/// What each column needs so that no word is torn; first cells stay whole where they are names.
fn needed(header: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let word = |text: &str| text.split(' ').map(|w| w.chars().count()).max().unwrap_or(0);
    let whole = |text: &str| text.chars().count();
    let of = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| if i == 0 { whole(c) } else { word(c) }).max();
    header.iter().enumerate().map(|(i, h)| word(h).max(of(i).unwrap_or(0))).collect()
}

/// `28.1` of `28.1 (26.0–30.8)`.
fn middle(cell: &str) -> String {
    match cell.split_once(" (") {
        Some((mid, ends)) if ends.ends_with(')') && ends.contains('–') => mid.to_owned(),
        _ => cell.to_owned(),
    }
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
