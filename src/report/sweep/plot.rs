//! Frontier plots: accuracy over the first cost objective, one drawing a board.

use super::page::tip;
use super::verdict::cost;
use crate::record::{BoardAnalysis, PointCost, SweepRecord};
use crate::report::plot::canvas::{Ink, picture};
use crate::report::plot::frame::Frame;
use crate::report::plot::marks::Mark;
use crate::report::plot::scale::Scale;
use plotters::prelude::LineSeries;
use serde::Serialize;

/// Height in tenths of a unit.
const HEIGHT: i32 = 3200;
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
    let title = format!("Accuracy and cost on {}", a.board);
    let description = format!(
        "{} points from {low:.1} to {high:.1} % accuracy; {} of them are on the frontier of {}",
        placed.len(),
        a.frontier.len(),
        record.objectives.join(", ")
    );
    let on_front = |i: usize| a.frontier.iter().any(|f| f.index == i);
    let (front, rest): (Vec<_>, Vec<_>) = placed.iter().copied().partition(|(i, ..)| on_front(*i));
    let svg = picture(HEIGHT, &format!("frontier-{number}"), &title, &description, |root| {
        let chart = &mut Frame::NUMBERS.chart(root, x, Scale::linear(low, high), (&label, "final accuracy, %"))?;
        chart.draw_series(rest.iter().map(|(i, x, y)| Mark::point(Ink::ALL, 2.4, (*x, *y), *i, "")))?;
        chart.draw_series(LineSeries::new(staircase(placed), Ink::FRONT_LINE))?;
        let dot = |(i, x, y): &(usize, f64, f64)| Mark::point(Ink::FRONT_DOT, 3.6, (*x, *y), *i, &tip(record, *i));
        chart.draw_series(front.iter().map(dot))?;
        chart.draw_series([Mark::ring()])?;
        Ok(())
    });
    Some(Plot { title, svg })
}

/// Best accuracy for each cost: steps through the two quantities drawn.
fn staircase(mut placed: Vec<(usize, f64, f64)>) -> Vec<(f64, f64)> {
    placed.sort_by(|p, q| p.1.total_cmp(&q.1).then(q.2.total_cmp(&p.2)));
    let mut line: Vec<(f64, f64)> = Vec::new();
    let mut best = f64::NEG_INFINITY;
    for (_, x, y) in placed {
        if y > best {
            if let Some(last) = line.last().copied() {
                line.push((x, last.1));
            }
            line.push((x, y));
            best = y;
        }
    }
    line
}
