//! How `tinyprec cost` shows one workload on one board.

use super::cost::By;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tinyprec::cost::{Alert, Audit, CallCost, CostTable, MemoryPlan, Range, Sensitivity, macs};
use tinyprec::profile::{Kind, Quantity};
use tinyprec::run::{Largest, Workload};

/// Everything that is shown.
pub struct View<'a> {
    pub work: &'a Workload,
    pub table: CostTable,
    /// RAM and flash with the samples that a device may keep.
    pub with_samples: MemoryPlan,
    pub alerts: Vec<Alert>,
    pub audit: Option<Audit>,
    pub largest: Option<Largest>,
    pub idle_mw: Option<f64>,
    pub active_mw: f64,
    pub power_scope: String,
    pub assumptions: Option<Vec<Sensitivity>>,
    /// What the board's profile keeps back of RAM and of flash.
    pub reserves: (Quantity, Option<Quantity>),
}

/// One line of the table.
struct Line {
    name: String,
    kernel: String,
    cycles: Range,
    macs: f64,
    waits: f64,
    bound: String,
}

/// Assumed numbers below this are not shown.
pub const SHOWN_MOVE: f64 = 0.05;

impl View<'_> {
    fn lines(&self, by: By) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let mut slowest: BTreeMap<String, f64> = BTreeMap::new();
        for (unit, span) in &self.work.units {
            for (call, cost) in self.work.calls[span.clone()].iter().zip(&self.table.calls[span.clone()]) {
                let name = match by {
                    By::Layer if self.work.units.len() > 1 => format!("{unit}: {}", cost.site),
                    By::Layer => cost.site.clone(),
                    By::Phase => format!("{unit}: {}", phase(cost)),
                    By::Kernel => cost.kernel.clone(),
                };
                let work = macs(call).unwrap_or(0.0) * call.times as f64;
                let cycles = cost.cost.cycles;
                let waits = cycles.mid * cost.memory_share;
                let at = lines.iter().position(|l| l.name == name).unwrap_or_else(|| {
                    let kernel = String::new();
                    let bound = String::new();
                    lines.push(Line {
                        name: name.clone(),
                        kernel,
                        cycles: Range::default(),
                        macs: 0.0,
                        waits: 0.0,
                        bound,
                    });
                    lines.len() - 1
                });
                let line = &mut lines[at];
                line.cycles = line.cycles + cycles;
                line.macs += work;
                line.waits += waits;
                if !line.kernel.split('+').any(|k| k == cost.kernel) {
                    line.kernel = [line.kernel.as_str(), cost.kernel.as_str()].join("+").trim_matches('+').to_owned();
                }
                let most = slowest.entry(name).or_insert(-1.0);
                if cycles.mid > *most {
                    *most = cycles.mid;
                    line.bound = cost.bound.text();
                }
            }
        }
        lines
    }

    /// For people.
    pub fn text(&self, by: By, with_timeline: bool) -> String {
        let t = &self.table;
        let mut out = vec![format!("{} on {} ({}, {})", self.work.name, t.profile, t.core, t.kernel_set)];
        for (unit, span) in &self.work.units {
            let cost = t.calls[span.clone()].iter().map(|c| c.cost).sum::<tinyprec::cost::Cost>();
            let (ms, uj) = (cost.latency_ms, cost.energy_uj);
            let above = self.idle_mw.map_or(String::new(), |idle| {
                format!(", {:.1} µJ of them above idle", (self.active_mw - idle) * ms.mid)
            });
            out.push(format!(
                "  {unit}: {:.3} ms ({:.3} to {:.3}), {:.1} µJ ({:.1} to {:.1}){above}",
                ms.mid, ms.low, ms.high, uj.mid, uj.low, uj.high
            ));
        }
        out.push(format!("  energy is power × time of: {}", self.power_scope));
        out.extend(self.memory_text());
        let total = t.total.cycles.mid.max(f64::MIN_POSITIVE);
        let lines = self.lines(by);
        let width = lines.iter().map(|l| l.name.chars().count()).max().unwrap_or(0).max(5);
        out.push(format!(
            "  {:<width$} {:>13} {:>7} {:>11} {:>7}  {:<10} {}",
            "", "cycles", "share %", "cycles/MAC", "wait %", "bound", "kernel"
        ));
        for line in lines {
            let per_mac = if line.macs > 0.0 { format!("{:.3}", line.cycles.mid / line.macs) } else { "-".to_owned() };
            out.push(format!(
                "  {:<width$} {:>13.0} {:>7.1} {:>11} {:>7.1}  {:<10} {}",
                line.name,
                line.cycles.mid,
                100.0 * line.cycles.mid / total,
                per_mac,
                100.0 * line.waits / line.cycles.mid.max(f64::MIN_POSITIVE),
                line.bound,
                line.kernel
            ));
        }
        out.extend(self.alerts.iter().map(|a| format!("  alert: {}", a.text())));
        out.extend(self.audit.iter().flat_map(|a| audit_text(a, total)));
        out.extend(self.assumptions.iter().flat_map(|list| assumption_text(list)));
        if with_timeline {
            out.extend(self.timeline_text());
        }
        out.join("\n")
    }

    fn memory_text(&self) -> Vec<String> {
        let m = &self.table.memory;
        let verdict = match (m.fits(), m.missing_ram_bytes(), m.missing_flash_bytes()) {
            (true, _, _) => "fits".to_owned(),
            (false, ram, 0) => format!("does not fit: {ram} B of RAM are missing"),
            (false, 0, flash) => format!("does not fit: {flash} B of flash are missing"),
            (false, ram, flash) => format!("does not fit: {ram} B of RAM and {flash} B of flash are missing"),
        };
        let mut out = vec![format!(
            "  {verdict}; arena {} B by {} (no plan is below {} B)",
            m.arena.bytes,
            m.arena.planner.text(),
            m.arena.lower_bound
        )];
        for region in m.regions() {
            let share = 100.0 * region.used_bytes as f64 / (region.size_bytes as f64).max(1.0);
            out.push(format!(
                "  {:<20} {:>10} of {:>10} B ({share:.1} %): {}",
                region.name, region.used_bytes, region.size_bytes, region.holds
            ));
        }
        if let Some(stored) = &self.work.stored {
            let verdict = if self.with_samples.fits() { "fits" } else { "does not fit" };
            out.push(format!(
                "  the largest experience's {} samples, where kept as features, take {} B more: {verdict}; there is room for {}",
                stored.samples,
                stored.bytes(),
                m.ram_size_bytes.saturating_sub(m.ram_bytes) / stored.sample_bytes.max(1)
            ));
        }
        if let Some(l) = self.largest {
            let text = |n: Option<usize>| n.map_or("none".to_owned(), |n| n.to_string());
            out.push(format!(
                "  largest that fits, each alone: batch {}, classes {}, features {}",
                text(l.batch),
                text(l.classes),
                text(l.features)
            ));
        }
        out
    }

    fn timeline_text(&self) -> Vec<String> {
        let mut out = vec!["  RAM call by call: state + arena B, and what lives in the arena".to_owned()];
        for point in &self.table.memory.timeline {
            let names: Vec<String> = self
                .table
                .memory
                .live_at(point.call)
                .map(|p| format!("{}@{}+{}", p.buffer.name, p.offset, p.buffer.bytes))
                .collect();
            let site = self.table.calls.get(point.call).map_or("", |c| &c.site);
            let sizes = format!("{} + {}", point.state_bytes, point.arena_bytes);
            out.push(format!("  {:>4} {site:<24} {sizes:>20}  {}", point.call, names.join(" ")));
        }
        out
    }

    /// For programs.
    pub fn json(&self, with_timeline: bool) -> Value {
        let (t, m) = (&self.table, &self.table.memory);
        let unit = |(name, span): &(String, std::ops::Range<usize>)| {
            let cost = t.calls[span.clone()].iter().map(|c| c.cost).sum::<tinyprec::cost::Cost>();
            let idle = self.idle_mw.map(|mw| mw * cost.latency_ms.mid);
            json!({
                "unit": name, "cycles": ends(cost.cycles), "latency_ms": ends(cost.latency_ms),
                "energy_uj": ends(cost.energy_uj), "idle_energy_uj": idle,
            })
        };
        let site = |s: &tinyprec::cost::SiteCost| {
            json!({
                "phase": s.phase, "site": s.site, "kernel": s.kernel, "cycles": ends(s.cost.cycles),
                "latency_ms": ends(s.cost.latency_ms), "energy_uj": ends(s.cost.energy_uj),
                "memory_share": s.memory_share, "bound": s.bound.text(),
            })
        };
        let lines = |by| {
            let line = |l: Line| {
                let per_mac = (l.macs > 0.0).then(|| l.cycles.mid / l.macs);
                json!({
                    "name": l.name, "kernel": l.kernel, "cycles": ends(l.cycles), "macs": l.macs,
                    "cycles_per_mac": per_mac, "wait_cycles": l.waits, "bound": l.bound,
                    "share": l.cycles.mid / t.total.cycles.mid.max(f64::MIN_POSITIVE),
                })
            };
            self.lines(by).into_iter().map(line).collect::<Vec<_>>()
        };
        let mut value = json!({
            "name": self.work.name, "profile": t.profile, "core": t.core, "kernel_set": t.kernel_set,
            "cycles": ends(t.total.cycles), "latency_ms": ends(t.total.latency_ms),
            "energy_uj": ends(t.total.energy_uj), "ram_bytes": m.ram_bytes, "flash_bytes": m.flash_bytes,
            "fits": m.fits(), "missing_ram_bytes": m.missing_ram_bytes(), "missing_flash_bytes": m.missing_flash_bytes(),
            "arena_bytes": m.arena.bytes, "arena_lower_bound_bytes": m.arena.lower_bound,
            "arena_planner": m.arena.planner.text(), "state_bytes": m.state_bytes, "constant_bytes": m.constant_bytes,
            "code_bytes": m.code_bytes, "table_bytes": m.table_bytes, "stack_bytes": m.stack_bytes,
            "regions": m.regions().iter().map(|r| json!({
                "name": r.name, "used_bytes": r.used_bytes, "size_bytes": r.size_bytes, "holds": r.holds,
            })).collect::<Vec<_>>(),
            "units": self.work.units.iter().map(unit).collect::<Vec<_>>(),
            "sites": t.sites.iter().map(site).collect::<Vec<_>>(),
            "layers": lines(By::Layer), "phases": lines(By::Phase), "kernels": lines(By::Kernel),
            "alerts": self.alerts.iter().map(Alert::text).collect::<Vec<_>>(),
        });
        if let Some(stored) = &self.work.stored {
            let room = m.ram_size_bytes.saturating_sub(m.ram_bytes) / stored.sample_bytes.max(1);
            value["stored_samples"] = json!({
                "samples": stored.samples, "sample_bytes": stored.sample_bytes, "bytes": stored.bytes(),
                "fits": self.with_samples.fits(), "room_for_samples": room,
            });
        }
        if let Some(l) = self.largest {
            value["largest"] = json!({ "batch": l.batch, "classes": l.classes, "features": l.features });
        }
        if let Some(a) = &self.audit {
            let shares: Vec<_> = a.shares.iter().map(|(s, c)| json!({ "part": s.text(), "cycles": c })).collect();
            let layers = a.layers.iter();
            let layers: Vec<_> =
                layers.map(|(site, macs, speedup)| json!({ "site": site, "macs": macs, "speedup": speedup })).collect();
            value["audit"] = json!({
                "word_bits": a.word_bits, "binary_macs": a.binary_macs, "attained": a.attained,
                "float_cycles_per_mac": a.float_cycles_per_mac, "float_network_cycles": a.float_network_cycles,
                "shares": shares, "layers": layers,
            });
        }
        if let Some(list) = &self.assumptions {
            value["assumptions"] = shown(list)
                .map(|s| {
                    json!({
                        "key": s.key, "value": s.value, "kind": s.kind.code(), "source": s.source, "place": s.place,
                        "low_ms": s.low, "high_ms": s.high, "moves": s.moves,
                    })
                })
                .collect();
        }
        if with_timeline {
            let point = |p: &tinyprec::cost::LivePoint| {
                let live = self.table.memory.live_at(p.call);
                let live: Vec<_> = live
                    .map(|b| json!({ "name": b.buffer.name, "offset": b.offset, "bytes": b.buffer.bytes }))
                    .collect();
                json!({ "call": p.call, "state_bytes": p.state_bytes, "arena_bytes": p.arena_bytes, "live": live })
            };
            value["timeline"] = self.table.memory.timeline.iter().map(point).collect();
        }
        value
    }
}

/// Three ends of a number.
pub fn ends(r: Range) -> Value {
    json!({ "low": r.low, "mid": r.mid, "high": r.high })
}

fn phase(cost: &CallCost) -> String {
    format!("{:?}", cost.phase).to_lowercase()
}

fn shown(list: &[Sensitivity]) -> impl Iterator<Item = &Sensitivity> {
    list.iter().filter(|s| s.kind == Kind::Assumed && s.moves > SHOWN_MOVE)
}

fn assumption_text(list: &[Sensitivity]) -> Vec<String> {
    let mut out =
        vec!["  assumed numbers that move the latency by more than 5 % (low to high end, this one alone):".to_owned()];
    out.extend(
        shown(list)
            .map(|s| format!("    {:>5.1} %  {} = {} [{}]: {}", 100.0 * s.moves, s.key, s.value, s.place, s.source)),
    );
    if out.len() == 1 {
        out.push("    none".to_owned());
    }
    out
}

fn audit_text(a: &Audit, total: f64) -> Vec<String> {
    let mut out = vec![format!(
        "  speed-up of the binary layers over float: promised {:.0}x, attained {:.1}x (float {:.2} cycles/MAC); whole network {:.1}x",
        a.word_bits,
        a.attained,
        a.float_cycles_per_mac,
        a.float_network_cycles / total
    )];
    for (share, cycles) in &a.shares {
        out.push(format!("    {:<28} {:>13.0} cycles {:>5.1} %", share.text(), cycles, 100.0 * cycles / total));
    }
    out.extend(a.layers.iter().map(|(site, _, speedup)| format!("    {site:<28} {speedup:>6.1}x")));
    out
}

/// Between the precisions of one experiment on one board: a lower one that takes longer or more memory than a higher one.
pub fn size_alerts(views: &[View<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    for low in views {
        for high in views.iter().filter(|v| v.table.profile == low.table.profile) {
            let (Some(a), Some(b)) = (low.work.bits(), high.work.bits()) else { continue };
            if a >= b {
                continue;
            }
            let (steps, bytes) =
                (unit_ms(low, high, "step"), (low.table.memory.ram_bytes, high.table.memory.ram_bytes));
            if let Some((slow, fast)) = steps.filter(|(slow, fast)| slow > fast) {
                let why = slowest_gain(low, high);
                out.push(format!(
                    "alert on {}: a step of {} takes {slow:.3} ms, of {} (more bits) {fast:.3} ms: {why}",
                    low.table.profile, low.work.name, high.work.name
                ));
            }
            if bytes.0 > bytes.1 {
                out.push(format!(
                    "alert on {}: {} takes {} B of RAM, {} (more bits) {} B: its accumulators, error and gradient are kept besides the weights",
                    low.table.profile, low.work.name, bytes.0, high.work.name, bytes.1
                ));
            }
        }
    }
    out
}

fn unit_ms(a: &View<'_>, b: &View<'_>, unit: &str) -> Option<(f64, f64)> {
    let ms = |view: &View<'_>| {
        let (_, span) = view.work.units.iter().find(|(name, _)| name == unit)?;
        Some(view.table.calls[span.clone()].iter().map(|c| c.cost.latency_ms.mid).sum::<f64>())
    };
    Some((ms(a)?, ms(b)?))
}

/// The site of the step that loses the most.
fn slowest_gain(low: &View<'_>, high: &View<'_>) -> String {
    let cycles = |view: &View<'_>| {
        let mut by_site: BTreeMap<String, f64> = BTreeMap::new();
        for s in &view.table.sites {
            *by_site.entry(s.site.clone()).or_insert(0.0) += s.cost.cycles.mid;
        }
        by_site
    };
    let other = cycles(high);
    let mut most = (String::new(), 0.0);
    for (site, mid) in cycles(low) {
        let more = mid - other.get(&site).copied().unwrap_or(0.0);
        if more > most.1 {
            most = (site, more);
        }
    }
    format!("`{}` takes {:.0} cycles more", most.0, most.1)
}
