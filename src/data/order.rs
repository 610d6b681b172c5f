//! Random orders from a seed: the same on every machine and for ever.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The numbers `0..n` in random order (Fisher–Yates over ChaCha8).
///
/// Depends on `n`, `seed` and `stream` alone; streams of one seed share no random numbers; every order is equally likely
/// (no modulo bias).
pub fn shuffled(n: usize, seed: u64, stream: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

/// A number in `0..n`, each equally likely: draws above the largest multiple of `n` are thrown away.
fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let n = u64::try_from(n).expect("a length fits 64 bits");
    let fair = u64::MAX - u64::MAX % n;
    loop {
        let draw = rng.next_u64();
        if draw < fair {
            return usize::try_from(draw % n).expect("below a usize");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_permutation_that_depends_on_seed_and_stream() {
        let a = shuffled(100, 7, 0);
        let mut sorted = a.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(a, shuffled(100, 7, 0));
        assert_ne!(a, shuffled(100, 8, 0));
        assert_ne!(a, shuffled(100, 7, 1));
        assert_eq!(shuffled(0, 1, 0), Vec::<usize>::new());
        assert_eq!(shuffled(1, 1, 0), [0]);
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut seen = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *seen.entry(shuffled(3, seed, 0)).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        // 1000 expected of each; five standard deviations of a binomial are 144.
        assert!(seen.values().all(|&n: &i32| (n - 1000).abs() < 144), "{seen:?}");
    }

    #[test]
    fn the_stream_of_random_numbers_is_pinned() {
        // Committed records depend on it: a change of generator must be a decision, not an accident.
        assert_eq!(shuffled(8, 1, 2), [1, 3, 2, 4, 0, 5, 7, 6]);
    }
}
