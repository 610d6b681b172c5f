//! Axes: where a value goes, and which values get a tick.

use crate::report::numbers::three;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{IntoLogRange, LogCoord};
use std::ops::Range;

/// One axis of a chart, a coordinate of plotters with ticks of its own. `low < high`, both finite; both positive where logarithmic.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
    ticks: Vec<(f64, String)>,
}

impl Scale {
    /// Linear axis from `low` to `high`, widened to round numbers.
    pub fn linear(low: f64, high: f64) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low, low + low.abs().max(1.0)) };
        let step = nice_step((high - low) / 5.0);
        Self::exact((low / step).floor() * step, (high / step).ceil() * step)
    }

    /// Linear axis with exactly these ends.
    pub fn exact(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, log: false, ticks: linear_ticks(low, high) }
    }

    /// Logarithmic axis around the positive values among `values`; `None` without any.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let positive = values.into_iter().filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = positive.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
        if high <= 0.0 {
            return None;
        }
        // Half a decade of air on a crowded axis, a little on a wide one.
        let air = 10f64.powf(0.08 * (high / low).log10().max(1.0));
        let (low, high) = (low / air, high * air);
        Some(Self { low, high, log: true, ticks: log_ticks(low, high) })
    }

    /// The same axis with these ticks.
    #[must_use]
    pub fn with_ticks(self, ticks: Vec<(f64, String)>) -> Self {
        Self { ticks, ..self }
    }

    /// Its ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    /// Values outside are drawn in.
    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let inside = value.max(self.low).min(self.high);
        if self.log {
            return LogCoord::from(self.range().log_scale()).map(&inside, limit);
        }
        RangedCoordf64::from(self.range()).map(&inside, limit)
    }

    /// All ticks are bold: there are no lines between them.
    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|(value, _)| *value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|(v, _)| v == value).map_or_else(String::new, |(_, label)| label.clone())
    }
}

fn linear_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let step = nice_step((high - low) / 6.0);
    let decimals = (0..=9usize).find(|&d| step * 10f64.powi(i32::try_from(d).unwrap_or(0)) >= 0.999).unwrap_or(9);
    let first = (low / step - 1e-9).ceil();
    (0..=20u32)
        .map(|k| (first + f64::from(k)) * step)
        .take_while(|v| *v <= high + step * 1e-6)
        .map(|v| (v, format!("{v:.decimals$}").replace('-', "−")))
        .collect()
}

/// Powers of ten; within less than two decades also their doubles and fives; thinned to at most seven.
fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let decades = (high / low).log10();
    let parts: &[f64] = if decades < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let mut values = Vec::new();
    for power in -12..=15 {
        values.extend(parts.iter().map(|p| p * 10f64.powi(power)));
    }
    values.retain(|v| *v >= low * 0.999 && *v <= high * 1.001);
    let every = values.len().div_ceil(7).max(1);
    values.into_iter().step_by(every).map(|v| (v, tick_label(v))).collect()
}

/// Short label of a log tick: plain within 0.001…100000, as a power of ten beyond.
fn tick_label(value: f64) -> String {
    if (0.000_99..=100_000.0).contains(&value) {
        let text = three(value);
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    }
    format!("{value:.0e}").replace('-', "−")
}

/// The step of 1, 2 or 5 times a power of ten that is nearest above `rough`.
fn nice_step(rough: f64) -> f64 {
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale) -> Vec<String> {
        scale.ticks.into_iter().map(|(_, l)| l).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(labels(Scale::linear(0.0, 93.0)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(Scale::linear(0.0, 0.7)), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(Scale::log([0.02, 300.0]).unwrap()), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(Scale::log([1e-7, 1e-1]).unwrap()).first().unwrap(), "1e−7");
    }

    #[test]
    fn places_stay_within_the_axis_whatever_comes() {
        for scale in [Scale::linear(3.0, 3.0), Scale::exact(2.0, 2.0), Scale::log([5.0]).unwrap()] {
            for value in [-1.0, 0.0, 2.0, 3.5, 1e9] {
                assert!((0..=1000).contains(&scale.map(&value, (0, 1000))), "{value}");
            }
            assert!(!scale.ticks.is_empty());
        }
        assert!(Scale::log([0.0, -1.0, f64::NAN]).is_none());
        let log = Scale::log([1.0, 100.0]).unwrap();
        assert_eq!((log.map(&10.0, (0, 1000)), log.map(&1e9, (0, 1000))), (500, 1000));
    }
}
