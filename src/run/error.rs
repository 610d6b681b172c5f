//! What can stop a run.

use super::ImageError;
use crate::config::ConfigError;
use crate::cost::CostError;
use crate::learn::LearnError;
use crate::metrics::MetricsError;
use crate::nn::NnError;
use crate::profile::ProfileError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A run that cannot begin or go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// The experiment file, or a file that it names; points into the experiment file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The output folder or a file in it.
    #[error("{}: cannot be written: {source}; choose another folder with --out or [output] dir", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A saved part that cannot be read.
    #[error("{}: {source}; delete the file, or run without --resume to start anew", path.display())]
    Part {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A saved part of something else.
    #[error(
        "{}: this part is of another experiment, input or version; run without --resume to start anew, or choose another folder with --out",
        path.display()
    )]
    OtherPart {
        /// The file.
        path: PathBuf,
    },
    /// The thread pool.
    #[error("cannot start {jobs} threads: {message}; give fewer with --jobs")]
    Threads {
        /// Asked for.
        jobs: usize,
        /// Why not.
        message: String,
    },
    /// An image cannot be read, or the network failed on it.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The network failed on an image.
    #[error("backbone: {0}")]
    Network(#[from] NnError),
    /// The head failed.
    #[error("precision `{precision}`, seed {seed}: {source}")]
    Learn {
        /// Precision.
        precision: String,
        /// Seed.
        seed: u64,
        /// Why.
        source: LearnError,
    },
    /// A board that cannot be read.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A call that cannot be priced.
    #[error("precision `{precision}` on `{profile}`: {source}")]
    Cost {
        /// Precision.
        precision: String,
        /// Board.
        profile: String,
        /// Why.
        source: CostError,
    },
    /// A step that is more than the head's own has no counterpart in wide arithmetic.
    #[error(
        "a step of `{strategy}` is more than the head's own, so it cannot be carried out again in wide arithmetic; replay it with strategy = \"naive\""
    )]
    NoReplay {
        /// The strategy.
        strategy: String,
    },
    /// Accuracies that do not fit together; a fault of this program.
    #[error("metrics: {0}; please report it with the experiment file")]
    Metrics(#[from] MetricsError),
}
