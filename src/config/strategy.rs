//! The learning strategy of an experiment, each parameter only where it means something.

use super::Diagnostic;
use super::check::{count, one_of, within};
use super::diagnostic::{Source, allowed_values};
use super::raw::{At, RawTraining};
use crate::learn::{Importance, StoredLatent, StrategyKind};

/// Largest buffer of stored latents.
const BUFFER: i64 = 10_000_000;

/// The strategy that `[training]` names, with its parameters; CWR* where it names none.
pub(super) fn strategy(source: &Source, raw: &RawTraining) -> Result<StrategyKind, Diagnostic> {
    let kind = match &raw.strategy {
        None => StrategyKind::CwrStar,
        Some(name) => name.get_ref().parse().map_err(|_| {
            let help = allowed_values(name.get_ref(), "strategies", StrategyKind::NAMES);
            source.at(name.span(), format!("`{}` is not a learning strategy", name.get_ref()), help)
        })?,
    };
    let kind = with_parameters(source, raw, kind)?;
    refuse_others(source, raw, &kind)?;
    Ok(kind)
}

fn real(
    source: &Source,
    key: &str,
    value: &Option<At<f64>>,
    default: f64,
    (low, high): (f64, f64),
) -> Result<f64, Diagnostic> {
    value.as_ref().map_or(Ok(default), |value| within(source, key, value, low, high, ""))
}

fn whole(source: &Source, key: &str, value: &Option<At<i64>>, default: usize, high: i64) -> Result<usize, Diagnostic> {
    value.as_ref().map_or(Ok(default), |value| count(source, key, value, 1, high))
}

fn with_parameters(source: &Source, raw: &RawTraining, kind: StrategyKind) -> Result<StrategyKind, Diagnostic> {
    Ok(match kind {
        StrategyKind::Lwf { alpha, temperature } => StrategyKind::Lwf {
            alpha: real(source, "alpha", &raw.alpha, alpha, (0.0, 1e6))?,
            temperature: real(source, "temperature", &raw.temperature, temperature, (1e-3, 1e3))?,
        },
        StrategyKind::Anchored { lambda, importance } => StrategyKind::Anchored {
            lambda: real(source, "lambda", &raw.lambda, lambda, (0.0, 1e9))?,
            importance: match importance {
                Importance::Separate => Importance::Separate,
                Importance::Online { decay } => {
                    Importance::Online { decay: real(source, "decay", &raw.decay, decay, (0.0, 1.0))? }
                }
                Importance::Sensitivity { alpha } => {
                    Importance::Sensitivity { alpha: real(source, "alpha", &raw.alpha, alpha, (0.0, 1.0))? }
                }
            },
        },
        StrategyKind::Slda { shrinkage } => {
            StrategyKind::Slda { shrinkage: real(source, "shrinkage", &raw.shrinkage, shrinkage, (1e-12, 1.0))? }
        }
        StrategyKind::Replay { buffer, per_step, stored, balanced } => StrategyKind::Replay {
            buffer: whole(source, "buffer", &raw.buffer, buffer, BUFFER)?,
            per_step: whole(source, "replayed", &raw.replayed, per_step, 10_000)?,
            stored: raw.stored.as_ref().map_or(Ok(stored), |text| {
                let known = [("1-bit", StoredLatent::OneBit), ("features", StoredLatent::Features)];
                one_of(source, "stored", text, &known)
            })?,
            balanced: raw.quota.as_ref().map_or(Ok(balanced), |text| {
                one_of(source, "quota", text, &[("class-balanced", true), ("reservoir", false)])
            })?,
        },
        StrategyKind::Ar1Star { lambda, layer_rate } => StrategyKind::Ar1Star {
            lambda: real(source, "lambda", &raw.lambda, lambda, (0.0, 1e9))?,
            layer_rate: real(source, "layer_rate", &raw.layer_rate, layer_rate, (1e-6, 1e3))?,
        },
        plain => plain,
    })
}

/// A parameter of another strategy is a mistake, not a wish.
fn refuse_others(source: &Source, raw: &RawTraining, kind: &StrategyKind) -> Result<(), Diagnostic> {
    let name = kind.name();
    let given = [
        ("lambda", raw.lambda.as_ref().map(At::span), &["ewc", "ewc-online", "mas", "ar1-star"][..]),
        ("layer_rate", raw.layer_rate.as_ref().map(At::span), &["ar1-star"][..]),
        ("decay", raw.decay.as_ref().map(At::span), &["ewc-online"][..]),
        ("alpha", raw.alpha.as_ref().map(At::span), &["lwf", "mas"][..]),
        ("temperature", raw.temperature.as_ref().map(At::span), &["lwf"][..]),
        ("shrinkage", raw.shrinkage.as_ref().map(At::span), &["slda"][..]),
        ("buffer", raw.buffer.as_ref().map(At::span), &["replay"][..]),
        ("replayed", raw.replayed.as_ref().map(At::span), &["replay"][..]),
        ("stored", raw.stored.as_ref().map(At::span), &["replay"][..]),
        ("quota", raw.quota.as_ref().map(At::span), &["replay"][..]),
    ];
    for (key, span, of) in given {
        if let Some(span) = span.filter(|_| !of.contains(&name)) {
            let help = format!("it belongs to {}; drop it or choose that strategy", of.join(", "));
            return Err(source.at(span, format!("strategy `{name}` has no `{key}`"), help));
        }
    }
    Ok(())
}
