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

/// Draws a table in at most `width` columns without tearing a number apart: where whole cells find no room the ends of their
/// intervals are left out, and where that does not do, columns go on below, each part with the first column.
pub(super) fn draw(table: &Table, width: usize) -> String {
    let mut rows = table.rows.clone();
    let widths = |rows: &[Vec<String>]| needed(&table.header, rows);
    if widths(&rows).iter().sum::<usize>() > width {
        rows.iter_mut().flat_map(|row| row.iter_mut().skip(1)).for_each(|cell| *cell = middle(cell));
    }
    let widths = widths(&rows);
    let mut parts: Vec<Vec<usize>> = vec![vec![0]];
    for (i, own) in widths.iter().enumerate().skip(1) {
        let last = parts.last_mut().expect("starts with one part");
        let taken: usize = last.iter().map(|&k| widths[k]).sum();
        if last.len() > 1 && taken + own > width {
            parts.push(vec![0, i]);
        } else {
            last.push(i);
        }
    }
    let pick =
        |row: &[String], part: &[usize]| -> Vec<String> { part.iter().filter_map(|&i| row.get(i).cloned()).collect() };
    let one = |part: &Vec<usize>| {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| pick(row, part)).collect();
        let widths: Vec<usize> = part.iter().map(|&i| widths[i]).collect();
        draw_part(pick(&table.header, part), rows, &widths, width)
    };
    parts.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

fn draw_part(header: Vec<String>, rows: Vec<Vec<String>>, widths: &[usize], width: usize) -> String {
    let fits = widths.iter().sum::<usize>() <= width;
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(RULED).set_content_arrangement(ContentArrangement::Dynamic);
    drawn.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    drawn.set_header(header);
    drawn.add_rows(rows);
    for (i, column) in drawn.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if fits && i > 0 {
            let least = u16::try_from(widths[i] - 1).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        } else if i == 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        if i > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    drawn.trim_fmt()
}

/// Columns between two cells.
const GAP: usize = 2;

/// What each column needs, gap included, so that no word is torn; first cells name the row and stay whole.
fn needed(header: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let whole = |text: &String| text.chars().count();
    let word = |text: &String| text.split(' ').map(|w| w.chars().count()).max().unwrap_or(0);
    let cell = |i: usize, text: &String| if i == 0 { whole(text) } else { word(text) };
    let of = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| cell(i, c)).max().unwrap_or(0);
    header.iter().enumerate().map(|(i, h)| word(h).max(of(i)) + GAP).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_torn_on_a_narrow_terminal() {
        let owned = |cells: &[&str]| cells.iter().map(|&c| c.to_owned()).collect::<Vec<_>>();
        let header = owned(&["point", "accuracy %", "step ms", "step µJ", "RAM KiB", "accuracy per J"]);
        let row = owned(&["12 ★", "87.9 ± 0.6", "36.0 (31.7–39.4)", "1612 (1236–2168)", "262232", "0.416"]);
        let table = Table { title: String::new(), note: String::new(), header, rows: vec![row.clone()] };
        for width in 30..120 {
            let text = draw(&table, width);
            assert!(text.lines().all(|l| l.chars().count() <= width), "{width}:\n{text}");
            for cell in ["12 ★", "36.0", "1612", "262232", "0.416"] {
                assert!(text.contains(cell), "{width}: {cell} is torn:\n{text}");
            }
            // Ends of intervals are there whole, or not at all.
            assert_eq!(text.contains('–'), text.contains("(31.7–39.4)"), "{width}:\n{text}");
        }
        assert!(draw(&table, 100).contains("36.0 (31.7–39.4)"));
    }
}
