//! Single issue: the sum of the classes' cycles, corrected by what stands beside them.

use super::super::kernel::Instr;
use super::timing::MissingClass;
use crate::profile::{BranchTimes, Class, End, Operand, RuleSum};

/// Cycles of one trip through `body` at one end. A steady body is its own neighbour at both ends.
///
/// Formula (C1): Σ row.cycles + row.per_register·n, and for each instruction
/// * a single load is followed by a single load that does not need it or its written-back base for its address:
///   − load_run_saving (so n loads take n + 1); else by an immediate-offset store: − load_then_store_saving;
/// * a load follows a store: + store_then_load_extra;
/// * the previous instruction wrote a register of the address: + address_extra;
/// * the previous instruction is float arithmetic whose result is read: + float_use_extra;
/// * the previous instruction is a single load whose result is read: + load_use_extra;
/// * it redirects: + taken_extra.
///
/// Source: Arm Cortex-M4 TRM 3.3; the numbers are in `hw_profiles/cores/cortex-m4.toml`.
pub(super) fn rule_sum_cycles(
    body: &[Instr],
    steady: bool,
    rules: &RuleSum,
    branch: &BranchTimes,
    end: End,
) -> Result<f64, MissingClass> {
    let mut total = 0.0;
    for (at, instr) in body.iter().enumerate() {
        let before = if at > 0 { body.get(at - 1) } else { body.last().filter(|_| steady) };
        let after = body.get(at + 1).or_else(|| body.first().filter(|_| steady));
        let row = rules.row(instr.class, instr.width).ok_or_else(|| MissingClass::of(instr))?;
        let registers = if instr.class.is_multi() { instr.n_registers } else { 0 };
        let mut cycles = f64::from(row.cycles.at(end)) + f64::from(row.per_register) * f64::from(registers);
        if let Some(after) = after {
            // A saving lowers the cost, so its interval is read as a capacity.
            cycles -= if !is_single_load(instr) {
                0.0
            } else if is_single_load(after) && !needs_for_address(after, instr, true) {
                rules.load_run_saving.capacity(end)
            } else if matches!(after.class, Class::StW | Class::StN) && !needs_for_address(after, instr, true) {
                rules.load_then_store_saving.capacity(end)
            } else {
                0.0
            };
        }
        if let Some(before) = before {
            if instr.class.is_load() && before.class.is_store() {
                cycles += rules.store_then_load_extra.cost(end);
            }
            if needs_for_address(instr, before, false) {
                cycles += rules.address_extra.cost(end);
            }
            if before.class.is_float_arithmetic() && instr.reads.iter().any(|s| before.writes.contains(&s.register)) {
                cycles += rules.float_use_extra.cost(end);
            }
        }
        if before.is_some_and(|b| is_single_load(b) && instr.reads.iter().any(|s| b.writes.contains(&s.register))) {
            cycles += rules.load_use_extra.cost(end);
        }
        if instr.class.redirects() {
            cycles += branch.taken_extra.cost(end);
        }
        total += cycles;
    }
    Ok(total)
}

fn is_single_load(instr: &Instr) -> bool {
    matches!(instr.class, Class::LdW | Class::LdN | Class::Fld)
}

/// `instr` addresses memory with a register that `writer` wrote (or, if asked, wrote back).
fn needs_for_address(instr: &Instr, writer: &Instr, or_wrote_back: bool) -> bool {
    instr
        .reads
        .iter()
        .filter(|s| s.operand == Operand::Addr)
        .any(|s| writer.writes.contains(&s.register) || (or_wrote_back && writer.write_back == Some(s.register)))
}
