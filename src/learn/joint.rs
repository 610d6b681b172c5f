//! Joint training: plain SGD on whatever it is given, nothing reset and nothing consolidated.
//!
//! Given all data as one experience it is the upper bound that continual strategies are measured against; given a stream it
//! is the naive lower bound.

use super::{Head, HeadConfig, LearnError, Strategy, TrainingSamples};
use crate::trace::{Phase, Sink};

/// Plain SGD on a [`Head`].
#[derive(Debug, Clone)]
pub struct Joint {
    head: Head,
}

impl Joint {
    /// All weights zero. Errors as [`Head::new`].
    pub fn new(config: HeadConfig, classes: usize, features: usize, seed: u64) -> Result<Self, LearnError> {
        Ok(Self::of(Head::new(config, classes, features, seed)?))
    }

    pub(crate) fn of(head: Head) -> Self {
        Self { head }
    }
}

impl Strategy for Joint {
    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.calibrate(samples)?;
        self.head.refresh(samples.table(), Phase::Consolidate, sink)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn plain_head(&mut self) -> Option<&mut Head> {
        Some(&mut self.head)
    }
}
