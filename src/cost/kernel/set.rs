//! A checked kernel set.

use super::super::expr::Expr;
use super::builtin::kernel_set;
use super::error::{KernelFileError, KernelProblem};
use super::read::{Reader, overlay};
use crate::profile::{Class, Operand, Width};
use crate::trace::{Access, BufferKind, Dims, Elem, KernelCall, Op};
use std::collections::HashMap;

/// A source register and how the instruction uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Number of the register within its file.
    pub register: u16,
    /// Use.
    pub operand: Operand,
}

/// One abstract instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instr {
    /// Class.
    pub class: Class,
    /// Width, where the file gives one.
    pub width: Option<Width>,
    /// Registers written by the operation itself.
    pub writes: Vec<u16>,
    /// Base register that addressing writes back.
    pub write_back: Option<u16>,
    /// Registers read.
    pub reads: Vec<Source>,
    /// Registers moved by a multiple load or store, else 1.
    pub n_registers: u32,
    /// The assembly it stands for.
    pub assembly: String,
}

/// Basic blocks of a kernel that run equally often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Name, for explanations.
    pub name: String,
    /// How often the body runs in one call.
    pub trips: Expr,
    /// Fewest, where the count depends on data.
    pub trips_low: Expr,
    /// Most, where the count depends on data.
    pub trips_high: Expr,
    /// More no run can have: where the count depends on data, once a call of the routine that it belongs to.
    pub trips_most: Expr,
    /// The body follows itself (an innermost loop).
    pub steady: bool,
    /// How often at most its last branch goes another way than the times before, where it goes two ways.
    pub breaks: Option<Expr>,
    /// In program order.
    pub body: Vec<Instr>,
}

/// Bytes that a kernel moves in one call, by kind of buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// Kind of the buffers.
    pub kind: BufferKind,
    /// Direction.
    pub access: Access,
    /// Bytes of one call.
    pub bytes: Expr,
    /// Bytes touched between two uses of the same byte beyond the first pass over the buffers, where the file gives it.
    pub reuse_bytes: Option<Expr>,
}

/// One compiled operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Operation.
    pub op: Op,
    /// Element types.
    pub elems: Vec<Elem>,
    /// Dimensions that a call must have for this kernel to be its own: names that must be there (`pad_top`) and
    /// expressions with their values (`kh=1 ic%4=0`).
    pub when: Option<String>,
    /// Function name.
    pub symbol: String,
    /// Instructions and literal pools.
    pub code_bytes: u64,
    /// Constant tables.
    pub rodata_bytes: u64,
    /// Largest stack frame, callees included.
    pub stack_bytes: u64,
    /// Loop levels.
    pub levels: Vec<Level>,
    /// Bytes moved.
    pub traffic: Vec<Traffic>,
    /// Working space of its own in bytes: a gathered patch, a row of sums.
    pub scratch_bytes: Option<Expr>,
}

/// All kernels of one core, from one compiler.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelSet {
    core: String,
    name: String,
    compiler: String,
    flags: String,
    source_sha256: String,
    kernels: Vec<Kernel>,
    by_op: HashMap<Op, Vec<usize>>,
}

impl KernelSet {
    /// Reads a kernel file. `file` is only used in errors. The kernels of a `base` set of the same core, which must be built in,
    /// are part of the result unless the file replaces them.
    pub fn parse(file: &str, text: &str) -> Result<Self, KernelFileError> {
        let reader = Reader { file, text };
        let read = reader.read()?;
        let Some(base) = read.base else { return Ok(read.set) };
        let line = text.lines().find(|l| l.starts_with("base")).unwrap_or(text);
        let found = kernel_set(read.set.core(), &base);
        let found = found.map_err(|e| reader.error(line, KernelProblem::Base(e.to_string())))?;
        Ok(overlay(found, read.set))
    }

    /// From `core, set, compiler, flags, sources` and kernels with keys of their own.
    pub(super) fn new(facts: [String; 5], mut kernels: Vec<Kernel>) -> Self {
        let [core, name, compiler, flags, source_sha256] = facts;
        let mut by_op: HashMap<Op, Vec<usize>> = HashMap::new();
        for (index, kernel) in kernels.iter_mut().enumerate() {
            kernel.width_of_divisions();
            by_op.entry(kernel.op).or_default().push(index);
        }
        KernelSet { core, name, compiler, flags, source_sha256, kernels, by_op }
    }

    pub(super) fn facts(&self) -> [String; 5] {
        [&self.core, &self.name, &self.compiler, &self.flags, &self.source_sha256].map(Clone::clone)
    }

    pub(super) fn into_kernels(self) -> Vec<Kernel> {
        self.kernels
    }

    /// Core that it was compiled for, e.g. `cortex-m4`.
    pub fn core(&self) -> &str {
        &self.core
    }

    /// Name, e.g. `gcc12-o2`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Compiler and version.
    pub fn compiler(&self) -> &str {
        &self.compiler
    }

    /// Compiler flags.
    pub fn flags(&self) -> &str {
        &self.flags
    }

    /// SHA-256 of the C sources; other sources make the set stale.
    pub fn source_sha256(&self) -> &str {
        &self.source_sha256
    }

    /// In the file's order, those of a base first.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// Index of the kernel for an operation on these element types, whatever the call's dimensions.
    pub fn find(&self, op: Op, elems: &[Elem]) -> Option<usize> {
        self.find_when(op, elems, None)
    }

    /// Index of the kernel for a call: of those whose conditions its dimensions meet (padding has kernels of its own), the one
    /// with the most conditions, the first among equals. Work that other kernels of the same types leave out ([`demands`]) must be
    /// named by the kernel's conditions: a call is not priced by one that does less.
    pub fn find_call(&self, call: &KernelCall) -> Option<usize> {
        let names = |i: usize, name: &str| self.kernels[i].conditions().any(|c| c.split('=').next() == Some(name));
        let meets = |i: &usize| {
            self.kernels[*i].elems == call.elems
                && self.kernels[*i].is_for(&call.dims)
                && demands(&call.dims).all(|name| names(*i, name))
        };
        let all = self.by_op.get(&call.op)?.iter().rev().copied();
        all.filter(meets).max_by_key(|&i| self.kernels[i].conditions().count())
    }

    /// Index of the kernel that calls with certain dimensions have to themselves.
    pub fn find_when(&self, op: Op, elems: &[Elem], when: Option<&str>) -> Option<usize> {
        let is = |kernel: &Kernel| kernel.elems == elems && kernel.when.as_deref() == when;
        self.by_op.get(&op)?.iter().copied().find(|&i| is(&self.kernels[i]))
    }

    /// Dimensions whose values decide which kernel runs a call of these operands.
    pub(in super::super) fn deciding_dims(&self, op: Op, elems: &[Elem]) -> Vec<String> {
        let of_op = self.by_op.get(&op).into_iter().flatten().map(|&i| &self.kernels[i]);
        let conditions = of_op.filter(|kernel| kernel.elems == elems).flat_map(Kernel::conditions);
        let values = conditions.filter_map(|c| Expr::parse(c.split_once('=')?.0).ok());
        let mut names: Vec<String> = values.flat_map(|e| e.dims().map(str::to_owned).collect::<Vec<_>>()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// With another set's kernels wherever that has the same function for the same calls.
    pub(super) fn with_same_functions_of(self, other: &KernelSet) -> Self {
        let facts = self.facts();
        let mut kernels = self.into_kernels();
        for kernel in &mut kernels {
            let found = other.find_when(kernel.op, &kernel.elems, kernel.when.as_deref()).map(|i| &other.kernels[i]);
            if let Some(found) = found.filter(|found| found.symbol == kernel.symbol) {
                *kernel = found.clone();
            }
        }
        Self::new(facts, kernels)
    }

    /// Some of its kernels, by index, as a set.
    pub(in super::super) fn subset(&self, indices: &[usize]) -> Self {
        Self::new(self.facts(), indices.iter().map(|&i| self.kernels[i].clone()).collect())
    }

    /// Element types that the set has kernels for, in the file's order.
    pub fn elems_of(&self, op: Op) -> impl Iterator<Item = &[Elem]> {
        self.by_op.get(&op).into_iter().flatten().map(|&i| self.kernels[i].elems.as_slice())
    }
}

impl Kernel {
    /// Bits of a division's quotient decide its time on cores that divide until the quotient is there. It lies within the
    /// kernel's last element type, its output's; other types take the class's own row.
    fn width_of_divisions(&mut self) {
        let width = match self.elems.last() {
            Some(Elem::U8 | Elem::I8) => Width::B,
            Some(Elem::I16) => Width::H,
            Some(Elem::I32) => Width::W,
            _ => return,
        };
        for instr in self.levels.iter_mut().flat_map(|level| &mut level.body) {
            if instr.class == Class::Div && instr.width.is_none() {
                instr.width = Some(width);
            }
        }
    }

    fn conditions(&self) -> impl Iterator<Item = &str> {
        self.when.iter().flat_map(|when| when.split_whitespace())
    }

    /// Whether a call's dimensions meet all conditions.
    fn is_for(&self, dims: &Dims) -> bool {
        self.conditions().all(|condition| match condition.split_once('=') {
            None => dims.get(condition).is_some(),
            Some((text, value)) => {
                let left = Expr::parse(text).ok().and_then(|e| e.eval(dims).ok());
                left.is_some_and(|left| value.parse() == Ok(left))
            }
        })
    }

    /// `binary_dense [b1 b1 i32]`, with ` when pad_top` where a dimension decides.
    pub fn key(&self) -> String {
        let when = self.when.as_ref().map(|name| format!(" when {name}"));
        key_text(self.op, &self.elems) + &when.unwrap_or_default()
    }
}

/// Dimensions of a call that mean work of their own: zero points, checked additions, packed codes, draws, another rule of rounding, a shift for a product, several
/// outputs a channel, and the like. A kernel without them is another kernel.
pub(crate) fn demands(dims: &Dims) -> impl Iterator<Item = &'static str> + '_ {
    const ALL: [&str; 10] =
        ["affine", "checked", "packed", "stochastic", "multiplier", "magnitude", "running", "apart", "rule", "shift"];
    ALL.into_iter().filter(|name| dims.get(name).is_some())
}

/// `head_forward [i8 i8 i32]`, with ` with affine checked` where the call demands it.
pub(crate) fn call_text(call: &KernelCall) -> String {
    let demands: Vec<&str> = demands(&call.dims).collect();
    let more = if demands.is_empty() { String::new() } else { format!(" with {}", demands.join(" ")) };
    key_text(call.op, &call.elems) + &more
}

/// `binary_dense [b1 b1 i32]`.
pub(crate) fn key_text(op: Op, elems: &[Elem]) -> String {
    let elems: Vec<&str> = elems.iter().map(|e| e.code()).collect();
    format!("{} [{}]", op_code(op), elems.join(" "))
}

/// The operation in snake case, as kernel files write it.
pub(crate) fn op_code(op: Op) -> String {
    let mut code = String::new();
    for c in format!("{op:?}").chars() {
        if c.is_ascii_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(c.to_ascii_lowercase());
    }
    code
}
