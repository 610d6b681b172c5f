//! The experiment file as written: every table and key, with the place of each value kept for later errors.

use super::diagnostic::{Source, allowed_values};
use super::{ConfigError, Diagnostic};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A value and where it stands.
pub type At<T> = Spanned<T>;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFile {
    pub experiment: RawExperiment,
    pub data: RawData,
    pub transform: Option<RawTransform>,
    pub backbone: RawBackbone,
    pub stream: RawStream,
    #[serde(default)]
    pub training: RawTraining,
    #[serde(default)]
    pub head: RawHead,
    #[serde(default)]
    pub precision: Vec<At<RawPrecision>>,
    pub boards: Option<RawBoards>,
    pub output: Option<RawOutput>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawExperiment {
    pub name: At<String>,
    pub seeds: At<Vec<At<i64>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawData {
    pub kind: At<String>,
    pub path: Option<At<String>>,
    pub train: Option<At<String>>,
    pub test: Option<At<String>>,
    pub labels: Option<At<String>>,
    pub lists: Option<At<String>>,
    pub run: Option<At<i64>>,
    pub test_list: Option<At<String>>,
    pub train_per_class: Option<At<i64>>,
    pub test_per_class: Option<At<i64>>,
    pub hash: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTransform {
    pub channels: Option<At<i64>>,
    pub resize: Option<At<Sides>>,
    pub resize_short: Option<At<i64>>,
    pub filter: Option<At<String>>,
    pub crop: Option<At<Sides>>,
    pub mean: Option<At<Numbers>>,
    pub scale: Option<At<Numbers>>,
}

/// One side of a square, or `[height, width]`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a whole number, or [height, width]")]
pub enum Sides {
    Square(i64),
    Both([i64; 2]),
}

/// One number, or one a channel.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list of numbers")]
pub enum Numbers {
    One(f64),
    Many(Vec<f64>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBackbone {
    pub file: At<String>,
}

/// The classes of one experience, each with its place.
pub type ClassList = At<Vec<At<i64>>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawStream {
    pub scenario: At<String>,
    pub experiences: Option<At<Vec<ClassList>>>,
    pub order: Option<At<RawOrder>>,
    pub order_seed: Option<At<i64>>,
    pub first_classes: Option<At<i64>>,
    pub classes_per_experience: Option<At<i64>>,
    pub n_experiences: Option<At<i64>>,
    pub split_seed: Option<At<i64>>,
    pub sequences_per_class: Option<At<i64>>,
    pub degrees: Option<At<Vec<f64>>>,
    pub plain_first: Option<At<bool>>,
    pub test: Option<At<String>>,
}

/// An order of classes: a name, or the classes themselves.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of an order, or a list of classes")]
pub enum RawOrder {
    Named(String),
    Listed(Vec<i64>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTraining {
    pub batch: Option<At<i64>>,
    pub learning_rate: Option<At<f64>>,
    pub momentum: Option<At<f64>>,
    pub weight_decay: Option<At<f64>>,
    pub epochs_first: Option<At<i64>>,
    pub epochs_later: Option<At<i64>>,
    pub joint_epochs: Option<At<i64>>,
    pub strategy: Option<At<String>>,
    pub lambda: Option<At<f64>>,
    pub layer_rate: Option<At<f64>>,
    pub decay: Option<At<f64>>,
    pub alpha: Option<At<f64>>,
    pub temperature: Option<At<f64>>,
    pub shrinkage: Option<At<f64>>,
    pub buffer: Option<At<i64>>,
    pub replayed: Option<At<i64>>,
    pub stored: Option<At<String>>,
    pub quota: Option<At<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawHead {
    pub bias: Option<At<String>>,
    pub unseen: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPrecision {
    pub preset: At<String>,
    pub name: Option<At<String>>,
    #[serde(default)]
    pub slots: BTreeMap<At<String>, At<String>>,
    #[serde(default)]
    pub rounding: BTreeMap<At<String>, At<String>>,
    #[serde(default)]
    pub overflow: BTreeMap<At<String>, At<String>>,
    #[serde(default)]
    pub accumulators: BTreeMap<At<String>, At<String>>,
    pub update_base: Option<At<String>>,
    pub forward_margin_percent: Option<At<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBoards {
    pub profiles: At<Vec<At<String>>>,
    pub kernel_set: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOutput {
    pub dir: At<String>,
}

/// Reads the text; keys and types only.
pub fn parse(source: &Source) -> Result<RawFile, ConfigError> {
    toml::from_str(&source.text).map_err(|error| ConfigError::from(located(source, &error)))
}

/// The parser's error with our own pointer, and a suggestion where a key is misspelt.
fn located(source: &Source, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let message = error.message();
    if let Some((key, known)) = unknown_field(message) {
        let help = allowed_values(key, "keys here", known.iter().copied());
        return source.at(span, format!("unknown key `{key}`"), help);
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        let help = format!("add {key}; docs/config.md shows every key with its range and default");
        return source.at(span, format!("{key} is missing"), help);
    }
    let mut lines = message.lines();
    let first = lines.next().unwrap_or("not TOML").to_owned();
    source.at(span, first, lines.collect::<Vec<_>>().join("; "))
}

/// serde's "unknown field `x`, expected one of `a`, `b`" taken apart.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let key = quoted.next()?;
    Some((key, quoted.collect()))
}
