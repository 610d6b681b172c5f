//! Tables of where cost comes from: layer by layer, phase by phase, and which numbers its uncertainty rests on.

use super::numbers::{NONE, interval, percent, three};
use super::view::{Table, owned, phase_name};
use crate::record::{BoardInfo, CostResult, RunRecord};
use crate::trace::Phase;

/// Cycles of each site in each precision told in full, on one board.
pub(super) fn sites(record: &RunRecord, board: &str) -> Table {
    let own: Vec<&CostResult> = record.costs.iter().filter(|c| c.profile == board).collect();
    let mut names: Vec<(Phase, &str)> = Vec::new();
    for site in own.iter().flat_map(|c| &c.sites) {
        if !names.contains(&(site.phase, site.site.as_str())) {
            names.push((site.phase, &site.site));
        }
    }
    let cell = |c: &CostResult, (phase, name): (Phase, &str)| {
        let found = c.sites.iter().find(|s| s.phase == phase && s.site == name);
        found.map_or(NONE.to_owned(), |s| three(s.cycles.mid))
    };
    let row = |&(phase, name): &(Phase, &str)| {
        let mut row = vec![format!("{} ({})", name, phase_name(phase))];
        row.extend(own.iter().map(|c| cell(c, (phase, name))));
        row
    };
    let mut header = vec!["site".to_owned()];
    header.extend(own.iter().map(|c| c.precision.clone()));
    Table {
        title: format!("Cycles by layer and phase on {board}"),
        note: "One image, one step and one consolidation together.".to_owned(),
        header,
        rows: names.iter().map(row).collect(),
    }
}

/// Latency and energy by unit and phase on one board, one row a precision and phase.
pub(super) fn phases(record: &RunRecord, board: &str) -> Table {
    let mut rows = Vec::new();
    for cost in record.costs.iter().filter(|c| c.profile == board) {
        for p in &cost.phases {
            rows.push(vec![
                format!("{}: {}, {}", cost.precision, p.unit, phase_name(p.phase)),
                interval(&p.latency_ms),
                interval(&p.energy_uj),
                interval(&p.cycles),
            ]);
        }
    }
    Table {
        title: format!("Cost by phase on {board}"),
        note: "Unit of work (one image, one step, one consolidation) and the phase within it.".to_owned(),
        header: owned(&["precision, unit, phase", "ms", "µJ", "cycles"]),
        rows,
    }
}

/// The numbers that the predictions' intervals on one board rest on, and assumed ones that move nothing here.
pub(super) fn assumptions(board: &BoardInfo) -> Table {
    let mut rows = Vec::new();
    let mut note = "Assumed numbers of the profile; nothing was priced on it, so their weight is not known.".to_owned();
    if let Some(u) = &board.uncertainty {
        note = format!(
            "Share: each number alone moved to both its ends, as part of the sum of all movements; priced for {}. Numbers without a \
             share move nothing here.",
            u.precision
        );
        for n in &u.numbers {
            let shares = [n.step_energy_share, n.step_latency_share, n.inference_latency_share].map(percent);
            let mut row = vec![n.key.clone()];
            row.extend(shares);
            row.extend([n.value.clone(), n.origin.clone(), n.source.clone()]);
            rows.push(row);
        }
    }
    let weighed = |key: &str| {
        let bare = key.rsplit_once(": ").map_or(key, |(_, k)| k);
        let same = |n: &crate::record::UncertainNumber| n.key == key || n.key.strip_prefix("core.") == Some(bare);
        board.uncertainty.as_ref().is_some_and(|u| u.numbers.iter().any(same))
    };
    for (key, value, why) in board.assumed.iter().filter(|(key, ..)| !weighed(key)) {
        let mut row = vec![key.clone()];
        row.extend([NONE; 3].map(str::to_owned));
        row.extend([value.clone(), "assumed".to_owned(), why.clone()]);
        rows.push(row);
    }
    Table {
        title: board.profile.clone(),
        note,
        header: owned(&[
            "number",
            "of a step's energy %",
            "of its latency %",
            "of an image's latency %",
            "value",
            "origin",
            "why",
        ]),
        rows,
    }
}
