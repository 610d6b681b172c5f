//! What can be wrong with a profile. Unless it says otherwise, the file is at fault.

use super::Place;
use std::path::PathBuf;

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such built-in profile and no such file.
    #[error("there is no profile `{name}`; built in are {}; or give the path of a .toml file", known.join(", "))]
    Unknown {
        /// As asked for.
        name: String,
        /// Built-in profiles.
        known: Vec<&'static str>,
    },
    /// The file cannot be read.
    #[error("cannot read the profile {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An override that cannot be applied.
    #[error("profile override `{part}`: {problem}")]
    Override {
        /// The part as given.
        part: String,
        /// What is wrong, and what there is.
        problem: String,
    },
    /// A problem at a place in a file.
    #[error("profile {place}\n{problem}")]
    At {
        /// Where.
        place: Box<Place>,
        /// What.
        problem: Box<Problem>,
    },
}

/// What is wrong at that place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Not TOML, an unknown key or a wrong type.
    #[error("{0}")]
    Toml(String),
    /// A key that must be there.
    #[error(
        "{0}; add it with its origin, e.g. {{ value = 1, kind = \"assumed\", low = 0, high = 2, source = \"why\" }} where it is a number; `tinyprec profile show stm32l4r5` prints a complete profile"
    )]
    Missing(String),
    /// Another layout.
    #[error("schema {found} is not known here; this version reads schema 1")]
    Schema {
        /// The file's.
        found: u32,
    },
    /// A core without a table.
    #[error("there is no core `{found}`; there are {}", known.join(", "))]
    Core {
        /// As given.
        found: String,
        /// Cores that have a table.
        known: Vec<&'static str>,
    },
    /// A number outside its domain.
    #[error("{key} = {number}; it must be {want}")]
    Number {
        /// Full key.
        key: String,
        /// As given.
        number: f64,
        /// What it must be.
        want: &'static str,
    },
    /// An interval that does not hold its value.
    #[error("{key}: low {low}, value {value}, high {high} are not in rising order")]
    Order {
        /// Full key.
        key: String,
        /// Low end.
        low: f64,
        /// Value.
        value: f64,
        /// High end.
        high: f64,
    },
    /// A number from nowhere.
    #[error("{key} has an empty source; say which manual, measurement or reason it comes from")]
    NoSource {
        /// Full key.
        key: String,
    },
    /// An assumption without its interval.
    #[error("{key} is assumed, so it needs low and high: predictions print the interval that they span")]
    AssumedWithoutInterval {
        /// Full key.
        key: String,
    },
    /// A class or width that does not exist.
    #[error("there is no instruction class `{found}`; classes are {}, each optionally followed by . and a width b, h, w, x, s, d or q", known.join(", "))]
    Class {
        /// As given.
        found: String,
        /// All classes.
        known: Vec<&'static str>,
    },
    /// A unit that `[units]` does not declare, or more of it than there is.
    #[error("`{found}` is not a unit of this core, or asks for more of it than [units] has, or for 0 cycles; [units] has {}; write \"name\" or \"name:cycles\"", known.join(", "))]
    Unit {
        /// As given.
        found: String,
        /// Declared units with their number.
        known: Vec<String>,
    },
    /// A key of the other pipeline model, or one that the model needs and the row lacks.
    #[error("{0}")]
    Row(String),
}
