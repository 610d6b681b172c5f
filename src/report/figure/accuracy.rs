//! Accuracy after each experience, one line a precision with its interval.

use super::{Figure, Group, experience_ticks, precision_keys};
use crate::record::{PrecisionResult, RunRecord, Summary};
use crate::report::numbers::{percent, percent_summary};
use crate::report::plot::line::{LineChart, Point, Series};
use crate::report::plot::scale::Scale;

pub(super) fn group(record: &RunRecord) -> Group {
    let n = record.stream.experience_classes.len();
    // Equal curves stand a little apart, so that none hides another.
    let apart = 0.24 / record.precisions.len().max(1) as f64;
    let joint = record.joint_upper_bound.map(|j| (j.mean * 100.0, format!("joint float {} %", percent(j.mean))));
    let series: Vec<Series> = record.precisions.iter().enumerate().map(|(i, p)| series(i, p, apart)).collect();
    let mut values: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.y)).collect();
    values.extend(joint.iter().map(|(v, _)| *v));
    let high = values.iter().copied().fold(0.0, f64::max);
    let chart = LineChart {
        x_label: "experiences learnt".to_owned(),
        y_label: "accuracy on the whole test set, %".to_owned(),
        x: Scale::exact(0.8, n as f64 + 0.4).with_ticks(experience_ticks(n)),
        // Air for the upper bound's label.
        y: Scale::exact(0.0, if high > 80.0 { 107.0 } else { high * 1.2 }),
        series,
        verticals: Vec::new(),
        horizontals: joint.into_iter().collect(),
    };
    let title = "Accuracy after each experience".to_owned();
    let last: Vec<String> = record
        .precisions
        .iter()
        .map(|p| format!("{} ends at {} %", p.name, percent_summary(&p.final_accuracy)))
        .collect();
    let svg = chart.draw("fig-accuracy", &title, &last.join("; "));
    let intro =
        "All classes of the stream are in the test set from the start, so accuracy grows as classes arrive. Bands are \
                 95 % intervals over seeds."
            .to_owned();
    Group { title: "Accuracy".to_owned(), intro, figures: vec![Figure { title, legend: precision_keys(record), svg }] }
}

fn series(style: usize, precision: &PrecisionResult, apart: f64) -> Series {
    let point = |(i, s): (usize, &Summary)| Point {
        x: i as f64 + 1.0 + style as f64 * apart,
        y: s.mean * 100.0,
        band: s.half_width_95.map(|h| ((s.mean - h).max(0.0) * 100.0, (s.mean + h).min(1.0) * 100.0)),
        tip: format!("{}: {} % after experience {}", precision.name, percent_summary(s), i + 1),
    };
    Series { style, points: precision.accuracy_by_experience.iter().enumerate().map(point).collect(), steps: false }
}
