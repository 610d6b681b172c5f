//! The batch gradient of one parameter tensor: accumulators and their quantisation.

use super::calls::{Calls, Tensor};
use super::features::Packed;
use super::forward::Row;
use super::kernels::{self, Requant, Site, Step, StepCount, round_to_format};
use super::lanes::bytes::{Bytes, Quads};
use super::lanes::{self, Pairs, Way};
use super::slot_state::{SlotState, narrow_real};
use super::{FeatureTable, HeadConfig, LearnError, SlotName};
use crate::numeric::{AccumulatorFormat, Narrow, QParams, Requantiser, Rounding, Scale, Values, safe_bits};
use std::borrow::Cow;

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
    /// In the slot's format; not used where the gradient stays in its accumulator, stale where `unkept`.
    values: Values,
    row_real: Vec<f32>,
    error_real: Vec<f32>,
    /// Where a slot quantises: non-zero accumulators of the last step, and those among them whose code is zero.
    pub non_zero: u64,
    pub lost: u64,
    pub way: Way,
    /// Bits of an error code.
    error_bits: u32,
    /// 16-bit halves of 32-bit errors times features fit 32 bits over a batch.
    halves: bool,
    pairs: Pairs,
    /// Errors and features are of 8 bits, and this machine multiplies such.
    in_bytes: bool,
    quads: Quads,
    range: Option<(i64, i64)>,
    /// Codes are still to be made from the sums, by this.
    pending: Option<Requant>,
    /// Codes were used but not kept; this makes them from the sums.
    unkept: Option<Requant>,
}

impl Gradient {
    pub fn new(
        config: &HeadConfig,
        (classes, columns): (usize, usize),
        (error, features): (&SlotState, Option<&SlotState>),
        tensor: Tensor,
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
        let slot = slot.number().map(|format| SlotState::new(&Calls::name(tensor, "gradient"), slot, format, seed));
        let values = slot.as_ref().map_or(Values::Real(Vec::new()), |s| s.zeros(n));
        let row_real = if integer { 0 } else { columns };
        Self {
            columns,
            sums,
            unit: Scale::ONE,
            accumulator,
            checked,
            safe_bits: safe,
            acc_count: Narrow::new(&Calls::name(tensor, "gradient.accumulator")),
            seen: (0, 0),
            slot,
            values,
            row_real: vec![0.0; row_real],
            error_real: vec![0.0; classes],
            non_zero: 0,
            lost: 0,
            way: Way::best(),
            error_bits: error.format.bits(),
            halves: safe_bits(batch, 1 << 15, features.map_or(1, SlotState::max_centred)) <= 32,
            pairs: Pairs::default(),
            in_bytes: integer
                && [Some(error), features].iter().flatten().all(|s| Bytes::fit(Way::best().level, s.codes())),
            quads: Quads::default(),
            range: None,
            pending: None,
            unkept: None,
        }
    }

    /// Starts a batch of `batch` samples; errors are worth `error_scale`, features `feature_scale` a code.
    pub fn start(&mut self, error_scale: Scale, feature_scale: Scale, batch: usize) -> Result<(), LearnError> {
        let mean = Scale::ratio(1, u64::try_from(batch).unwrap_or(u64::MAX))?;
        self.unit = error_scale.mul(feature_scale).mul(mean);
        self.range = None;
        (self.pending, self.unkept) = (None, None);
        Ok(())
    }

    /// Sums of zero, for [`Self::add`].
    pub fn clear(&mut self) {
        match &mut self.sums {
            Sums::Narrow(sums) => sums.fill(0),
            Sums::Wide(sums) => sums.fill(0),
            Sums::Real(sums) => sums.fill(0.0),
        }
    }

    /// All samples at once where that is exact and says so; else nothing is changed.
    pub fn add_batch(&mut self, errors: &Values, (table, rows): (&FeatureTable, &[usize])) -> bool {
        if let (Sums::Real(sums), Values::Real(errors), Values::Real(reals)) = (&mut self.sums, errors, table.values())
        {
            let k = self.columns;
            let features: Vec<&[f32]> = rows.iter().map(|&row| &reals[row * k..(row + 1) * k]).collect();
            lanes::outer_of_reals(self.way.level, &errors[..rows.len() * (sums.len() / k)], &features, sums);
            return true;
        }
        let Values::Codes { codes: errors, params } = errors else { return false };
        let narrow = matches!(self.sums, Sums::Narrow(_));
        let possible = !self.checked && if narrow { self.error_bits <= 16 } else { self.halves };
        if !possible || matches!(self.sums, Sums::Real(_)) {
            return false;
        }
        let (k, zero) = (self.columns, params.zero_point);
        let Values::Codes { params, .. } = table.values() else { return false };
        if let (true, Sums::Narrow(sums), Packed::Bytes(bytes)) = (self.in_bytes, &mut self.sums, table.packed()) {
            let classes = sums.len() / k;
            let errors = (&errors[..rows.len() * classes], zero, classes);
            let (lo, hi) = self.quads.outer(self.way, errors, (bytes, rows, params.zero_point), sums);
            self.range = Some((lo.into(), hi.into()));
            return true;
        }
        let Some(features) = table.packed().rows(params.zero_point) else { return false };
        let features = (features, rows);
        match &mut self.sums {
            Sums::Narrow(sums) => {
                let classes = sums.len() / k;
                let errors = (&errors[..rows.len() * classes], zero, classes);
                let (lo, hi) = self.pairs.outer(self.way, errors, features, (k, sums));
                self.range = Some((lo.into(), hi.into()));
            }
            Sums::Wide(sums) => {
                let classes = sums.len() / k;
                let errors = (&errors[..rows.len() * classes], zero, classes);
                self.range = Some(self.pairs.outer_wide(self.way, errors, features, (k, sums)));
            }
            Sums::Real(_) => return false,
        }
        true
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

    /// Accumulators → the slot's format (GradientRange, QuantiseGradient), for a batch of `batch`. Codes are left to
    /// [`Self::settle`], or to the update that uses them.
    pub fn finish(&mut self, batch: usize) -> Result<(), LearnError> {
        let range = match (&self.sums, self.range) {
            (_, Some(range)) => range,
            (Sums::Narrow(sums), _) => kernels::gradient_range(sums),
            (Sums::Wide(sums), _) => kernels::gradient_range_wide(sums),
            (Sums::Real(_), _) => (0, 0),
        };
        self.range = Some(range);
        self.seen = (self.seen.0.min(range.0), self.seen.1.max(range.1));
        self.mean_of_reals(batch);
        let Some(slot) = &mut self.slot else { return Ok(()) };
        match (&self.sums, &mut self.values) {
            (Sums::Real(sums), Values::Real(out)) => {
                for (d, &g) in out.iter_mut().zip(sums) {
                    *d = round_to_format(g, slot.format);
                }
                slot.settle(out)?;
            }
            (Sums::Real(sums), Values::Codes { codes, params }) => {
                let (lo, hi) = sums.iter().fold((0f64, 0f64), |(l, h), &x| (l.min(x.into()), h.max(x.into())));
                *params = slot.real_grid(lo, hi)?;
                for (d, &g) in codes.iter_mut().zip(sums) {
                    *d = slot.code_of(g.into(), *params)?;
                }
            }
            (_, Values::Codes { params, .. }) => {
                let to: Requantiser = slot.grid(range, self.unit);
                *params = to.params;
                self.pending = Some(slot.requant(0, &to));
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
                slot.settle(out)?;
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

    /// Makes the codes that [`Self::finish`] left.
    pub fn settle(&mut self) -> Result<(), LearnError> {
        let most = self.largest();
        let (Some(requant), Some(slot), Values::Codes { codes, .. }) =
            (self.pending.take(), &mut self.slot, &mut self.values)
        else {
            return Ok(());
        };
        (self.non_zero, self.lost) = match &self.sums {
            Sums::Narrow(sums) => lanes::requant(self.way, (sums, most), &requant, &mut slot.site, codes)?,
            Sums::Wide(sums) => lanes::requant(self.way, (sums, most), &requant, &mut slot.site, codes)?,
            Sums::Real(_) => (0, 0),
        };
        Ok(())
    }

    /// [`Self::settle`] with SGD's step on `master` from the same codes, all in one pass; gives the sums other than zero and how many of those
    /// moved nothing. `None` where no codes are pending.
    pub fn settle_and_step(
        &mut self,
        master: &mut [i32],
        step_of: impl FnOnce(QParams) -> Step,
        sites: (&mut Site, &mut Site),
    ) -> Result<Option<StepCount>, LearnError> {
        let (range, farthest) = (self.range, self.farthest());
        let (Some(requant), Some(slot), Values::Codes { codes, params }) =
            (self.pending.take(), &mut self.slot, &mut self.values)
        else {
            return Ok(None);
        };
        let (way, site, step) = (self.way, &mut slot.site, step_of(*params));
        let master = (master, &step, farthest);
        let done = match &self.sums {
            Sums::Narrow(sums) => lanes::requant_and_step(way, (sums, range), (&requant, site), codes, master, sites)?,
            Sums::Wide(sums) => lanes::requant_and_step(way, (sums, range), (&requant, site), codes, master, sites)?,
            Sums::Real(_) => return Ok(None),
        };
        self.unkept = (!done.kept).then_some(requant);
        Ok(Some(done.count))
    }

    /// In the slot's format; not used where the gradient stays in its accumulator.
    pub fn values(&self) -> Cow<'_, Values> {
        let (Some(requant), Values::Codes { params, .. }) = (&self.unkept, &self.values) else {
            return Cow::Borrowed(&self.values);
        };
        // Only codes that were rounded without chance go unkept; they have been counted.
        let mut site = Site::new("", Rounding::TiesEven, 0, 0);
        let mut code = |g: i64| requant.centred(g, &mut site).unwrap_or(params.zero_point);
        let codes = match &self.sums {
            Sums::Narrow(sums) => sums.iter().map(|&g| code(g.into())).collect(),
            Sums::Wide(sums) => sums.iter().map(|&g| code(g)).collect(),
            Sums::Real(_) => return Cow::Borrowed(&self.values),
        };
        Cow::Owned(Values::Codes { codes, params: *params })
    }

    /// Codes of the slot come out?
    pub fn quantises(&self) -> bool {
        self.slot.is_some() && matches!(self.values, Values::Codes { .. })
    }

    /// What the update is computed from: codes that were kept, reals, or the sums.
    pub fn source(&self) -> (Option<&Values>, &Sums) {
        (self.slot.is_some().then_some(&self.values), &self.sums)
    }

    /// No code is farther from zero; `None` without codes of a slot.
    pub fn farthest(&self) -> Option<u64> {
        let (Some(slot), Values::Codes { params, .. }) = (&self.slot, &self.values) else { return None };
        // A grid that was fixed elsewhere may put zero outside the codes.
        Some(slot.max_centred().saturating_add(params.zero_point.unsigned_abs().into()))
    }

    /// Real sums become the batch's mean by one product.
    fn mean_of_reals(&mut self, batch: usize) {
        if let Sums::Real(sums) = &mut self.sums {
            let mean = 1.0 / batch as f32;
            sums.iter_mut().for_each(|g| *g *= mean);
        }
    }

    /// Largest magnitude of the batch's sums, where [`Self::finish`] saw integers.
    pub fn largest(&self) -> Option<u64> {
        self.range.map(|(lo, hi)| lo.unsigned_abs().max(hi.unsigned_abs()))
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
            (Some(_), _) => super::consolidate::reals_of(&self.values(), out),
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
