//! Calls × kernels × board → [`CostTable`].

use super::error::CostError;
use super::kernel::{Kernel, KernelSet, call_text, key_text};
use super::memory::{Layout, MemoryTotals, Resident, StallInput, Stalls, data_stalls, fetch_stalls, reuse_distance};
use super::pipeline::{BodyTime, Range};
use super::summary::{phases, sites};
use super::table::{Bound, CallCost, Cost, CostTable, LevelCost, Parts};
use super::terms::{CallTerms, KernelTimes, Outside, SLOTS, Surroundings, breaks, trips};
use crate::profile::{End, Profile};
use crate::trace::{BufferKind, KernelCall};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Prices a list of calls. For many lists on one board, build an [`Estimator`] once.
pub fn estimate(calls: &[KernelCall], profile: &Profile, kernels: &KernelSet) -> Result<CostTable, CostError> {
    Estimator::new(profile, kernels)?.estimate(calls)
}

/// A kernel set on a board, each body timed once, when a call first needs it: pricing a shape is arithmetic on trip counts.
#[derive(Debug, Clone)]
pub struct Estimator<'a> {
    pub(super) profile: Cow<'a, Profile>,
    pub(super) kernels: Cow<'a, KernelSet>,
    /// Times of each kernel's levels, in the set's order, as far as they were asked for.
    times: Vec<OnceLock<KernelTimes>>,
}

/// One execution of a call.
pub(super) struct Once {
    pub cycles: Range,
    pub parts: Parts,
    /// Energy of the lines that the caches bring.
    pub line_nj: Range,
}

impl<'a> Estimator<'a> {
    /// A kernel set on a profile of its core.
    ///
    /// # Errors
    /// [`CostError::CoreMismatch`]. Pricing gives [`CostError::MissingClass`] where the core's table lacks an instruction.
    pub fn new(profile: &'a Profile, kernels: &'a KernelSet) -> Result<Self, CostError> {
        Self::of(Cow::Borrowed(profile), Cow::Borrowed(kernels))
    }

    /// As [`Estimator::new`], to be kept: timing the bodies takes far longer than pricing a list of calls.
    ///
    /// # Errors
    /// As [`Estimator::new`].
    pub fn owning(profile: Profile, kernels: KernelSet) -> Result<Estimator<'static>, CostError> {
        Estimator::of(Cow::Owned(profile), Cow::Owned(kernels))
    }

    /// The same kernels on a board that differs from this one in a number; bodies are timed again only where they would differ.
    pub(super) fn with_profile(&self, profile: Profile) -> Estimator<'_> {
        let is_same_core = profile.core == self.profile.core;
        let again = |(times, kernel): (&OnceLock<KernelTimes>, &Kernel)| match times.get() {
            Some(times) if is_same_core => OnceLock::from(times.behind(kernel, &profile.fetch)),
            _ => OnceLock::new(),
        };
        let times = self.times.iter().zip(self.kernels.kernels()).map(again).collect();
        Estimator { profile: Cow::Owned(profile), kernels: Cow::Borrowed(&self.kernels), times }
    }

    /// The board.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The kernel set.
    pub fn kernel_set(&self) -> &KernelSet {
        &self.kernels
    }

    fn of(profile: Cow<'a, Profile>, kernels: Cow<'a, KernelSet>) -> Result<Self, CostError> {
        if profile.core.core != kernels.core() {
            return Err(CostError::CoreMismatch {
                set: kernels.name().to_owned(),
                set_core: kernels.core().to_owned(),
                profile: profile.name.clone(),
                core: profile.core.core.clone(),
            });
        }
        let times = kernels.kernels().iter().map(|_| OnceLock::new()).collect();
        Ok(Estimator { profile, kernels, times })
    }

    /// Times of a kernel's levels.
    pub(super) fn times(&self, index: usize) -> Result<&KernelTimes, CostError> {
        if let Some(times) = self.times[index].get() {
            return Ok(times);
        }
        let (kernel, profile) = (&self.kernels.kernels()[index], &self.profile);
        let times = KernelTimes::new(kernel, &profile.core, &profile.fetch).map_err(|(level, missing)| {
            let (kernel, core) = (kernel.symbol.clone(), profile.core.core.clone());
            CostError::MissingClass { kernel, level, core, missing }
        })?;
        Ok(self.times[index].get_or_init(|| times))
    }

    /// Prices a list of calls, in the order in which the device runs them.
    pub fn estimate(&self, calls: &[KernelCall]) -> Result<CostTable, CostError> {
        let indices = calls.iter().map(|call| self.find(call)).collect::<Result<Vec<_>, _>>()?;
        let used: Vec<&Kernel> = indices.iter().map(|&i| &self.kernels.kernels()[i]).collect();
        let layout = Layout::new(calls, &used)?;
        let memory = layout.plan(calls, &self.profile)?;
        let totals = MemoryTotals {
            arena_bytes: memory.arena.bytes,
            state_bytes: memory.state_bytes,
            constant_bytes: memory.constant_bytes,
            ram_bytes: memory.ram_bytes,
            flash_bytes: memory.flash_bytes,
        };
        let around = self.surroundings(&totals, &layout);
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
        for (level, time) in kernel.levels.iter().zip(&self.times(index)?.levels) {
            let trips = trips(call, kernel, level)?;
            levels.push(LevelCost {
                name: level.name.clone(),
                trips,
                instructions: level.body.len(),
                body_cycles: time.cycles,
                breaks: breaks(call, kernel, level)? * time.of_a_break,
                cycles: trips * time.cycles,
                bound: level_bound(time),
            });
        }
        Ok(levels)
    }

    /// The kernels that these calls run, as a set of their own.
    pub fn used(&self, calls: &[KernelCall]) -> Result<KernelSet, CostError> {
        let mut indices = calls.iter().map(|call| self.find(call)).collect::<Result<Vec<_>, _>>()?;
        indices.sort_unstable();
        indices.dedup();
        Ok(self.kernels.subset(&indices))
    }

    /// The kernel that runs a call.
    pub fn kernel(&self, call: &KernelCall) -> Result<&Kernel, CostError> {
        Ok(&self.kernels.kernels()[self.find(call)?])
    }

    pub(super) fn find(&self, call: &KernelCall) -> Result<usize, CostError> {
        self.kernels.find_call(call).ok_or_else(|| CostError::MissingKernel {
            kernel: call_text(call),
            site: call.site.clone(),
            set: self.kernels.name().to_owned(),
            core: self.kernels.core().to_owned(),
            have: self.kernels.elems_of(call.op).map(|elems| key_text(call.op, elems)).collect(),
        })
    }

    fn call_cost(&self, call: &KernelCall, index: usize, around: &Surroundings) -> Result<CallCost, CostError> {
        let kernel = &self.kernels.kernels()[index];
        let (terms, heaviest) = CallTerms::new(call, kernel, self.times(index)?)?;
        let times = call.times as f64;
        let once = self.once(&terms, kernel.code_bytes as f64, times, around);
        let parts = once.parts;
        let memory_share = if once.cycles.mid > 0.0 { 1.0 - parts.pipeline.mid / once.cycles.mid } else { 0.0 };
        let from_flash = parts.fetch.mid + if self.profile.constants_in_ram() { 0.0 } else { parts.constants.mid };
        let flash_is_most = self.profile.flash.is_some() && from_flash > parts.data.mid;
        let bound = match memory_share > 0.5 {
            true if flash_is_most => Bound::Flash,
            true => Bound::Memory,
            false => level_bound(&self.times(index)?.levels[heaviest]),
        };
        let all = |part: Range| part * Range::exact(times);
        Ok(CallCost {
            phase: call.phase,
            site: call.site.clone(),
            op: call.op,
            kernel: kernel.symbol.clone(),
            times: call.times,
            cost: self.cost_of(&once, times),
            memory_share,
            parts: Parts {
                pipeline: all(parts.pipeline),
                fetch: all(parts.fetch),
                constants: all(parts.constants),
                data: all(parts.data),
            },
            bound,
        })
    }

    /// Formula (C8): max(Σ levels trips × body + fetch + data stalls, bandwidth), at each end.
    pub(super) fn once(&self, terms: &CallTerms, code: f64, back_to_back: f64, around: &Surroundings) -> Once {
        let [data, constants] = self.stall_inputs(terms, around);
        let at = |end: End| {
            let again = terms.lines_again.at(end);
            let fetch = fetch_stalls(&self.profile.fetch, code, again, back_to_back, around.all_code, end);
            let data = data_stalls(&self.profile.data, &data, end);
            let constants = data_stalls(self.profile.constants_path(), &constants, end);
            let all: [Stalls; 3] = [fetch, constants, data];
            let bandwidth: f64 = all.iter().map(|s| s.bandwidth_cycles).sum();
            let waiting: f64 = all.iter().map(|s| s.cycles).sum();
            let cycles = (terms.pipeline.at(end) + waiting).max(bandwidth);
            (cycles, all.map(|s| s.cycles), all.iter().map(|s| s.line_nj).sum::<f64>())
        };
        let [low, mid, high] = End::ALL.map(at);
        let part = |n: usize| Range { low: low.1[n], mid: mid.1[n], high: high.1[n] };
        Once {
            cycles: Range { low: low.0, mid: mid.0, high: high.0 },
            parts: Parts { pipeline: terms.pipeline, fetch: part(0), constants: part(1), data: part(2) },
            line_nj: Range { low: low.2, mid: mid.2, high: high.2 },
        }
    }

    /// Formula (C8): ms = cycles / (MHz · 1000); µJ = mW × ms + nJ of lines / 1000.
    pub(super) fn cost_of(&self, once: &Once, times: f64) -> Cost {
        let cycles = once.cycles * Range::exact(times);
        let latency_ms = Range::over(|end| cycles.at(end) / (self.profile.clock_mhz.capacity(end) * 1000.0));
        let power = Range::over(|end| self.profile.power.active_mw.cost(end));
        let energy_uj = latency_ms * power + once.line_nj * Range::exact(times / 1000.0);
        Cost { cycles, latency_ms, energy_uj }
    }

    /// What the call asks of the path of data and of the path of constants.
    fn stall_inputs(&self, terms: &CallTerms, around: &Surroundings) -> [StallInput; 2] {
        let mut data = StallInput { footprint: around.data_footprint, ..StallInput::default() };
        let mut constants = StallInput { footprint: around.constant_footprint, ..StallInput::default() };
        for (at, (resident, slot)) in terms.residents.iter().zip(SLOTS).enumerate() {
            let Some(resident) = resident else { continue };
            let input = if slot.kind == BufferKind::Weights { &mut constants } else { &mut data };
            input.residents[at] = Some(resident.scaled(around.outside.share(slot.kind)));
        }
        let shared = self.profile.constants_share_data_cache();
        if shared {
            let footprint = data.footprint + constants.footprint;
            (data.footprint, constants.footprint) = (footprint, footprint);
        }
        let (of_data, of_constants) = (data.residents, constants.residents);
        for (input, neighbours) in [(&mut data, of_constants), (&mut constants, of_data)] {
            let own = input.residents;
            let behind = || neighbours.iter().flatten().filter(|_| shared);
            let touched: f64 = own.iter().flatten().chain(behind()).map(Resident::touched_bytes).sum();
            for (at, resident) in input.residents.iter_mut().enumerate() {
                let Some(resident) = resident else { continue };
                let beside = own.iter().enumerate().filter(|(other, _)| *other != at).filter_map(|(_, r)| r.as_ref());
                resident.reuse_bytes = reuse_distance(resident, beside.chain(behind()));
                let is_map = matches!(SLOTS[at].kind, BufferKind::Activation | BufferKind::Scratch);
                resident.since_bytes = if is_map { touched.min(input.footprint) } else { input.footprint };
            }
        }
        [data, constants]
    }

    pub(super) fn surroundings(&self, totals: &MemoryTotals, layout: &Layout) -> Surroundings {
        Surroundings {
            data_footprint: totals.state_bytes as f64 + totals.arena_bytes as f64,
            constant_footprint: totals.constant_bytes as f64,
            all_code: layout.code_bytes as f64,
            outside: self.outside_fast(totals, layout),
        }
    }

    /// Shares outside the fast memory, which is filled with arena, state and then constants (where they lie in RAM).
    fn outside_fast(&self, totals: &MemoryTotals, layout: &Layout) -> Outside {
        let Some(fast) = &self.profile.ram.fast_kib else { return Outside::default() };
        let taken = layout.stack_bytes as f64 + self.profile.ram.reserved_kib.value * 1024.0;
        let room = (fast.value * 1024.0 - taken).max(0.0);
        let (arena, state) = (totals.arena_bytes as f64, totals.state_bytes as f64);
        let outside = |bytes: f64, room: f64| if bytes <= room { 0.0 } else { 1.0 - room.max(0.0) / bytes };
        let constants = match self.profile.constants_in_ram() {
            true => outside(totals.constant_bytes as f64, room - arena - state),
            false => 1.0,
        };
        Outside { arena: outside(arena, room), state: outside(state, room - arena), constants }
    }
}

/// A trip a tenth above every bound waits for results within itself.
fn level_bound(time: &BodyTime) -> Bound {
    match &time.bounds {
        None => Bound::Issue,
        Some(bounds) if time.cycles.mid > 1.1 * bounds.cycles() => Bound::Latency,
        Some(bounds) => bounds.limit().into(),
    }
}
