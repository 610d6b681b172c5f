//! Accuracy over a stream of experiences, what was forgotten, and how sure the seeds make us.
//!
//! Definitions are Avalanche's, so that figures can be laid beside its logs: forgetting of experience *j* after training
//! experience *i* is `R[j][j] − R[i][j]` (right after it was learnt, minus now; not the best over history).
//! This room depends on nothing: it takes numbers and gives numbers.
//!
//! Flow: predictions → [`Confusion`] → one row of [`AccuracyMatrix`] an experience → [`summarise`] over seeds.
//!
//! ```
//! use tinyprec::metrics::{AccuracyMatrix, summarise};
//! let mut r = AccuracyMatrix::new(2);
//! r.push(vec![0.9, 0.1])?; // after experience 0: tests of experience 0 and 1
//! r.push(vec![0.6, 0.8])?; // after experience 1
//! assert!((r.forgetting(1, 0).unwrap() - 0.3).abs() < 1e-12);
//! assert!((r.average(1).unwrap() - 0.7).abs() < 1e-12);
//! let seeds = summarise(&[0.70, 0.72, 0.71]).unwrap();
//! assert!(seeds.half_width_95.unwrap() < 0.03);
//! # Ok::<(), tinyprec::metrics::MetricsError>(())
//! ```

mod confusion;
mod interval;
mod matrix;
mod paired;

pub use confusion::{Confusion, amca};
pub use interval::{MeanInterval, paired_difference, summarise};
pub use matrix::AccuracyMatrix;
pub use paired::{PairedTest, paired_test};

/// What cannot be measured, and why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricsError {
    /// A row of the accuracy matrix has the wrong length.
    #[error(
        "accuracy row has {got} entries but the stream has {expected} experiences; give one accuracy per experience"
    )]
    RowLength {
        /// Experiences of the stream.
        expected: usize,
        /// Entries given.
        got: usize,
    },
    /// More rows than experiences.
    #[error("the accuracy matrix already holds all {expected} experiences")]
    TooManyRows {
        /// Experiences of the stream.
        expected: usize,
    },
    /// An accuracy outside 0…1 or not a number.
    #[error("accuracy {value} is outside 0…1")]
    NotAnAccuracy {
        /// The value.
        value: f64,
    },
    /// A label or prediction outside the confusion matrix.
    #[error("class {class} is outside the {n_classes} classes of the confusion matrix")]
    UnknownClass {
        /// The class.
        class: usize,
        /// Classes of the matrix.
        n_classes: usize,
    },
    /// Paired samples of different length.
    #[error("paired differences need the same seeds on both sides, got {left} and {right} values")]
    Unpaired {
        /// Values on the left.
        left: usize,
        /// Values on the right.
        right: usize,
    },
}
