//! Latency and energy by phase on each board, and accuracy against latency.

use super::{Figure, Group, colour_key, part_key, shape_key};
use crate::record::{BoardInfo, CostResult, Interval, PhaseCost, RunRecord};
use crate::report::numbers::{percent_summary, three};
use crate::report::plot::bars::{self, Bar};
use crate::report::plot::scatter::{self, Dot};
use crate::report::view::phase_name;
use crate::trace::Phase;

const PHASES: [Phase; 5] = [Phase::Inference, Phase::HeadForward, Phase::Backward, Phase::Update, Phase::Consolidate];

/// What a pair of charts shows: one training step, or one image.
struct Unit {
    key: &'static str,
    what: &'static str,
    latency: fn(&CostResult) -> Interval,
    energy: fn(&CostResult) -> Interval,
}

/// Cost of one training step.
pub(super) fn steps(record: &RunRecord) -> Group {
    let unit =
        Unit { key: "step", what: "one training step", latency: |c| c.step_latency_ms, energy: |c| c.step_energy_uj };
    let intro = format!(
        "One step of {} samples on features at hand: forward, error and gradient, update. Each board has its own scale; \
         whiskers run from the favourable to the unfavourable end of every assumption.",
        record.stream.batch
    );
    Group { title: "Cost of one training step".to_owned(), intro, figures: charts(record, &unit) }
}

/// Cost of one inference.
pub(super) fn images(record: &RunRecord) -> Group {
    let unit = Unit {
        key: "image",
        what: "one inference",
        latency: |c| c.inference_latency_ms,
        energy: |c| c.inference_energy_uj,
    };
    let intro = "One image through the frozen backbone and the head.".to_owned();
    Group { title: "Cost of one inference".to_owned(), intro, figures: charts(record, &unit) }
}

fn charts(record: &RunRecord, unit: &Unit) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (b, board) in record.boards.iter().enumerate() {
        let costs: Vec<&CostResult> = record.costs.iter().filter(|c| c.profile == board.profile).collect();
        if costs.is_empty() {
            continue;
        }
        let id = format!("fig-{}-{b}", unit.key);
        let latency = |p: &PhaseCost| p.latency_ms.mid;
        let energy = |p: &PhaseCost| p.energy_uj.mid;
        figures.push(stacked(board, &costs, unit, ("latency", "ms"), latency, unit.latency, &format!("{id}-ms")));
        figures.push(stacked(board, &costs, unit, ("energy", "µJ"), energy, unit.energy, &format!("{id}-uj")));
    }
    figures
}

fn stacked(
    board: &BoardInfo,
    costs: &[&CostResult],
    unit: &Unit,
    (quantity, symbol): (&str, &str),
    value: impl Fn(&PhaseCost) -> f64,
    total: fn(&CostResult) -> Interval,
    id: &str,
) -> Figure {
    let mut used = Vec::new();
    let mut rows = Vec::new();
    for cost in costs {
        let mut bar = Bar { name: cost.precision.clone(), total: three(total(cost).mid), ..Bar::default() };
        for phase in cost.phases.iter().filter(|p| p.unit == unit.key) {
            let colour = PHASES.iter().position(|p| *p == phase.phase).unwrap_or(0);
            let (name, x) = (phase_name(phase.phase), value(phase));
            bar.parts.push((colour, x, format!("{}, {name}: {} {symbol}", cost.precision, three(x))));
            if !used.contains(&colour) {
                used.push(colour);
            }
        }
        let whole = total(cost);
        bar.whisker = (three(whole.low) != three(whole.high)).then_some((whole.low, whole.high));
        rows.push(bar);
    }
    let title = format!("{}: {quantity} of {}, {symbol}", board.profile, unit.what);
    let told: Vec<String> = rows.iter().map(|r| format!("{} {} {symbol}", r.name, r.total)).collect();
    let svg = bars::draw(&rows, &format!("{quantity}, {symbol}"), id, &title, &told.join("; "));
    used.sort_unstable();
    let legend = used.into_iter().map(|c| part_key(phase_name(PHASES[c]), c)).collect();
    Figure { title, legend, svg }
}

/// Final accuracy against the latency of a training step.
pub(super) fn trade_off(record: &RunRecord) -> Group {
    let mut dots = Vec::new();
    for cost in &record.costs {
        let colour = record.precisions.iter().position(|p| p.name == cost.precision);
        let shape = record.boards.iter().position(|b| b.profile == cost.profile);
        let (Some(colour), Some(shape)) = (colour, shape) else { continue };
        let accuracy = record.precisions[colour].final_accuracy;
        let (mean, half) = (accuracy.mean * 100.0, accuracy.half_width_95.unwrap_or(0.0) * 100.0);
        let x = cost.step_latency_ms;
        let told = (percent_summary(&accuracy), three(x.mid));
        let tip = format!("{} on {}: {} %, {} ms a step", cost.precision, cost.profile, told.0, told.1);
        dots.push(Dot { colour, shape, x: (x.low, x.mid, x.high), y: (mean - half, mean, mean + half), tip });
    }
    let title = "Accuracy against latency of a training step".to_owned();
    let told: Vec<&str> = dots.iter().map(|d| d.tip.as_str()).collect();
    let labels = ("latency of one training step, ms (log)", "final accuracy, %");
    let svg = scatter::draw(&dots, labels, "fig-trade-off", &title, &told.join("; "));
    let mut legend: Vec<_> = record.boards.iter().enumerate().map(|(i, b)| shape_key(&b.profile, i)).collect();
    legend.extend(record.precisions.iter().enumerate().map(|(i, p)| colour_key(&p.name, i)));
    let intro = "Up and to the left is better. Colour is the precision, shape the board; whiskers are the 95 % interval over seeds \
                 and the range of the prediction."
        .to_owned();
    let figures = svg.map(|svg| Figure { title, legend, svg }).into_iter().collect();
    Group { title: "What a bit buys".to_owned(), intro, figures }
}
