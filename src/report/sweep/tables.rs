//! The tables of a sweep, as text, once: terminal, Markdown and page show the same cells.

use super::verdict::{accuracy_text, cost, point};
use crate::record::KERNELS;
use crate::record::{BoardAnalysis, FrontierPoint, Sensitivity, SweepRecord};
use crate::report::numbers::{NONE, interval, points_summary, three};
use crate::report::view::{Table, owned};

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
    let row = |s: &Sensitivity| {
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
        note: format!(
            "Mean over all pairs of points that agree in every other axis; accuracy in points, paired by point and seed.{}",
            for_nothing(a)
        ),
        header: owned(&["step", "accuracy", "step ms", "step µJ", "image ms", "memory KiB", "pairs", "verdict"]),
        rows: a.sensitivity.iter().map(row).collect(),
    }
}

/// Which bits cost nothing and which buy nothing on one board: the steps upwards of axes whose choices begin with a number.
pub(super) fn for_nothing(a: &BoardAnalysis) -> String {
    let leading = |label: &str| -> Option<f64> {
        let end = label.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(label.len());
        label[..end].parse().ok()
    };
    let up = |s: &&Sensitivity| matches!((leading(&s.from), leading(&s.to)), (Some(a), Some(b)) if a < b);
    let listed = |verdicts: &[&str]| {
        let steps = a.sensitivity.iter().filter(up).filter(|s| verdicts.contains(&s.verdict.as_str()));
        let steps: Vec<String> = steps.map(|s| format!("{} {} → {}", s.axis, s.from, s.to)).collect();
        (!steps.is_empty()).then(|| steps.join(", "))
    };
    let free = listed(&["no difference", "better for free", "saves at no loss"]);
    let vain = listed(&["pays for nothing", "only loses"]);
    let free = free.map_or(String::new(), |f| format!(" Bits that cost nothing here: {f}."));
    free + &vain.map_or(String::new(), |v| format!(" Bits that buy nothing here: {v}."))
}

/// One point on every board and kernel set, where there are several kernel sets of a board: what the choice of kernels does.
pub(super) fn side_by_side(record: &SweepRecord) -> Option<Table> {
    let board = |label: &str| label.split(KERNELS).next().unwrap_or(label).to_owned();
    let with_sets: Vec<&BoardAnalysis> = record.analysis.iter().filter(|a| a.board.contains(KERNELS)).collect();
    let index = with_sets.iter().find_map(|a| a.cheapest_equal).or(record.points.first().map(|p| p.index))?;
    let p = point(record, index)?;
    let fastest = |label: &str| {
        let own = p.costs.iter().filter(|c| board(&c.board) == board(label));
        own.map(|c| c.inference_latency_ms.mid).fold(f64::INFINITY, f64::min)
    };
    let row = |a: &&BoardAnalysis| {
        let c = cost(p, &a.board)?;
        Some(vec![
            a.board.clone(),
            interval(&c.inference_latency_ms),
            three(c.inference_latency_ms.mid / fastest(&a.board)),
            interval(&c.inference_energy_uj),
            interval(&c.step_latency_ms),
            three(c.ram_kib),
            three(c.flash_kib),
        ])
    };
    let rows: Vec<_> = with_sets.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| Table {
        title: "Kernel sets side by side".to_owned(),
        note: format!("Point {index}: {}. The fastest set of a board is 1.00.", p.choices.join(" · ")),
        header: owned(&[
            "board and kernels",
            "image ms",
            "times the fastest",
            "image µJ",
            "step ms",
            "RAM KiB",
            "flash KiB",
        ]),
        rows,
    })
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
