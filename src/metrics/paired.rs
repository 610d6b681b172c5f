//! Is one precision better than another on the same seeds? Two tests of the paired differences.

use super::{MeanInterval, MetricsError, matrix::count, summarise};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Beyond so many pairs no exact distribution is counted.
const MOST_PAIRS: usize = 200;

/// Paired differences `left − right` over the same seeds, and how surprising they would be without any true difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedTest {
    /// Mean difference with its 95 % Student t interval.
    pub difference: MeanInterval,
    /// `mean / (s / √n)`; `None` with fewer than two pairs or where all differences are equal.
    pub t: Option<f64>,
    /// Two-sided p of the paired t test (n − 1 degrees of freedom); `None` where `t` is.
    pub t_p: Option<f64>,
    /// Sum of the ranks of positive differences, Wilcoxon's W⁺; zero differences are left out, equal sizes share their mean rank.
    pub signed_rank: f64,
    /// Two-sided p of Wilcoxon's signed-rank test, exact: over all signs of the ranks found. 1 where every difference is zero; `None`
    /// beyond 200 pairs. With five seeds it cannot fall below 1/16.
    pub signed_rank_p: Option<f64>,
}

/// Both tests of `left[i] − right[i]`, the same seeds on both sides in the same order; `None` without pairs.
///
/// # Errors
/// [`MetricsError::Unpaired`] if the lengths differ.
pub fn paired_test(left: &[f64], right: &[f64]) -> Result<Option<PairedTest>, MetricsError> {
    if left.len() != right.len() {
        return Err(MetricsError::Unpaired { left: left.len(), right: right.len() });
    }
    let differences: Vec<f64> = left.iter().zip(right).map(|(l, r)| l - r).collect();
    let Some(difference) = summarise(&differences) else { return Ok(None) };
    let n = differences.len();
    let squares: f64 = differences.iter().map(|d| (d - difference.mean).powi(2)).sum();
    let t = (n > 1 && squares > 0.0).then(|| difference.mean / (squares / (count(n) - 1.0) / count(n)).sqrt());
    let two_sided = |t: f64| {
        let student = StudentsT::new(0.0, 1.0, count(n) - 1.0).ok()?;
        Some((2.0 * student.cdf(-t.abs())).min(1.0))
    };
    let (signed_rank, signed_rank_p) = signed_rank(&differences);
    Ok(Some(PairedTest { difference, t, t_p: t.and_then(two_sided), signed_rank, signed_rank_p }))
}

/// W⁺ and its exact two-sided p.
fn signed_rank(differences: &[f64]) -> (f64, Option<f64>) {
    let mut sizes: Vec<(f64, bool)> = differences.iter().filter(|d| **d != 0.0).map(|d| (d.abs(), *d > 0.0)).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Twice the rank, so that mean ranks of equal sizes are whole.
    let mut doubled = vec![0usize; sizes.len()];
    let mut start = 0;
    while start < sizes.len() {
        let end = sizes.iter().skip(start).take_while(|s| s.0 == sizes[start].0).count() + start;
        // Ranks start + 1 … end have the mean (start + 1 + end) / 2.
        doubled[start..end].fill(start + 1 + end);
        start = end;
    }
    let positive: usize = doubled.iter().zip(&sizes).filter(|(_, s)| s.1).map(|(rank, _)| rank).sum();
    (count(positive) / 2.0, (sizes.len() <= MOST_PAIRS).then(|| exact(&doubled, positive)))
}

/// Twice the smaller tail of the distribution of rank sums when every sign is a fair coin, at most 1.
fn exact(doubled: &[usize], found: usize) -> f64 {
    let total: usize = doubled.iter().sum();
    let mut chance = vec![0.0; total + 1];
    chance[0] = 1.0;
    for rank in doubled {
        for sum in (0..=total).rev() {
            let taken = if sum >= *rank { chance[sum - rank] } else { 0.0 };
            chance[sum] = 0.5 * (chance[sum] + taken);
        }
    }
    let below: f64 = chance[..=found].iter().sum();
    let above: f64 = chance[found..].iter().sum();
    (2.0 * below.min(above)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: Option<f64>, b: f64) {
        assert!((a.unwrap() - b).abs() < 1e-9, "{a:?} is not {b}");
    }

    /// scipy 1's `ttest_rel` and `wilcoxon(method="exact")`.
    #[test]
    fn both_tests_equal_scipys() {
        let int8 = [0.612, 0.655, 0.601, 0.640, 0.633];
        let float = [0.620, 0.671, 0.6055, 0.6395, 0.652];
        let found = paired_test(&int8, &float).unwrap().unwrap();
        close(found.t, -2.608596316045221);
        close(found.t_p, 0.059507700870244214);
        assert_eq!(found.signed_rank, 1.0);
        close(found.signed_rank_p, 0.125);
    }

    /// Equal sizes and a zero: every assignment of signs to scipy's `rankdata`, counted in Python.
    #[test]
    fn ties_share_ranks_and_zeros_are_left_out() {
        let differences = [1.0, -1.0, 2.0, 2.0, 0.0, 3.0, -0.5];
        let found = paired_test(&differences, &[0.0; 7]).unwrap().unwrap();
        close(found.t_p, 0.14891204998024804);
        assert_eq!(found.signed_rank, 17.5);
        close(found.signed_rank_p, 0.1875);
    }

    #[test]
    fn what_cannot_be_tested_says_so() {
        assert_eq!(paired_test(&[], &[]), Ok(None));
        assert!(paired_test(&[1.0], &[]).is_err());
        let one = paired_test(&[0.5], &[0.4]).unwrap().unwrap();
        assert_eq!((one.t, one.t_p, one.signed_rank_p), (None, None, Some(1.0)));
        let same = paired_test(&[0.5, 0.5], &[0.5, 0.5]).unwrap().unwrap();
        assert_eq!((same.t, same.signed_rank, same.signed_rank_p), (None, 0.0, Some(1.0)));
        let many = vec![1.0; 201];
        assert_eq!(paired_test(&many, &vec![0.0; 201]).unwrap().unwrap().signed_rank_p, None);
    }
}
