//! Calibration: which values of a profile's uncertain numbers explain measured boards best, and what the rows cannot tell.
//!
//! The parameters are the profile's own numbers (a taken branch's bubble, a flash line's wait, a factor of the software measured),
//! their intervals the priors, read as ± 2 standard deviations. A fit linearises the cost model around the present values,
//! solves non-negative least squares on relative residuals, and repeats (Gauss–Newton).

use super::nnls::{Equation, Fit, Prior, robust_nnls};
use super::strength::{Strength, choose_strength};
use ndarray::Array2;

/// Relative error that the model keeps when every number is right: kernels compiled elsewhere, effects that are not modelled.
pub const MODEL_SIGMA: f64 = 0.04;

/// Pairs correlated more than this after the fit are reported as confounded.
pub const CONFOUNDED: f64 = 0.8;

/// Rounds of Gauss–Newton; the model is nearly linear in its numbers, so few are needed.
const ROUNDS: usize = 2;

/// An uncertain number of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
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

impl Parameter {
    /// Standard deviation of the prior.
    pub(super) fn sigma(&self) -> f64 {
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

/// What a fit says of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// Before.
    pub prior: Parameter,
    /// After.
    pub value: f64,
    /// Standard deviation after the fit.
    pub sigma: f64,
    /// Largest share of a row's prediction that the parameter's interval moves; 0: no row depends on it.
    pub reach: f64,
}

impl Calibration {
    /// Covariance of two parameters after the fit.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        self.correlation[(i, j)] * self.parameters[i].sigma * self.parameters[j].sigma
    }
}

impl Calibrated {
    /// Share of the prior's uncertainty that is left, 0 to 1; near 1 means that the rows say nothing of the parameter.
    pub fn left(&self) -> f64 {
        (self.sigma / self.prior.sigma()).min(1.0)
    }

    /// ± 2 standard deviations, within what means anything.
    pub fn interval(&self) -> (f64, f64) {
        ((self.value - 2.0 * self.sigma).max(0.0), (self.value + 2.0 * self.sigma).min(self.prior.ceiling))
    }
}

/// Two parameters that the rows cannot tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Confounded {
    /// One parameter.
    pub a: String,
    /// The other.
    pub b: String,
    /// Their correlation after the fit.
    pub correlation: f64,
}

/// A fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Every parameter, in the order given.
    pub parameters: Vec<Calibrated>,
    /// Pairs above [`CONFOUNDED`], strongest first.
    pub confounded: Vec<Confounded>,
    /// Correlation of each pair of parameters after the fit, row by row.
    pub correlation: Array2<f64>,
    /// (row, predicted before, predicted after); the fit's own residuals, never to be quoted as its error.
    pub fitted: Vec<(usize, f64, f64)>,
    /// Standard deviation of a relative residual, by the median of the rows.
    pub scale: f64,
    /// How far the rows were let move the numbers, as [`choose_strength`] has it.
    pub strength: Strength,
}

/// The cost model as calibration sees it.
pub trait Model {
    /// Why a row cannot be priced.
    type Error;
    /// Predictions of `rows`, positive, each in the unit of its measurement; `values` has one number a parameter.
    fn predict(&self, rows: &[usize], values: &[f64]) -> Result<Vec<f64>, Self::Error>;
    /// Whether the row's prediction can depend on the parameter; `false` saves evaluations.
    fn depends(&self, row: usize, parameter: usize) -> bool;
}

/// A model around one point: predictions and their derivatives, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// The rows, in the order of the other two.
    pub rows: Vec<usize>,
    /// Values of the parameters at the point.
    pub at: Vec<f64>,
    /// Predictions there.
    pub predicted: Vec<f64>,
    /// ∂prediction/∂parameter.
    pub slopes: Vec<Vec<f64>>,
}

/// Derivatives by central differences over half of each parameter's interval.
///
/// # Errors
/// The model's.
pub fn linearise<M: Model>(
    model: &M,
    rows: &[usize],
    parameters: &[Parameter],
    at: &[f64],
) -> Result<Linear, M::Error> {
    let mut slopes = vec![vec![0.0; parameters.len()]; rows.len()];
    let mut moved = at.to_vec();
    for (k, parameter) in parameters.iter().enumerate() {
        let half = (parameter.high - parameter.low) / 4.0;
        let (below, above) = ((at[k] - half).max(0.0), (at[k] + half).min(parameter.ceiling));
        let (places, moving): (Vec<usize>, Vec<usize>) =
            rows.iter().enumerate().filter(|(_, row)| model.depends(**row, k)).unzip();
        if above <= below || moving.is_empty() {
            continue;
        }
        moved[k] = above;
        let high = model.predict(&moving, &moved)?;
        moved[k] = below;
        let low = model.predict(&moving, &moved)?;
        moved[k] = at[k];
        for ((place, high), low) in places.into_iter().zip(high).zip(low) {
            slopes[place][k] = (high - low) / (above - below);
        }
    }
    Ok(Linear { rows: rows.to_vec(), at: at.to_vec(), predicted: model.predict(rows, at)?, slopes })
}

/// The model linearised at the priors: where every fit starts, so that several can share its evaluations.
///
/// # Errors
/// The model's.
pub fn at_priors<M: Model>(model: &M, rows: &[usize], parameters: &[Parameter]) -> Result<Linear, M::Error> {
    let start: Vec<f64> = parameters.iter().map(|p| p.value).collect();
    linearise(model, rows, parameters, &start)
}

/// Share of the prior's standard deviation that stands for none.
const NAILED: f64 = 1e-6;

/// Least squares on the linear model for the rows that `use_row` keeps; deviations are those of the priors at full strength.
fn solve(
    linear: &Linear,
    evidence: &[Evidence],
    parameters: &[Parameter],
    strength: Strength,
    use_row: &dyn Fn(usize) -> bool,
) -> Fit {
    let mut equations = Vec::with_capacity(linear.rows.len());
    for ((&row, predicted), slopes) in linear.rows.iter().zip(&linear.predicted).zip(&linear.slopes) {
        if !use_row(row) {
            continue;
        }
        let measured = evidence[row].measured;
        let around: f64 = slopes.iter().zip(&linear.at).map(|(s, v)| s * v).sum();
        equations.push(Equation {
            row: slopes.iter().map(|s| s / measured).collect(),
            target: (measured - predicted + around) / measured,
            weight: 1.0 / (MODEL_SIGMA * MODEL_SIGMA + evidence[row].spread * evidence[row].spread),
        });
    }
    let share = |p: &Parameter| strength.of(p).max(NAILED);
    let priors: Vec<Prior> = parameters.iter().map(|p| Prior { value: p.value, sigma: p.sigma() * share(p) }).collect();
    let mut fit = robust_nnls(&equations, &priors);
    for ((value, sigma), parameter) in fit.values.iter_mut().zip(&mut fit.sigma).zip(parameters) {
        *value = if strength.of(parameter) > 0.0 { value.min(parameter.ceiling) } else { parameter.value };
        *sigma /= share(parameter);
    }
    fit
}

/// Fits `parameters` to the rows of `first`, the model [at the priors](at_priors).
///
/// Minimises Σ ρ((measured − predicted)/(σ·measured)) + Σ ((θ − prior)/σθ)² over 0 ≤ θ ≤ ceiling with Huber's ρ, where σ² is
/// [`MODEL_SIGMA`]² plus the row's spread squared and σθ the prior's deviation times the [`Strength`] that predicts other networks
/// (the first of [`Evidence::groups`]) best.
///
/// # Errors
/// The model's.
pub fn calibrate<M: Model>(
    model: &M,
    evidence: &[Evidence],
    parameters: &[Parameter],
    first: &Linear,
) -> Result<Calibration, M::Error> {
    let rows = &first.rows;
    let strength = choose_strength(first, evidence, parameters, 0, Strength::FULL, &|_| true);
    let mut fit = solve(first, evidence, parameters, strength, &|_| true);
    for _ in 1..ROUNDS {
        let linear = linearise(model, rows, parameters, &fit.values)?;
        fit = solve(&linear, evidence, parameters, strength, &|_| true);
    }
    let after = model.predict(rows, &fit.values)?;
    let fitted: Vec<(usize, f64, f64)> =
        rows.iter().zip(&first.predicted).zip(after).map(|((row, before), after)| (*row, *before, after)).collect();
    let misses = fitted.iter().map(|(row, _, after)| (after / evidence[*row].measured - 1.0).abs()).collect();
    let reach = |k: usize| {
        let width = parameters[k].high - parameters[k].low;
        let moves = first.slopes.iter().zip(&first.predicted).map(|(slopes, p)| (slopes[k] * width / p).abs());
        moves.fold(0.0, f64::max)
    };
    let calibrated = parameters.iter().enumerate().map(|(k, prior)| Calibrated {
        prior: prior.clone(),
        value: fit.values[k],
        sigma: fit.sigma[k],
        reach: reach(k),
    });
    Ok(Calibration {
        parameters: calibrated.collect(),
        confounded: confounded(&fit, parameters),
        scale: 1.4826 * super::statistics::median(misses),
        correlation: fit.correlation,
        fitted,
        strength,
    })
}

/// Predictions of rows by fits that never saw their group: (row, predicted). `kind` is the place in [`Evidence::groups`].
///
/// The fits take one step from `first`, the model [at the priors](at_priors), each with the [`Strength`] that its own rows choose; the rows
/// left out are then priced by the model itself.
///
/// # Errors
/// The model's.
pub fn leave_one_out<M: Model>(
    model: &M,
    evidence: &[Evidence],
    parameters: &[Parameter],
    first: &Linear,
    kind: usize,
) -> Result<Vec<(usize, f64)>, M::Error> {
    let rows = &first.rows;
    let groups: std::collections::BTreeSet<&str> = rows.iter().map(|r| evidence[*r].groups[kind].as_str()).collect();
    // Rows of few networks are taken at their word; few boards say nothing of another.
    let few = if kind == 0 { Strength::FULL } else { Strength::NONE };
    let mut out = Vec::with_capacity(rows.len());
    for group in groups {
        let is_left = |row: usize| evidence[row].groups[kind] == group;
        let strength = choose_strength(first, evidence, parameters, kind, few, &|row| !is_left(row));
        let fit = solve(first, evidence, parameters, strength, &|row| !is_left(row));
        let left: Vec<usize> = rows.iter().copied().filter(|row| is_left(*row)).collect();
        let predicted = model.predict(&left, &fit.values)?;
        out.extend(left.into_iter().zip(predicted));
    }
    out.sort_by_key(|(row, _)| *row);
    Ok(out)
}

fn confounded(fit: &Fit, parameters: &[Parameter]) -> Vec<Confounded> {
    let mut pairs = Vec::new();
    for ((i, j), &correlation) in fit.correlation.indexed_iter() {
        if i < j && correlation.abs() > CONFOUNDED {
            pairs.push(Confounded { a: parameters[i].key.clone(), b: parameters[j].key.clone(), correlation });
        }
    }
    pairs.sort_by(|x, y| y.correlation.abs().total_cmp(&x.correlation.abs()));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// cycles = Σ counts × values, as a cost model with three numbers would have it.
    struct Counts(Vec<[f64; 3]>);

    impl Model for Counts {
        type Error = Infallible;
        fn predict(&self, rows: &[usize], values: &[f64]) -> Result<Vec<f64>, Infallible> {
            let one = |row: &usize| 1000.0 + self.0[*row].iter().zip(values).map(|(c, v)| c * v).sum::<f64>();
            Ok(rows.iter().map(one).collect())
        }
        fn depends(&self, row: usize, parameter: usize) -> bool {
            self.0[row][parameter] != 0.0
        }
    }

    fn parameters() -> Vec<Parameter> {
        let parameter =
            |key: &str, value: f64, low, high| Parameter { key: key.to_owned(), value, low, high, ceiling: 1e9 };
        vec![
            parameter("core.branch.taken_extra", 2.0, 1.0, 3.0),
            parameter("constants.l1d.miss_cycles", 12.0, 6.0, 20.0),
            parameter("software.cmsis-nn", 1.0, 0.7, 1.3),
        ]
    }

    fn rows(model: &Counts, truth: &[f64]) -> Vec<Evidence> {
        let measured = |row: usize| {
            let Ok(predicted) = model.predict(&[row], truth);
            predicted[0]
        };
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
        let model = Counts((0..16u8).map(|i| [100.0 * f64::from(i % 5), 40.0 * f64::from(i % 3), 900.0]).collect());
        let truth = [2.6, 9.0, 1.1];
        let evidence = rows(&model, &truth);
        let all: Vec<usize> = (0..16).collect();
        let Ok(first) = at_priors(&model, &all, &parameters());
        let Ok(fit) = calibrate(&model, &evidence, &parameters(), &first);
        for (parameter, truth) in fit.parameters.iter().zip(truth) {
            assert!((parameter.value - truth).abs() < 0.15 * truth, "{parameter:?}");
            assert!(
                parameter.left() < 0.7 && parameter.interval().0 < truth && truth < parameter.interval().1,
                "{parameter:?}"
            );
        }
        let Ok(left) = leave_one_out(&model, &evidence, &parameters(), &first, 0);
        assert!(left.iter().all(|(row, p)| (p / evidence[*row].measured - 1.0).abs() < 0.03), "{left:?}");
    }

    #[test]
    fn what_no_row_depends_on_keeps_its_prior_and_a_sum_alone_is_confounded() {
        let model = Counts((1..9u8).map(|i| [50.0 * f64::from(i), 10.0 * f64::from(i), 0.0]).collect());
        let evidence = rows(&model, &[3.0, 18.0, 1.0]);
        let Ok(first) = at_priors(&model, &(0..8).collect::<Vec<_>>(), &parameters());
        let Ok(fit) = calibrate(&model, &evidence, &parameters(), &first);
        assert_eq!((fit.parameters[2].value, fit.parameters[2].left(), fit.parameters[2].reach), (1.0, 1.0, 0.0));
        let pair = &fit.confounded[0];
        assert_eq!((pair.a.as_str(), pair.b.as_str()), ("core.branch.taken_extra", "constants.l1d.miss_cycles"));
        assert!(pair.correlation < -0.8 && fit.confounded.len() == 1, "{:?}", fit.confounded);
    }

    #[test]
    fn a_share_never_passes_one() {
        let model = Counts(vec![[1000.0, 0.0, 0.0]; 4]);
        let mut only = parameters();
        only[0] = Parameter { key: "data.hidden_share".to_owned(), value: 0.9, low: 0.0, high: 1.0, ceiling: 1.0 };
        let evidence = rows(&model, &[1.05, 0.0, 0.0]);
        let Ok(first) = at_priors(&model, &[0, 1, 2, 3], &only);
        let Ok(fit) = calibrate(&model, &evidence, &only, &first);
        assert_eq!(fit.parameters[0].value, 1.0);
    }
}
