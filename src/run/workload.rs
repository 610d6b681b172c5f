//! What a board is asked to do, without doing it: a network's image, or an experiment's image, step and consolidation.

use super::learner::{Learner, largest, last_moment};
use super::{RunError, inputs};
use crate::config::Experiment;
use crate::cost::{CostError, CostTable, Estimator, MemoryPlan};
use crate::learn::{HeadConfig, LearnError, Moment, SlotName, StrategyKind};
use crate::nn::Graph;
use crate::trace::KernelCall;
use std::ops::Range;

/// Calls with the units of work that they make up.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The precision of an experiment, else the network.
    pub name: String,
    /// In the order in which a device runs them.
    pub calls: Vec<KernelCall>,
    /// Name of each unit (`image`, `step`, `consolidation`) and its calls.
    pub units: Vec<(String, Range<usize>)>,
    /// Samples of the largest experience, where a device keeps them as features between its epochs.
    pub stored: Option<Stored>,
    head: Option<Head>,
}

/// Samples that a device may keep: no call names them, and a stream that comes again does not need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stored {
    /// Samples of the largest experience.
    pub samples: u64,
    /// Bytes of one sample's features.
    pub sample_bytes: u64,
}

impl Stored {
    /// All of them.
    pub fn bytes(&self) -> u64 {
        self.samples.saturating_mul(self.sample_bytes)
    }
}

/// A head on a network's features, for asking how much larger it could be.
#[derive(Debug, Clone)]
struct Head {
    strategy: StrategyKind,
    config: HeadConfig,
    graph: Graph,
    classes: usize,
    current: usize,
    moment: Moment,
    /// Samples of the largest experience.
    samples: u64,
}

/// Largest sizes that still fit, each alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Largest {
    /// Minibatch.
    pub batch: Option<usize>,
    /// Classes.
    pub classes: Option<usize>,
    /// Features of the head's input.
    pub features: Option<usize>,
}

/// Sizes beyond this are not looked for.
const MOST: usize = 1 << 20;

impl Workload {
    /// One image through a network.
    pub fn of_network(name: &str, graph: &Graph) -> Self {
        Self::of_calls(name, graph.calls())
    }

    /// One pass through a list of calls.
    pub fn of_calls(name: &str, calls: Vec<KernelCall>) -> Self {
        let units = vec![("image".to_owned(), 0..calls.len())];
        Workload { name: name.to_owned(), calls, units, stored: None, head: None }
    }

    /// Each precision of an experiment: image, step of a whole minibatch, consolidation of the last experience's classes.
    ///
    /// # Errors
    /// What the experiment's files say: their labels give classes and samples.
    pub fn of_experiment(experiment: &Experiment) -> Result<Vec<Self>, RunError> {
        let inputs = inputs::read(experiment)?;
        let experiences = &inputs.stream.experiences;
        let current = experiences.last().map_or(1, |e| e.classes.len());
        let one = |config: &HeadConfig| {
            let head = Head {
                strategy: experiment.training.strategy,
                moment: last_moment(&inputs.stream),
                config: config.clone(),
                graph: inputs.graph.clone(),
                classes: inputs.train.n_classes(),
                current,
                samples: largest(&inputs.stream),
            };
            head.workload().map_err(|source| RunError::Learn {
                precision: config.precision.name.clone(),
                seed: 0,
                source,
            })
        };
        experiment.heads.iter().map(one).collect()
    }

    /// Bits of all slots of an experiment's precision together, an accumulator counting 32, to tell the lower of two; `None` for a network alone.
    pub fn bits(&self) -> Option<u64> {
        let slots = &self.head.as_ref()?.config.precision;
        let bits = |&name: &SlotName| slots.slot(name).number().map_or(32, |format| u64::from(format.bits()));
        Some(SlotName::ALL.iter().map(bits).sum())
    }

    /// RAM and flash with the stored samples.
    pub fn memory_with_samples(&self, table: &CostTable, align: u64) -> MemoryPlan {
        let mut memory = table.memory.clone();
        if let Some(stored) = &self.stored {
            memory.store("head.samples", stored.bytes(), align);
        }
        memory
    }

    /// Largest batch, class count and feature width that fit on the estimator's board, without stored samples; `None` where
    /// not even 1 fits. Other sizes stay as they are.
    ///
    /// # Errors
    /// As for pricing the head.
    pub fn largest(&self, estimator: &Estimator<'_>) -> Result<Option<Largest>, CostError> {
        let Some(head) = &self.head else { return Ok(None) };
        let fits = |change: &dyn Fn(&mut Head, usize) -> usize, n: usize| -> Result<bool, CostError> {
            let mut changed = head.clone();
            let features = change(&mut changed, n);
            let Ok(work) = changed.workload_of(features) else { return Ok(false) };
            match estimator.estimate(&work.calls) {
                Ok(table) => Ok(table.memory.fits()),
                // So wide that its sums need a check at each addition: no kernel, so no head of that size.
                Err(CostError::MissingKernel { .. }) => Ok(false),
                Err(e) => Err(e),
            }
        };
        let width = head.graph.feature_type().shape.len();
        let batch = |head: &mut Head, n: usize| {
            head.config.batch = n;
            width
        };
        let classes = |head: &mut Head, n: usize| {
            head.classes = n;
            width
        };
        let features = |_: &mut Head, n: usize| n;
        Ok(Some(Largest {
            batch: search(|n| fits(&batch, n))?,
            classes: search(|n| fits(&classes, n.max(head.current)))?,
            features: search(|n| fits(&features, n))?,
        }))
    }
}

impl Head {
    fn workload(&self) -> Result<Workload, LearnError> {
        self.workload_of(self.graph.feature_type().shape.len())
    }

    fn workload_of(&self, features: usize) -> Result<Workload, LearnError> {
        let (classes, current) = (self.classes, self.current);
        let learner = Learner {
            strategy: self.strategy,
            config: &self.config,
            graph: &self.graph,
            features,
            classes,
            current,
            moment: self.moment,
            samples: self.samples,
        };
        let calls = learner.calls()?;
        Ok(Workload {
            name: self.config.precision.name.clone(),
            units: calls.units(),
            stored: calls.stored,
            calls: calls.into_list(),
            head: Some(self.clone()),
        })
    }
}

/// Largest n from 1 to [`MOST`] that fits, where all smaller ones do.
fn search<E>(fits: impl Fn(usize) -> Result<bool, E>) -> Result<Option<usize>, E> {
    if !fits(1)? {
        return Ok(None);
    }
    let (mut good, mut bad) = (1, 2);
    while bad <= MOST && fits(bad)? {
        (good, bad) = (bad, bad * 2);
    }
    if bad > MOST {
        return Ok(Some(good));
    }
    while bad - good > 1 {
        let mid = good + (bad - good) / 2;
        if fits(mid)? { good = mid } else { bad = mid }
    }
    Ok(Some(good))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_the_edge() {
        for edge in [1, 2, 3, 7, 8, 1000] {
            assert_eq!(search(|n| Ok::<_, ()>(n <= edge)), Ok(Some(edge)));
        }
        assert_eq!(search(|_| Ok::<_, ()>(false)), Ok(None));
        assert_eq!(search(|_| Ok::<_, ()>(true)), Ok(Some(MOST)));
        assert_eq!(search(|n| if n > 3 { Err("no kernel") } else { Ok(true) }), Err("no kernel"));
    }
}
