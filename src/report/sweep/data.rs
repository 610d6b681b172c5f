//! The points as the page's script reads them: arrays instead of objects, four digits instead of seventeen.

use super::verdict::cost;
use crate::record::{PointCost, PointResult, SweepRecord};
use crate::trace::Phase;
use serde_json::{Value, json};

/// JSON that is safe inside a `<script>` element.
pub(super) fn data(record: &SweepRecord) -> String {
    let boards: Vec<&str> = record.analysis.iter().map(|a| a.board.as_str()).collect();
    let start = record.analysis.iter().find_map(|a| a.cheapest_equal).or(record.points.first().map(|p| p.index));
    let frontiers: Vec<Vec<usize>> =
        record.analysis.iter().map(|a| a.frontier.iter().map(|f| f.index).collect()).collect();
    let value = json!({
        "axes": record.axes,
        "boards": boards,
        "frontiers": frontiers,
        "start": start,
        "points": record.points.iter().map(|p| point(record, p, &boards)).collect::<Vec<_>>(),
    });
    // `</script>` and `<!--` would end or confuse the element; JSON can spell `<` otherwise.
    value.to_string().replace('<', "\\u003c")
}

fn point(record: &SweepRecord, p: &PointResult, boards: &[&str]) -> Value {
    let choice = |(axis, label): (&crate::record::AxisInfo, &String)| match axis.choices.iter().position(|c| c == label)
    {
        Some(i) => json!(i),
        None => json!(label),
    };
    let choices: Vec<Value> = record.axes.iter().zip(&p.choices).map(choice).collect();
    let learnt = p.learnt.as_ref();
    json!([
        p.index,
        choices,
        learnt.map(|l| short(l.accuracy.mean)),
        learnt.and_then(|l| l.accuracy.half_width_95).map(short),
        learnt.and_then(|l| l.minus_baseline).map(|d| short(d.mean)),
        boards.iter().map(|b| cost(p, b).map(costs)).collect::<Vec<_>>(),
        p.rung,
    ])
}

fn costs(c: &PointCost) -> Value {
    let phase = |phase: Phase| {
        let own = c.phases.iter().filter(|(p, unit, ..)| *p == phase && unit == "step").map(|(_, _, ms, _)| ms);
        short(own.sum())
    };
    json!([
        short(c.step_latency_ms.mid),
        short(c.step_energy_uj.mid),
        short(c.inference_latency_ms.mid),
        short(c.inference_energy_uj.mid),
        short(c.stream_energy_j.mid),
        short(c.ram_kib),
        short(c.flash_kib),
        u8::from(c.fits),
        phase(Phase::HeadForward),
        phase(Phase::Backward),
        phase(Phase::Update),
    ])
}

/// Four significant digits.
fn short(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}
