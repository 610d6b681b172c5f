//! One list of calls compiled for a board, to be priced again and again with other shapes.

use super::closed_form::ClosedForm;
use super::error::CostError;
use super::estimate::Estimator;
use super::expr::Expr;
use super::former::Former;
use super::kernel::Kernel;
use super::memory::{Layout, MemoryTotals, N_SLOTS};
use super::pipeline::Range;
use super::seen::{Seen, Shape};
use super::table::Cost;
use super::terms::{CallTerms, KernelTimes, Moved, SLOTS, Surroundings};
use crate::profile::End;
use crate::trace::{KernelCall, Phase};

/// What a design point costs, without names: see [`Estimator::estimate`] for the whole table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// All calls.
    pub total: Cost,
    /// By phase, in the order of [`Phase`].
    pub phases: [Cost; 5],
    /// RAM and flash.
    pub memory: MemoryTotals,
}

impl Point {
    /// Cost of one phase.
    pub fn phase(&self, phase: Phase) -> &Cost {
        &self.phases[place(phase)]
    }
}

fn place(phase: Phase) -> usize {
    match phase {
        Phase::Inference => 0,
        Phase::HeadForward => 1,
        Phase::Backward => 2,
        Phase::Update => 3,
        Phase::Consolidate => 4,
    }
}

/// A list of calls whose operations, element types, buffers and dimensions' names stay, while their numbers change.
///
/// Bodies are timed and expressions multiplied out once ([`Estimator::compile`]); a point is then a few hundred products
/// and an arena plan, and of equal calls one is priced. Time grows linearly with the number of calls. The result equals
/// [`Estimator::estimate`] up to the rounding of `f64`.
#[derive(Debug)]
pub struct Compiled<'a> {
    estimator: &'a Estimator<'a>,
    calls: Vec<CompiledCall>,
    layout: Layout,
    forms: Vec<Form>,
    seen: Seen,
    work: Work,
}

/// Working space of one evaluation.
#[derive(Debug, Default)]
struct Work {
    values: Vec<f64>,
    registers: Vec<f64>,
    outputs: Vec<f64>,
}

#[derive(Debug)]
struct CompiledCall {
    pattern: KernelCall,
    code_bytes: f64,
    form: usize,
    /// Calls of one class have the same kernel and the same names of dimensions.
    class: usize,
    /// Position in the call's dimensions of each dimension of the form.
    dims: Vec<usize>,
    /// Of each buffer, its place in [`SLOTS`].
    slots: Vec<Option<usize>>,
    /// Positions of the dimensions whose values decide which kernel runs the call.
    deciding: Vec<usize>,
}

impl CompiledCall {
    fn new(call: &KernelCall, (form, kernel): (usize, &Kernel), closed: &ClosedForm, deciding: &[String]) -> Self {
        let position = |name: &String| call.dims.iter().position(|(n, _)| n == name);
        let place = |b: &crate::trace::BufferUse| SLOTS.iter().position(|slot| slot.takes(b.kind, b.access));
        CompiledCall {
            pattern: call.clone(),
            code_bytes: kernel.code_bytes as f64,
            form,
            class: 0,
            dims: closed.dims().iter().map(|name| position(name).unwrap_or(usize::MAX)).collect(),
            slots: call.buffers.iter().map(place).collect(),
            deciding: deciding.iter().filter_map(position).collect(),
        }
    }

    fn is_like(&self, other: &CompiledCall) -> bool {
        let names =
            |call: &CompiledCall| call.pattern.dims.sizes().iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        self.form == other.form && self.pattern.elems == other.pattern.elems && names(self) == names(other)
    }

    fn shape<'c>(&self, call: &'c KernelCall) -> Shape<'c> {
        let mut bytes = [0; N_SLOTS];
        for (buffer, slot) in call.buffers.iter().zip(&self.slots) {
            if let Some(slot) = slot {
                bytes[*slot] = buffer.bytes.saturating_add(bytes[*slot]);
            }
        }
        Shape { sizes: call.dims.sizes(), bytes, times: call.times }
    }

    /// Whether the dimensions that decide have the values that the kernel was chosen for.
    fn is_decided(&self, call: &KernelCall) -> bool {
        let (now, then) = (call.dims.sizes(), self.pattern.dims.sizes());
        self.deciding.iter().all(|&at| now[at].1 == then[at].1)
    }
}

#[derive(Debug)]
struct Form {
    kernel: usize,
    closed: ClosedForm,
    /// For each kind of buffer: outputs with traffic, each with that of its reuse distance.
    traffic: [Vec<(usize, Option<usize>)>; N_SLOTS],
    /// Output with the bytes of the kernel's own working space.
    work: Option<usize>,
}

impl Form {
    /// Outputs 0 to 2 are the pipeline's cycles at each end, 3 to 5 the lines fetched again, then traffic and distances.
    fn new(index: usize, kernel: &Kernel, times: &KernelTimes) -> Self {
        let mut former = Former::default();
        (0..6).for_each(|_| {
            former.output();
        });
        for (at, level) in kernel.levels.iter().enumerate() {
            let trips = [&level.trips_low, &level.trips, &level.trips_high];
            for (output, (end, trips)) in End::ALL.into_iter().zip(trips).enumerate() {
                let trips = former.count(trips);
                former.add(output, &trips, times.levels[at].cycles.at(end));
                former.add(output + 3, &trips, times.lines_again[at].at(end));
                let of_a_break = times.levels[at].of_a_break.at(end);
                if let Some(breaks) = level.breaks.as_ref().filter(|_| of_a_break > 0.0) {
                    let breaks = former.count(breaks);
                    former.add(output, &breaks, of_a_break);
                }
            }
        }
        let mut traffic: [Vec<(usize, Option<usize>)>; N_SLOTS] = Default::default();
        let mut output = |expr: &Expr| {
            let (output, value) = (former.output(), former.value(expr));
            former.add(output, &value, 1.0);
            output
        };
        for (flows, slot) in traffic.iter_mut().zip(SLOTS) {
            for entry in kernel.traffic.iter().filter(|t| slot.takes(t.kind, t.access)) {
                flows.push((output(&entry.bytes), entry.reuse_bytes.as_ref().map(&mut output)));
            }
        }
        let work = kernel.scratch_bytes.as_ref().map(&mut output);
        Form { kernel: index, closed: former.finish(), traffic, work }
    }

    fn terms(&self, call: &KernelCall, shape: &Shape, outputs: &[f64]) -> CallTerms {
        let range = |at: usize| Range { low: outputs[at], mid: outputs[at + 1], high: outputs[at + 2] };
        let mut terms = CallTerms { pipeline: range(0), lines_again: range(3), ..CallTerms::default() };
        for (at, (resident, flows)) in terms.residents.iter_mut().zip(&self.traffic).enumerate() {
            let named = shape.bytes[at] as f64;
            let own = self.work.filter(|_| SLOTS[at].takes_own(named));
            let mut moved = Moved::new(own.map_or(named, |at| outputs[at]));
            flows.iter().for_each(|&(bytes, distance)| moved.add(outputs[bytes], distance.map(|at| outputs[at])));
            *resident = moved.resident(call, SLOTS[at]);
        }
        terms
    }
}

impl<'a> Estimator<'a> {
    /// Compiles a list of calls.
    pub fn compile(&'a self, calls: &[KernelCall]) -> Result<Compiled<'a>, CostError> {
        let mut forms: Vec<Form> = Vec::new();
        let mut compiled: Vec<CompiledCall> = Vec::with_capacity(calls.len());
        let mut used = Vec::with_capacity(calls.len());
        for call in calls {
            let index = self.find(call)?;
            let kernel = &self.kernels.kernels()[index];
            // The interpreter's errors are the better ones: it names the expression and the dimensions there are.
            let times = self.times(index)?;
            CallTerms::new(call, kernel, times)?;
            let form = forms.iter().position(|f| f.kernel == index).unwrap_or_else(|| {
                forms.push(Form::new(index, kernel, times));
                forms.len() - 1
            });
            let deciding = self.kernels.deciding_dims(call.op, &call.elems);
            let mut new = CompiledCall::new(call, (form, kernel), &forms[form].closed, &deciding);
            let like = compiled.iter().find(|old| old.is_like(&new)).map(|old| old.class);
            new.class = like.unwrap_or(compiled.len());
            compiled.push(new);
            used.push(kernel);
        }
        let layout = Layout::new(calls, &used)?;
        let (seen, work) = (Seen::default(), Work::default());
        Ok(Compiled { estimator: self, layout, calls: compiled, forms, seen, work })
    }
}

impl Compiled<'_> {
    /// Prices the list with the numbers that its calls have now.
    ///
    /// # Errors
    /// [`CostError::OtherShape`] where a call differs in more than dimensions, sizes and repetitions, where another kernel runs it with
    /// its dimensions, or where a kernel's expressions do not hold for them.
    pub fn price(&mut self, calls: &[KernelCall]) -> Result<Point, CostError> {
        let other = |site: &str| CostError::OtherShape { site: site.to_owned() };
        if calls.len() != self.calls.len() {
            return Err(other(calls.last().map_or("", |c| &c.site)));
        }
        let memory = self.layout.totals(calls, &self.estimator.profile)?;
        let around = self.estimator.surroundings(&memory, &self.layout);
        let mut point = Point { total: Cost::default(), phases: [Cost::default(); 5], memory };
        self.seen.clear();
        for (call, compiled) in calls.iter().zip(&self.calls) {
            if !same_structure(call, &compiled.pattern) {
                return Err(other(&call.site));
            }
            let shape = compiled.shape(call);
            let cost = match self.seen.find(compiled.class, &shape) {
                Some(cost) => cost,
                None => {
                    let form = &self.forms[compiled.form];
                    let one = OneCall { estimator: self.estimator, compiled, form, call, shape };
                    let cost = one.cost(&mut self.work, &around).ok_or_else(|| other(&call.site))?;
                    self.seen.push(compiled.class, &shape, cost);
                    cost
                }
            };
            point.total = point.total + cost;
            let phase = &mut point.phases[place(call.phase)];
            *phase = *phase + cost;
        }
        Ok(point)
    }
}

struct OneCall<'c> {
    estimator: &'c Estimator<'c>,
    compiled: &'c CompiledCall,
    form: &'c Form,
    call: &'c KernelCall,
    shape: Shape<'c>,
}

impl OneCall<'_> {
    /// `None` where another kernel runs the call or the kernel's expressions do not hold.
    fn cost(&self, work: &mut Work, around: &Surroundings) -> Option<Cost> {
        let is_decided = self.compiled.is_decided(self.call);
        if !is_decided && self.estimator.find(self.call).ok()? != self.form.kernel {
            return None;
        }
        let terms = self.terms(work)?;
        let times = self.call.times as f64;
        let once = self.estimator.once(&terms, self.compiled.code_bytes, times, around);
        Some(self.estimator.cost_of(&once, times))
    }

    fn terms(&self, work: &mut Work) -> Option<CallTerms> {
        let closed = &self.form.closed;
        work.values.clear();
        work.values.extend(self.compiled.dims.iter().map(|&at| self.shape.sizes[at].1 as f64));
        if !closed.holds(&work.values) {
            let (kernel, times) = (self.form.kernel, self.estimator.times(self.form.kernel).ok()?);
            return CallTerms::new(self.call, &self.estimator.kernels.kernels()[kernel], times)
                .ok()
                .map(|terms| terms.0);
        }
        closed.eval(&work.values, &mut work.registers, &mut work.outputs);
        // A difference of equal products may round to a hair below 0; bytes that a kernel cannot move are whole bytes below.
        let is_sound = work.outputs.iter().all(|value| value.is_finite() && *value >= -1e-3);
        is_sound.then(|| self.form.terms(self.call, &self.shape, &work.outputs))
    }
}

fn same_structure(call: &KernelCall, pattern: &KernelCall) -> bool {
    let dims = || call.dims.sizes().iter().zip(pattern.dims.sizes());
    let buffers = || call.buffers.iter().zip(&pattern.buffers);
    call.op == pattern.op
        && call.phase == pattern.phase
        && call.elems == pattern.elems
        && call.dims.sizes().len() == pattern.dims.sizes().len()
        && dims().all(|(a, b)| a.0 == b.0)
        && call.buffers.len() == pattern.buffers.len()
        && buffers().all(|(a, b)| a.kind == b.kind && a.access == b.access && a.name == b.name)
}
