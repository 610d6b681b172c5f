//! Which measurement to make next: the one after which predictions would be least uncertain.

use super::calibrate::{Calibration, MODEL_SIGMA};

/// A measurement that could be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What would run.
    pub name: String,
    /// Relative change of its prediction for one unit of each parameter: (∂p/∂θ)/p.
    pub slopes: Vec<f64>,
}

/// What a measurement would bring.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Index into the candidates.
    pub candidate: usize,
    /// Share of the targets' variance that would go, 0 to 1.
    pub gain: f64,
    /// Relative standard deviation of the targets now, root mean square.
    pub now: f64,
    /// And after the measurement.
    pub after: f64,
}

/// Ranks candidates by what they take off the variance of the targets' predictions, best first.
///
/// With covariance C of the parameters, a target's relative slopes t and a candidate's c with noise σ² = [`MODEL_SIGMA`]², a
/// measurement takes (tᵀC c)²/(σ² + cᵀC c) off tᵀC t: one step of a Kalman filter. Neither needs the measured value.
pub fn propose(fit: &Calibration, targets: &[Vec<f64>], candidates: &[Candidate]) -> Vec<Proposal> {
    let product = |a: &[f64], b: &[f64]| -> f64 {
        let rows = a.iter().enumerate().filter(|(_, x)| **x != 0.0);
        rows.map(|(i, x)| x * b.iter().enumerate().map(|(j, y)| fit.covariance(i, j) * y).sum::<f64>()).sum()
    };
    let all: f64 = targets.iter().map(|t| product(t, t)).sum();
    let count = f64::from(u32::try_from(targets.len().max(1)).unwrap_or(u32::MAX));
    let mut list: Vec<Proposal> = candidates
        .iter()
        .enumerate()
        .map(|(candidate, c)| {
            let noise = MODEL_SIGMA * MODEL_SIGMA + product(&c.slopes, &c.slopes);
            let gone: f64 = targets.iter().map(|t| product(t, &c.slopes).powi(2) / noise).sum();
            Proposal {
                candidate,
                gain: if all > 0.0 { gone / all } else { 0.0 },
                now: (all / count).sqrt(),
                after: ((all - gone).max(0.0) / count).sqrt(),
            }
        })
        .collect();
    list.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(a.candidate.cmp(&b.candidate)));
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{Calibrated, Parameter};

    fn fit(sigmas: &[f64]) -> Calibration {
        let n = sigmas.len();
        let term = |s: &f64| Calibrated {
            prior: Parameter { key: "t".to_owned(), value: 1.0, low: 0.0, high: 2.0, ceiling: 9.0 },
            value: 1.0,
            sigma: *s,
            reach: 1.0,
        };
        Calibration {
            parameters: sigmas.iter().map(term).collect(),
            confounded: Vec::new(),
            correlation: ndarray::Array2::eye(n),
            fitted: Vec::new(),
            scale: 0.0,
            strength: crate::validate::Strength::FULL,
        }
    }

    #[test]
    fn the_candidate_that_shows_the_uncertain_term_of_the_target_wins() {
        let candidates = [
            Candidate { name: "shows the first".to_owned(), slopes: vec![1.0, 0.0] },
            Candidate { name: "shows the second".to_owned(), slopes: vec![0.0, 1.0] },
            Candidate { name: "shows neither".to_owned(), slopes: vec![0.0, 0.0] },
        ];
        // Equal slopes of the target, but the second term is ten times as uncertain.
        let ranked = propose(&fit(&[0.02, 0.2]), &[vec![0.5, 0.5]], &candidates);
        assert_eq!(ranked.iter().map(|p| p.candidate).collect::<Vec<_>>(), [1, 0, 2]);
        // By hand: 0.25·0.04 of 0.25·(0.0004 + 0.04) is the second's; noise leaves 0.0016/0.0416 of it.
        let want = (0.04 / 0.0404) * (0.04 / 0.0416);
        assert!((ranked[0].gain - want).abs() < 1e-12 && ranked[0].after < ranked[0].now, "{ranked:?}");
        assert_eq!(ranked[2].gain, 0.0);
        // A target that only the first term moves asks for the first.
        assert_eq!(propose(&fit(&[0.02, 0.2]), &[vec![0.5, 0.0]], &candidates)[0].candidate, 0);
    }
}
