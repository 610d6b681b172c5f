//! The tables of a sweep, as text, once: terminal, Markdown and page show the same cells.

use super::verdict::{accuracy_text, cost, point};
use crate::record::{BoardAnalysis, BoardInfo, CostResult, FrontierPoint, PrecisionResult, RunRecord, SweepRecord};
use crate::report::numbers::{NONE, interval, percent, points_summary, three};
use crate::report::view::{Table, phase_name};
use crate::trace::Phase;

fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&c| c.to_owned()).collect()
}

/// Three digits with a sign.
pub(super) fn signed(x: f64) -> String {
    if x > 0.0 { format!("+{}", three(x)) } else { three(x) }
}

/// The frontier of one board.
pub(super) fn frontier(record: &SweepRecord, a: &BoardAnalysis) -> Table {
    let row = |f: &FrontierPoint| {
        let p = point(record, f.index)?;
        let c = cost(p, &a.board)?;
        let mut mark = String::new();
        if a.cheapest_equal == Some(f.index) {
            mark.push_str(" ★");
        }
        if a.knee == Some(f.index) {
            mark.push_str(" ◆");
        }
        let mut row = vec![format!("{}{mark}", f.index)];
        row.extend([
            p.choices.join(" · "),
            accuracy_text(p),
            p.learnt.as_ref().and_then(|l| l.minus_baseline.as_ref()).map_or(NONE.to_owned(), points_summary),
            interval(&c.step_latency_ms),
            interval(&c.step_energy_uj),
            three(c.ram_kib),
            three(f.accuracy_per_joule),
            three(f.accuracy_per_kib * 1e3),
            match f.indistinguishable.len() {
                0 => NONE.to_owned(),
                n => {
                    let first: Vec<String> = f.indistinguishable.iter().take(4).map(usize::to_string).collect();
                    format!("{}{}", first.join(", "), if n > 4 { ", …" } else { "" })
                }
            },
        ]);
        Some(row)
    };
    let axes: Vec<&str> = record.axes.iter().map(|x| x.name.as_str()).collect();
    let mut header = vec!["point".to_owned(), axes.join(" · ")];
    header.extend(owned(&[
        "accuracy %",
        "minus float",
        "step ms",
        "step µJ",
        "RAM KiB",
        "accuracy per J",
        "accuracy per KiB ·10³",
        "same as",
    ]));
    let volume = a
        .hypervolume
        .map_or(String::new(), |v| format!(" Hypervolume {} of the box between worst and best.", three(v)));
    Table {
        title: format!("Frontier on {}", a.board),
        note: format!(
            "Points that none other beats in {}. ★ cheapest that cannot be told from the best, ◆ knee; accuracy per joule counts the \
             whole stream.{volume}",
            record.objectives.join(", ")
        ),
        header,
        rows: a.frontier.iter().filter_map(row).collect(),
    }
}

/// What one step along each axis changes on one board.
pub(super) fn sensitivity(a: &BoardAnalysis) -> Table {
    let row = |s: &crate::record::Sensitivity| {
        vec![
            format!("{}: {} → {}", s.axis, s.from, s.to),
            points_summary(&s.accuracy),
            signed(s.step_latency_ms),
            signed(s.step_energy_uj),
            signed(s.inference_latency_ms),
            signed(s.memory_kib),
            s.pairs.to_string(),
            s.verdict.clone(),
        ]
    };
    Table {
        title: format!("What each step along an axis changes on {}", a.board),
        note: "Mean over all pairs of points that agree in every other axis; accuracy in points, paired by point and seed.".to_owned(),
        header: owned(&["step", "accuracy", "step ms", "step µJ", "image ms", "memory KiB", "pairs", "verdict"]),
        rows: a.sensitivity.iter().map(row).collect(),
    }
}

/// Cycles of each site in each precision told in full, on one board.
pub(super) fn sites(record: &RunRecord, board: &str) -> Table {
    let own: Vec<&CostResult> = record.costs.iter().filter(|c| c.profile == board).collect();
    let mut names: Vec<(Phase, &str)> = Vec::new();
    for site in own.iter().flat_map(|c| &c.sites) {
        if !names.contains(&(site.phase, site.site.as_str())) {
            names.push((site.phase, &site.site));
        }
    }
    let cell = |c: &CostResult, (phase, name): (Phase, &str)| {
        let found = c.sites.iter().find(|s| s.phase == phase && s.site == name);
        found.map_or(NONE.to_owned(), |s| three(s.cycles.mid))
    };
    let row = |&(phase, name): &(Phase, &str)| {
        let mut row = vec![format!("{} ({})", name, phase_name(phase))];
        row.extend(own.iter().map(|c| cell(c, (phase, name))));
        row
    };
    let mut header = vec!["site".to_owned()];
    header.extend(own.iter().map(|c| c.precision.clone()));
    Table {
        title: format!("Cycles by layer and phase on {board}"),
        note: "One image, one step and one consolidation together.".to_owned(),
        header,
        rows: names.iter().map(row).collect(),
    }
}

/// Accuracy after each experience on each experience, mean over seeds.
pub(super) fn matrix(p: &PrecisionResult) -> Table {
    let n = p.accuracy_by_experience.len();
    let mean = |i: usize, j: usize| {
        let seen: Vec<f64> = p.seeds.iter().filter_map(|s| s.accuracy.get(i)?.get(j).copied()).collect();
        percent(seen.iter().sum::<f64>() / seen.len().max(1) as f64)
    };
    let row = |i: usize| {
        let mut row = vec![(i + 1).to_string()];
        row.extend((0..n).map(|j| mean(i, j)));
        row
    };
    let mut header = vec!["after".to_owned()];
    header.extend((0..n).map(|j| format!("on {}", j + 1)));
    Table {
        title: format!("Accuracy matrix of {}, %", p.name),
        note: "Row: experiences learnt; column: classes of that experience; mean over seeds.".to_owned(),
        header,
        rows: (0..n).map(row).collect(),
    }
}

/// Assumed numbers of one board.
pub(super) fn assumed(board: &BoardInfo) -> Table {
    Table {
        title: board.profile.clone(),
        note: String::new(),
        header: owned(&["key", "value", "why"]),
        rows: board.assumed.iter().map(|(key, value, why)| vec![key.clone(), value.clone(), why.clone()]).collect(),
    }
}

/// How much learning the battery pays for on one board.
pub(super) fn break_even(record: &SweepRecord, a: &BoardAnalysis) -> Table {
    let row = |b: &crate::record::BreakEven| {
        let p = point(record, b.index)?;
        Some(vec![
            b.index.to_string(),
            p.choices.join(" · "),
            accuracy_text(p),
            interval(&b.sample_energy_mj),
            interval(&b.samples_a_day),
        ])
    };
    Table {
        title: format!("Break-even on {}", a.board),
        note: "New samples a day, learnt with all their epochs, until the battery does not last its lifetime."
            .to_owned(),
        header: owned(&["point", "choices", "accuracy %", "mJ a sample", "samples a day"]),
        rows: a.break_even.iter().filter_map(row).collect(),
    }
}
