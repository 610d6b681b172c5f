//! What a call asks for, from its shape alone: everything that does not depend on the calls around it.

use super::error::CostError;
use super::expr::Expr;
use super::kernel::{Kernel, Level};
use super::memory::{N_SLOTS, Resident, lines_again};
use super::pipeline::{BodyTime, MissingClass, Range, body_time};
use crate::profile::{CoreTable, Path};
use crate::trace::{Access, BufferKind, KernelCall};

/// A kind of buffer; maps that are only read are apart from those that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Kind.
    pub kind: BufferKind,
    /// Only buffers that are written, or only those that are not.
    writes: Option<bool>,
}

impl Slot {
    /// Whether a buffer or a flow of bytes belongs here.
    pub fn takes(self, kind: BufferKind, access: Access) -> bool {
        kind == self.kind && self.writes.is_none_or(|writes| writes == (access != Access::Read))
    }
}

/// Slots in the order of [`CallTerms::residents`].
pub const SLOTS: [Slot; N_SLOTS] = [
    Slot { kind: BufferKind::Weights, writes: None },
    Slot { kind: BufferKind::Activation, writes: Some(false) },
    Slot { kind: BufferKind::Activation, writes: Some(true) },
    Slot { kind: BufferKind::Scratch, writes: None },
    Slot { kind: BufferKind::State, writes: None },
];

/// What one execution of a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CallTerms {
    /// Σ levels trips × body.
    pub pipeline: Range,
    /// Lines of code that are fetched again because the kernel's code does not fit.
    pub lines_again: Range,
    /// Bytes by kind of buffer, in the order of [`SLOTS`].
    pub residents: [Option<Resident>; N_SLOTS],
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
        let levels = kernel.levels.iter().map(time).collect::<Result<_, _>>()?;
        Ok(KernelTimes { levels, lines_again: fetched_again(kernel, fetch) })
    }

    /// The same bodies behind another path of instructions.
    pub fn behind(&self, kernel: &Kernel, fetch: &Path) -> Self {
        KernelTimes { levels: self.levels.clone(), lines_again: fetched_again(kernel, fetch) }
    }
}

/// Lines that one trip of each level fetches again.
fn fetched_again(kernel: &Kernel, fetch: &Path) -> Vec<Range> {
    let n_instructions: usize = kernel.levels.iter().map(|l| l.body.len()).sum();
    let code = kernel.code_bytes as f64;
    let again = |level: &Level| {
        let part = code * level.body.len() as f64 / n_instructions.max(1) as f64;
        Range::over(|end| lines_again(fetch, code, part, level.steady, end))
    };
    kernel.levels.iter().map(again).collect()
}

impl CallTerms {
    /// Evaluates the kernel's expressions for the call's dimensions; also the level that takes the most cycles.
    pub fn new(call: &KernelCall, kernel: &Kernel, times: &KernelTimes) -> Result<(Self, usize), CostError> {
        let mut terms = CallTerms::default();
        let mut heaviest = (f64::MIN, 0);
        for (at, (level, time)) in kernel.levels.iter().zip(&times.levels).enumerate() {
            let trips = trips(call, kernel, level)?;
            let cycles = trips * time.cycles + breaks(call, kernel, level)? * time.of_a_break;
            if cycles.mid > heaviest.0 {
                heaviest = (cycles.mid, at);
            }
            terms.pipeline = terms.pipeline + cycles;
            terms.lines_again = terms.lines_again + trips * times.lines_again[at];
        }
        for (resident, slot) in terms.residents.iter_mut().zip(SLOTS) {
            *resident = resident_in(call, kernel, slot)?;
        }
        Ok((terms, heaviest.1))
    }
}

/// How often a level runs in one execution of the call.
pub fn trips(call: &KernelCall, kernel: &Kernel, level: &Level) -> Result<Range, CostError> {
    let eval = |expr: &Expr| count(expr, call, kernel, || format!("trips of level `{}`", level.name));
    let mid = eval(&level.trips)?;
    // Where the file gives no interval, the three are one expression and need one evaluation.
    let end = |expr: &Expr| if *expr == level.trips { Ok(mid) } else { eval(expr) };
    Ok(Range { low: end(&level.trips_low)?, mid, high: end(&level.trips_high)? })
}

/// How often at most a level's branch breaks its habit in one execution of the call.
pub fn breaks(call: &KernelCall, kernel: &Kernel, level: &Level) -> Result<Range, CostError> {
    let Some(expr) = &level.breaks else { return Ok(Range::default()) };
    count(expr, call, kernel, || format!("branches of level `{}`", level.name)).map(Range::exact)
}

/// An expression that counts something for the call's dimensions, 0 where it is negative.
fn count(expr: &Expr, call: &KernelCall, kernel: &Kernel, what: impl Fn() -> String) -> Result<f64, CostError> {
    expr.eval_or_zero(&call.dims).map(|n| n as f64).map_err(|problem| CostError::Expr {
        kernel: kernel.symbol.clone(),
        site: call.site.clone(),
        what: what(),
        problem,
    })
}

fn eval(expr: &Expr, call: &KernelCall, kernel: &Kernel, what: impl Fn() -> String) -> Result<f64, CostError> {
    expr.eval(&call.dims).map(|n| n as f64).map_err(|problem| CostError::Expr {
        kernel: kernel.symbol.clone(),
        site: call.site.clone(),
        what: what(),
        problem,
    })
}

/// Bytes of the call's buffers of one slot.
fn buffer_bytes(call: &KernelCall, slot: Slot) -> f64 {
    call.buffers.iter().filter(|b| slot.takes(b.kind, b.access)).map(|b| b.bytes as f64).sum()
}

/// Bytes of the call's buffers of one slot and what the kernel moves there; `None` where there is neither.
fn resident_in(call: &KernelCall, kernel: &Kernel, slot: Slot) -> Result<Option<Resident>, CostError> {
    let what = || format!("traffic to {:?}", slot.kind).to_lowercase();
    let mut given: Option<(f64, Option<f64>)> = None;
    for entry in kernel.traffic.iter().filter(|t| slot.takes(t.kind, t.access)) {
        let bytes = eval(&entry.bytes, call, kernel, what)?;
        let distance = entry.reuse_bytes.as_ref().map(|expr| eval(expr, call, kernel, what)).transpose()?;
        let (traffic, reuse) = given.unwrap_or((0.0, None));
        given = Some((traffic + bytes, farther(reuse, distance)));
    }
    Ok(resident_of(call, slot, buffer_bytes(call, slot), given))
}

/// The larger of two reuse distances, where any is given.
pub fn farther(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// A resident from the bytes of the call's buffers and the kernel's traffic with its reuse distance, where the kernel gives any.
pub fn resident_of(call: &KernelCall, slot: Slot, bytes: f64, traffic: Option<(f64, Option<f64>)>) -> Option<Resident> {
    let swept_share = if slot.writes == Some(false) { window_share(call) } else { 1.0 };
    let resident =
        |bytes, traffic, reuse_bytes| Some(Resident { bytes, traffic, swept_share, reuse_bytes, since_bytes: 0.0 });
    match (traffic, bytes > 0.0) {
        (None, false) => None,
        // Working space that no buffer describes is a patch or two: it stays in the nearest cache.
        (Some(_), false) if slot.kind == BufferKind::Scratch => None,
        (None, true) => resident(bytes, bytes, None),
        (Some((traffic, reuse_bytes)), false) => resident(traffic, traffic, reuse_bytes),
        (Some((traffic, reuse_bytes)), true) => resident(bytes, traffic, reuse_bytes),
    }
}

/// A window reads `kh` of the map's `ih` rows before it comes back to a row; 1 for calls without a window.
fn window_share(call: &KernelCall) -> f64 {
    match (call.dims.get("kh"), call.dims.get("ih")) {
        (Some(kh), Some(ih)) if ih > 0 => (kh as f64 / ih as f64).min(1.0),
        _ => 1.0,
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
