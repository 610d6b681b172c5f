//! Numeric fidelity step by step: error of each tensor role against the f64 twin, and the share of vanished updates.

use super::{Figure, Group, precision_keys};
use crate::record::{FidelityPoint, RunRecord};
use crate::report::numbers::percent;
use crate::report::plot::line::{LineChart, Point, Series};
use crate::report::plot::scale::Scale;

pub(super) fn group(record: &RunRecord) -> Group {
    let mut roles: Vec<&str> = Vec::new();
    for point in points(record).map(|(_, p)| p) {
        if !roles.contains(&point.role.as_str()) {
            roles.push(&point.role);
        }
    }
    let mut figures: Vec<Figure> = vanished(record).into_iter().collect();
    figures.extend(roles.iter().filter_map(|role| error(record, role)));
    let intro = "One seed, sampled steps. An update vanishes when its step rounds to nothing although its gradient is not zero. The error \
                 of a tensor role is ‖integers − exact‖₂ ÷ ‖exact‖₂ against the same step carried out in f64; lower is better. Vertical \
                 lines: a new experience begins."
        .to_owned();
    Group { title: "Quantisation, step by step".to_owned(), intro, figures }
}

/// Every recorded point with the number of its precision.
fn points(record: &RunRecord) -> impl Iterator<Item = (usize, &FidelityPoint)> {
    let seeds = record.precisions.iter().enumerate().flat_map(|(i, p)| p.seeds.iter().map(move |s| (i, s)));
    seeds.flat_map(|(i, s)| s.fidelity.iter().map(move |p| (i, p)))
}

fn vanished(record: &RunRecord) -> Option<Figure> {
    let series = series(record, |p| if p.role == "update" { p.vanished.map(|v| v * 100.0) } else { None });
    let title = "Vanished updates, %".to_owned();
    let totals: Vec<String> = record
        .precisions
        .iter()
        .filter_map(|p| p.vanished_updates.map(|v| format!("{} loses {} % over the whole run", p.name, percent(v))))
        .collect();
    chart(record, series, Scale::exact(0.0, 100.0), "updates lost, %", &title, &totals.join("; "), "fig-vanished")
}

fn error(record: &RunRecord, role: &str) -> Option<Figure> {
    let series = series(record, |p| (p.role == role && p.relative_l2 > 0.0).then_some(p.relative_l2));
    let y = Scale::log(series.iter().flat_map(|s| s.points.iter().map(|p| p.y)))?;
    let id = format!("fig-error-{}", role.replace(|c: char| !c.is_alphanumeric(), "-"));
    let title = format!("Error of `{role}`").replace('`', "");
    chart(record, series, y, "relative error (log)", &title, "by optimiser step, one line a precision", &id)
}

fn series(record: &RunRecord, value: impl Fn(&FidelityPoint) -> Option<f64>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for (style, precision) in record.precisions.iter().enumerate() {
        let recorded = precision.seeds.iter().flat_map(|s| &s.fidelity);
        let points = recorded.filter_map(|p| value(p).map(|y| (p, y)));
        let points = points.map(|(p, y)| Point {
            x: p.step as f64,
            y,
            band: None,
            tip: format!("{}, step {}: {}", precision.name, p.step, crate::report::numbers::three(y)),
        });
        all.push(Series { style, points: points.collect(), steps: false });
    }
    all
}

fn chart(
    record: &RunRecord,
    series: Vec<Series>,
    y: Scale,
    y_label: &str,
    title: &str,
    description: &str,
    id: &str,
) -> Option<Figure> {
    let drawn: Vec<bool> = series.iter().map(|s| !s.points.is_empty()).collect();
    let last = series.iter().flat_map(|s| s.points.iter().map(|p| p.x)).fold(0.0, f64::max);
    if !drawn.contains(&true) {
        return None;
    }
    let legend = precision_keys(record).into_iter().zip(drawn).filter(|(_, d)| *d).map(|(key, _)| key).collect();
    let chart = LineChart {
        x_label: "optimiser step".to_owned(),
        y_label: y_label.to_owned(),
        x: Scale::exact(0.0, last),
        y,
        series,
        verticals: experience_starts(record),
        horizontals: Vec::new(),
    };
    Some(Figure { title: title.to_owned(), legend, svg: chart.draw(id, title, description) })
}

/// First recorded step of each experience but the first.
fn experience_starts(record: &RunRecord) -> Vec<(f64, String)> {
    let mut starts: Vec<(usize, u64)> = Vec::new();
    for (_, point) in points(record) {
        match starts.iter_mut().find(|(e, _)| *e == point.experience) {
            Some((_, step)) => *step = (*step).min(point.step),
            None => starts.push((point.experience, point.step)),
        }
    }
    starts.sort_unstable();
    starts.into_iter().skip(1).map(|(e, step)| (step as f64, (e + 1).to_string())).collect()
}
