//! From the backbone's output to the `features` slot: standardised by the first experience's statistics, then quantised.

use super::kernels::store;
use super::lanes::bytes::Bytes;
use super::lanes::{self, Level, Rows};
use super::slot_state::{SlotState, codes_of, narrow_real};
use super::{LearnError, Precision, SlotName};
use crate::numeric::narrow::saturate_i32;
use crate::numeric::{Format, Narrow, QParams, Scale, Values};

/// Fraction bits of the per-feature offset.
pub const OFFSET_FRACTION: u32 = 8;
/// Largest magnitude of an integer feature, so that 32-bit arithmetic holds it with its offset's fraction.
const MAX_FEATURE: i32 = 1 << 23;

/// Backbone outputs, `samples × features`, row-major.
#[derive(Debug, Clone, Copy)]
pub enum RawFeatures<'a> {
    /// Integers (sums, ±1 bits as −1 and 1, 8-bit codes): any scale, since standardising removes it.
    Ints(&'a [i32]),
    /// Reals of a float layer.
    Reals(&'a [f32]),
}

impl RawFeatures<'_> {
    fn len(&self) -> usize {
        match self {
            RawFeatures::Ints(x) => x.len(),
            RawFeatures::Reals(x) => x.len(),
        }
    }

    fn get(&self, i: usize) -> f64 {
        match self {
            RawFeatures::Ints(x) => f64::from(x[i]),
            RawFeatures::Reals(x) => f64::from(x[i]),
        }
    }
}

/// Is each feature shifted and scaled to mean 0 and variance 1 first?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standardise {
    /// By mean and standard deviation of the calibration data; a constant feature keeps its scale.
    PerFeature,
    /// Features are taken as they are.
    No,
}

/// Samples in the head's feature format.
#[derive(Debug, Clone)]
pub struct FeatureTable {
    n_features: usize,
    format: Format,
    values: Values,
    packed: Packed,
}

/// The table's codes as vector registers want them, once for all batches.
#[derive(Debug, Clone)]
pub(crate) enum Packed {
    /// 8-bit codes, where this machine multiplies such.
    Bytes(Bytes),
    /// Codes of up to 16 bits less their zero, padded, as [`lanes::to_lanes`] lays them.
    Lanes(Vec<i16>),
    /// Reals, and wider codes.
    No,
}

impl Packed {
    fn new(n_features: usize, format: Format, values: &Values) -> Self {
        let Values::Codes { codes, params } = values else { return Self::No };
        if Bytes::fit(Level::best(), codes_of(format)) {
            return Self::Bytes(Bytes::moved(codes, n_features));
        }
        if !fits_lanes(format, *params) {
            return Self::No;
        }
        let centred: Vec<i32> = codes.iter().map(|&a| a.wrapping_sub(params.zero_point)).collect();
        let mut lanes = Vec::new();
        lanes::to_lanes(Level::best(), centred.chunks_exact(n_features), n_features, &mut lanes);
        Self::Lanes(lanes)
    }

    /// Rows that 16-bit lanes are gathered from; `zero` is the codes' own.
    pub fn rows(&self, zero: i32) -> Option<Rows<'_>> {
        match self {
            Self::Bytes(bytes) => Some(Rows::Bytes(bytes, zero)),
            Self::Lanes(lanes) => Some(Rows::Lanes(lanes)),
            Self::No => None,
        }
    }
}

/// Whether centred codes of a format with these parameters fit 16 bits.
fn fits_lanes(format: Format, params: QParams) -> bool {
    format.is_integer() && (format.bits() <= 15 || (format.bits() == 16 && params.zero_point == 0))
}

impl PartialEq for FeatureTable {
    fn eq(&self, other: &Self) -> bool {
        (self.n_features, self.format, &self.values) == (other.n_features, other.format, &other.values)
    }
}

impl FeatureTable {
    /// From values in `format`; an error unless they divide into rows.
    pub fn new(n_features: usize, format: Format, values: Values) -> Result<Self, LearnError> {
        if n_features == 0 || !values.len().is_multiple_of(n_features) {
            let expected = n_features.max(1);
            return Err(LearnError::Shape { what: "a feature table", expected, got: values.len() });
        }
        let packed = Packed::new(n_features, format, &values);
        Ok(Self { n_features, format, values, packed })
    }

    /// Samples.
    pub fn len(&self) -> usize {
        self.values.len() / self.n_features
    }

    /// No samples?
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Features a sample.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Their format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// All values, row-major.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Reals of one sample.
    pub(crate) fn reals_of_row(&self, row: usize, out: &mut Vec<f64>) {
        let at = row * self.n_features..(row + 1) * self.n_features;
        out.clear();
        match &self.values {
            Values::Codes { codes, params } => out.extend(codes[at].iter().map(|&c| params.real(c))),
            Values::Real(reals) => out.extend(reals[at].iter().map(|&x| f64::from(x))),
        }
    }

    /// An error for the first of `rows` that it does not have.
    pub(crate) fn check_rows(&self, rows: &[usize]) -> Result<(), LearnError> {
        let got = self.len();
        match rows.iter().find(|&&row| row >= got) {
            Some(row) => Err(LearnError::Shape { what: "the feature table", expected: row.saturating_add(1), got }),
            None => Ok(()),
        }
    }

    /// All codes for vector registers.
    pub(crate) fn packed(&self) -> &Packed {
        &self.packed
    }
}

/// The frozen standardisation and quantisation of one precision: offset and multiplier a feature.
#[derive(Debug, Clone)]
pub struct FeatureStage {
    slot: SlotState,
    params: QParams,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    /// `round(mean · 2^8)`, integers only.
    offset: Vec<i32>,
    /// `1 / (deviation · scale · 2^8)`.
    factor: Vec<Scale>,
}

impl FeatureStage {
    /// Takes mean, deviation and (for `frozen`) the range from the first experience's training samples.
    ///
    /// Statistics are exact sums in f64 over the samples in order; the population deviation is used.
    pub fn calibrate(
        precision: &Precision,
        raw: RawFeatures<'_>,
        n_features: usize,
        standardise: Standardise,
        seed: u64,
    ) -> Result<Self, LearnError> {
        if n_features == 0 || raw.len() == 0 || !raw.len().is_multiple_of(n_features) {
            return Err(LearnError::Shape { what: "calibration features", expected: n_features, got: raw.len() });
        }
        let slot = SlotState::of(SlotName::Features, precision.slot(SlotName::Features), seed);
        let slot = slot.ok_or(LearnError::Impossible {
            slot: SlotName::Features,
            format: "accumulator".to_owned(),
            why: "features need a number format",
        })?;
        let (mean, deviation) = match standardise {
            Standardise::PerFeature => statistics(&raw, n_features)?,
            Standardise::No => (vec![0.0; n_features], vec![1.0; n_features]),
        };
        let mut stage = Self {
            slot,
            params: QParams::symmetric(Scale::ONE),
            offset: mean.iter().map(|m| saturate_i32(round_i64(m * f64::from(1 << OFFSET_FRACTION)))).collect(),
            factor: Vec::new(),
            mean,
            deviation,
        };
        stage.set_range(&raw)?;
        Ok(stage)
    }

    fn set_range(&mut self, raw: &RawFeatures<'_>) -> Result<(), LearnError> {
        let (mut lo, mut hi) = (0f64, 0f64);
        for i in 0..raw.len() {
            let x = self.standardised(raw.get(i), i % self.mean.len());
            if !x.is_finite() {
                return Err(LearnError::NotFinite { what: "a feature" });
            }
            (lo, hi) = (lo.min(x), hi.max(x));
        }
        self.params = self.slot.real_grid(lo, hi)?;
        self.slot.fixed = self.slot.is_integer().then_some(self.params);
        let per_code = self.params.scale.to_f64() * f64::from(1 << OFFSET_FRACTION);
        self.factor = self.deviation.iter().map(|d| Scale::from_f64(1.0 / (d * per_code))).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn standardised(&self, x: f64, k: usize) -> f64 {
        (x - self.mean[k]) / self.deviation[k]
    }

    /// Features a sample.
    pub fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// Scale and zero point of the codes.
    pub fn params(&self) -> QParams {
        self.params
    }

    /// Per-feature offset (8 fraction bits) and multiplier, as a device holds them.
    pub fn device_constants(&self) -> (&[i32], &[Scale]) {
        (&self.offset, &self.factor)
    }

    /// Per-feature offset and multiplier in f32, as a device holds them where features are `f32`.
    pub fn device_reals(&self) -> (Vec<f32>, Vec<f32>) {
        let factor = self.deviation.iter().map(|d| narrow_real(1.0 / d)).collect();
        (self.mean.iter().map(|&m| narrow_real(m)).collect(), factor)
    }

    /// Overflows so far.
    pub fn count(&self) -> &Narrow {
        self.slot.count()
    }

    /// Standardises and quantises samples.
    ///
    /// * Formula (integers): `code = limit(zero + round((x·2^8 − offset[k]) · factor[k]))`, `|x| ≤ 2^23`.
    /// * Formula (integers to `f32`): `(x − mean) · (1 / deviation)` in f32.
    /// * Formula (reals, or another real format): `(x − mean) / deviation`, then the format's rounding.
    /// * Binary: `+1` iff `x·2^8 ≥ offset[k]`.
    pub fn prepare(&mut self, raw: RawFeatures<'_>) -> Result<FeatureTable, LearnError> {
        if !raw.len().is_multiple_of(self.n_features()) {
            return Err(LearnError::Shape { what: "features", expected: self.n_features(), got: raw.len() });
        }
        let values = match (self.slot.format, raw) {
            (Format::Binary, raw) => Values::Codes { codes: self.signs(&raw), params: self.params },
            (format, RawFeatures::Ints(x)) if format.is_integer() => {
                Values::Codes { codes: self.codes_of_integers(x)?, params: self.params }
            }
            (Format::F32, RawFeatures::Ints(x)) => Values::Real(self.reals_of_integers(x)),
            (format, raw) => {
                let reals: Vec<f64> =
                    (0..raw.len()).map(|i| self.standardised(raw.get(i), i % self.mean.len())).collect();
                if format.is_integer() {
                    let mut out = self.slot.zeros(reals.len());
                    self.slot.fill_from_reals(&reals, &mut out, "a feature")?;
                    out
                } else {
                    let mut out = Values::Real(vec![0.0; reals.len()]);
                    self.slot.fill_from_reals(&reals, &mut out, "a feature")?;
                    out
                }
            }
        };
        FeatureTable::new(self.n_features(), self.slot.format, values)
    }

    fn signs(&self, raw: &RawFeatures<'_>) -> Vec<i32> {
        let above =
            |i: usize| raw.get(i) * f64::from(1 << OFFSET_FRACTION) >= f64::from(self.offset[i % self.mean.len()]);
        (0..raw.len()).map(|i| if above(i) { 1 } else { -1 }).collect()
    }

    /// `(x − mean) · (1 / deviation)` in f32, mean and factor rounded once: what a device without f64 computes.
    fn reals_of_integers(&self, x: &[i32]) -> Vec<f32> {
        let n = self.mean.len();
        let (mean, factor) = self.device_reals();
        x.iter().enumerate().map(|(i, &x)| (x as f32 - mean[i % n]) * factor[i % n]).collect()
    }

    fn codes_of_integers(&mut self, x: &[i32]) -> Result<Vec<i32>, LearnError> {
        let (lo, hi, overflow) = self.slot.limits();
        let mut codes = Vec::with_capacity(x.len());
        for (index, &value) in x.iter().enumerate() {
            if !(-MAX_FEATURE..=MAX_FEATURE).contains(&value) {
                return Err(LearnError::FeatureRange { index, value });
            }
            let k = index % self.mean.len();
            let centred = (i64::from(value) << OFFSET_FRACTION) - i64::from(self.offset[k]);
            let code = super::kernels::product(centred, self.factor[k], &mut self.slot.site.rounder);
            let code = code.saturating_add(i64::from(self.params.zero_point));
            codes.push(store(code, lo, hi, overflow, &mut self.slot.site.count)?);
        }
        Ok(codes)
    }
}

fn statistics(raw: &RawFeatures<'_>, n_features: usize) -> Result<(Vec<f64>, Vec<f64>), LearnError> {
    let n = (raw.len() / n_features) as f64;
    let mut mean = vec![0.0; n_features];
    for i in 0..raw.len() {
        mean[i % n_features] += raw.get(i);
    }
    mean.iter_mut().for_each(|m| *m /= n);
    let mut deviation = vec![0.0; n_features];
    for i in 0..raw.len() {
        deviation[i % n_features] += (raw.get(i) - mean[i % n_features]).powi(2);
    }
    for d in &mut deviation {
        *d = (*d / n).sqrt();
        if *d == 0.0 {
            *d = 1.0;
        }
    }
    if mean.iter().chain(&deviation).any(|x| !x.is_finite()) {
        return Err(LearnError::NotFinite { what: "a feature" });
    }
    Ok((mean, deviation))
}

fn round_i64(x: f64) -> i64 {
    crate::numeric::Rounder::new(crate::numeric::Rounding::TiesEven, 0, 0).real(x)
}
