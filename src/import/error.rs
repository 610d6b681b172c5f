//! What can be wrong with a network file.

use crate::nn::NnError;
use std::path::PathBuf;
use thiserror::Error;

/// A file that is no network this program can run. Every message names the file.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be read or written.
    #[error("{}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path is a directory or the file is absurdly large.
    #[error("{}: {problem}", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The container is broken: truncated, or no safetensors file at all.
    #[error("{}: not a whole safetensors file ({problem}); fetch or export it again", path.display())]
    Container {
        /// The file.
        path: PathBuf,
        /// What the container's reader said.
        problem: String,
    },
    /// A TensorFlow Lite file whose structure is broken or beyond what is read.
    #[error("{}: TensorFlow Lite file: {problem}; docs/import.md says what is read", path.display())]
    TfLite {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An operator that cannot be run.
    #[error("{}: operator {place} ({operator}) {problem}", path.display())]
    Operator {
        /// The file.
        path: PathBuf,
        /// Its place in the file.
        place: usize,
        /// Its name.
        operator: String,
        /// Why not.
        problem: String,
    },
    /// An HDF5 file whose structure is broken or beyond what is read.
    #[error("{}: HDF5 file: {problem}; docs/import.md says what is read", path.display())]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Tensors that belong to none of the published networks.
    #[error(
        "{}: no known network has these weights{closest}; `tinyprec model list` names the networks, and docs/backbone-format.md \
         shows a layout for any other",
        path.display()
    )]
    UnknownWeights {
        /// The file.
        path: PathBuf,
        /// The network that most of the tensors fit, and what it lacks.
        closest: String,
    },
    /// The description in the metadata is wrong.
    #[error("{}: metadata `{key}`: {problem}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The metadata key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A tensor is missing or has another type or shape than its layer needs.
    #[error("{}: tensor `{tensor}`: {problem}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong.
        problem: String,
    },
    /// The layers do not fit each other.
    #[error("{}: {source}", path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// Which layer, and how.
        source: NnError,
    },
}
