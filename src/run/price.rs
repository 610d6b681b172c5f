//! Costs of each precision on each board, from one list of kernel calls: one image, one training step, one consolidation.

use super::{RunError, Stored};
use crate::config::Experiment;
use crate::cost::{CallCost, Cost, CostError, CostTable, Estimator, Range, Sensitivity, kernel_set_for, sensitivities};
use crate::nn::Graph;
use crate::profile;
use crate::record::{
    BoardInfo, CostResult, Interval, PhaseCost, RamPoint, SiteCost, StoredSamples, UncertainNumber, Uncertainty,
    UnpricedCall,
};
use crate::trace::{BufferKind, CallLog, KernelCall, Phase, Sink};
use std::collections::HashMap;
use std::ops::Range as Span;
use std::sync::{Mutex, PoisonError};

/// Prices that a board keeps at most; a bound, so that memory does not grow with the points of a sweep.
const KEPT: usize = 512;

/// A board ready to price on.
#[derive(Debug)]
pub struct Board {
    pub(super) estimator: Estimator<'static>,
    /// Points of a sweep often run the very same calls (another learning rate, more epochs): those are priced once.
    known: Mutex<HashMap<Calls, CostResult>>,
}

/// The calls of one precision, and which of them make up which unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Calls {
    pub(super) all: Vec<KernelCall>,
    pub(super) image: Span<usize>,
    pub(super) step: Span<usize>,
    pub(super) consolidation: Span<usize>,
    /// Calls of the network and of the head without a strategy: without a kernel for one of these there is no price.
    pub(super) own: Vec<KernelCall>,
    /// Samples that a device may keep.
    pub(super) stored: Option<Stored>,
}

/// A strategy's call without a kernel: unit, the kernel that is missing, the call.
type Unpriced = (&'static str, String, KernelCall);

/// Reads the boards of an experiment with their kernel sets, and times every kernel on its board once.
///
/// # Errors
/// Points at the board's name in the experiment file.
pub fn boards(experiment: &Experiment) -> Result<Vec<Board>, RunError> {
    let mut boards = Vec::new();
    for entry in &experiment.boards {
        let name = entry.file.as_ref().map_or(entry.given.clone(), |f| f.display().to_string());
        let at = |message: &str| {
            experiment.complain(&entry.span, message, "`tinyprec profile list` shows the built-in boards")
        };
        let profile = profile::load(&name).map_err(|e| at(&e.to_string()))?;
        let set = profile.kernel_set.as_deref().unwrap_or(&experiment.kernel_set);
        let kernels = kernel_set_for(&profile, set).map_err(|e| at(&e.to_string()))?;
        let estimator = Estimator::owning(profile, kernels).map_err(|e| at(&e.to_string()))?;
        boards.push(Board::new(estimator));
    }
    Ok(boards)
}

impl Board {
    pub(super) fn new(estimator: Estimator<'static>) -> Self {
        Board { estimator, known: Mutex::default() }
    }

    /// What a record says of it.
    pub fn info(&self) -> BoardInfo {
        let p = self.estimator.profile();
        BoardInfo {
            profile: p.name.clone(),
            board: p.board.clone(),
            core: p.core.core.clone(),
            clock_mhz: p.clock_mhz.value,
            ram_kib: p.ram.kib.value,
            flash_kib: p.flash.as_ref().map(|f| f.kib.value),
            assumed: p.assumed(),
            uncertainty: None,
        }
    }

    /// Which numbers the intervals of one precision's predictions rest on. Prices the calls twice a number: far slower than
    /// [`Board::price`].
    ///
    /// # Errors
    /// As [`Board::price`].
    pub fn uncertainty(&self, precision: &str, calls: &Calls) -> Result<Uncertainty, CostError> {
        let calls = &self.split(calls).0;
        let (profile, kernels) = (self.estimator.profile(), self.estimator.kernel_set());
        let sum = |table: &CostTable, span: &Span<usize>, figure: fn(&Cost) -> Range| {
            table.calls[span.clone()].iter().map(|c| figure(&c.cost).mid).sum::<f64>()
        };
        let [energy, step, image] = sensitivities(&calls.all, profile, kernels, |table| {
            [
                sum(table, &calls.step, |c| c.energy_uj),
                sum(table, &calls.step, |c| c.latency_ms),
                sum(table, &calls.image, |c| c.latency_ms),
            ]
        })?;
        let share = |list: &[Sensitivity], key: &str| list.iter().find(|s| s.key == key).map_or(0.0, |s| s.share);
        let only_image = image.iter().filter(|i| energy.iter().all(|e| e.key != i.key));
        let number = |s: &Sensitivity| UncertainNumber {
            key: s.key.clone(),
            value: s.value.clone(),
            origin: s.kind.code().to_owned(),
            source: s.source.clone(),
            step_energy_share: share(&energy, &s.key),
            step_latency_share: share(&step, &s.key),
            inference_latency_share: share(&image, &s.key),
        };
        let numbers = energy.iter().chain(only_image).map(number).collect();
        Ok(Uncertainty { precision: precision.to_owned(), numbers })
    }

    /// What can be priced, and what a strategy adds that cannot.
    fn split(&self, calls: &Calls) -> (Calls, Vec<Unpriced>) {
        calls.split(|call| match self.estimator.kernel(call) {
            Err(CostError::MissingKernel { kernel, .. }) => Some(kernel),
            _ => None,
        })
    }

    /// Prices the calls of one precision. What a strategy adds to the head and has no kernel yet is named in
    /// [`CostResult::unpriced`] and is in no figure but the RAM of its state.
    ///
    /// # Errors
    /// [`CostError`] where the kernel set lacks a kernel of the network or the head, or the profile a number; nothing is guessed.
    pub fn price(&self, precision: &str, calls: &Calls) -> Result<CostResult, CostError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cost) = known().get(calls) {
            return Ok(CostResult { precision: precision.to_owned(), ..cost.clone() });
        }
        let cost = self.price_anew(precision, calls)?;
        let mut known = known();
        if known.len() == KEPT {
            known.clear();
        }
        known.insert(calls.clone(), cost.clone());
        Ok(cost)
    }

    fn price_anew(&self, precision: &str, calls: &Calls) -> Result<CostResult, CostError> {
        let (priced, unpriced) = self.split(calls);
        let mut table = self.estimator.estimate(&priced.all)?;
        for buffer in unpriced.iter().flat_map(|(_, _, c)| &c.buffers).filter(|b| b.kind == BufferKind::State) {
            if !table.memory.permanent.iter().any(|(name, ..)| *name == buffer.name) {
                table.memory.store(&buffer.name, buffer.bytes, self.estimator.profile().ram.align_bytes);
            }
        }
        let stored_samples = calls.stored.map(|stored| {
            let mut memory = table.memory.clone();
            memory.store("head.samples", stored.bytes(), self.estimator.profile().ram.align_bytes);
            StoredSamples {
                samples: stored.samples,
                sample_bytes: stored.sample_bytes,
                kib: kib(stored.bytes()),
                fits: memory.fits(),
            }
        });
        let calls = &priced;
        let sum = |span: &Span<usize>| table.calls[span.clone()].iter().map(|c| c.cost).sum::<Cost>();
        let (image, step, end) = (sum(&calls.image), sum(&calls.step), sum(&calls.consolidation));
        let mut phases = Vec::new();
        for (unit, span) in [("image", &calls.image), ("step", &calls.step), ("consolidation", &calls.consolidation)] {
            phases.extend(phase_costs(unit, &table.calls[span.clone()]));
        }
        let memory = &table.memory;
        let missing = memory.missing_ram_bytes() + memory.missing_flash_bytes();
        Ok(CostResult {
            precision: precision.to_owned(),
            profile: table.profile.clone(),
            kernel_set: table.kernel_set.clone(),
            inference_latency_ms: interval(image.latency_ms),
            inference_energy_uj: interval(image.energy_uj),
            step_latency_ms: interval(step.latency_ms),
            step_energy_uj: interval(step.energy_uj),
            consolidation_latency_ms: interval(end.latency_ms),
            consolidation_energy_uj: interval(end.energy_uj),
            phases,
            sites: site_costs(&table),
            ram_kib: kib(memory.ram_bytes),
            flash_kib: kib(memory.flash_bytes),
            fits: memory.fits(),
            missing_kib: kib(missing),
            stored_samples,
            ram_timeline: timeline(&table),
            unpriced: unpriced.into_iter().map(unpriced_call).collect(),
        })
    }
}

/// The network's calls up to its features: a classifier that the network brings does not run on the device.
pub fn feature_calls(graph: &Graph) -> Vec<KernelCall> {
    let classifier = graph.classifier().map(|n| graph.spec().nodes[n].name.as_str());
    graph.calls().into_iter().take_while(|c| Some(c.site.as_str()) != classifier).collect()
}

impl Calls {
    /// Name and calls of each unit of work.
    pub fn units(&self) -> Vec<(String, Span<usize>)> {
        let units = [("image", &self.image), ("step", &self.step), ("consolidation", &self.consolidation)];
        units.into_iter().map(|(name, span)| (name.to_owned(), span.clone())).collect()
    }

    /// All of them, in order.
    pub fn into_list(self) -> Vec<KernelCall> {
        self.all
    }

    /// Those that can be priced, and those of a strategy that cannot with their unit and the kernel that is missing.
    fn split(&self, missing: impl Fn(&KernelCall) -> Option<String>) -> (Self, Vec<Unpriced>) {
        let (mut priced, mut unpriced) = (Calls { own: self.own.clone(), ..Calls::default() }, Vec::new());
        let mut keep = |unit, span: &Span<usize>| {
            let start = priced.all.len();
            for call in &self.all[span.clone()] {
                match missing(call).filter(|_| !self.is_own(call)) {
                    Some(kernel) => unpriced.push((unit, kernel, call.clone())),
                    None => priced.all.push(call.clone()),
                }
            }
            start..priced.all.len()
        };
        let image = keep("image", &self.image);
        let step = keep("step", &self.step);
        let consolidation = keep("consolidation", &self.consolidation);
        (priced.image, priced.step, priced.consolidation) = (image, step, consolidation);
        (priced, unpriced)
    }

    fn is_own(&self, call: &KernelCall) -> bool {
        self.own.iter().any(|c| (c.op, &c.elems) == (call.op, &call.elems))
    }

    pub(super) fn add(&mut self, calls: Vec<KernelCall>) -> Span<usize> {
        let mut log = CallLog::default();
        calls.into_iter().for_each(|c| log.record(c));
        let start = self.all.len();
        self.all.extend(log.into_calls());
        start..self.all.len()
    }
}

fn interval(range: Range) -> Interval {
    Interval { low: range.low, mid: range.mid, high: range.high }
}

#[allow(clippy::cast_precision_loss, reason = "sizes of devices are far below 2^53 bytes")]
fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

fn phase_costs(unit: &str, calls: &[CallCost]) -> Vec<PhaseCost> {
    let order = [Phase::Inference, Phase::HeadForward, Phase::Backward, Phase::Update, Phase::Consolidate];
    let of = |phase: Phase| {
        let own: Vec<Cost> = calls.iter().filter(|c| c.phase == phase).map(|c| c.cost).collect();
        (!own.is_empty()).then(|| (phase, own.into_iter().sum::<Cost>()))
    };
    let cost = |(phase, cost): (Phase, Cost)| PhaseCost {
        phase,
        unit: unit.to_owned(),
        cycles: interval(cost.cycles),
        latency_ms: interval(cost.latency_ms),
        energy_uj: interval(cost.energy_uj),
    };
    order.into_iter().filter_map(of).map(cost).collect()
}

fn unpriced_call((unit, kernel, call): Unpriced) -> UnpricedCall {
    UnpricedCall { unit: unit.to_owned(), phase: call.phase, site: call.site, kernel, times: call.times }
}

fn site_costs(table: &CostTable) -> Vec<SiteCost> {
    let site = |s: &crate::cost::SiteCost| SiteCost {
        phase: s.phase,
        site: s.site.clone(),
        kernel: s.kernel.clone(),
        cycles: interval(s.cost.cycles),
        memory_share: s.memory_share,
    };
    table.sites.iter().map(site).collect()
}

fn timeline(table: &CostTable) -> Vec<RamPoint> {
    let point = |p: &crate::cost::LivePoint| RamPoint {
        call: p.call,
        site: table.calls.get(p.call).map_or(String::new(), |c| c.site.clone()),
        state_bytes: p.state_bytes,
        arena_bytes: p.arena_bytes,
    };
    table.memory.timeline.iter().map(point).collect()
}
