//! Calibration: which values of a profile's uncertain numbers explain measured boards best, and what the rows cannot tell.
//!
//! The terms are the profile's own numbers (a taken branch's bubble, a flash line's wait, a factor of the software measured),
//! their intervals the priors, read as ± 2 standard deviations. A fit linearises the cost model around the present values,
//! solves non-negative least squares on relative residuals, and repeats (Gauss–Newton).

use super::nnls::{Equation, Fit, Prior, robust_nnls};

/// Relative error that the model keeps when every number is right: kernels compiled elsewhere, effects that are not modelled.
pub const MODEL_SIGMA: f64 = 0.04;

/// Pairs correlated more than this after the fit are reported as confounded.
pub const CONFOUNDED: f64 = 0.8;

/// Rounds of Gauss–Newton; the model is nearly linear in its numbers, so few are needed.
const ROUNDS: usize = 3;

/// An uncertain number of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Key, as [`crate::profile::Profile::terms`] has it, with the profile in front where it belongs to one board.
    pub key: String,
    /// Value before the fit.
    pub value: f64,
    /// Its interval: 95 % of the prior.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Largest value that means anything (1 for a share).
    pub ceiling: f64,
}

impl Term {
    fn sigma(&self) -> f64 {
        ((self.high - self.low) / 4.0).max(1e-9 * (1.0 + self.value.abs()))
    }
}

/// A measured row.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Row's id.
    pub id: String,
    /// Measured value, positive, in any unit that the model's prediction shares.
    pub measured: f64,
    /// Relative standard deviation of the measurement alone.
    pub spread: f64,
    /// What is left out together in one kind of cross-validation (network, board).
    pub groups: Vec<String>,
}

/// What a fit says of one term.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// Before.
    pub prior: Term,
    /// After.
    pub value: f64,
    /// Standard deviation after the fit.
    pub sigma: f64,
    /// Largest share of a row's prediction that the term's interval moves; 0: no row depends on it.
    pub reach: f64,
}

impl Calibration {
    /// Covariance of two terms after the fit.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        self.correlation[i][j] * self.terms[i].sigma * self.terms[j].sigma
    }
}

impl Calibrated {
    /// Share of the prior's uncertainty that is left, 0 to 1; near 1 means that the rows say nothing of the term.
    pub fn left(&self) -> f64 {
        (self.sigma / self.prior.sigma()).min(1.0)
    }

    /// ± 2 standard deviations, within what means anything.
    pub fn interval(&self) -> (f64, f64) {
        ((self.value - 2.0 * self.sigma).max(0.0), (self.value + 2.0 * self.sigma).min(self.prior.ceiling))
    }
}

/// Two terms that the rows cannot tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Confounded {
    /// One term.
    pub a: String,
    /// The other.
    pub b: String,
    /// Their correlation after the fit.
    pub correlation: f64,
}

/// A fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Every term, in the order given.
    pub terms: Vec<Calibrated>,
    /// Pairs above [`CONFOUNDED`], strongest first.
    pub confounded: Vec<Confounded>,
    /// Correlation of each pair of terms after the fit, row by row.
    pub correlation: Vec<Vec<f64>>,
    /// (row, predicted before, predicted after); the fit's own residuals, never to be quoted as its error.
    pub fitted: Vec<(usize, f64, f64)>,
    /// Standard deviation of a relative residual, by the median of the rows.
    pub scale: f64,
}

/// The cost model as calibration sees it: the prediction of a row with the terms at given values.
pub trait Model {
    /// Why a row cannot be priced.
    type Error;
    /// Prediction of row `row`, positive, in the unit of its measurement; `values` has one number a term.
    fn predict(&self, row: usize, values: &[f64]) -> Result<f64, Self::Error>;
    /// Whether the row's prediction can depend on the term; `false` saves evaluations.
    fn depends(&self, row: usize, term: usize) -> bool;
}

/// Fits `terms` to the rows listed in `rows`.
///
/// Minimises Σ ρ((measured − predicted)/(σ·measured)) + Σ ((θ − prior)/σθ)² over 0 ≤ θ ≤ ceiling with Huber's ρ, where σ² is
/// [`MODEL_SIGMA`]² plus the row's spread squared.
///
/// # Errors
/// The model's.
pub fn calibrate<M: Model>(
    model: &M,
    evidence: &[Evidence],
    rows: &[usize],
    terms: &[Term],
) -> Result<Calibration, M::Error> {
    let start: Vec<f64> = terms.iter().map(|t| t.value).collect();
    let priors: Vec<Prior> = terms.iter().map(|t| Prior { value: t.value, sigma: t.sigma() }).collect();
    let mut values = start.clone();
    let mut fit =
        Fit { values: start.clone(), sigma: priors.iter().map(|p| p.sigma).collect(), correlation: Vec::new() };
    let mut reach = vec![0.0f64; terms.len()];
    for round in 0..ROUNDS {
        let mut equations = Vec::with_capacity(rows.len());
        for &row in rows {
            let (predicted, slopes) = linearised(model, row, terms, &values)?;
            if round == 0 {
                for ((reach, slope), term) in reach.iter_mut().zip(&slopes).zip(terms) {
                    *reach = reach.max((slope * (term.high - term.low) / predicted).abs());
                }
            }
            let measured = evidence[row].measured;
            let around: f64 = slopes.iter().zip(&values).map(|(s, v)| s * v).sum();
            let variance = MODEL_SIGMA * MODEL_SIGMA + evidence[row].spread * evidence[row].spread;
            equations.push(Equation {
                row: slopes.iter().map(|s| s / measured).collect(),
                target: (measured - predicted + around) / measured,
                weight: 1.0 / variance,
            });
        }
        fit = robust_nnls(&equations, &priors);
        let next: Vec<f64> = fit.values.iter().zip(terms).map(|(v, t)| v.min(t.ceiling)).collect();
        let moved =
            next.iter().zip(&values).zip(&priors).map(|((a, b), p)| (a - b).abs() / p.sigma).fold(0.0, f64::max);
        values = next;
        if moved < 1e-3 {
            break;
        }
    }
    let mut fitted = Vec::with_capacity(rows.len());
    for &row in rows {
        fitted.push((row, model.predict(row, &start)?, model.predict(row, &values)?));
    }
    let misses = fitted.iter().map(|(row, _, after)| (after / evidence[*row].measured - 1.0).abs()).collect();
    let scale = 1.4826 * super::statistics::median(misses);
    let calibrated = terms.iter().zip(&values).zip(&fit.sigma).zip(reach);
    Ok(Calibration {
        confounded: confounded(&fit, terms),
        terms: calibrated
            .map(|(((prior, value), sigma), reach)| Calibrated {
                prior: prior.clone(),
                value: *value,
                sigma: *sigma,
                reach,
            })
            .collect(),
        correlation: fit.correlation,
        fitted,
        scale,
    })
}

/// Prediction and its derivative by each term, by central differences over half of the term's interval.
pub fn linearised<M: Model>(
    model: &M,
    row: usize,
    terms: &[Term],
    values: &[f64],
) -> Result<(f64, Vec<f64>), M::Error> {
    let predicted = model.predict(row, values)?;
    let mut slopes = vec![0.0; terms.len()];
    let mut moved = values.to_vec();
    for (at, term) in terms.iter().enumerate().filter(|(at, _)| model.depends(row, *at)) {
        let half = (term.high - term.low) / 4.0;
        let (below, above) = ((values[at] - half).max(0.0), (values[at] + half).min(term.ceiling));
        if above <= below {
            continue;
        }
        moved[at] = above;
        let high = model.predict(row, &moved)?;
        moved[at] = below;
        let low = model.predict(row, &moved)?;
        moved[at] = values[at];
        slopes[at] = (high - low) / (above - below);
    }
    Ok((predicted, slopes))
}

fn confounded(fit: &Fit, terms: &[Term]) -> Vec<Confounded> {
    let mut pairs = Vec::new();
    for (i, row) in fit.correlation.iter().enumerate() {
        for (j, &correlation) in row.iter().enumerate().skip(i + 1) {
            if correlation.abs() > CONFOUNDED {
                pairs.push(Confounded { a: terms[i].key.clone(), b: terms[j].key.clone(), correlation });
            }
        }
    }
    pairs.sort_by(|x, y| y.correlation.abs().total_cmp(&x.correlation.abs()));
    pairs
}

/// Predictions of rows by fits that never saw their group: (row, predicted). `kind` is the place in [`Evidence::groups`].
///
/// # Errors
/// The model's.
pub fn leave_one_out<M: Model>(
    model: &M,
    evidence: &[Evidence],
    rows: &[usize],
    terms: &[Term],
    kind: usize,
) -> Result<Vec<(usize, f64)>, M::Error> {
    let mut groups: Vec<&str> = rows.iter().map(|r| evidence[*r].groups[kind].as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut out = Vec::with_capacity(rows.len());
    for group in groups {
        let (left, kept): (Vec<usize>, Vec<usize>) = rows.iter().partition(|r| evidence[**r].groups[kind] == group);
        let fit = calibrate(model, evidence, &kept, terms)?;
        let values: Vec<f64> = fit.terms.iter().map(|t| t.value).collect();
        for row in left {
            out.push((row, model.predict(row, &values)?));
        }
    }
    out.sort_by_key(|(row, _)| *row);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// cycles = Σ counts × values, as a cost model with three numbers would have it.
    struct Linear(Vec<[f64; 3]>);

    impl Model for Linear {
        type Error = Infallible;
        fn predict(&self, row: usize, values: &[f64]) -> Result<f64, Infallible> {
            Ok(1000.0 + self.0[row].iter().zip(values).map(|(c, v)| c * v).sum::<f64>())
        }
        fn depends(&self, row: usize, term: usize) -> bool {
            self.0[row][term] != 0.0
        }
    }

    fn terms() -> Vec<Term> {
        let term = |key: &str, value: f64, low, high| Term { key: key.to_owned(), value, low, high, ceiling: 1e9 };
        vec![
            term("core.branch.taken_extra", 2.0, 1.0, 3.0),
            term("constants.l1d.miss_cycles", 12.0, 6.0, 20.0),
            term("software.cmsis-nn", 1.0, 0.7, 1.3),
        ]
    }

    fn rows(model: &Linear, truth: &[f64]) -> Vec<Evidence> {
        let measured = |row: usize| model.predict(row, truth).unwrap_or_else(|e| match e {});
        let evidence = |row: usize| Evidence {
            id: format!("r{row}"),
            measured: measured(row),
            spread: 0.001,
            groups: vec![format!("net{}", row % 4)],
        };
        (0..model.0.len()).map(evidence).collect()
    }

    #[test]
    fn measurements_pull_each_number_to_what_made_them() {
        let model = Linear((0..16u8).map(|i| [100.0 * f64::from(i % 5), 40.0 * f64::from(i % 3), 900.0]).collect());
        let truth = [2.6, 9.0, 1.1];
        let evidence = rows(&model, &truth);
        let all: Vec<usize> = (0..16).collect();
        let Ok(fit) = calibrate(&model, &evidence, &all, &terms());
        for (term, truth) in fit.terms.iter().zip(truth) {
            assert!((term.value - truth).abs() < 0.15 * truth, "{term:?}");
            assert!(term.left() < 0.7 && term.interval().0 < truth && truth < term.interval().1, "{term:?}");
        }
        let Ok(left) = leave_one_out(&model, &evidence, &all, &terms(), 0);
        assert!(left.iter().all(|(row, p)| (p / evidence[*row].measured - 1.0).abs() < 0.03), "{left:?}");
    }

    #[test]
    fn what_no_row_depends_on_keeps_its_prior_and_a_sum_alone_is_confounded() {
        let model = Linear((1..9u8).map(|i| [50.0 * f64::from(i), 10.0 * f64::from(i), 0.0]).collect());
        let evidence = rows(&model, &[3.0, 18.0, 1.0]);
        let Ok(fit) = calibrate(&model, &evidence, &(0..8).collect::<Vec<_>>(), &terms());
        assert_eq!((fit.terms[2].value, fit.terms[2].left(), fit.terms[2].reach), (1.0, 1.0, 0.0));
        let pair = &fit.confounded[0];
        assert_eq!((pair.a.as_str(), pair.b.as_str()), ("core.branch.taken_extra", "constants.l1d.miss_cycles"));
        assert!(pair.correlation < -0.8 && fit.confounded.len() == 1, "{:?}", fit.confounded);
    }

    #[test]
    fn a_share_never_passes_one() {
        let model = Linear(vec![[1000.0, 0.0, 0.0]; 4]);
        let mut only = terms();
        only[0] = Term { key: "data.hidden_share".to_owned(), value: 0.9, low: 0.0, high: 1.0, ceiling: 1.0 };
        let evidence = rows(&model, &[1.05, 0.0, 0.0]);
        let Ok(fit) = calibrate(&model, &evidence, &[0, 1, 2, 3], &only);
        assert_eq!(fit.terms[0].value, 1.0);
    }
}
