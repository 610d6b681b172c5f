//! What flows between layers: one image's maps, channels last.

use super::error::{NnError, check_len};
use crate::bits::{BITS, device_words, words};
use std::fmt;

/// Height, width and channels of one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows of pixels.
    pub h: usize,
    /// Pixels in a row.
    pub w: usize,
    /// Values in a pixel.
    pub c: usize,
}

impl Shape {
    /// A map of `h` × `w` pixels of `c` channels.
    pub const fn new(h: usize, w: usize, c: usize) -> Self {
        Self { h, w, c }
    }

    /// `h · w`.
    pub const fn pixels(self) -> usize {
        self.h * self.w
    }

    /// `h · w · c`.
    pub const fn len(self) -> usize {
        self.h * self.w * self.c
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Refuses zero dimensions and more than 2^28 values.
    pub(crate) fn checked(self, what: &str) -> Result<Self, NnError> {
        let product = self.h.checked_mul(self.w).and_then(|p| p.checked_mul(self.c));
        match product {
            Some(1..=0x1000_0000) => Ok(self),
            _ => Err(NnError::BadShape { what: what.to_owned(), shape: self }),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.h, self.w, self.c)
    }
}

/// Type of a map's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Unsigned bytes: pixels.
    U8,
    /// Signed bytes.
    I8,
    /// Packed ±1. One plane: the value is ±1. Two planes s₀, s₁ (stored one after the other in each pixel): the value is
    /// (s₀ + s₁)/2, so −1, 0 or +1.
    Bits {
        /// 1 or 2.
        planes: usize,
    },
    /// 32-bit integers: accumulators.
    I32,
    /// IEEE single.
    F32,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::U8 => "u8",
            Kind::I8 => "i8",
            Kind::Bits { planes: 1 } => "±1 bits",
            Kind::Bits { .. } => "2-bit values",
            Kind::I32 => "i32",
            Kind::F32 => "f32",
        })
    }
}

/// Shape and type of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Shape.
    pub shape: Shape,
    /// Type.
    pub kind: Kind,
}

impl TensorType {
    /// A map of that shape and type.
    pub const fn new(shape: Shape, kind: Kind) -> Self {
        Self { shape, kind }
    }

    /// Bytes on a device: bits in 32-bit words, each plane of each pixel starting a new word.
    pub fn device_bytes(self) -> usize {
        match self.kind {
            Kind::U8 | Kind::I8 => self.shape.len(),
            Kind::Bits { planes } => self.shape.pixels() * planes * device_words(self.shape.c) * 4,
            Kind::I32 | Kind::F32 => self.shape.len() * 4,
        }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.shape)
    }
}

/// Plain values, channels fastest: value (y, x, c) is at `(y · w + x) · c_total + c`.
#[derive(Debug, Clone, PartialEq)]
pub struct Map<T> {
    shape: Shape,
    data: Vec<T>,
}

impl<T: Copy + Default> Map<T> {
    /// A map around values in order.
    ///
    /// # Errors
    /// [`NnError::Size`] if there are not `shape.len()` of them.
    pub fn new(shape: Shape, data: Vec<T>) -> Result<Self, NnError> {
        check_len("the map", data.len(), shape.len())?;
        Ok(Self { shape, data })
    }

    /// A map of zeros.
    pub fn zeros(shape: Shape) -> Self {
        Self { shape, data: vec![T::default(); shape.len()] }
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Its values.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// Its values, to change.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// One pixel's channels.
    pub fn pixel(&self, y: usize, x: usize) -> &[T] {
        &self.data[(y * self.shape.w + x) * self.shape.c..][..self.shape.c]
    }
}

/// Packed ±1 planes: each pixel is `planes` rows of `words(c)` words, tails zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMap {
    shape: Shape,
    planes: usize,
    data: Vec<u64>,
}

impl BitMap {
    /// A map of +1s.
    pub fn ones(shape: Shape, planes: usize) -> Self {
        Self { shape, planes, data: vec![0; shape.pixels() * planes * words(shape.c)] }
    }

    /// Its shape; `c` counts values, not words.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Planes a value.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Words in a pixel: all planes.
    pub fn pixel_words(&self) -> usize {
        self.planes * words(self.shape.c)
    }

    /// All words, pixel by pixel.
    pub fn words(&self) -> &[u64] {
        &self.data
    }

    /// All words, to change; whoever writes keeps the tails zero.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.data
    }

    /// One pixel's words.
    pub fn pixel(&self, y: usize, x: usize) -> &[u64] {
        let n = self.pixel_words();
        &self.data[(y * self.shape.w + x) * n..][..n]
    }

    /// One sign of one plane.
    pub fn sign(&self, y: usize, x: usize, c: usize, plane: usize) -> i32 {
        let word = self.pixel(y, x)[plane * words(self.shape.c) + c / BITS];
        if word >> (c % BITS) & 1 == 1 { -1 } else { 1 }
    }

    /// Makes one sign −1.
    pub(crate) fn set_negative(&mut self, y: usize, x: usize, c: usize, plane: usize) {
        let n = self.pixel_words();
        self.data[(y * self.shape.w + x) * n + plane * words(self.shape.c) + c / BITS] |= 1 << (c % BITS);
    }

    /// One value: ±1 with one plane; −1, 0 or 1 with two.
    pub fn value(&self, y: usize, x: usize, c: usize) -> i32 {
        let sum: i32 = (0..self.planes).map(|p| self.sign(y, x, c, p)).sum();
        if self.planes == 1 { sum } else { sum / 2 }
    }

    /// All values, channels fastest.
    pub fn values(&self) -> Vec<i32> {
        let Shape { h, w, c } = self.shape;
        let at = |y, x| (0..c).map(move |k| self.value(y, x, k));
        (0..h).flat_map(|y| (0..w).flat_map(move |x| at(y, x))).collect()
    }
}

/// One image's map of any type.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// Pixels.
    U8(Map<u8>),
    /// Signed bytes.
    I8(Map<i8>),
    /// Packed ±1.
    Bits(BitMap),
    /// Accumulators.
    I32(Map<i32>),
    /// Floats.
    F32(Map<f32>),
}

impl Tensor {
    /// Pixels of an image, `h · w · c` bytes, channels fastest.
    ///
    /// # Errors
    /// [`NnError::Size`] if the number of bytes is another.
    pub fn image(shape: Shape, pixels: &[u8]) -> Result<Self, NnError> {
        Ok(Self::U8(Map::new(shape, pixels.to_vec())?))
    }

    /// A map of zeros (+1s, if it is packed).
    pub(crate) fn zeros(ty: TensorType) -> Self {
        match ty.kind {
            Kind::U8 => Self::U8(Map::zeros(ty.shape)),
            Kind::I8 => Self::I8(Map::zeros(ty.shape)),
            Kind::Bits { planes } => Self::Bits(BitMap::ones(ty.shape, planes)),
            Kind::I32 => Self::I32(Map::zeros(ty.shape)),
            Kind::F32 => Self::F32(Map::zeros(ty.shape)),
        }
    }

    /// Shape and type.
    pub fn ty(&self) -> TensorType {
        match self {
            Tensor::U8(m) => TensorType::new(m.shape, Kind::U8),
            Tensor::I8(m) => TensorType::new(m.shape, Kind::I8),
            Tensor::Bits(m) => TensorType::new(m.shape, Kind::Bits { planes: m.planes }),
            Tensor::I32(m) => TensorType::new(m.shape, Kind::I32),
            Tensor::F32(m) => TensorType::new(m.shape, Kind::F32),
        }
    }

    /// Shape.
    pub fn shape(&self) -> Shape {
        self.ty().shape
    }

    /// All values as integers, channels fastest; `None` for floats.
    pub fn integers(&self) -> Option<Vec<i32>> {
        match self {
            Tensor::U8(m) => Some(m.data.iter().map(|v| i32::from(*v)).collect()),
            Tensor::I8(m) => Some(m.data.iter().map(|v| i32::from(*v)).collect()),
            Tensor::Bits(m) => Some(m.values()),
            Tensor::I32(m) => Some(m.data.clone()),
            Tensor::F32(_) => None,
        }
    }

    /// All values as reals, channels fastest; exact.
    pub fn reals(&self) -> Vec<f64> {
        match self {
            Tensor::F32(m) => m.data.iter().map(|v| f64::from(*v)).collect(),
            other => other.integers().unwrap_or_default().into_iter().map(f64::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_planes_give_three_values_and_keep_their_place() {
        let mut map = BitMap::ones(Shape::new(1, 2, 70), 2);
        map.set_negative(0, 1, 69, 0);
        map.set_negative(0, 1, 69, 1);
        map.set_negative(0, 1, 3, 1);
        let values = map.values();
        assert_eq!((values[69], values[70 + 69], values[70 + 3], values[70]), (1, -1, 0, 1));
        assert_eq!(map.pixel_words(), 4);
        assert_eq!(TensorType::new(map.shape(), Kind::Bits { planes: 2 }).device_bytes(), 2 * 2 * 3 * 4);
    }

    #[test]
    fn absurd_shapes_are_refused_without_overflow() {
        assert!(Shape::new(usize::MAX, 2, 2).checked("x").is_err());
        assert!(Shape::new(0, 2, 2).checked("x").is_err());
        assert!(Shape::new(1 << 14, 1 << 14, 1).checked("x").is_ok());
    }
}
