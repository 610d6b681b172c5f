//! One precision: all slots with their accumulators and switches, and its serde form.

use super::presets;
use super::{LearnError, Slot, SlotFormat, SlotName};
use crate::numeric::{AccumulatorFormat, Overflow, Rounding};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which weights SGD's step is subtracted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateBase {
    /// The stored master weights (the replay script of method_details.md §1.3, and every `hybrid-*`).
    #[default]
    Stored,
    /// The low-precision forward copy (the first script, §1.2).
    Forward,
}

/// Everything that numbers depend on in the learning head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precision {
    /// Name in reports.
    pub name: String,
    slots: [Slot; 11],
    /// Accumulator of the forward dot products.
    pub logits_accumulator: AccumulatorFormat,
    /// Accumulator of the batch gradient.
    pub gradient_accumulator: AccumulatorFormat,
    /// Base of the update.
    pub update_base: UpdateBase,
    /// Margin on each side of a dynamic forward copy's range, in percent of the range.
    pub forward_margin_percent: u32,
}

impl Precision {
    /// Names of all presets.
    pub const PRESETS: [&'static str; 7] =
        ["float", "hybrid-8", "hybrid-16", "hybrid-32", "paper-8", "paper-16", "paper-32"];

    /// One of [`Self::PRESETS`] by name.
    pub fn preset(name: &str) -> Result<Self, LearnError> {
        presets::by_name(name)
            .ok_or_else(|| LearnError::UnknownPreset { name: name.to_owned(), allowed: Self::PRESETS.join(", ") })
    }

    pub(super) fn from_parts(name: &str, slots: [Slot; 11], accumulators: [AccumulatorFormat; 2]) -> Self {
        Self {
            name: name.to_owned(),
            slots,
            logits_accumulator: accumulators[0],
            gradient_accumulator: accumulators[1],
            update_base: UpdateBase::Stored,
            forward_margin_percent: 0,
        }
    }

    /// The slot.
    pub fn slot(&self, name: SlotName) -> &Slot {
        &self.slots[name.index()]
    }

    /// The slot, to change it.
    pub fn slot_mut(&mut self, name: SlotName) -> &mut Slot {
        &mut self.slots[name.index()]
    }

    /// With the slot's format from text, e.g. `("weights.master", "int12:static(-1,1)")`.
    pub fn with_format(mut self, slot: &str, format: &str) -> Result<Self, LearnError> {
        let slot: SlotName = slot.parse()?;
        let format: SlotFormat = format.parse().map_err(|source| LearnError::SlotFormat { slot, source })?;
        self.slot_mut(slot).format = format;
        Ok(self)
    }

    /// With one rounding rule in every slot.
    pub fn with_rounding_everywhere(mut self, rounding: Rounding) -> Self {
        self.slots.iter_mut().for_each(|s| s.rounding = rounding);
        self
    }

    /// Slot → format, rounding and overflow as text, then accumulators and switches: what a record keeps.
    pub fn to_text(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = SlotName::ALL.iter().map(|&n| (n.to_string(), self.slot(n).to_string())).collect();
        all.push(("logits accumulator".to_owned(), self.logits_accumulator.to_string()));
        all.push(("gradient accumulator".to_owned(), self.gradient_accumulator.to_string()));
        let base = if self.update_base == UpdateBase::Stored { "stored" } else { "forward" };
        all.push(("update base".to_owned(), base.to_owned()));
        all.push(("forward margin percent".to_owned(), self.forward_margin_percent.to_string()));
        all
    }
}

/// A precision as an experiment file writes it: a preset and what differs from it.
///
/// ```
/// use tinyprec::learn::PrecisionSpec;
/// let text = r#"
///     preset = "hybrid-8"
///     name = "twelve-bit-master"
///     slots = { "weights.master" = "int12:static(-1,1)", consolidated = "int12:static(-1,1)" }
///     rounding = { update = "stochastic" }
///     accumulators = { gradient = "acc24:at-end" }
/// "#;
/// let spec: PrecisionSpec = toml::from_str(text)?;
/// let precision = spec.resolve()?;
/// assert_eq!(precision.name, "twelve-bit-master");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecisionSpec {
    /// One of [`Precision::PRESETS`].
    pub preset: String,
    /// Name in reports; the preset's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Slot → format text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slots: BTreeMap<String, String>,
    /// Slot (or `all`) → rounding rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rounding: BTreeMap<String, Rounding>,
    /// Slot (or `all`) → overflow rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overflow: BTreeMap<String, Overflow>,
    /// `logits` or `gradient` → accumulator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accumulators: BTreeMap<String, AccumulatorFormat>,
    /// Base of the update; the preset's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_base: Option<UpdateBase>,
    /// Margin of a dynamic forward copy's range in percent; the preset's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_margin_percent: Option<u32>,
}

impl PrecisionSpec {
    /// A preset as it is.
    pub fn preset(name: &str) -> Self {
        Self { preset: name.to_owned(), ..Self::default() }
    }

    /// The precision; errors name the preset, slot or format at fault. `all` is applied before single slots.
    pub fn resolve(&self) -> Result<Precision, LearnError> {
        let mut p = Precision::preset(&self.preset)?;
        if let Some(name) = &self.name {
            p.name.clone_from(name);
        }
        for (slot, format) in &self.slots {
            p = p.with_format(slot, format)?;
        }
        if let Some(&rounding) = self.rounding.get("all") {
            p.slots.iter_mut().for_each(|s| s.rounding = rounding);
        }
        if let Some(&overflow) = self.overflow.get("all") {
            p.slots.iter_mut().for_each(|s| s.overflow = overflow);
        }
        for (slot, &rounding) in self.rounding.iter().filter(|(slot, _)| *slot != "all") {
            p.slot_mut(slot.parse()?).rounding = rounding;
        }
        for (slot, &overflow) in self.overflow.iter().filter(|(slot, _)| *slot != "all") {
            p.slot_mut(slot.parse()?).overflow = overflow;
        }
        for (slot, &accumulator) in &self.accumulators {
            match slot.as_str() {
                "logits" => p.logits_accumulator = accumulator,
                "gradient" => p.gradient_accumulator = accumulator,
                _ => return Err(LearnError::UnknownAccumulator { name: slot.clone() }),
            }
        }
        p.update_base = self.update_base.unwrap_or(p.update_base);
        p.forward_margin_percent = self.forward_margin_percent.unwrap_or(p.forward_margin_percent);
        Ok(p)
    }
}
