//! In-order issue: each instruction waits for its operands, its units and a slot, and never overtakes.

use super::super::kernel::Instr;
use super::timing::MissingClass;
use crate::profile::{BranchTimes, Class, End, Operand, Pairing, Scoreboard, Spacing, UnitUse};
use std::collections::BTreeMap;

/// Iterations simulated, and how many of the last ones give the slope.
const ITERATIONS: usize = 60;
const MEASURED: usize = 40;

/// An instruction resolved against a core's table at one end of its intervals.
#[derive(Debug, Clone)]
pub(super) struct Issue {
    pub units: Vec<UnitUse>,
    pub pairing: Pairing,
    /// Cycles for which it keeps its slot (multiple loads and stores).
    pub cycles: u64,
    pub reads: Vec<(u16, Operand)>,
    pub writes: Vec<u16>,
    pub write_back: Option<u16>,
    /// Cycles until a consumer may issue, by operand kind.
    pub latency_to: BTreeMap<Operand, u64>,
    pub redirects: bool,
    /// Issue slots that it takes.
    pub slots: u64,
    /// Cycles until its written-back base can be used.
    pub base_latency: u64,
    /// Cycles until its first and its last result are written.
    pub results: (u64, u64),
    /// Slots in which it may be done a stage early.
    pub early: Early,
    /// Takes its data operands in the late stage, so that an early result of the same cycle reaches it.
    pub is_late_alu: bool,
    /// Spacings that it opens, and those that it must keep.
    pub opens: Vec<usize>,
    pub keeps: Vec<usize>,
}

/// Where an instruction may be done in the early of two arithmetic stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    Never,
    AsOlder,
    InAnySlot,
}

/// A body resolved against a core's table.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub body: Vec<Issue>,
    pub width: u64,
    /// Cycles until a written-back base can address memory, at least.
    pub base_to_address: u64,
    pub in_order_write_back: bool,
    pub spacings: Vec<Spacing>,
    pub unit_names: Vec<String>,
    pub unit_counts: Vec<u32>,
    pub taken_extra: u64,
    pub n_registers: usize,
}

impl Prepared {
    pub fn new(body: &[Instr], board: &Scoreboard, branch: &BranchTimes, end: End) -> Result<Self, MissingClass> {
        let issues = body.iter().map(|i| Issue::new(i, board, end)).collect::<Result<Vec<_>, _>>()?;
        let registers = |i: &Issue| {
            let all = i.reads.iter().map(|r| r.0).chain(i.writes.iter().copied()).chain(i.write_back);
            all.max().map_or(0, |r| usize::from(r) + 1)
        };
        let taken = branch.taken_extra.cost(end);
        Ok(Prepared {
            n_registers: issues.iter().map(registers).max().unwrap_or(0),
            body: issues,
            width: u64::from(board.width),
            base_to_address: u64::from(board.base_to_address),
            in_order_write_back: board.in_order_write_back,
            spacings: board.spacings.clone(),
            unit_names: board.units.iter().map(|(name, _)| name.clone()).collect(),
            unit_counts: board.units.iter().map(|&(_, n)| n).collect(),
            taken_extra: u64::from((0..1000u32).find(|&n| f64::from(n) >= taken).unwrap_or(1000)),
        })
    }
}

impl Issue {
    fn new(instr: &Instr, board: &Scoreboard, end: End) -> Result<Self, MissingClass> {
        let row = board.row(instr.class, instr.width).ok_or_else(|| MissingClass::of(instr))?;
        let used_as = |operand| match operand {
            Operand::Data if instr.class.is_store() => Operand::Store,
            Operand::Data => row.reads_data_as,
            Operand::Shift => row.reads_shift_as,
            Operand::Flag if matches!(instr.class, Class::BrTaken | Class::BrNot) => Operand::Branch,
            other => other,
        };
        let key = (instr.class, instr.width);
        let cycles = instr.n_registers.div_ceil(row.registers_per_cycle).max(1);
        let has_base = instr.write_back.is_some();
        let plain = row.latency.at(end);
        let to_core = row.latency_core.filter(|_| !writes_float(instr));
        let replaced = row.latency_write_back.filter(|_| has_base).or(to_core);
        let latency = |ticks: u32| u64::from(replaced.filter(|_| ticks == plain).unwrap_or(ticks));
        let base_latency = u64::from(row.base_latency.unwrap_or(board.write_back_latency));
        Ok(Issue {
            units: row.units_at(end).to_vec(),
            pairing: if instr.write_back.is_some() { row.pairing_write_back } else { row.pairing },
            cycles: u64::from(if instr.class.is_multi() { cycles } else { 1 }),
            reads: instr.reads.iter().map(|s| (s.register, used_as(s.operand))).collect(),
            writes: instr.writes.clone(),
            write_back: instr.write_back,
            latency_to: row.latency_to.iter().map(|(&operand, ticks)| (operand, latency(ticks.at(end)))).collect(),
            slots: u64::from(row.slots[usize::from(has_base)]),
            base_latency,
            results: {
                let (first, last) = results(instr, board, latency(plain), base_latency);
                (first, last.max(u64::from(row.last_result)))
            },
            redirects: instr.class.redirects(),
            early: if board.early_alu { early(instr) } else { Early::Never },
            is_late_alu: matches!(instr.class, Class::Alu | Class::AluShift | Class::Shift | Class::Dsp | Class::Sat),
            opens: spacings_of(board, |s| s.after.contains(&key) || s.after.contains(&(key.0, None))),
            keeps: spacings_of(board, |s| {
                let is_meant = s.then.contains(&key) || s.then.contains(&(key.0, None));
                is_meant && s.write_back.is_none_or(|wanted| wanted == has_base)
            }),
        })
    }
}

fn spacings_of(board: &Scoreboard, holds: impl Fn(&Spacing) -> bool) -> Vec<usize> {
    (0..board.spacings.len()).filter(|&at| holds(&board.spacings[at])).collect()
}

/// Additions, subtractions and moves as the older instruction of a cycle, shifts by a constant in any slot. Predicated ones wait for
/// the flags.
fn early(instr: &Instr) -> Early {
    let (mnemonic, operands) = instr.assembly.split_once(char::is_whitespace).unwrap_or((&instr.assembly, ""));
    let name = mnemonic.trim_end_matches(".w").trim_end_matches(".n").trim_end_matches('s');
    let reads_flags = instr.reads.iter().any(|s| s.operand == Operand::Flag);
    match (instr.class, name) {
        _ if reads_flags => Early::Never,
        (Class::Alu, "add" | "addw" | "sub" | "subw" | "mov" | "movw") => Early::AsOlder,
        (Class::Shift, _) if operands.contains('#') => Early::InAnySlot,
        _ => Early::Never,
    }
}

/// Whether the first operand is a float register.
fn writes_float(instr: &Instr) -> bool {
    let operands = instr.assembly.split_once(char::is_whitespace).map_or("", |(_, operands)| operands.trim_start());
    matches!(operands.as_bytes(), [b's' | b'd', b'0'..=b'9', ..])
}

/// A 16-bit Thumb instruction that sets the flags because of its size: low registers only, and no `.w`.
fn sets_flags_by_size(instr: &Instr) -> bool {
    let is_arithmetic =
        matches!(instr.class, Class::Alu | Class::AluShift | Class::Shift | Class::Bitfield | Class::Mul);
    let (mnemonic, operands) = instr.assembly.split_once(char::is_whitespace).unwrap_or((&instr.assembly, ""));
    let is_low = |operand: &str| {
        let name = operand.trim();
        name.starts_with('#') || matches!(name.as_bytes(), [b'r', b'0'..=b'7'])
    };
    is_arithmetic && instr.writes.len() > 1 && !mnemonic.contains(".w") && operands.split(',').all(is_low)
}

/// Cycles until the first and the last result of an instruction are written, for in-order write-back. A store's last one is its
/// own latency; what writes nothing ends with its latency.
fn results(instr: &Instr, board: &Scoreboard, latency: u64, base_latency: u64) -> (u64, u64) {
    let mut each: Vec<u64> = instr.writes.iter().map(|_| latency).collect();
    each.extend(instr.write_back.map(|_| base_latency));
    if sets_flags_by_size(instr) {
        each.extend(board.narrow_flag_latency.map(u64::from));
    }
    let last = each.iter().max().copied().filter(|_| !instr.class.is_store());
    (each.iter().min().map_or(latency, |&first| first.min(latency)), last.unwrap_or(latency))
}

/// When a register was written, by which instruction of the body.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub cycle: u64,
    pub by: usize,
    pub as_base: bool,
    /// In the early stage.
    pub is_early: bool,
}

impl Prepared {
    /// First cycle in which every operand of `issue` is there.
    pub fn operands_ready(&self, issue: &Issue, written: &[Option<Written>]) -> u64 {
        self.ready(issue, written, |operand| operand)
    }

    fn ready(&self, issue: &Issue, written: &[Option<Written>], used_as: impl Fn(Operand) -> Operand) -> u64 {
        let ready = |&(register, operand): &(u16, Operand)| {
            let (writer, operand) = (written[usize::from(register)]?, used_as(operand));
            let base_latency = self.body[writer.by].base_latency;
            let latency = if writer.as_base {
                if operand == Operand::Addr { base_latency.max(self.base_to_address) } else { base_latency }
            } else {
                match operand {
                    Operand::Data if writer.is_early && issue.is_late_alu => 0,
                    Operand::Addr | Operand::Shift if writer.is_early => 1,
                    _ => self.body[writer.by].latency_to.get(&operand).copied().unwrap_or(0),
                }
            };
            Some(writer.cycle + latency)
        };
        issue.reads.iter().filter_map(ready).max().unwrap_or(0)
    }

    /// Whether an instruction that issues in `cycle`, behind others of it or as its first, is done in the early stage: its sources
    /// must be there as early as a shifted operand's.
    pub fn is_early(&self, issue: &Issue, cycle: u64, is_older: bool, written: &[Option<Written>]) -> bool {
        let may = match issue.early {
            Early::Never => false,
            Early::AsOlder => is_older,
            Early::InAnySlot => true,
        };
        may && self.ready(issue, written, |operand| if operand == Operand::Data { Operand::Shift } else { operand })
            <= cycle
    }

    /// Notes what the instruction at `index`, issued in `cycle`, writes.
    pub fn note_writes(&self, index: usize, cycle: u64, is_early: bool, written: &mut [Option<Written>]) {
        let issue = &self.body[index];
        for &register in &issue.writes {
            written[usize::from(register)] = Some(Written { cycle, by: index, as_base: false, is_early });
        }
        if let Some(base) = issue.write_back {
            written[usize::from(base)] = Some(Written { cycle, by: index, as_base: true, is_early: false });
        }
    }
}

/// The machine while it runs.
struct Machine<'a> {
    code: &'a Prepared,
    /// Cycle in which the last instruction issued, and the slots taken in it.
    cycle: u64,
    slots: u64,
    /// Per unit instance: first cycle in which it is free.
    free: Vec<Vec<u64>>,
    written: Vec<Option<Written>>,
    /// Per spacing: cycle in which it was opened last.
    opened: Vec<Option<u64>>,
    /// First cycle after every result.
    drained: u64,
    /// Cycle of the last result written so far.
    last_result: u64,
}

impl<'a> Machine<'a> {
    fn new(code: &'a Prepared) -> Self {
        let free = code.unit_counts.iter().map(|&n| (0..n).map(|_| 0).collect()).collect();
        Machine {
            code,
            cycle: 0,
            slots: 0,
            free,
            written: vec![None; code.n_registers],
            opened: vec![None; code.spacings.len()],
            drained: 0,
            last_result: 0,
        }
    }

    fn go_to(&mut self, cycle: u64) {
        if cycle > self.cycle {
            self.cycle = cycle;
            self.slots = 0;
        }
    }

    /// Issues the instruction at `index` and returns its cycle.
    fn issue(&mut self, index: usize) -> u64 {
        let code = self.code;
        let issue = &code.body[index];
        self.go_to(code.operands_ready(issue, &self.written));
        let needs_empty_cycle = issue.pairing != Pairing::Any;
        let is_full = self.slots > 0 && self.slots + issue.slots > code.width;
        if is_full || (needs_empty_cycle && self.slots > 0) {
            self.go_to(self.cycle + 1);
        }
        self.keep_distance(issue);
        let free_at = self.units_free(issue);
        self.go_to(free_at);
        if code.in_order_write_back {
            self.go_to(self.last_result.saturating_sub(issue.results.0));
            self.last_result = self.last_result.max(self.cycle + issue.results.1);
        }
        self.take_units(issue);
        let is_early = code.is_early(issue, self.cycle, self.slots == 0, &self.written);
        code.note_writes(index, self.cycle + issue.cycles - 1, is_early, &mut self.written);
        for &spacing in &issue.opens {
            self.opened[spacing] = Some(self.cycle);
        }
        let longest = issue.latency_to.get(&Operand::Data).copied().unwrap_or(0).max(1);
        let issued = self.cycle;
        self.drained = self.drained.max(issued + issue.cycles - 1 + longest);
        self.slots += issue.slots;
        if issue.pairing == Pairing::Single || issue.cycles > 1 {
            self.go_to(self.cycle + issue.cycles);
        }
        if issue.redirects && !code.in_order_write_back {
            self.go_to(self.cycle + 1 + code.taken_extra);
        }
        issued
    }

    /// Goes on until no spacing that the instruction must keep is in its way.
    fn keep_distance(&mut self, issue: &Issue) {
        for &at in &issue.keeps {
            let spacing = &self.code.spacings[at];
            let Some(opened) = self.opened[at] else { continue };
            let open_again = opened + u64::from(spacing.within) + 1;
            match spacing.only_younger {
                false => self.go_to(open_again),
                true if self.cycle < open_again && self.slots > 0 => self.go_to(self.cycle + 1),
                true => {}
            }
        }
    }

    /// First cycle from now on in which every unit instance that it needs is free.
    fn units_free(&self, issue: &Issue) -> u64 {
        let mut cycle = self.cycle;
        for (unit, free) in self.free.iter().enumerate() {
            let n_needed = issue.units.iter().filter(|u| u.unit == unit).count();
            if n_needed > 0 {
                let mut times = free.clone();
                times.sort_unstable();
                cycle = cycle.max(times[n_needed - 1]);
            }
        }
        cycle
    }

    fn take_units(&mut self, issue: &Issue) {
        for held in &issue.units {
            let instances = &mut self.free[held.unit];
            let first_free = instances.iter_mut().min().expect("the reader checks that each unit has an instance");
            *first_free = self.cycle + u64::from(held.cycles);
        }
    }
}

/// Cycles an iteration in the steady state: the slope over the last iterations of many.
///
/// Formula (C2): (start of iteration 60 − start of iteration 20) / 40. Exact for every pattern whose period divides 40.
pub(super) fn steady_slope(code: &Prepared) -> f64 {
    let mut machine = Machine::new(code);
    let mut starts = Vec::with_capacity(ITERATIONS + 1);
    for _ in 0..=ITERATIONS {
        for index in 0..code.body.len() {
            let cycle = machine.issue(index);
            if index == 0 {
                starts.push(cycle);
            }
        }
    }
    let span = starts[ITERATIONS] - starts[ITERATIONS - MEASURED];
    wide(span) / 40.0
}

/// Cycles of one pass from an empty machine: until the next instruction could issue, and until every result is there.
///
/// Formula (C3): last issue + 1 (+ branch bubble), and last result.
pub(super) fn single_pass(code: &Prepared) -> (f64, f64) {
    let mut machine = Machine::new(code);
    for index in 0..code.body.len() {
        machine.issue(index);
    }
    let next = if machine.slots > 0 { machine.cycle + 1 } else { machine.cycle };
    (wide(next), wide(machine.drained.max(next)))
}

/// Exact below 2³²; a body of 60 iterations is far below.
pub(super) fn wide(cycles: u64) -> f64 {
    f64::from(u32::try_from(cycles).unwrap_or(u32::MAX))
}
