//! Runs every case of every kernel on one core, checks the outputs, and collects counts and bytes moved.

use std::path::Path;

use crate::LabError;
use crate::cases::{Case, Random, Spec, encode};
use crate::disasm::{Function, read_listing};
use crate::header::{dispatcher, prototypes};
use crate::levels::Counts;
use crate::machine::{Core, build, emulate};

/// One kernel on one core.
pub struct Measured {
    pub function: Function,
    pub stack_bytes: u64,
    pub cases: Vec<CaseCounts>,
}

/// One case's dynamic behaviour.
pub struct CaseCounts {
    pub case: Case,
    pub counts: Counts,
    /// Bytes loaded from and stored to each argument's buffer.
    pub moved: Vec<(u64, u64)>,
}

/// Measures all specs; an output that differs from the Rust reference is an error.
pub fn measure(core: &Core, specs: &[Spec], folder: &Path) -> Result<Vec<Measured>, LabError> {
    let header =
        tinyprec::export::C_SOURCES.iter().find(|(name, _)| *name == "tinyprec.h").map_or("", |(_, text)| text);
    let symbols: Vec<&str> = specs.iter().map(|spec| spec.symbol).collect();
    let image = build(core, folder, &dispatcher(&prototypes(header), &symbols)?)?;
    let (functions, mark) = read_listing(&image.listing, core.isa)?;

    let all: Vec<Vec<Case>> =
        specs.iter().enumerate().map(|(i, spec)| (spec.cases)(&mut Random::new(i as u64))).collect();
    let flat: Vec<&Case> = all.iter().flatten().collect();
    let kernels: Vec<usize> =
        all.iter().enumerate().flat_map(|(i, cases)| std::iter::repeat_n(i, cases.len())).collect();
    let layout = encode(&flat, &kernels);
    let start = functions.iter().map(|f| f.start).min().unwrap_or(0);
    let end = functions.iter().map(|f| f.start + f.bytes).max().unwrap_or(0);
    let results = emulate(core, &image, &layout.blob, (start, end), mark)?;

    let mut wrong = Vec::new();
    for (index, case) in flat.iter().enumerate() {
        if let Err(error) = layout.check(index, case, &results.blob) {
            wrong.push(format!("{} on {} {}: {error}", symbols[kernels[index]], core.name, shape(case)));
        }
    }
    if !wrong.is_empty() {
        let more = wrong.len();
        wrong.truncate(12);
        return Err(LabError::Failed(format!("{more} of {} cases differ\n{}", flat.len(), wrong.join("\n"))));
    }

    let mut sections = sections(&results.counts, flat.len())?.into_iter().zip(&layout.places);
    let mut list = Vec::new();
    for (spec, cases) in specs.iter().zip(all) {
        let function = functions.iter().find(|f| f.symbol == spec.symbol);
        let function =
            function.ok_or_else(|| LabError::Spec(format!("{} is not in the program", spec.symbol)))?.clone();
        let mut counted = Vec::new();
        for case in cases {
            let (section, places) = sections.next().expect("one section a case was checked");
            let moved = places.iter().map(|place| section.moved_in(image.blob, *place)).collect();
            let inside = |addr: &u64| *addr >= function.start && *addr < function.start + function.bytes;
            if let Some(other) = section.counts.keys().find(|a| !inside(a)) {
                return Err(LabError::Spec(format!("{} runs code outside itself, at 0x{other:x}", spec.symbol)));
            }
            counted.push(CaseCounts { case, counts: section.counts, moved });
        }
        let stack_bytes = stack_of(&image.stack, spec.symbol);
        list.push(Measured { function, stack_bytes, cases: counted });
    }
    Ok(list)
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
