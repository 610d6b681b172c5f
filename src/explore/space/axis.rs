//! One axis of a space: its choices, and what each of them sets in the experiment file.

use std::ops::Range;
use toml::{Table, Value};

/// One direction of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Name, also a name in constraints.
    pub name: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    /// What it offers.
    pub choices: Choices,
}

/// What an axis offers.
#[derive(Debug, Clone, PartialEq)]
pub enum Choices {
    /// These, in this order.
    List(Vec<Choice>),
    /// Any number between two ends.
    Range {
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
        /// Even in the logarithm.
        log: bool,
        /// Values of a grid, ends included.
        steps: Option<usize>,
        /// Only whole numbers.
        whole: bool,
        /// What a value sets; `{}` stands for it.
        set: Vec<(Place, Value)>,
    },
}

/// One choice of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// How reports call it.
    pub label: String,
    /// Its number, where it is one: constraints may calculate with it.
    pub number: Option<f64>,
    /// What it sets.
    pub set: Vec<(Place, Value)>,
    /// Where it stands in the file.
    pub span: Range<usize>,
}

/// A key of the experiment file that an axis may set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A key of the precision: `preset`, `update_base`, `forward_margin_percent`.
    Precision(String),
    /// A table of the precision and a slot in it: `slots.weights.master`, `rounding.all`.
    Slot(String, String),
    /// A table of the file and a key in it: `training.learning_rate`.
    File(String, String),
}

/// Tables of a precision whose keys are slots.
const SLOT_TABLES: [&str; 4] = ["slots", "rounding", "overflow", "accumulators"];
/// Plain keys of a precision.
const PRECISION_KEYS: [&str; 3] = ["preset", "update_base", "forward_margin_percent"];
/// Tables of an experiment whose keys may be an axis; what only names or prices a run may not.
const FILE_TABLES: [&str; 6] = ["data", "backbone", "stream", "training", "head", "learning"];

impl Place {
    /// Every form that [`Place::parse`] understands, for messages.
    pub const FORMS: &'static str = "preset, update_base, forward_margin_percent, slots.SLOT, rounding.SLOT, overflow.SLOT, \
                                     accumulators.SLOT, data.KEY, backbone.KEY, stream.KEY, training.KEY, head.KEY, learning.KEY";

    /// The key as written: `slots.weights.master`, `training.batch`, `strategy`, …
    pub fn parse(text: &str) -> Option<Self> {
        if PRECISION_KEYS.contains(&text) {
            return Some(Self::Precision(text.to_owned()));
        }
        if text == "strategy" {
            return Some(Self::File("learning".to_owned(), "strategy".to_owned()));
        }
        let (table, key) = text.split_once('.')?;
        let (table, key) = (table.to_owned(), key.to_owned());
        if SLOT_TABLES.contains(&table.as_str()) {
            return Some(Self::Slot(table, key));
        }
        FILE_TABLES.contains(&table.as_str()).then_some(Self::File(table, key))
    }

    /// Sets the key in an experiment whose only precision is `precision`.
    pub(super) fn set(&self, file: &mut Table, precision: &mut Table, value: Value) {
        match self {
            Self::Precision(key) => {
                precision.insert(key.clone(), value);
            }
            Self::Slot(table, key) => {
                inner(precision, table).insert(key.clone(), value);
            }
            Self::File(table, key) => {
                inner(file, table).insert(key.clone(), value);
            }
        }
    }
}

/// The table `name` inside `table`, made where it is not there (or is no table: the experiment's own check complains then).
fn inner<'a>(table: &'a mut Table, name: &str) -> &'a mut Table {
    let entry = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
    if !entry.is_table() {
        *entry = Value::Table(Table::new());
    }
    entry.as_table_mut().expect("made a table one line above")
}

/// `template` with `{}` replaced by the label; a template that is `{}` alone becomes the value itself.
pub(super) fn filled(template: &Value, value: &Value, label: &str) -> Value {
    match template {
        Value::String(text) if text == "{}" => value.clone(),
        Value::String(text) => Value::String(text.replace("{}", label)),
        other => other.clone(),
    }
}

impl Choices {
    /// Number of choices of a grid; `None` for a range without steps.
    pub fn grid_len(&self) -> Option<usize> {
        match self {
            Self::List(choices) => Some(choices.len()),
            Self::Range { steps, .. } => *steps,
        }
    }

    /// The choice at a place 0 ≤ u < 1 of the axis: evenly over the list, or along the range.
    pub(super) fn at(&self, u: f64) -> Choice {
        match self {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "u·n is in 0…n")]
            Self::List(choices) => {
                choices[((u * choices.len() as f64).floor() as usize).min(choices.len() - 1)].clone()
            }
            Self::Range { .. } => self.along(u),
        }
    }

    /// Choice number `i` of the grid.
    pub(in crate::explore) fn grid(&self, i: usize) -> Choice {
        match self {
            Self::List(choices) => choices[i].clone(),
            Self::Range { steps, .. } => {
                let last = steps.unwrap_or(2).saturating_sub(1).max(1);
                self.along(i as f64 / last as f64)
            }
        }
    }

    /// The value at a share of a range.
    fn along(&self, share: f64) -> Choice {
        let Self::Range { low, high, log, whole, set, .. } = self else { return self.grid(0) };
        let x = if *log { low * (high / low).powf(share) } else { low + (high - low) * share };
        let x = if *whole { x.round() } else { four_digits(x) }.clamp(*low, *high);
        #[allow(clippy::cast_possible_truncation, reason = "ends of whole ranges are below 2^53, see read")]
        let value = if *whole { Value::Integer(x as i64) } else { Value::Float(x) };
        let label = x.to_string();
        let set = set.iter().map(|(place, template)| (place.clone(), filled(template, &value, &label))).collect();
        Choice { label, number: Some(x), set, span: 0..0 }
    }
}

/// Rounded to four significant digits: a drawn learning rate stays a number that people can write down.
fn four_digits(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}
