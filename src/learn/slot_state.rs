//! One slot at run time: its format, what calibration froze, its rounding and its overflow counter.

use super::kernels::{Requant, Site, store};
use super::lanes;
use super::{LearnError, Slot, SlotName};
use crate::numeric::half_float;
use crate::numeric::narrow::{note_real, saturate_i32};
use crate::numeric::{Format, IntFormat, Narrow, Overflow, QParams, Range, Requantiser, Rounding, Scale, Values};

/// A slot that holds numbers (not a raw accumulator).
#[derive(Debug, Clone)]
pub(crate) struct SlotState {
    pub format: Format,
    /// Scale and zero point that the format or a calibration fixed.
    pub fixed: Option<QParams>,
    overflow: Overflow,
    pub site: Site,
}

/// Smallest and largest code of a format; the whole i32 for reals.
pub(crate) fn codes_of(format: Format) -> (i32, i32) {
    (format.qmin().map_or(i32::MIN, saturate_i32), format.qmax().map_or(i32::MAX, saturate_i32))
}

/// Largest distance of a code from the code of zero, for accumulator bounds.
pub(crate) fn largest_centred(format: Format) -> u64 {
    let (lo, hi) = codes_of(format);
    match format {
        Format::Int(int) if int.scheme() == crate::numeric::Scheme::Affine => hi.abs_diff(lo).into(),
        _ => lo.unsigned_abs().max(hi.unsigned_abs()).into(),
    }
}

impl SlotState {
    pub fn new(name: &str, slot: &Slot, format: Format, seed: u64) -> Self {
        Self {
            format,
            fixed: QParams::of_format(&format),
            overflow: slot.overflow,
            site: Site::new(name, slot.rounding, seed, stream(name)),
        }
    }

    pub fn of(name: SlotName, slot: &Slot, seed: u64) -> Option<Self> {
        Self::named(&format!("head.{name}"), slot, seed)
    }

    /// A tensor that shares a slot's format, with a site of its own.
    pub fn named(site: &str, slot: &Slot, seed: u64) -> Option<Self> {
        slot.number().map(|format| Self::new(site, slot, format, seed))
    }

    pub fn is_integer(&self) -> bool {
        self.format.is_integer()
    }

    /// Takes its range from each tensor anew.
    pub fn is_dynamic(&self) -> bool {
        self.is_integer() && self.fixed.is_none()
    }

    /// Waits for a calibration.
    pub fn is_frozen_kind(&self) -> bool {
        matches!(self.format, Format::Int(int) if int.range() == Range::Frozen)
    }

    /// Smallest and largest code; the whole i32 for reals.
    pub fn codes(&self) -> (i32, i32) {
        codes_of(self.format)
    }

    /// As [`largest_centred`] of its format.
    pub fn max_centred(&self) -> u64 {
        largest_centred(self.format)
    }

    /// Tensor buffer of `n` zeros.
    pub fn zeros(&self, n: usize) -> Values {
        if self.is_integer() {
            let params = self.fixed.unwrap_or(QParams::symmetric(Scale::pow2(-20)));
            Values::Codes { codes: vec![params.zero_point; n], params }
        } else {
            Values::Real(vec![0.0; n])
        }
    }

    /// The grid for integers in `lo … hi` of `unit` each: the fixed one, else from the range.
    pub fn grid(&self, (lo, hi): (i64, i64), unit: Scale) -> Requantiser {
        match (self.fixed, self.format) {
            (Some(params), _) => Requantiser { params, factor: unit.div(params.scale) },
            (None, Format::Int(int)) => Requantiser::from_integers(&int, lo, hi, unit),
            (None, _) => Requantiser { params: QParams::symmetric(unit), factor: Scale::ONE },
        }
    }

    /// The grid for reals in `lo … hi`.
    pub fn real_grid(&self, lo: f64, hi: f64) -> Result<QParams, LearnError> {
        match (self.fixed, self.format) {
            (Some(params), _) => Ok(params),
            (None, Format::Int(int)) => real_params(&int, lo, hi),
            (None, _) => Ok(QParams::symmetric(Scale::ONE)),
        }
    }

    /// How codes of zero point `src_zero` come to this slot's grid.
    pub fn requant(&self, src_zero: i32, to: &Requantiser) -> Requant {
        let (lo, hi) = self.codes();
        Requant { src_zero, factor: to.factor, dst_zero: to.params.zero_point, lo, hi, overflow: self.overflow }
    }

    /// `lo`, `hi` and overflow rule of this slot's codes.
    pub fn limits(&self) -> (i32, i32, Overflow) {
        let (lo, hi) = self.codes();
        (lo, hi, self.overflow)
    }

    /// One real to its code in `params`.
    pub fn code_of(&mut self, x: f64, params: QParams) -> Result<i32, LearnError> {
        self.code_of_units(x / params.scale.to_f64(), params.zero_point)
    }

    /// A real number of units to its code.
    fn code_of_units(&mut self, x: f64, zero: i32) -> Result<i32, LearnError> {
        let code = self.site.rounder.real(x).saturating_add(i64::from(zero));
        let (lo, hi, overflow) = self.limits();
        Ok(store(code, lo, hi, overflow, &mut self.site.count)?)
    }

    /// Reals into `dst`: codes in the fixed grid or the values' own, or reals rounded to the format.
    pub fn fill_from_reals(&mut self, src: &[f64], dst: &mut Values, what: &'static str) -> Result<(), LearnError> {
        match dst {
            Values::Real(out) => {
                for (d, &x) in out.iter_mut().zip(src) {
                    *d = round_real(x, self.format);
                }
                self.settle(out)?;
            }
            Values::Codes { codes, params } => {
                let (lo, hi) = real_range(src, what)?;
                *params = self.real_grid(lo, hi)?;
                let (unit, zero) = (params.scale.to_f64(), params.zero_point);
                let mut rest = src;
                if self.site.rounder.mode() == Rounding::TiesEven {
                    let n = lanes::codes_of_reals(src, (unit, zero), self.codes(), codes);
                    self.site.count.total += u64::try_from(n).unwrap_or(u64::MAX);
                    rest = &src[n..];
                }
                let done = src.len() - rest.len();
                for (d, &x) in codes[done..].iter_mut().zip(rest) {
                    *d = self.code_of_units(x / unit, zero)?;
                }
            }
        }
        Ok(())
    }

    /// Reals just rounded to this slot's format: infinities of a 16-bit format become its largest value, and are counted (N30).
    pub fn settle(&mut self, values: &mut [f32]) -> Result<(), LearnError> {
        let most = match self.format {
            Format::F16 => half_float::f16_to_f32(0x7bff),
            Format::Bf16 => half_float::bf16_to_f32(0x7f7f),
            _ => return Ok(()),
        };
        self.site.count.total += u64::try_from(values.len()).unwrap_or(u64::MAX);
        for x in values.iter_mut().filter(|x| x.is_infinite()) {
            self.site.count.total -= 1;
            note_real(*x, most, self.overflow, &mut self.site.count)?;
            *x = most.copysign(*x);
        }
        Ok(())
    }

    pub fn count(&self) -> &Narrow {
        &self.site.count
    }
}

fn real_params(int: &IntFormat, lo: f64, hi: f64) -> Result<QParams, LearnError> {
    if lo == 0.0 && hi == 0.0 {
        return Ok(QParams::symmetric(Scale::pow2(-20)));
    }
    Ok(QParams::from_range(int, lo, hi)?)
}

/// Smallest and largest real, 0 inside; an error on NaN or infinity.
pub(crate) fn real_range(values: &[f64], what: &'static str) -> Result<(f64, f64), LearnError> {
    let mut range = (0f64, 0f64);
    for &x in values {
        if !x.is_finite() {
            return Err(LearnError::NotFinite { what });
        }
        range = (range.0.min(x), range.1.max(x));
    }
    Ok(range)
}

/// A real in a real format, rounded once.
pub(crate) fn round_real(x: f64, format: Format) -> f32 {
    match format {
        Format::F16 => half_float::f16_to_f32(half_float::f64_to_f16(x)),
        Format::Bf16 => half_float::bf16_to_f32(half_float::f64_to_bf16(x)),
        _ => narrow_real(x),
    }
}

/// The nearest f32, ties to even.
pub(crate) fn narrow_real(x: f64) -> f32 {
    x as f32
}

/// A random stream of its own for each site name (FNV-1a).
fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
