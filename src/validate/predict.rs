//! Rows → predictions by the cost model: cycles with their interval and their causes, milliseconds, energy, RAM, flash.

use super::board::RowBoard;
use super::engines::Family;
use super::measurement::{Measurement, SoftwareClass};
use super::ready::{Ready, ready};
use super::software::Software;
use super::workload::{is_of_layer, kind_of, row_calls};
use crate::cost::{Breakdown, CostTable, Estimator, Range, Term, macs};
use crate::profile::Profile;
use crate::trace::KernelCall;
use serde::Serialize;
use std::collections::BTreeMap;

/// Why a row is not priced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No table of the core.
    #[error("core: {0} is not modelled")]
    Core(String),
    /// The software's structure is not modelled on that core.
    #[error("software: {0}")]
    Software(String),
    /// More threads than one.
    #[error("threads: {0}; one is modelled")]
    Threads(u32),
    /// Layers unknown.
    #[error("workload: {0}")]
    Workload(String),
    /// Data types without kernels.
    #[error("data type: {0}")]
    DataType(String),
    /// A clock that the profile cannot reach.
    #[error("clock: {0}")]
    Clock(String),
    /// Memory that the profile does not have.
    #[error("memory: {0}")]
    Memory(String),
    /// No such profile, or an override that it does not take.
    #[error("profile: {0}")]
    Profile(String),
    /// No kernel of the shape.
    #[error("kernel: {0}")]
    Kernel(String),
    /// Nothing that a prediction is compared with.
    #[error("nothing to compare: neither time, energy, RAM nor flash of a workload that is priced")]
    Nothing,
}

impl Refusal {
    /// The word before the colon, for counts.
    pub fn reason(&self) -> &'static str {
        match self {
            Refusal::Core(_) => "core",
            Refusal::Software(_) => "software",
            Refusal::Threads(_) => "threads",
            Refusal::Workload(_) => "workload",
            Refusal::DataType(_) => "data type",
            Refusal::Clock(_) => "clock",
            Refusal::Memory(_) => "memory",
            Refusal::Profile(_) => "profile",
            Refusal::Kernel(_) => "kernel",
            Refusal::Nothing => "nothing to compare",
        }
    }
}

/// What the model says of one row. Uncalibrated: documented constants alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Profile with the row's configuration.
    pub profile: String,
    /// Kernel set.
    pub kernel_set: String,
    /// Name of the software's structure, see [`super::SOFTWARE`].
    pub software: &'static str,
    /// Whether that structure is open; else `factor` stands for what is not known.
    pub is_open: bool,
    /// Cycles over those of the kernel set and its calls, over all layers; already in every figure.
    #[serde(skip)]
    pub factor: Range,
    /// Core cycles.
    #[serde(skip)]
    pub cycles: Range,
    /// Milliseconds.
    #[serde(skip)]
    pub latency_ms: Range,
    /// Microjoules: the profile's active power × time.
    #[serde(skip)]
    pub energy_uj: Range,
    /// Bytes of RAM and of flash, reserves included; `None` for a layer of a network.
    pub memory_bytes: Option<(u64, u64)>,
    /// Middle cycles and events by cause; the cycles add up to `cycles.mid`.
    pub terms: Breakdown,
    /// Multiply-accumulates.
    pub macs: f64,
    /// Bytes of weights and maps that it touches.
    pub working_set_bytes: f64,
    /// Kind of its operation (`pointwise`, `depthwise` …), `network` for more than one layer.
    pub kind: &'static str,
    /// What is doubtful about it.
    pub flags: Vec<String>,
}

/// Cost of one layer list in one configuration.
struct Priced {
    calls: Vec<KernelCall>,
    table: CostTable,
    terms: Vec<Breakdown>,
    left_out: Vec<String>,
    /// Runs of the workload that the calls make together.
    runs: u64,
}

/// Row, its board with the numbers it is priced with, and its configuration.
type Member<'r> = (usize, RowBoard, &'r Ready);

/// Predicts every row, in order. `layers` gives the text of a layer list by the name that rows use.
///
/// Rows of one configuration share a kernel set and its timing; rows of one workload share its table.
pub fn predict(rows: &[Measurement], layers: &dyn Fn(&str) -> Option<String>) -> Vec<Result<Prediction, Refusal>> {
    let ready = ready(rows);
    let configured: Vec<_> = rows.iter().zip(&ready).collect();
    predict_with(&configured, layers, &|_, _| ())
}

/// As [`predict()`] for rows whose configuration is at hand, with every row's profile changed by `adjust`, which is given the name
/// of the profile without overrides.
pub(super) fn predict_with(
    rows: &[(&Measurement, &Result<Ready, Refusal>)],
    layers: &dyn Fn(&str) -> Option<String>,
    adjust: &dyn Fn(&str, &mut Profile),
) -> Vec<Result<Prediction, Refusal>> {
    let mut results: Vec<Option<Result<Prediction, Refusal>>> = rows.iter().map(|_| None).collect();
    let mut groups: BTreeMap<(&str, &str), Vec<Member<'_>>> = BTreeMap::new();
    for (index, (_, ready)) in rows.iter().enumerate() {
        match ready {
            Ok(ready) => {
                let mut board = ready.board.clone();
                adjust(ready.board.base(), &mut board.profile);
                groups.entry((&ready.board.spec, &ready.set)).or_default().push((index, board, ready));
            }
            Err(refusal) => results[index] = Some(Err(refusal.clone())),
        }
    }
    for members in groups.into_values() {
        let (_, board, ready) = &members[0];
        let priced = ready.kernels.as_ref().map_err(Clone::clone).and_then(|set| {
            Ok((set, Estimator::new(&board.profile, set).map_err(|e| Refusal::Kernel(e.to_string()))?))
        });
        let mut tables: BTreeMap<String, Result<Priced, Refusal>> = BTreeMap::new();
        for (index, board, ready) in &members {
            let row = rows[*index].0;
            results[*index] = Some(priced.as_ref().map_err(Clone::clone).and_then(|(set, estimator)| {
                let key = format!("{} {} {}", row.layers, row.dtype, row.class.name());
                let priced = tables.entry(key).or_insert_with(|| price(row, layers, estimator));
                let priced = priced.as_ref().map_err(Clone::clone)?;
                prediction(row, priced, board, ready.software, set.name())
            }));
        }
    }
    let done = results.into_iter().map(|r| r.unwrap_or(Err(Refusal::Nothing)));
    rows.iter().zip(done).map(|((row, _), result)| Ok(unknown_level(row, result?, layers))).collect()
}

/// Training programs come with no compiler flags: the interval then spans -O2 to -O0, its middle the geometric mean of both.
fn unknown_level(row: &Measurement, mut p: Prediction, layers: &dyn Fn(&str) -> Option<String>) -> Prediction {
    if row.class != SoftwareClass::FloatTraining || row.flags.is_some() {
        return p;
    }
    let optimised = Measurement { flags: Some("-O2".to_owned()), ..row.clone() };
    if let Some(Ok(fast)) = predict(&[optimised], layers).pop() {
        let share = (fast.cycles.mid / p.cycles.mid).sqrt();
        for (range, faster) in
            [(&mut p.cycles, fast.cycles), (&mut p.latency_ms, fast.latency_ms), (&mut p.energy_uj, fast.energy_uj)]
        {
            *range = Range { low: range.low.min(faster.low), mid: range.mid * share, high: range.high };
        }
        p.terms = p.terms.slower(share);
        p.flags.push(format!("compiler flags unknown: geometric mean of -O0 and -O2 ({:.4} ms)", fast.latency_ms.mid));
    }
    p
}

fn price(row: &Measurement, layers: &dyn Fn(&str) -> Option<String>, estimator: &Estimator) -> Result<Priced, Refusal> {
    let (mut calls, mut left_out) = (Vec::new(), Vec::new());
    let (all, runs) = row_calls(row, layers)?;
    for call in all {
        match estimator.kernel(&call) {
            Ok(_) => calls.push(call),
            // What multiplies decides the time; the rest of a network without a kernel is left out and said.
            Err(_) if macs(&call).is_none() => left_out.push(call.site.clone()),
            Err(e) => return Err(Refusal::Kernel(e.to_string())),
        }
    }
    let fail = |e: crate::cost::CostError| Refusal::Kernel(e.to_string());
    let table = estimator.estimate(&calls).map_err(fail)?;
    let terms = calls.iter().zip(&table.calls).map(|(call, cost)| estimator.breakdown(call, cost).map_err(fail));
    Ok(Priced { terms: terms.collect::<Result<_, _>>()?, calls, table, left_out, runs })
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn prediction(
    row: &Measurement,
    priced: &Priced,
    board: &RowBoard,
    software: &'static Software,
    set: &str,
) -> Result<Prediction, Refusal> {
    let is_chosen = |call: &KernelCall| row.layer.is_none_or(|idx| is_of_layer(call, idx));
    let chosen: Vec<usize> = (0..priced.calls.len()).filter(|&i| is_chosen(&priced.calls[i])).collect();
    let Some(&first) = chosen.first() else {
        let layer = row.layer.map_or_else(String::new, |idx| format!(" {idx}"));
        return Err(Refusal::Kernel(format!("no call of layer{layer} in {} has a kernel", row.layers)));
    };
    let mut flags = board.flags.clone();
    if row.layer.is_none() && !priced.left_out.is_empty() {
        flags.push(format!("left out for want of a kernel: {}", priced.left_out.join(", ")));
    }
    let mut terms = Breakdown::default();
    let (mut as_set, mut cycles) = (Range::default(), Range::default());
    let (mut n_macs, mut touched) = (0.0, 0.0);
    let with_weights = software.call.cycles(&row.core, set);
    let calibrated =
        board.profile.software.get(&software.key()).map_or(Range::exact(1.0), |q| Range::over(|end| q.cost(end)));
    let factor_of = |family| software.efficiency().of(family) * calibrated;
    for &index in &chosen {
        let call = &priced.calls[index];
        let times = call.times as f64;
        n_macs += macs(call).unwrap_or(0.0) * times;
        touched += call.buffers.iter().map(|b| b.bytes as f64).sum::<f64>();
        // Planes of bits run back to back in one call of the software; a program's steps are calls of their own.
        let entries = if priced.runs > 1 { times } else { 1.0 };
        let share = if macs(call).is_some() { 1.0 } else { software.call.without_weights };
        let of_a_call = with_weights * Range::exact(share);
        let mut of_call = priced.terms[index];
        of_call.add(Term::Call, entries * of_a_call.mid, entries);
        let plain = priced.table.calls[index].cost.cycles + Range::exact(entries) * of_a_call;
        let factor = factor_of(Family::of(kind_of(call)));
        terms += of_call.slower(factor.mid);
        as_set = as_set + plain;
        cycles = cycles + plain * factor;
    }
    let per_run = 1.0 / priced.runs as f64;
    let factor = Range::over(|end| cycles.at(end) / as_set.at(end));
    if !software.is_open() {
        flags.push(format!("{:.2} x {}: {}", factor.mid, software.name, software.source));
    }
    let cycles = cycles * Range::exact(per_run);
    let profile = &board.profile;
    let latency_ms = Range::over(|end| cycles.at(end) / (profile.clock_mhz.capacity(end) * 1000.0));
    let power = Range::over(|end| profile.power.active_mw.cost(end));
    let memory = &priced.table.memory;
    Ok(Prediction {
        profile: board.spec.clone(),
        kernel_set: set.to_owned(),
        software: software.name,
        is_open: software.is_open(),
        factor,
        cycles,
        latency_ms,
        energy_uj: latency_ms * power,
        memory_bytes: row.is_whole().then_some((memory.ram_bytes, memory.flash_bytes)),
        terms: terms.slower(per_run),
        macs: n_macs * per_run,
        working_set_bytes: touched,
        kind: if chosen.iter().all(|&i| priced.calls[i].site == priced.calls[first].site) {
            kind_of(&priced.calls[chosen[chosen.len() - 1]])
        } else {
            "network"
        },
        flags,
    })
}
