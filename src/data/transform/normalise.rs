//! Bytes to the numbers that a network reads when it does not read bytes.

use crate::numeric::{Rounder, Rounding};

/// One affine map a channel (or one for all): `(p − mean) · scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalise {
    /// Subtracted, in units of a pixel, 0…255.
    pub mean: Vec<f64>,
    /// Multiplied; for int8 inputs, codes a pixel.
    pub scale: Vec<f64>,
}

impl Normalise {
    /// Channels it has numbers for; 1 serves any number.
    pub fn channels(&self) -> usize {
        self.mean.len().max(self.scale.len())
    }

    /// `(p − mean) · scale` in f64, rounded once to f32; D9. Channels fastest.
    #[allow(clippy::cast_possible_truncation, reason = "the one rounding that D9 defines")]
    pub fn reals(&self, pixels: &[u8], channels: usize) -> Vec<f32> {
        let table = self.table(channels, |x| x as f32);
        look_up(&table, pixels)
    }

    /// `(p − mean) · scale` in f64, rounded ties to even, clamped to −128…127; D10. Channels fastest.
    pub fn codes(&self, pixels: &[u8], channels: usize) -> Vec<i8> {
        let mut even = Rounder::new(Rounding::TiesEven, 0, 0);
        let table = self.table(channels, |x| i8::try_from(even.real(x).clamp(-128, 127)).expect("clamped to 8 bits"));
        look_up(&table, pixels)
    }

    /// All 256 values of each channel.
    fn table<T>(&self, channels: usize, mut of: impl FnMut(f64) -> T) -> Vec<Vec<T>> {
        let pick = |values: &[f64], c: usize| values.get(c).or(values.last()).copied();
        (0..channels)
            .map(|c| {
                let (mean, scale) = (pick(&self.mean, c).unwrap_or(0.0), pick(&self.scale, c).unwrap_or(1.0));
                (0..=255u8).map(|p| of((f64::from(p) - mean) * scale)).collect()
            })
            .collect()
    }
}

fn look_up<T: Copy>(table: &[Vec<T>], pixels: &[u8]) -> Vec<T> {
    pixels.iter().zip(table.iter().cycle()).map(|(p, channel)| channel[usize::from(*p)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_its_own_numbers_and_one_serves_all() {
        let own = Normalise { mean: vec![100.0, 0.0, 10.0], scale: vec![1.0, 0.5, 2.0] };
        assert_eq!(own.reals(&[90, 90, 90, 0, 1, 2], 3), [-10.0, 45.0, 160.0, -100.0, 0.5, -16.0]);
        let signs = Normalise { mean: vec![127.5], scale: vec![1.0 / 127.5] };
        assert_eq!(signs.reals(&[0, 255], 2), [-1.0, 1.0]);
    }

    #[test]
    fn codes_round_to_even_and_saturate() {
        let half = Normalise { mean: vec![1.0], scale: vec![0.5] };
        assert_eq!(half.codes(&[0, 2, 4, 6, 1], 1), [0, 0, 2, 2, 0]);
        let shifted = Normalise { mean: vec![128.0], scale: vec![1.0] };
        assert_eq!(shifted.codes(&[0, 128, 255], 1), [-128, 0, 127]);
        assert_eq!(Normalise { mean: vec![0.0], scale: vec![-2.0] }.codes(&[255], 1), [-128]);
    }
}
