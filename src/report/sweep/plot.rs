//! Frontier plots: accuracy over the first cost objective, one drawing a board.

use super::page::tip;
use super::verdict::cost;
use crate::record::{BoardAnalysis, PointCost, SweepRecord};
use crate::report::plot::scale::Scale;
use crate::report::plot::svg::{Anchor, Svg, WIDTH};
use serde::Serialize;

const HEIGHT: f64 = 320.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;
/// From this ratio of greatest to least on, an axis of costs is logarithmic.
const WIDE: f64 = 8.0;

/// One drawing.
#[derive(Debug, Clone, Serialize)]
pub(in crate::report) struct Plot {
    /// Caption, also a file name.
    pub title: String,
    /// The drawing.
    pub svg: String,
}

/// A cost objective of the record as an axis: label and value.
type CostAxis = (&'static str, fn(&PointCost) -> f64);

fn cost_axis(record: &SweepRecord) -> CostAxis {
    let of = |name: &str| -> Option<CostAxis> {
        Some(match name {
            "step_latency_ms" => ("a training step, ms", |c| c.step_latency_ms.mid),
            "step_energy_uj" => ("a training step, µJ", |c| c.step_energy_uj.mid),
            "inference_latency_ms" => ("one image, ms", |c| c.inference_latency_ms.mid),
            "inference_energy_uj" => ("one image, µJ", |c| c.inference_energy_uj.mid),
            "stream_energy_j" => ("the whole stream, J", |c| c.stream_energy_j.mid),
            "ram_kib" => ("RAM, KiB", |c| c.ram_kib),
            "flash_kib" => ("flash, KiB", |c| c.flash_kib),
            _ => return None,
        })
    };
    record.objectives.iter().find_map(|o| of(o)).unwrap_or(("a training step, ms", |c| c.step_latency_ms.mid))
}

/// One plot for each board with at least one priced point.
pub(in crate::report) fn frontiers(record: &SweepRecord) -> Vec<Plot> {
    record.analysis.iter().enumerate().filter_map(|(i, a)| plot(record, i, a)).collect()
}

fn plot(record: &SweepRecord, number: usize, a: &BoardAnalysis) -> Option<Plot> {
    let (label, value) = cost_axis(record);
    let placed = record.points.iter().filter_map(|p| {
        let accuracy = p.learnt.as_ref().filter(|_| p.rung.is_none())?.accuracy.mean * 100.0;
        Some((p.index, value(cost(p, &a.board)?), accuracy))
    });
    let placed: Vec<(usize, f64, f64)> = placed.filter(|(_, x, _)| *x > 0.0).collect();
    let (least, most) = placed.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), (_, x, _)| (l.min(*x), h.max(*x)));
    let is_log = most > WIDE * least;
    let x = if is_log { Scale::log([least, most])? } else { Scale::linear(least.min(most), most) };
    let label = if is_log { format!("{label} (log)") } else { label.to_owned() };
    let (low, high) =
        placed.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (_, _, y)| (l.min(*y), h.max(*y)));
    let y = Scale::linear(low, high);
    let floor = HEIGHT - BOTTOM;
    let at = |vx: f64, vy: f64| (LEFT + x.place(vx) * (WIDTH - LEFT - RIGHT), floor - y.place(vy) * (floor - TOP));
    let mut svg = Svg::new(HEIGHT);
    for (v, text) in y.ticks() {
        let (_, up) = at(1.0, v);
        svg.line("grid", (LEFT, up), (WIDTH - RIGHT, up));
        svg.text("tick", (LEFT - 6.0, up + 4.0), Anchor::End, &text);
    }
    for (v, text) in x.ticks() {
        let (across, _) = at(v, low);
        svg.line("grid", (across, TOP), (across, floor));
        svg.text("tick", (across, floor + 18.0), Anchor::Middle, &text);
    }
    svg.line("axis", (LEFT, floor), (WIDTH - RIGHT, floor));
    svg.text("label", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), Anchor::Middle, &label);
    svg.vertical_text("label", (13.0, (TOP + floor) / 2.0), "final accuracy, %");
    // Best accuracy for each cost: a staircase of the two quantities drawn.
    let mut order = placed.clone();
    order.sort_by(|p, q| p.1.total_cmp(&q.1).then(q.2.total_cmp(&p.2)));
    let mut line: Vec<(f64, f64)> = Vec::new();
    let mut best = f64::NEG_INFINITY;
    for (_, vx, vy) in &order {
        if *vy > best {
            let next = at(*vx, *vy);
            if let Some(last) = line.last().copied() {
                line.push((next.0, last.1));
            }
            line.push(next);
            best = *vy;
        }
    }
    let on_front = |i: usize| a.frontier.iter().any(|f| f.index == i);
    for (i, vx, vy) in placed.iter().filter(|(i, ..)| !on_front(*i)) {
        svg.point("all", 2.4, at(*vx, *vy), *i, "");
    }
    svg.path("front-line", &line);
    for (i, vx, vy) in placed.iter().filter(|(i, ..)| on_front(*i)) {
        svg.point("front-dot", 3.6, at(*vx, *vy), *i, &tip(record, *i));
    }
    svg.ring();
    let title = format!("Accuracy and cost on {}", a.board);
    let description = format!(
        "{} points from {low:.1} to {high:.1} % accuracy; {} of them are on the frontier of {}",
        placed.len(),
        a.frontier.len(),
        record.objectives.join(", ")
    );
    let drawing = svg.finish(&format!("frontier-{number}"), &title, &description);
    Some(Plot { title, svg: drawing })
}
