//! Precisions of an experiment: a preset and what differs from it, each error at the word that is wrong.

use super::Diagnostic;
use super::check::{count, one_of};
use super::diagnostic::{Source, allowed_values};
use super::raw::{At, RawPrecision};
use crate::learn::{BiasPolicy, HeadConfig, LearnError, Precision, SlotName, UnseenRows, UpdateBase};
use crate::numeric::{AccumulatorFormat, Overflow, Rounding};
use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

/// Texts of the bias policies.
pub(super) const BIAS: &[(&str, BiasPolicy)] =
    &[("none", BiasPolicy::None), ("consolidate", BiasPolicy::Consolidate), ("as-trained", BiasPolicy::AsTrained)];

/// Texts of the policies for rows never trained.
pub(super) const UNSEEN: &[(&str, UnseenRows)] = &[("zero", UnseenRows::Zero), ("as-trained", UnseenRows::AsTrained)];

/// Changes every slot of a precision.
const ALL: &str = "all";

/// One head for each precision; `plain` gives everything but the precision itself.
pub(super) fn heads(
    source: &Source,
    raw: &[At<RawPrecision>],
    plain: impl Fn(Precision) -> HeadConfig,
) -> Result<Vec<HeadConfig>, Diagnostic> {
    if raw.is_empty() {
        let help = "add at least one [[precision]] table with preset = \"…\"; presets: ".to_owned()
            + &Precision::PRESETS.join(", ");
        return Err(source.at(source.text.len()..source.text.len(), "no precision to learn in", help));
    }
    let mut heads: Vec<HeadConfig> = Vec::new();
    for entry in raw {
        let own = entry.get_ref();
        let precision = precision(source, own)?;
        if heads.iter().any(|h| h.precision.name == precision.name) {
            let place = own.name.as_ref().unwrap_or(&own.preset).span();
            let help = "give each precision a `name` of its own";
            return Err(source.at(place, format!("two precisions are called `{}`", precision.name), help));
        }
        let head = plain(precision);
        head.validate().map_err(|error| source.at(place_of(own, &error), error.to_string(), ""))?;
        heads.push(head);
    }
    Ok(heads)
}

/// The slot's own entry if the error is about a slot that the file sets, else the preset's name.
fn place_of(raw: &RawPrecision, error: &LearnError) -> Range<usize> {
    let LearnError::Impossible { slot, .. } = error else { return raw.preset.span() };
    let own = raw.slots.iter().find(|(name, _)| name.get_ref() == slot.name());
    own.map_or(raw.preset.span(), |(_, format)| format.span())
}

fn precision(source: &Source, raw: &RawPrecision) -> Result<Precision, Diagnostic> {
    let preset = raw.preset.get_ref();
    let mut precision = Precision::preset(preset).map_err(|_| {
        let help = allowed_values(preset, "presets", Precision::PRESETS);
        source.at(raw.preset.span(), format!("`{preset}` is not a precision preset"), help)
    })?;
    if let Some(name) = &raw.name {
        if name.get_ref().trim().is_empty() {
            return Err(source.at(name.span(), "a precision without a name", "write one or drop the key"));
        }
        precision.name.clone_from(name.get_ref());
    }
    for (slot, format) in &raw.slots {
        let slot_name = slot_name(source, slot)?;
        precision = precision.with_format(slot_name.name(), format.get_ref()).map_err(|error| {
            let help = "formats: binary, int2 to int32 with options such as int8:affine:dynamic, q7.8, f32, f16, bf16";
            source.at(format.span(), error.to_string(), help)
        })?;
    }
    let rounding = rules::<Rounding>(source, &raw.rounding)?;
    for (slot, rule) in rounding {
        precision.slot_mut(slot).rounding = rule;
    }
    let overflow = rules::<Overflow>(source, &raw.overflow)?;
    for (slot, rule) in overflow {
        precision.slot_mut(slot).overflow = rule;
    }
    accumulators(source, raw, &mut precision)?;
    if let Some(base) = &raw.update_base {
        precision.update_base =
            one_of(source, "update_base", base, &[("stored", UpdateBase::Stored), ("forward", UpdateBase::Forward)])?;
    }
    if let Some(margin) = &raw.forward_margin_percent {
        let percent = count(source, "forward_margin_percent", margin, 0, 100)?;
        precision.forward_margin_percent = u32::try_from(percent).unwrap_or(100);
    }
    Ok(precision)
}

fn slot_name(source: &Source, slot: &At<String>) -> Result<SlotName, Diagnostic> {
    slot.get_ref().parse().map_err(|_: LearnError| {
        let help = allowed_values(slot.get_ref(), "slots", SlotName::ALL.map(SlotName::name));
        source.at(slot.span(), format!("`{}` is not a precision slot", slot.get_ref()), help)
    })
}

/// Slot → rule, with `all` spread over every slot first.
fn rules<T>(source: &Source, table: &BTreeMap<At<String>, At<String>>) -> Result<Vec<(SlotName, T)>, Diagnostic>
where
    T: FromStr + Copy,
    T::Err: std::fmt::Display,
{
    let mut every = Vec::new();
    let mut single = Vec::new();
    for (slot, text) in table {
        let rule: T = text.get_ref().parse().map_err(|error: T::Err| source.at(text.span(), error.to_string(), ""))?;
        if slot.get_ref() == ALL {
            every.extend(SlotName::ALL.map(|name| (name, rule)));
        } else {
            single.push((slot_name(source, slot)?, rule));
        }
    }
    every.extend(single);
    Ok(every)
}

fn accumulators(source: &Source, raw: &RawPrecision, precision: &mut Precision) -> Result<(), Diagnostic> {
    for (name, text) in &raw.accumulators {
        let format: AccumulatorFormat = text
            .get_ref()
            .parse()
            .map_err(|error: <AccumulatorFormat as FromStr>::Err| source.at(text.span(), error.to_string(), ""))?;
        match name.get_ref().as_str() {
            "logits" => precision.logits_accumulator = format,
            "gradient" => precision.gradient_accumulator = format,
            other => {
                let help = allowed_values(other, "accumulators", ["logits", "gradient"]);
                return Err(source.at(name.span(), format!("`{other}` has no accumulator"), help));
            }
        }
    }
    Ok(())
}
