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

    /// Whether a kernel's own working space lies here, where the call's buffers have `named` bytes.
    pub fn takes_own(self, named: f64) -> bool {
        self.kind == BufferKind::Scratch && named == 0.0
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
    let named = buffer_bytes(call, slot);
    let own = kernel.scratch_bytes.as_ref().filter(|_| slot.takes_own(named));
    let own = own.map(|expr| eval(expr, call, kernel, || "working space".to_owned())).transpose()?;
    let mut moved = Moved::new(own.unwrap_or(named));
    for entry in kernel.traffic.iter().filter(|t| slot.takes(t.kind, t.access)) {
        let bytes = eval(&entry.bytes, call, kernel, what)?;
        let distance = entry.reuse_bytes.as_ref().map(|expr| eval(expr, call, kernel, what)).transpose()?;
        moved.add(bytes, distance);
    }
    Ok(moved.resident(call, slot))
}

/// What a kernel moves to and from the buffers of one slot.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// Size of the buffers: the call's, else the kernel's own working space.
    bytes: f64,
    traffic: Option<f64>,
    near_bytes: f64,
    near_distance: f64,
}

impl Moved {
    /// Nothing moved yet.
    pub fn new(bytes: f64) -> Self {
        Moved { bytes, traffic: None, near_bytes: 0.0, near_distance: 0.0 }
    }

    /// Adds a flow. With a distance of its own, what goes beyond one pass over the buffers is used again at that distance.
    pub fn add(&mut self, bytes: f64, distance: Option<f64>) {
        *self.traffic.get_or_insert(0.0) += bytes;
        if let Some(distance) = distance.filter(|_| self.bytes > 0.0) {
            self.near_bytes += (bytes - self.bytes).max(0.0);
            self.near_distance = self.near_distance.max(distance);
        }
    }

    /// The buffers of the slot as the caches see them.
    pub fn resident(self, call: &KernelCall, slot: Slot) -> Option<Resident> {
        let Moved { bytes, traffic, near_bytes, near_distance } = self;
        let swept_share = if slot.writes == Some(false) { window_share(call) } else { 1.0 };
        let (bytes, traffic) = match (traffic, bytes > 0.0) {
            (None, false) => return None,
            // Working space of no stated size is a patch or two: it stays in the nearest cache.
            (Some(_), false) if slot.kind == BufferKind::Scratch => return None,
            (None, true) => (bytes, bytes),
            (Some(traffic), false) => (traffic, traffic),
            (Some(traffic), true) => (bytes, traffic),
        };
        Some(Resident { bytes, traffic, near_bytes, near_distance, swept_share, reuse_bytes: 0.0, since_bytes: 0.0 })
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
