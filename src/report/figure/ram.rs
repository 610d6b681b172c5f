//! Live bytes call by call, against the board's RAM.

use super::{Figure, Group, precision_keys};
use crate::record::{BoardInfo, CostResult, RamPoint, RunRecord};
use crate::report::numbers::{size, three};
use crate::report::plot::line::{LineChart, Point, Series};
use crate::report::plot::scale::Scale;
use crate::report::view::phase_name;
use crate::trace::Phase;

pub(super) fn group(record: &RunRecord) -> Group {
    let figures = record.boards.iter().enumerate().filter_map(|(i, b)| chart(record, b, i)).collect();
    let intro = "Permanent learning state and arena together, in the order in which a device calls its kernels: one inference, one \
                 training step, one consolidation. The code's own stack and the runtime are not in it."
        .to_owned();
    Group { title: "RAM over time".to_owned(), intro, figures }
}

fn chart(record: &RunRecord, board: &BoardInfo, number: usize) -> Option<Figure> {
    let of_board = |name: &str| record.costs.iter().find(|c| c.profile == board.profile && c.precision == name);
    let costs: Vec<Option<&CostResult>> = record.precisions.iter().map(|p| of_board(&p.name)).collect();
    let longest = costs.iter().flatten().max_by_key(|c| c.ram_timeline.len())?;
    let calls = longest.ram_timeline.len();
    if calls == 0 {
        return None;
    }
    let series: Vec<Series> = costs.iter().enumerate().filter_map(|(i, c)| c.map(|c| series(i, c))).collect();
    let peak = series.iter().flat_map(|s| s.points.iter().map(|p| p.y)).fold(0.0, f64::max);
    // The board's RAM sets the scale only while the lines stay readable below it.
    let in_sight = board.ram_kib <= 3.0 * peak;
    let horizontals = if in_sight { vec![(board.ram_kib, format!("RAM {}", size(board.ram_kib)))] } else { Vec::new() };
    let chart = LineChart {
        x_label: "kernel call".to_owned(),
        y_label: "live RAM, KiB".to_owned(),
        x: Scale::exact(0.0, calls as f64),
        y: Scale::linear(0.0, 1.1 * if in_sight { peak.max(board.ram_kib) } else { peak }),
        series,
        verticals: phase_starts(longest),
        horizontals,
    };
    let share = peak / board.ram_kib * 100.0;
    let title = format!("{}: peak {} of {} ({} %)", board.profile, size(peak), size(board.ram_kib), three(share));
    let svg = chart.draw(&format!("fig-ram-{number}"), &title, "Live RAM by kernel call, one line a precision");
    Some(Figure { title, legend: precision_keys(record), svg })
}

fn series(style: usize, cost: &CostResult) -> Series {
    let point = |p: &RamPoint| {
        let kib = (p.state_bytes + p.arena_bytes) as f64 / 1024.0;
        let tip = format!("{}: {} KiB in {}", cost.precision, three(kib), p.site);
        Point { x: p.call as f64, y: kib, band: None, tip }
    };
    Series { style, points: cost.ram_timeline.iter().map(point).collect(), steps: true }
}

/// Where the phase of the calls changes, found by the site of each call.
fn phase_starts(cost: &CostResult) -> Vec<(f64, String)> {
    let phase_of = |site: &str| cost.sites.iter().find(|s| s.site == site).map(|s| s.phase);
    let mut starts = Vec::new();
    let mut last: Option<Phase> = None;
    for point in &cost.ram_timeline {
        let phase = phase_of(&point.site);
        if phase.is_some() && phase != last {
            last = phase;
            starts.push((point.call as f64, phase.map_or("", phase_name).to_owned()));
        }
    }
    starts
}
