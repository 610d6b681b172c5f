//! How far measured rows may move a model's numbers: chosen from the rows themselves, so that rows without anything in common move none.
//!
//! ```
//! use tinyprec::validate::{Evidence, Linear, Parameter, Strength, choose_strength};
//!
//! let key = "cortex-m4 software.engine".to_owned();
//! let parameters = [Parameter { key, value: 1.0, low: 0.6, high: 1.4, ceiling: f64::INFINITY }];
//! let row = |n: usize, measured| Evidence { id: n.to_string(), measured, spread: 0.0, groups: vec![n.to_string()] };
//! let linear = Linear { rows: (0..8).collect(), at: vec![1.0], predicted: vec![1.0; 8], slopes: vec![vec![1.0]; 8] };
//! let common: Vec<Evidence> = (0..8).map(|n| row(n, 1.3)).collect();
//! let none: Vec<Evidence> = (0..8).map(|n| row(n, if n % 2 == 0 { 0.8 } else { 1.2 })).collect();
//! assert!(choose_strength(&linear, &common, &parameters, 0, Strength::FULL, &|_| true).software > 0.0);
//! assert_eq!(choose_strength(&linear, &none, &parameters, 0, Strength::FULL, &|_| true), Strength::NONE);
//! ```

use super::calibrate::{Evidence, Linear, MODEL_SIGMA, Parameter};
use super::nnls::inverse;
use super::statistics::median;
use ndarray::Array2;
use std::collections::BTreeMap;

/// Shares of a prior's standard deviation that are tried; 0: the number stays where it is.
const STEPS: [f64; 4] = [0.0, 0.25, 0.5, 1.0];

/// Relative misses beyond this count as this: they have causes that no number explains.
const WRONG: f64 = 0.2;

/// Fewer groups have no standard error to speak of.
const FEWEST: usize = 5;

/// Rounds of Huber's weights on the left-out residuals.
const ROUNDS: usize = 3;

/// Share of the priors' standard deviations that a fit uses, by kind of number, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strength {
    /// Numbers of boards and cores.
    pub board: f64,
    /// Factors of software.
    pub software: f64,
    /// Factors of one build.
    pub build: f64,
}

impl Strength {
    /// Nothing moves.
    pub const NONE: Strength = Strength { board: 0.0, software: 0.0, build: 0.0 };

    /// Every number as its interval says.
    pub const FULL: Strength = Strength { board: 1.0, software: 1.0, build: 1.0 };

    /// The share of a parameter.
    pub fn of(&self, parameter: &Parameter) -> f64 {
        match &parameter.key {
            key if key.ends_with(" build") => self.build,
            key if key.contains("software.") => self.software,
            _ => self.board,
        }
    }

    fn all() -> Vec<Strength> {
        let each =
            |board: f64| STEPS.iter().flat_map(move |&software| STEPS.map(|build| Strength { board, software, build }));
        STEPS.iter().flat_map(|&board| each(board)).collect()
    }
}

/// The strength whose fits predict groups of rows best that they have not seen; of those no worse than it by more than one standard
/// error, the one whose priors let the rows' predictions vary least. `kind` is the place in [`Evidence::groups`] of what is left out; with fewer
/// than five groups it is `otherwise`.
///
/// The model is taken as linear and its numbers as normal, so that every left-out prediction has a closed form: with relative
/// residuals y at the priors, their covariance C = S Σ Sᵀ + Λ (S relative slopes, Σ the priors' variances times the strength's
/// squares, Λ the noise) and a group G, the group's residual is y_G's innovation ((C⁻¹)_GG)⁻¹ (C⁻¹ y)_G. Λ has Huber's weights. The loss of a
/// row is the smaller of its miss and 20 %; differences of losses are taken group by group.
pub fn choose_strength(
    linear: &Linear,
    evidence: &[Evidence],
    parameters: &[Parameter],
    kind: usize,
    otherwise: Strength,
    use_row: &dyn Fn(usize) -> bool,
) -> Strength {
    let places: Vec<usize> = (0..linear.rows.len()).filter(|place| use_row(linear.rows[*place])).collect();
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        groups.entry(&evidence[linear.rows[*place]].groups[kind]).or_default().push(at);
    }
    if groups.len() < FEWEST {
        return otherwise;
    }
    let rows = Rows::new(linear, evidence, parameters, &places);
    let groups: Vec<Vec<usize>> = groups.into_values().collect();
    let tried: Vec<(Strength, f64, Vec<f64>)> = Strength::all()
        .into_iter()
        .map(|strength| {
            let covariance = rows.covariance(strength);
            (strength, covariance.diag().sum(), rows.losses(&covariance, &groups))
        })
        .collect();
    let total = |losses: &[f64]| losses.iter().sum::<f64>();
    let Some((.., best)) = tried.iter().min_by(|a, b| total(&a.2).total_cmp(&total(&b.2))) else {
        return otherwise;
    };
    let is_close = |losses: &[f64]| {
        let gaps: Vec<f64> = losses.iter().zip(best).map(|(loss, best)| loss - best).collect();
        let (n, sum) = (groups.len() as f64, total(&gaps));
        let spread: f64 = gaps.iter().map(|gap| (gap - sum / n).powi(2)).sum();
        sum <= (n / (n - 1.0) * spread).sqrt() + 1e-12
    };
    let close = tried.iter().filter(|(.., losses)| is_close(losses));
    close.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(otherwise, |(strength, ..)| *strength)
}

/// Rows around the priors.
struct Rows {
    /// Relative residuals.
    residuals: Vec<f64>,
    /// Variances of the rows themselves.
    noise: Vec<f64>,
    /// Covariance of the rows' predictions by kind of number at full strength.
    parts: [Array2<f64>; 3],
}

impl Rows {
    fn new(linear: &Linear, evidence: &[Evidence], parameters: &[Parameter], places: &[usize]) -> Self {
        let row = |place: usize| &evidence[linear.rows[place]];
        let alone = [
            Strength { board: 1.0, ..Strength::NONE },
            Strength { software: 1.0, ..Strength::NONE },
            Strength { build: 1.0, ..Strength::NONE },
        ];
        let parts = alone.map(|strength| {
            let moves = |place: usize| -> Vec<f64> {
                let slopes = linear.slopes[place].iter().zip(parameters);
                slopes.map(|(s, p)| s / row(place).measured * p.sigma() * strength.of(p)).collect()
            };
            let moves: Vec<Vec<f64>> = places.iter().map(|place| moves(*place)).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum();
            Array2::from_shape_fn((places.len(), places.len()), |(a, b)| dot(&moves[a], &moves[b]))
        });
        let residual = |place: &usize| 1.0 - linear.predicted[*place] / row(*place).measured;
        let noise = |place: &usize| MODEL_SIGMA.powi(2) + row(*place).spread.powi(2);
        Rows { residuals: places.iter().map(residual).collect(), noise: places.iter().map(noise).collect(), parts }
    }

    fn covariance(&self, strength: Strength) -> Array2<f64> {
        let [board, software, build] = &self.parts;
        board * strength.board.powi(2) + software * strength.software.powi(2) + build * strength.build.powi(2)
    }

    /// Sum of the losses of each group, left out in turn.
    fn losses(&self, covariance: &Array2<f64>, groups: &[Vec<usize>]) -> Vec<f64> {
        let mut noise = self.noise.clone();
        let mut missed = self.residuals.clone();
        for _ in 0..ROUNDS {
            let mut with_noise = covariance.clone();
            with_noise.diag_mut().iter_mut().zip(&noise).for_each(|(c, n)| *c += n);
            let inverse = inverse(&with_noise);
            missed = self.left_out(&inverse, groups);
            let standard: Vec<f64> = missed.iter().zip(&self.noise).map(|(m, n)| m.abs() / n.sqrt()).collect();
            let limit = 1.345 * (1.4826 * median(standard.clone())).max(1.0);
            noise = self.noise.iter().zip(&standard).map(|(n, s)| n * (s / limit).max(1.0)).collect();
        }
        let loss = |group: &Vec<usize>| group.iter().map(|at| missed[*at].abs().min(WRONG)).sum();
        groups.iter().map(loss).collect()
    }

    /// Residuals of each group after a fit to the others.
    fn left_out(&self, inverse_of_all: &Array2<f64>, groups: &[Vec<usize>]) -> Vec<f64> {
        let weighted = inverse_of_all.dot(&ndarray::ArrayView1::from(&self.residuals));
        let mut missed = vec![0.0; self.residuals.len()];
        for group in groups {
            let own = Array2::from_shape_fn((group.len(), group.len()), |(a, b)| inverse_of_all[(group[a], group[b])]);
            let right = ndarray::Array1::from_iter(group.iter().map(|at| weighted[*at]));
            for (at, value) in group.iter().zip(inverse(&own).dot(&right)) {
                missed[*at] = value;
            }
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::super::calibrate::{Model, at_priors, calibrate, leave_one_out};
    use super::*;
    use std::convert::Infallible;

    /// Every row is one factor of software.
    struct Factor;

    impl Model for Factor {
        type Error = Infallible;
        fn predict(&self, rows: &[usize], values: &[f64]) -> Result<Vec<f64>, Infallible> {
            Ok(rows.iter().map(|_| values[0]).collect())
        }
        fn depends(&self, _row: usize, _parameter: usize) -> bool {
            true
        }
    }

    fn parameters() -> [Parameter; 1] {
        let key = "cortex-m4 software.engine".to_owned();
        [Parameter { key, value: 1.0, low: 0.6, high: 1.4, ceiling: f64::INFINITY }]
    }

    fn rows(measured: &[f64]) -> Vec<Evidence> {
        let row = |(n, measured): (usize, &f64)| {
            let groups = vec![format!("network {n}"), format!("board {}", n / 2)];
            Evidence { id: n.to_string(), measured: *measured, spread: 0.0, groups }
        };
        measured.iter().enumerate().map(row).collect()
    }

    #[test]
    fn rows_without_anything_in_common_leave_every_number_where_it_is() {
        let evidence = rows(&[0.8, 1.25, 0.9, 1.1, 1.3, 0.75, 1.05, 0.95, 1.2, 0.85]);
        let Ok(first) = at_priors(&Factor, &(0..10).collect::<Vec<_>>(), &parameters());
        let Ok(fit) = calibrate(&Factor, &evidence, &parameters(), &first);
        assert_eq!((fit.strength, fit.parameters[0].value), (Strength::NONE, 1.0));
        assert!(fit.parameters[0].left() > 0.999, "{:?}", fit.parameters);
        let Ok(left) = leave_one_out(&Factor, &evidence, &parameters(), &first, 0);
        assert!(left.iter().all(|(_, p)| *p == 1.0), "{left:?}");
    }

    #[test]
    fn what_rows_have_in_common_moves_it_and_few_boards_say_nothing_of_another() {
        let evidence = rows(&[1.21, 1.18, 1.22, 1.2, 1.19, 1.21, 1.2, 1.18]);
        let Ok(first) = at_priors(&Factor, &(0..8).collect::<Vec<_>>(), &parameters());
        let Ok(fit) = calibrate(&Factor, &evidence, &parameters(), &first);
        assert!((fit.parameters[0].value - 1.2).abs() < 0.02, "{:?}", fit.parameters);
        let Ok(networks) = leave_one_out(&Factor, &evidence, &parameters(), &first, 0);
        assert!(networks.iter().all(|(_, p)| (p - 1.2).abs() < 0.02), "{networks:?}");
        let Ok(boards) = leave_one_out(&Factor, &evidence, &parameters(), &first, 1);
        assert!(boards.iter().all(|(_, p)| *p == 1.0), "four boards: {boards:?}");
    }
}
