//! The cells of a validation, once for terminal, Markdown and page.

use crate::report::numbers::{NONE, percent, three};
use crate::report::view::Table;
use crate::validate::{
    Family, Figure, Group, Pattern, Quantity, Residual, SOFTWARE, Scored, Study, Validation, residuals,
};
use std::collections::BTreeMap;

const FIGURES: [&str; 13] = [
    "core, software, type, scope",
    "rows",
    "median APE % (95 %)",
    "mean APE %",
    "max APE %",
    "bias %",
    "RMSPE %",
    "±5 %",
    "±10 %",
    "±15 %",
    "Spearman",
    "Kendall",
    "MAC baseline median APE %",
];

/// Figures that a terminal has no room for.
pub const WIDE: [&str; 6] = ["mean APE %", "max APE %", "RMSPE %", "±5 %", "±15 %", "Kendall"];

/// One sentence with the figures that the targets are about.
pub fn verdict(v: &Validation) -> String {
    let priced = v.rows.iter().filter(|s| s.latency_error().is_some()).count();
    let said = v
        .headlines
        .iter()
        .filter(|g| g.scope == "network" && g.class == "open" && (g.core.contains('+') || g.core.contains("a53")));
    let said = said.map(|g| {
        let rank = g.stats.spearman.map_or(NONE.to_owned(), |s| format!("{:.3}", s.value));
        format!(
            "{}: median APE {} % over {} rows, Spearman {rank}",
            g.core,
            percent(g.stats.median_ape.value),
            g.stats.n
        )
    });
    let said: Vec<String> = said.collect();
    format!(
        "{priced} of {} rows have a time that is priced, uncalibrated. Open software, whole networks: {}.",
        v.rows.len(),
        said.join("; ")
    )
}

/// Tables of figures and of refused rows.
pub fn all(v: &Validation) -> Vec<Table> {
    let note = |q: Quantity| match q {
        Quantity::Latency => {
            "APE is |predicted − measured| / measured; bias is positive where predictions are too slow."
        }
        Quantity::Energy => "Power of the profile × predicted time.",
        Quantity::Power => {
            "What the energy misses beyond the time. The profiles of L4R5 and H7A3 take their power from X-CUBE-AI's rows here: other \
             software on the same supply is the test."
        }
        Quantity::Ram | Quantity::Flash => {
            "Whole programs with our reserves; sources count more or less of the runtime."
        }
    };
    let mut tables = vec![figures("Time, open software together", note(Quantity::Latency), v.headlines.iter())];
    for quantity in Quantity::ALL {
        let title = match quantity {
            Quantity::Latency => "Time by group",
            Quantity::Energy => "Energy",
            Quantity::Power => "Power",
            Quantity::Ram => "RAM",
            Quantity::Flash => "Flash",
        };
        tables.push(figures(title, note(quantity), v.groups.iter().filter(|g| g.quantity == quantity)));
    }
    tables.push(layers(&residuals(&v.rows)));
    let refused = v.refused();
    tables.push(Table {
        title: "Rows that are not priced".to_owned(),
        note: String::new(),
        header: ["reason", "rows", "example"].map(str::to_owned).to_vec(),
        rows: refused.into_iter().map(|(reason, n, example)| vec![reason.to_owned(), n.to_string(), example]).collect(),
    });
    tables.retain(|t| !t.rows.is_empty());
    tables
}

/// Misses of layers that were measured one by one.
fn layers(residuals: &[Residual]) -> Table {
    let header = ["core, software, kind", "working set, KiB", "layers", "median APE %", "bias %"];
    let kib = |bytes: f64| three(bytes / 1024.0);
    let row = |r: &Residual| {
        vec![
            format!("{} {} {}", r.core, r.class, r.kind),
            format!("{}–{}", kib(r.working_set_bytes.0), kib(r.working_set_bytes.1)),
            r.n.to_string(),
            percent(r.median_ape),
            percent(r.bias),
        ]
    };
    Table {
        title: "Layers by kind and size".to_owned(),
        note: "Layers that were measured one by one; kinds of four and more are split at the median of their weights and maps.".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows: residuals.iter().map(row).collect(),
    }
}

fn figures<'a>(title: &str, note: &str, groups: impl Iterator<Item = &'a Group>) -> Table {
    let row = |g: &Group| {
        let share = |f: &Figure| format!("{:.0} %", f.value * 100.0);
        let rank = |f: &Option<Figure>| f.as_ref().map_or(NONE.to_owned(), |f| format!("{:.3}", f.value));
        let s = &g.stats;
        let median = &s.median_ape;
        vec![
            format!("{} {} {} {}", g.core, g.class, g.dtype, g.scope),
            s.n.to_string(),
            format!("{} ({}–{})", percent(median.value), percent(median.low), percent(median.high)),
            percent(s.mean_ape.value),
            percent(s.max_ape),
            percent(s.bias.value),
            percent(s.rmspe.value),
            share(&s.hits_5),
            share(&s.hits_10),
            share(&s.hits_15),
            rank(&s.spearman),
            rank(&s.kendall),
            g.baseline.as_ref().map_or(NONE.to_owned(), |b| percent(b.median_ape.value)),
        ]
    };
    Table {
        title: title.to_owned(),
        note: note.to_owned(),
        header: FIGURES.map(str::to_owned).to_vec(),
        rows: groups.map(row).collect(),
    }
}

/// Runs whose layers were measured one by one: name and rows, in order.
pub fn layer_runs(v: &Validation) -> Vec<(String, Vec<&Scored>)> {
    let mut runs: Vec<(String, Vec<&Scored>)> = Vec::new();
    for scored in v.rows.iter().filter(|s| !s.row.is_whole() && s.latency_error().is_some()) {
        let row = &scored.row;
        let list = row.layers.trim_start_matches("geometry/").trim_end_matches(".csv");
        let name = format!("{list} on {}, {} {}", row.board, row.class.name(), row.dtype);
        match runs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rows)) => rows.push(scored),
            None => runs.push((name, vec![scored])),
        }
    }
    runs
}

/// Row by row: networks, layers of each run, and what the software is priced as.
pub fn details(v: &Validation) -> Vec<Table> {
    let whole: Vec<&Scored> = v.rows.iter().filter(|s| s.row.is_whole() && s.latency_error().is_some()).collect();
    let mut tables = vec![rows_table("Networks row by row", &whole)];
    tables.extend(layer_runs(v).iter().map(|(name, rows)| rows_table(&format!("Layers of {name}"), rows)));
    tables.push(Table {
        title: "What software is priced as".to_owned(),
        note: "A factor other than 1 stands for what a closed engine does not publish; it was measured on other rows."
            .to_owned(),
        header: ["structure", "class", "kernels", "instructions a call, for speed / size", "factor", "source"]
            .map(str::to_owned)
            .to_vec(),
        rows: SOFTWARE
            .iter()
            .map(|s| {
                let range = |r: crate::cost::Range| format!("{} ({}–{})", three(r.mid), three(r.low), three(r.high));
                let of = |family: Family| format!("{} {}", family.name(), range(s.efficiency().of(family)));
                let factor = if s.is_open() { "1".to_owned() } else { Family::ALL.map(of).join(", ") };
                let call = format!("{} / {}", range(s.call.fast), range(s.call.small));
                [
                    s.name,
                    s.class.name(),
                    &format!("gcc12{}", s.variants.first().unwrap_or(&"")),
                    &call,
                    &factor,
                    s.source,
                ]
                .map(str::to_owned)
                .to_vec()
            })
            .collect(),
    });
    tables
}

fn rows_table(title: &str, rows: &[&Scored]) -> Table {
    let head =
        ["row", "what", "software, kernel set, profile", "measured ms", "predicted ms", "error %", "causes", "doubts"];
    let line = |s: &&Scored| {
        let p = s.outcome.as_ref().ok()?;
        let ms = p.latency_ms;
        let what = if s.row.is_whole() { s.row.workload.clone() } else { format!("{} ({})", s.row.workload, p.kind) };
        Some(vec![
            s.row.id.clone(),
            what,
            format!("{}, {}, {}", s.row.software, p.kernel_set, p.profile),
            three(s.row.milliseconds()?),
            format!("{} ({}–{})", three(ms.mid), three(ms.low), three(ms.high)),
            percent(s.latency_error()?),
            causes(s),
            doubts(s, &p.flags),
        ])
    };
    Table {
        title: title.to_owned(),
        note: String::new(),
        header: head.map(str::to_owned).to_vec(),
        rows: rows.iter().filter_map(line).collect(),
    }
}

fn doubts(s: &Scored, flags: &[String]) -> String {
    let own = s.row.notes.split("; ").filter(|note| note.contains("doubtful"));
    own.map(str::to_owned).chain(flags.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// Causes of at least a tenth of the predicted cycles.
fn causes(s: &Scored) -> String {
    let Ok(p) = &s.outcome else { return String::new() };
    let share = |term: crate::cost::Term| p.terms.of(term) / p.cycles.mid;
    let named = crate::cost::Term::ALL.into_iter().filter(|t| share(*t) >= 0.1);
    named.map(|t| format!("{} {:.0} %", t.name(), share(t) * 100.0)).collect::<Vec<_>>().join(", ")
}

/// One sentence for each finding of each group.
pub fn diagnoses(v: &Validation) -> Vec<String> {
    let mut lines = Vec::new();
    for group in v.groups.iter().filter(|g| g.quantity == Quantity::Latency) {
        for finding in &group.findings {
            lines.push(format!(
                "{} {} {} ({}): {} explains {} % of the misses in {} rows. {}",
                group.core,
                group.class,
                group.dtype,
                group.scope,
                pattern(&finding.pattern),
                percent(finding.explained),
                finding.sites,
                finding.likely_cause
            ));
        }
    }
    lines
}

fn pattern(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Uniform { ratio } => format!("measured = {} × predicted everywhere", three(*ratio)),
        Pattern::Kind { kind, ratio } => format!("measured = {} × predicted for {kind}", three(*ratio)),
        Pattern::Size { over_bytes, ratio } => {
            format!("measured = {} × predicted beyond {} bytes", three(*ratio), three(*over_bytes))
        }
        Pattern::Offset { ms } => format!("{} ms more than predicted everywhere", three(*ms)),
        Pattern::Single { site, ratio } => format!("measured = {} × predicted at {site} alone", three(*ratio)),
    }
}

/// Every row as CSV: what was measured, what was predicted and from what, or why not; calibrated predictions are those of fits that never
/// saw the row's network (its board), and empty where another row of the same build and workload stands for it.
pub fn csv(v: &Validation, studies: &[Study<'_>]) -> String {
    let mut left: BTreeMap<&str, [Option<f64>; 2]> = BTreeMap::new();
    for study in studies {
        let of = |list: &Option<Vec<f64>>, at: usize| list.as_ref().map(|list| list[at]);
        let (networks, boards) = (&study.left_out.other_networks, &study.left_out.other_boards);
        let rows = study.model.rows().iter().enumerate();
        left.extend(rows.map(|(at, row)| (row.id.as_str(), [of(networks, at), of(boards, at)])));
    }
    let mut text = String::from(
        "id,core,class,dtype,workload,layer,profile,kernel_set,measured_ms,predicted_ms,low_ms,high_ms,other_networks_ms,\
         other_boards_ms,baseline_ms,error,",
    );
    text.push_str(&crate::cost::Term::ALL.map(|t| format!("{}_cycles", t.name())).join(","));
    text.push_str(",energy_uj,predicted_energy_uj,ram_bytes,predicted_ram_bytes,flash_bytes,predicted_flash_bytes,refused,flags\n");
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "'"));
    let number = |x: Option<f64>| x.map_or(String::new(), |x| format!("{x:.6}"));
    for s in &v.rows {
        let row = &s.row;
        let p = s.outcome.as_ref().ok();
        let [networks, boards] = left.get(row.id.as_str()).copied().unwrap_or_default();
        let size = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
        let mut cells = vec![
            row.id.clone(),
            row.core.clone(),
            row.class.name().to_owned(),
            row.dtype.to_string(),
            cell(&row.workload),
            row.layer.map_or(String::new(), |l| l.to_string()),
            cell(p.map_or("", |p| p.profile.as_str())),
            p.map_or(String::new(), |p| p.kernel_set.clone()),
            number(row.milliseconds()),
            number(p.map(|p| p.latency_ms.mid)),
            number(p.map(|p| p.latency_ms.low)),
            number(p.map(|p| p.latency_ms.high)),
            number(networks),
            number(boards),
            number(s.baseline_ms),
            number(s.latency_error()),
        ];
        cells.extend(crate::cost::Term::ALL.map(|t| number(p.map(|p| p.terms.of(t)))));
        cells.extend([
            number(row.energy_uj),
            number(p.map(|p| p.energy_uj.mid)),
            size(row.ram_bytes),
            size(p.and_then(|p| Some(p.memory_bytes?.0))),
            size(row.flash_bytes),
            size(p.and_then(|p| Some(p.memory_bytes?.1))),
            s.outcome.as_ref().err().map_or(String::new(), |e| cell(&e.to_string())),
            p.map_or(String::new(), |p| cell(&p.flags.join("; "))),
        ]);
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
