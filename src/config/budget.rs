//! Budgets: upper limits that a record must keep, for continuous integration.

use super::check::one_of;
use super::diagnostic::{Source, allowed_values};
use super::{ConfigError, Diagnostic};
use std::fs;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What can be limited, with the unit in the name.
pub const BUDGET_KEYS: [&str; 10] = [
    "latency_ms",
    "energy_uj",
    "step_latency_ms",
    "step_energy_uj",
    "inference_latency_ms",
    "inference_energy_uj",
    "ram_kib",
    "flash_kib",
    "accuracy_drop",
    "forgetting",
];

/// Which end of a prediction's interval must keep the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// The best estimate.
    #[default]
    Mid,
    /// The unfavourable end: kept whatever the assumptions.
    High,
}

/// One limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// One of [`BUDGET_KEYS`].
    pub key: String,
    /// Largest value allowed.
    pub most: f64,
    /// Only on this board.
    pub board: Option<String>,
    /// Where it stands: `budget.toml:3:1`.
    pub place: String,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Budget {
    /// Limits in the file's order.
    pub limits: Vec<Limit>,
    /// Only these precisions; all where empty.
    pub precisions: Vec<String>,
    /// Which end must keep the limits.
    pub end: End,
}

/// Reads a budget file.
///
/// # Errors
/// [`ConfigError`] points at the first thing that is wrong.
pub fn load_budget(path: &Path) -> Result<Budget, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse_budget(&path.display().to_string(), &text)
}

/// Checks the text of a budget file.
///
/// ```
/// let budget = tinyprec::config::parse_budget("budget.toml", "
/// step_latency_ms = 25
/// accuracy_drop = '<= 0.02'
/// precisions = ['hybrid-16']
/// [boards.stm32f746]
/// ram_kib = 300
/// ")?;
/// assert_eq!(budget.limits.len(), 3);
/// assert_eq!(budget.limits[2].board.as_deref(), Some("stm32f746"));
/// # Ok::<(), tinyprec::config::ConfigError>(())
/// ```
///
/// # Errors
/// [`ConfigError::At`] points at the first thing that is wrong.
pub fn parse_budget(path: &str, text: &str) -> Result<Budget, ConfigError> {
    let source = Source { path: path.to_owned(), text: text.to_owned() };
    let table = DeTable::parse(text)
        .map_err(|e| source.at(e.span().unwrap_or(0..0), e.message().to_owned(), "write key = number"))?;
    let mut budget = Budget::default();
    let mut found = Vec::new();
    for (key, value) in entries(table.get_ref()) {
        match key.get_ref().as_ref() {
            "precisions" => budget.precisions = texts(&source, value)?,
            "at" => {
                let text = Spanned::new(value.span(), text_of(&source, value)?);
                budget.end = one_of(&source, "at", &text, &[("mid", End::Mid), ("high", End::High)])?;
            }
            "boards" => {
                for (board, limits) in entries(table_of(&source, value)?) {
                    for (key, value) in entries(table_of(&source, limits)?) {
                        found.push(limit(&source, (key.get_ref(), key.span()), value, Some(board.get_ref()))?);
                    }
                }
            }
            name => found.push(limit(&source, (name, key.span()), value, None)?),
        }
    }
    if found.is_empty() {
        let help = format!("write for example step_latency_ms = 25; keys: {}", BUDGET_KEYS.join(", "));
        return Err(source.at(0..0, "a budget without limits", help).into());
    }
    budget.limits = found;
    Ok(budget)
}

type At<'a> = Spanned<DeValue<'a>>;

/// Entries in the file's order.
fn entries<'a, 'b>(table: &'b DeTable<'a>) -> Vec<(&'b Spanned<std::borrow::Cow<'a, str>>, &'b At<'a>)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_by_key(|(key, _)| key.span().start);
    all
}

fn wrong(source: &Source, value: &At<'_>, wanted: &str) -> Diagnostic {
    source.at(value.span(), format!("this is {}", value.get_ref().type_str()), format!("give {wanted}"))
}

fn table_of<'b, 'a>(source: &Source, value: &'b At<'a>) -> Result<&'b DeTable<'a>, Diagnostic> {
    value.get_ref().as_table().ok_or_else(|| wrong(source, value, "a table of limits"))
}

fn text_of(source: &Source, value: &At<'_>) -> Result<String, Diagnostic> {
    value.get_ref().as_str().map(str::to_owned).ok_or_else(|| wrong(source, value, "a text in quotes"))
}

fn texts(source: &Source, value: &At<'_>) -> Result<Vec<String>, Diagnostic> {
    let list = value.get_ref().as_array().ok_or_else(|| wrong(source, value, "a list of texts"))?;
    list.iter().map(|v| text_of(source, v)).collect()
}

fn limit(
    source: &Source,
    (key, span): (&str, Range<usize>),
    value: &At<'_>,
    board: Option<&str>,
) -> Result<Limit, Diagnostic> {
    if !BUDGET_KEYS.contains(&key) {
        let help = allowed_values(key, "limits", BUDGET_KEYS);
        return Err(source.at(span, format!("`{key}` cannot be limited"), help));
    }
    let most = match value.get_ref() {
        DeValue::Integer(n) => n.as_str().parse().ok(),
        DeValue::Float(x) => x.as_str().parse().ok(),
        DeValue::String(text) => text.trim().strip_prefix("<=").and_then(|t| t.trim().parse().ok()),
        _ => None,
    };
    let most =
        most.filter(|x: &f64| x.is_finite()).ok_or_else(|| wrong(source, value, "a number, or \"<= number\""))?;
    let at = source.at(span, "", "");
    let place = format!("{}:{}:{}", at.path, at.line, at.column);
    Ok(Limit { key: key.to_owned(), most, board: board.map(str::to_owned), place })
}
