//! A calibration, rendered: numbers before and after, what the rows cannot tell, errors on rows that no fit saw.
//!
//! ```
//! use tinyprec::{report, validate};
//! let mut rows = validate::published()?;
//! rows.retain(|row| row.id.starts_with("EEES"));
//! let layers = |name: &str| validate::published_layers(name).map(str::to_owned);
//! let studies = validate::study(&rows, &layers, None)?;
//! assert!(report::calibration::text(&studies, 100).contains("cortex-m7: errors before and after calibration"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::numbers::{NONE, percent, three};
use super::text::{draw, wrap};
use super::view::Table;
use crate::validate::{ErrorStats, Strength, Study};

/// Numbers that move no row by more than this are not shown.
const SHOWN_REACH: f64 = 0.01;

/// For a terminal of `width` columns.
pub fn text(studies: &[Study<'_>], width: usize) -> String {
    let mut parts = Vec::new();
    for study in studies {
        for table in tables(study) {
            let note = if table.note.is_empty() { String::new() } else { format!(". {}", table.note) };
            parts.push(format!("{}\n{}", wrap(&format!("{}{note}", table.title), width), draw(&table, width)));
        }
        parts.extend(said(study).iter().map(|line| wrap(line, width)));
    }
    parts.join("\n\n") + "\n"
}

/// As Markdown.
pub fn markdown(studies: &[Study<'_>]) -> String {
    let mut parts = vec!["# Calibration".to_owned()];
    for study in studies {
        for table in tables(study) {
            parts.push(format!("## {}", table.title));
            parts.extend((!table.note.is_empty()).then(|| table.note.clone()));
            parts.push(table.markdown());
        }
        let said = said(study);
        parts.extend((!said.is_empty()).then(|| said.iter().map(|s| format!("* {s}")).collect::<Vec<_>>().join("\n")));
    }
    parts.join("\n\n") + "\n"
}

/// Errors of rows that no fit saw, then the numbers.
pub(super) fn tables(study: &Study<'_>) -> Vec<Table> {
    let mut errors = Vec::new();
    for crossed in study.errors() {
        let mut line = |how: &str, stats: Option<&ErrorStats>| {
            let Some(s) = stats else { return };
            let rank = s.spearman.map_or(NONE.to_owned(), |f| format!("{:.3}", f.value));
            errors.push(vec![
                crossed.group.clone(),
                how.to_owned(),
                s.n.to_string(),
                format!(
                    "{} ({}–{})",
                    percent(s.median_ape.value),
                    percent(s.median_ape.low),
                    percent(s.median_ape.high)
                ),
                percent(s.mean_ape.value),
                percent(s.max_ape),
                percent(s.bias.value),
                format!("{:.0} %", s.hits_10.value * 100.0),
                rank,
            ]);
        };
        line("uncalibrated", Some(&crossed.uncalibrated));
        line("other networks", crossed.other_networks.as_ref());
        line("other boards", crossed.other_boards.as_ref());
    }
    let header = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let numbers = study.parameters().filter(|p| p.reach >= SHOWN_REACH).map(|p| {
        let (low, high) = p.interval();
        vec![
            p.prior.key.clone(),
            format!("{} ({}–{})", three(p.prior.value), three(p.prior.low), three(p.prior.high)),
            format!("{} ({}–{})", three(p.value), three(low), three(high)),
            format!("{:.0} %", 100.0 * p.left()),
            format!("{:.0} %", 100.0 * p.reach),
        ]
    });
    let strength =
        |s: Strength| format!("boards and cores × {}, software × {}, builds × {}", s.board, s.software, s.build);
    let (of_power, strength_of_power) = study.power.as_ref().map_or((String::new(), String::new()), |power| {
        let rows = format!("Those of power to {} rows with energy and time. ", power.model.evidence().len());
        (rows, format!("; for power {}", strength(power.fit.strength)))
    });
    vec![
        Table {
            title: format!("{}: errors before and after calibration", study.core),
            note: "Calibrated rows are priced by a fit that never saw their network, or their board.".to_owned(),
            header: header(&[
                "rows of",
                "calibrated on",
                "rows",
                "median APE % (95 %)",
                "mean %",
                "max %",
                "bias %",
                "±10 %",
                "Spearman",
            ]),
            rows: errors,
        },
        Table {
            title: format!("{}: numbers, fitted to all {} rows", study.core, study.model.rows().len()),
            note: format!(
                "{of_power}Left: share of the prior's uncertainty that remains. Reach: the most that the interval before moves a row. Priors' \
                 deviations used, as networks left out choose: {}{strength_of_power}.",
                strength(study.fit.strength)
            ),
            header: header(&["number", "before (95 %)", "after (95 %)", "left", "reach"]),
            rows: numbers.collect(),
        },
    ]
}

/// What the rows cannot tell.
pub(super) fn said(study: &Study<'_>) -> Vec<String> {
    let mut lines: Vec<String> = study
        .fit
        .confounded
        .iter()
        .map(|c| format!("These rows cannot tell {} from {} (correlation {:.2}).", c.a, c.b, c.correlation))
        .collect();
    let silent: Vec<&str> =
        study.parameters().filter(|p| p.reach >= SHOWN_REACH && p.left() > 0.9).map(|p| p.prior.key.as_str()).collect();
    if !silent.is_empty() {
        lines.push(format!("These rows say next to nothing of {}.", silent.join(", ")));
    }
    lines
}
