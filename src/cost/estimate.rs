//! Calls × kernels × board → [`CostTable`].

use super::error::CostError;
use super::kernel::{Kernel, KernelSet, key_text};
use super::memory::{MemoryPlan, Resident, StallInput, Stalls, data_stalls, fetch_stalls, plan_memory};
use super::pipeline::{BodyTime, Range, body_time};
use super::summary::{phases, sites};
use super::table::{Bound, CallCost, Cost, CostTable, LevelCost};
use crate::profile::{End, Profile};
use crate::trace::{BufferKind, KernelCall};

/// Prices a list of calls. For many lists on one board, build an [`Estimator`] once.
pub fn estimate(calls: &[KernelCall], profile: &Profile, kernels: &KernelSet) -> Result<CostTable, CostError> {
    Estimator::new(profile, kernels)?.estimate(calls)
}

/// A kernel set on a board, every body already timed: pricing a shape is arithmetic on trip counts.
#[derive(Debug, Clone)]
pub struct Estimator<'a> {
    profile: &'a Profile,
    kernels: &'a KernelSet,
    /// Times of each kernel's levels, in the set's order.
    times: Vec<Vec<BodyTime>>,
}

/// What one call waits for besides the pipeline.
struct Surroundings<'a> {
    memory: &'a MemoryPlan,
    data_footprint: f64,
    constant_footprint: f64,
    all_code: f64,
}

impl<'a> Estimator<'a> {
    /// Times every body of the set on the profile's core.
    pub fn new(profile: &'a Profile, kernels: &'a KernelSet) -> Result<Self, CostError> {
        if profile.core.core != kernels.core() {
            return Err(CostError::CoreMismatch {
                set: kernels.name().to_owned(),
                set_core: kernels.core().to_owned(),
                profile: profile.name.clone(),
                core: profile.core.core.clone(),
            });
        }
        let time = |kernel: &Kernel| {
            let level_time = |level| {
                body_time(level, &profile.core).map_err(|missing| CostError::MissingClass {
                    kernel: kernel.symbol.clone(),
                    level: level.name.clone(),
                    core: profile.core.core.clone(),
                    missing,
                })
            };
            kernel.levels.iter().map(level_time).collect::<Result<Vec<_>, _>>()
        };
        Ok(Estimator { profile, kernels, times: kernels.kernels().iter().map(time).collect::<Result<_, _>>()? })
    }

    /// Prices a list of calls, in the order in which the device runs them.
    pub fn estimate(&self, calls: &[KernelCall]) -> Result<CostTable, CostError> {
        let indices = calls.iter().map(|call| self.find(call)).collect::<Result<Vec<_>, _>>()?;
        let used: Vec<&Kernel> = indices.iter().map(|&i| &self.kernels.kernels()[i]).collect();
        let memory = plan_memory(calls, &used, self.profile)?;
        let around = Surroundings {
            data_footprint: memory.state_bytes as f64 + memory.arena.bytes as f64,
            constant_footprint: memory.constant_bytes as f64,
            all_code: memory.code_bytes as f64,
            memory: &memory,
        };
        let costs = calls.iter().zip(&indices).map(|(call, &index)| self.call_cost(call, index, &around));
        let calls = costs.collect::<Result<Vec<_>, _>>()?;
        Ok(CostTable {
            profile: self.profile.name.clone(),
            core: self.profile.core.core.clone(),
            kernel_set: self.kernels.name().to_owned(),
            sites: sites(&calls),
            phases: phases(&calls),
            total: calls.iter().map(|c| c.cost).sum(),
            calls,
            memory,
        })
    }

    /// The levels of one execution of a call: trips, cycles of a trip, what a trip waits for.
    pub fn explain(&self, call: &KernelCall) -> Result<Vec<LevelCost>, CostError> {
        let index = self.find(call)?;
        let kernel = &self.kernels.kernels()[index];
        let mut levels = Vec::with_capacity(kernel.levels.len());
        for (level, time) in kernel.levels.iter().zip(&self.times[index]) {
            let trips = trips(call, kernel, level)?;
            levels.push(LevelCost {
                name: level.name.clone(),
                trips,
                instructions: level.body.len(),
                body_cycles: time.cycles,
                cycles: trips * time.cycles,
                bound: level_bound(time),
            });
        }
        Ok(levels)
    }

    fn find(&self, call: &KernelCall) -> Result<usize, CostError> {
        self.kernels.find_call(call).ok_or_else(|| CostError::MissingKernel {
            kernel: key_text(call.op, &call.elems),
            site: call.site.clone(),
            set: self.kernels.name().to_owned(),
            core: self.kernels.core().to_owned(),
            have: self.kernels.elems_of(call.op).map(|elems| key_text(call.op, elems)).collect(),
        })
    }

    /// Formula (C8): times × max(Σ levels trips × body + fetch + data stalls, bandwidth), at each end; ms = cycles / (MHz ·
    /// 1000); µJ = mW × ms.
    fn call_cost(&self, call: &KernelCall, index: usize, around: &Surroundings<'_>) -> Result<CallCost, CostError> {
        let kernel = &self.kernels.kernels()[index];
        let times = &self.times[index];
        let mut level_trips = Vec::with_capacity(kernel.levels.len());
        let mut pipeline = Range::default();
        let mut heaviest = (f64::MIN, 0);
        for (at, (level, time)) in kernel.levels.iter().zip(times).enumerate() {
            let trips = trips(call, kernel, level)?;
            let cycles = trips * time.cycles;
            if cycles.mid > heaviest.0 {
                heaviest = (cycles.mid, at);
            }
            pipeline = pipeline + cycles;
            level_trips.push(trips);
        }
        let n_instructions: usize = kernel.levels.iter().map(|l| l.body.len()).sum();
        let [data, constants] = self.stall_inputs(call, kernel, around)?;
        let at_end = |end: End| {
            let part = |n: usize| n as f64 / n_instructions.max(1) as f64;
            let levels = kernel.levels.iter().zip(&level_trips);
            let levels: Vec<(f64, f64, bool)> =
                levels.map(|(level, trips)| (part(level.body.len()), trips.at(end), level.steady)).collect();
            let code = kernel.code_bytes as f64;
            let fetch = fetch_stalls(&self.profile.fetch, code, &levels, call.times as f64, around.all_code, end);
            let paths = [(&self.profile.data, &data), (&self.profile.constants, &constants)];
            let stalls = paths.map(|(path, input)| data_stalls(path, input, end));
            total_of(pipeline.at(end), fetch, stalls)
        };
        let once = Range::over(at_end);
        let memory_share = if once.mid > 0.0 { 1.0 - pipeline.mid / once.mid } else { 0.0 };
        let bound = if memory_share > 0.5 { Bound::Memory } else { level_bound(&times[heaviest.1]) };
        Ok(CallCost {
            phase: call.phase,
            site: call.site.clone(),
            op: call.op,
            kernel: kernel.symbol.clone(),
            times: call.times,
            cost: self.cost_of(once * Range::exact(call.times as f64)),
            memory_share,
            bound,
        })
    }

    fn cost_of(&self, cycles: Range) -> Cost {
        let ms = |end| cycles.at(end) / (self.profile.clock_mhz.capacity(end) * 1000.0);
        let latency_ms = Range::over(ms);
        let power = Range::over(|end| self.profile.active_mw.cost(end));
        Cost { cycles, latency_ms, energy_uj: latency_ms * power }
    }

    /// What the call asks of the path of data and of the path of constants.
    fn stall_inputs(
        &self,
        call: &KernelCall,
        kernel: &Kernel,
        around: &Surroundings<'_>,
    ) -> Result<[StallInput; 2], CostError> {
        let (arena_outside, state_outside) = self.outside_fast(around.memory);
        let mut data = StallInput { footprint: around.data_footprint, ..StallInput::default() };
        let mut constants = StallInput { footprint: around.constant_footprint, ..StallInput::default() };
        for kind in [BufferKind::Weights, BufferKind::Activation, BufferKind::Scratch, BufferKind::State] {
            let Some(resident) = resident(call, kernel, kind)? else { continue };
            let (input, outside) = match kind {
                BufferKind::Weights => (&mut constants, 1.0),
                BufferKind::State => (&mut data, state_outside),
                BufferKind::Activation | BufferKind::Scratch => (&mut data, arena_outside),
            };
            let part = Resident { bytes: resident.bytes * outside, traffic: resident.traffic * outside, ..resident };
            input.working_set += part.bytes;
            input.residents.push(part);
        }
        if self.profile.constants.shares_data_cache {
            let (working_set, footprint) =
                (data.working_set + constants.working_set, data.footprint + constants.footprint);
            (data.working_set, constants.working_set) = (working_set, working_set);
            (data.footprint, constants.footprint) = (footprint, footprint);
        }
        Ok([data, constants])
    }

    /// Shares of arena and state that lie outside the fast memory, which is filled with the arena first.
    fn outside_fast(&self, memory: &MemoryPlan) -> (f64, f64) {
        let Some(fast) = &self.profile.ram.fast_kib else { return (1.0, 1.0) };
        let taken = memory.stack_bytes as f64 + memory.reserved_ram_bytes as f64;
        let room = (fast.value * 1024.0 - taken).max(0.0);
        let (arena, state) = (memory.arena.bytes as f64, memory.state_bytes as f64);
        let outside = |bytes: f64, room: f64| if bytes <= room { 0.0 } else { 1.0 - room / bytes };
        (outside(arena, room), outside(state, (room - arena).max(0.0)))
    }
}

fn total_of(pipeline: f64, fetch: f64, stalls: [Stalls; 2]) -> f64 {
    let waiting: f64 = stalls.iter().map(|s| s.cycles).sum();
    let bandwidth: f64 = stalls.iter().map(|s| s.bandwidth_cycles).sum();
    (pipeline + fetch + waiting).max(bandwidth)
}

fn trips(call: &KernelCall, kernel: &Kernel, level: &super::kernel::Level) -> Result<Range, CostError> {
    let eval = |expr: &super::expr::Expr| {
        expr.eval(&call.dims).map(|n| n as f64).map_err(|problem| CostError::Expr {
            kernel: kernel.symbol.clone(),
            site: call.site.clone(),
            what: format!("trips of level `{}`", level.name),
            problem,
        })
    };
    let mid = eval(&level.trips)?;
    // Where the file gives no interval, the three are one expression and need one evaluation.
    let end = |expr: &super::expr::Expr| if *expr == level.trips { Ok(mid) } else { eval(expr) };
    Ok(Range { low: end(&level.trips_low)?, mid, high: end(&level.trips_high)? })
}

/// Bytes of the call's buffers of one kind and what the kernel moves there; `None` where there is neither.
fn resident(call: &KernelCall, kernel: &Kernel, kind: BufferKind) -> Result<Option<Resident>, CostError> {
    let bytes: f64 = call.buffers.iter().filter(|b| b.kind == kind).map(|b| b.bytes as f64).sum();
    let (mut traffic, mut reuse_bytes, mut is_given) = (0.0, None, false);
    for entry in kernel.traffic.iter().filter(|t| t.kind == kind) {
        let eval = |expr: &super::expr::Expr| {
            expr.eval(&call.dims).map(|n| n as f64).map_err(|problem| CostError::Expr {
                kernel: kernel.symbol.clone(),
                site: call.site.clone(),
                what: format!("traffic to {kind:?}").to_lowercase(),
                problem,
            })
        };
        is_given = true;
        traffic += eval(&entry.bytes)?;
        if let Some(expr) = &entry.reuse_bytes {
            let distance = eval(expr)?;
            reuse_bytes = Some(reuse_bytes.map_or(distance, |d: f64| d.max(distance)));
        }
    }
    Ok(match (is_given, bytes > 0.0) {
        (false, false) => None,
        (false, true) => Some(Resident { bytes, traffic: bytes, reuse_bytes }),
        (true, false) => Some(Resident { bytes: traffic, traffic, reuse_bytes }),
        (true, true) => Some(Resident { bytes, traffic, reuse_bytes }),
    })
}

/// A trip a tenth above every bound waits for results within itself.
fn level_bound(time: &BodyTime) -> Bound {
    match &time.bounds {
        None => Bound::Issue,
        Some(bounds) if time.cycles.mid > 1.1 * bounds.cycles() => Bound::Latency,
        Some(bounds) => bounds.limit().into(),
    }
}
