//! One self-contained page: verdict, figures, plots, every row.

use super::{figures, tables};
use crate::report::ReportError;
use crate::report::calibration;
use crate::report::figure::Group;
use crate::report::view::Table;
use crate::validate::{Study, Validation};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const TEMPLATE: &str = include_str!("validation.html");
const STYLE: &str = include_str!("../style.css");

#[derive(Serialize)]
struct Page {
    style: &'static str,
    tool: String,
    verdict: String,
    tables: Vec<Table>,
    groups: Vec<Group>,
    diagnoses: Vec<String>,
    details: Vec<Table>,
    calibration: Vec<Table>,
    cannot_tell: Vec<String>,
}

/// Renders the page.
///
/// # Errors
/// [`ReportError::Template`] if the embedded template does not render, which is a fault of this crate.
pub fn render(validation: &Validation, studies: &[Study<'_>]) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("validation", TEMPLATE)?;
    let page = Page {
        style: STYLE,
        tool: format!("tinyprec {}", env!("CARGO_PKG_VERSION")),
        verdict: tables::verdict(validation),
        tables: tables::all(validation),
        groups: figures::groups(validation),
        diagnoses: tables::diagnoses(validation),
        details: tables::details(validation),
        calibration: studies.iter().flat_map(calibration::tables).collect(),
        cannot_tell: studies.iter().flat_map(calibration::said).collect(),
    };
    Ok(environment.get_template("validation")?.render(Serde(&page))?)
}
