//! What a strategy's head runs on a device, from shapes alone: the calls that boards are priced on.

use super::Inputs;
use super::Stored;
use super::price::{Calls, feature_calls};
use crate::data::Stream;
use crate::learn::{HeadConfig, HeadUnit, LearnError, Moment, SlotName, StrategyKind};
use crate::nn::Graph;
use crate::numeric::Format;

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
    /// Samples of the largest experience.
    pub samples: u64,
}

/// The last experience of a stream as strategies see it: its place, its samples, the latents that a buffer was offered
/// before, and the classes of earlier ones.
pub fn last_moment(stream: &Stream) -> Moment {
    let samples: Vec<usize> = stream.experiences.iter().map(|e| e.train.len()).collect();
    let (last, before) = samples.split_last().map_or((0, 0), |(last, before)| (*last, before.iter().sum()));
    let experience = samples.len().saturating_sub(1);
    let earlier = stream.experiences[..experience].iter().flat_map(|e| &e.classes);
    let known = earlier.collect::<std::collections::BTreeSet<_>>().len();
    Moment { experience, samples: last, held: before, known }
}

/// Samples of a stream's largest experience.
pub fn largest(stream: &Stream) -> u64 {
    let samples = stream.experiences.iter().map(|e| e.train.len()).max().unwrap_or(0);
    u64::try_from(samples).unwrap_or(u64::MAX)
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
            samples: largest(&inputs.stream),
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
        let format = self.config.precision.slot(SlotName::Features).number().unwrap_or(Format::F32);
        let sample_bytes = u64::try_from(format.storage_bytes(self.features)).unwrap_or(u64::MAX);
        calls.stored = Some(Stored { samples: self.samples, sample_bytes });
        Ok(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Estimator, kernel_set};
    use crate::learn::Precision;
    use crate::nn::{GraphSpec, Layer, Shape};
    use crate::profile;
    use crate::run::price::Board;

    /// Every call of every strategy is priced or named, never neither; its state is in the RAM either way.
    #[test]
    fn no_call_of_a_strategy_is_lost() {
        let spec =
            GraphSpec::new("g", Shape::new(1, 1, 64)).then("x", Layer::PackInput { threshold: 9, flatten: true });
        let graph = Graph::new(spec).unwrap();
        let (profile, set) = (profile::load("stm32l4r5").unwrap(), kernel_set("cortex-m4", "gcc12-o2").unwrap());
        let board = Board::new(Estimator::owning(profile, set).unwrap());
        for preset in ["hybrid-8", "hybrid-16", "paper-8"] {
            let config = HeadConfig::new(Precision::preset(preset).unwrap(), 0.1);
            for name in StrategyKind::NAMES {
                let strategy: StrategyKind = name.parse().unwrap();
                let moment = Moment { experience: 1, samples: 40, held: 40, known: 4 };
                let learner = Learner {
                    strategy,
                    config: &config,
                    graph: &graph,
                    features: 64,
                    classes: 10,
                    current: 2,
                    moment,
                    samples: 40,
                };
                let calls = learner.calls().unwrap();
                let cost = board.price(preset, &calls).unwrap_or_else(|e| panic!("{name} {preset}: {e}"));
                let missing = calls.all.iter().filter(|c| board.estimator.kernel(c).is_err()).count();
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
