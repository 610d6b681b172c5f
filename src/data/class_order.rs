//! In which order classes come, and how many at a time: by hand, by seed, by numpy's seed, or as published.

use super::StreamError;
use super::numpy::permutation;
use super::order::shuffled;

/// Where an order of classes comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassOrder {
    /// 0, 1, 2, …
    Natural,
    /// As listed, each class at most once.
    Given(Vec<usize>),
    /// Drawn by our own generator.
    Seeded(u64),
    /// `numpy.random.RandomState(seed).permutation(classes)`.
    Numpy(u32),
    /// A published one, by name; a seed reorders all experiences but the first.
    Published(&'static str, Option<u64>),
}

/// An order that a publication or its code used.
#[derive(Debug)]
pub struct Published {
    /// Name in experiment files.
    pub name: &'static str,
    /// Classes of the data set.
    pub classes: usize,
    /// Classes of the first and of each later experience.
    pub sizes: (usize, usize),
    /// The order.
    order: fn() -> Vec<usize>,
}

/// All published orders, with their sources in docs/data.md.
pub static PUBLISHED: [Published; 3] = [
    Published { name: "vorabbi-cifar10", classes: 10, sizes: (2, 2), order: || vec![6, 2, 0, 8, 7, 1, 5, 4, 9, 3] },
    Published { name: "icarl-cifar100", classes: 100, sizes: (10, 10), order: || permutation(100, 1993) },
    Published { name: "core50-nc", classes: 50, sizes: (10, 5), order: core50 },
];

/// CORe50's NC scenario: the first object of each of the ten categories; then by turns the next object of categories 1 to 5 and
/// of 6 to 10. Batch b takes object `⌊b/2 + ½⌋` (from 0): the benchmark's generator rounded halves up. Halves to even, as the
/// same script rounds under a newer interpreter, would take objects twice and lose others.
fn core50() -> Vec<usize> {
    let batch = |b: usize| {
        let (object, categories) =
            if b == 0 { (0, 0..10) } else { (b.div_ceil(2), if b % 2 == 1 { 0..5 } else { 5..10 }) };
        categories.map(move |category| category * 5 + object)
    };
    (0..9).flat_map(batch).collect()
}

/// Classes of each experience: `sizes` = how many at first, and how many later; those of a published order where `None`.
///
/// # Errors
/// [`StreamError::Order`] if the order is none of `n_classes` classes or the sizes do not use it up.
pub fn split(
    order: &ClassOrder,
    sizes: Option<(usize, usize)>,
    n_classes: usize,
) -> Result<Vec<Vec<usize>>, StreamError> {
    let wrong = |problem: String| StreamError::Order { problem };
    let (list, published) = match order {
        ClassOrder::Natural => ((0..n_classes).collect(), None),
        ClassOrder::Given(list) => (list.clone(), None),
        ClassOrder::Seeded(seed) => (shuffled(n_classes, *seed, 0), None),
        ClassOrder::Numpy(seed) => (permutation(n_classes, *seed), None),
        ClassOrder::Published(name, _) => {
            let found = PUBLISHED.iter().find(|p| p.name == *name);
            let p = found.ok_or_else(|| wrong(format!("there is no published order `{name}`")))?;
            if p.classes != n_classes {
                return Err(wrong(format!(
                    "order `{name}` is for {} classes, the data set has {n_classes}",
                    p.classes
                )));
            }
            ((p.order)(), Some(p.sizes))
        }
    };
    let (first, each) = sizes.or(published).ok_or_else(|| wrong("no number of classes an experience".to_owned()))?;
    let later = list.len().checked_sub(first).filter(|rest| each > 0 && rest.is_multiple_of(each));
    if first == 0 || later.is_none() {
        let n = list.len();
        return Err(wrong(format!("{n} classes are not {first} at first and then {each} at a time")));
    }
    let (head, tail) = list.split_at(first);
    let mut rest: Vec<Vec<usize>> = tail.chunks(each).map(<[usize]>::to_vec).collect();
    if let ClassOrder::Published(_, Some(seed)) = order {
        rest = shuffled(rest.len(), *seed, 0).into_iter().map(|at| rest[at].clone()).collect();
    }
    rest.insert(0, head.to_vec());
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(name: &'static str, seed: Option<u64>) -> ClassOrder {
        ClassOrder::Published(name, seed)
    }

    #[test]
    fn the_papers_order_of_cifar10() {
        let lists = split(&published("vorabbi-cifar10", None), None, 10).unwrap();
        assert_eq!(lists, [[6, 2], [0, 8], [7, 1], [5, 4], [9, 3]]);
        assert!(split(&published("vorabbi-cifar10", None), None, 100).is_err());
    }

    #[test]
    fn icarls_order_of_cifar100_is_numpys_1993() {
        let lists = split(&published("icarl-cifar100", None), Some((50, 10)), 100).unwrap();
        assert_eq!((lists.len(), lists[0].len(), &lists[0][..5]), (6, 50, &[68, 56, 78, 8, 23][..]));
    }

    #[test]
    fn core50_brings_every_object_once_rounding_halves_up() {
        let lists = split(&published("core50-nc", None), None, 50).unwrap();
        assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [10, 5, 5, 5, 5, 5, 5, 5, 5]);
        assert_eq!(lists[0], [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
        assert_eq!((&lists[1][..], &lists[2][..]), (&[1, 6, 11, 16, 21][..], &[26, 31, 36, 41, 46][..]));
        assert_eq!((&lists[3][..], &lists[8][..]), (&[2, 7, 12, 17, 22][..], &[29, 34, 39, 44, 49][..]));
        let mut all = lists.concat();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
        // The trap: halves to even repeat the first objects in batch 1 (0.5 → 0) and bring batch 5's (2.5 → 2) for the second time.
        let even = |b: usize| b / 2 + usize::from(b % 4 == 3);
        assert_eq!((even(1), even(5), even(4)), (0, 2, 2));
        let other = split(&published("core50-nc", Some(3)), None, 50).unwrap();
        assert_eq!(other[0], lists[0]);
        assert!(other != lists && other.iter().all(|l| lists.contains(l)));
    }

    #[test]
    fn sizes_must_use_the_classes_up() {
        assert_eq!(split(&ClassOrder::Natural, Some((2, 1)), 4).unwrap(), [vec![0, 1], vec![2], vec![3]]);
        assert_eq!(split(&ClassOrder::Given(vec![3, 1]), Some((1, 1)), 4).unwrap(), [[3], [1]]);
        assert_eq!(split(&ClassOrder::Natural, Some((4, 3)), 4).unwrap(), [[0, 1, 2, 3]]);
        for sizes in [(3, 2), (0, 2), (5, 1), (2, 0)] {
            let error = split(&ClassOrder::Natural, Some(sizes), 4).unwrap_err().to_string();
            assert!(error.contains("4 classes"), "{error}");
        }
        assert!(split(&ClassOrder::Natural, None, 4).is_err());
        assert_eq!(split(&ClassOrder::Seeded(5), Some((2, 2)), 4), split(&ClassOrder::Seeded(5), Some((2, 2)), 4));
    }
}
