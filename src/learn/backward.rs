//! Probabilities and error of a batch.

use super::forward::dequantise;
use super::kernels::{self, round_to_format};
use super::lanes::{self, Halves, Level, Way};
use super::slot_state::SlotState;
use super::{HeadConfig, LearnError, SlotName};
use crate::numeric::{QParams, Scale, Values, elementary};

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
    level: Level,
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
            level: Level::best(),
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
                lanes::softmax(self.level, &self.logit_codes[at], self.logit_unit, p);
                to_slot(p, slot)?;
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

    /// [`Self::softmax`] of a whole batch whose integer logits are the dot products `sums` of `unit` each; gives the smallest and
    /// largest logit. `None`, and nothing done, where probabilities are real.
    pub fn softmax_of_batch(
        &mut self,
        (sums, halves): (&[i32], Halves),
        unit: Scale,
    ) -> Result<Option<(i64, i64)>, LearnError> {
        if !self.probability_slot.is_integer() {
            return Ok(None);
        }
        self.logit_unit = unit;
        let (c, level) = (self.classes, self.level);
        let n = halves.samples * c;
        let samples = self.logit_codes[..n].chunks_exact_mut(c).zip(self.codes[..n].chunks_exact_mut(c));
        for (b, (z, p)) in samples.enumerate() {
            let [head, tail] = halves.of(sums, b);
            z[..head.len()].copy_from_slice(head);
            z[head.len()..].copy_from_slice(tail);
            lanes::softmax(level, z, unit, p);
        }
        to_slot(&mut self.codes[..n], &mut self.probability_slot)?;
        let z = &self.logit_codes[..n];
        let (lo, hi) = lanes::range(Way::best(), z, z.first().copied().unwrap_or(0));
        Ok(Some((lo.into(), hi.into())))
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
            (
                {
                    let (lo, hi) = lanes::range(Way::best(), &self.codes[..n], 0);
                    (lo.into(), hi.into())
                },
                (0.0, 0.0),
            )
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
                let most = Some(range.0.unsigned_abs().max(range.1.unsigned_abs()));
                let src = (&self.codes[..n], most);
                lanes::requant(Way::best(), src, &requant, &mut self.error_slot.site, &mut codes[..n])?;
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
        self.device_logits_of(0..n, integer, out);
    }

    /// As [`Self::device_logits`] at these places.
    pub fn device_logits_of(&self, at: std::ops::Range<usize>, integer: bool, out: &mut Vec<f64>) {
        let unit = self.logit_unit.to_f64();
        out.clear();
        if integer {
            out.extend(self.logit_codes[at].iter().map(|&z| f64::from(z) * unit));
        } else {
            out.extend(self.logit_reals[at].iter().map(|&z| f64::from(z)));
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

/// Probabilities of 2^−30 each into their slot's codes.
fn to_slot(probabilities: &mut [i32], slot: &mut SlotState) -> Result<(), LearnError> {
    let to = slot.grid((0, 0), Scale::pow2(-30));
    if to.factor != Scale::ONE || to.params.zero_point != 0 {
        let requant = slot.requant(0, &to);
        lanes::requant_in_place(Way::best(), probabilities, &requant, &mut slot.site)?;
    }
    Ok(())
}
