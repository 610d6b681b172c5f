//! One point: the base experiment with one choice of each axis set in it.

use super::Space;
use super::axis::{Axis, Choice};
use super::names::{Name, Value};
use crate::config::{self, ConfigError, Experiment};
use crate::run::hash_bytes;
use toml::Table;

/// A point of a space.
#[derive(Debug, Clone)]
pub struct Point {
    /// Number in the space, from 0.
    pub index: usize,
    /// Label of each axis's choice.
    pub choices: Vec<String>,
    /// The experiment file of this point alone.
    pub toml: String,
    /// The experiment, checked.
    pub experiment: Experiment,
}

impl Point {
    /// SHA-256 of the point's experiment file, lower-case hex.
    pub fn hash(&self) -> String {
        hash_bytes(self.toml.as_bytes())
    }
}

impl Space {
    /// The point with these choices; `None` where it breaks a constraint.
    pub(super) fn resolve(&self, index: usize, choices: &[Choice]) -> Result<Option<Point>, ConfigError> {
        let toml = self.toml_of(choices.iter());
        let experiment = config::parse(&self.source.path, &toml).map_err(|error| self.blame(choices, &error))?;
        let value = |name: &Name| match name {
            Name::Axis(i, _) => {
                let choice = &choices[*i];
                Some(choice.number.map_or(Value::Text(choice.label.clone()), Value::Number))
            }
            resolved => resolved.value(&experiment),
        };
        for constraint in &self.constraints {
            let holds = constraint.holds(&value);
            let holds =
                holds.map_err(|why| self.source.at(constraint.span.clone(), format!("in a constraint: {why}"), ""))?;
            if !holds {
                return Ok(None);
            }
        }
        let choices = choices.iter().map(|c| c.label.clone()).collect();
        Ok(Some(Point { index, choices, toml, experiment }))
    }

    fn toml_of<'a>(&'a self, choices: impl Iterator<Item = &'a Choice>) -> String {
        let (mut file, mut precision) = (self.base.clone(), self.precision.clone());
        let mut labels = Vec::new();
        for choice in choices {
            labels.push(choice.label.as_str());
            for (place, value) in &choice.set {
                place.set(&mut file, &mut precision, value.clone());
            }
        }
        precision.insert("name".to_owned(), toml::Value::String(labels.join(" · ")));
        Self::with_precision(file, precision)
    }

    /// The experiment with the baseline preset in place of the point's precision, everything else as in the point.
    pub(in crate::explore) fn baseline_of(&self, point: &Point, preset: &str) -> Result<Experiment, ConfigError> {
        let mut file: Table = toml::from_str(&point.toml).unwrap_or_default();
        file.remove("precision");
        let precision = Table::from_iter([("preset".to_owned(), toml::Value::String(preset.to_owned()))]);
        config::parse(&self.source.path, &Self::with_precision(file, precision))
    }

    fn with_precision(mut file: Table, precision: Table) -> String {
        file.insert("precision".to_owned(), toml::Value::Array(vec![toml::Value::Table(precision)]));
        toml::to_string(&file).expect("a table of plain values can be written")
    }

    /// The error of a point, at the choice without which it would not be there.
    fn blame(&self, choices: &[Choice], error: &ConfigError) -> ConfigError {
        let ConfigError::At(found) = error else { return self.plain_blame(choices, error) };
        let mut guilty = None;
        for left_out in 0..choices.len() {
            let others = choices.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, c)| c);
            let without = config::parse(&self.source.path, &self.toml_of(others));
            let same = matches!(&without, Err(ConfigError::At(d)) if d.message == found.message);
            if !same {
                guilty = Some(left_out);
            }
        }
        match guilty {
            Some(i) => {
                let span = if choices[i].span.is_empty() { self.axes[i].span.clone() } else { choices[i].span.clone() };
                self.source
                    .at(span, format!("{} (point {})", found.message, self.describe(choices)), found.help.clone())
                    .into()
            }
            None => self.plain_blame(choices, error),
        }
    }

    fn plain_blame(&self, choices: &[Choice], error: &ConfigError) -> ConfigError {
        let message = match error {
            ConfigError::At(d) => d.message.clone(),
            other => other.to_string(),
        };
        // The key is the base file's own: the same text stands there, so the line is found by the plain check of the base.
        let base = config::parse(&self.source.path, &self.toml_of(std::iter::empty()));
        let help = match &base {
            Err(ConfigError::At(d)) => format!("{} — the line is `{}`", d.help, d.line_text.trim()),
            _ => "forbid the combination with a constraint".to_owned(),
        };
        let at = self.line_in_file(error).unwrap_or(0..0);
        self.source.at(at, format!("{message} (point {})", self.describe(choices)), help).into()
    }

    /// Where the faulty line of the resolved text stands in the sweep file, if it does word for word.
    fn line_in_file(&self, error: &ConfigError) -> Option<std::ops::Range<usize>> {
        let ConfigError::At(d) = error else { return None };
        let line = d.line_text.trim();
        let at = self.source.text.find(line).filter(|_| !line.is_empty())?;
        Some(at..at + line.len())
    }

    fn describe(&self, choices: &[Choice]) -> String {
        let one = |(axis, choice): (&Axis, &Choice)| format!("{} = {}", axis.name, choice.label);
        self.axes.iter().zip(choices).map(one).collect::<Vec<_>>().join(", ")
    }
}
