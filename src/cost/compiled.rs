//! One list of calls compiled for a board, to be priced again and again with other shapes.

use super::closed_form::{ClosedForm, Former};
use super::error::CostError;
use super::estimate::Estimator;
use super::kernel::Kernel;
use super::memory::{Layout, MemoryTotals, N_SLOTS};
use super::pipeline::Range;
use super::table::Cost;
use super::terms::{CallTerms, KernelTimes, SLOTS, resident_of};
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
/// and an arena plan. Time grows linearly with the number of calls. The result equals [`Estimator::estimate`] up to the
/// rounding of `f64`.
#[derive(Debug)]
pub struct Compiled<'a> {
    estimator: &'a Estimator<'a>,
    calls: Vec<CompiledCall>,
    layout: Layout,
    forms: Vec<Form>,
    values: Vec<f64>,
    scratch: Vec<f64>,
    outputs: Vec<f64>,
}

#[derive(Debug)]
struct CompiledCall {
    pattern: KernelCall,
    code_bytes: f64,
    form: usize,
    /// Position in the call's dimensions of each dimension of the form.
    dims: Vec<usize>,
}

#[derive(Debug)]
struct Form {
    kernel: usize,
    closed: ClosedForm,
    /// For each kind of buffer: output with its traffic, and outputs with reuse distances.
    traffic: [Option<(usize, Vec<usize>)>; N_SLOTS],
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
                former.add(output, trips, times.levels[at].cycles.at(end));
                let of_a_break = times.levels[at].of_a_break.at(end);
                if let Some(breaks) = level.breaks.as_ref().filter(|_| of_a_break > 0.0) {
                    former.add(output, breaks, of_a_break);
                }
                former.add(output + 3, trips, times.lines_again[at].at(end));
            }
        }
        let mut traffic: [Option<(usize, Vec<usize>)>; N_SLOTS] = Default::default();
        for (given, slot) in traffic.iter_mut().zip(SLOTS) {
            for entry in kernel.traffic.iter().filter(|t| slot.takes(t.kind, t.access)) {
                let (bytes, distances) = given.get_or_insert_with(|| (former.output(), Vec::new()));
                former.add(*bytes, &entry.bytes, 1.0);
                if let Some(expr) = &entry.reuse_bytes {
                    let distance = former.output();
                    former.add(distance, expr, 1.0);
                    distances.push(distance);
                }
            }
        }
        Form { kernel: index, closed: former.finish(), traffic }
    }

    fn terms(&self, call: &KernelCall, outputs: &[f64]) -> CallTerms {
        let range = |at: usize| Range { low: outputs[at], mid: outputs[at + 1], high: outputs[at + 2] };
        let mut terms = CallTerms { pipeline: range(0), lines_again: range(3), ..CallTerms::default() };
        for ((resident, slot), traffic) in terms.residents.iter_mut().zip(SLOTS).zip(&self.traffic) {
            let given = traffic
                .as_ref()
                .map(|(bytes, distances)| (outputs[*bytes], distances.iter().map(|&d| outputs[d]).reduce(f64::max)));
            *resident = resident_of(call, slot, given);
        }
        terms
    }
}

impl<'a> Estimator<'a> {
    /// Compiles a list of calls.
    pub fn compile(&'a self, calls: &[KernelCall]) -> Result<Compiled<'a>, CostError> {
        let mut forms: Vec<Form> = Vec::new();
        let mut compiled = Vec::with_capacity(calls.len());
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
            let position = |name: &String| call.dims.iter().position(|(n, _)| n == name).unwrap_or(usize::MAX);
            let dims = forms[form].closed.dims().iter().map(position).collect();
            compiled.push(CompiledCall { pattern: call.clone(), code_bytes: kernel.code_bytes as f64, form, dims });
            used.push(kernel);
        }
        Ok(Compiled {
            estimator: self,
            layout: Layout::new(calls, &used)?,
            calls: compiled,
            forms,
            values: Vec::new(),
            scratch: Vec::new(),
            outputs: Vec::new(),
        })
    }
}

impl Compiled<'_> {
    /// Prices the list with the numbers that its calls have now.
    ///
    /// # Errors
    /// [`CostError::OtherShape`] where a call differs in more than dimensions, sizes and repetitions, or a kernel's expressions
    /// do not hold for its dimensions.
    pub fn price(&mut self, calls: &[KernelCall]) -> Result<Point, CostError> {
        let other = |site: &str| CostError::OtherShape { site: site.to_owned() };
        if calls.len() != self.calls.len() {
            return Err(other(calls.last().map_or("", |c| &c.site)));
        }
        let memory = self.layout.totals(calls, &self.estimator.profile)?;
        let around = self.estimator.surroundings(&memory, &self.layout);
        let mut point = Point { total: Cost::default(), phases: [Cost::default(); 5], memory };
        for (call, compiled) in calls.iter().zip(&self.calls) {
            if !same_structure(call, &compiled.pattern) {
                return Err(other(&call.site));
            }
            let form = &self.forms[compiled.form];
            let sizes = call.dims.sizes();
            self.values.clear();
            self.values.extend(compiled.dims.iter().map(|&at| sizes[at].1 as f64));
            form.closed.eval(&self.values, &mut self.scratch, &mut self.outputs);
            // A difference of equal products may round to a hair below 0; a shape that a kernel cannot run is whole cycles below.
            if self.outputs.iter().any(|value| !value.is_finite() || *value < -1e-3) {
                return Err(other(&call.site));
            }
            let terms = form.terms(call, &self.outputs);
            let times = call.times as f64;
            let once = self.estimator.once(&terms, compiled.code_bytes, times, &around);
            let cost = self.estimator.cost_of(&once, times);
            point.total = point.total + cost;
            let phase = &mut point.phases[place(call.phase)];
            *phase = *phase + cost;
        }
        Ok(point)
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
