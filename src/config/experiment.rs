//! The experiment after every check that needs no other file: what [`crate::run`] works from.

use super::check::{count, one_of, path, within};
use super::diagnostic::Source;
use super::precision::{BIAS, UNSEEN, heads};
use super::raw::{At, RawBoards, RawFile, RawTraining};
use super::stream::Places;
use super::{ConfigError, DataFiles, Diagnostic, MOST, data, stream};
use crate::data::{Domains, Samples, Scenario, Stream, StreamError, cut};
use crate::learn::{BiasPolicy, HeadConfig, StrategyKind, UnseenRows};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Kernel set where the file names none.
const KERNEL_SET: &str = "gcc12-o2";

/// A checked experiment.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Its name, also the default output folder's.
    pub name: String,
    /// One run each.
    pub seeds: Vec<u64>,
    /// Images.
    pub data: DataFiles,
    /// The frozen network's file, and its text in the experiment file.
    pub backbone: NamedPath,
    /// The scenario's name in the file.
    pub scenario_name: &'static str,
    /// How the stream is cut.
    pub scenario: Scenario,
    /// Domains that the images are seen in.
    pub domains: Domains,
    /// Whether the test set grows with the experiences.
    pub growing_test: bool,
    /// Optimiser and epochs.
    pub training: Training,
    /// One head for each precision; at least one, names unique.
    pub heads: Vec<HeadConfig>,
    /// Board profiles, by built-in name or file.
    pub boards: Vec<BoardRef>,
    /// Kernel set of all boards.
    pub kernel_set: String,
    /// Output folder, if the file names one.
    pub out: Option<PathBuf>,
    /// The file's text, for the record and for errors found later.
    pub source: Source,
    pub(super) places: Places,
}

/// A path ready to open, and its text in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPath {
    /// As given.
    pub given: String,
    /// Ready to open.
    pub path: PathBuf,
    /// Where the file names it.
    pub span: Range<usize>,
}

/// A board profile as named in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardRef {
    /// Built-in name, or path as given.
    pub given: String,
    /// The file, where a path is meant (it ends in `.toml`).
    pub file: Option<PathBuf>,
    /// Where the file names it.
    pub span: Range<usize>,
}

/// Optimiser and epochs; docs/config.md has ranges and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// Samples of a minibatch.
    pub batch: usize,
    /// η.
    pub learning_rate: f64,
    /// μ.
    pub momentum: f64,
    /// λ.
    pub weight_decay: f64,
    /// Epochs of the first experience.
    pub epochs_first: usize,
    /// Epochs of each later one.
    pub epochs_later: usize,
    /// Epochs of the joint float upper bound; 0 leaves it out.
    pub joint_epochs: usize,
    /// How the head learns the stream.
    pub strategy: StrategyKind,
}

/// Checks a parsed file.
pub(super) fn check(source: Source, raw: &RawFile) -> Result<Experiment, ConfigError> {
    let base = Path::new(&source.path).parent().unwrap_or(Path::new("")).to_path_buf();
    let name = name(&source, &raw.experiment.name)?;
    let seeds = seeds(&source, &raw.experiment.seeds)?;
    let stream = stream::check(&source, &raw.stream)?;
    let training = training(&source, &raw.training)?;
    let bias = raw.head.bias.as_ref().map_or(Ok(BiasPolicy::None), |text| one_of(&source, "bias", text, BIAS))?;
    let unseen =
        raw.head.unseen.as_ref().map_or(Ok(UnseenRows::Zero), |text| one_of(&source, "unseen", text, UNSEEN))?;
    let heads = heads(&source, &raw.precision, |precision| HeadConfig {
        momentum: training.momentum,
        weight_decay: training.weight_decay,
        batch: training.batch,
        bias,
        unseen,
        ..HeadConfig::new(precision, training.learning_rate)
    })?;
    let (boards, kernel_set) = boards(&source, &base, raw.boards.as_ref())?;
    let out = raw.output.as_ref().map(|o| base.join(o.dir.get_ref()));
    let backbone = named(&source, &base, "file", &raw.backbone.file)?;
    let data = data::check(&source, &base, (&raw.data, raw.transform.as_ref()))?;
    Ok(Experiment {
        name,
        seeds,
        data,
        backbone,
        scenario_name: stream.name,
        scenario: stream.scenario,
        domains: stream.domains,
        growing_test: stream.growing,
        training,
        heads,
        boards,
        kernel_set,
        out,
        source,
        places: stream.places,
    })
}

fn name(source: &Source, name: &At<String>) -> Result<String, Diagnostic> {
    let text = name.get_ref();
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.starts_with('.') || !text.chars().all(plain) {
        let help = "use letters, digits, `-`, `_` and `.`: it names a folder";
        return Err(source.at(name.span(), format!("\"{text}\" is no name for an experiment"), help));
    }
    Ok(text.clone())
}

fn seeds(source: &Source, seeds: &At<Vec<At<i64>>>) -> Result<Vec<u64>, Diagnostic> {
    let mut checked: Vec<u64> = Vec::new();
    for seed in seeds.get_ref() {
        let value = u64::try_from(*seed.get_ref())
            .map_err(|_| source.at(seed.span(), "a seed is negative", "use whole numbers from 0"))?;
        if checked.contains(&value) {
            return Err(source.at(
                seed.span(),
                format!("seed {value} is listed twice"),
                "each seed is one run; drop one",
            ));
        }
        checked.push(value);
    }
    if checked.is_empty() {
        let help = "list at least one, e.g. seeds = [1, 2, 3]; intervals need two or more";
        return Err(source.at(seeds.span(), "no seeds", help));
    }
    Ok(checked)
}

pub(super) fn named(source: &Source, base: &Path, key: &str, value: &At<String>) -> Result<NamedPath, Diagnostic> {
    let full = path(source, base, key, value)?;
    Ok(NamedPath { given: value.get_ref().clone(), path: full, span: value.span() })
}

fn training(source: &Source, raw: &RawTraining) -> Result<Training, Diagnostic> {
    let whole = |key: &str, value: &Option<At<i64>>, default: usize, low: i64| match value {
        Some(value) => count(source, key, value, low, MOST),
        None => Ok(default),
    };
    let real = |key: &str, value: &Option<At<f64>>, default: f64, low: f64, high: f64, why: &str| match value {
        Some(value) => within(source, key, value, low, high, why),
        None => Ok(default),
    };
    Ok(Training {
        batch: whole("batch", &raw.batch, 32, 1)?,
        learning_rate: real("learning_rate", &raw.learning_rate, 0.01, 1e-9, 100.0, "it scales every step")?,
        momentum: real("momentum", &raw.momentum, 0.0, 0.0, 0.999, "0 is plain SGD")?,
        weight_decay: real("weight_decay", &raw.weight_decay, 0.0, 0.0, 1.0, "0 leaves it out")?,
        epochs_first: whole("epochs_first", &raw.epochs_first, 10, 1)?,
        epochs_later: whole("epochs_later", &raw.epochs_later, 5, 1)?,
        joint_epochs: whole("joint_epochs", &raw.joint_epochs, 10, 0)?,
        strategy: super::strategy::strategy(source, raw)?,
    })
}

fn boards(source: &Source, base: &Path, raw: Option<&RawBoards>) -> Result<(Vec<BoardRef>, String), Diagnostic> {
    let Some(raw) = raw else { return Ok((Vec::new(), KERNEL_SET.to_owned())) };
    let mut boards: Vec<BoardRef> = Vec::new();
    for entry in raw.profiles.get_ref() {
        let given = entry.get_ref().clone();
        if boards.iter().any(|b| b.given == given) {
            return Err(source.at(entry.span(), format!("board `{given}` is listed twice"), "drop one"));
        }
        // Overrides follow the name after commas: `boards/mine.toml,clock_mhz=80`.
        let (name, overrides) = given.split_at(given.find(',').unwrap_or(given.len()));
        let file = match name.ends_with(".toml") {
            true => {
                let found = path(source, base, "profiles", &At::new(entry.span(), name.to_owned()))?;
                Some(PathBuf::from(format!("{}{overrides}", found.display())))
            }
            false => None,
        };
        boards.push(BoardRef { given, file, span: entry.span() });
    }
    let kernel_set = raw.kernel_set.as_ref().map_or(KERNEL_SET.to_owned(), |k| k.get_ref().clone());
    Ok((boards, kernel_set))
}

impl Experiment {
    /// Cuts the stream out of the data, given what is known of its training and test samples.
    ///
    /// # Errors
    /// Points at the experience or class in the file that the data cannot serve.
    pub fn stream(&self, train: &Samples<'_>, test: &Samples<'_>, n_classes: usize) -> Result<Stream, ConfigError> {
        let stream = cut(&self.scenario, train, test, n_classes).map_err(|error| {
            let place = match &error {
                StreamError::OutOfRange { experience, class, .. }
                | StreamError::NoSamples { experience, class, .. } => self.place_of(*experience, *class),
                StreamError::Twice { class, second, .. } => self.place_of(*second, *class),
                StreamError::Empty { .. } | StreamError::Order { .. } | StreamError::Unsuited { .. } => None,
            };
            let help = format!("the data set is {}", self.data.train.given);
            self.source.at(place.unwrap_or(self.places.stream.clone()), error.to_string(), help)
        })?;
        Ok(Stream { growing: self.growing_test, ..stream })
    }

    /// A complaint about a named file, at its place in the experiment file.
    pub fn complain(&self, place: &Range<usize>, message: &str, help: &str) -> ConfigError {
        self.source.at(place.clone(), message, help).into()
    }

    fn place_of(&self, experience: usize, class: usize) -> Option<Range<usize>> {
        let Scenario::NewClasses(lists) = &self.scenario else { return None };
        let at = lists.get(experience)?.iter().position(|c| *c == class)?;
        self.places.classes.get(experience)?.get(at).cloned()
    }
}
