//! The tables of a report, as text, once: the terminal and the page show the same cells.

use super::numbers::{NONE, interval, percent, percent_summary, points_summary, size, three};
use crate::record::{BoardInfo, CostResult, PrecisionResult, RunRecord};
use crate::trace::Phase;
use serde::Serialize;

/// One table. The first column names the row, all others hold numbers.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Table {
    /// What it shows.
    pub title: String,
    /// Said below the title; may be empty.
    pub note: String,
    /// Column heads; words that may stand below each other are parted by blanks.
    pub header: Vec<String>,
    /// Cells, one row a line.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Without the columns of these heads.
    pub fn without(mut self, heads: &[&str]) -> Self {
        let keep: Vec<bool> = self.header.iter().map(|h| !heads.contains(&h.as_str())).collect();
        let kept = |cells: Vec<String>| cells.into_iter().zip(&keep).filter(|(_, k)| **k).map(|(c, _)| c).collect();
        self.rows = self.rows.into_iter().map(kept).collect();
        self.header = kept(self.header);
        self
    }

    /// Header, rule and rows as Markdown, without title and note.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
            format!("| {} |", cells.join(" | "))
        };
        let rule = format!("|{}", "---|".repeat(self.header.len()));
        let mut lines = vec![line(&self.header), rule];
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines.join("\n")
    }
}

/// Name of a phase for readers.
pub(super) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Inference => "backbone",
        Phase::HeadForward => "head forward",
        Phase::Backward => "backward",
        Phase::Update => "update",
        Phase::Consolidate => "consolidation",
    }
}

/// Column heads.
pub(super) fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&c| c.to_owned()).collect()
}

/// What each precision learnt.
pub(super) fn learning(record: &RunRecord) -> Table {
    let row = |p: &PrecisionResult| {
        vec![
            p.name.clone(),
            percent_summary(&p.final_accuracy),
            p.minus_float.as_ref().map_or(NONE.to_owned(), points_summary),
            p.forgetting.as_ref().map_or(NONE.to_owned(), percent_summary),
            p.vanished_updates.map_or(NONE.to_owned(), percent),
        ]
    };
    let joint = match &record.joint_upper_bound {
        Some(joint) => format!("Upper bound, float trained on all classes at once: {} %.", percent_summary(joint)),
        None => "No joint upper bound was trained.".to_owned(),
    };
    Table {
        title: "Learning".to_owned(),
        note: joint,
        header: owned(&["precision", "accuracy %", "minus float", "forgetting %", "vanished updates %"]),
        rows: record.precisions.iter().map(row).collect(),
    }
}

/// What each precision costs on one board.
pub(super) fn costs(record: &RunRecord, board: &BoardInfo) -> Table {
    let row = |c: &CostResult| {
        // What has no price makes the figure a lower bound.
        let of = |unit: &str, x: f64| {
            let at_least = c.unpriced.iter().any(|u| u.unit == unit);
            if at_least { format!("≥ {}", three(x)) } else { three(x) }
        };
        vec![
            c.precision.clone(),
            of("step", c.step_latency_ms.mid),
            of("step", c.step_energy_uj.mid),
            of("image", c.inference_latency_ms.mid),
            of("image", c.inference_energy_uj.mid),
            three(c.ram_kib),
            three(c.flash_kib),
            if c.fits { "yes" } else { "no" }.to_owned(),
        ]
    };
    let flash = board.flash_kib.map_or(String::new(), |f| format!(", flash {}", size(f)));
    let own: Vec<&CostResult> = record.costs.iter().filter(|c| c.profile == board.profile).collect();
    let kernels = own.first().map_or(String::new(), |c| format!(", kernels {}", c.kernel_set));
    Table {
        title: format!("Cost on {}", board.profile),
        note: format!(
            "{}, {} at {} MHz, RAM {}{flash}{kernels}",
            board.board,
            board.core,
            three(board.clock_mhz),
            size(board.ram_kib)
        ),
        header: owned(&["precision", "step ms", "step µJ", "image ms", "image µJ", "RAM KiB", "flash KiB", "fits"]),
        rows: own.into_iter().map(row).collect(),
    }
}

/// The same with the interval of every prediction, and consolidation.
pub(super) fn cost_intervals(record: &RunRecord) -> Table {
    let row = |c: &CostResult| {
        vec![
            format!("{} on {}", c.precision, c.profile),
            interval(&c.step_latency_ms),
            interval(&c.step_energy_uj),
            interval(&c.inference_latency_ms),
            interval(&c.inference_energy_uj),
            interval(&c.consolidation_latency_ms),
            interval(&c.consolidation_energy_uj),
        ]
    };
    Table {
        title: "Predictions with their intervals".to_owned(),
        note: "Low to high: every assumed number of the profile at its favourable and at its unfavourable end."
            .to_owned(),
        header: owned(&["", "step ms", "step µJ", "image ms", "image µJ", "consolidation ms", "consolidation µJ"]),
        rows: record.costs.iter().map(row).collect(),
    }
}

/// Overflow sites with at least one overflow.
pub(super) fn overflows(record: &RunRecord) -> Table {
    let mut rows = Vec::new();
    for p in &record.precisions {
        for o in p.overflows.iter().filter(|o| o.overflowed > 0) {
            let first = o.first.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            let share = percent(o.overflowed as f64 / o.total.max(1) as f64);
            rows.push(vec![
                format!("{}: {}", p.name, o.site),
                o.overflowed.to_string(),
                o.total.to_string(),
                share,
                first,
            ]);
        }
    }
    Table {
        title: "Overflows".to_owned(),
        note: "Every value that did not fit its format, by site; nothing overflows silently. Sites without any are left out.".to_owned(),
        header: owned(&["site", "did not fit", "of", "%", "first values"]),
        rows,
    }
}

/// Safe, used and seen width of every accumulator.
pub(super) fn accumulators(record: &RunRecord) -> Table {
    let mut rows = Vec::new();
    for p in &record.precisions {
        for a in &p.accumulators {
            let verdict = if a.safe_bits <= a.used_bits { "proven" } else { "not proven" };
            let bits = [a.used_bits, a.safe_bits, a.seen_bits].map(|b| b.to_string());
            let [used, safe, seen] = bits;
            rows.push(vec![format!("{}: {}", p.name, a.site), used, safe, seen, verdict.to_owned()]);
        }
    }
    Table {
        title: "Accumulators".to_owned(),
        note:
            "Bits in use, bits that can never overflow whatever the data, and bits that the largest value seen needed."
                .to_owned(),
        header: owned(&["site", "used", "always safe", "seen", "safety"]),
        rows,
    }
}

/// Slots of every precision, one column each.
pub(super) fn slots(record: &RunRecord) -> Table {
    let mut names: Vec<&String> = Vec::new();
    for (slot, _) in record.precisions.iter().flat_map(|p| &p.slots) {
        if !names.contains(&slot) {
            names.push(slot);
        }
    }
    let cell = |p: &PrecisionResult, slot: &String| {
        p.slots.iter().find(|(s, _)| s == slot).map_or(NONE.to_owned(), |(_, text)| text.clone())
    };
    let row = |slot: &&String| {
        let mut row = vec![(*slot).clone()];
        row.extend(record.precisions.iter().map(|p| cell(p, slot)));
        row
    };
    let mut header = vec!["slot".to_owned()];
    header.extend(record.precisions.iter().map(|p| p.name.clone()));
    Table {
        title: "Formats".to_owned(),
        note: "Format, rounding and overflow of every slot, as run.".to_owned(),
        header,
        rows: names.iter().map(row).collect(),
    }
}

/// The stream in one line.
pub(super) fn stream_line(record: &RunRecord) -> String {
    let s = &record.stream;
    let samples: usize = s.experience_samples.iter().sum();
    let seeds = record.provenance.seeds.len();
    format!(
        "{} · {} · {} experiences, {} classes, {} training and {} test samples · batch {} · epochs {} · {} seed{} · backbone {} ({} features)",
        s.dataset,
        s.scenario.to_uppercase(),
        s.experience_classes.len(),
        s.n_classes,
        samples,
        s.test_samples,
        s.batch,
        epochs(&s.epochs),
        seeds,
        if seeds == 1 { "" } else { "s" },
        record.backbone.name,
        record.backbone.features
    )
}

/// `10 + 3 × 5` for 10, 5, 5, 5.
fn epochs(epochs: &[usize]) -> String {
    match epochs {
        [] => NONE.to_owned(),
        [only] => only.to_string(),
        [first, later @ ..] if later.iter().all(|e| e == &later[0]) => {
            format!("{first} + {} × {}", later.len(), later[0])
        }
        all => all.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    }
}
