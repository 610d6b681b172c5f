//! Predictions against measurements, rendered: terminal, Markdown, CSV, one self-contained page with plots.
//!
//! ```
//! use tinyprec::{report, validate};
//! let mut rows = validate::published()?;
//! rows.retain(|row| row.id.starts_with("NNOM"));
//! let compared = validate::score(&rows, &|name| validate::published_layers(name).map(str::to_owned));
//! assert!(report::validation::text(&compared, 100).contains("cortex-m4 cmsis-nn int8 layer"));
//! # Ok::<(), validate::MeasurementError>(())
//! ```

mod figures;
mod page;
mod tables;

use super::text::{draw, wrap};
use super::{ReportError, calibration};
use crate::files::replace;
use crate::validate::{Study, Validation};
use std::fs;
use std::path::{Path, PathBuf};

pub use page::render as html;
pub use tables::csv;

/// Name of the page.
const PAGE: &str = "index.html";

/// Renders for a terminal of `width` columns: the main figures by group, diagnosis, refused rows. Markdown has all figures.
pub fn text(validation: &Validation, width: usize) -> String {
    let mut parts = vec![wrap(&tables::verdict(validation), width)];
    for table in tables::all(validation) {
        let table = table.without(&tables::WIDE);
        let note = if table.note.is_empty() { String::new() } else { format!(". {}", table.note) };
        parts.push(format!("{}\n{}", wrap(&format!("{}{note}", table.title), width), draw(&table, width)));
    }
    parts.extend(tables::diagnoses(validation).iter().map(|line| wrap(line, width)));
    parts.join("\n\n") + "\n"
}

/// Renders as Markdown, all tables, the diagnosis, and what calibration makes of it.
pub fn markdown(validation: &Validation, studies: &[Study<'_>]) -> String {
    let mut parts = vec!["# Predictions against published measurements".to_owned(), tables::verdict(validation)];
    for table in tables::all(validation).iter().chain(&tables::details(validation)) {
        parts.push(format!("## {}", table.title));
        parts.extend((!table.note.is_empty()).then(|| table.note.clone()));
        parts.push(table.markdown());
    }
    parts.push("## Diagnosis".to_owned());
    parts.push(tables::diagnoses(validation).iter().map(|line| format!("* {line}")).collect::<Vec<_>>().join("\n"));
    for study in studies {
        for table in calibration::tables(study) {
            parts.extend([format!("## {}", table.title), table.note.clone(), table.markdown()]);
        }
        parts.extend(calibration::said(study));
    }
    parts.join("\n\n") + "\n"
}

/// Writes page, Markdown and CSV into a folder and gives the page's path.
///
/// # Errors
/// [`ReportError`] names the file that could not be written.
pub fn write(validation: &Validation, studies: &[Study<'_>], dir: &Path) -> Result<PathBuf, ReportError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let texts = [
        ("README.md", markdown(validation, studies)),
        ("rows.csv", csv(validation, studies)),
        (PAGE, html(validation, studies)?),
    ];
    for (name, text) in texts {
        let path = dir.join(name);
        replace(&path, text.as_bytes()).map_err(failed(&path))?;
    }
    Ok(dir.join(PAGE))
}
