//! Spaces: an experiment file with a `[space]` table, and the points in it.
//!
//! A point is an experiment of its own with one precision: the base file with one choice of each axis set in it, as text that
//! [`crate::config::parse`] reads. Whatever an experiment file can say, a space can sweep. Boards, kernel sets and overrides
//! are no axes of learning: every point is priced on all of them from one list of kernel calls.

mod axis;
mod expr;
mod names;
mod point;
mod read;
mod read_more;
mod sample;

pub use axis::{Axis, Choice, Choices, Place};
pub use expr::Constraint;
pub use point::Point;
pub use sample::Points;

use crate::config::{ConfigError, Source};
use std::fs;
use std::ops::Range;
use std::path::Path;
use toml::Table;

/// A design space.
#[derive(Debug, Clone)]
pub struct Space {
    /// The experiment's name.
    pub name: String,
    /// The directions.
    pub axes: Vec<Axis>,
    /// What every point is priced on; empty lists mean the experiment's own boards and kernel set.
    pub pricing: Pricing,
    /// Conditions on points.
    pub constraints: Vec<Constraint>,
    /// How points are chosen.
    pub sampling: Sampling,
    /// What the frontier is drawn over.
    pub objectives: Vec<Objective>,
    /// Preset that accuracies are compared with, learnt with the same seeds and training; `none` leaves it out.
    pub baseline: Option<String>,
    /// A search instead of running every point in full.
    pub search: Option<Search>,
    /// For break-evens.
    pub battery: Option<Battery>,
    /// The file's text, for errors and the record.
    pub source: Source,
    base: Table,
    precision: Table,
}

/// Boards, kernel sets and overrides: names with their places in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pricing {
    /// Boards.
    pub boards: Vec<(String, Range<usize>)>,
    /// Kernel sets (popcount strategy, unrolling, compiler).
    pub kernel_sets: Vec<(String, Range<usize>)>,
    /// What-ifs of the board profiles.
    pub overrides: Vec<Override>,
}

/// Numbers of a board profile replaced by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// How reports call it.
    pub label: String,
    /// Key of the profile → value, as text.
    pub set: Vec<(String, String)>,
    /// Where it stands in the file.
    pub span: Range<usize>,
}

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// All combinations, the last axis fastest.
    Grid,
    /// Independent draws from ChaCha8.
    Random {
        /// Points.
        points: usize,
        /// Seed.
        seed: u64,
    },
    /// An Owen-scrambled Sobol sequence.
    Sobol {
        /// Points.
        points: usize,
        /// Seed of the scrambling.
        seed: u64,
    },
}

/// Successive halving: of each rung the best 1/η points go on to η times the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// η.
    pub eta: usize,
    /// Rungs; the last one is the full experiment.
    pub rungs: usize,
}

/// A battery to live from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Battery {
    /// Energy in it.
    pub capacity_j: f64,
    /// How long it must last.
    pub lifetime_days: f64,
    /// Power while nothing is computed.
    pub idle_uw: f64,
}

/// A quantity that a frontier is drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Objective {
    /// Final accuracy, more is better.
    Accuracy,
    /// Latency of a training step.
    StepLatencyMs,
    /// Energy of a training step.
    StepEnergyUj,
    /// Latency of one image.
    InferenceLatencyMs,
    /// Energy of one image.
    InferenceEnergyUj,
    /// Energy of the whole stream.
    StreamEnergyJ,
    /// RAM.
    RamKib,
    /// Flash.
    FlashKib,
    /// Mean forgetting.
    Forgetting,
}

impl Objective {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Accuracy,
        Self::StepLatencyMs,
        Self::StepEnergyUj,
        Self::InferenceLatencyMs,
        Self::InferenceEnergyUj,
        Self::StreamEnergyJ,
        Self::RamKib,
        Self::FlashKib,
        Self::Forgetting,
    ];
    /// Where the file names none.
    pub const DEFAULT: [Self; 3] = [Self::Accuracy, Self::StepLatencyMs, Self::RamKib];

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::StepLatencyMs => "step_latency_ms",
            Self::StepEnergyUj => "step_energy_uj",
            Self::InferenceLatencyMs => "inference_latency_ms",
            Self::InferenceEnergyUj => "inference_energy_uj",
            Self::StreamEnergyJ => "stream_energy_j",
            Self::RamKib => "ram_kib",
            Self::FlashKib => "flash_kib",
            Self::Forgetting => "forgetting",
        }
    }

    /// Is more of it better?
    pub fn more_is_better(self) -> bool {
        self == Self::Accuracy
    }

    fn help() -> String {
        format!("objectives: {}", Self::ALL.map(Self::name).join(", "))
    }
}

impl Space {
    /// Reads a sweep file.
    ///
    /// # Errors
    /// [`ConfigError`] points at the first thing that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Checks the text of a sweep file that lies (or would lie) at `path`.
    ///
    /// # Errors
    /// As [`Space::load`].
    pub fn parse(path: &str, text: &str) -> Result<Self, ConfigError> {
        read::read(Source { path: path.to_owned(), text: text.to_owned() })
    }

    /// The points, in order, numbered from 0; points that break a constraint or repeat an earlier one have no number.
    pub fn points(&self) -> Points<'_> {
        Points::new(self)
    }
}
