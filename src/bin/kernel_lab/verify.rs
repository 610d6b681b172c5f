//! Compares the committed kernel files with what the emulator counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::LabError;
use crate::cases::Spec;
use crate::kernel_file;
use crate::machine::Core;
use crate::measure::{CaseCounts, Measured, shape};
use tinyprec::cost::{Kernel, KernelSet};
use tinyprec::profile::Class;
use tinyprec::trace::{Access, BufferKind};

/// Problems found, one line each; prints a summary of what was checked.
pub fn verify(
    core: &Core,
    specs: &[Spec],
    measured: &[Measured],
    file: &Path,
    only: bool,
) -> Result<Vec<String>, LabError> {
    let text = fs::read_to_string(file)
        .map_err(|e| LabError::Tool(format!("{}: {e}; run kernel-lab extract", file.display())))?;
    let set = KernelSet::parse(&file.display().to_string(), &text).map_err(|e| LabError::Failed(e.to_string()))?;
    let mut problems = Vec::new();
    let (mut cases, mut instructions) = (0usize, 0u64);
    for (spec, kernel) in specs.iter().zip(measured) {
        let Some(index) = set.find(spec.op, spec.elems) else {
            problems.push(format!("{}: {} is missing", core.name, kernel_file::key(spec)));
            continue;
        };
        let committed = &set.kernels()[index];
        for counted in &kernel.cases {
            cases += 1;
            instructions += counted.counts.values().map(|(times, _)| times).sum::<u64>();
            if let Err(what) = check_case(committed, kernel, counted, spec) {
                problems.push(format!("{} {} {}: {what}", core.name, spec.symbol, shape(&counted.case)));
            }
        }
    }
    if !only && problems.is_empty() && kernel_file::text(core, specs, measured)? != text {
        problems.push(format!(
            "{}: {} is not what extraction gives now ({}); run kernel-lab extract and review",
            core.name,
            file.display(),
            core.compiler()?
        ));
    }
    println!(
        "{:10} {} kernels, {cases} cases, {instructions} instructions: outputs, counts and bytes {}",
        core.name,
        specs.len(),
        if problems.is_empty() { "equal" } else { "DIFFER" }
    );
    Ok(problems)
}

fn check_case(committed: &Kernel, kernel: &Measured, counted: &CaseCounts, spec: &Spec) -> Result<(), String> {
    let mut want: BTreeMap<Class, u64> = BTreeMap::new();
    for level in &committed.levels {
        let trips = level.trips.eval(&counted.case.dims).map_err(|e| e.to_string())?;
        for instr in level.body.iter().filter(|_| trips > 0) {
            *want.entry(instr.class).or_default() += trips;
        }
    }
    let mut seen: BTreeMap<Class, u64> = BTreeMap::new();
    for insn in &kernel.function.insns {
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
    if want != seen {
        return Err(format!("the loop nest gives {want:?}, the emulator {seen:?}"));
    }
    check_bytes(committed, counted, spec)
}

fn check_bytes(committed: &Kernel, counted: &CaseCounts, spec: &Spec) -> Result<(), String> {
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
