//! What can go wrong with records and reports.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A record that cannot be read, or a report that cannot be written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// No such file, or not readable.
    #[error("{}: {source}; give the record.json that a run wrote", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not JSON, or not a record.
    #[error("{}:{}:{}: not a record of this tool: {source}", path.display(), source.line(), source.column())]
    NotARecord {
        /// The file.
        path: PathBuf,
        /// Why, with line and column.
        source: serde_json::Error,
    },
    /// A record of another layout.
    #[error("{}: written in layout {found}, this tool reads layout {wanted}; run the experiment in it again", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: u64,
        /// Ours.
        wanted: u32,
    },
    /// The folder or file cannot be written.
    #[error("{}: cannot be written: {source}; choose another folder with --out", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The embedded template is at fault.
    #[error("the report template does not render: {0}; please report it with the record")]
    Template(#[from] minijinja::Error),
}
