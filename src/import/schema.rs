//! The JSON of a `tinyprec-graph-1` file, as it stands in the metadata.

use super::int8_file::Int8Json;
use serde::{Deserialize, Serialize};

/// Value of the metadata key `format`.
pub(super) const FORMAT: &str = "tinyprec-graph-1";

/// The metadata key `graph`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GraphJson {
    pub name: String,
    pub input: InputJson,
    pub nodes: Vec<NodeJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<String>,
    #[serde(default)]
    pub trained_classes: Vec<usize>,
    #[serde(default)]
    pub notes: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputJson {
    pub h: usize,
    pub w: usize,
    pub c: usize,
    #[serde(default = "pixels")]
    pub kind: String,
}

fn pixels() -> String {
    "u8".to_owned()
}

/// One node: every attribute of every op; which of them an op has is checked apart.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeJson {
    pub name: String,
    pub op: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<Pair>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pads: Option<[usize; 4]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flatten: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clamp: Option<[i32; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<[f32; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eps: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled: Option<bool>,
    /// Products of one output value, where the filters are written out with zeros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<usize>,
    /// The earlier node whose filters this one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_of: Option<String>,
}

/// A number for both axes, or rows and columns.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Pair {
    Both(usize),
    Each([usize; 2]),
}

impl Pair {
    pub(super) fn each(self) -> [usize; 2] {
        match self {
            Pair::Both(n) => [n, n],
            Pair::Each(pair) => pair,
        }
    }

    pub(super) fn of(pair: [usize; 2]) -> Self {
        if pair[0] == pair[1] { Pair::Both(pair[0]) } else { Pair::Each(pair) }
    }
}
