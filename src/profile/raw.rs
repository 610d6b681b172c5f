//! The profile file exactly as written.

use super::quantity::RawQuantity;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub schema: Spanned<u32>,
    pub name: String,
    pub board: String,
    pub core: Spanned<String>,
    #[serde(default)]
    pub notes: String,
    pub based_on: Option<String>,
    #[serde(default)]
    pub single_precision: bool,
    pub clock: RawClock,
    pub ram: RawRam,
    pub flash: Option<RawFlash>,
    pub fetch: RawPath,
    pub constants: Option<RawPath>,
    pub data: RawPath,
    pub power: RawPower,
    #[serde(default)]
    pub core_numbers: BTreeMap<Spanned<String>, Spanned<RawQuantity>>,
    #[serde(default)]
    pub software: BTreeMap<String, Spanned<RawQuantity>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClock {
    pub core_mhz: Spanned<RawQuantity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRam {
    pub kib: Spanned<RawQuantity>,
    pub reserved_kib: Spanned<RawQuantity>,
    pub fast_kib: Option<Spanned<RawQuantity>>,
    #[serde(default)]
    pub align_bytes: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFlash {
    pub kib: Spanned<RawQuantity>,
    pub reserved_kib: Spanned<RawQuantity>,
    pub wait_states: Option<Spanned<RawQuantity>>,
    pub mhz_per_wait_state: Option<Spanned<RawQuantity>>,
    pub cycles_per_wait_state: Option<Spanned<RawQuantity>>,
    #[serde(default)]
    pub weights: RawRegion,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawRegion {
    #[default]
    Flash,
    Ram,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPath {
    pub hidden_share: Spanned<RawQuantity>,
    pub repeated_hidden_share: Option<Spanned<RawQuantity>>,
    #[serde(default)]
    pub shares_data_cache: bool,
    #[serde(default)]
    pub level: Vec<RawLevel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLevel {
    pub name: String,
    pub cache_bytes: Spanned<RawQuantity>,
    pub line_bytes: Spanned<RawQuantity>,
    pub miss_cycles: Option<Spanned<RawQuantity>>,
    pub over_wait_states: Option<Spanned<RawQuantity>>,
    pub uncached_bytes: Option<Spanned<RawQuantity>>,
    pub line_nj: Option<Spanned<RawQuantity>>,
    pub next_bytes_per_cycle: Option<Spanned<RawQuantity>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPower {
    pub scope: String,
    pub active_mw: Spanned<RawQuantity>,
    pub idle_mw: Option<Spanned<RawQuantity>>,
    #[serde(default)]
    pub supply: Vec<RawSupply>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSupply {
    pub name: String,
    pub active_mw: Spanned<RawQuantity>,
    pub idle_mw: Option<Spanned<RawQuantity>>,
}
