//! The text of a kernel file → [`KernelSet`].
//!
//! One line a fact, one line an instruction; `#` begins a comment line. `docs/kernels.md` describes the format:
//!
//! ```text
//! tinyprec-kernels 2
//! core cortex-m4
//! set gcc12-o2-table
//! base gcc12-o2                                 kernels of another built-in set of the core; those given here replace them
//! compiler arm-none-eabi-gcc 12.2.1
//! flags -O2 …
//! sources 3f62…                                 SHA-256 of the C sources
//!
//! kernel binary_dense b1 b1 i32                 ` when pad_top kh=1` behind it: for calls that have these dimensions
//! symbol tp_binary_dense
//! code 84 stack 24                              bytes; `rodata` where there are tables
//! read weights rows*words*4                     traffic: buffer kind, bytes, `reuse` distance where known
//! loop +0x24: rows*words-rows last rows         trips with the back edge taken, and without; `block` does not follow itself
//!   ld_w r3 !r0 < r0:addr | ldr.w r3, [r0], #4  class[.width][*registers] writes !base < reads | assembly
//!   br_back < flags:flag | bne.n +0x24
//! block +0x40: n/2 from 0 to n within n         a count that depends on data: as seen, and what no run exceeds
//!   alu r1 < r1 r2 | add r1, r2
//! ```

use super::super::expr::Expr;
use super::error::{KernelFileError, KernelProblem};
use super::instr::{Body, InstrReader};
use super::set::{Kernel, KernelSet, Level, Traffic};
use crate::profile::Place;
use crate::trace::{Access, BufferKind, Elem, Op};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use std::collections::HashMap;

/// A line or a part of it; its place is found from where it lies in the text.
pub(super) type Text<'a> = &'a str;

/// What a file says before its kernels are merged into those of its base.
pub(super) struct File {
    pub set: KernelSet,
    pub base: Option<String>,
}

pub(super) struct Reader<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl<'a> Reader<'a> {
    /// An error at a part of the text.
    pub fn error(&self, at: Text<'a>, problem: KernelProblem) -> KernelFileError {
        let start = (at.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let place = Place::of(self.file, self.text, start..start + at.len());
        KernelFileError { place: Box::new(place), problem: Box::new(problem) }
    }

    /// The whole file.
    pub fn read(&self) -> Result<File, KernelFileError> {
        let mut lines = self.text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')).peekable();
        let first = lines.next().unwrap_or(&self.text[..0]);
        if first.trim_end() != "tinyprec-kernels 2" {
            return Err(self.error(first, KernelProblem::Header));
        }
        let mut header: HashMap<&str, &str> = HashMap::new();
        while let Some(line) = lines.next_if(|l| !l.starts_with("kernel ")) {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            if !["core", "set", "base", "compiler", "flags", "sources"].contains(&key) {
                let expected = "core, set, base, compiler, flags, sources or kernel";
                return Err(self.error(line, KernelProblem::Line { expected }));
            }
            header.insert(key, value.trim());
        }
        let given = |key: &'static str| {
            let value = header.get(key).copied().map(str::to_owned);
            value.ok_or_else(|| self.error(first, KernelProblem::Missing { key }))
        };
        let mut kernels: Vec<Kernel> = Vec::new();
        let mut seen: HashMap<String, Text<'a>> = HashMap::new();
        let mut instrs = InstrReader::new(self);
        let mut lines = lines.collect::<Vec<_>>().into_iter().peekable();
        while let Some(head) = lines.next() {
            let mut body = Vec::new();
            while let Some(line) = lines.next_if(|l| !l.starts_with("kernel ")) {
                body.push(line);
            }
            let kernel = self.kernel(head, &body, &mut instrs)?;
            if let Some(first) = seen.insert(kernel.key(), head) {
                let line = self.error(first, KernelProblem::Header).place.line;
                return Err(self.error(head, KernelProblem::Duplicate { key: kernel.key(), line }));
            }
            kernels.push(kernel);
        }
        let facts = [given("core")?, given("set")?, given("compiler")?, given("flags")?, given("sources")?];
        Ok(File { set: KernelSet::new(facts, kernels), base: header.get("base").map(|b| (*b).to_owned()) })
    }

    fn kernel(
        &self,
        head: Text<'a>,
        lines: &[Text<'a>],
        instrs: &mut InstrReader<'_, 'a>,
    ) -> Result<Kernel, KernelFileError> {
        let (key, when) = head.split_once(" when ").map_or((head, None), |(k, w)| (k, Some(w.trim().to_owned())));
        let mut words = key.split_whitespace().skip(1);
        let op = words.next().ok_or_else(|| self.error(head, KernelProblem::Missing { key: "kernel OPERATION" }))?;
        let mut kernel = Kernel {
            op: self.word::<Op>(op)?,
            elems: words.map(|w| self.word::<Elem>(w)).collect::<Result<_, _>>()?,
            when,
            symbol: String::new(),
            code_bytes: 0,
            rodata_bytes: 0,
            stack_bytes: 0,
            levels: Vec::new(),
            traffic: Vec::new(),
            scratch_bytes: None,
        };
        let (mut has_code, mut open): (bool, Option<(Text<'a>, Body)>) = (false, None);
        for &line in lines {
            if let Some(instr) = line.strip_prefix("  ") {
                let (_, body) = open.as_mut().ok_or_else(|| self.error(line, LEVEL_FIRST))?;
                instrs.push(body, instr)?;
                continue;
            }
            if let Some((head, body)) = open.take() {
                self.levels(head, body, &mut kernel.levels)?;
            }
            match line.split_whitespace().next() {
                Some("symbol") => line["symbol".len()..].trim().clone_into(&mut kernel.symbol),
                Some("code") => {
                    self.sizes(line, &mut kernel)?;
                    has_code = true;
                }
                Some("read" | "write") => kernel.traffic.push(self.traffic(line)?),
                Some("scratch") => kernel.scratch_bytes = Some(self.expr(&line["scratch".len()..])?),
                Some("loop" | "block") => open = Some((line, Body::default())),
                _ => return Err(self.error(line, LEVEL_FIRST)),
            }
        }
        if let Some((head, body)) = open {
            self.levels(head, body, &mut kernel.levels)?;
        }
        if kernel.symbol.is_empty() || !has_code {
            let key = if has_code { "symbol" } else { "code" };
            return Err(self.error(head, KernelProblem::Missing { key }));
        }
        if kernel.levels.is_empty() {
            return Err(self.error(head, KernelProblem::NoLevels { symbol: kernel.symbol }));
        }
        Ok(kernel)
    }

    /// `code 84 rodata 0 stack 24`.
    fn sizes(&self, line: Text<'a>, kernel: &mut Kernel) -> Result<(), KernelFileError> {
        let mut words = line.split_whitespace();
        while let Some(key) = words.next() {
            let text = words.next().unwrap_or("");
            let bytes = text.parse().map_err(|_| {
                let at = if text.is_empty() { key } else { text };
                self.error(at, KernelProblem::Bytes { text: text.to_owned() })
            })?;
            match key {
                "code" => kernel.code_bytes = bytes,
                "rodata" => kernel.rodata_bytes = bytes,
                "stack" => kernel.stack_bytes = bytes,
                _ => return Err(self.error(key, KernelProblem::Line { expected: "code, rodata or stack" })),
            }
        }
        Ok(())
    }

    /// `read weights EXPR [reuse EXPR]`.
    fn traffic(&self, line: Text<'a>) -> Result<Traffic, KernelFileError> {
        let (access, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (kind, rest) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        let (bytes, reuse) = rest.split_once(" reuse ").map_or((rest, None), |(b, r)| (b, Some(r)));
        Ok(Traffic {
            kind: self.word::<BufferKind>(kind.trim())?,
            access: if access == "read" { Access::Read } else { Access::Write },
            bytes: self.expr(bytes)?,
            reuse_bytes: reuse.map(|r| self.expr(r)).transpose()?,
        })
    }

    /// `loop NAME: TRIPS [last TRIPS] [from LOW to HIGH [within MOST]]`: one level, or two that differ in the way of their back edge.
    fn levels(&self, head: Text<'a>, body: Body, to: &mut Vec<Level>) -> Result<(), KernelFileError> {
        let (name, rest) = head.split_once(':').unwrap_or((head, ""));
        let steady = head.starts_with("loop");
        if body.instrs.is_empty() {
            return Err(self.error(head, KernelProblem::EmptyBody { name: name.to_owned() }));
        }
        let (rest, bounds) = rest.split_once(" from ").map_or((rest, None), |(r, b)| (r, Some(b)));
        let (trips, last) = rest.split_once(" last ").map_or((rest, None), |(t, l)| (t, Some(l)));
        if last.is_some() != (body.back_edges.len() == 1) || body.back_edges.len() > 1 {
            return Err(self.error(head, KernelProblem::BackEdge));
        }
        let trips = self.expr(trips)?;
        let (low, high, most) = match bounds {
            None => (trips.clone(), trips.clone(), trips.clone()),
            Some(bounds) => {
                let (low, high) = bounds.split_once(" to ").unwrap_or((bounds, ""));
                let (high, most) = high.split_once(" within ").unwrap_or((high, high));
                (self.expr(low)?, self.expr(high)?, self.expr(most)?)
            }
        };
        if let Some(last) = last {
            let out = self.expr(last)?;
            let level = Level {
                name: format!("{name}, last pass"),
                trips_low: out.clone(),
                trips_high: out.clone(),
                trips_most: out.clone(),
                trips: out,
                steady: false,
                body: body.falling(),
            };
            to.push(Level {
                name: name.to_owned(),
                trips_low: low,
                trips_high: high,
                trips_most: most,
                trips,
                steady,
                body: body.instrs,
            });
            to.push(level);
        } else {
            to.push(Level {
                name: name.to_owned(),
                trips_low: low,
                trips_high: high,
                trips_most: most,
                trips,
                steady,
                body: body.instrs,
            });
        }
        Ok(())
    }

    fn expr(&self, text: Text<'a>) -> Result<Expr, KernelFileError> {
        Expr::parse(text.trim()).map_err(|e| self.error(text.trim(), e.into()))
    }

    /// A word of a list that serde knows.
    pub fn word<T: serde::Deserialize<'a>>(&self, text: Text<'a>) -> Result<T, KernelFileError> {
        let source: StrDeserializer<'a, WordError> = text.into_deserializer();
        T::deserialize(source).map_err(|e| self.error(text, KernelProblem::Word(e.to_string())))
    }
}

const LEVEL_FIRST: KernelProblem = KernelProblem::Line {
    expected: "kernel, symbol, code, read, write, loop, block, or an indented instruction of a level",
};

/// A file's kernels over those of its base: same operation and element types replaced in place, others added.
pub(super) fn overlay(base: KernelSet, over: KernelSet) -> KernelSet {
    let facts = over.facts();
    let mut kernels = base.into_kernels();
    for kernel in over.into_kernels() {
        match kernels.iter_mut().find(|k| k.op == kernel.op && k.elems == kernel.elems && k.when == kernel.when) {
            Some(old) => *old = kernel,
            None => kernels.push(kernel),
        }
    }
    KernelSet::new(facts, kernels)
}
