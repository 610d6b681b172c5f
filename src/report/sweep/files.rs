//! A sweep's record read, and its page and tables written.

use super::{csv, html, markdown};
use crate::files::replace;
use crate::record::{SWEEP_VERSION, SweepRecord};
use crate::report::ReportError;
use crate::report::files::PAGE;
use std::fs;
use std::path::{Path, PathBuf};

/// Is this the text of a sweep's record? Looks at the first key only.
pub fn is_sweep(text: &str) -> bool {
    text.trim_start().trim_start_matches('{').trim_start().starts_with("\"sweep_version\"")
}

/// Reads a sweep's record.
///
/// # Errors
/// [`ReportError`] says which file, what is wrong with it, and in which line.
pub fn read(path: &Path) -> Result<SweepRecord, ReportError> {
    let text = fs::read_to_string(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let bad = |source| ReportError::NotARecord { path: path.to_owned(), source };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(bad)?;
    match value.get("sweep_version").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(SWEEP_VERSION) => {
            Err(ReportError::Version { path: path.to_owned(), found, wanted: SWEEP_VERSION })
        }
        // From the text again: its errors know line and column.
        _ => serde_json::from_str(&text).map_err(bad),
    }
}

/// Writes `report.html`, `report.md` and `results.csv` into a folder and gives the page's path; with the feature `parquet` also
/// `results.parquet`.
///
/// # Errors
/// [`ReportError::Write`] names the file that could not be written.
pub fn write(record: &SweepRecord, dir: &Path) -> Result<PathBuf, ReportError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let page = dir.join(PAGE);
    for (path, text) in [
        (dir.join("results.csv"), csv(record)),
        (dir.join("report.md"), markdown(record)),
        (page.clone(), html(record)?),
    ] {
        replace(&path, text.as_bytes()).map_err(failed(&path))?;
    }
    #[cfg(feature = "parquet")]
    {
        let path = dir.join("results.parquet");
        let mut bytes = Vec::new();
        super::write_parquet(record, &mut bytes).map_err(|e| failed(&path)(std::io::Error::other(e)))?;
        replace(&path, &bytes).map_err(failed(&path))?;
    }
    Ok(page)
}
