//! A checked kernel set.

use super::super::expr::Expr;
use super::error::{KernelFileError, KernelProblem};
use super::raw::{RawInstr, RawKernel, RawLevel, RawSet, RawTraffic};
use crate::profile::{Class, Operand, Place, Width};
use crate::trace::{Access, BufferKind, Elem, Op};
use std::collections::HashMap;
use std::ops::Range;

/// A source register and how the instruction uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Number of the register within its kernel.
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
    /// The body follows itself (an innermost loop).
    pub steady: bool,
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
    /// Bytes touched between two uses of the same byte, where the file gives it.
    pub reuse_bytes: Option<Expr>,
}

/// One compiled operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Operation.
    pub op: Op,
    /// Element types.
    pub elems: Vec<Elem>,
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
    /// Reads a kernel file. `file` is only used in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, KernelFileError> {
        let reader = Reader { file, text };
        let raw: RawSet = toml::from_str(text).map_err(|e| KernelFileError {
            place: Box::new(Place::of_toml(file, text, &e)),
            problem: Box::new(KernelProblem::Toml(e.message().to_owned())),
        })?;
        let schema = *raw.schema.get_ref();
        if schema != 1 {
            return Err(reader.error(raw.schema.span(), KernelProblem::Schema { found: schema }));
        }
        let mut set = KernelSet {
            core: raw.core,
            name: raw.kernel_set,
            compiler: raw.compiler,
            flags: raw.flags,
            source_sha256: raw.source_sha256,
            kernels: Vec::with_capacity(raw.kernel.len()),
            by_op: HashMap::new(),
        };
        let mut spans: Vec<Range<usize>> = Vec::new();
        for raw in raw.kernel {
            let elems_span = raw.get_ref().elems.span();
            let kernel = reader.kernel(raw.span(), raw.into_inner())?;
            let same_op = set.by_op.entry(kernel.op).or_default();
            if let Some(&first) = same_op.iter().find(|&&i| set.kernels[i].elems == kernel.elems) {
                let line = Place::of(file, text, spans[first].clone()).line;
                return Err(reader.error(elems_span, KernelProblem::Duplicate { key: kernel.key(), line }));
            }
            same_op.push(set.kernels.len());
            spans.push(elems_span);
            set.kernels.push(kernel);
        }
        Ok(set)
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

    /// In the file's order.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// Index of the kernel for an operation on these element types.
    pub fn find(&self, op: Op, elems: &[Elem]) -> Option<usize> {
        self.by_op.get(&op)?.iter().copied().find(|&i| self.kernels[i].elems == elems)
    }

    /// Some of its kernels, by index, as a set.
    pub(in super::super) fn subset(&self, indices: &[usize]) -> Self {
        let kernels: Vec<Kernel> = indices.iter().map(|&i| self.kernels[i].clone()).collect();
        let mut by_op: HashMap<Op, Vec<usize>> = HashMap::new();
        kernels.iter().zip(0..).for_each(|(kernel, at)| by_op.entry(kernel.op).or_default().push(at));
        KernelSet { kernels, by_op, ..self.clone() }
    }

    /// Element types that the set has kernels for, in the file's order.
    pub fn elems_of(&self, op: Op) -> impl Iterator<Item = &[Elem]> {
        self.by_op.get(&op).into_iter().flatten().map(|&i| self.kernels[i].elems.as_slice())
    }
}

impl Kernel {
    /// `binary_dense [b1 b1 i32]`.
    pub fn key(&self) -> String {
        key_text(self.op, &self.elems)
    }
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

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, span: Range<usize>, problem: KernelProblem) -> KernelFileError {
        KernelFileError { place: Box::new(Place::of(self.file, self.text, span)), problem: Box::new(problem) }
    }

    fn expr(&self, text: &toml::Spanned<String>) -> Result<Expr, KernelFileError> {
        Expr::parse(text.get_ref()).map_err(|e| self.error(text.span(), e.into()))
    }

    fn kernel(&self, span: Range<usize>, raw: RawKernel) -> Result<Kernel, KernelFileError> {
        if raw.level.is_empty() {
            return Err(self.error(span, KernelProblem::NoLevels { symbol: raw.symbol }));
        }
        let mut registers = Registers::default();
        let mut levels = raw
            .level
            .into_iter()
            .map(|level| self.level(level.span(), level.into_inner(), &mut registers))
            .collect::<Result<Vec<Level>, _>>()?;
        let elems = raw.elems.into_inner();
        let quotient = elems.last().and_then(|&elem| quotient_width(elem));
        for instr in levels.iter_mut().flat_map(|level| &mut level.body) {
            if instr.class == Class::Div {
                instr.width = instr.width.or(quotient);
            }
        }
        Ok(Kernel {
            op: raw.op,
            elems,
            symbol: raw.symbol,
            code_bytes: raw.code_bytes,
            rodata_bytes: raw.rodata_bytes,
            stack_bytes: raw.stack_bytes,
            levels,
            traffic: raw.traffic.into_iter().map(|t| self.traffic(t)).collect::<Result<_, _>>()?,
        })
    }

    fn traffic(&self, raw: RawTraffic) -> Result<Traffic, KernelFileError> {
        let reuse_bytes = raw.reuse_bytes.map(|text| self.expr(&text)).transpose()?;
        Ok(Traffic { kind: raw.kind, access: raw.access, bytes: self.expr(&raw.bytes)?, reuse_bytes })
    }

    fn level(&self, span: Range<usize>, raw: RawLevel, registers: &mut Registers) -> Result<Level, KernelFileError> {
        if raw.body.is_empty() {
            return Err(self.error(span, KernelProblem::EmptyBody { name: raw.name }));
        }
        let trips = self.expr(&raw.trips)?;
        let or_trips = |end: Option<toml::Spanned<String>>| end.map_or(Ok(trips.clone()), |text| self.expr(&text));
        Ok(Level {
            name: raw.name,
            trips_low: or_trips(raw.trips_low)?,
            trips_high: or_trips(raw.trips_high)?,
            trips,
            steady: raw.steady,
            body: raw.body.into_iter().map(|i| self.instr(i, registers)).collect::<Result<_, _>>()?,
        })
    }

    fn instr(&self, raw: RawInstr, registers: &mut Registers) -> Result<Instr, KernelFileError> {
        let n_registers = match (&raw.n, raw.c.is_multi()) {
            (Some(n), true) if (1..=16).contains(n.get_ref()) => *n.get_ref(),
            (None, false) => 1,
            (Some(n), _) => return Err(self.error(n.span(), KernelProblem::Registers)),
            (None, true) => return Err(self.error(raw.a.span(), KernelProblem::Registers)),
        };
        let width = match &raw.w {
            None => None,
            Some(text) => Some(
                Width::from_code(text.get_ref())
                    .ok_or_else(|| self.error(text.span(), KernelProblem::Width { text: text.get_ref().clone() }))?,
            ),
        };
        let mut reads = Vec::with_capacity(raw.s.len());
        for text in &raw.s {
            let source = text.get_ref().split_once(':').and_then(|(register, kind)| {
                let operand = Operand::from_code(kind)?;
                (!register.is_empty()).then(|| Source { register: registers.number(register), operand })
            });
            let problem = || self.error(text.span(), KernelProblem::Source { text: text.get_ref().clone() });
            reads.push(source.ok_or_else(problem)?);
        }
        Ok(Instr {
            class: raw.c,
            width,
            writes: raw.d.iter().map(|r| registers.number(r)).collect(),
            write_back: raw.wb.as_deref().map(|r| registers.number(r)),
            reads,
            n_registers,
            assembly: raw.a.into_inner(),
        })
    }
}

/// Bits of a division's quotient, which decide its time on cores that divide until the quotient is there: it lies within the
/// kernel's last element type, its output's. `None` for types that are not divided, whose rows are the class's own.
fn quotient_width(elem: Elem) -> Option<Width> {
    match elem {
        Elem::U8 | Elem::I8 => Some(Width::B),
        Elem::I16 => Some(Width::H),
        Elem::I32 => Some(Width::W),
        _ => None,
    }
}

/// Numbers the register names of one kernel in order of appearance.
#[derive(Default)]
struct Registers {
    names: HashMap<String, u16>,
}

impl Registers {
    /// A kernel has far fewer than 2¹⁶ register names; beyond that, names share the last number, which only adds waits.
    fn number(&mut self, name: &str) -> u16 {
        let next = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        *self.names.entry(name.to_owned()).or_insert(next)
    }
}
