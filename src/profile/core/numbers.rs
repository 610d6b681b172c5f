//! The numbers of a core's table by key: list them, and pin one to an end of its interval.

use super::super::isa::{Class, Operand, Width};
use super::super::quantity::{End, Kind, Quantity};
use super::table::{ClassKey, CoreTable, Pipeline, Ticks};

/// One number of a core's table.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreNumber {
    /// `branch.mispredict`, `rules.address_extra`, `class.div`.
    pub key: String,
    /// The class and width of a row, else `None`.
    pub class: Option<ClassKey>,
    /// Value with its interval, in words; of a scoreboard row units and latency.
    pub text: String,
    /// Has an interval.
    pub is_uncertain: bool,
    /// Origin.
    pub kind: Kind,
    /// Source.
    pub source: String,
    /// Line in the core's file.
    pub line: usize,
}

/// `class.vec_ld.q` without `class.`.
pub(in super::super) fn row_name((class, width): ClassKey) -> String {
    width.map_or(class.code().to_owned(), |w| format!("{}.{}", class.code(), w.code()))
}

fn row_key(name: &str) -> Option<ClassKey> {
    match name.split_once('.') {
        Some((class, width)) => Some((Class::from_code(class)?, Some(Width::from_code(width)?))),
        None => Some((Class::from_code(name)?, None)),
    }
}

fn of_quantity(key: &str, q: &Quantity) -> CoreNumber {
    CoreNumber {
        key: key.to_owned(),
        class: None,
        text: q.text(),
        is_uncertain: q.is_uncertain(),
        kind: q.kind,
        source: q.source.clone(),
        line: q.line,
    }
}

fn ticks_text(t: Ticks) -> String {
    if t.low == t.high { t.mid.to_string() } else { format!("{} ({} to {})", t.mid, t.low, t.high) }
}

/// Every number of the table: branches, rules, then the rows by class.
pub(in super::super) fn core_numbers(core: &CoreTable) -> Vec<CoreNumber> {
    let mut list: Vec<CoreNumber> = core.quantities().into_iter().map(|(key, q)| of_quantity(key, q)).collect();
    match &core.pipeline {
        Pipeline::RuleSum(rules) => {
            for (&key, row) in &rules.rows {
                let more =
                    if row.per_register > 0 { format!(" + {} a register", row.per_register) } else { String::new() };
                list.push(CoreNumber {
                    key: format!("class.{}", row_name(key)),
                    class: Some(key),
                    text: format!("{} cycles{more}", ticks_text(row.cycles)),
                    is_uncertain: row.cycles.low != row.cycles.high,
                    kind: row.kind,
                    source: row.source.clone(),
                    line: row.line,
                });
            }
        }
        Pipeline::Scoreboard(board) => {
            for (&key, row) in &board.rows {
                let latencies: Vec<Ticks> = row.latency_to.values().copied().collect();
                let latency = row.latency_to.get(&Operand::Data).copied().unwrap_or(Ticks { low: 0, mid: 0, high: 0 });
                let unit = |u: &super::table::UnitUse| {
                    let name = board.units.get(u.unit).map_or("", |(name, _)| name.as_str());
                    if u.cycles > 1 { format!("{name}:{}", u.cycles) } else { name.to_owned() }
                };
                let units: Vec<String> = row.units_at(End::Mid).iter().map(unit).collect();
                let varies = row.units[0] != row.units[1] || row.units[1] != row.units[2];
                list.push(CoreNumber {
                    key: format!("class.{}", row_name(key)),
                    class: Some(key),
                    text: format!("units [{}], latency {}", units.join(" "), ticks_text(latency)),
                    is_uncertain: varies || latencies.iter().any(|t| t.low != t.high),
                    kind: row.kind,
                    source: row.source.clone(),
                    line: row.line,
                });
            }
        }
    }
    list
}

impl CoreTable {
    /// Every continuous number with its key: branches, then the rules of a single-issue core. Rows count whole cycles.
    pub fn quantities(&self) -> Vec<(&'static str, &Quantity)> {
        let branch = &self.branch;
        let mut list = vec![
            ("branch.taken_extra", &branch.taken_extra),
            ("branch.mispredict", &branch.mispredict),
            ("branch.exit_mispredict_share", &branch.exit_mispredict_share),
        ];
        if let Pipeline::RuleSum(rules) = &self.pipeline {
            list.extend([
                ("rules.load_run_saving", &rules.load_run_saving),
                ("rules.load_then_store_saving", &rules.load_then_store_saving),
                ("rules.store_then_load_extra", &rules.store_then_load_extra),
                ("rules.address_extra", &rules.address_extra),
                ("rules.float_use_extra", &rules.float_use_extra),
                ("rules.load_use_extra", &rules.load_use_extra),
            ]);
        }
        list
    }

    /// The place of a continuous number.
    pub(in super::super) fn slot(&mut self, key: &str) -> Option<&mut Quantity> {
        let branch = &mut self.branch;
        match (key, &mut self.pipeline) {
            ("branch.taken_extra", _) => Some(&mut branch.taken_extra),
            ("branch.mispredict", _) => Some(&mut branch.mispredict),
            ("branch.exit_mispredict_share", _) => Some(&mut branch.exit_mispredict_share),
            ("rules.load_run_saving", Pipeline::RuleSum(r)) => Some(&mut r.load_run_saving),
            ("rules.load_then_store_saving", Pipeline::RuleSum(r)) => Some(&mut r.load_then_store_saving),
            ("rules.store_then_load_extra", Pipeline::RuleSum(r)) => Some(&mut r.store_then_load_extra),
            ("rules.address_extra", Pipeline::RuleSum(r)) => Some(&mut r.address_extra),
            ("rules.float_use_extra", Pipeline::RuleSum(r)) => Some(&mut r.float_use_extra),
            ("rules.load_use_extra", Pipeline::RuleSum(r)) => Some(&mut r.load_use_extra),
            _ => None,
        }
    }

    /// Puts one number at one end of its interval; `false` where there is no such number.
    pub(in super::super) fn pin(&mut self, key: &str, end: End) -> bool {
        if let Some(quantity) = self.slot(key) {
            *quantity = quantity.pinned(quantity.cost(end));
            return true;
        }
        let Some(row) = key.strip_prefix("class.").and_then(row_key) else { return false };
        let fix = |t: &mut Ticks| *t = Ticks { low: t.at(end), mid: t.at(end), high: t.at(end) };
        match &mut self.pipeline {
            Pipeline::RuleSum(rules) => rules.rows.get_mut(&row).map(|r| fix(&mut r.cycles)).is_some(),
            Pipeline::Scoreboard(board) => {
                let Some(found) = board.rows.get_mut(&row) else { return false };
                let units = found.units_at(end).to_vec();
                found.units = [units.clone(), units.clone(), units];
                found.latency_to.values_mut().for_each(fix);
                true
            }
        }
    }
}
