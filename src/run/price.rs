//! Costs of each precision on each board, from one list of kernel calls: one image, one training step, one consolidation.

use super::{Inputs, RunError};
use crate::config::Experiment;
use crate::cost::{CallCost, Cost, CostError, CostTable, Estimator, KernelSet, Range, kernel_set};
use crate::data::Stream;
use crate::learn::{HeadConfig, HeadUnit, LearnError, Moment, StrategyKind};
use crate::nn::Graph;
use crate::profile::{self, Profile};
use crate::record::{BoardInfo, CostResult, Interval, PhaseCost, RamPoint, SiteCost, UnpricedCall};
use crate::trace::{BufferKind, CallLog, KernelCall, Phase, Sink};
use std::ops::Range as Span;

/// A board ready to price on.
#[derive(Debug)]
pub struct Board {
    profile: Profile,
    kernels: KernelSet,
}

/// The calls of one precision, and which of them make up which unit.
#[derive(Debug, Default)]
pub struct Calls {
    all: Vec<KernelCall>,
    image: Span<usize>,
    step: Span<usize>,
    consolidation: Span<usize>,
    /// Calls of the network and of the head without a strategy: without a kernel for one of these there is no price.
    own: Vec<KernelCall>,
}

/// Reads the boards of an experiment with their kernel sets.
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
        let kernels = kernel_set(&profile.core.core, set).map_err(|e| at(&e.to_string()))?;
        boards.push(Board { profile, kernels });
    }
    Ok(boards)
}

impl Board {
    /// What a record says of it.
    pub fn info(&self) -> BoardInfo {
        let p = &self.profile;
        BoardInfo {
            profile: p.name.clone(),
            board: p.board.clone(),
            core: p.core.core.clone(),
            clock_mhz: p.clock_mhz.value,
            ram_kib: p.ram.kib.value,
            flash_kib: p.flash.as_ref().map(|f| f.kib.value),
            assumed: p.assumed(),
        }
    }

    /// Prices the calls of one precision. What a strategy adds to the head and has no kernel yet is named in
    /// [`CostResult::unpriced`] and is in no figure but the RAM of its state.
    ///
    /// # Errors
    /// [`CostError`] where the kernel set lacks a kernel of the network or the head, or the profile a number; nothing is guessed.
    pub fn price(&self, precision: &str, calls: &Calls) -> Result<CostResult, CostError> {
        let estimator = Estimator::new(&self.profile, &self.kernels)?;
        let (priced, unpriced) = calls.split(|call| match estimator.kernel(call) {
            Err(CostError::MissingKernel { kernel, .. }) => Some(kernel),
            _ => None,
        });
        let mut table = estimator.estimate(&priced.all)?;
        for buffer in unpriced.iter().flat_map(|(_, _, c)| &c.buffers).filter(|b| b.kind == BufferKind::State) {
            if !table.memory.permanent.iter().any(|(name, ..)| *name == buffer.name) {
                table.memory.store(&buffer.name, buffer.bytes, self.profile.ram.align_bytes);
            }
        }
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
            ram_timeline: timeline(&table),
            unpriced: unpriced.into_iter().map(unpriced_call).collect(),
        })
    }
}

/// A strategy's head on a network, and the last experience of its stream: the one whose step and end are priced.
#[derive(Debug, Clone, Copy)]
pub struct Learner<'a> {
    /// How it learns.
    pub strategy: StrategyKind,
    /// The head.
    pub config: &'a HeadConfig,
    /// The network.
    pub graph: &'a Graph,
    /// Features that the head reads.
    pub features: usize,
    /// Classes of the head.
    pub classes: usize,
    /// Classes of the last experience.
    pub current: usize,
    /// The last experience.
    pub moment: Moment,
}

/// The last experience of a stream as strategies see it: its place, its samples, and the latents that a buffer was offered before.
pub fn last_moment(stream: &Stream) -> Moment {
    let samples: Vec<usize> = stream.experiences.iter().map(|e| e.train.len()).collect();
    let (last, before) = samples.split_last().map_or((0, 0), |(last, before)| (*last, before.iter().sum()));
    Moment { experience: samples.len().saturating_sub(1), samples: last, held: before }
}

impl<'a> Learner<'a> {
    /// The head of one precision on an experiment's inputs.
    pub fn of(strategy: StrategyKind, config: &'a HeadConfig, inputs: &'a Inputs) -> Self {
        Learner {
            strategy,
            config,
            graph: &inputs.graph,
            features: inputs.graph.feature_type().shape.len(),
            classes: inputs.train.n_classes(),
            current: inputs.stream.experiences.last().map_or(1, |e| e.classes.len()),
            moment: last_moment(&inputs.stream),
        }
    }

    /// Its calls: backbone and head for one image, one step of a full minibatch, both ends of the last experience.
    ///
    /// # Errors
    /// As [`HeadConfig::validate`].
    pub fn calls(&self) -> Result<Calls, LearnError> {
        let shape = (self.classes, self.features);
        let unit = |unit| self.strategy.calls(self.config, shape, unit, self.moment);
        let mut calls = Calls::default();
        let mut image = feature_calls(self.graph);
        image.extend(unit(HeadUnit::Forward)?);
        calls.image = calls.add(image);
        calls.step = calls.add(unit(HeadUnit::Step { batch: self.config.batch })?);
        let end = HeadUnit::Consolidation { current: self.current };
        let mut ends = unit(HeadUnit::Begin)?;
        ends.extend(unit(end)?);
        calls.consolidation = calls.add(ends);
        let plain = |unit| StrategyKind::CwrStar.calls(self.config, shape, unit, self.moment);
        let units = [HeadUnit::Forward, HeadUnit::Step { batch: 1 }, HeadUnit::Begin, end];
        calls.own = feature_calls(self.graph);
        for unit in units {
            calls.own.extend(plain(unit)?);
        }
        Ok(calls)
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
    fn split(
        &self,
        missing: impl Fn(&KernelCall) -> Option<String>,
    ) -> (Self, Vec<(&'static str, String, KernelCall)>) {
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

    fn add(&mut self, calls: Vec<KernelCall>) -> Span<usize> {
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

fn unpriced_call((unit, kernel, call): (&str, String, KernelCall)) -> UnpricedCall {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::Precision;
    use crate::nn::{GraphSpec, Layer, Shape};

    /// Every call of every strategy is priced or named, never neither; its state is in the RAM either way.
    #[test]
    fn no_call_of_a_strategy_is_lost() {
        let spec =
            GraphSpec::new("g", Shape::new(1, 1, 64)).then("x", Layer::PackInput { threshold: 9, flatten: true });
        let graph = Graph::new(spec).unwrap();
        let (profile, set) = (profile::load("stm32l4r5").unwrap(), kernel_set("cortex-m4", "gcc12-o2").unwrap());
        let board = Board { profile, kernels: set };
        for preset in ["hybrid-8", "hybrid-16", "paper-8"] {
            let config = HeadConfig::new(Precision::preset(preset).unwrap(), 0.1);
            for name in StrategyKind::NAMES {
                let strategy: StrategyKind = name.parse().unwrap();
                let moment = Moment { experience: 1, samples: 40, held: 40 };
                let learner =
                    Learner { strategy, config: &config, graph: &graph, features: 64, classes: 10, current: 2, moment };
                let calls = learner.calls().unwrap();
                let cost = board.price(preset, &calls).unwrap_or_else(|e| panic!("{name} {preset}: {e}"));
                let estimator = Estimator::new(&board.profile, &board.kernels).unwrap();
                let missing = calls.all.iter().filter(|c| estimator.kernel(c).is_err()).count();
                assert_eq!(cost.unpriced.len(), missing, "{name} {preset}");
                if name == "cwr-star" {
                    assert!(cost.unpriced.is_empty(), "{preset}");
                }
                // A fresh strategy has neither anchors nor a teacher yet, so its bytes are at most those of the calls.
                let state = strategy.build(&config, 10, 64, 1).unwrap().state_bytes() as f64 / 1024.0;
                assert!(cost.ram_kib >= state, "{name} {preset}: {} KiB for a state of {state}", cost.ram_kib);
                let steps: f64 = cost.phases.iter().filter(|p| p.unit == "step").map(|p| p.latency_ms.mid).sum();
                assert!((steps - cost.step_latency_ms.mid).abs() <= 1e-9 * steps, "{name} {preset}");
            }
        }
    }
}
