//! Predictions beside measurements: by group, with a naive baseline, with the likely cause of what is missed.

use super::diagnose::{Finding, Observation, diagnose};
use super::measurement::{DataType, Measurement};
use super::predict::{Prediction, Refusal, predict};
use super::statistics::{ErrorStats, error_stats, median};
use serde::Serialize;
use std::collections::BTreeMap;

/// A row with what the model says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// As measured.
    pub row: Measurement,
    /// As predicted, or why not.
    pub outcome: Result<Prediction, Refusal>,
    /// Milliseconds by cycles a multiply-accumulate, see [`score`]; `None` where no other network of the core was measured.
    pub baseline_ms: Option<f64>,
}

impl Scored {
    /// Predicted and measured value of a quantity, where both are there.
    pub fn pair(&self, quantity: Quantity) -> Option<(f64, f64)> {
        let p = self.outcome.as_ref().ok()?;
        match quantity {
            Quantity::Latency => Some((p.latency_ms.mid, self.row.milliseconds()?)),
            Quantity::Energy => Some((p.energy_uj.mid, self.row.energy_uj?)),
            Quantity::Power => Some((p.energy_uj.mid / p.latency_ms.mid, self.row.milliwatts()?)),
            Quantity::Ram => Some((bytes(p.memory_bytes?.0), bytes(self.row.ram_bytes?))),
            Quantity::Flash => Some((bytes(p.memory_bytes?.1), bytes(self.row.flash_bytes?))),
        }
    }

    /// Relative error of the predicted time, positive where it is too slow.
    pub fn latency_error(&self) -> Option<f64> {
        self.pair(Quantity::Latency).map(|(p, m)| p / m - 1.0)
    }
}

#[allow(clippy::cast_precision_loss, reason = "sizes far below 2^53")]
fn bytes(n: u64) -> f64 {
    n as f64
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Milliseconds of one run.
    Latency,
    /// Microjoules of one run: power of the profile × predicted time.
    Energy,
    /// Milliwatts: what the energy misses beyond the time.
    Power,
    /// Bytes of RAM.
    Ram,
    /// Bytes of flash.
    Flash,
}

impl Quantity {
    /// All, in the order of reports.
    pub const ALL: [Quantity; 5] =
        [Quantity::Latency, Quantity::Energy, Quantity::Power, Quantity::Ram, Quantity::Flash];

    /// With its unit.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Latency => "latency_ms",
            Quantity::Energy => "energy_uj",
            Quantity::Power => "power_mw",
            Quantity::Ram => "ram_bytes",
            Quantity::Flash => "flash_bytes",
        }
    }
}

/// Rows that are compared together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Core, or cores.
    pub core: String,
    /// Software class.
    pub class: String,
    /// `int8`, `float32`, `bits` …
    pub dtype: String,
    /// `network` or `layer`.
    pub scope: &'static str,
    /// What is compared.
    pub quantity: Quantity,
    /// Figures.
    pub stats: ErrorStats,
    /// The same of the naive baseline, for the time of rows that it can price.
    pub baseline: Option<ErrorStats>,
    /// Share of rows whose measurement lies within the predicted interval; for time.
    pub within_interval: Option<f64>,
    /// What the misses of the time have in common.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// Everything that a validation says.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Every row, in order.
    pub rows: Vec<Scored>,
    /// All rows of open software of a family of cores together: what the project's targets are about.
    pub headlines: Vec<Group>,
    /// By core, class, data type and scope, for every quantity.
    pub groups: Vec<Group>,
}

impl Validation {
    /// Refused rows by reason: number and one example.
    pub fn refused(&self) -> Vec<(&'static str, usize, String)> {
        let mut by: BTreeMap<&'static str, (usize, String)> = BTreeMap::new();
        for (row, refusal) in self.rows.iter().filter_map(|s| Some((&s.row, s.outcome.as_ref().err()?))) {
            let entry = by.entry(refusal.reason()).or_insert_with(|| (0, format!("{}: {refusal}", row.id)));
            entry.0 += 1;
        }
        let mut all: Vec<_> = by.into_iter().map(|(reason, (n, example))| (reason, n, example)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all
    }
}

/// Seed of every bootstrap.
const SEED: u64 = 7;

/// Predicts every row and compares.
///
/// The baseline knows multiply-accumulates and one number a core: the median of cycles a multiply-accumulate over the core's priced
/// rows of *other* networks (leave one network out), whatever the software.
pub fn score(rows: &[Measurement], layers: &dyn Fn(&str) -> Option<String>) -> Validation {
    let outcomes = predict(rows, layers);
    let rows: Vec<Scored> = rows
        .iter()
        .zip(outcomes)
        .map(|(row, outcome)| Scored { row: row.clone(), outcome, baseline_ms: None })
        .collect();
    let baselines: Vec<Option<f64>> = rows.iter().map(|s| baseline_ms(s, &rows)).collect();
    let rows: Vec<Scored> =
        rows.into_iter().zip(baselines).map(|(s, baseline_ms)| Scored { baseline_ms, ..s }).collect();
    let mut by: BTreeMap<(String, String, String, &'static str), Vec<&Scored>> = BTreeMap::new();
    for scored in rows.iter().filter(|s| s.outcome.is_ok()) {
        let row = &scored.row;
        let key = (row.core.clone(), row.class.name().to_owned(), dtype(row.dtype), scope(row));
        by.entry(key).or_default().push(scored);
    }
    let groups = by.iter().flat_map(|((core, class, dtype, scope), members)| {
        Quantity::ALL.into_iter().filter_map(|quantity| group([core, class, dtype], scope, quantity, members))
    });
    let groups: Vec<Group> = groups.collect();
    let headlines = headlines(&rows);
    Validation { groups, headlines, rows }
}

fn dtype(dtype: DataType) -> String {
    match dtype {
        DataType::Bits { .. } => "bits".to_owned(),
        other => other.to_string(),
    }
}

fn scope(row: &Measurement) -> &'static str {
    if row.is_whole() { "network" } else { "layer" }
}

/// Open software on M4 and M7, and on one thread of an A53: rows that nobody doubts, then with those that somebody does.
fn headlines(rows: &[Scored]) -> Vec<Group> {
    let families: [(&str, &[&str]); 4] = [
        ("cortex-m4 + cortex-m7", &["cortex-m4", "cortex-m7"]),
        ("cortex-m4", &["cortex-m4"]),
        ("cortex-m7", &["cortex-m7"]),
        ("cortex-a53", &["cortex-a53"]),
    ];
    let mut all = Vec::new();
    for (name, cores) in families {
        for wanted in ["network", "layer"] {
            let is_open = |s: &&Scored| s.outcome.as_ref().is_ok_and(|p| p.is_open);
            let is_member = |s: &&Scored| cores.contains(&s.row.core.as_str()) && scope(&s.row) == wanted;
            let members: Vec<&Scored> = rows.iter().filter(is_open).filter(is_member).collect();
            let sure: Vec<&Scored> = members.iter().copied().filter(|s| !s.row.is_doubtful()).collect();
            all.extend(group([name, "open", "all"], wanted, Quantity::Latency, &sure));
            if sure.len() < members.len() {
                all.extend(group([name, "open, doubtful too", "all"], wanted, Quantity::Latency, &members));
            }
        }
    }
    all
}

fn group(
    [core, class, dtype]: [&str; 3],
    scope: &'static str,
    quantity: Quantity,
    members: &[&Scored],
) -> Option<Group> {
    let pairs: Vec<(f64, f64)> = members.iter().filter_map(|s| s.pair(quantity)).collect();
    let is_time = quantity == Quantity::Latency;
    let naive: Vec<(f64, f64)> =
        members.iter().filter(|_| is_time).filter_map(|s| Some((s.baseline_ms?, s.row.milliseconds()?))).collect();
    let within = |s: &&&Scored| match (&s.outcome, s.row.milliseconds()) {
        (Ok(p), Some(ms)) => p.latency_ms.low <= ms && ms <= p.latency_ms.high,
        _ => false,
    };
    let share = members.iter().filter(within).fold(0.0, |n, _| n + 1.0) / pairs.iter().fold(0.0, |n, _| n + 1.0);
    Some(Group {
        core: core.to_owned(),
        class: class.to_owned(),
        dtype: dtype.to_owned(),
        scope,
        quantity,
        stats: error_stats(&pairs, SEED)?,
        baseline: error_stats(&naive, SEED),
        within_interval: is_time.then_some(share),
        findings: if is_time { diagnose(&observations(members), clock(members)) } else { Vec::new() },
    })
}

fn clock(members: &[&Scored]) -> f64 {
    median(members.iter().filter_map(|s| s.row.clock_mhz).collect())
}

/// What [`diagnose`] looks at: each row once.
fn observations(members: &[&Scored]) -> Vec<Observation> {
    let one = |s: &&Scored| {
        let (predicted_ms, measured_ms) = s.pair(Quantity::Latency)?;
        let p = s.outcome.as_ref().ok()?;
        let kind = if s.row.is_whole() { &s.row.software } else { p.kind };
        let site = format!("{} {}", s.row.id, s.row.workload);
        let kind = kind.to_owned();
        Some(Observation { site, kind, predicted_ms, measured_ms, working_set_bytes: p.working_set_bytes })
    };
    members.iter().filter_map(one).collect()
}

fn baseline_ms(scored: &Scored, all: &[Scored]) -> Option<f64> {
    let per_mac = |s: &Scored| {
        let p = s.outcome.as_ref().ok()?;
        let cycles = s.row.milliseconds()? * s.row.clock_mhz? * 1000.0;
        (p.macs > 0.0).then(|| cycles / p.macs)
    };
    let p = scored.outcome.as_ref().ok().filter(|p| p.macs > 0.0)?;
    let others = all.iter().filter(|s| s.row.core == scored.row.core && s.row.layers != scored.row.layers);
    let factors: Vec<f64> = others.filter_map(per_mac).collect();
    (!factors.is_empty()).then_some(())?;
    Some(p.macs * median(factors) / (scored.row.clock_mhz? * 1000.0))
}
