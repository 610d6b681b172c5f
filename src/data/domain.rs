//! Domains: the same images seen another way, for streams that shift what the sensor sees instead of the classes.

use super::Image;
use super::numpy::permutations;
use crate::numeric::{Rounder, Rounding};

/// One way to see an image; shape and labels stay.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// As it is.
    Same,
    /// Pixel `i` shows what pixel `order[i]` showed, the channels of a pixel together; D11.
    Permuted(Vec<usize>),
    /// Turned about its middle; D12.
    Rotated(Rotation),
}

/// A turn, carried out backwards in 16-bit fixed point; D12.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotation {
    cos: f64,
    sin: f64,
}

/// The domains of a stream, one an experience.
#[derive(Debug, Clone, PartialEq)]
pub enum Domains {
    /// All experiences see the images alike.
    None,
    /// Pixels permuted.
    Permuted {
        /// Experiences.
        n: usize,
        /// Seed of numpy's `RandomState`, from which the permutations are drawn one after the other.
        seed: u32,
        /// Whether the first experience sees the images as they are.
        plain_first: bool,
    },
    /// Turned by these degrees counterclockwise.
    Rotated(Vec<f64>),
}

impl Domains {
    /// The domains for images of a shape; `None` where there is but one.
    pub fn of(&self, [h, w, _]: [usize; 3]) -> Option<Vec<Domain>> {
        match self {
            Self::None => None,
            Self::Rotated(degrees) => Some(degrees.iter().map(|&d| Domain::rotated(d)).collect()),
            Self::Permuted { n, seed, plain_first } => {
                let drawn = permutations(n - usize::from(*plain_first), h * w, *seed).into_iter().map(Domain::Permuted);
                Some(plain_first.then_some(Domain::Same).into_iter().chain(drawn).collect())
            }
        }
    }
}

impl Domain {
    /// A permutation of pixels.
    pub fn permuted(order: Vec<usize>) -> Self {
        Self::Permuted(order)
    }

    /// A turn by `degrees` counterclockwise.
    pub fn rotated(degrees: f64) -> Self {
        // The exact quarter turns must not depend on how a library rounds sin(π).
        let (sin, cos) = match degrees.rem_euclid(360.0) {
            0.0 => return Self::Same,
            90.0 => (1.0, 0.0),
            180.0 => (0.0, -1.0),
            270.0 => (-1.0, 0.0),
            d => d.to_radians().sin_cos(),
        };
        Self::Rotated(Rotation { cos, sin })
    }

    /// The image in this domain.
    pub fn apply(&self, image: Image) -> Image {
        match self {
            Self::Same => image,
            Self::Permuted(order) => {
                let c = image.shape[2];
                let pixel = |&from: &usize| image.pixels.get(from * c..(from + 1) * c).unwrap_or_default();
                let pixels: Vec<u8> = order.iter().flat_map(pixel).copied().collect();
                // An order made for another size changes nothing rather than the shape.
                if pixels.len() == image.pixels.len() { Image { pixels, ..image } } else { image }
            }
            Self::Rotated(rotation) => rotation.apply(&image),
        }
    }
}

impl Rotation {
    /// Nearest pixel under each new one's centre, 0 outside; D12. Equals Pillow's `Image.rotate`, byte for byte.
    fn apply(self, image: &Image) -> Image {
        let [h, w, c] = image.shape;
        let mut rounder = Rounder::new(Rounding::TiesUp, 0, 0);
        let mut fixed = |x: f64| rounder.real(x * 65_536.0);
        let (Self { cos, sin }, half) = (self, |n: usize| f64::from(u32::try_from(n).unwrap_or(0)) / 2.0);
        let (middle_x, middle_y) = (half(w), half(h));
        let start_x = fixed(middle_x - cos * middle_x + sin * middle_y + cos * 0.5 - sin * 0.5);
        let start_y = fixed(middle_y - sin * middle_x - cos * middle_y + sin * 0.5 + cos * 0.5);
        let (cos, sin) = (fixed(cos), fixed(sin));
        let mut pixels = vec![0; image.pixels.len()];
        for (to, (y, x)) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))).enumerate() {
            let (row, column) = (i64::try_from(y).unwrap_or(0), i64::try_from(x).unwrap_or(0));
            let from_x = usize::try_from((start_x + cos * column - sin * row) >> 16);
            let from_y = usize::try_from((start_y + sin * column + cos * row) >> 16);
            if let (Ok(from_x), Ok(from_y)) = (from_x, from_y)
                && from_x < w
                && from_y < h
            {
                let from = (from_y * w + from_x) * c;
                pixels[to * c..(to + 1) * c].copy_from_slice(&image.pixels[from..from + c]);
            }
        }
        Image { shape: image.shape, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(h: usize, w: usize) -> Image {
        Image { shape: [h, w, 1], pixels: (1..=h * w).map(|i| u8::try_from(i).unwrap()).collect() }
    }

    #[test]
    fn quarter_turns_are_exact_and_counterclockwise() {
        let turn = |d: f64| Domain::rotated(d).apply(grid(3, 3)).pixels;
        assert_eq!(turn(0.0), grid(3, 3).pixels);
        assert_eq!(turn(90.0), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        assert_eq!(turn(180.0), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(turn(-90.0), turn(270.0));
        assert_eq!(Domain::rotated(90.0).apply(grid(4, 4)).pixels[..4], [4, 8, 12, 16]);
    }

    #[test]
    fn corners_turn_out_of_sight() {
        let turned = Domain::rotated(45.0).apply(grid(9, 9)).pixels;
        assert_eq!((turned[0], turned[40]), (0, 41));
    }

    #[test]
    fn a_permutation_moves_whole_pixels() {
        let image = Image { shape: [1, 2, 2], pixels: vec![1, 2, 3, 4] };
        assert_eq!(Domain::permuted(vec![1, 0]).apply(image.clone()).pixels, [3, 4, 1, 2]);
        assert_eq!(Domain::permuted(vec![0]).apply(image.clone()), image);
    }
}
