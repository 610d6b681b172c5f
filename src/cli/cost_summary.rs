//! `tinyprec cost --summary`: one line of Markdown a board and precision, with intervals, for a report or a README.

use super::cost_view::{SHOWN_MOVE, View};
use tinyprec::cost::{Cost, Range};
use tinyprec::profile::{Kind, Quantity};

/// Kibibytes with what the assumed reserve spans.
fn kib(bytes: u64, reserve: Option<&Quantity>) -> Range {
    let mid = bytes as f64 / 1024.0;
    let (down, up) = reserve.map_or((0.0, 0.0), |r| (r.value - r.low, r.high - r.value));
    Range { low: mid - down, mid, high: mid + up }
}

fn text(r: Range, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$}–{:.digits$})", r.mid, r.low, r.high)
}

/// Three digits of what is small, whole numbers of what is not.
fn digits(r: Range) -> usize {
    match r.mid {
        x if x >= 100.0 => 0,
        x if x >= 10.0 => 1,
        x if x >= 1.0 => 2,
        _ => 3,
    }
}

/// The table, and the assumed numbers behind its intervals where they were asked for.
pub fn summary(views: &[View<'_>]) -> String {
    let units: Vec<&str> =
        views.first().map_or(Vec::new(), |v| v.work.units.iter().map(|(name, _)| name.as_str()).collect());
    let mut head = vec!["board".to_owned(), "precision".to_owned()];
    head.extend(units.iter().map(|unit| format!("{unit}, ms")));
    head.extend(units.iter().map(|unit| format!("{unit}, µJ")));
    head.extend(["RAM, KiB", "flash, KiB", "fits"].map(str::to_owned));
    let mut out = vec![line(&head), format!("|{}", "---|".repeat(head.len()))];
    out.extend(views.iter().map(|view| line(&cells(view))));
    let assumed = assumed(views);
    if !assumed.is_empty() {
        out.push(String::new());
        out.push(line(&["assumed number", "value", "board", "moves the latency by", "most for"].map(str::to_owned)));
        out.push(format!("|{}", "---|".repeat(5)));
        out.extend(assumed);
    }
    out.join("\n")
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

fn cells(view: &View<'_>) -> Vec<String> {
    let costs: Vec<Cost> =
        view.work.units.iter().map(|(_, span)| view.table.calls[span.clone()].iter().map(|c| c.cost).sum()).collect();
    let memory = &view.table.memory;
    let mut cells = vec![view.table.profile.clone(), view.work.name.clone()];
    cells.extend(costs.iter().map(|c| text(c.latency_ms, digits(c.latency_ms))));
    cells.extend(costs.iter().map(|c| text(c.energy_uj, digits(c.energy_uj))));
    cells.push(text(kib(memory.ram_bytes, Some(&view.reserves.0)), 1));
    cells.push(
        memory.flash_size_bytes.map_or("-".to_owned(), |_| text(kib(memory.flash_bytes, view.reserves.1.as_ref()), 1)),
    );
    cells.push(if memory.fits() { "yes" } else { "no" }.to_owned());
    cells
}

/// Every assumed number that moves some precision's latency on a board by more than 5 %, with the largest move.
fn assumed(views: &[View<'_>]) -> Vec<String> {
    let mut found: Vec<(String, String, String, f64, String)> = Vec::new();
    for view in views {
        let moves = view.assumptions.iter().flatten();
        for s in moves.filter(|s| s.kind == Kind::Assumed && s.moves > SHOWN_MOVE) {
            let (board, work) = (view.table.profile.clone(), view.work.name.clone());
            match found.iter_mut().find(|f| f.0 == s.key && f.2 == board) {
                Some(f) if f.3 >= s.moves => {}
                Some(f) => (f.3, f.4) = (s.moves, work),
                None => found.push((s.key.clone(), s.value.clone(), board, s.moves, work)),
            }
        }
    }
    let row = |(key, value, board, moves, work): (String, String, String, f64, String)| {
        line(&[format!("`{key}`"), value, board, format!("{:.1} %", 100.0 * moves), work])
    };
    found.into_iter().map(row).collect()
}
