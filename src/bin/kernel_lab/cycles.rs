//! How often code of a library routine can run in one call of it, from its control flow alone.

use std::collections::BTreeSet;

use crate::disasm::{Function, Insn};

/// Whether nothing follows an instruction in its function but where it jumps to.
fn is_unconditional(insn: &Insn) -> bool {
    let mut words = insn.text.split_whitespace();
    match words.next() {
        Some("j" | "jr" | "ret" | "tail" | "b" | "b.n" | "b.w" | "bx" | "br") => true,
        // Returns that restore registers.
        Some("pop" | "pop.w" | "ldmia.w" | "ldmfd" | "ldr.w" | "ldr") => insn.text.contains("pc"),
        _ => false,
    }
}

/// Addresses of the instructions that can run again in one call: those that can reach themselves.
///
/// A jump through a register (the table of a `switch`) may go to whatever follows an unconditional jump and is no other branch's target.
pub fn repeating(function: &Function) -> BTreeSet<u64> {
    let insns = &function.insns;
    let place = |addr: u64| insns.iter().position(|i| i.addr == addr);
    let targets: BTreeSet<u64> = insns.iter().filter_map(|i| i.target).collect();
    let behind_jumps = || insns.windows(2).filter(|pair| is_unconditional(&pair[0])).map(|pair| pair[1].addr);
    let cases: Vec<usize> = behind_jumps().filter(|addr| !targets.contains(addr)).filter_map(place).collect();
    let next = |at: usize| -> Vec<usize> {
        let insn = &insns[at];
        let through = ["jr", "tbb", "tbh"].iter().any(|name| insn.text.starts_with(name))
            && insn.target.is_none()
            && insn.call.is_none();
        let falls = (!is_unconditional(insn) && at + 1 < insns.len()).then_some(at + 1);
        let jumps = insn.target.and_then(place);
        let switched = if through { cases.as_slice() } else { &[] };
        falls.into_iter().chain(jumps).chain(switched.iter().copied()).collect()
    };
    let follows: Vec<Vec<usize>> = (0..insns.len()).map(next).collect();
    let repeats = |&start: &usize| {
        let mut seen = vec![false; insns.len()];
        let mut open = follows[start].clone();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(&follows[at]);
            }
        }
        seen[start]
    };
    (0..insns.len()).filter(repeats).map(|at| insns[at].addr).collect()
}

/// How often at most a routine is entered for each call that `function` itself makes: once where it calls it, and as often as there are
/// places in other routines that do, each as often as it is entered itself.
pub fn entries_a_call(function: &Function, callee: &Function) -> i128 {
    let is_in = |addr: u64| (callee.start..callee.start + callee.bytes).contains(&addr);
    let places = |caller: &Function| {
        let calls = caller.insns.iter().filter_map(|i| i.call);
        i128::try_from(calls.filter(|target| is_in(*target)).count()).unwrap_or(i128::MAX)
    };
    let own = i128::from(places(function) > 0);
    let others = function.callees.iter().filter(|other| other.start != callee.start && places(other) > 0);
    own + others.map(|other| places(other) * entries_a_call(function, other)).sum::<i128>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyprec::profile::Class;

    fn insn(addr: u64, text: &str, target: Option<u64>) -> Insn {
        let (text, class) = (text.to_owned(), Class::Alu);
        Insn { addr, text, class, d: Vec::new(), s: Vec::new(), wb: None, n: None, w: None, target, call: None }
    }

    fn function(insns: &[Insn]) -> Function {
        Function { symbol: "f".to_owned(), start: 0, bytes: 64, insns: insns.to_vec(), callees: Vec::new() }
    }

    #[test]
    fn a_shared_tail_above_is_no_loop_and_a_loop_is_one() {
        // 0: beq 8; 4: ret; 8: addi; c: j 4: nothing repeats, though the last jumps back.
        let shared = [
            insn(0, "beq a0,a1,+0x8", Some(8)),
            insn(4, "ret", None),
            insn(8, "addi a0,a0,1", None),
            insn(12, "j +0x4", Some(4)),
        ];
        assert!(repeating(&function(&shared)).is_empty());
        let round = [insn(0, "addi a0,a0,-1", None), insn(4, "bnez a0,+0x0", Some(0)), insn(8, "ret", None)];
        assert_eq!(repeating(&function(&round)).into_iter().collect::<Vec<_>>(), [0, 4]);
    }
}
