//! Probabilities, error and batch gradient of the head.

use super::forward::{Row, dequantise};
use super::kernels::{self, round_to_format};
use super::slot_state::{SlotState, narrow_real};
use super::{HeadConfig, LearnError, SlotName};
use crate::numeric::{AccumulatorFormat, Narrow, QParams, Requantiser, Scale, Values, elementary, safe_bits};

/// Softmax, error and its quantisation over one batch.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    pub classes: usize,
    pub probability_slot: SlotState,
    pub error_slot: SlotState,
    /// `batch × classes`: logits (their unit beside), then probabilities and errors before quantisation.
    pub logit_codes: Vec<i32>,
    pub logit_unit: Scale,
    pub logit_reals: Vec<f32>,
    pub codes: Vec<i32>,
    pub reals: Vec<f32>,
    /// Errors in their slot's format, `batch × classes`.
    pub errors: Values,
}

impl Loss {
    pub fn new(config: &HeadConfig, classes: usize, seed: u64) -> Result<Self, LearnError> {
        let number = |slot: SlotName| {
            SlotState::of(slot, config.precision.slot(slot), seed).ok_or(LearnError::Impossible {
                slot,
                format: "accumulator".to_owned(),
                why: "only logits and gradient can stay in their accumulator",
            })
        };
        let (probability_slot, error_slot) = (number(SlotName::Probabilities)?, number(SlotName::Error)?);
        let n = config.batch * classes;
        Ok(Self {
            classes,
            logit_codes: vec![0; n],
            logit_unit: Scale::ONE,
            logit_reals: vec![0.0; n],
            codes: vec![0; n],
            reals: vec![0.0; n],
            errors: error_slot.zeros(n),
            probability_slot,
            error_slot,
        })
    }

    /// Logits of sample `b` → probabilities in the slot's format (Softmax).
    pub fn softmax(&mut self, b: usize, integer_logits: bool) -> Result<(), LearnError> {
        let at = b * self.classes..(b + 1) * self.classes;
        let slot = &mut self.probability_slot;
        match (integer_logits, slot.is_integer()) {
            (true, true) => {
                let p = &mut self.codes[at.clone()];
                kernels::softmax(&self.logit_codes[at], self.logit_unit, p);
                let to = slot.grid((0, 0), Scale::pow2(-30));
                if to.factor != Scale::ONE || to.params.zero_point != 0 {
                    let requant = slot.requant(0, &to);
                    for p in p {
                        *p = requant.code(*p, &mut slot.site)?;
                    }
                }
            }
            (integer, to_codes) => {
                if integer {
                    let unit = QParams::symmetric(self.logit_unit);
                    dequantise(&self.logit_codes[at.clone()], unit, &mut self.logit_reals[at.clone()]);
                }
                elementary::softmax_f32(&self.logit_reals[at.clone()], &mut self.reals[at.clone()]);
                let params = slot.real_grid(0.0, 1.0)?;
                for (code, p) in self.codes[at.clone()].iter_mut().zip(&mut self.reals[at]) {
                    if to_codes {
                        *code = slot.code_of((*p).into(), params)?;
                    } else {
                        *p = round_to_format(*p, slot.format);
                    }
                }
            }
        }
        Ok(())
    }

    /// Scale of integer probabilities, and so of integer differences.
    pub fn unit(&self) -> Scale {
        self.probability_slot.fixed.map_or(Scale::ONE, |params| params.scale)
    }

    /// Probabilities − one-hot, in place (Error).
    pub fn error(&mut self, labels: impl Iterator<Item = usize>) {
        let slot = &self.probability_slot;
        let params = slot.fixed.unwrap_or(QParams::symmetric(Scale::ONE));
        let one = kernels::fits(crate::numeric::requantise_single(
            1,
            params.scale.recip(),
            &mut crate::numeric::Rounder::new(crate::numeric::Rounding::TiesEven, 0, 0),
        ));
        for (b, label) in labels.enumerate() {
            let at = b * self.classes..(b + 1) * self.classes;
            if slot.is_integer() {
                kernels::error(&mut self.codes[at], params.zero_point, one, label);
            } else {
                kernels::error_f32(&mut self.reals[at], label);
            }
        }
    }

    /// Range of the first `n` errors, 0 inside: codes in their unit, and reals.
    pub fn range(&self, n: usize) -> ((i64, i64), (f64, f64)) {
        if self.probability_slot.is_integer() {
            (kernels::range_with_zero(&self.codes[..n]), (0.0, 0.0))
        } else {
            let reals = self.reals[..n].iter().fold((0f64, 0f64), |(lo, hi), &x| (lo.min(x.into()), hi.max(x.into())));
            ((0, 0), reals)
        }
    }

    /// Errors into their slot's format (QuantiseError).
    pub fn quantise(&mut self, n: usize) -> Result<(), LearnError> {
        let unit = self.unit();
        let integers = self.probability_slot.is_integer();
        let (range, reals) = self.range(n);
        match &mut self.errors {
            Values::Codes { codes, params } if integers => {
                let to = self.error_slot.grid(range, unit);
                *params = to.params;
                let requant = self.error_slot.requant(0, &to);
                kernels::quantise_error(&self.codes[..n], &requant, &mut self.error_slot.site, &mut codes[..n])?;
            }
            Values::Codes { codes, params } => {
                *params = self.error_slot.real_grid(reals.0, reals.1)?;
                for (d, &x) in codes.iter_mut().zip(&self.reals[..n]) {
                    *d = self.error_slot.code_of(x.into(), *params)?;
                }
            }
            Values::Real(out) => {
                if integers {
                    dequantise(&self.codes[..n], QParams::symmetric(unit), &mut self.reals[..n]);
                }
                for (d, &x) in out.iter_mut().zip(&self.reals[..n]) {
                    *d = round_to_format(x, self.error_slot.format);
                }
            }
        }
        Ok(())
    }

    /// The batch's first `n` logits as reals.
    pub fn device_logits(&self, n: usize, integer: bool, out: &mut Vec<f64>) {
        let unit = self.logit_unit.to_f64();
        out.clear();
        if integer {
            out.extend(self.logit_codes[..n].iter().map(|&z| f64::from(z) * unit));
        } else {
            out.extend(self.logit_reals[..n].iter().map(|&z| f64::from(z)));
        }
    }

    /// The batch's first `n` differences (probabilities − one-hot) as reals.
    pub fn device_differences(&self, n: usize, out: &mut Vec<f64>) {
        let unit = self.unit().to_f64();
        out.clear();
        if self.probability_slot.is_integer() {
            out.extend(self.codes[..n].iter().map(|&p| f64::from(p) * unit));
        } else {
            out.extend(self.reals[..n].iter().map(|&p| f64::from(p)));
        }
    }

    /// Freezes the error's range where its slot waits for a calibration.
    pub fn freeze(&mut self, range: (i64, i64), reals: (f64, f64)) -> Result<(), LearnError> {
        let unit = self.unit();
        if self.error_slot.is_frozen_kind() && self.error_slot.fixed.is_none() {
            let params = if self.probability_slot.is_integer() {
                self.error_slot.grid(range, unit).params
            } else {
                self.error_slot.real_grid(reals.0, reals.1)?
            };
            self.error_slot.fixed = Some(params);
        }
        Ok(())
    }
}

/// The batch's accumulators.
#[derive(Debug, Clone)]
pub(crate) enum Sums {
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
    Real(Vec<f32>),
}

/// Gradient of one parameter tensor: accumulators, and the slot's format.
#[derive(Debug, Clone)]
pub(crate) struct Gradient {
    columns: usize,
    pub sums: Sums,
    pub unit: Scale,
    accumulator: AccumulatorFormat,
    checked: bool,
    pub safe_bits: u32,
    pub acc_count: Narrow,
    pub seen: (i64, i64),
    pub slot: Option<SlotState>,
    /// In the slot's format; not used where the gradient stays in its accumulator.
    pub values: Values,
    row_real: Vec<f32>,
    error_real: Vec<f32>,
    /// Non-zero accumulators of the last step, and those among them whose code is zero.
    pub non_zero: u64,
    pub lost: u64,
}

impl Gradient {
    pub fn new(
        config: &HeadConfig,
        (classes, columns): (usize, usize),
        (error, features): (&SlotState, Option<&SlotState>),
        name: &str,
        seed: u64,
    ) -> Self {
        let accumulator = config.precision.gradient_accumulator;
        let n = classes * columns;
        let integer = error.is_integer() && features.is_none_or(SlotState::is_integer);
        let batch = u64::try_from(config.batch).unwrap_or(u64::MAX);
        let safe = safe_bits(batch, error.max_centred(), features.map_or(1, SlotState::max_centred));
        let checked = safe > accumulator.bits();
        let sums = match (integer, checked || accumulator.bits() > 32) {
            (false, _) => Sums::Real(vec![0.0; n]),
            (true, true) => Sums::Wide(vec![0; n]),
            (true, false) => Sums::Narrow(vec![0; n]),
        };
        let slot = config.precision.slot(SlotName::Gradient);
        let slot = slot.number().map(|format| SlotState::new(&format!("head.{name}gradient"), slot, format, seed));
        let values = slot.as_ref().map_or(Values::Real(Vec::new()), |s| s.zeros(n));
        let row_real = if integer { 0 } else { columns };
        Self {
            columns,
            sums,
            unit: Scale::ONE,
            accumulator,
            checked,
            safe_bits: safe,
            acc_count: Narrow::new(&format!("head.{name}gradient.accumulator")),
            seen: (0, 0),
            slot,
            values,
            row_real: vec![0.0; row_real],
            error_real: vec![0.0; classes],
            non_zero: 0,
            lost: 0,
        }
    }

    /// Starts a batch of `batch` samples; errors are worth `error_scale`, features `feature_scale` a code.
    pub fn start(&mut self, error_scale: Scale, feature_scale: Scale, batch: usize) -> Result<(), LearnError> {
        let mean = Scale::ratio(1, u64::try_from(batch).unwrap_or(u64::MAX))?;
        self.unit = error_scale.mul(feature_scale).mul(mean);
        match &mut self.sums {
            Sums::Narrow(sums) => sums.fill(0),
            Sums::Wide(sums) => sums.fill(0),
            Sums::Real(sums) => sums.fill(0.0),
        }
        Ok(())
    }

    /// Adds one sample (GradientAccumulate).
    pub fn add(&mut self, errors: Row<'_>, features: Row<'_>) -> Result<(), LearnError> {
        match (&mut self.sums, errors, features) {
            (Sums::Narrow(sums), Row::Codes(e, ep), Row::Codes(a, ap)) => {
                kernels::gradient_accumulate(sums, e, ep.zero_point, a, ap.zero_point);
            }
            (Sums::Wide(sums), Row::Codes(e, ep), Row::Codes(a, ap)) if self.checked => {
                let (e, a) = ((e, ep.zero_point), (a, ap.zero_point));
                kernels::gradient_accumulate_checked(sums, e, a, self.accumulator, &mut self.acc_count)?;
            }
            (Sums::Wide(sums), Row::Codes(e, ep), Row::Codes(a, ap)) => {
                kernels::gradient_accumulate_wide(sums, e, ep.zero_point, a, ap.zero_point);
            }
            (Sums::Real(sums), errors, features) => {
                let e = errors.reals(&mut self.error_real);
                let a = features.reals(&mut self.row_real);
                kernels::gradient_accumulate_f32(sums, e, a);
            }
            _ => return Err(LearnError::Shape { what: "integer features", expected: self.columns, got: 0 }),
        }
        Ok(())
    }

    /// Accumulators → the slot's format (GradientRange, QuantiseGradient), for a batch of `batch`.
    pub fn finish(&mut self, batch: usize) -> Result<(), LearnError> {
        let range = match &self.sums {
            Sums::Narrow(sums) => kernels::gradient_range(sums),
            Sums::Wide(sums) => kernels::gradient_range_wide(sums),
            Sums::Real(_) => (0, 0),
        };
        self.seen = (self.seen.0.min(range.0), self.seen.1.max(range.1));
        self.mean_of_reals(batch);
        let Some(slot) = &mut self.slot else {
            self.non_zero = self.count_non_zero();
            self.lost = 0;
            return Ok(());
        };
        match (&self.sums, &mut self.values) {
            (Sums::Real(sums), Values::Real(out)) => {
                for (d, &g) in out.iter_mut().zip(sums) {
                    *d = round_to_format(g, slot.format);
                }
            }
            (Sums::Real(sums), Values::Codes { codes, params }) => {
                let (lo, hi) = sums.iter().fold((0f64, 0f64), |(l, h), &x| (l.min(x.into()), h.max(x.into())));
                *params = slot.real_grid(lo, hi)?;
                for (d, &g) in codes.iter_mut().zip(sums) {
                    *d = slot.code_of(g.into(), *params)?;
                }
            }
            (sums, Values::Codes { codes, params }) => {
                let to: Requantiser = slot.grid(range, self.unit);
                *params = to.params;
                let requant = slot.requant(0, &to);
                (self.non_zero, self.lost) = match sums {
                    Sums::Narrow(sums) => kernels::quantise_gradient(sums, &requant, &mut slot.site, codes)?,
                    Sums::Wide(sums) => kernels::quantise_gradient_wide(sums, &requant, &mut slot.site, codes)?,
                    Sums::Real(_) => (0, 0),
                };
                return Ok(());
            }
            (sums, Values::Real(out)) => {
                let unit = narrow_real(self.unit.to_f64());
                let ints = |d: &mut f32, g: i64| *d = round_to_format(g as f32 * unit, slot.format);
                match sums {
                    Sums::Narrow(sums) => out.iter_mut().zip(sums).for_each(|(d, &g)| ints(d, g.into())),
                    Sums::Wide(sums) => out.iter_mut().zip(sums).for_each(|(d, &g)| ints(d, g)),
                    Sums::Real(_) => {}
                }
            }
        }
        self.non_zero = self.count_non_zero();
        self.lost = match &self.values {
            Values::Codes { codes, params } => {
                let zeros = codes.iter().filter(|&&c| c == params.zero_point).count();
                self.non_zero.saturating_sub(u64::try_from(codes.len() - zeros).unwrap_or(u64::MAX))
            }
            Values::Real(_) => 0,
        };
        Ok(())
    }

    /// Real sums become the batch's mean by one product.
    fn mean_of_reals(&mut self, batch: usize) {
        if let Sums::Real(sums) = &mut self.sums {
            let mean = 1.0 / batch as f32;
            sums.iter_mut().for_each(|g| *g *= mean);
        }
    }

    fn count_non_zero(&self) -> u64 {
        let n = match &self.sums {
            Sums::Narrow(sums) => sums.iter().filter(|&&g| g != 0).count(),
            Sums::Wide(sums) => sums.iter().filter(|&&g| g != 0).count(),
            Sums::Real(sums) => sums.iter().filter(|&&g| g != 0.0).count(),
        };
        u64::try_from(n).unwrap_or(u64::MAX)
    }

    /// The gradient that the update uses, as reals.
    pub fn device(&self, out: &mut Vec<f64>) {
        let unit = self.unit.to_f64();
        out.clear();
        match (&self.slot, &self.sums) {
            (Some(_), _) => super::consolidate::reals_of(&self.values, out),
            (None, Sums::Narrow(sums)) => out.extend(sums.iter().map(|&g| f64::from(g) * unit)),
            (None, Sums::Wide(sums)) => out.extend(sums.iter().map(|&g| g as f64 * unit)),
            (None, Sums::Real(sums)) => out.extend(sums.iter().map(|&g| f64::from(g))),
        }
    }

    pub fn is_integer(&self) -> bool {
        !matches!(self.sums, Sums::Real(_))
    }

    /// Range of the batch gradient in reals, 0 inside.
    pub fn real_range(&self) -> (f64, f64) {
        let unit = self.unit.to_f64();
        let codes = |(lo, hi): (i64, i64)| (lo as f64 * unit, hi as f64 * unit);
        match &self.sums {
            Sums::Narrow(sums) => codes(kernels::gradient_range(sums)),
            Sums::Wide(sums) => codes(kernels::gradient_range_wide(sums)),
            Sums::Real(sums) => sums.iter().fold((0f64, 0f64), |(l, h), &x| (l.min(x.into()), h.max(x.into()))),
        }
    }

    /// Freezes the gradient's range where its slot waits for a calibration.
    pub fn freeze(&mut self, lo: f64, hi: f64) -> Result<(), LearnError> {
        if let Some(slot) = &mut self.slot
            && slot.is_frozen_kind()
            && slot.fixed.is_none()
        {
            slot.fixed = Some(slot.real_grid(lo, hi)?);
        }
        Ok(())
    }
}
