//! Rank correlation: whether a model orders workloads as a board does, whatever its scale.

use super::statistics::count;

/// Spearman's ρ: Pearson's correlation of mid-ranks. `None` with fewer than three pairs or where one side never varies.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let left = mid_ranks(&pairs.iter().map(|p| p.0).collect::<Vec<_>>());
    let right = mid_ranks(&pairs.iter().map(|p| p.1).collect::<Vec<_>>());
    let mean = (count(pairs.len()) + 1.0) / 2.0;
    let sum = |f: &dyn Fn(f64, f64) -> f64| left.iter().zip(&right).map(|(l, r)| f(l - mean, r - mean)).sum::<f64>();
    let spread = sum(&|l, _| l * l) * sum(&|_, r| r * r);
    (spread > 0.0).then(|| sum(&|l, r| l * r) / spread.sqrt())
}

/// Kendall's τ-b: (concordant − discordant) / √((pairs − ties left)(pairs − ties right)). `None` as for [`spearman`].
pub fn kendall(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let (mut agreement, mut left, mut right) = (0i64, 0i64, 0i64);
    for (i, a) in pairs.iter().enumerate() {
        for b in &pairs[..i] {
            let (l, r) = (order(a.0, b.0), order(a.1, b.1));
            agreement += l * r;
            left += l.abs();
            right += r.abs();
        }
    }
    let spread = whole(left) * whole(right);
    (spread > 0.0).then(|| whole(agreement) / spread.sqrt())
}

/// −1, 0 or 1.
fn order(a: f64, b: f64) -> i64 {
    a.partial_cmp(&b).map_or(0, |o| i64::from(o as i8))
}

#[allow(clippy::cast_precision_loss, reason = "numbers of pairs are far below 2^53")]
fn whole(n: i64) -> f64 {
    n as f64
}

/// Ranks from 1; equal values share the mean of their ranks.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < places.len() {
        let same = places[start..].iter().take_while(|p| values[**p] == values[places[start]]).count();
        let rank = count(start) + (count(same) + 1.0) / 2.0;
        places[start..start + same].iter().for_each(|p| ranks[*p] = rank);
        start += same;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Option<f64>, b: f64) {
        assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
    }

    #[test]
    fn textbook_cases() {
        // Values of scipy.stats.spearmanr and kendalltau.
        let a = [106.0, 100.0, 86.0, 101.0, 99.0, 103.0, 97.0, 113.0, 112.0, 110.0];
        let b = [7.0, 27.0, 2.0, 50.0, 28.0, 29.0, 20.0, 12.0, 6.0, 17.0];
        let pairs: Vec<_> = a.into_iter().zip(b).collect();
        near(spearman(&pairs), -29.0 / 165.0);
        near(kendall(&pairs), -1.0 / 9.0);
        // Ties: x = 1 2 2 3, y = 1 3 2 4 → τ-b = 5 / √(5·6).
        let tied = [(1.0, 1.0), (2.0, 3.0), (2.0, 2.0), (3.0, 4.0)];
        near(kendall(&tied), 5.0 / 30f64.sqrt());
    }

    #[test]
    fn a_side_without_order_has_no_correlation() {
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(kendall(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 2.0)]), None);
    }
}
