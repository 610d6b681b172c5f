//! A number of a profile with its interval and its origin.

use super::error::Problem;
use serde::{Deserialize, Serialize};

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Measured on this part, by whom `source` says.
    Measured,
    /// From the vendor's manual, header or data sheet.
    Vendor,
    /// From somebody's model of the core.
    Model,
    /// Chosen here; needs `low` and `high`.
    Assumed,
    /// Given by whoever asked (`stm32f746,clock_mhz=168`); never in a file.
    #[serde(skip_deserializing)]
    Given,
}

impl Kind {
    /// The word in the file.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Measured => "measured",
            Kind::Vendor => "vendor",
            Kind::Model => "model",
            Kind::Assumed => "assumed",
            Kind::Given => "given",
        }
    }
}

/// At which end of every interval a prediction is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Every number at the end that makes the board faster and thriftier.
    Favourable,
    /// Every number at its value.
    Mid,
    /// Every number at the end that makes the board slower and hungrier.
    Unfavourable,
}

impl End {
    /// Favourable, mid, unfavourable: the order of low, mid, high in a prediction.
    pub const ALL: [End; 3] = [End::Favourable, End::Mid, End::Unfavourable];
}

/// A number with its interval and its origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// Best estimate.
    pub value: f64,
    /// Smallest plausible value; equals `value` where the file gives none.
    pub low: f64,
    /// Largest plausible value; equals `value` where the file gives none.
    pub high: f64,
    /// Origin.
    pub kind: Kind,
    /// Manual section, measurement or reason.
    pub source: String,
    /// Line in its file, from 1; 0 where it is in no file.
    pub line: usize,
}

impl Quantity {
    /// A number that whoever asks has fixed: certain, in no file.
    pub fn given(value: f64, source: &str) -> Self {
        Quantity { value, low: value, high: value, kind: Kind::Given, source: source.to_owned(), line: 0 }
    }

    /// The same number without its interval, at one end of it: low, value or high as they stand in the file.
    pub fn pinned(&self, value: f64) -> Self {
        Quantity { value, low: value, high: value, ..self.clone() }
    }

    /// Has an interval.
    pub fn is_uncertain(&self) -> bool {
        self.low != self.value || self.high != self.value
    }

    /// At one end, for a number whose growth costs time or energy (wait states, power).
    pub fn cost(&self, end: End) -> f64 {
        match end {
            End::Favourable => self.low,
            End::Mid => self.value,
            End::Unfavourable => self.high,
        }
    }

    /// At one end, for a number whose growth saves time (clock, cache size, bandwidth).
    pub fn capacity(&self, end: End) -> f64 {
        match end {
            End::Favourable => self.high,
            End::Mid => self.value,
            End::Unfavourable => self.low,
        }
    }

    /// `120`, or `2 (1 to 3)`.
    pub fn text(&self) -> String {
        if !self.is_uncertain() {
            format!("{}", self.value)
        } else {
            format!("{} ({} to {})", self.value, self.low, self.high)
        }
    }
}

/// A number as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuantity {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
    kind: Kind,
    source: String,
}

/// What a number may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// Above zero.
    Positive,
    /// Zero or above.
    NotNegative,
    /// 0 to 1.
    Share,
}

impl RawQuantity {
    /// Checks the number; `key` is its full key.
    pub(super) fn check(self, key: &str, domain: Domain, line: usize) -> Result<Quantity, Problem> {
        let (low, high) = (self.low.unwrap_or(self.value), self.high.unwrap_or(self.value));
        for number in [self.value, low, high] {
            let allowed = match domain {
                Domain::Positive => number > 0.0,
                Domain::NotNegative => number >= 0.0,
                Domain::Share => (0.0..=1.0).contains(&number),
            };
            if !allowed || !number.is_finite() {
                let want = match domain {
                    Domain::Positive => "a number above 0",
                    Domain::NotNegative => "0 or a number above it",
                    Domain::Share => "a number from 0 to 1",
                };
                return Err(Problem::Number { key: key.to_owned(), number, want });
            }
        }
        if !(low <= self.value && self.value <= high) {
            return Err(Problem::Order { key: key.to_owned(), low, value: self.value, high });
        }
        if self.source.trim().is_empty() {
            return Err(Problem::NoSource { key: key.to_owned() });
        }
        if self.kind == Kind::Assumed && (self.low.is_none() || self.high.is_none()) {
            return Err(Problem::AssumedWithoutInterval { key: key.to_owned() });
        }
        Ok(Quantity { value: self.value, low, high, kind: self.kind, source: self.source, line })
    }
}
