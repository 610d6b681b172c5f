//! Tensors in a format: from a range to scale and zero point, from reals to codes and back.

use super::narrow::saturate_i32;
use super::{Format, IntFormat, Narrow, Overflow, Range, Rounder, Rounding, Scale, ScaleKind, Scheme, TensorError};
use super::{Target, half_float, narrow, requantise_narrow_slice};
use serde::{Deserialize, Serialize};

/// Scale and zero point of a tensor or a channel: `real = scale · (code − zero_point)` (N19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QParams {
    /// One code's worth.
    pub scale: Scale,
    /// The code of 0; 0 in symmetric, fixed and binary formats.
    pub zero_point: i32,
}

/// The values of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Integer codes.
    Codes {
        /// One code for each value.
        codes: Vec<i32>,
        /// Their meaning.
        params: QParams,
    },
    /// Reals, already rounded to their format.
    Real(Vec<f32>),
}

/// What quantising a tensor of integers needs: the new codes' meaning and the factor that leads to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requantiser {
    /// Meaning of the new codes.
    pub params: QParams,
    /// New code = `zero_point + round(x · factor)`.
    pub factor: Scale,
}

impl QParams {
    /// Zero point 0.
    pub fn symmetric(scale: Scale) -> Self {
        Self { scale, zero_point: 0 }
    }

    /// The real value of a code (N19), in f64: exact for codes and scales whose product has 53 bits, else nearest.
    pub fn real(&self, code: i32) -> f64 {
        self.scale.to_f64() * (f64::from(code) - f64::from(self.zero_point))
    }

    /// Parameters for values in `lo…hi`, widened to hold 0 (N22–N24).
    ///
    /// * Value: the scale that spreads the range over the codes, and the code of 0.
    /// * Formula: `scale = (hi − lo) / steps`, raised to a power of two for `pow2`; `zero_point = clamp(qmin + round(−lo / scale))`.
    /// * Range: finite `lo ≤ hi`; symmetric formats use ±max(|lo|, |hi|). An empty range gives scale 1, zero point 0.
    /// * Rounding: the scale to 31 bits, ties to even; the zero point to nearest, ties up. So an end may be up to half a code outside.
    /// * Source: Jacob et al. 2018, (1); TensorFlow's nudged zero point.
    pub fn from_range(format: &IntFormat, lo: f64, hi: f64) -> Result<Self, TensorError> {
        if !(lo.is_finite() && hi.is_finite() && lo <= hi) {
            return Err(TensorError::Range { lo, hi });
        }
        let (lo, hi) = widened(format, lo, hi);
        if lo == hi {
            return Ok(Self { scale: Scale::ONE, zero_point: 0 });
        }
        let scale = Scale::from_f64((hi - lo) / format.steps() as f64)?;
        let scale = allowed(scale, format.scale_kind());
        let zero_point = match format.scheme() {
            Scheme::Symmetric => 0,
            Scheme::Affine => nudged(format, Rounder::new(Rounding::TiesUp, 0, 0).real(-lo / scale.to_f64())),
        };
        Ok(Self { scale, zero_point })
    }

    /// The parameters that the format fixes by itself; `None` where the data decides (dynamic, frozen) and for reals.
    pub fn of_format(format: &Format) -> Option<Self> {
        match format {
            Format::Binary => Some(Self::symmetric(Scale::ONE)),
            Format::Fixed(fixed) => Some(Self::symmetric(Scale::pow2(-i32::try_from(fixed.fraction_bits()).ok()?))),
            Format::Int(int) => match int.range() {
                Range::Static { lo, hi } => Self::from_range(int, lo, hi).ok(),
                Range::Dynamic | Range::Frozen => None,
            },
            Format::F32 | Format::F16 | Format::Bf16 => None,
        }
    }
}

impl Requantiser {
    /// For integers in `lo…hi` of `unit` each, by integer arithmetic only (N25).
    ///
    /// * Value: as [`QParams::from_range`], and the factor from integers to codes.
    /// * Formula: `factor = steps / (hi − lo)`, `scale = unit · (hi − lo) / steps`, `zero_point = clamp(qmin + round(−lo · factor))`; for
    ///   `pow2` the scale is raised to a power of two and `factor = unit / scale`.
    /// * Range: any `lo`, `hi`, widened to hold 0; symmetric formats use ±max(|lo|, |hi|). An empty range gives `unit`, zero point 0, factor 1.
    /// * Rounding: each ratio and product of scales once to 31 bits, ties to even; the zero point ties up.
    /// * Overflow: none. A device needs one division for each ratio (64 by 32 bits for 32-bit accumulators) and no float.
    pub fn from_integers(format: &IntFormat, lo: i64, hi: i64, unit: Scale) -> Self {
        let (lo, hi) = match format.scheme() {
            Scheme::Affine => (lo.min(0), hi.max(0)),
            Scheme::Symmetric => {
                let most = i64::try_from(lo.unsigned_abs().max(hi.unsigned_abs())).unwrap_or(i64::MAX);
                (-most, most)
            }
        };
        let span = hi.abs_diff(lo);
        if span == 0 {
            return Self { params: QParams { scale: unit, zero_point: 0 }, factor: Scale::ONE };
        }
        let ratio = |num, den| Scale::ratio(num, den).expect("neither the span nor the steps are 0");
        let scale = unit.mul(ratio(span, format.steps()));
        let (scale, factor) = match format.scale_kind() {
            ScaleKind::Real => (scale, ratio(format.steps(), span)),
            ScaleKind::PowerOfTwo => {
                let scale = allowed(scale, ScaleKind::PowerOfTwo);
                (scale, unit.div(scale))
            }
        };
        let zero_point = match format.scheme() {
            Scheme::Symmetric => 0,
            Scheme::Affine => {
                let below = lo.checked_neg().unwrap_or(i64::MAX);
                nudged(format, Rounder::new(Rounding::TiesUp, 0, 0).product(below, factor))
            }
        };
        Self { params: QParams { scale, zero_point }, factor }
    }
}

/// A symmetric format's range is as wide as its farther end; every range holds 0.
fn widened(format: &IntFormat, lo: f64, hi: f64) -> (f64, f64) {
    match format.scheme() {
        Scheme::Affine => (lo.min(0.0), hi.max(0.0)),
        Scheme::Symmetric => {
            let most = lo.abs().max(hi.abs());
            (-most, most)
        }
    }
}

/// A real scale as it is, or the next power of two that is not smaller.
fn allowed(scale: Scale, kind: ScaleKind) -> Scale {
    match kind {
        ScaleKind::Real => scale,
        ScaleKind::PowerOfTwo if scale.mantissa() == 1 << 30 => scale,
        ScaleKind::PowerOfTwo => Scale::pow2(scale.exponent()),
    }
}

/// The zero point `below` steps above the smallest code, kept among the codes.
fn nudged(format: &IntFormat, below: i64) -> i32 {
    saturate_i32(format.qmin().saturating_add(below).clamp(format.qmin(), format.qmax()))
}

/// Smallest and largest value, 0 included (N22); an error on NaN or infinity. `(0, 0)` when empty.
pub fn range_of(values: &[f32]) -> Result<(f32, f32), TensorError> {
    let mut range = (0f32, 0f32);
    for (index, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            return Err(TensorError::NotFinite { index, value });
        }
        range = (range.0.min(value), range.1.max(value));
    }
    Ok(range)
}

/// Smallest and largest integer, 0 included (N22). `(0, 0)` when empty.
pub fn range_of_integers<T: Copy + Into<i64>>(values: &[T]) -> (i64, i64) {
    values.iter().fold((0, 0), |(lo, hi), &v| (lo.min(v.into()), hi.max(v.into())))
}

/// Parameters of one tensor: the format's own, else from the values' range.
pub fn params_for(values: &[f32], format: &Format) -> Result<QParams, TensorError> {
    if let Some(params) = QParams::of_format(format) {
        return Ok(params);
    }
    let Format::Int(int) = format else {
        return Err(TensorError::NoCodes { format: format.to_string() });
    };
    let (lo, hi) = range_of(values)?;
    QParams::from_range(int, lo.into(), hi.into())
}

/// Reals to codes with given parameters (N26).
///
/// * Value: `params.real(code)` is the nearest representable value, by the rounder's rule.
/// * Formula: `narrow(zero_point + round(x / scale))`; binary: +1 for `x ≥ 0` (−0 too), else −1.
/// * Range: finite values (else an error that names the first), a format with codes.
/// * Rounding: `x / scale` in f64, then the rounder's. Overflow: by [`narrow::narrow_range`], counted.
pub fn to_codes(
    values: &[f32],
    format: &Format,
    params: QParams,
    rounder: &mut Rounder,
    overflow: Overflow,
    count: &mut Narrow,
) -> Result<Vec<i32>, TensorError> {
    let (Some(lo), Some(hi)) = (format.qmin(), format.qmax()) else {
        return Err(TensorError::NoCodes { format: format.to_string() });
    };
    let scale = params.scale.to_f64();
    let mut codes = Vec::with_capacity(values.len());
    for (index, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            return Err(TensorError::NotFinite { index, value });
        }
        let code = match format {
            Format::Binary => i64::from(value >= 0.0) * 2 - 1,
            _ => rounder.real(f64::from(value) / scale).saturating_add(params.zero_point.into()),
        };
        codes.push(saturate_i32(narrow::narrow_range(code, lo, hi, overflow, count)?));
    }
    Ok(codes)
}

/// Reals to a format: parameters by [`params_for`], codes by [`to_codes`].
///
/// Real formats round to nearest, ties to even, whatever the rounder; a finite value that would become infinite is an
/// overflow: it is counted, and becomes the largest finite value (saturate), infinity (wrap) or an error (N30).
pub fn quantise(
    values: &[f32],
    format: &Format,
    rounder: &mut Rounder,
    overflow: Overflow,
    count: &mut Narrow,
) -> Result<Values, TensorError> {
    let (round, most): (fn(f32) -> f32, f32) = match format {
        Format::F32 => (|v| v, f32::MAX),
        Format::F16 => (half_float::round_f16, half_float::F16_MAX),
        Format::Bf16 => (half_float::round_bf16, half_float::BF16_MAX),
        Format::Binary | Format::Int(_) | Format::Fixed(_) => {
            let params = params_for(values, format)?;
            return Ok(Values::Codes { codes: to_codes(values, format, params, rounder, overflow, count)?, params });
        }
    };
    range_of(values)?;
    let limit = |value: f32| match (round(value), overflow) {
        (rounded, _) if rounded.is_finite() => {
            count.add_fitting(1);
            Ok(rounded)
        }
        (rounded, Overflow::Wrap) => narrow::note_real(value, most, Overflow::Wrap, count).map(|()| rounded),
        (rounded, rule) => narrow::note_real(value, most, rule, count).map(|()| most.copysign(rounded)),
    };
    Ok(Values::Real(values.iter().copied().map(limit).collect::<Result<_, _>>()?))
}

/// Integers to codes: `narrow(zero_point + round(x · factor))` (N27), by [`requantise_narrow_slice`].
pub fn requantise_tensor<T: Copy + Into<i64>>(
    values: &[T],
    format: &IntFormat,
    by: Requantiser,
    rounder: &mut Rounder,
    overflow: Overflow,
    count: &mut Narrow,
) -> Result<Vec<i32>, TensorError> {
    let mut codes = vec![0; values.len()];
    let target = Target::of(format, by.params.zero_point, overflow);
    requantise_narrow_slice(values, 0, by.factor, target, rounder, count, &mut codes)?;
    Ok(codes)
}

/// Reals to codes with a scale for each channel: `channels` rows of equal length, row-major; one [`Values::Codes`] each (N28).
///
/// A static range is every channel's; a dynamic or frozen one is taken from each row.
pub fn quantise_channels(
    values: &[f32],
    channels: usize,
    format: &IntFormat,
    rounder: &mut Rounder,
    overflow: Overflow,
    count: &mut Narrow,
) -> Result<Vec<Values>, TensorError> {
    if channels == 0 || !values.len().is_multiple_of(channels) {
        return Err(TensorError::Channels { values: values.len(), channels });
    }
    let format = Format::Int(*format);
    let row = (values.len() / channels).max(1);
    let mut quantised = Vec::with_capacity(channels);
    for (channel, values) in values.chunks(row).enumerate() {
        let found = quantise(values, &format, rounder, overflow, count);
        quantised.push(found.map_err(|error| error.at_offset(channel * row))?);
    }
    Ok(quantised)
}

impl Values {
    /// How many values.
    pub fn len(&self) -> usize {
        match self {
            Values::Codes { codes, .. } => codes.len(),
            Values::Real(reals) => reals.len(),
        }
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The codes, if the values are codes.
    pub fn codes(&self) -> Option<&[i32]> {
        match self {
            Values::Codes { codes, .. } => Some(codes),
            Values::Real(_) => None,
        }
    }

    /// The real values.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Values::Codes { codes, params } => codes.iter().map(|&c| params.real(c)).collect(),
            Values::Real(reals) => reals.iter().map(|&r| r.into()).collect(),
        }
    }
}
