//! The sentence at the top: which precision keeps up with float, why others do not, what it costs, whether it fits.

use super::numbers::{percent, percent_summary, points_summary, three};
use crate::record::{CostResult, PrecisionResult, RunRecord};

/// A difference to float smaller than this (in shares) is no loss worth a sentence.
const NEGLIGIBLE: f64 = 0.005;
/// From this share of vanished updates on, they are named as the reason of a loss.
const MANY_VANISHED: f64 = 0.5;

/// The verdict in one to three sentences of plain text.
pub(super) fn verdict(record: &RunRecord) -> String {
    let mut sentences = learning(record);
    sentences.extend(price(record));
    sentences.extend(fit(record));
    sentences.join(" ")
}

/// Does this precision lose against float: is its interval wholly below zero and the loss worth mentioning?
pub(super) fn loses(p: &PrecisionResult) -> bool {
    p.minus_float.is_some_and(|d| d.mean < -NEGLIGIBLE && d.mean + d.half_width_95.unwrap_or(0.0) < 0.0)
}

fn learning(record: &RunRecord) -> Vec<String> {
    let compared: Vec<&PrecisionResult> = record.precisions.iter().filter(|p| p.minus_float.is_some()).collect();
    if compared.is_empty() {
        let each =
            record.precisions.iter().map(|p| format!("{} reaches {} %", p.name, percent_summary(&p.final_accuracy)));
        return vec![join(each.collect()) + "."];
    }
    let (losing, keeping): (Vec<_>, Vec<_>) = compared.into_iter().partition(|p| loses(p));
    let mut sentences = Vec::new();
    if !keeping.is_empty() {
        let verb = if keeping.len() == 1 { "learns" } else { "learn" };
        let each = keeping.iter().map(|p| format!("{} ({} %)", p.name, percent_summary(&p.final_accuracy)));
        sentences.push(format!("{} {verb} as well as float.", join(each.collect())));
    }
    for p in losing {
        let points = p.minus_float.as_ref().map_or(String::new(), points_summary);
        let why = match p.vanished_updates {
            Some(v) if v >= MANY_VANISHED => format!(": {} % of its updates round to nothing", percent(v)),
            _ => String::new(),
        };
        sentences.push(format!("{} loses accuracy ({} points against float){why}.", p.name, points));
    }
    sentences
}

/// The fastest precision that keeps up, on the slowest board.
fn price(record: &RunRecord) -> Option<String> {
    let keeps = |c: &&CostResult| {
        record.precisions.iter().any(|p| p.name == c.precision && p.minus_float.is_some() && !loses(p))
    };
    let latency = |c: &&CostResult| c.step_latency_ms.mid;
    let slowest = record.costs.iter().max_by(|a, b| latency(a).total_cmp(&latency(b)))?;
    let here = record.costs.iter().filter(|c| c.profile == slowest.profile);
    let best = here.filter(keeps).min_by(|a, b| latency(a).total_cmp(&latency(b)))?;
    let float = record.costs.iter().find(|c| c.profile == best.profile && c.precision == "float");
    let against = float.map_or(String::new(), |f| format!(" (float: {} ms)", three(f.step_latency_ms.mid)));
    Some(format!(
        "On {}, a training step in {} takes {} ms{against} and {} µJ.",
        best.profile,
        best.precision,
        three(best.step_latency_ms.mid),
        three(best.step_energy_uj.mid)
    ))
}

fn fit(record: &RunRecord) -> Option<String> {
    if record.costs.is_empty() {
        return None;
    }
    let missing: Vec<String> = record
        .costs
        .iter()
        .filter(|c| !c.fits)
        .map(|c| format!("{} on {} ({} KiB short)", c.precision, c.profile, three(c.missing_kib)))
        .collect();
    Some(match (missing.len(), record.boards.len()) {
        (0, 1) => "All of them fit the board.".to_owned(),
        (0, _) => "All of them fit every board.".to_owned(),
        _ => format!("Does not fit: {}.", join(missing)),
    })
}

/// `a`, `a and b`, `a, b and c`.
fn join(mut words: Vec<String>) -> String {
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}
