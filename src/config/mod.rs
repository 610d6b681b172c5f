//! Experiment files: TOML in, a checked [`Experiment`] out, every error with file, line, column and the way out.
//!
//! Knows the formats of data, precision and stream; runs nothing and opens no data. What can only be checked against the data
//! (is the class there?) is checked by [`Experiment::stream`], which still points into the file.
//! `docs/config.md` lists every key with its range and default.
//!
//! Flow: text → `raw` (keys and types, places kept) → `experiment` (ranges, names, files there) → [`Experiment`].
//!
//! ```
//! let error = tinyprec::config::parse("x.toml", "[experiment]\nnmae = \"quick\"\n").unwrap_err();
//! assert_eq!(error.to_string().lines().next(), Some("x.toml:2:1: unknown key `nmae`"));
//! assert!(error.to_string().contains("did you mean `name`?"));
//! ```

mod budget;
mod check;
mod data;
mod diagnostic;
mod experiment;
mod precision;
mod raw;
mod strategy;
mod stream;

pub use budget::{BUDGET_KEYS, Budget, End, Limit, load_budget, parse_budget};
pub use data::{DataFiles, DataKind};
pub use diagnostic::{Diagnostic, Source, allowed_values};
pub use experiment::{BoardRef, Experiment, NamedPath, Training};

use std::fs;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Most seeds, experiences or epochs of one run; a typing error costs an error message, not a night.
const MOST: i64 = 10_000;

/// An experiment that cannot be run as written.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}; give an experiment file, e.g. experiments/quickstart.toml", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in the file is wrong.
    #[error("{0}")]
    At(Box<Diagnostic>),
}

impl From<Diagnostic> for ConfigError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::At(Box::new(diagnostic))
    }
}

/// Reads and checks an experiment file. Paths in it are relative to its folder.
///
/// # Errors
/// [`ConfigError`] points at the first thing that is wrong.
pub fn load(path: &Path) -> Result<Experiment, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&path.display().to_string(), &text)
}

/// Checks the text of an experiment file that lies (or would lie) at `path`.
///
/// # Errors
/// [`ConfigError::At`] points at the first thing that is wrong.
pub fn parse(path: &str, text: &str) -> Result<Experiment, ConfigError> {
    let source = Source { path: path.to_owned(), text: text.to_owned() };
    let raw = raw::parse(&source)?;
    experiment::check(source, &raw)
}
