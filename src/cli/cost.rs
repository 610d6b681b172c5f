//! `tinyprec cost`: what a network costs on a board, without running it.

use super::{Failure, Outcome, Status, Terminal, load};
use clap::Args;
use serde_json::{Value, json};
use std::path::Path;
use tinyprec::cost::{CostTable, Range, estimate, kernel_set};
use tinyprec::profile;

/// Kernel set where none is named.
const KERNEL_SET: &str = "gcc12-o2";

/// Arguments of `cost`.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// Published network's name (`tinyprec model list`) or network file; `tinyprec run` prices an experiment's head too
    input: String,
    /// Board profile: a built-in name or a TOML file; may be given several times
    #[arg(long = "profile", value_name = "P", required = true)]
    profiles: Vec<String>,
    /// Kernel set
    #[arg(long, value_name = "SET", default_value = KERNEL_SET)]
    kernel_set: String,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prices one inference and renders it by site.
pub fn run(args: &CostArgs, terminal: &Terminal) -> Outcome {
    if Path::new(&args.input).extension().is_some_and(|e| e == "toml") {
        let message = "prices networks (safetensors); for an experiment with its head use `tinyprec run`";
        return Err(Failure::new(format!("{}: `cost` {message}", args.input)));
    }
    let graph = load::model(&args.input, None)?.graph;
    let calls = graph.calls();
    let mut tables = Vec::new();
    for name in &args.profiles {
        let board = profile::load(name)?;
        let kernels = kernel_set(&board.core.core, &args.kernel_set)?;
        tables.push(estimate(&calls, &board, &kernels)?);
    }
    if args.json {
        let value: Value = tables.iter().map(whole).collect();
        terminal.result(&serde_json::to_string_pretty(&value)?)?;
    } else {
        terminal.result(&tables.iter().map(described).collect::<Vec<_>>().join("\n\n"))?;
    }
    Ok(Status::Done)
}

fn ends(r: Range) -> Value {
    json!({ "low": r.low, "mid": r.mid, "high": r.high })
}

fn whole(t: &CostTable) -> Value {
    let site = |s: &tinyprec::cost::SiteCost| {
        json!({
            "phase": s.phase, "site": s.site, "kernel": s.kernel, "cycles": ends(s.cost.cycles),
            "latency_ms": ends(s.cost.latency_ms), "energy_uj": ends(s.cost.energy_uj), "memory_share": s.memory_share,
        })
    };
    json!({
        "profile": t.profile, "core": t.core, "kernel_set": t.kernel_set, "cycles": ends(t.total.cycles),
        "latency_ms": ends(t.total.latency_ms), "energy_uj": ends(t.total.energy_uj),
        "ram_bytes": t.memory.ram_bytes, "flash_bytes": t.memory.flash_bytes, "fits": t.memory.fits(),
        "sites": t.sites.iter().map(site).collect::<Vec<_>>(),
    })
}

fn described(t: &CostTable) -> String {
    let ms = t.total.latency_ms;
    let mut lines = vec![format!(
        "{}: {:.3} ms ({:.3} to {:.3}), {:.1} µJ, RAM {} B, flash {} B, {}",
        t.profile,
        ms.mid,
        ms.low,
        ms.high,
        t.total.energy_uj.mid,
        t.memory.ram_bytes,
        t.memory.flash_bytes,
        if t.memory.fits() { "fits" } else { "does not fit" }
    )];
    let total = t.total.cycles.mid;
    lines.extend(t.sites.iter().map(|s| {
        let share = if total > 0.0 { 100.0 * s.cost.cycles.mid / total } else { 0.0 };
        format!("  {:<16} {:>12.0} cycles {share:>5.1} %  {}", s.site, s.cost.cycles.mid, s.kernel)
    }));
    lines.join("\n")
}
