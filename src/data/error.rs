//! What can be wrong with a data set's files.

use std::path::PathBuf;
use thiserror::Error;

/// Files that are no data set this program can read. Every message names the file and the way out.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file cannot be read.
    #[error("{}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A place without the files of a data set.
    #[error("{}: the data are not here; expected {expected}", path.display())]
    NoPair {
        /// The directory.
        path: PathBuf,
        /// Names that were looked for.
        expected: String,
    },
    /// A file that is too short, too long or not what its header says.
    #[error("{}: {problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// Pixels and labels that do not fit each other.
    #[error("{name}: {problem}")]
    Inconsistent {
        /// The data set.
        name: String,
        /// What is wrong.
        problem: String,
    },
}
