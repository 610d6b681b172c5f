//! More shapes than the labels name: deformed, mirrored, turned and recombined digits.
//!
//! The backbone must serve digits that it has never seen, so it is not asked to tell its few digits apart but to tell
//! apart *shapes* made of them. A pretext class is a triple (upper digit, lower digit, symmetry): the upper half of one
//! image over the lower half of another, mirrored or turned by one of the 8 symmetries of the square. No label beyond
//! those of the backbone's own digits is used.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::idx::{AREA, Digits, SIDE};

/// Symmetries of the square: bit 0 mirrors, bits 1 and 2 turn by quarter turns.
pub const SYMMETRIES: usize = 8;

/// A uniform real in `[lo, hi)`.
pub fn uniform(rng: &mut ChaCha8Rng, lo: f32, hi: f32) -> f32 {
    // 24 bits: exactly representable, so the same on every machine.
    let unit = f32::from(u16::try_from(rng.next_u32() >> 16).unwrap_or(0)) / 65_536.0;
    lo + (hi - lo) * unit
}

/// A uniform index below `n` (the bias of the multiply method is below 2⁻³² · n).
pub fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let wide = u128::from(rng.next_u64()) * u128::try_from(n).unwrap_or(0);
    usize::try_from(wide >> 64).unwrap_or(0)
}

/// The pretext task made of the digits of some classes.
pub struct Pretext<'a> {
    digits: &'a Digits,
    /// Images of each of the backbone's own classes.
    members: Vec<Vec<usize>>,
}

impl<'a> Pretext<'a> {
    /// The task over `classes`; `digits` must hold at least one image of each.
    pub fn new(digits: &'a Digits, classes: &[u8]) -> Self {
        let members =
            classes.iter().map(|c| (0..digits.labels.len()).filter(|&i| digits.labels[i] == *c).collect()).collect();
        Self { digits, members }
    }

    /// How many pretext classes there are: digits² × symmetries.
    pub fn classes(&self) -> usize {
        self.members.len() * self.members.len() * SYMMETRIES
    }

    /// One sample: its 28 × 28 bytes and its pretext class. Half of the samples keep both halves of one digit.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> (Vec<u8>, u32) {
        let n = self.members.len();
        let upper = below(rng, n);
        let lower = if below(rng, 2) == 0 { upper } else { below(rng, n) };
        let pick = |rng: &mut ChaCha8Rng, class: usize| self.members[class][below(rng, self.members[class].len())];
        let first = pick(rng, upper);
        let second = if upper == lower { first } else { pick(rng, lower) };
        let mut joined = self.digits.image(first).to_vec();
        joined[AREA / 2..].copy_from_slice(&self.digits.image(second)[AREA / 2..]);
        let symmetry = below(rng, SYMMETRIES);
        let label = (upper * n + lower) * SYMMETRIES + symmetry;
        (deform(&turn(&joined, symmetry), rng), u32::try_from(label).unwrap_or(0))
    }
}

/// Applies one of the 8 symmetries of the square.
fn turn(image: &[u8], symmetry: usize) -> Vec<u8> {
    let last = SIDE - 1;
    (0..AREA)
        .map(|i| {
            let (mut y, mut x) = (i / SIDE, i % SIDE);
            for _ in 0..symmetry / 2 {
                (y, x) = (x, last - y);
            }
            image[y * SIDE + if symmetry % 2 == 1 { last - x } else { x }]
        })
        .collect()
}

/// A random small affine map (turn ±15°, scale 0.8–1.2 by axis, shear ±0.2, shift ±2.5 pixels), bilinear.
fn deform(image: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let angle = uniform(rng, -0.26, 0.26);
    let (sin, cos) = (angle - angle * angle * angle / 6.0, 1.0 - angle * angle / 2.0);
    let (sx, sy) = (uniform(rng, 0.8, 1.2), uniform(rng, 0.8, 1.2));
    let shear = uniform(rng, -0.2, 0.2);
    let (dx, dy) = (uniform(rng, -2.5, 2.5), uniform(rng, -2.5, 2.5));
    let centre = 13.5f32;
    let mut out = Vec::with_capacity(AREA);
    for i in 0..AREA {
        let (y, x) = (real(i / SIDE) - centre, real(i % SIDE) - centre);
        let u = sx * (cos * x - sin * y + shear * y) + centre + dx;
        let v = sy * (sin * x + cos * y) + centre + dy;
        out.push(bilinear(image, v, u));
    }
    out
}

/// Small integers as reals, exactly.
fn real(i: usize) -> f32 {
    f32::from(u16::try_from(i).unwrap_or(u16::MAX))
}

/// The image at row `v`, column `u`, zero outside.
fn bilinear(image: &[u8], v: f32, u: f32) -> u8 {
    let (y0, x0) = (v.floor(), u.floor());
    let (fy, fx) = (v - y0, u - x0);
    let at = |y: f32, x: f32| {
        let inside = (0.0..28.0).contains(&y) && (0.0..28.0).contains(&x);
        if inside { f32::from(image[index(y) * SIDE + index(x)]) } else { 0.0 }
    };
    let top = at(y0, x0) * (1.0 - fx) + at(y0, x0 + 1.0) * fx;
    let bottom = at(y0 + 1.0, x0) * (1.0 - fx) + at(y0 + 1.0, x0 + 1.0) * fx;
    byte(top * (1.0 - fy) + bottom * fy)
}

/// A whole real in 0..28 as an index.
fn index(x: f32) -> usize {
    usize::from(byte(x))
}

/// The nearest byte (float to integer `as` saturates).
fn byte(x: f32) -> u8 {
    x.round() as u8
}
