//! Ranges, what a choice sets, the search and the battery of a `[space]` table.

use super::axis::{Choices, Place};
use super::read::{Reader, scalar};
use super::{Battery, Override, Search};
use crate::config::{Diagnostic, allowed_values};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

type At<'a> = Spanned<DeValue<'a>>;
type Optional<'b, 'a> = Option<&'b At<'a>>;

impl Reader<'_> {
    pub(super) fn range(
        &self,
        whole: &At<'_>,
        (low, high): (Optional<'_, '_>, Optional<'_, '_>),
        (scale, steps): (Optional<'_, '_>, Optional<'_, '_>),
        set: Vec<(Place, Value)>,
    ) -> Result<Choices, Diagnostic> {
        let (Some(low_at), Some(high_at)) = (low, high) else {
            let help = "write a list, { values = […] } or { low = …, high = … }";
            return Err(self.source.at(whole.span(), "neither `values` nor `low` and `high`", help));
        };
        let (low, high) = (self.number(low_at)?, self.number(high_at)?);
        if low >= high {
            return Err(self.source.at(high_at.span(), format!("high = {high} is not above low = {low}"), "swap them"));
        }
        let log = match scale.map(|s| Ok::<_, Diagnostic>((self.text(s)?, s))).transpose()? {
            None => false,
            Some((text, at)) => match text.as_str() {
                "linear" => false,
                "log" if low > 0.0 => true,
                "log" => {
                    return Err(self.source.at(low_at.span(), "a logarithmic range starts above 0", "raise `low`"));
                }
                other => {
                    let help = allowed_values(other, "allowed", ["linear", "log"]);
                    return Err(self.source.at(at.span(), format!("scale = \"{other}\" is not known"), help));
                }
            },
        };
        let steps = steps.map(|s| self.whole(s, 2, 10_000)).transpose()?;
        let steps = steps.and_then(|n| usize::try_from(n).ok());
        let is_whole = |v: &At<'_>| matches!(scalar(v), Some(Value::Integer(n)) if n.abs() < 1 << 53);
        Ok(Choices::Range { low, high, log, steps, whole: is_whole(low_at) && is_whole(high_at), set })
    }

    /// A value, its label, and its number where it is one.
    pub(super) fn plain(&self, value: &At<'_>) -> Result<(Value, String, Option<f64>), Diagnostic> {
        let found = match scalar(value) {
            Some(found) => found,
            // Lists are values too: the experiences of a stream, say.
            None if value.get_ref().is_array() => self.whole_value(value)?,
            None => return Err(self.wrong(value, "a text, a number or true or false")),
        };
        let (label, number) = match &found {
            Value::String(s) => (s.clone(), None),
            Value::Integer(n) => (n.to_string(), Some(*n as f64)),
            Value::Float(x) => (x.to_string(), Some(*x)),
            other => (other.to_string(), None),
        };
        Ok((found, label, number))
    }

    fn whole_value(&self, value: &At<'_>) -> Result<Value, Diagnostic> {
        match value.get_ref() {
            DeValue::Array(_) => {
                let items = self.list(value)?.into_iter().map(|v| self.whole_value(v)).collect::<Result<_, _>>()?;
                Ok(Value::Array(items))
            }
            _ => scalar(value).ok_or_else(|| self.wrong(value, "a text, a number or true or false")),
        }
    }

    pub(super) fn places(&self, value: &At<'_>) -> Result<Vec<(Place, Value)>, Diagnostic> {
        let mut all = Vec::new();
        for (key, value) in self.table(value)? {
            let place = Place::parse(key.get_ref()).ok_or_else(|| {
                let help = format!("keys to set: {}", Place::FORMS);
                self.source.at(key.span(), format!("`{}` is no key of an experiment", key.get_ref()), help)
            })?;
            all.push((place, self.plain(value)?.0));
        }
        // The preset first: it fills what the others change. Slots of `all` come before single ones in the experiment itself.
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    fn numbers(&self, value: &At<'_>, known: &[&str]) -> Result<Vec<(String, f64)>, Diagnostic> {
        let mut all = Vec::new();
        for (key, value) in self.table(value)? {
            let key: &Spanned<_> = key;
            if !known.contains(&key.get_ref().as_ref()) {
                let help = allowed_values(key.get_ref(), "keys here", known.iter().copied());
                return Err(self.source.at(key.span(), format!("unknown key `{}`", key.get_ref()), help));
            }
            let x = self.number(value)?;
            if x < 0.0 {
                return Err(self.source.at(
                    value.span(),
                    format!("{} = {x} is negative", key.get_ref()),
                    "give 0 or more",
                ));
            }
            all.push((key.get_ref().clone().into_owned(), x));
        }
        Ok(all)
    }

    pub(super) fn battery(&self, value: &At<'_>) -> Result<Battery, Diagnostic> {
        let found = self.numbers(value, &["capacity_j", "lifetime_days", "idle_uw"])?;
        let get = |name: &str| found.iter().find(|(k, _)| k == name).map(|(_, x)| *x);
        match (get("capacity_j"), get("lifetime_days")) {
            (Some(capacity_j), Some(lifetime_days)) if lifetime_days > 0.0 => {
                Ok(Battery { capacity_j, lifetime_days, idle_uw: get("idle_uw").unwrap_or(0.0) })
            }
            _ => {
                let help = "for example battery = { capacity_j = 2400, lifetime_days = 365, idle_uw = 30 }";
                Err(self.source.at(value.span(), "a battery needs `capacity_j` and `lifetime_days` above 0", help))
            }
        }
    }

    pub(super) fn search(&self, value: &At<'_>) -> Result<Search, Diagnostic> {
        let table: &DeTable<'_> = self.table(value)?;
        let (mut eta, mut rungs) = (3, 3);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "method" => {
                    let text = self.text(value)?;
                    if text != "halving" {
                        let help = allowed_values(&text, "allowed", ["halving"]);
                        return Err(self.source.at(value.span(), format!("method = \"{text}\" is not known"), help));
                    }
                }
                "eta" => eta = self.whole(value, 2, 16)?,
                "rungs" => rungs = self.whole(value, 2, 8)?,
                other => {
                    let help = allowed_values(other, "keys here", ["method", "eta", "rungs"]);
                    return Err(self.source.at(key.span(), format!("unknown key `{other}`"), help));
                }
            }
        }
        Ok(Search { eta: usize::try_from(eta).unwrap_or(3), rungs: usize::try_from(rungs).unwrap_or(3) })
    }

    /// `override = [{ label = "80 MHz", set = { "clock_mhz" = 80 } }, …]`.
    pub(super) fn overrides(&self, value: &At<'_>) -> Result<Vec<Override>, Diagnostic> {
        let mut all = Vec::new();
        for entry in self.list(value)? {
            let (mut label, mut set) = (None, Vec::new());
            for (key, value) in self.table(entry)? {
                match key.get_ref().as_ref() {
                    "label" => label = Some(self.text(value)?),
                    "set" => {
                        for (key, value) in self.table(value)? {
                            set.push((key.get_ref().clone().into_owned(), self.plain(value)?.1));
                        }
                    }
                    other => {
                        let help = allowed_values(other, "keys here", ["label", "set"]);
                        return Err(self.source.at(key.span(), format!("unknown key `{other}`"), help));
                    }
                }
            }
            let help = "write { label = \"as it is\" } or { label = \"80 MHz\", set = { clock_mhz = 80 } }";
            let label = label.ok_or_else(|| self.source.at(entry.span(), "an override without `label`", help))?;
            all.push(Override { label, set, span: entry.span() });
        }
        Ok(all)
    }
}
