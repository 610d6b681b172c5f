//! Integers to 8-bit feature codes: one multiply, one add, one shift, one rounding.

use super::error::{NnError, check_len};

/// Per-channel affine map of an i32 to an i8 code.
///
/// * Value: `code ≈ x·m/2^s + b/2^s`.
/// * Formula: `clamp((x·m + b + 2^(s−1)) >> s, −127, 127)` in 64 bits, arithmetic shift; for s = 0 no rounding term.
/// * Range: m any i32, |b| ≤ 2^62, s 0..=62; the sum cannot leave 64 bits for any i32 x.
/// * Rounding: nearest, ties towards +∞ (`TiesUp`). Overflow: saturates to the symmetric range.
/// * Equals: SMLAL, then a 64-bit rounding shift and SSAT on Armv7E-M.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standardise {
    multiplier: Vec<i32>,
    offset: Vec<i64>,
    shift: u32,
}

impl Standardise {
    /// From integers, one a channel.
    ///
    /// # Errors
    /// [`NnError::Size`] if the lengths differ, [`NnError::OutOfRange`] for a shift or offset beyond the range.
    pub fn new(multiplier: Vec<i32>, offset: Vec<i64>, shift: u32, what: &str) -> Result<Self, NnError> {
        check_len(&format!("{what} offset"), offset.len(), multiplier.len())?;
        let range = |name: &str, value: String, allowed: &str| NnError::OutOfRange {
            what: format!("{what} {name}"),
            value,
            allowed: allowed.to_owned(),
        };
        if shift > 62 {
            return Err(range("shift", shift.to_string(), "0 to 62"));
        }
        if let Some(b) = offset.iter().find(|b| b.unsigned_abs() > 1 << 62) {
            return Err(range("offset", b.to_string(), "-2^62 to 2^62"));
        }
        Ok(Self { multiplier, offset, shift })
    }

    /// From statistics: `code = (x − mean)/std · codes_per_std`; a channel that never varied (std 0) gives code 0.
    ///
    /// Multiplier and offset are rounded once, ties to even, with as many fraction bits as keep every multiplier in 24 bits.
    ///
    /// # Errors
    /// [`NnError::Size`] if the lengths differ, [`NnError::OutOfRange`] for values that are not finite or too large.
    pub fn from_statistics(mean: &[f64], std: &[f64], codes_per_std: f64) -> Result<Self, NnError> {
        check_len("standard deviations", std.len(), mean.len())?;
        let bad = |value: f64| NnError::OutOfRange {
            what: "a feature's statistic".into(),
            value: value.to_string(),
            allowed: "finite, magnitude below 2^30, standard deviation not negative".into(),
        };
        let limit = f64::from(1 << 30);
        if let Some(v) = mean.iter().chain(std).chain([&codes_per_std]).find(|v| !v.is_finite() || v.abs() > limit) {
            return Err(bad(*v));
        }
        if let Some(v) = std.iter().chain([&codes_per_std]).find(|v| **v < 0.0) {
            return Err(bad(*v));
        }
        let factor = |s: &f64| if *s > 0.0 { codes_per_std / s } else { 0.0 };
        let largest = std.iter().map(factor).fold(0.0, f64::max);
        // largest · 2^shift < 2^24
        let shift = (0..=30u32).rev().find(|s| largest * f64::from(1u32 << s) < f64::from(1 << 24));
        let shift = shift.ok_or_else(|| bad(largest))?;
        let unit = f64::from(1u32 << shift);
        let whole = |v: f64| rounded(v).ok_or_else(|| bad(v));
        let mut multiplier = Vec::with_capacity(mean.len());
        let mut offset = Vec::with_capacity(mean.len());
        for (m, s) in mean.iter().zip(std) {
            multiplier.push(i32::try_from(whole(factor(s) * unit)?).map_err(|_| bad(*s))?);
            offset.push(whole(-m * factor(s) * unit)?);
        }
        Self::new(multiplier, offset, shift, "standardise")
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.multiplier.len()
    }

    /// One a channel.
    pub fn multiplier(&self) -> &[i32] {
        &self.multiplier
    }

    /// One a channel.
    pub fn offset(&self) -> &[i64] {
        &self.offset
    }

    /// Common shift.
    pub fn shift(&self) -> u32 {
        self.shift
    }

    /// Code of one value, −127..=127.
    pub fn code(&self, channel: usize, x: i32) -> i8 {
        let half = if self.shift == 0 { 0 } else { 1i64 << (self.shift - 1) };
        let wide = i128::from(x) * i128::from(self.multiplier[channel]) + i128::from(self.offset[channel]);
        let code = ((wide + i128::from(half)) >> self.shift).clamp(-127, 127);
        i8::try_from(code).expect("clamped to the range of i8")
    }

    /// Bytes on a device: i32 multiplier and i64 offset each.
    pub fn device_bytes(&self) -> usize {
        self.multiplier.len() * 12
    }
}

/// Nearest integer, ties to even, if it lies within ±2^62.
fn rounded(v: f64) -> Option<i64> {
    let v = v.round_ties_even();
    // 2^62 is exact in f64, so below it the text of an integral f64 is an i64.
    (v.abs() < 4_611_686_018_427_387_904.0).then(|| format!("{v:.0}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_the_statistics_within_half_a_code() {
        let s = Standardise::from_statistics(&[10.0, -3.5, 7.0], &[2.0, 0.01, 0.0], 32.0).unwrap();
        for x in -100i32..100 {
            let exact = ((f64::from(x) - 10.0) / 2.0 * 32.0).clamp(-127.0, 127.0);
            assert!((f64::from(s.code(0, x)) - exact).abs() <= 0.5 + 1e-3, "x = {x}");
            assert_eq!(s.code(2, x), 0);
        }
        assert_eq!((s.code(1, -3), s.code(1, -4)), (127, -127));
    }

    #[test]
    fn ties_go_up_and_extremes_saturate() {
        let s = Standardise::new(vec![1, i32::MIN], vec![0, 1 << 62], 1, "t").unwrap();
        assert_eq!([-3, -1, 1, 3].map(|x| s.code(0, x)), [-1, 0, 1, 2]);
        assert_eq!((s.code(1, i32::MIN), s.code(1, i32::MAX)), (127, 127));
        assert!(Standardise::new(vec![1], vec![0], 63, "t").is_err());
        assert!(Standardise::from_statistics(&[f64::NAN], &[1.0], 32.0).is_err());
        assert!(Standardise::from_statistics(&[1.0], &[-1.0], 32.0).is_err());
    }
}
