//! Core table text → checked [`CoreTable`].

use super::super::error::{Problem, ProfileError};
use super::super::isa::{Class, Operand, Width};
use super::super::quantity::{Domain, Kind, Quantity, RawQuantity};
use super::super::source::SourceText;
use super::numbers::row_name;
use super::raw::{RawClass, RawCore, RawForward, RawIssue, RawPairing, RawRules, RawSlot, RawSpacing};
use super::table::{
    BranchTimes, ClassKey, CoreTable, Pairing, Pipeline, RuleRow, RuleSum, ScoreRow, Scoreboard, Spacing, Ticks,
    UnitUse,
};
use std::collections::BTreeMap;
use toml::Spanned;

impl CoreTable {
    /// Reads a core table; `file` names it in errors and explanations.
    ///
    /// # Errors
    /// As for a profile: file, line, column, key and the way out.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        read_core(file, text)
    }
}

/// Reads a core table; `file` is only used in errors.
pub(in super::super) fn read_core(file: &str, text: &str) -> Result<CoreTable, ProfileError> {
    let at = SourceText { file, text };
    let raw: RawCore = at.parse()?;
    if *raw.schema.get_ref() != 1 {
        return Err(at.error(raw.schema.span(), Problem::Schema { found: *raw.schema.get_ref() }));
    }
    let mut assumed = Vec::new();
    let branch = BranchTimes {
        taken_extra: quantity(&at, "branch.taken_extra", raw.branch.taken_extra, Domain::NotNegative, &mut assumed)?,
        mispredict: quantity(&at, "branch.mispredict", raw.branch.mispredict, Domain::NotNegative, &mut assumed)?,
        exit_mispredict_share: quantity(
            &at,
            "branch.exit_mispredict_share",
            raw.branch.exit_mispredict_share,
            Domain::Share,
            &mut assumed,
        )?,
    };
    let rows: Vec<(ClassKey, Spanned<RawClass>)> = raw
        .class
        .into_iter()
        .map(|(name, row)| Ok((class_key(&at, &name)?, row)))
        .collect::<Result<_, ProfileError>>()?;
    for ((class, width), row) in &rows {
        let row = row.get_ref();
        if row.kind == Kind::Assumed {
            let value = row.cycles.or(row.latency).map_or(String::new(), |v| v.to_string());
            assumed.push((format!("class.{}", row_name((*class, *width))), value, row.source.clone()));
        }
    }
    for forward in raw.forward.iter().map(Spanned::get_ref).filter(|f| f.kind == Kind::Assumed) {
        let from: Vec<&str> = forward.from.iter().map(|f| f.get_ref().as_str()).collect();
        let value = forward.latency.map_or(forward.extra.unwrap_or(0).to_string(), |l| l.to_string());
        assumed.push((format!("forward {} to {:?}", from.join(" "), forward.to), value, forward.source.clone()));
    }
    for spacing in raw.spacing.iter().map(Spanned::get_ref).filter(|s| s.kind == Kind::Assumed) {
        let names = |list: &[Spanned<String>]| list.iter().map(|n| n.get_ref().as_str()).collect::<Vec<_>>().join(" ");
        let key = format!("spacing {} after {}", names(&spacing.then), names(&spacing.after));
        assumed.push((key, spacing.within.to_string(), spacing.source.clone()));
    }
    let pipeline = match (raw.rules, raw.issue) {
        (Some(rules), None) => Pipeline::RuleSum(rule_sum(&at, rules, rows, &mut assumed)?),
        (None, Some(issue)) => {
            Pipeline::Scoreboard(scoreboard(&at, &issue, &raw.units, rows, (&raw.forward, &raw.spacing))?)
        }
        _ => {
            let message = "give either [rules] (single issue) or [issue] (scoreboard), not both".to_owned();
            return Err(at.error(raw.schema.span(), Problem::Row(message)));
        }
    };
    Ok(CoreTable { core: raw.core, file: file.to_owned(), title: raw.title, branch, pipeline, assumed })
}

fn quantity(
    at: &SourceText<'_>,
    key: &str,
    raw: Spanned<RawQuantity>,
    domain: Domain,
    assumed: &mut Vec<(String, String, String)>,
) -> Result<Quantity, ProfileError> {
    let quantity = at.quantity(key, raw, domain)?;
    if quantity.kind == Kind::Assumed {
        assumed.push((key.to_owned(), quantity.text(), quantity.source.clone()));
    }
    Ok(quantity)
}

fn class_key(at: &SourceText<'_>, name: &Spanned<String>) -> Result<ClassKey, ProfileError> {
    let (class, width) = match name.get_ref().split_once('.') {
        Some((class, width)) => (class, Some(Width::from_code(width))),
        None => (name.get_ref().as_str(), None),
    };
    match (Class::from_code(class), width) {
        (Some(class), None) => Ok((class, None)),
        (Some(class), Some(Some(width))) => Ok((class, Some(width))),
        _ => {
            let known = Class::ALL.iter().map(|c| c.code()).collect();
            Err(at.error(name.span(), Problem::Class { found: name.get_ref().clone(), known }))
        }
    }
}

/// Low and high default to the value; the three must rise.
fn ticks(mid: Option<u32>, low: Option<u32>, high: Option<u32>) -> Option<Ticks> {
    let mid = mid?;
    let ticks = Ticks { low: low.unwrap_or(mid), mid, high: high.unwrap_or(mid) };
    (ticks.low <= mid && mid <= ticks.high).then_some(ticks)
}

fn rule_sum(
    at: &SourceText<'_>,
    rules: RawRules,
    rows: Vec<(ClassKey, Spanned<RawClass>)>,
    assumed: &mut Vec<(String, String, String)>,
) -> Result<RuleSum, ProfileError> {
    let mut table = BTreeMap::new();
    for (key, row) in rows {
        let span = row.span();
        let row = row.into_inner();
        let cycles = ticks(row.cycles, row.cycles_low, row.cycles_high);
        let (Some(cycles), None, None) = (cycles, &row.units, row.latency) else {
            let message = "a class of a [rules] core needs `cycles` (with cycles_low ≤ cycles ≤ cycles_high) and no `units` or `latency`";
            return Err(at.error(span, Problem::Row(message.to_owned())));
        };
        let line = at.line(&span);
        table.insert(key, RuleRow { cycles, per_register: row.per_register, kind: row.kind, source: row.source, line });
    }
    let mut rule = |name: &str, raw| quantity(at, &format!("rules.{name}"), raw, Domain::NotNegative, assumed);
    Ok(RuleSum {
        rows: table,
        load_run_saving: rule("load_run_saving", rules.load_run_saving)?,
        load_then_store_saving: rule("load_then_store_saving", rules.load_then_store_saving)?,
        store_then_load_extra: rule("store_then_load_extra", rules.store_then_load_extra)?,
        address_extra: rule("address_extra", rules.address_extra)?,
        float_use_extra: rule("float_use_extra", rules.float_use_extra)?,
        load_use_extra: rule("load_use_extra", rules.load_use_extra)?,
    })
}

fn scoreboard(
    at: &SourceText<'_>,
    issue: &RawIssue,
    units: &BTreeMap<String, u32>,
    rows: Vec<(ClassKey, Spanned<RawClass>)>,
    (forwards, spacings): (&[Spanned<RawForward>], &[Spanned<RawSpacing>]),
) -> Result<Scoreboard, ProfileError> {
    let units: Vec<(String, u32)> = units.iter().map(|(name, &n)| (name.clone(), n)).collect();
    let mut table = BTreeMap::new();
    for (key, row) in rows {
        table.insert(key, score_row(at, &units, row)?);
    }
    for forward in forwards {
        apply_forward(at, forward, &mut table)?;
    }
    Ok(Scoreboard {
        width: issue.width.max(1),
        write_back_latency: issue.write_back_latency,
        in_order_write_back: issue.in_order_write_back,
        narrow_flag_latency: issue.narrow_flag_latency,
        base_to_address: issue.base_to_address,
        early_alu: issue.early_alu,
        spacings: spacings.iter().map(|s| spacing(at, s.get_ref())).collect::<Result<_, _>>()?,
        units,
        rows: table,
    })
}

const OPERANDS: [Operand; 8] = [
    Operand::Addr,
    Operand::Shift,
    Operand::Mul,
    Operand::Acc,
    Operand::Data,
    Operand::Flag,
    Operand::Store,
    Operand::Branch,
];

fn score_row(at: &SourceText<'_>, units: &[(String, u32)], row: Spanned<RawClass>) -> Result<ScoreRow, ProfileError> {
    let span = row.span();
    let line = at.line(&span);
    let row = row.into_inner();
    let latency = ticks(row.latency, row.latency_low, row.latency_high);
    let (Some(latency), Some(mid), None) = (latency, &row.units, row.cycles) else {
        let message = "a class of an [issue] core needs `units` and `latency` (with latency_low ≤ latency ≤ latency_high) and no `cycles`";
        return Err(at.error(span, Problem::Row(message.to_owned())));
    };
    let low = row.units_low.as_ref().unwrap_or(mid);
    let high = row.units_high.as_ref().unwrap_or(mid);
    Ok(ScoreRow {
        units: [unit_uses(at, units, low)?, unit_uses(at, units, mid)?, unit_uses(at, units, high)?],
        latency_to: OPERANDS.into_iter().map(|operand| (operand, latency)).collect(),
        pairing: pairing(row.pairing),
        pairing_write_back: pairing(row.pairing_write_back.or(row.pairing)),
        registers_per_cycle: row.registers_per_cycle.unwrap_or(1).max(1),
        slots: [row.slots.unwrap_or(1), row.slots_write_back.or(row.slots).unwrap_or(1)],
        base_latency: row.base_latency,
        latency_write_back: row.latency_write_back,
        latency_core: row.latency_core,
        latency,
        last_result: row.last_result.unwrap_or(0),
        reads_data_as: row.reads_data_as.unwrap_or(Operand::Data),
        reads_shift_as: row.reads_shift_as.unwrap_or(Operand::Shift),
        kind: row.kind,
        source: row.source,
        line,
    })
}

fn spacing(at: &SourceText<'_>, raw: &RawSpacing) -> Result<Spacing, ProfileError> {
    let keys = |names: &[Spanned<String>]| names.iter().map(|name| class_key(at, name)).collect::<Result<Vec<_>, _>>();
    Ok(Spacing {
        after: keys(&raw.after)?,
        then: keys(&raw.then)?,
        write_back: raw.write_back,
        within: raw.within,
        only_younger: raw.slot == RawSlot::Younger,
        source: raw.source.clone(),
    })
}

fn pairing(raw: Option<RawPairing>) -> Pairing {
    match raw {
        None | Some(RawPairing::Any) => Pairing::Any,
        Some(RawPairing::Older) => Pairing::Older,
        Some(RawPairing::Single) => Pairing::Single,
    }
}

fn unit_uses(
    at: &SourceText<'_>,
    units: &[(String, u32)],
    texts: &[Spanned<String>],
) -> Result<Vec<UnitUse>, ProfileError> {
    let mut uses: Vec<UnitUse> = Vec::new();
    for text in texts {
        let (name, cycles) = text.get_ref().split_once(':').unwrap_or((text.get_ref(), "1"));
        let found = units.iter().position(|(unit, _)| unit == name).zip(cycles.parse::<u32>().ok());
        let taken = |unit: usize| uses.iter().filter(|u| u.unit == unit).count();
        match found {
            Some((unit, cycles)) if cycles > 0 && taken(unit) < usize::try_from(units[unit].1).unwrap_or(0) => {
                uses.push(UnitUse { unit, cycles });
            }
            _ => {
                let known = units.iter().map(|(name, n)| format!("{name} ({n})")).collect();
                return Err(at.error(text.span(), Problem::Unit { found: text.get_ref().clone(), known }));
            }
        }
    }
    Ok(uses)
}

fn apply_forward(
    at: &SourceText<'_>,
    forward: &Spanned<RawForward>,
    table: &mut BTreeMap<ClassKey, ScoreRow>,
) -> Result<(), ProfileError> {
    let entry = forward.get_ref();
    let set = ticks(entry.latency, entry.latency_low, entry.latency_high);
    if set.is_some() == entry.extra.is_some() || entry.source.trim().is_empty() {
        let message =
            "[[forward]] needs either `latency` (with latency_low ≤ latency ≤ latency_high) or `extra`, and a source";
        return Err(at.error(forward.span(), Problem::Row(message.to_owned())));
    }
    for name in &entry.from {
        let wanted = if name.get_ref() == "*" { None } else { Some(class_key(at, name)?) };
        for (key, row) in table.iter_mut() {
            let matches = wanted.is_none_or(|(class, width)| class == key.0 && (width.is_none() || width == key.1));
            let Some(latency) = row.latency_to.get_mut(&entry.to).filter(|_| matches) else { continue };
            *latency = match (set, entry.extra) {
                (Some(set), _) => set,
                (None, extra) => {
                    let add = |n: u32| n.saturating_add_signed(extra.unwrap_or(0));
                    Ticks { low: add(latency.low), mid: add(latency.mid), high: add(latency.high) }
                }
            };
        }
    }
    Ok(())
}
