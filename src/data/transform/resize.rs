//! Resizing bytes with the filters and the 22-bit fixed-point arithmetic that the Python imaging library made common.
//!
//! docs/data.md numbers the equations; `tests/peers/resize.py` made the images that hold them.

use super::Image;
use crate::numeric::{Rounder, Rounding};

/// Fraction bits of a coefficient: 32 − 8 (a pixel) − 2 (a bicubic sum may overshoot and be negative).
const FRACTION: u32 = 22;

/// How a new pixel is made of old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// The pixel under the new pixel's centre.
    Nearest,
    /// Mean of the pixels under the new one (a box; `area` in other libraries).
    Area,
    /// Triangle, two pixels wide, wider when shrinking.
    #[default]
    Bilinear,
    /// Keys' cubic with a = −½, four pixels wide, wider when shrinking.
    Bicubic,
}

impl Filter {
    /// Every filter with its name in experiment files.
    pub const NAMES: &[(&str, Self)] =
        &[("nearest", Self::Nearest), ("area", Self::Area), ("bilinear", Self::Bilinear), ("bicubic", Self::Bicubic)];

    /// Its name in experiment files.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, f)| *f == self).map_or("", |(name, _)| name)
    }

    /// Half the width of the filter in source pixels at scale 1; D3.
    fn support(self) -> f64 {
        match self {
            Self::Nearest | Self::Area => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// Weight at distance `x`, in source pixels at scale 1; D3.
    fn weight(self, x: f64) -> f64 {
        let far = x.abs();
        match self {
            Self::Nearest | Self::Area => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - far).max(0.0),
            Self::Bicubic if far < 1.0 => (1.5 * far - 2.5) * far * far + 1.0,
            Self::Bicubic if far < 2.0 => (((far - 5.0) * far + 8.0) * far - 4.0) * -0.5,
            Self::Bicubic => 0.0,
        }
    }
}

/// One new row or column: the first old one it reads, and the coefficients.
struct Taps {
    first: usize,
    coefficients: Vec<i32>,
}

/// The image at another size, `height` × `width`.
///
/// * Value: separable; columns first, then rows, each pass rounded and clamped to a byte.
/// * Formula: D1–D4 of docs/data.md; `nearest` D5.
/// * Rounding: coefficients once, ties away from zero, to 22 fraction bits; sums `(Σ c·p + 2²¹) >> 22`. Overflow: clamps to 0…255;
///   the sum itself fits 32 bits (|Σ c| < 2 for every filter here).
/// * Equals: Pillow 11.3's `Image.resize`, byte for byte.
pub fn resize(image: &Image, height: usize, width: usize, filter: Filter) -> Image {
    let [h, w, _] = image.shape;
    if filter == Filter::Nearest {
        return nearest(image, height, width);
    }
    let wide = if w == width { image.clone() } else { columns(image, &taps(w, width, filter)) };
    if h == height { wide } else { rows(&wide, &taps(h, height, filter)) }
}

fn nearest(image: &Image, height: usize, width: usize) -> Image {
    let [h, w, c] = image.shape;
    let xs: Vec<usize> = centres(w, width);
    let mut pixels = Vec::with_capacity(height * width * c);
    for y in centres(h, height) {
        for x in &xs {
            pixels.extend_from_slice(&image.pixels[(y * w + x) * c..][..c]);
        }
    }
    Image { shape: [height, width, c], pixels }
}

/// `⌊(2i + 1)·old / (2·new)⌋`; D5.
fn centres(old: usize, new: usize) -> Vec<usize> {
    (0..new).map(|i| (2 * i + 1) * old / (2 * new)).collect()
}

/// Coefficients of every new position; D1–D4. All arithmetic is f64's `+ − × ÷`, so it is the same everywhere.
fn taps(old: usize, new: usize, filter: Filter) -> Vec<Taps> {
    let mut nearest = Rounder::new(Rounding::TiesAway, 0, 0);
    let (mut floor, one) = (Rounder::new(Rounding::TowardZero, 0, 0), f64::from(1 << FRACTION));
    let scale = real(old) / real(new);
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let mut place = |x: f64| usize::try_from(floor.real(x + 0.5).max(0)).unwrap_or(0);
    let mut all = Vec::with_capacity(new);
    for i in 0..new {
        let centre = (real(i) + 0.5) * scale;
        let first = place(centre - support);
        let last = place(centre + support).min(old);
        let weights: Vec<f64> =
            (first..last).map(|x| filter.weight((real(x) - centre + 0.5) * (1.0 / stretch))).collect();
        let sum: f64 = weights.iter().sum();
        let mut fixed = |w: &f64| i32::try_from(nearest.real(w / sum * one)).expect("no weight reaches 2");
        let coefficients = weights.iter().map(&mut fixed).collect();
        all.push(Taps { first, coefficients });
    }
    all
}

fn columns(image: &Image, taps: &[Taps]) -> Image {
    let [h, w, c] = image.shape;
    let mut pixels = Vec::with_capacity(h * taps.len() * c);
    for row in image.pixels.chunks_exact(w * c) {
        for tap in taps {
            for channel in 0..c {
                let old = row[tap.first * c + channel..].iter().step_by(c);
                pixels.push(weighted(old, &tap.coefficients));
            }
        }
    }
    Image { shape: [h, taps.len(), c], pixels }
}

fn rows(image: &Image, taps: &[Taps]) -> Image {
    let [_, w, c] = image.shape;
    let line = w * c;
    let mut pixels = Vec::with_capacity(taps.len() * line);
    for tap in taps {
        for at in 0..line {
            let old = image.pixels[tap.first * line + at..].iter().step_by(line);
            pixels.push(weighted(old, &tap.coefficients));
        }
    }
    Image { shape: [taps.len(), w, c], pixels }
}

/// `(Σ c·p + 2²¹) >> 22`, clamped to a byte; D4.
fn weighted<'a>(pixels: impl Iterator<Item = &'a u8>, coefficients: &[i32]) -> u8 {
    let sum: i32 = coefficients.iter().zip(pixels).map(|(c, p)| c * i32::from(*p)).sum();
    let rounded = (sum + (1 << (FRACTION - 1))) >> FRACTION;
    u8::try_from(rounded.clamp(0, 255)).expect("clamped to a byte")
}

/// A side of an image as a real number.
#[allow(clippy::cast_precision_loss, reason = "sides of images are far below 2^53")]
fn real(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(shape: [usize; 2], pixels: &[u8]) -> Image {
        Image { shape: [shape[0], shape[1], 1], pixels: pixels.to_vec() }
    }

    #[test]
    fn small_cases_by_hand() {
        let row = grey([1, 2], &[0, 100]);
        assert_eq!(resize(&row, 1, 4, Filter::Nearest).pixels, [0, 0, 100, 100]);
        assert_eq!(resize(&row, 1, 4, Filter::Bilinear).pixels, [0, 25, 75, 100]);
        assert_eq!(
            resize(&grey([2, 2], &[0, 10, 20, 31]), 1, 1, Filter::Area).pixels,
            [16],
            "two roundings: 5, 26 → 16"
        );
        // Keys' cubic overshoots beside an edge and is clamped.
        let edge = grey([1, 4], &[0, 0, 255, 255]);
        let big = resize(&edge, 1, 8, Filter::Bicubic).pixels;
        assert!(big[2] == 0 && big[5] == 255 && big[3] > 30 && big[4] < 225, "{big:?}");
    }

    #[test]
    fn the_same_size_is_the_same_image_and_flat_images_stay_flat() {
        let some = grey([3, 5], &[9, 200, 3, 0, 255, 1, 2, 3, 4, 5, 250, 7, 99, 13, 64]);
        for &(name, filter) in Filter::NAMES {
            assert_eq!(resize(&some, 3, 5, filter), some, "{name}");
            for side in [1, 2, 7, 33] {
                let flat = resize(&grey([5, 4], &[77; 20]), side, side + 1, filter);
                assert!(flat.pixels.iter().all(|&p| p == 77), "{name} {side}: {:?}", flat.pixels);
            }
        }
    }

    #[test]
    fn channels_do_not_mix() {
        let mut pixels = Vec::new();
        for i in 0..12u8 {
            pixels.extend([i * 20, 0, 255]);
        }
        let image = Image { shape: [3, 4, 3], pixels };
        for &(_, filter) in Filter::NAMES {
            let new = resize(&image, 5, 2, filter);
            assert!(new.pixels.chunks(3).all(|p| p[1] == 0 && p[2] == 255));
        }
    }
}
