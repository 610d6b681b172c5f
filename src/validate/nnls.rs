//! Non-negative least squares with priors: what a few measurements say of a few physical terms.

use super::statistics::median;
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// One equation: Σ row[j]·x[j] ≈ target, weighted.
#[derive(Debug, Clone, PartialEq)]
pub struct Equation {
    /// One coefficient a term.
    pub row: Vec<f64>,
    /// What was measured.
    pub target: f64,
    /// 1/σ² of the measurement, positive.
    pub weight: f64,
}

/// What is known of a term before any measurement: x ≈ value with standard deviation `sigma` > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Expected value, not negative.
    pub value: f64,
    /// Standard deviation.
    pub sigma: f64,
}

/// Terms with their covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// One value a term, each ≥ 0.
    pub values: Vec<f64>,
    /// Posterior standard deviation of each term, taking the noise as given by the weights; terms held at 0 keep the prior's.
    pub sigma: Vec<f64>,
    /// Correlation of each pair of terms, terms × terms.
    pub correlation: Array2<f64>,
}

/// Minimises Σ w·(target − row·x)² + Σ ((x − prior)/σ)² over x ≥ 0.
///
/// The priors make the problem strictly convex, so coordinate descent converges to its one minimum from anywhere; it stops
/// when no term moves by more than 1e-12 of its scale, or after 100 000 sweeps.
pub fn nnls(equations: &[Equation], priors: &[Prior]) -> Fit {
    let n = priors.len();
    let mut normal = Array2::<f64>::zeros((n, n));
    let mut right = vec![0.0; n];
    for (j, p) in priors.iter().enumerate() {
        normal[(j, j)] = 1.0 / (p.sigma * p.sigma);
        right[j] = p.value / (p.sigma * p.sigma);
    }
    for e in equations {
        let coefficients = ArrayView1::from(&e.row);
        for (j, (mut sums, right)) in normal.rows_mut().into_iter().zip(&mut right).enumerate() {
            *right += e.weight * e.row[j] * e.target;
            sums.scaled_add(e.weight * e.row[j], &coefficients);
        }
    }
    let mut x: Array1<f64> = priors.iter().map(|p| p.value).collect();
    for _ in 0..100_000 {
        let mut largest = 0.0f64;
        for j in 0..n {
            let gap = right[j] - normal.row(j).dot(&x);
            let new = (x[j] + gap / normal[(j, j)]).max(0.0);
            largest = largest.max((new - x[j]).abs() / (priors[j].sigma + new.abs()));
            x[j] = new;
        }
        if largest < 1e-12 {
            break;
        }
    }
    let free: Vec<usize> = (0..n).filter(|j| x[*j] > 0.0).collect();
    let covariance = inverse(&normal.select(Axis(0), &free).select(Axis(1), &free));
    let mut sigma: Vec<f64> = priors.iter().map(|p| p.sigma).collect();
    let mut correlation = Array2::eye(n);
    for (a, j) in free.iter().enumerate() {
        sigma[*j] = covariance[(a, a)].sqrt();
        for (b, k) in free.iter().enumerate() {
            correlation[(*j, *k)] = covariance[(a, b)] / (covariance[(a, a)] * covariance[(b, b)]).sqrt();
        }
    }
    Fit { values: x.to_vec(), sigma, correlation }
}

/// [`nnls`] with Huber's weights: an equation whose residual is over 1.345 robust standard deviations pulls less.
///
/// Iteratively reweighted, 50 rounds at most; the scale is 1.4826 × the median of |weighted residuals|, not below 1.
pub fn robust_nnls(equations: &[Equation], priors: &[Prior]) -> Fit {
    let mut fit = nnls(equations, priors);
    for _ in 0..50 {
        let residuals: Vec<f64> = equations.iter().map(|e| residual(e, &fit.values) * e.weight.sqrt()).collect();
        let scale = (1.4826 * median(residuals.iter().map(|r| r.abs()).collect())).max(1.0);
        let limit = 1.345 * scale;
        let pull = |r: &f64| if r.abs() <= limit { 1.0 } else { limit / r.abs() };
        let softened: Vec<Equation> = equations
            .iter()
            .zip(&residuals)
            .map(|(e, r)| Equation { weight: e.weight * pull(r) / (scale * scale), ..e.clone() })
            .collect();
        let next = nnls(&softened, priors);
        let moved = next.values.iter().zip(&fit.values).map(|(a, b)| (a - b).abs() / (a.abs() + b.abs() + 1e-30));
        let done = moved.fold(0.0, f64::max) < 1e-9;
        fit = next;
        if done {
            break;
        }
    }
    fit
}

/// target − row·x.
pub fn residual(equation: &Equation, x: &[f64]) -> f64 {
    equation.target - equation.row.iter().zip(x).map(|(a, b)| a * b).sum::<f64>()
}

/// Inverse of a symmetric positive definite matrix by Cholesky's factorisation.
pub(super) fn inverse(matrix: &Array2<f64>) -> Array2<f64> {
    let n = matrix.nrows();
    let mut lower = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| lower[(i, k)] * lower[(j, k)]).sum();
            lower[(i, j)] = if i == j {
                (matrix[(i, i)] - dot).max(f64::MIN_POSITIVE).sqrt()
            } else {
                (matrix[(i, j)] - dot) / lower[(j, j)]
            };
        }
    }
    // One column of the inverse a unit vector; the inverse is symmetric, so a column is a row.
    let mut inverse = Array2::zeros((n, n));
    for unit in 0..n {
        let mut y = Array1::<f64>::zeros(n);
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| lower[(i, k)] * y[k]).sum();
            y[i] = (f64::from(u8::from(i == unit)) - dot) / lower[(i, i)];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| lower[(k, i)] * y[k]).sum();
            y[i] = (y[i] - dot) / lower[(i, i)];
        }
        inverse.row_mut(unit).assign(&y);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Prior = Prior { value: 1.0, sigma: 1e3 };

    fn equation(row: &[f64], target: f64) -> Equation {
        Equation { row: row.to_vec(), target, weight: 1e6 }
    }

    #[test]
    fn exact_equations_are_solved_and_signs_are_kept() {
        let exact = [equation(&[1.0, 2.0], 8.0), equation(&[3.0, 1.0], 9.0), equation(&[1.0, 1.0], 5.0)];
        let fit = nnls(&exact, &[WIDE, WIDE]);
        assert!((fit.values[0] - 2.0).abs() < 1e-4 && (fit.values[1] - 3.0).abs() < 1e-4, "{fit:?}");
        // Plain least squares gives (3, −1); over x ≥ 0 the second is 0 and the first minimises (a − 2)² + (a − 3)².
        let negative = nnls(&[equation(&[1.0, 1.0], 2.0), equation(&[1.0, 0.0], 3.0)], &[WIDE, WIDE]);
        assert!((negative.values[0] - 2.5).abs() < 1e-4 && negative.values[1] == 0.0, "{negative:?}");
    }

    #[test]
    fn without_measurements_the_prior_stands_and_confounded_terms_say_so() {
        let prior = [Prior { value: 2.0, sigma: 0.5 }, Prior { value: 1.0, sigma: 0.5 }];
        assert_eq!(nnls(&[], &prior).values, [2.0, 1.0]);
        // Only the sum is measured: the terms are almost perfectly anticorrelated.
        let fit = nnls(&[equation(&[1.0, 1.0], 3.2)], &prior);
        assert!((fit.values[0] + fit.values[1] - 3.2).abs() < 1e-4);
        assert!(fit.correlation[(0, 1)] < -0.99 && fit.sigma[0] < 0.5, "{fit:?}");
    }

    #[test]
    fn one_wild_row_hardly_moves_a_robust_fit() {
        let mut rows: Vec<Equation> =
            (1..20u8).map(|i| Equation { row: vec![f64::from(i)], target: 2.0 * f64::from(i), weight: 1.0 }).collect();
        rows.push(Equation { row: vec![10.0], target: 400.0, weight: 1.0 });
        let plain = nnls(&rows, &[WIDE]).values[0];
        let robust = robust_nnls(&rows, &[WIDE]).values[0];
        assert!((plain - 2.0).abs() > 1.0 && (robust - 2.0).abs() < 0.1, "{plain} {robust}");
    }
}
