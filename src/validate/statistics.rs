//! How wrong predictions are: relative errors, hit rates, rank correlation, each with a bootstrap interval.
//!
//! Every figure is over pairs (predicted p, measured m), both positive. Relative error `e = (p − m) / m`.

use super::rank::{kendall, spearman};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;

/// A figure with the interval that resampling the rows gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Over all rows.
    pub value: f64,
    /// 2.5 % quantile over resamples.
    pub low: f64,
    /// 97.5 % quantile over resamples.
    pub high: f64,
}

/// Error statistics of one group of rows. All rates and errors are fractions, not percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorStats {
    /// Rows.
    pub n: usize,
    /// Median of |e|.
    pub median_ape: Figure,
    /// Mean of |e|.
    pub mean_ape: Figure,
    /// Largest |e|.
    pub max_ape: f64,
    /// Median of e: positive where predictions are too slow.
    pub bias: Figure,
    /// √(mean e²).
    pub rmspe: Figure,
    /// Share of rows with |e| ≤ 5 %.
    pub hits_5: Figure,
    /// Share of rows with |e| ≤ 10 %.
    pub hits_10: Figure,
    /// Share of rows with |e| ≤ 15 %.
    pub hits_15: Figure,
    /// Spearman's ρ; `None` with fewer than three rows or where one side never varies.
    pub spearman: Option<Figure>,
    /// Kendall's τ-b; `None` as above.
    pub kendall: Option<Figure>,
}

/// Resamples of the percentile bootstrap.
pub const RESAMPLES: usize = 1000;

/// Statistics of pairs (predicted, measured); `None` if there is none or one is not positive and finite.
///
/// The bootstrap draws rows with replacement from ChaCha8 seeded with `seed`, so the same rows give the same interval.
pub fn error_stats(pairs: &[(f64, f64)], seed: u64) -> Option<ErrorStats> {
    let usable = |v: f64| v.is_finite() && v > 0.0;
    if pairs.is_empty() || pairs.iter().any(|(p, m)| !usable(*p) || !usable(*m)) {
        return None;
    }
    let all = Plain::of(pairs);
    let draws = resamples(pairs, seed);
    let figure = |pick: &dyn Fn(&Plain) -> f64| {
        let (low, high) = interval(draws.iter().map(pick).collect());
        Figure { value: pick(&all), low, high }
    };
    let rank = |pick: &dyn Fn(&Plain) -> Option<f64>| {
        let value = pick(&all)?;
        let (low, high) = interval(draws.iter().filter_map(pick).collect());
        Some(Figure { value, low, high })
    };
    Some(ErrorStats {
        n: pairs.len(),
        median_ape: figure(&|s| s.median_ape),
        mean_ape: figure(&|s| s.mean_ape),
        max_ape: all.max_ape,
        bias: figure(&|s| s.bias),
        rmspe: figure(&|s| s.rmspe),
        hits_5: figure(&|s| s.hits[0]),
        hits_10: figure(&|s| s.hits[1]),
        hits_15: figure(&|s| s.hits[2]),
        spearman: rank(&|s| s.spearman),
        kendall: rank(&|s| s.kendall),
    })
}

/// The figures without intervals.
struct Plain {
    median_ape: f64,
    mean_ape: f64,
    max_ape: f64,
    bias: f64,
    rmspe: f64,
    hits: [f64; 3],
    spearman: Option<f64>,
    kendall: Option<f64>,
}

impl Plain {
    fn of(pairs: &[(f64, f64)]) -> Self {
        let errors: Vec<f64> = pairs.iter().map(|(p, m)| (p - m) / m).collect();
        let absolute: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
        let n = count(pairs.len());
        let hit = |limit: f64| count(absolute.iter().filter(|e| **e <= limit).count()) / n;
        Self {
            median_ape: median(absolute.clone()),
            mean_ape: absolute.iter().sum::<f64>() / n,
            max_ape: absolute.iter().copied().fold(0.0, f64::max),
            bias: median(errors.clone()),
            rmspe: (errors.iter().map(|e| e * e).sum::<f64>() / n).sqrt(),
            hits: [hit(0.05), hit(0.10), hit(0.15)],
            spearman: spearman(pairs),
            kendall: kendall(pairs),
        }
    }
}

fn resamples(pairs: &[(f64, f64)], seed: u64) -> Vec<Plain> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let n = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let mut drawn = pairs.to_vec();
    let mut next = || {
        // The bias of a plain remainder of 64 random bits is below n / 2^64.
        drawn.iter_mut().for_each(|row| *row = pairs[usize::try_from(random.next_u64() % n).unwrap_or(0)]);
        Plain::of(&drawn)
    };
    (0..RESAMPLES).map(|_| next()).collect()
}

/// 2.5 % and 97.5 % quantiles, nearest rank.
fn interval(mut values: Vec<f64>) -> (f64, f64) {
    if values.is_empty() {
        return (f64::NAN, f64::NAN);
    }
    values.sort_by(f64::total_cmp);
    let at = |thousandths: usize| values[(values.len() * thousandths / 1000).min(values.len() - 1)];
    (at(25), at(975))
}

/// Median; the mean of the middle two where the number is even. 0 for nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// A number of rows as f64, exact below 2^53.
#[allow(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
pub(super) fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_case_worked_by_hand() {
        // e = +10 %, −20 %, 0, +50 %
        let stats = error_stats(&[(1.1, 1.0), (1.6, 2.0), (3.0, 3.0), (6.0, 4.0)], 1).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(stats.median_ape.value, 0.15);
        near(stats.mean_ape.value, 0.2);
        near(stats.max_ape, 0.5);
        near(stats.bias.value, 0.05);
        near(stats.rmspe.value, (0.01f64 + 0.04 + 0.25).sqrt() / 2.0);
        near(stats.hits_5.value, 0.25);
        near(stats.hits_15.value, 0.5);
        near(stats.spearman.unwrap().value, 1.0);
        assert!(stats.mean_ape.low <= 0.2 && stats.mean_ape.high >= 0.2);
    }

    #[test]
    fn intervals_shrink_with_more_rows_and_repeat_with_the_seed() {
        let rows = |n: usize| -> Vec<(f64, f64)> {
            (0..n).map(|i| (100.0 + count(i * 37 % 23), 100.0 + count(i % 7))).collect()
        };
        let width = |n: usize| {
            let f = error_stats(&rows(n), 3).unwrap().mean_ape;
            f.high - f.low
        };
        assert!(width(400) < width(20));
        assert_eq!(error_stats(&rows(20), 3), error_stats(&rows(20), 3));
    }

    #[test]
    fn what_has_no_error_is_refused() {
        assert!(error_stats(&[], 1).is_none());
        assert!(error_stats(&[(1.0, 0.0)], 1).is_none());
        assert!(error_stats(&[(f64::NAN, 1.0)], 1).is_none());
        assert!(error_stats(&[(1.0, 1.0)], 1).unwrap().spearman.is_none());
    }
}
