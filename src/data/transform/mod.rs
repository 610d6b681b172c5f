//! What happens to an image between the file and the network: colour, size, crop, numbers.
//!
//! The order is fixed: channels, resize, crop, domain (rotation or permutation), then [`Normalise`] where the network does not read bytes.
//! Everything up to there is integer arithmetic on bytes; docs/data.md numbers the equations.
//!
//! ```
//! use tinyprec::data::{Image, transform::{Filter, Size, Transform}};
//! let transform = Transform { resize: Some((Size::Exact(4, 4), Filter::Bicubic)), ..Transform::default() };
//! let image = transform.apply(Image { shape: [2, 2, 1], pixels: vec![0, 0, 255, 255] })?;
//! assert_eq!((image.shape, image.pixels[0], image.pixels[15]), ([4, 4, 1], 0, 255));
//! # Ok::<(), tinyprec::data::transform::TransformError>(())
//! ```

mod normalise;
mod resize;

pub use normalise::Normalise;
pub use resize::{Filter, resize};

use super::Image;
use thiserror::Error;

/// No image is made larger than this a side.
pub const LARGEST_SIDE: usize = 4096;

/// A new size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Height and width, the aspect ratio be what it may.
    Exact(usize, usize),
    /// The shorter side; the longer one keeps the aspect ratio, rounded down.
    Short(usize),
}

impl Size {
    /// Height and width that an image of `h` × `w` gets; D6.
    pub fn of(self, h: usize, w: usize) -> (usize, usize) {
        match self {
            Self::Exact(height, width) => (height, width),
            Self::Short(side) if h <= w => (side, side * w / h),
            Self::Short(side) => (side * h / w, side),
        }
    }
}

/// Steps between file and network; the default does nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transform {
    /// 1 (grey, D7) or 3 (three equal channels from a grey image).
    pub channels: Option<usize>,
    /// New size.
    pub resize: Option<(Size, Filter)>,
    /// Height and width of a crop around the middle; D8.
    pub crop: Option<(usize, usize)>,
    /// Numbers for a network that does not read bytes.
    pub normalise: Option<Normalise>,
}

/// An image that a transform cannot take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransformError {
    /// Another number of channels is asked for than can be made.
    #[error("an image of {found} channels cannot become one of {wanted}; grey (1) and colour (3) can be exchanged")]
    Channels {
        /// Channels there are.
        found: usize,
        /// Channels asked for.
        wanted: usize,
    },
    /// A crop that is larger than the image.
    #[error("a crop of {height} × {width} does not fit into {h} × {w}; resize to at least that first")]
    Crop {
        /// Height of the crop.
        height: usize,
        /// Width of the crop.
        width: usize,
        /// Height of the image.
        h: usize,
        /// Width of the image.
        w: usize,
    },
    /// A size of nothing, or beyond [`LARGEST_SIDE`].
    #[error("a size of {height} × {width} is beyond 1 to {LARGEST_SIDE} a side")]
    Size {
        /// Height.
        height: usize,
        /// Width.
        width: usize,
    },
}

impl Transform {
    /// The shape that an image of `shape` gets.
    ///
    /// # Errors
    /// [`TransformError`] if it cannot be transformed.
    pub fn shape(&self, [h, w, c]: [usize; 3]) -> Result<[usize; 3], TransformError> {
        let channels = match self.channels {
            None => c,
            Some(wanted) if wanted == c || matches!((c, wanted), (1, 3) | (3, 1)) => wanted,
            Some(wanted) => return Err(TransformError::Channels { found: c, wanted }),
        };
        let (h, w) = self.resize.map_or((h, w), |(size, _)| size.of(h, w));
        if h == 0 || w == 0 || h > LARGEST_SIDE || w > LARGEST_SIDE {
            return Err(TransformError::Size { height: h, width: w });
        }
        match self.crop {
            Some((height, width)) if height > h || width > w || height == 0 || width == 0 => {
                Err(TransformError::Crop { height, width, h, w })
            }
            Some((height, width)) => Ok([height, width, channels]),
            None => Ok([h, w, channels]),
        }
    }

    /// The transformed image, still bytes.
    ///
    /// # Errors
    /// As [`Self::shape`].
    pub fn apply(&self, image: Image) -> Result<Image, TransformError> {
        self.shape(image.shape)?;
        let mut image = match self.channels {
            Some(wanted) if wanted != image.shape[2] => recoloured(&image),
            _ => image,
        };
        if let Some((size, filter)) = self.resize {
            let (height, width) = size.of(image.shape[0], image.shape[1]);
            image = resize(&image, height, width, filter);
        }
        Ok(match self.crop {
            Some((height, width)) => cropped(&image, height, width),
            None => image,
        })
    }
}

/// Grey to three equal channels, or three to grey by ITU-R 601-2 luma in 16-bit fixed point; D7.
fn recoloured(image: &Image) -> Image {
    let [h, w, c] = image.shape;
    if c == 1 {
        return Image { shape: [h, w, 3], pixels: image.pixels.iter().flat_map(|&p| [p; 3]).collect() };
    }
    let grey = |p: &[u8]| {
        let sum = 19_595 * u32::from(p[0]) + 38_470 * u32::from(p[1]) + 7_471 * u32::from(p[2]) + (1 << 15);
        u8::try_from(sum >> 16).expect("the weights sum to 2^16")
    };
    Image { shape: [h, w, 1], pixels: image.pixels.chunks_exact(3).map(grey).collect() }
}

/// The middle of an image; half the rest is cut at top and left, ties to even; D8.
fn cropped(image: &Image, height: usize, width: usize) -> Image {
    let [h, w, c] = image.shape;
    let before = |rest: usize| rest / 2 + usize::from(rest % 4 == 3);
    let (top, left) = (before(h - height), before(w - width));
    let row = |y: usize| &image.pixels[((top + y) * w + left) * c..][..width * c];
    Image { shape: [height, width, c], pixels: (0..height).flat_map(row).copied().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(h: usize, w: usize, c: usize) -> Image {
        Image { shape: [h, w, c], pixels: (0..h * w * c).map(|i| u8::try_from(i % 251).unwrap()).collect() }
    }

    #[test]
    fn crops_are_centred_with_ties_to_even() {
        // Rests 1, 2, 3, 4, 5 cut 0, 1, 2, 2, 2 before, as Python's round(rest / 2).
        for (rest, before) in [(1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (7, 4)] {
            let crop = Transform { crop: Some((1, 1)), ..Transform::default() };
            let found = crop.apply(ramp(1, 1 + rest, 1)).unwrap();
            assert_eq!(found.pixels, [u8::try_from(before).unwrap()], "rest {rest}");
        }
    }

    #[test]
    fn short_side_keeps_the_aspect_and_rounds_down() {
        assert_eq!(Size::Short(256).of(480, 641), (256, 341));
        assert_eq!(Size::Short(256).of(641, 480), (341, 256));
        assert_eq!(Size::Short(10).of(7, 7), (10, 10));
    }

    #[test]
    fn colour_and_grey_exchange() {
        let to = |channels| Transform { channels: Some(channels), ..Transform::default() };
        assert_eq!(to(3).apply(ramp(1, 2, 1)).unwrap().pixels, [0, 0, 0, 1, 1, 1]);
        let primary = Image { shape: [1, 4, 3], pixels: vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255] };
        assert_eq!(to(1).apply(primary).unwrap().pixels, [76, 150, 29, 255]);
        assert_eq!(to(3).apply(ramp(1, 1, 2)), Err(TransformError::Channels { found: 2, wanted: 3 }));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let crop = Transform { crop: Some((4, 4)), ..Transform::default() };
        assert!(matches!(crop.apply(ramp(3, 9, 1)), Err(TransformError::Crop { h: 3, .. })));
        let huge = Transform { resize: Some((Size::Exact(1 << 40, 2), Filter::Area)), ..Transform::default() };
        assert!(matches!(huge.shape([3, 9, 1]), Err(TransformError::Size { .. })));
        let flat = Transform { resize: Some((Size::Short(9), Filter::Area)), ..Transform::default() };
        assert!(matches!(flat.shape([1, 9999, 1]), Err(TransformError::Size { .. })));
    }
}
