//! Joint training: plain SGD on whatever it is given, nothing reset and nothing consolidated.
//!
//! Given all data as one experience it is the upper bound that continual strategies are measured against; given a stream it
//! is the naive lower bound.

use super::{FeatureTable, Head, HeadConfig, LearnError, StepReport, Strategy};
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
        Ok(Self { head: Head::new(config, classes, features, seed)?, experiences: 0 })
    }
}

impl Strategy for Joint {
    fn begin_experience(&mut self, counts: &[u32], _sink: &mut dyn Sink) -> Result<(), LearnError> {
        let expected = self.head.classes();
        if counts.len() != expected {
            return Err(LearnError::Shape { what: "class counts", expected, got: counts.len() });
        }
        Ok(())
    }

    fn observe(
        &mut self,
        table: &FeatureTable,
        labels: &[usize],
        rows: &[usize],
        sink: &mut dyn Sink,
    ) -> Result<StepReport, LearnError> {
        self.head.step(table, labels, rows, sink)
    }

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

    fn predict(&mut self, table: &FeatureTable, row: usize, sink: &mut dyn Sink) -> Result<usize, LearnError> {
        self.head.predict(table, row, sink)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}
