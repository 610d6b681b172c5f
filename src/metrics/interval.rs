//! Mean over seeds with its Student t interval, and paired differences.

use super::{MetricsError, matrix::count};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Mean with the half width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanInterval {
    /// Mean.
    pub mean: f64,
    /// `t(0.975, n − 1) · s / √n`; `None` with fewer than two values, where no spread can be known.
    pub half_width_95: Option<f64>,
    /// Number of values.
    pub n: usize,
}

/// Mean and 95 % Student t interval of independent values (one a seed); `None` if there is none.
///
/// Formula: `s² = Σ (x − x̄)² / (n − 1)`, half width `t₀.₉₇₅(n − 1) · s / √n`.
pub fn summarise(values: &[f64]) -> Option<MeanInterval> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count(n);
    let half_width_95 = StudentsT::new(0.0, 1.0, count(n) - 1.0).ok().filter(|_| n > 1).map(|t| {
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count(n) - 1.0);
        t.inverse_cdf(0.975) * (variance / count(n)).sqrt()
    });
    Some(MeanInterval { mean, half_width_95, n })
}

/// [`summarise`] of `left[i] − right[i]`: the same seeds on both sides, in the same order.
pub fn paired_difference(left: &[f64], right: &[f64]) -> Result<Option<MeanInterval>, MetricsError> {
    if left.len() != right.len() {
        return Err(MetricsError::Unpaired { left: left.len(), right: right.len() });
    }
    let differences: Vec<f64> = left.iter().zip(right).map(|(l, r)| l - r).collect();
    Ok(summarise(&differences))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_t_against_the_table() {
        // t(0.975, 2) = 4.302652729911275 and t(0.975, 4) = 2.7764451051977987 (printed tables, R's qt).
        let three = summarise(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((three.mean, three.n), (2.0, 3));
        assert!((three.half_width_95.unwrap() - 4.302_652_729_911_275 / 3f64.sqrt()).abs() < 1e-6);
        let five = summarise(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((five.half_width_95.unwrap() - 2.776_445_105_197_798_7 * 0.5f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn one_value_has_no_spread_and_none_has_no_mean() {
        assert_eq!(summarise(&[0.5]), Some(MeanInterval { mean: 0.5, half_width_95: None, n: 1 }));
        assert_eq!(summarise(&[]), None);
    }

    #[test]
    fn pairing_removes_what_seeds_share() {
        let float = [0.50, 0.60, 0.70];
        let int8 = [0.49, 0.59, 0.69];
        let d = paired_difference(&int8, &float).unwrap().unwrap();
        assert!((d.mean + 0.01).abs() < 1e-12 && d.half_width_95.unwrap() < 1e-12);
        assert_eq!(paired_difference(&float, &int8[..2]), Err(MetricsError::Unpaired { left: 3, right: 2 }));
    }
}
