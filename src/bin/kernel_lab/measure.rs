//! Runs every case of every kernel on one core, checks the outputs, and collects counts and bytes moved.

use std::path::Path;

use crate::LabError;
use crate::cases::{Case, Layout, Random, Spec, encode};
use crate::disasm::{Function, read_listing};
use crate::header::{dispatcher, prototypes};
use crate::levels::Counts;
use crate::machine::{Core, Image, Level, Sources, build, emulate};
use std::ops::Range;
use tinyprec::profile::Class;

/// One kernel on one core.
pub struct Measured<'a> {
    pub spec: &'a Spec,
    pub function: Function,
    /// The function's and its callees' code with literals, without what aligns the function behind.
    pub code_bytes: u64,
    pub stack_bytes: u64,
    pub rodata_bytes: u64,
    pub cases: Vec<CaseCounts<'a>>,
}

/// One case's dynamic behaviour.
pub struct CaseCounts<'a> {
    pub case: &'a Case,
    pub counts: Counts,
    /// Bytes loaded from and stored to each argument's buffer.
    pub moved: Vec<(u64, u64)>,
}

/// A twin with its cases, the same for every core.
pub struct Twin {
    pub spec: Spec,
    pub cases: Vec<Case>,
}

/// The cases of all specs, each from a seed of its own; another `seed` than 0 gives other operands.
///
/// # Errors
/// A spec whose cases are none: its kernel would have no levels.
pub fn twins(specs: Vec<Spec>, seed: u64) -> Result<Vec<Twin>, LabError> {
    let seed = |spec: &Spec| spec.symbol.bytes().fold(seed, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    let twin = |spec: Spec| Twin { cases: (spec.cases)(&mut Random::new(seed(&spec))), spec };
    let some = |twin: Twin| match twin.cases.is_empty() {
        true => Err(LabError::Spec(format!("{} when `{}`: no cases", twin.spec.symbol, twin.spec.when.unwrap_or("")))),
        false => Ok(twin),
    };
    specs.into_iter().map(twin).map(some).collect()
}

/// Measures all twins of a core; an output that differs from the Rust reference is an error.
pub fn measure<'a>(
    core: &Core,
    level: Level,
    twins: &'a [Twin],
    (folder, sources): (&Path, &Sources),
) -> Result<Vec<Measured<'a>>, LabError> {
    let double = Level { single: false, ..level };
    let base: Vec<&str> = twins.iter().filter(|t| t.spec.is_for(core, double)).map(|t| t.spec.symbol).collect();
    let twins: Vec<&Twin> = twins.iter().filter(|t| t.spec.is_for(core, level)).collect();
    let symbols: Vec<&str> = twins.iter().map(|t| t.spec.symbol).collect();
    let image = build(core, level, (folder, sources), &dispatcher(&prototypes(&sources.headers()), &symbols)?)?;
    let (functions, mark) = read_listing(&image.listing, core.isa)?;
    if level.single {
        check_doubles(&functions, &base, &symbols)?;
    }
    let flat: Vec<&Case> = twins.iter().flat_map(|t| &t.cases).collect();
    let kernels: Vec<usize> =
        twins.iter().enumerate().flat_map(|(i, t)| std::iter::repeat_n(i, t.cases.len())).collect();
    let layout = encode(&flat, &kernels);
    let start = functions.iter().flat_map(Function::parts).map(|f| f.start).min().unwrap_or(0);
    let end = functions.iter().flat_map(Function::parts).map(|f| f.start + f.bytes).max().unwrap_or(0);
    let results = emulate(core, &image, &layout.blob, (start, end), mark)?;
    let name = format!("{} {}", core.name, level.set);
    check_outputs(&name, &symbols, &flat, &kernels, &layout, &results.blob)?;

    let lab = lab_ranges(&image.symbols);
    let mut sections = sections(&results.counts, flat.len())?.into_iter().zip(&layout.places);
    let mut list = Vec::new();
    for twin in twins {
        let spec = &twin.spec;
        let function = functions.iter().find(|f| f.symbol == spec.symbol);
        let function =
            function.ok_or_else(|| LabError::Spec(format!("{} is not in the program", spec.symbol)))?.clone();
        let mut counted = Vec::new();
        for case in &twin.cases {
            let (mut section, places) = sections.next().expect("one section a case was checked");
            let moved = places.iter().map(|place| section.moved_in(image.blob, *place)).collect();
            section.counts.retain(|at, _| !lab.iter().any(|range| range.contains(at)));
            if let Some(other) = section.counts.keys().find(|at| !function.holds(**at)) {
                return Err(LabError::Spec(format!("{} runs code outside itself, at 0x{other:x}", spec.symbol)));
            }
            counted.push(CaseCounts { case, counts: section.counts, moved });
        }
        let own = stack_of(&image.stack, spec.symbol);
        let stack_bytes = own + function.callees.iter().map(frame_of).sum::<u64>();
        let table = |name: &&str| image.size_of(name).ok_or_else(|| LabError::Spec(format!("no table {name}")));
        let rodata_bytes = spec.tables.iter().map(table).sum::<Result<u64, _>>()?;
        let code_bytes = function.parts().map(|part| code_of(part, &image)).sum();
        list.push(Measured { spec, function, code_bytes, stack_bytes, rodata_bytes, cases: counted });
    }
    Ok(list)
}

/// Where the float unit has single precision only, what computes in double calls the compiler's library, and is measured.
fn check_doubles(functions: &[Function], base: &[&str], measured: &[&str]) -> Result<(), LabError> {
    let is_double =
        |name: &str| name.starts_with("__aeabi_d") || (name.starts_with("__aeabi_") && name.ends_with("2d"));
    let calls = |f: &&Function| base.contains(&f.symbol.as_str()) && f.callees.iter().any(|c| is_double(&c.symbol));
    let left_out = functions.iter().filter(calls).find(|f| !measured.contains(&f.symbol.as_str()));
    match left_out {
        Some(f) => Err(LabError::Spec(format!("{} computes in double precision: mark its spec", f.symbol))),
        None => Ok(()),
    }
}

/// A listing runs up to the next function, so what aligns that one would count here and change with the neighbour: the symbol's
/// size, to whole words as a section ends, decides where the object file gives one.
fn code_of(part: &Function, image: &Image) -> u64 {
    let size = image.size_of(&part.symbol).filter(|size| *size > 0);
    size.map_or(part.bytes, |size| part.bytes.min(size.next_multiple_of(4)))
}

fn check_outputs(
    name: &str,
    symbols: &[&str],
    flat: &[&Case],
    kernels: &[usize],
    layout: &Layout,
    blob: &[u8],
) -> Result<(), LabError> {
    let mut wrong = Vec::new();
    for (index, case) in flat.iter().enumerate() {
        if let Err(error) = layout.check(index, case, blob) {
            wrong.push(format!("{} on {name} {}: {error}", symbols[kernels[index]], shape(case)));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let more = wrong.len();
    wrong.truncate(12);
    Err(LabError::Failed(format!("{more} of {} cases differ\n{}", flat.len(), wrong.join("\n"))))
}

/// Addresses of the test program's own functions.
fn lab_ranges(symbols: &str) -> Vec<Range<u64>> {
    let range = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, size) = (words.last()?, words.get(words.len().checked_sub(2)?)?);
        let is_lab =
            name.starts_with("lab_") || ["main", "transfer", "semihost", "leave", "fault", "_start"].contains(name);
        let start = u64::from_str_radix(words.first()?, 16).ok()?;
        Some(start..start + u64::from_str_radix(size, 16).ok()?).filter(|_| is_lab)
    };
    symbols.lines().filter_map(range).collect()
}

/// Stack of a library function, from the instruction that makes its frame.
fn frame_of(function: &Function) -> u64 {
    let grows = |text: &str| -> Option<u64> {
        let by = text.strip_prefix("addi sp,sp,-").or_else(|| text.strip_prefix("sub sp, #"))?;
        by.parse().ok()
    };
    let pushed = |insn: &crate::disasm::Insn| match (insn.class, insn.wb.as_deref()) {
        (Class::StMulti, Some("sp")) => u64::from(insn.n.unwrap_or(0)) * 4,
        _ => grows(&insn.text).unwrap_or(0),
    };
    function.insns.iter().map(pushed).sum()
}

/// The dimensions as `rows=3 words=1`.
pub fn shape(case: &Case) -> String {
    case.dims.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// What the plugin wrote between two marks.
struct Section {
    counts: Counts,
    granules: Vec<(u64, u64, u64)>,
}

impl Section {
    fn moved_in(&self, blob: u64, place: Option<(usize, usize)>) -> (u64, u64) {
        let Some((start, len)) = place else { return (0, 0) };
        let (lo, hi) = (blob + start as u64, blob + (start + len) as u64);
        let inside = self.granules.iter().filter(|(at, _, _)| *at >= lo && *at < hi);
        inside.fold((0, 0), |(l, s), (_, loaded, stored)| (l + loaded, s + stored))
    }
}

fn sections(text: &str, cases: usize) -> Result<Vec<Section>, LabError> {
    let bad = |line: &str| LabError::Tool(format!("the counting plugin wrote `{line}`"));
    let mut list = vec![Section { counts: Counts::new(), granules: Vec::new() }];
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let last = list.last_mut().expect("there is always an open section");
        match words[..] {
            ["."] => list.push(Section { counts: Counts::new(), granules: Vec::new() }),
            [kind, at, a, b] => {
                let at = u64::from_str_radix(at, 16).map_err(|_| bad(line))?;
                let (a, b) = (a.parse().map_err(|_| bad(line))?, b.parse().map_err(|_| bad(line))?);
                if kind == "m" {
                    last.granules.push((at, a, b));
                } else {
                    let entry = last.counts.entry(at).or_insert((0, 0));
                    *entry = (entry.0 + a, entry.1 + b);
                }
            }
            _ => return Err(bad(line)),
        }
    }
    // The first section ends with the mark before the first case, the last is open.
    let count = list.len();
    let cases_only: Vec<Section> = list.into_iter().skip(1).take(cases).collect();
    if count != cases + 2 {
        return Err(LabError::Tool(format!("the counting plugin saw {count} sections for {cases} cases")));
    }
    Ok(cases_only)
}

/// GCC's `file.c:line:column:function TAB bytes TAB static`.
fn stack_of(usage: &str, symbol: &str) -> u64 {
    let line =
        usage.lines().find(|line| line.split('\t').next().is_some_and(|place| place.ends_with(&format!(":{symbol}"))));
    line.and_then(|line| line.split('\t').nth(1)).and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}
