//! One line a point and board, for spreadsheets and scripts.

use crate::record::{Interval, PointCost, PointResult, SweepRecord};
use crate::report::csv::table;

/// Columns that come after the axes: name, and value of a point on a board.
type Column = (&'static str, fn(&PointResult, Option<&PointCost>) -> String);

fn number(x: Option<f64>) -> String {
    x.map_or(String::new(), |x| x.to_string())
}

macro_rules! interval {
    ($name:literal, $field:ident) => {
        [
            (
                concat!($name, "_low"),
                (|_, c| number(c.map(|c| low(&c.$field)))) as fn(&PointResult, Option<&PointCost>) -> String,
            ),
            (concat!($name, "_mid"), |_, c| number(c.map(|c| c.$field.mid))),
            (concat!($name, "_high"), |_, c| number(c.map(|c| c.$field.high))),
        ]
    };
}

fn low(i: &Interval) -> f64 {
    i.low
}

/// The columns after the axes, in order.
pub(super) fn columns() -> Vec<Column> {
    let mut all: Vec<Column> = vec![
        ("rung", |p, _| p.rung.map_or(String::new(), |r| r.to_string())),
        ("failure", |p, _| p.failure.clone().unwrap_or_default()),
        ("accuracy", |p, _| number(p.learnt.as_ref().map(|l| l.accuracy.mean))),
        ("accuracy_half_width_95", |p, _| number(p.learnt.as_ref().and_then(|l| l.accuracy.half_width_95))),
        ("minus_baseline", |p, _| number(p.learnt.as_ref().and_then(|l| Some(l.minus_baseline?.mean)))),
        ("minus_baseline_half_width_95", |p, _| {
            number(p.learnt.as_ref().and_then(|l| l.minus_baseline?.half_width_95))
        }),
        ("forgetting", |p, _| number(p.learnt.as_ref().and_then(|l| Some(l.forgetting?.mean)))),
        ("vanished_updates", |p, _| number(p.learnt.as_ref().and_then(|l| l.vanished_updates))),
        ("n_seeds", |p, _| p.learnt.as_ref().map_or(String::new(), |l| l.accuracy.n.to_string())),
    ];
    all.extend(interval!("inference_latency_ms", inference_latency_ms));
    all.extend(interval!("inference_energy_uj", inference_energy_uj));
    all.extend(interval!("step_latency_ms", step_latency_ms));
    all.extend(interval!("step_energy_uj", step_energy_uj));
    all.extend(interval!("consolidation_latency_ms", consolidation_latency_ms));
    all.extend(interval!("consolidation_energy_uj", consolidation_energy_uj));
    all.extend(interval!("stream_latency_s", stream_latency_s));
    all.extend(interval!("stream_energy_j", stream_energy_j));
    all.push(("ram_kib", |_, c| number(c.map(|c| c.ram_kib))));
    all.push(("flash_kib", |_, c| number(c.map(|c| c.flash_kib))));
    all.push(("missing_kib", |_, c| number(c.map(|c| c.missing_kib))));
    all.push(("fits", |_, c| c.map_or(String::new(), |c| c.fits.to_string())));
    all
}

/// Every point on every board that it is priced on; points without any price have one line without a board.
pub fn csv(record: &SweepRecord) -> String {
    let columns = columns();
    let mut header = vec!["index".to_owned(), "hash".to_owned(), "board".to_owned()];
    header.extend(record.axes.iter().map(|a| a.name.clone()));
    header.extend(columns.iter().map(|(name, _)| (*name).to_owned()));
    let line = |p: &PointResult, c: Option<&PointCost>| {
        let mut row = vec![p.index.to_string(), p.hash.clone(), c.map_or(String::new(), |c| c.board.clone())];
        row.extend(p.choices.iter().cloned());
        row.extend(columns.iter().map(|(_, get)| get(p, c)));
        row
    };
    let lines = record.points.iter().flat_map(|p| match p.costs.as_slice() {
        [] => vec![line(p, None)],
        costs => costs.iter().map(|c| line(p, Some(c))).collect(),
    });
    table(&header.join(","), lines)
}
