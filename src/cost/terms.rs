//! What a call asks for, from its shape alone: everything that does not depend on the calls around it.

use super::error::CostError;
use super::expr::Expr;
use super::kernel::{Kernel, Level};
use super::memory::{Resident, lines_again};
use super::pipeline::{BodyTime, MissingClass, Range, body_time};
use crate::profile::{CoreTable, Path};
use crate::trace::{BufferKind, KernelCall};

/// Kinds of buffers in the order of [`CallTerms::residents`].
pub const KINDS: [BufferKind; 4] =
    [BufferKind::Weights, BufferKind::Activation, BufferKind::Scratch, BufferKind::State];

/// What one execution of a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CallTerms {
    /// Σ levels trips × body.
    pub pipeline: Range,
    /// Lines of code that are fetched again because the kernel's code does not fit.
    pub lines_again: Range,
    /// Bytes by kind of buffer, in the order of [`KINDS`].
    pub residents: [Option<Resident>; 4],
}

/// A kernel's bodies on a board: evaluated once, whatever the shapes.
#[derive(Debug, Clone)]
pub struct KernelTimes {
    /// By level.
    pub levels: Vec<BodyTime>,
    /// Lines that one trip of each level fetches again.
    pub lines_again: Vec<Range>,
}

impl KernelTimes {
    /// Times every body; the level and the instruction without a row are the error.
    pub fn new(kernel: &Kernel, core: &CoreTable, fetch: &Path) -> Result<Self, (String, MissingClass)> {
        let time = |level: &Level| body_time(level, core).map_err(|missing| (level.name.clone(), missing));
        let n_instructions: usize = kernel.levels.iter().map(|l| l.body.len()).sum();
        let code = kernel.code_bytes as f64;
        let again = |level: &Level| {
            let part = code * level.body.len() as f64 / n_instructions.max(1) as f64;
            Range::over(|end| lines_again(fetch, code, part, level.steady, end))
        };
        Ok(KernelTimes {
            levels: kernel.levels.iter().map(time).collect::<Result<_, _>>()?,
            lines_again: kernel.levels.iter().map(again).collect(),
        })
    }
}

impl CallTerms {
    /// Evaluates the kernel's expressions for the call's dimensions; also the level that takes the most cycles.
    pub fn new(call: &KernelCall, kernel: &Kernel, times: &KernelTimes) -> Result<(Self, usize), CostError> {
        let mut terms = CallTerms::default();
        let mut heaviest = (f64::MIN, 0);
        for (at, (level, time)) in kernel.levels.iter().zip(&times.levels).enumerate() {
            let trips = trips(call, kernel, level)?;
            let cycles = trips * time.cycles;
            if cycles.mid > heaviest.0 {
                heaviest = (cycles.mid, at);
            }
            terms.pipeline = terms.pipeline + cycles;
            terms.lines_again = terms.lines_again + trips * times.lines_again[at];
        }
        for (slot, kind) in terms.residents.iter_mut().zip(KINDS) {
            *slot = resident(call, kernel, kind)?;
        }
        Ok((terms, heaviest.1))
    }
}

/// How often a level runs in one execution of the call.
pub fn trips(call: &KernelCall, kernel: &Kernel, level: &Level) -> Result<Range, CostError> {
    let eval = |expr: &Expr| eval(expr, call, kernel, || format!("trips of level `{}`", level.name));
    let mid = eval(&level.trips)?;
    // Where the file gives no interval, the three are one expression and need one evaluation.
    let end = |expr: &Expr| if *expr == level.trips { Ok(mid) } else { eval(expr) };
    Ok(Range { low: end(&level.trips_low)?, mid, high: end(&level.trips_high)? })
}

fn eval(expr: &Expr, call: &KernelCall, kernel: &Kernel, what: impl Fn() -> String) -> Result<f64, CostError> {
    expr.eval(&call.dims).map(|n| n as f64).map_err(|problem| CostError::Expr {
        kernel: kernel.symbol.clone(),
        site: call.site.clone(),
        what: what(),
        problem,
    })
}

/// Bytes of the call's buffers of one kind.
pub fn buffer_bytes(call: &KernelCall, kind: BufferKind) -> f64 {
    call.buffers.iter().filter(|b| b.kind == kind).map(|b| b.bytes as f64).sum()
}

/// Bytes of the call's buffers of one kind and what the kernel moves there; `None` where there is neither.
fn resident(call: &KernelCall, kernel: &Kernel, kind: BufferKind) -> Result<Option<Resident>, CostError> {
    let what = || format!("traffic to {kind:?}").to_lowercase();
    let mut given: Option<(f64, Option<f64>)> = None;
    for entry in kernel.traffic.iter().filter(|t| t.kind == kind) {
        let bytes = eval(&entry.bytes, call, kernel, what)?;
        let distance = entry.reuse_bytes.as_ref().map(|expr| eval(expr, call, kernel, what)).transpose()?;
        let (traffic, reuse) = given.unwrap_or((0.0, None));
        given = Some((traffic + bytes, farther(reuse, distance)));
    }
    Ok(resident_of(buffer_bytes(call, kind), given))
}

/// The larger of two reuse distances, where any is given.
pub fn farther(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// A resident from the bytes of its buffers and the kernel's traffic with its reuse distance, where the kernel gives any.
pub fn resident_of(bytes: f64, traffic: Option<(f64, Option<f64>)>) -> Option<Resident> {
    match (traffic, bytes > 0.0) {
        (None, false) => None,
        (None, true) => Some(Resident { bytes, traffic: bytes, reuse_bytes: None }),
        (Some((traffic, reuse_bytes)), false) => Some(Resident { bytes: traffic, traffic, reuse_bytes }),
        (Some((traffic, reuse_bytes)), true) => Some(Resident { bytes, traffic, reuse_bytes }),
    }
}

/// What all calls of a list share: sizes that decide what stays in which memory.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Surroundings {
    /// Arena and state.
    pub data_footprint: f64,
    /// Constants.
    pub constant_footprint: f64,
    /// Code of the kernels in use.
    pub all_code: f64,
    /// Shares outside the memory that never waits.
    pub outside: Outside,
}

/// Shares of what lies outside the memory that never waits, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outside {
    /// Of the arena.
    pub arena: f64,
    /// Of the state.
    pub state: f64,
    /// Of the constants.
    pub constants: f64,
}

impl Default for Outside {
    fn default() -> Self {
        Outside { arena: 1.0, state: 1.0, constants: 1.0 }
    }
}

impl Outside {
    /// Of a kind of buffer.
    pub fn share(&self, kind: BufferKind) -> f64 {
        match kind {
            BufferKind::Weights => self.constants,
            BufferKind::Activation | BufferKind::Scratch => self.arena,
            BufferKind::State => self.state,
        }
    }
}
