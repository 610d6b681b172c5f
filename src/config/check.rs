//! Small checks of single values; each failure points at the value and says what would be right.

use super::Diagnostic;
use super::diagnostic::{Source, allowed_values};
use super::raw::At;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A number within a closed range.
pub fn within<T>(source: &Source, key: &str, value: &At<T>, low: T, high: T, why: &str) -> Result<T, Diagnostic>
where
    T: PartialOrd + Copy + Display,
{
    let x = *value.get_ref();
    // Not written as a negation: NaN must fail.
    if x >= low && x <= high {
        return Ok(x);
    }
    let help = format!("{key} must be a number from {low} to {high}{}{why}", if why.is_empty() { "" } else { ": " });
    Err(source.at(value.span(), format!("{key} = {x} is out of range"), help))
}

/// A count within a closed range.
pub fn count(source: &Source, key: &str, value: &At<i64>, low: i64, high: i64) -> Result<usize, Diagnostic> {
    let x = within(source, key, value, low, high, "")?;
    usize::try_from(x).map_err(|_| source.at(value.span(), format!("{key} = {x} is negative"), "give 0 or more"))
}

/// One of the named values.
pub fn one_of<T: Copy>(source: &Source, key: &str, value: &At<String>, allowed: &[(&str, T)]) -> Result<T, Diagnostic> {
    let word = value.get_ref();
    allowed.iter().find(|(name, _)| name == word).map(|&(_, v)| v).ok_or_else(|| {
        let help = allowed_values(word, "allowed", allowed.iter().map(|&(name, _)| name));
        source.at(value.span(), format!("{key} = \"{word}\" is not known"), help)
    })
}

/// A path relative to the experiment's folder that must be there.
pub fn path(source: &Source, base: &Path, key: &str, value: &At<String>) -> Result<PathBuf, Diagnostic> {
    let full = base.join(value.get_ref());
    if full.exists() {
        return Ok(full);
    }
    let folder = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let help = format!("paths are relative to the experiment file's folder, {}", folder.display());
    Err(source.at(value.span(), format!("{key}: there is no {}", full.display()), help))
}
