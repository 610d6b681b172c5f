//! Predicted against measured, and layer by layer.

use super::tables::layer_runs;
use crate::report::figure::{Figure, Group, colour_key, line_key};
use crate::report::numbers::{percent, three};
use crate::report::plot::line::{LineChart, Point, Series};
use crate::report::plot::scale::Scale;
use crate::report::plot::scatter::{self, Dot};
use crate::validate::{Quantity, Scored, Validation};

/// All figures: one for each core, one for each run whose layers were measured.
pub fn groups(v: &Validation) -> Vec<Group> {
    let mut cores: Vec<&str> =
        v.rows.iter().filter(|s| s.latency_error().is_some()).map(|s| s.row.core.as_str()).collect();
    cores.sort_unstable();
    cores.dedup();
    let scatters = Group {
        title: "Predicted against measured".to_owned(),
        intro:
            "Every priced row, milliseconds on both axes; whiskers are what the assumptions span; the line is equality."
                .to_owned(),
        figures: cores.iter().enumerate().filter_map(|(at, core)| scatter(v, core, at)).collect(),
    };
    let layers = Group {
        title: "Layer by layer".to_owned(),
        intro: "Measured and predicted milliseconds of each layer, in the network's order; the band is the interval."
            .to_owned(),
        figures: layer_runs(v).iter().filter(|(_, rows)| rows.len() >= 4).enumerate().filter_map(run).collect(),
    };
    let mut groups = vec![scatters, layers];
    groups.retain(|g| !g.figures.is_empty());
    groups
}

fn scatter(v: &Validation, core: &str, at: usize) -> Option<Figure> {
    let rows: Vec<&Scored> = v.rows.iter().filter(|s| s.row.core == core && s.latency_error().is_some()).collect();
    let mut classes: Vec<&str> = rows.iter().map(|s| s.row.class.name()).collect();
    classes.sort_unstable();
    classes.dedup();
    let dot = |s: &&Scored| {
        let p = s.outcome.as_ref().ok()?;
        let (mid, ms) = s.pair(Quantity::Latency)?;
        let class = classes.iter().position(|c| *c == s.row.class.name()).unwrap_or(0);
        let tip = format!(
            "{} {} ({}): measured {} ms, predicted {} ms, {} %",
            s.row.id,
            s.row.workload,
            s.row.software,
            three(ms),
            three(mid),
            percent(mid / ms - 1.0)
        );
        Some(Dot { colour: class, shape: class, x: (ms, ms, ms), y: (p.latency_ms.low, mid, p.latency_ms.high), tip })
    };
    let dots: Vec<Dot> = rows.iter().filter_map(dot).collect();
    let title = core.to_owned();
    let told = format!("{} rows of {core}, predicted against measured milliseconds", dots.len());
    let svg = scatter::against(&dots, ("measured, ms", "predicted, ms"), &format!("fig-core-{at}"), &title, &told)?;
    Some(Figure { title, legend: classes.iter().enumerate().map(|(i, c)| colour_key(c, i)).collect(), svg })
}

fn run((at, (name, rows)): (usize, &(String, Vec<&Scored>))) -> Option<Figure> {
    let mut measured = Series { style: 1, ..Series::default() };
    let mut predicted = Series::default();
    let mut ticks = Vec::new();
    let every = rows.len().div_ceil(15).max(1);
    for (place, s) in rows.iter().enumerate() {
        let (mid, ms) = s.pair(Quantity::Latency)?;
        let p = s.outcome.as_ref().ok()?;
        let x = place as f64;
        let tip = format!("{}: measured {} ms, predicted {} ms", s.row.workload, three(ms), three(mid));
        measured.points.push(Point { x, y: ms, band: None, tip: tip.clone() });
        predicted.points.push(Point { x, y: mid, band: Some((p.latency_ms.low, p.latency_ms.high)), tip });
        if place % every == 0 {
            ticks.push((x, s.row.layer.map_or_else(|| place.to_string(), |l| l.to_string())));
        }
    }
    let all = measured.points.iter().map(|p| p.y).chain(predicted.points.iter().filter_map(|p| p.band.map(|b| b.1)));
    let chart = LineChart {
        x_label: "layer".to_owned(),
        y_label: "milliseconds".to_owned(),
        x: Scale::exact(-0.3, rows.len() as f64 - 0.7).with_ticks(ticks),
        y: Scale::linear(0.0, all.fold(0.0, f64::max)),
        series: vec![predicted, measured],
        verticals: Vec::new(),
        horizontals: Vec::new(),
    };
    let svg = chart.draw(&format!("fig-layers-{at}"), name, &format!("{} layers", rows.len()));
    Some(Figure { title: name.clone(), legend: vec![line_key("predicted", 0), line_key("measured", 1)], svg })
}
