//! Why a stream cannot be cut.

use thiserror::Error;

/// A stream that cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StreamError {
    /// No experience, or one without classes.
    #[error("{what}: a stream needs at least one experience and each experience at least one class")]
    Empty {
        /// Which one.
        what: String,
    },
    /// A class that the data set does not have.
    #[error("experience {experience} asks for class {class}, but the data set has classes 0 to {last}")]
    OutOfRange {
        /// Experience, from 0.
        experience: usize,
        /// The class.
        class: usize,
        /// Highest class of the data set.
        last: usize,
    },
    /// A class in two places.
    #[error(
        "class {class} is in experience {first} and {}; in scenario `nc` a class comes once",
        if first == second { "there a second time".to_owned() } else { format!("again in experience {second}") }
    )]
    Twice {
        /// The class.
        class: usize,
        /// Where it was first, from 0.
        first: usize,
        /// Where it was again, from 0.
        second: usize,
    },
    /// Nothing to learn or to test with.
    #[error(
        "class {class} has {train} training and {test} test samples; experience {experience} needs at least one of each"
    )]
    NoSamples {
        /// Experience, from 0.
        experience: usize,
        /// The class.
        class: usize,
        /// Training samples of the class.
        train: usize,
        /// Test samples of the class.
        test: usize,
    },
    /// An order of classes that does not fit the data set.
    #[error("{problem}")]
    Order {
        /// What does not fit.
        problem: String,
    },
    /// A scenario that the data set cannot serve.
    #[error("{problem}")]
    Unsuited {
        /// What is missing.
        problem: String,
    },
}
