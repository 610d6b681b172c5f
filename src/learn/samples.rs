//! Training samples: rows of a feature table and their labels, the one thing that every strategy learns from.
//!
//! An experience, a minibatch of it and the small table that a strategy makes of a minibatch (with replayed latents, or of a layer's
//! outputs) are the same concept in three sizes. Its invariants are checked where it is made and nowhere again: one label a row of
//! the table, and no row outside of it, so that whoever holds one may index. Whether labels are classes of the head is the head's to
//! ask ([`TrainingSamples::check_classes`]), for it alone knows how many it has.
//!
//! ```
//! use tinyprec::learn::{EpochOrder, FeatureTable, TrainingSamples};
//! use tinyprec::numeric::{Format, Values};
//! let table = FeatureTable::new(2, Format::F32, Values::Real(vec![0.0; 10]))?;
//! let (labels, rows) = ([0, 1, 2, 0, 1], [4, 0, 3]);
//! let samples = TrainingSamples::new(&table, &labels, &rows)?;
//! assert_eq!(samples.pairs().collect::<Vec<_>>(), [(4, 1), (0, 0), (3, 0)]);
//! assert_eq!(samples.class_counts(3)?, [2, 1, 0]);
//! let mut room = Vec::new();
//! let epoch = samples.in_order(EpochOrder::new(7), (0, 1), &mut room);
//! assert_eq!(epoch.batches(2).map(|batch| batch.len()).collect::<Vec<_>>(), [2, 1]);
//! // The table has five rows.
//! assert!(TrainingSamples::new(&table, &labels, &[5]).is_err());
//! # Ok::<(), tinyprec::learn::LearnError>(())
//! ```

use super::{EpochOrder, FeatureTable, LearnError};

/// Rows of a [`FeatureTable`] in the order in which they are learnt, with their labels.
#[derive(Debug, Clone, Copy)]
pub struct TrainingSamples<'a> {
    table: &'a FeatureTable,
    labels: &'a [usize],
    rows: &'a [usize],
}

impl<'a> TrainingSamples<'a> {
    /// The samples `rows` of `table`, whose labels are `labels`, one a row of the table.
    ///
    /// # Errors
    /// [`LearnError::Shape`] where there are more or fewer labels than that, or a row is outside of the table.
    pub fn new(table: &'a FeatureTable, labels: &'a [usize], rows: &'a [usize]) -> Result<Self, LearnError> {
        if labels.len() != table.len() {
            return Err(LearnError::Shape { what: "labels", expected: table.len(), got: labels.len() });
        }
        table.check_rows(rows)?;
        Ok(Self { table, labels, rows })
    }

    /// The table.
    pub fn table(self) -> &'a FeatureTable {
        self.table
    }

    /// Row numbers in the table, in order.
    pub fn rows(self) -> &'a [usize] {
        self.rows
    }

    /// Labels in the same order.
    pub fn labels(self) -> impl Iterator<Item = usize> + 'a {
        self.rows.iter().map(move |&row| self.labels[row])
    }

    /// Row numbers and labels in order.
    pub fn pairs(self) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.rows.iter().map(move |&row| (row, self.labels[row]))
    }

    /// Samples.
    pub fn len(self) -> usize {
        self.rows.len()
    }

    /// No samples?
    pub fn is_empty(self) -> bool {
        self.rows.is_empty()
    }

    /// Minibatches of `size` (at least 1) in order; the last may be smaller.
    pub fn batches(self, size: usize) -> impl Iterator<Item = Self> {
        self.rows.chunks(size.max(1)).map(move |rows| Self { rows, ..self })
    }

    /// The same samples in the order of one (experience, epoch); `room` keeps their row numbers.
    pub fn in_order<'b>(
        self,
        order: EpochOrder,
        (experience, epoch): (usize, usize),
        room: &'b mut Vec<usize>,
    ) -> TrainingSamples<'b>
    where
        'a: 'b,
    {
        room.clear();
        room.extend_from_slice(self.rows);
        order.shuffle(experience, epoch, room);
        TrainingSamples { rows: room, ..self }
    }

    /// # Errors
    /// [`LearnError::UnknownClass`] for the first label that is none of `classes` classes.
    pub fn check_classes(self, classes: usize) -> Result<(), LearnError> {
        match self.labels().find(|&label| label >= classes) {
            Some(label) => Err(LearnError::UnknownClass { label, classes }),
            None => Ok(()),
        }
    }

    /// How many of the samples each of `classes` classes has.
    ///
    /// # Errors
    /// As [`Self::check_classes`].
    pub fn class_counts(self, classes: usize) -> Result<Vec<u32>, LearnError> {
        self.check_classes(classes)?;
        let mut counts = vec![0u32; classes];
        self.labels().for_each(|label| counts[label] = counts[label].saturating_add(1));
        Ok(counts)
    }
}

/// Samples that a strategy makes of a minibatch: a table of their own, of which all rows are learnt in order.
#[derive(Debug)]
pub(crate) struct OwnSamples {
    table: FeatureTable,
    labels: Vec<usize>,
    rows: Vec<usize>,
}

impl OwnSamples {
    /// Every row of `table`. Errors as [`TrainingSamples::new`].
    pub fn new(table: FeatureTable, labels: Vec<usize>) -> Result<Self, LearnError> {
        let rows: Vec<usize> = (0..table.len()).collect();
        TrainingSamples::new(&table, &labels, &rows)?;
        Ok(Self { table, labels, rows })
    }

    /// As every learner takes them.
    pub fn samples(&self) -> TrainingSamples<'_> {
        TrainingSamples { table: &self.table, labels: &self.labels, rows: &self.rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{Format, Values};

    #[test]
    fn invariants_are_checked_where_samples_are_made() {
        let table = FeatureTable::new(3, Format::F32, Values::Real(vec![0.5; 12])).unwrap();
        let labels = [0, 1, 2, 9];
        let error = |labels, rows| TrainingSamples::new(&table, labels, rows).unwrap_err();
        let few = LearnError::Shape { what: "labels", expected: 4, got: 3 };
        assert_eq!(error(&labels[..3], &[0]), few);
        assert_eq!(error(&labels, &[0, 4]), LearnError::Shape { what: "the feature table", expected: 5, got: 4 });
        assert_eq!(OwnSamples::new(table.clone(), vec![0; 3]).unwrap_err(), few);
        let samples = TrainingSamples::new(&table, &labels, &[0, 2, 2, 3]).unwrap();
        assert_eq!(samples.class_counts(10).unwrap(), [1, 0, 2, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(samples.class_counts(3).unwrap_err(), LearnError::UnknownClass { label: 9, classes: 3 });
        let none = TrainingSamples::new(&table, &labels, &[]).unwrap();
        assert!(none.is_empty() && none.batches(2).next().is_none());
    }
}
