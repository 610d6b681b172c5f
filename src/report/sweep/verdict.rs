//! The sentence at the top of a sweep: which point to take on which board, what it costs, and which bits are for free.

use crate::record::{BoardAnalysis, KERNELS, PointCost, PointResult, SweepRecord};
use crate::report::numbers::{percent, percent_summary, points_summary, three};

/// The point with this index.
pub(super) fn point(record: &SweepRecord, index: usize) -> Option<&PointResult> {
    record.points.binary_search_by_key(&index, |p| p.index).ok().map(|at| &record.points[at])
}

/// Its cost on a board.
pub(super) fn cost<'a>(point: &'a PointResult, board: &str) -> Option<&'a PointCost> {
    point.costs.iter().find(|c| c.board == board)
}

/// A point in words: `forward = 4, rounding = stochastic`.
pub(super) fn described(record: &SweepRecord, point: &PointResult) -> String {
    let one = |(axis, choice): (&crate::record::AxisInfo, &String)| format!("{} {choice}", axis.name);
    record.axes.iter().zip(&point.choices).map(one).collect::<Vec<_>>().join(", ")
}

/// The verdict in a few sentences of plain text; the first one can stand alone.
pub(super) fn verdict(record: &SweepRecord) -> String {
    let full = record.points.iter().filter(|p| p.rung.is_none() && p.learnt.is_some());
    let best = full.max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)).then(b.index.cmp(&a.index)));
    let Some(best) = best else { return "No point could be learnt; the notes say why.".to_owned() };
    let mut sentences: Vec<String> = group_boards(record);
    if sentences.is_empty() {
        let learnt = best.learnt.as_ref().map_or(String::new(), |l| percent_summary(&l.accuracy));
        sentences.push(format!(
            "The best of {} points learns to {learnt} % ({}).",
            record.points.len(),
            described(record, best)
        ));
    }
    sentences.extend(free(record));
    sentences.join(" ")
}

fn accuracy(p: &PointResult) -> f64 {
    p.learnt.as_ref().map_or(f64::NEG_INFINITY, |l| l.accuracy.mean)
}

/// One sentence for all boards that the same point is best on; of several kernel sets of a board the fastest speaks.
fn group_boards(record: &SweepRecord) -> Vec<String> {
    let mut groups: Vec<(usize, Vec<&BoardAnalysis>)> = Vec::new();
    for analysis in record.analysis.iter().filter(|a| is_fastest_set(record, a)) {
        let Some(index) = analysis.cheapest_equal else { continue };
        match groups.iter_mut().find(|(i, _)| *i == index) {
            Some((_, boards)) => boards.push(analysis),
            None => groups.push((index, vec![analysis])),
        }
    }
    groups.into_iter().filter_map(|(index, boards)| sentence(record, index, &boards)).collect()
}

/// Is no other kernel set of the board faster, image and step of its best point together?
fn is_fastest_set(record: &SweepRecord, analysis: &BoardAnalysis) -> bool {
    let board = |a: &BoardAnalysis| a.board.split(KERNELS).next().map(str::to_owned);
    let time = |a: &BoardAnalysis| {
        let c = cost(point(record, a.cheapest_equal?)?, &a.board)?;
        Some(c.inference_latency_ms.mid + c.step_latency_ms.mid)
    };
    let Some(own) = time(analysis) else { return false };
    let rivals = record.analysis.iter().filter(|a| board(a) == board(analysis) && a.board != analysis.board);
    rivals.filter_map(|a| Some((time(a)?, a))).all(|(t, a)| t > own || (t == own && a.board > analysis.board))
}

fn sentence(record: &SweepRecord, index: usize, boards: &[&BoardAnalysis]) -> Option<String> {
    let chosen = point(record, index)?;
    let learnt = chosen.learnt.as_ref()?;
    let against = learnt
        .minus_baseline
        .as_ref()
        .map_or(String::new(), |d| format!(", {} points against float", points_summary(d)));
    let price = |a: &&BoardAnalysis| {
        let c = cost(chosen, &a.board)?;
        let dearest =
            record.points.iter().filter_map(|p| cost(p, &a.board)).map(|c| c.step_latency_ms.mid).fold(0.0, f64::max);
        let times = dearest / c.step_latency_ms.mid;
        let faster =
            if times >= 1.05 { format!(", {} times faster than the slowest", three(times)) } else { String::new() };
        let image = match record.objectives.iter().any(|o| o.starts_with("inference_")) {
            true => format!("{} ms an image, ", three(c.inference_latency_ms.mid)),
            false => String::new(),
        };
        Some(format!(
            "{}: {image}{} ms and {} µJ a step{faster}, {} KiB RAM",
            a.board,
            three(c.step_latency_ms.mid),
            three(c.step_energy_uj.mid),
            three(c.ram_kib)
        ))
    };
    let prices: Vec<String> = boards.iter().filter_map(price).collect();
    Some(format!(
        "Take {}: {} %{against}, the cheapest that cannot be told from the best of {} points ({}).",
        described(record, chosen),
        percent_summary(&learnt.accuracy),
        record.points.len(),
        prices.join("; ")
    ))
}

/// The steps of an axis that cost nothing or lose nothing, on the first board.
fn free(record: &SweepRecord) -> Option<String> {
    let analysis = record.analysis.first()?;
    let of = |verdict: &str| {
        let steps = analysis.sensitivity.iter().filter(|s| s.verdict == verdict);
        steps.map(|s| format!("{} {} → {}", s.axis, s.from, s.to)).take(3).collect::<Vec<_>>()
    };
    let mut parts = Vec::new();
    for (verdict, words) in [
        ("better for free", "better at no cost"),
        ("saves at no loss", "cheaper at no loss"),
        ("pays for nothing", "dearer for nothing"),
    ] {
        let steps = of(verdict);
        if !steps.is_empty() {
            parts.push(format!("{words}: {}", steps.join(", ")));
        }
    }
    (!parts.is_empty()).then(|| format!("On {}, all else equal, {}.", analysis.board, parts.join("; ")))
}

/// Accuracy in percent with its interval, or why there is none.
pub(super) fn accuracy_text(p: &PointResult) -> String {
    match (&p.learnt, &p.failure) {
        (Some(l), _) => percent_summary(&l.accuracy),
        (None, Some(_)) => "failed".to_owned(),
        (None, None) => percent(f64::NAN),
    }
}
