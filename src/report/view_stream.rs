//! Tables of a whole stream: its metrics, the accuracy matrix, and what accuracy costs along it.

use super::numbers::{NONE, percent, percent_summary, points_summary, three};
use super::view::{Table, owned};
use crate::record::{BoardInfo, CostResult, PrecisionResult, RunRecord};

/// The metrics of continual learning, one row a precision.
pub(super) fn metrics(record: &RunRecord) -> Table {
    let row = |p: &PrecisionResult| {
        let m = p.metrics.as_ref()?;
        let p_value = |p: Option<f64>| p.map_or(NONE.to_owned(), |p| format!("{p:.3}"));
        Some(vec![
            p.name.clone(),
            percent_summary(&m.average_accuracy),
            percent_summary(&m.average_over_time),
            percent_summary(&m.amca),
            m.backward_transfer.as_ref().map_or(NONE.to_owned(), points_summary),
            m.forward_transfer.as_ref().map_or(NONE.to_owned(), points_summary),
            p_value(p.versus_float.and_then(|v| v.t_p)),
            p_value(p.versus_float.and_then(|v| v.signed_rank_p)),
        ])
    };
    Table {
        title: "Metrics of the stream".to_owned(),
        note: format!(
            "Average: last row of the accuracy matrix, each experience weighing the same. Over time: mean of the accuracy after each \
             experience. AMCA: mean class accuracy, averaged over experiences. BWT: mean change of an experience's accuracy since it \
             was learnt. FWT: mean accuracy on an experience before it is learnt, minus the untrained head's.{} p: paired t-test and \
             signed-rank test against float over seeds.",
            forward_caveat(record)
        ),
        header: owned(&["precision", "average %", "over time %", "AMCA %", "BWT", "FWT", "p (t)", "p (ranks)"]),
        rows: record.precisions.iter().filter_map(row).collect(),
    }
}

/// Why forward transfer says little where experiences bring new classes.
fn forward_caveat(record: &RunRecord) -> String {
    let classes = &record.stream.experience_classes;
    let has_new = classes
        .iter()
        .enumerate()
        .skip(1)
        .any(|(i, own)| own.iter().any(|c| !classes[..i].iter().any(|e| e.contains(c))));
    if !has_new {
        return String::new();
    }
    let guess = record.precisions.iter().filter_map(|p| p.seeds.first()).find_map(|s| {
        let best = s.initial_accuracy.iter().copied().fold(0.0_f64, f64::max);
        (best > 0.0).then(|| percent(best))
    });
    let seen = guess.map_or(String::new(), |best| format!(", here up to {best} % of an experience"));
    format!(
        " Classes come new here, so FWT is an artefact of the untrained head: a head that has not seen a class does not predict it, \
         while an untrained one gives all samples to one class and is right about that class alone{seen}."
    )
}

/// Experiences whose accuracy on all of each other is shown whole.
const SHOWN: usize = 40;

/// Which of `n` experiences a table shows: all, or of more than [`SHOWN`] so many from the first to the last at equal distances.
fn shown(n: usize) -> Vec<usize> {
    let kept = n.min(SHOWN);
    (0..kept).map(|i| if n > kept { i * (n - 1) / (kept - 1) } else { i }).collect()
}

/// Accuracy after each experience on each experience, mean over seeds.
pub(super) fn matrix(p: &PrecisionResult) -> Table {
    let n = p.accuracy_by_experience.len();
    let shown = shown(n);
    let mean = |i: usize, j: usize| {
        let seen: Vec<f64> = p.seeds.iter().filter_map(|s| s.accuracy.get(i)?.get(j).copied()).collect();
        percent(seen.iter().sum::<f64>() / seen.len().max(1) as f64)
    };
    let row = |i: usize| {
        let mut row = vec![(i + 1).to_string()];
        row.extend(shown.iter().map(|&j| mean(i, j)));
        row
    };
    let mut header = vec!["after".to_owned()];
    header.extend(shown.iter().map(|j| format!("on {}", j + 1)));
    let left_out = match n - shown.len() {
        0 => String::new(),
        _ => format!(" {} of {n} experiences are shown; accuracy.csv has all.", shown.len()),
    };
    Table {
        title: format!("Accuracy matrix of {}, %", p.name),
        note: format!("Row: experiences learnt; column: classes of that experience; mean over seeds.{left_out}"),
        header,
        rows: shown.iter().map(|&i| row(i)).collect(),
    }
}

/// What accuracy costs along the stream on one board: one row a precision and experience.
pub(super) fn efficiency(record: &RunRecord, board: &BoardInfo) -> Table {
    let mut rows = Vec::new();
    for cost in record.costs.iter().filter(|c| c.profile == board.profile) {
        let Some(precision) = record.precisions.iter().find(|p| p.name == cost.precision) else { continue };
        for (i, (joules, accuracy)) in
            spent(record, cost).into_iter().zip(&precision.accuracy_by_experience).enumerate()
        {
            rows.push(vec![
                format!("{} after {}", precision.name, i + 1),
                percent(accuracy.mean),
                three(joules),
                three(accuracy.mean / joules),
                three(accuracy.mean / cost.ram_kib * 1e3),
            ]);
        }
    }
    Table {
        title: format!("Accuracy per joule and per KiB along the stream on {}", board.profile),
        note: "Energy since the start: every image once through the backbone, every step, every consolidation. Accuracy counts as a share \
               (1 is all), memory is the largest RAM in use."
            .to_owned(),
        header: owned(&["precision and experience", "accuracy %", "energy J", "accuracy per J", "accuracy per KiB ·10³"]),
        rows,
    }
}

/// Joules spent by the end of each experience.
pub(super) fn spent(record: &RunRecord, cost: &CostResult) -> Vec<f64> {
    let s = &record.stream;
    let uj = |samples: usize, epochs: usize| {
        let steps = samples.div_ceil(s.batch.max(1)) * epochs;
        samples as f64 * cost.inference_energy_uj.mid
            + steps as f64 * cost.step_energy_uj.mid
            + cost.consolidation_energy_uj.mid
    };
    let each = s.experience_samples.iter().zip(&s.epochs).map(|(&samples, &epochs)| uj(samples, epochs) * 1e-6);
    each.scan(0.0, |sum, joules| {
        *sum += joules;
        Some(*sum)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_stream_is_shown_from_its_first_experience_to_its_last() {
        assert!(shown(0).is_empty());
        assert_eq!(shown(SHOWN), (0..SHOWN).collect::<Vec<_>>());
        for n in [SHOWN + 1, 79, 391] {
            let shown = shown(n);
            assert!(shown.len() == SHOWN && shown[0] == 0 && shown[SHOWN - 1] == n - 1, "{shown:?}");
            assert!(shown.windows(2).all(|w| w[0] < w[1]), "{shown:?}");
        }
    }
}
