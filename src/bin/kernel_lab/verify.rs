//! Compares the committed kernel files with what the emulator counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::LabError;
use crate::cases::Spec;
use crate::kernel_file;
use crate::machine::{Core, Level, Sources};
use crate::measure::{CaseCounts, Measured, shape};
use tinyprec::cost::{Expr, Kernel, KernelSet};
use tinyprec::profile::Class;
use tinyprec::trace::{Access, BufferKind};

/// Problems found, one line each; prints a summary of what was checked.
pub fn verify(
    core: &Core,
    level: Level,
    measured: &[Measured<'_>],
    (folder, sources): (&Path, &Sources),
    only: bool,
) -> Result<Vec<String>, LabError> {
    let mut problems = Vec::new();
    let (mut cases, mut instructions, mut bounded, mut unusual) = (0usize, 0u64, 0usize, 0usize);
    for name in kernel_file::sets(measured) {
        let file = kernel_file::path(folder, core, level, name);
        let text = fs::read_to_string(&file)
            .map_err(|e| LabError::Tool(format!("{}: {e}; run kernel-lab extract", file.display())))?;
        let shown = file.display().to_string();
        let set = KernelSet::parse(&shown, &text).map_err(|e| LabError::Failed(e.to_string()))?;
        for kernel in measured.iter().filter(|m| m.spec.set == name) {
            let Some(index) = set.find_when(kernel.spec.op, kernel.spec.elems, kernel.spec.when) else {
                problems.push(format!("{shown}: {} is missing", kernel_file::key(kernel.spec)));
                continue;
            };
            let committed = &set.kernels()[index];
            bounded += usize::from(committed.levels.iter().any(|l| l.trips_most != l.trips));
            for counted in &kernel.cases {
                cases += 1;
                instructions += counted.counts.values().map(|(times, _)| times).sum::<u64>();
                match check_case(committed, kernel, counted) {
                    Ok(usual) => unusual += usize::from(!usual),
                    Err(what) => {
                        let shape = shape(counted.case);
                        problems.push(format!("{} {} {} {shape}: {what}", core.name, level.set, kernel.spec.symbol));
                    }
                }
            }
        }
        if !only && problems.is_empty() && kernel_file::text(core, level, name, measured, sources)? != text {
            let compiler = core.compiler(level)?;
            problems.push(format!(
                "{shown} is not what extraction gives now ({compiler}); run kernel-lab extract and review"
            ));
        }
    }
    println!(
        "{:10} {} {} kernels ({bounded} with bounds, {unusual} cases beyond the usual), {cases} cases, {instructions} instructions: outputs, counts and bytes {}",
        core.name,
        level.set,
        measured.len(),
        if problems.is_empty() { "equal" } else { "DIFFER" }
    );
    Ok(problems)
}

/// What the levels of a kernel say of a class: between what and what it was seen, and what no run exceeds.
#[derive(Default, Clone, Copy)]
struct Wanted {
    least: u64,
    low: u64,
    high: u64,
    most: u64,
}

/// Each class's count equals the loop nest's, or is one that library code which branches on data can have. Gives whether every count is
/// also one that was seen when the file was extracted.
fn check_case(committed: &Kernel, kernel: &Measured<'_>, counted: &CaseCounts<'_>) -> Result<bool, String> {
    let mut want: BTreeMap<Class, Wanted> = BTreeMap::new();
    for level in &committed.levels {
        let eval = |e: &Expr| e.eval(&counted.case.dims).map_err(|e| e.to_string());
        let (low, high, most) = (eval(&level.trips_low)?, eval(&level.trips_high)?, eval(&level.trips_most)?);
        let least = if level.trips_most == level.trips { low } else { 0 };
        for instr in level.body.iter().filter(|_| most > 0) {
            let sum = want.entry(instr.class).or_default();
            *sum =
                Wanted { least: sum.least + least, low: sum.low + low, high: sum.high + high, most: sum.most + most };
        }
    }
    let mut seen: BTreeMap<Class, u64> = BTreeMap::new();
    for insn in kernel.function.parts().flat_map(|f| &f.insns) {
        let (times, taken) = counted.counts.get(&insn.addr).copied().unwrap_or((0, 0));
        let ways = if insn.class == Class::BrTaken {
            [(Class::BrTaken, taken), (Class::BrNot, times - taken)]
        } else {
            [(insn.class, times), (insn.class, 0)]
        };
        for (class, n) in ways.into_iter().filter(|(_, n)| *n > 0) {
            *seen.entry(class).or_default() += n;
        }
    }
    let classes: BTreeSet<Class> = want.keys().chain(seen.keys()).copied().collect();
    let mut usual = true;
    for class in classes {
        let (want, n) = (want.get(&class).copied().unwrap_or_default(), seen.get(&class).copied().unwrap_or(0));
        if n < want.least || n > want.most {
            return Err(format!("{class}: the loop nest gives {} to {}, the emulator {n}", want.least, want.most));
        }
        usual &= (want.low..=want.high).contains(&n);
    }
    check_bytes(committed, counted, kernel.spec)?;
    Ok(usual)
}

fn check_bytes(committed: &Kernel, counted: &CaseCounts<'_>, spec: &Spec) -> Result<(), String> {
    let space =
        committed.scratch_bytes.as_ref().map_or(Ok(0), |e| e.eval(&counted.case.dims)).map_err(|e| e.to_string())?;
    let given = kernel_file::scratch_bytes(spec, counted.case);
    if space != given {
        return Err(format!("the file gives {space} bytes of working space, the case {given}"));
    }
    for kind in [BufferKind::Weights, BufferKind::Activation, BufferKind::Scratch, BufferKind::State] {
        let buffers =
            || spec.buffers.iter().zip(&counted.moved).filter(move |(k, _)| **k == Some(kind)).map(|(_, moved)| *moved);
        for (access, seen) in
            [(Access::Read, buffers().map(|m| m.0).sum::<u64>()), (Access::Write, buffers().map(|m| m.1).sum())]
        {
            let rows = committed.traffic.iter().filter(|t| t.kind == kind && t.access == access);
            let want =
                rows.map(|t| t.bytes.eval(&counted.case.dims)).sum::<Result<u64, _>>().map_err(|e| e.to_string())?;
            if want != seen {
                return Err(format!("{access:?} of {kind:?}: the file gives {want} bytes, the emulator {seen}"));
            }
        }
    }
    Ok(())
}
