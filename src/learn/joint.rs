//! Joint training: plain SGD on whatever it is given, nothing reset and nothing consolidated.
//!
//! Given all data as one experience it is the upper bound that continual strategies are measured against; given a stream it
//! is the naive lower bound.

use super::{FeatureTable, Head, HeadConfig, LearnError, Strategy};
use crate::trace::{Phase, Sink};

/// Plain SGD on a [`Head`].
#[derive(Debug, Clone)]
pub struct Joint {
    head: Head,
    experiences: usize,
}

impl Joint {
    /// All weights zero. Errors as [`Head::new`].
    pub fn new(config: HeadConfig, classes: usize, features: usize, seed: u64) -> Result<Self, LearnError> {
        Ok(Self::of(Head::new(config, classes, features, seed)?))
    }

    pub(crate) fn of(head: Head) -> Self {
        Self { head, experiences: 0 }
    }
}

impl Strategy for Joint {
    fn end_experience(
        &mut self,
        table: &FeatureTable,
        labels: &[usize],
        rows: &[usize],
        sink: &mut dyn Sink,
    ) -> Result<(), LearnError> {
        if self.experiences == 0 {
            self.head.calibrate(table, labels, rows)?;
        }
        self.experiences += 1;
        self.head.refresh(table, Phase::Consolidate, sink)
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
