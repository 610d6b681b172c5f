//! Pools over 8-bit codes.

use super::super::run::geometry;
use super::super::{Map, Shape, Window};
use super::Requant;
use super::multiplier::clamp;

/// Folds each channel's taps inside the map; `finish` gets the fold and the number of taps.
fn over(
    x: &Map<i8>,
    window: Window,
    start: i32,
    fold: impl Fn(i32, i32) -> i32,
    finish: impl Fn(i32, i32) -> i8,
) -> Map<i8> {
    let g = geometry(window, x.shape());
    let channels = x.shape().c;
    let mut map = Map::zeros(Shape::new(g.oh, g.ow, channels));
    let mut acc = vec![start; channels];
    for (place, pixel) in map.data_mut().chunks_exact_mut(channels).enumerate() {
        acc.fill(start);
        let mut taps = 0;
        for tap in 0..window.taps() {
            let (ky, kx) = (tap / window.kernel[1], tap % window.kernel[1]);
            let Some((y, x_)) = g.source(place / g.ow, place % g.ow, ky, kx) else { continue };
            taps += 1;
            acc.iter_mut().zip(x.pixel(y, x_)).for_each(|(a, v)| *a = fold(*a, i32::from(*v)));
        }
        pixel.iter_mut().zip(&acc).for_each(|(p, a)| *p = finish(*a, taps));
    }
    map
}

pub(super) fn max(x: &Map<i8>, window: Window, range: [i8; 2]) -> Map<i8> {
    over(x, window, i32::from(i8::MIN), i32::max, |most, _| clamp(most, range[0], range[1]))
}

pub(super) fn average(x: &Map<i8>, window: Window, range: [i8; 2]) -> Map<i8> {
    over(x, window, 0, |a, v| a + v, |sum, n| rounded_mean(sum, n).clamp(range[0], range[1]))
}

/// Mean of `n` codes: `(sum + n/2)/n` towards zero for positive sums, `(sum − n/2)/n` for others.
#[inline(always)]
pub(crate) fn rounded_mean(sum: i32, n: i32) -> i8 {
    clamp(if sum > 0 { (sum + n / 2) / n } else { (sum - n / 2) / n }, i8::MIN, i8::MAX)
}

pub(super) fn mean(x: &Map<i8>, zero: i32, to: &Requant) -> Map<i8> {
    let channels = x.shape().c;
    let mut sums = vec![0i32; channels];
    for pixel in x.data().chunks_exact(channels) {
        sums.iter_mut().zip(pixel).for_each(|(s, v)| *s += i32::from(*v) - zero);
    }
    super::mapped(Shape::new(1, 1, channels), sums.into_iter().map(|s| to.code(0, s)))
}
