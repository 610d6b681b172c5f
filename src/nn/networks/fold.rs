//! Batch normalisation at inference as one factor and one addend a channel.

/// `x·mul[c] + add[c]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    pub mul: Vec<f32>,
    pub add: Vec<f32>,
}

/// * Formula: `v = σ² + ε` in f32; `mul = γ/√v` and `add = β − μ·mul` in f64, each rounded to f32 once. γ is 1 and β is 0 where
///   they are missing.
/// * Rounding: to nearest, ties to even. Constants that are exact in f32 stay exact.
/// * Source: Ioffe and Szegedy 2015; the sum in f32 is what Keras and PyTorch compute.
#[allow(clippy::cast_possible_truncation, reason = "one rounding to nearest even, as documented")]
pub fn batch_norm(gamma: Option<&[f32]>, beta: Option<&[f32]>, mean: &[f32], variance: &[f32], eps: f32) -> Scale {
    let at = |values: Option<&[f32]>, c: usize, default: f64| values.map_or(default, |v| f64::from(v[c]));
    let mul: Vec<f32> =
        (0..mean.len()).map(|c| (at(gamma, c, 1.0) / f64::from(variance[c] + eps).sqrt()) as f32).collect();
    let add = (0..mean.len()).map(|c| (at(beta, c, 0.0) - f64::from(mean[c]) * f64::from(mul[c])) as f32).collect();
    Scale { mul, add }
}

impl Scale {
    /// The same on values that are still to be multiplied by `factor[c]`; one more rounding of `mul`.
    pub fn of(self, factor: &[f32]) -> Self {
        let mul = self.mul.iter().zip(factor).map(|(m, f)| m * f).collect();
        Self { mul, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dyadic_constants_stay_exact() {
        // 0.999 + 0.001 is 1 in f32, which is what TensorFlow computes.
        let s = batch_norm(Some(&[2.0, 1.0]), None, &[0.75, -3.0], &[0.999, 3.999], 0.001);
        assert_eq!(s, Scale { mul: vec![2.0, 0.5], add: vec![-1.5, 1.5] });
        assert_eq!(s.of(&[0.25, 4.0]).mul, [0.5, 2.0]);
    }
}
