//! Sums of a binary layer to floats: the output transform of Larq Compute Engine.

use super::Map;
use super::error::{NnError, check_finite, check_len};

/// Clamp, offset, multiplier and bias that follow a binary layer's sums.
///
/// * Formula: `float(clamp(y, low, high) − base)·mul[c] + add[c]`.
/// * Range: `low ≤ high`, `|base| ≤ 2^30`; the sums of a network stay within ±2^30, so nothing wraps.
/// * Rounding: integer to f32 to nearest even (exact below 2^24), then one rounding a multiplication and one an addition; no
///   fused multiply-add.
/// * Without multipliers and biases (both empty) the clamped sum less `base` is only converted.
/// * A ReLU before batch normalisation is `low = 0`. Larq Compute Engine works on `2·popcount = K − y`: its own
///   multiplier and bias are `−mul` and `add` with `base = K`, and negation is exact, so its very bits come out.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputTransform {
    /// Smallest and largest sum let through.
    pub clamp: [i32; 2],
    /// Taken from the clamped sum.
    pub base: i32,
    /// One a channel, or none.
    pub mul: Vec<f32>,
    /// One a channel, or none.
    pub add: Vec<f32>,
}

/// Clamp that lets every sum through.
pub const NO_CLAMP: [i32; 2] = [i32::MIN, i32::MAX];
/// Clamp of a ReLU on the sum.
pub const RELU_CLAMP: [i32; 2] = [0, i32::MAX];

impl OutputTransform {
    /// Conversion to f32 and nothing else.
    pub const fn convert() -> Self {
        Self { clamp: NO_CLAMP, base: 0, mul: Vec::new(), add: Vec::new() }
    }

    /// Refuses what cannot be: other lengths than `channels`, a wrong clamp, a wild base, NaN.
    pub(crate) fn check(&self, name: &str, channels: usize) -> Result<(), NnError> {
        if !(self.mul.is_empty() && self.add.is_empty()) {
            check_len(&format!("{name}.mul"), self.mul.len(), channels)?;
            check_len(&format!("{name}.add"), self.add.len(), channels)?;
        }
        check_finite(&format!("{name}.mul"), &self.mul)?;
        check_finite(&format!("{name}.add"), &self.add)?;
        let out_of = |what: &str, value: String, allowed: &str| {
            Err(NnError::OutOfRange { what: format!("{name}.{what}"), value, allowed: allowed.into() })
        };
        if self.clamp[0] > self.clamp[1] {
            return out_of("clamp", format!("{:?}", self.clamp), "[low, high] with low at most high");
        }
        if self.base.unsigned_abs() > 1 << 30 {
            return out_of("base", self.base.to_string(), "-2^30 to 2^30");
        }
        Ok(())
    }

    /// One value.
    #[allow(clippy::cast_precision_loss, reason = "rounding to nearest even is what the formula documents")]
    pub fn value(&self, channel: usize, sum: i32) -> f32 {
        let clamped = sum.clamp(self.clamp[0], self.clamp[1]) - self.base;
        match self.mul.get(channel) {
            Some(mul) => clamped as f32 * mul + self.add[channel],
            None => clamped as f32,
        }
    }

    /// A whole map.
    pub(crate) fn map(&self, x: &Map<i32>) -> Map<f32> {
        let mut map = Map::zeros(x.shape());
        let channels = x.shape().c;
        for (out, pixel) in map.data_mut().chunks_exact_mut(channels).zip(x.data().chunks_exact(channels)) {
            for (c, (y, sum)) in out.iter_mut().zip(pixel).enumerate() {
                *y = self.value(c, *sum);
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_factors_sums_are_only_converted() {
        let t = OutputTransform { base: 5, ..OutputTransform::convert() };
        assert_eq!(t.value(3, -7), -12.0);
        assert!(t.check("t", 9).is_ok());
    }

    #[test]
    fn equals_the_engine_that_works_on_twice_the_popcount() {
        let (k, mul, bias) = (288_i32, 0.012_345_f32, -1.7_f32);
        let folded = (f64::from(bias) + f64::from(k) * f64::from(mul)) as f32;
        let ours = OutputTransform { clamp: RELU_CLAMP, base: k, mul: vec![mul], add: vec![folded] };
        for pop in 0..=k {
            // The engine: float(clamp(2·pop))·(−mul) + (bias + K·mul), clamped to K where the sum would be negative.
            let engine = (2 * pop).min(k) as f32 * -mul + folded;
            assert_eq!(ours.value(0, k - 2 * pop).to_bits(), engine.to_bits(), "popcount {pop}");
        }
    }
}
