//! Shapes that tell apart what agrees on a few: a fifth of each list is held back when expressions are matched.

use crate::cases::Random;

/// Shapes drawn once and for all beside those chosen by hand, so that a fifth of the cases can be held back: height and width from the
/// kernel's side, channels in and out in `unit`s, side of the kernel, stride.
pub(super) fn drawn(n: usize, unit: usize, kernels: [i64; 2]) -> Vec<(usize, usize, usize, usize, usize, usize)> {
    let mut random = Random::new(97);
    let mut size = |lo: i64, hi: i64| usize::try_from(random.integer(lo, hi)).expect("positive");
    let one = |_| {
        let k = size(kernels[0], kernels[1]);
        let (h, w) = (k + size(0, 6), k + size(0, 6));
        (h, w, unit * size(1, 40).div_ceil(unit), unit * size(1, 28).div_ceil(unit), k, size(1, 2))
    };
    (0..n).map(one).collect()
}

/// Fewer terms than a step of four, and whole steps alone: height, width, channels, filters.
pub(super) const STEPS: [(usize, usize, usize, usize); 16] = [
    (4, 3, 2, 9),
    (2, 5, 3, 19),
    (5, 2, 1, 27),
    (3, 4, 3, 8),
    (6, 3, 2, 33),
    (1, 4, 3, 15),
    (2, 2, 2, 8),
    (3, 2, 1, 4),
    (2, 4, 16, 8),
    (3, 2, 48, 24),
    (4, 3, 32, 11),
    (2, 2, 20, 8),
    (3, 5, 12, 16),
    (1, 6, 28, 9),
    (2, 3, 8, 23),
    (4, 1, 60, 40),
];

/// Eights of filters and what is left of them: height, width, channels, filters, side of the kernel, stride.
pub(super) const FILTERS: [(usize, usize, usize, usize, usize, usize); 20] = [
    (5, 6, 2, 16, 3, 1),
    (4, 4, 3, 17, 2, 1),
    (7, 5, 4, 8, 3, 2),
    (6, 6, 1, 25, 3, 1),
    (5, 5, 3, 23, 2, 2),
    (4, 5, 8, 16, 3, 1),
    (5, 4, 5, 9, 3, 1),
    (3, 4, 14, 8, 2, 1),
    (5, 4, 5, 9, 3, 1),
    (9, 8, 30, 8, 3, 1),
    (6, 5, 7, 11, 3, 1),
    (5, 5, 2, 8, 3, 1),
    (7, 4, 3, 10, 3, 1),
    (4, 6, 11, 25, 3, 1),
    (5, 7, 13, 13, 3, 1),
    (6, 6, 10, 8, 3, 1),
    (5, 5, 14, 16, 3, 1),
    (4, 4, 21, 9, 3, 1),
    (7, 6, 6, 8, 3, 1),
    (5, 6, 22, 8, 3, 2),
];
