//! Records read and reports written; a file is either the old one or the new one whole, never half of it.

use super::{ReportError, csv, html};
use crate::files::replace;
use crate::record::{RunRecord, SCHEMA_VERSION};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the page.
pub const PAGE: &str = "report.html";

/// Reads a record.
///
/// # Errors
/// [`ReportError`] says which file, what is wrong with it, and in which line.
pub fn read_record(path: &Path) -> Result<RunRecord, ReportError> {
    let text = fs::read_to_string(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let bad = |source| ReportError::NotARecord { path: path.to_owned(), source };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(bad)?;
    let version = value.get("schema_version").and_then(serde_json::Value::as_u64);
    match version {
        Some(found) if found != u64::from(SCHEMA_VERSION) => {
            Err(ReportError::Version { path: path.to_owned(), found, wanted: SCHEMA_VERSION })
        }
        // From the text again: its errors know line and column.
        _ => serde_json::from_str(&text).map_err(bad),
    }
}

/// Writes the page and the CSV tables into a folder and gives the page's path.
///
/// # Errors
/// [`ReportError::Write`] names the file that could not be written.
pub fn write_report(record: &RunRecord, dir: &Path) -> Result<PathBuf, ReportError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    for (name, text) in csv::tables(record) {
        let path = dir.join(name);
        replace(&path, text.as_bytes()).map_err(failed(&path))?;
    }
    let page = dir.join(PAGE);
    replace(&page, html::render(record)?.as_bytes()).map_err(failed(&page))?;
    Ok(page)
}
