//! Frontiers. Values are oriented: more is better in every objective.

/// Is `a` at least as good as `b` everywhere and better somewhere?
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b)
}

/// Numbers of the points that no other point dominates, in order. Equal points are all on the frontier.
///
/// Exact: every pair is compared that sorting by the first objective leaves open, at most n²/2.
pub fn frontier(points: &[Vec<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    // Lexicographically best first: a point can only be dominated by one that comes before it or equals it.
    order.sort_by(|&a, &b| compare(&points[b], &points[a]).then(a.cmp(&b)));
    let mut kept: Vec<usize> = Vec::new();
    for i in order {
        if !kept.iter().any(|&k| dominates(&points[k], &points[i])) {
            kept.push(i);
        }
    }
    kept.sort_unstable();
    kept
}

fn compare(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

/// All points, best first: the frontier, then the frontier of the rest, and so on; within a layer the least crowded first,
/// then by number. (Non-dominated sorting with crowding distance: Deb et al., NSGA-II, 2002.)
pub fn layers(points: &[Vec<f64>]) -> Vec<usize> {
    let mut left: Vec<usize> = (0..points.len()).collect();
    let mut order = Vec::with_capacity(points.len());
    while !left.is_empty() {
        let values: Vec<Vec<f64>> = left.iter().map(|&i| points[i].clone()).collect();
        let layer: Vec<usize> = frontier(&values).into_iter().map(|k| left[k]).collect();
        let space = crowding(points, &layer);
        let mut by_space: Vec<usize> = (0..layer.len()).collect();
        by_space.sort_by(|&a, &b| space[b].total_cmp(&space[a]).then(layer[a].cmp(&layer[b])));
        order.extend(by_space.into_iter().map(|k| layer[k]));
        left.retain(|i| !layer.contains(i));
    }
    order
}

/// Crowding distance of each point of a layer; infinite at the ends.
fn crowding(points: &[Vec<f64>], layer: &[usize]) -> Vec<f64> {
    let mut distance = vec![0.0; layer.len()];
    let objectives = layer.first().map_or(0, |&i| points[i].len());
    let columns = (0..objectives).map(|o| layer.iter().map(|&i| points[i][o]).collect::<Vec<f64>>());
    for column in columns {
        let value = |k: usize| column[k];
        let mut order: Vec<usize> = (0..layer.len()).collect();
        order.sort_by(|&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
        let (first, last) = (order[0], order[order.len() - 1]);
        let width = value(last) - value(first);
        distance[first] = f64::INFINITY;
        distance[last] = f64::INFINITY;
        for three in order.windows(3).filter(|_| width > 0.0) {
            distance[three[1]] += (value(three[2]) - value(three[0])) / width;
        }
    }
    distance
}

/// Volume that the points dominate above `reference`. Exact for any number of objectives, by slicing along the last one
/// (While et al., 2006); n^(d−1) steps, meant for d ≤ 4.
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let above: Vec<Vec<f64>> = points.iter().filter(|p| p.iter().zip(reference).all(|(x, r)| x > r)).cloned().collect();
    volume(above, reference)
}

fn volume(points: Vec<Vec<f64>>, reference: &[f64]) -> f64 {
    let Some((&floor, rest)) = reference.split_last() else { return 1.0 };
    if rest.is_empty() {
        return points.iter().map(|p| p[0] - floor).fold(0.0, f64::max);
    }
    let mut points: Vec<Vec<f64>> = frontier(&points).into_iter().map(|i| points[i].clone()).collect();
    points.sort_by(|a, b| b[rest.len()].total_cmp(&a[rest.len()]));
    let mut total = 0.0;
    for i in 0..points.len() {
        let below = points.get(i + 1).map_or(floor, |p| p[rest.len()]);
        let height = points[i][rest.len()] - below;
        if height > 0.0 {
            let slice = points[..=i].iter().map(|p| p[..rest.len()].to_vec()).collect();
            total += height * volume(slice, rest);
        }
    }
    total
}

/// Number of the frontier's point whose objectives, scaled to 0…1 over the frontier, have the largest sum: the one farthest
/// from the plane through the ends. `None` without points.
pub fn knee(points: &[Vec<f64>]) -> Option<usize> {
    let objectives = points.first()?.len();
    let ends =
        |o: usize| points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p[o]), h.max(p[o])));
    let ends: Vec<(f64, f64)> = (0..objectives).map(ends).collect();
    let sum = |p: &[f64]| -> f64 {
        p.iter().zip(&ends).map(|(x, (low, high))| if high > low { (x - low) / (high - low) } else { 1.0 }).sum()
    };
    let sums: Vec<f64> = points.iter().map(|p| sum(p)).collect();
    (0..points.len()).reduce(|best, i| if sums[i] > sums[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    /// Points on a small lattice, so that ties and equal points are common.
    fn lattice(seed: u64, n: usize, d: usize, side: u32) -> Vec<Vec<f64>> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..n).map(|_| (0..d).map(|_| f64::from(random.random_range(0..side))).collect()).collect()
    }

    #[test]
    fn the_frontier_equals_the_one_found_by_comparing_all_pairs() {
        for d in 1..=4 {
            for seed in 0..50 {
                let points = lattice(seed, 40, d, 6);
                let brute: Vec<usize> = (0..points.len())
                    .filter(|&i| !(0..points.len()).any(|j| dominates(&points[j], &points[i])))
                    .collect();
                assert_eq!(frontier(&points), brute, "d {d}, seed {seed}");
            }
        }
    }

    #[test]
    fn hypervolume_equals_the_count_of_unit_cells() {
        for (d, side) in [(1, 9), (2, 7), (3, 6), (4, 5)] {
            for seed in 0..20 {
                let points = lattice(100 + seed, 12, d, side);
                let mut cells = 0;
                let total = usize::try_from(side).unwrap().pow(u32::try_from(d).unwrap());
                for cell in 0..total {
                    let mut rest = cell;
                    let corner: Vec<f64> = (0..d)
                        .map(|_| {
                            let x = rest % usize::try_from(side).unwrap();
                            rest /= usize::try_from(side).unwrap();
                            x as f64
                        })
                        .collect();
                    cells += usize::from(points.iter().any(|p| p.iter().zip(&corner).all(|(p, c)| *p >= c + 1.0)));
                }
                assert_eq!(hypervolume(&points, &vec![0.0; d]), cells as f64, "d {d}, seed {seed}");
            }
        }
    }

    #[test]
    fn layers_hold_every_point_once_and_never_put_a_dominated_point_first() {
        for seed in 0..20 {
            let points = lattice(seed, 30, 3, 5);
            let order = layers(&points);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..30).collect::<Vec<_>>());
            for (i, &early) in order.iter().enumerate() {
                assert!(!order[i..].iter().any(|&late| dominates(&points[late], &points[early])), "seed {seed}");
            }
        }
    }

    #[test]
    fn the_knee_of_a_bent_line_is_its_bend() {
        let points = vec![vec![1.0, -100.0], vec![0.97, -20.0], vec![0.6, -10.0], vec![0.1, -9.0]];
        assert_eq!(knee(&points), Some(1));
        assert_eq!(knee(&[]), None);
    }
}
