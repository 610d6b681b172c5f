//! `tinyprec explain`: where one number comes from: formula, counts, coefficients with file and line, and what it rests on.

use super::cost_view::ends;
use super::workload::{WorkArgs, board, kernel_set_of};
use super::{Failure, Outcome, Status, Terminal};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tinyprec::cost::{CallCost, CostTable, Estimator, KernelSet, LevelCost, Sensitivity, sensitivities};
use tinyprec::profile::{ClassKey, Kind, Profile};
use tinyprec::run::Workload;
use tinyprec::trace::KernelCall;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    work: WorkArgs,
    /// Board profile, with overrides after commas
    #[arg(long, value_name = "P")]
    profile: String,
    /// Layer or part of the head; the one with the most cycles where it is left out
    #[arg(long, value_name = "S")]
    site: Option<String>,
    /// Precision of an experiment; its first where it is left out
    #[arg(long, value_name = "NAME")]
    precision: Option<String>,
    /// Only lists every assumed number that moves the whole result by more than 5 %
    #[arg(long)]
    assumptions: bool,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// A class in use, how often it runs in one execution, and its row.
struct Coefficient {
    key: String,
    count: f64,
    value: String,
    kind: Kind,
    place: String,
    source: String,
}

/// One call of the site.
struct Explained {
    cost: CallCost,
    levels: Vec<LevelCost>,
    trips: Vec<String>,
    dims: String,
    coefficients: Vec<Coefficient>,
}

/// Explains the calls of one site.
pub fn run(args: &ExplainArgs, terminal: &Terminal) -> Outcome {
    let works = args.work.load()?;
    let work = pick(&works, args.precision.as_deref())?;
    let board = board(&args.profile)?;
    let kernels = kernel_set_of(&board, args.work.kernel_set())?;
    let estimator = Estimator::new(&board, &kernels)?;
    let table = estimator.estimate(&work.calls)?;
    if args.assumptions {
        return assumptions(args, work, (&board, &kernels), terminal);
    }
    let site = site(&table, args.site.as_deref())?;
    let of_site = |t: &CostTable| t.calls.iter().filter(|c| c.site == site).map(|c| c.cost.cycles.mid).sum::<f64>();
    let [moves] = sensitivities(&work.calls, &board, &kernels, |t| [of_site(t)])?;
    let mut all = Vec::new();
    for (call, cost) in work.calls.iter().zip(&table.calls).filter(|(call, _)| call.site == site) {
        all.push(explained(call, cost, &board, &estimator)?);
    }
    let memory = memory_numbers(&board);
    if args.json {
        let calls: Vec<Value> = all.iter().map(call_json).collect();
        let value = json!({
            "name": work.name, "profile": table.profile, "kernel_set": table.kernel_set, "site": site, "calls": calls,
            "memory": memory.iter().map(coefficient_json).collect::<Vec<_>>(),
            "uncertainty": moves.iter().map(moves_json).collect::<Vec<_>>(),
        });
        terminal.result(&serde_json::to_string_pretty(&value)?)?;
    } else {
        let mut out = vec![format!("{site} of {} on {} ({})", work.name, table.profile, table.kernel_set)];
        out.push(
            "cycles = times × max(Σ levels trips × cycles a trip + waiting for code, constants and data, bandwidth)  (C8)"
                .to_owned(),
        );
        all.iter().for_each(|call| out.extend(call_text(call)));
        out.push("memories (C6, C7):".to_owned());
        out.extend(
            memory.iter().map(|c| format!("  {} = {} ({}) [{}]: {}", c.key, c.value, c.kind.code(), c.place, c.source)),
        );
        out.push("what the uncertainty rests on (moves the site's cycles by, share of all):".to_owned());
        out.extend(moves.iter().map(moves_text));
        terminal.result(&out.join("\n"))?;
    }
    Ok(Status::Done)
}

fn assumptions(args: &ExplainArgs, work: &Workload, on: (&Profile, &KernelSet), terminal: &Terminal) -> Outcome {
    let [moves] = sensitivities(&work.calls, on.0, on.1, |t| [t.total.latency_ms.mid])?;
    let shown: Vec<&Sensitivity> = moves.iter().filter(|s| s.kind == Kind::Assumed && s.moves > 0.05).collect();
    if args.json {
        let list: Vec<Value> = shown.iter().map(|s| moves_json(s)).collect();
        terminal.result(&serde_json::to_string_pretty(&list)?)?;
    } else {
        let mut out =
            vec![format!("assumed numbers that move the latency of {} on {} by more than 5 %:", work.name, on.0.name)];
        out.extend(shown.iter().map(|s| moves_text(s)));
        if shown.is_empty() {
            out.push("  none".to_owned());
        }
        terminal.result(&out.join("\n"))?;
    }
    Ok(Status::Done)
}

fn pick<'a>(works: &'a [Workload], name: Option<&str>) -> Result<&'a Workload, Failure> {
    let found = match name {
        None => works.first(),
        Some(name) => works.iter().find(|w| w.name == name),
    };
    found.ok_or_else(|| {
        let known: Vec<&str> = works.iter().map(|w| w.name.as_str()).collect();
        Failure::new(format!("there is no such precision; there is {}", known.join(", ")))
    })
}

fn site(table: &CostTable, asked: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = asked {
        if table.sites.iter().any(|s| s.site == name) {
            return Ok(name.to_owned());
        }
        let known: Vec<&str> = table.sites.iter().map(|s| s.site.as_str()).collect();
        return Err(Failure::new(format!("there is no site `{name}`; there is {}", known.join(", "))));
    }
    let most = table.sites.iter().max_by(|a, b| a.cost.cycles.mid.total_cmp(&b.cost.cycles.mid));
    most.map(|s| s.site.clone()).ok_or_else(|| Failure::new("there is nothing to explain: no operation was listed"))
}

fn explained(
    call: &KernelCall,
    cost: &CallCost,
    board: &Profile,
    estimator: &Estimator<'_>,
) -> Result<Explained, Failure> {
    let kernel = estimator.kernel(call)?;
    let levels = estimator.explain(call)?;
    let mut counts: BTreeMap<ClassKey, f64> = BTreeMap::new();
    for (level, priced) in kernel.levels.iter().zip(&levels) {
        for instr in &level.body {
            *counts.entry((instr.class, instr.width)).or_insert(0.0) += priced.trips.mid;
        }
    }
    let rows = board.core_numbers();
    let row = |(class, width): ClassKey| {
        let of = |key: ClassKey| rows.iter().find(|r| r.class == Some(key));
        of((class, width)).or_else(|| of((class, None)))
    };
    let mut coefficients: Vec<Coefficient> = Vec::new();
    for (key, count) in counts {
        let Some(row) = row(key) else { continue };
        match coefficients.iter_mut().find(|c| c.key == row.key) {
            Some(known) => known.count += count,
            None => coefficients.push(Coefficient {
                key: row.key.clone(),
                count,
                value: row.text.clone(),
                kind: row.kind,
                place: format!("{}:{}", board.core.file, row.line),
                source: row.source.clone(),
            }),
        }
    }
    let others = rows.iter().filter(|r| r.class.is_none());
    coefficients.extend(others.map(|r| Coefficient {
        key: r.key.clone(),
        count: 0.0,
        value: r.text.clone(),
        kind: r.kind,
        place: format!("{}:{}", board.core.file, r.line),
        source: r.source.clone(),
    }));
    Ok(Explained {
        cost: cost.clone(),
        trips: kernel.levels.iter().map(|l| l.trips.text().to_owned()).collect(),
        dims: call.dims.iter().map(|(name, n)| format!("{name}={n}")).collect::<Vec<_>>().join(" "),
        levels,
        coefficients,
    })
}

fn memory_numbers(board: &Profile) -> Vec<Coefficient> {
    let is_memory =
        |key: &str| ["fetch.", "constants.", "data.", "flash.wait", "clock."].iter().any(|p| key.starts_with(p));
    let all = board.quantities().into_iter().filter(|(key, _)| is_memory(key));
    all.map(|(key, q)| Coefficient {
        key,
        count: 0.0,
        value: q.text(),
        kind: q.kind,
        place: format!("{}:{}", board.file, q.line),
        source: q.source.clone(),
    })
    .collect()
}

fn call_text(call: &Explained) -> Vec<String> {
    let (c, p) = (&call.cost, &call.cost.parts);
    let mut out = vec![
        format!("{:?}, kernel {}, {} time(s): {}", c.op, c.kernel, c.times, call.dims),
        format!(
            "  {:.0} cycles ({:.0} to {:.0}) = pipeline {:.0} + code {:.0} + constants {:.0} + data {:.0}; bound: {}",
            c.cost.cycles.mid,
            c.cost.cycles.low,
            c.cost.cycles.high,
            p.pipeline.mid,
            p.fetch.mid,
            p.constants.mid,
            p.data.mid,
            c.bound.text()
        ),
        "  levels of one execution:".to_owned(),
    ];
    for (level, trips) in call.levels.iter().zip(&call.trips) {
        let breaks = level.breaks;
        let breaks = if breaks.high > 0.0 { format!(" + {:.0} mispredicted", breaks.mid) } else { String::new() };
        out.push(format!(
            "    {:<26} {trips} = {:.0} trips × {:.2} cycles ({:.2} to {:.2}; {} instructions, {}) = {:.0}{breaks}",
            level.name,
            level.trips.mid,
            level.body_cycles.mid,
            level.body_cycles.low,
            level.body_cycles.high,
            level.instructions,
            level.bound.text(),
            level.cycles.mid
        ));
    }
    out.push("  coefficients (instructions of one execution):".to_owned());
    out.extend(call.coefficients.iter().map(|c| {
        let count = if c.count > 0.0 { format!("{:.0} × ", c.count) } else { String::new() };
        format!("    {count}{} = {} ({}) [{}]: {}", c.key, c.value, c.kind.code(), c.place, c.source)
    }));
    out
}

fn moves_text(s: &Sensitivity) -> String {
    format!(
        "  {:>5.1} %  {:>5.1} %  {} = {} ({}) [{}]: {}",
        100.0 * s.moves,
        100.0 * s.share,
        s.key,
        s.value,
        s.kind.code(),
        s.place,
        s.source
    )
}

fn moves_json(s: &Sensitivity) -> Value {
    json!({
        "key": s.key, "value": s.value, "kind": s.kind.code(), "source": s.source, "place": s.place,
        "low": s.low, "high": s.high, "moves": s.moves, "share": s.share,
    })
}

fn coefficient_json(c: &Coefficient) -> Value {
    json!({
        "key": c.key, "count": c.count, "value": c.value, "kind": c.kind.code(), "place": c.place, "source": c.source,
    })
}

fn call_json(call: &Explained) -> Value {
    let c = &call.cost;
    let level = |(level, trips): (&LevelCost, &String)| {
        json!({
            "name": level.name, "formula": trips, "trips": ends(level.trips), "instructions": level.instructions,
            "cycles_per_trip": ends(level.body_cycles), "cycles": ends(level.cycles), "bound": level.bound.text(),
            "mispredicted_cycles": ends(level.breaks),
        })
    };
    json!({
        "op": c.op, "kernel": c.kernel, "times": c.times, "dims": call.dims, "cycles": ends(c.cost.cycles),
        "pipeline_cycles": ends(c.parts.pipeline), "code_wait_cycles": ends(c.parts.fetch),
        "constants_wait_cycles": ends(c.parts.constants), "data_wait_cycles": ends(c.parts.data),
        "bound": c.bound.text(), "levels": call.levels.iter().zip(&call.trips).map(level).collect::<Vec<_>>(),
        "coefficients": call.coefficients.iter().map(coefficient_json).collect::<Vec<_>>(),
    })
}
