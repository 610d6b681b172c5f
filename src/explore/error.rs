//! What can stop a sweep.

use crate::config::ConfigError;
use crate::run::RunError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A sweep that cannot begin, go on or be merged.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The sweep file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Inputs, backbone or a board.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file of the sweep.
    #[error("{}: {source}; choose another folder with --out", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two processes want to append to one log.
    #[error("{}: another process is appending to this log; wait for it, or run another shard", path.display())]
    Busy {
        /// The log.
        path: PathBuf,
    },
    /// A log of something else.
    #[error(
        "{}: this log is of another sweep file, input or version; run without --resume to start anew, or choose another folder with --out",
        path.display()
    )]
    OtherSweep {
        /// The log.
        path: PathBuf,
    },
    /// There are points already.
    #[error("{}: there are finished points here; go on with --resume, start anew with --fresh, or choose another folder with --out", path.display())]
    AlreadyThere {
        /// The log.
        path: PathBuf,
    },
    /// A line that was written whole and has changed since.
    #[error("{}:{line}: this line is damaged ({why}); restore the file or delete it to run its points again", path.display())]
    Damaged {
        /// The log.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Two logs tell different things of one point.
    #[error("point {index} is in {} and {} with different results; delete the log of the wrong version", a.display(), b.display())]
    Conflict {
        /// The point.
        index: usize,
        /// A log.
        a: PathBuf,
        /// Another.
        b: PathBuf,
    },
    /// Points are missing.
    #[error("{} of {of} points are missing: {}; run them with `tinyprec sweep run FILE --index N`, or --resume their shards", missing.len(), some(missing))]
    Incomplete {
        /// Their numbers.
        missing: Vec<usize>,
        /// All.
        of: usize,
    },
    /// A shard, index or search that does not fit.
    #[error("{0}")]
    Usage(String),
    /// A record that is no sweep's.
    #[error("{}: not a sweep of this tool: {why}", path.display())]
    NotASweep {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// The first few numbers of a list.
fn some(numbers: &[usize]) -> String {
    let first: Vec<String> = numbers.iter().take(8).map(usize::to_string).collect();
    if numbers.len() > 8 { format!("{}, …", first.join(", ")) } else { first.join(", ") }
}
