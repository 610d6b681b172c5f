//! The core table exactly as written.

use super::super::isa::Operand;
use super::super::quantity::{Kind, RawQuantity};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCore {
    pub schema: Spanned<u32>,
    pub core: String,
    pub title: String,
    pub branch: RawBranch,
    pub rules: Option<RawRules>,
    pub issue: Option<RawIssue>,
    #[serde(default)]
    pub units: BTreeMap<String, u32>,
    pub class: BTreeMap<Spanned<String>, Spanned<RawClass>>,
    #[serde(default)]
    pub forward: Vec<Spanned<RawForward>>,
    #[serde(default)]
    pub spacing: Vec<Spanned<RawSpacing>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBranch {
    pub taken_extra: Spanned<RawQuantity>,
    pub mispredict: Spanned<RawQuantity>,
    pub exit_mispredict_share: Spanned<RawQuantity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRules {
    pub load_run_saving: Spanned<RawQuantity>,
    pub load_then_store_saving: Spanned<RawQuantity>,
    pub store_then_load_extra: Spanned<RawQuantity>,
    pub address_extra: Spanned<RawQuantity>,
    pub float_use_extra: Spanned<RawQuantity>,
    pub load_use_extra: Spanned<RawQuantity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIssue {
    pub width: u32,
    pub write_back_latency: u32,
    #[serde(default)]
    pub in_order_write_back: bool,
    pub narrow_flag_latency: Option<u32>,
    #[serde(default)]
    pub base_to_address: u32,
    #[serde(default)]
    pub early_alu: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClass {
    pub cycles: Option<u32>,
    pub cycles_low: Option<u32>,
    pub cycles_high: Option<u32>,
    #[serde(default)]
    pub per_register: u32,
    pub units: Option<Vec<Spanned<String>>>,
    pub units_low: Option<Vec<Spanned<String>>>,
    pub units_high: Option<Vec<Spanned<String>>>,
    pub latency: Option<u32>,
    pub latency_low: Option<u32>,
    pub latency_high: Option<u32>,
    pub pairing: Option<RawPairing>,
    pub pairing_write_back: Option<RawPairing>,
    pub registers_per_cycle: Option<u32>,
    pub slots: Option<u32>,
    pub slots_write_back: Option<u32>,
    pub base_latency: Option<u32>,
    pub latency_write_back: Option<u32>,
    pub latency_core: Option<u32>,
    pub last_result: Option<u32>,
    pub reads_data_as: Option<Operand>,
    pub reads_shift_as: Option<Operand>,
    pub kind: Kind,
    pub source: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawPairing {
    Any,
    Older,
    Single,
}

/// Entries apply in the file's order: `latency` sets, `extra` adds to what is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawForward {
    pub from: Vec<Spanned<String>>,
    pub to: Operand,
    pub latency: Option<u32>,
    pub latency_low: Option<u32>,
    pub latency_high: Option<u32>,
    pub extra: Option<i32>,
    pub kind: Kind,
    pub source: String,
}

/// `then` does not issue within `within` cycles behind `after`; in the younger slot only where `slot` says so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpacing {
    pub after: Vec<Spanned<String>>,
    pub then: Vec<Spanned<String>>,
    pub write_back: Option<bool>,
    pub within: u32,
    #[serde(default)]
    pub slot: RawSlot,
    pub kind: Kind,
    pub source: String,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawSlot {
    #[default]
    Any,
    Younger,
}
