//! One trained tensor (the weights, or the bias) with its gradient, velocity and consolidated copy, and SGD on it.

use super::calls::{Calls, Tensor};
use super::forward::dequantise;
use super::gradient::{Gradient, Sums};
use super::kernels::{self, Step, StepCount, WIDE_FRACTION};
use super::lanes::{self, Way};
use super::param_fine::{below_half, step_fine, step_twice, step_wide, store_fine};
use super::slot_state::{SlotState, narrow_real};
use super::{HeadConfig, LearnError, SlotName};
use crate::numeric::{Overflow, QParams, Scale, Values};
use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

/// One parameter tensor, `classes × columns`.
#[derive(Debug, Clone)]
pub(crate) struct Param {
    pub columns: usize,
    pub master: Stored,
    pub master_slot: SlotState,
    pub gradient: Gradient,
    pub velocity: Option<Values>,
    pub update_slot: SlotState,
    pub consolidated: Values,
    pub consolidated_slot: SlotState,
    pub wide: Vec<i64>,
    gradient_real: Vec<f32>,
    master_real: Vec<f32>,
    pub last: StepCount,
    pub way: Way,
}

/// A tensor's values, and the smallest and largest code as long as they are known: whoever may change a value makes them unknown.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    values: Values,
    range: Option<(i32, i32)>,
}

impl Stored {
    pub fn new(values: Values) -> Self {
        Self { values, range: None }
    }

    /// Smallest and largest code, that of zero inside.
    pub fn range(&self) -> Option<(i32, i32)> {
        self.range
    }
}

impl Deref for Stored {
    type Target = Values;

    fn deref(&self) -> &Values {
        &self.values
    }
}

impl DerefMut for Stored {
    fn deref_mut(&mut self) -> &mut Values {
        self.range = None;
        &mut self.values
    }
}

/// What SGD's step starts from where that is not the master.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base<'a> {
    /// Their codes are worth nothing where there are bytes.
    pub values: &'a Values,
    pub bytes: Option<&'a [u8]>,
    /// No code is farther from zero.
    pub farthest: u64,
}

impl<'a> Base<'a> {
    /// Values whose codes are there.
    pub fn values(&self) -> Cow<'a, Values> {
        match (self.bytes, self.values) {
            (Some(bytes), &Values::Codes { params, .. }) => {
                let codes = bytes.iter().map(|b| b.cast_signed().into()).collect();
                Cow::Owned(Values::Codes { codes, params })
            }
            _ => Cow::Borrowed(self.values),
        }
    }
}

/// What the step is computed from; of integers the largest distance from zero, where it is known.
pub(super) enum Source<'a> {
    Codes(&'a [i32], QParams, Option<u64>),
    Wide(&'a [i64], Scale, Option<u64>),
    Reals(&'a [f32]),
}

impl Param {
    pub fn new(
        config: &HeadConfig,
        (rows, columns): (usize, usize),
        tensor: Tensor,
        gradient: Gradient,
        seed: u64,
    ) -> Result<Self, LearnError> {
        let p = &config.precision;
        let is_bias = tensor == Tensor::Bias;
        let (master, consolidated) =
            if is_bias { (SlotName::Bias, SlotName::Bias) } else { (SlotName::WeightsMaster, SlotName::Consolidated) };
        let number = |slot: SlotName, name: String| {
            let format = p.slot(slot).number().ok_or(LearnError::Impossible {
                slot,
                format: "accumulator".to_owned(),
                why: "only logits and gradient can stay in their accumulator",
            })?;
            Ok::<_, LearnError>(SlotState::new(&name, p.slot(slot), format, seed))
        };
        let place = if tensor == Tensor::Layer { "layer" } else { "head" };
        let master_slot = number(master, format!("{place}.{master}"))?;
        let consolidated_slot = number(consolidated, Calls::name(tensor, "consolidated"))?;
        let update_slot = number(SlotName::Update, Calls::name(tensor, "update"))?;
        let n = rows * columns;
        let real_velocity = config.has_velocity() && !update_slot.is_integer();
        let velocity = config.has_velocity().then(|| update_slot.zeros(n));
        let param = Self {
            columns,
            master: Stored::new(master_slot.zeros(n)),
            consolidated: consolidated_slot.zeros(n),
            velocity,
            gradient_real: vec![0.0; if real_velocity || !master_slot.is_integer() { n } else { 0 }],
            master_real: vec![0.0; if real_velocity && master_slot.is_integer() { n } else { 0 }],
            wide: vec![0; if master_slot.is_integer() { n } else { 0 }],
            gradient,
            master_slot,
            update_slot,
            consolidated_slot,
            last: StepCount::default(),
            way: Way::best(),
        };
        param.check_velocity(is_bias)?;
        Ok(param)
    }

    fn check_velocity(&self, is_bias: bool) -> Result<(), LearnError> {
        let real_gradient = matches!(of_gradient(&self.gradient), Source::Reals(_));
        let integer_velocity = matches!(self.velocity, Some(Values::Codes { .. }));
        if integer_velocity && (real_gradient || !self.master_slot.is_integer()) {
            let which = if is_bias { "bias" } else { "weights" };
            let why = if which == "bias" {
                "with a real gradient or a real bias the velocity is real; write f32"
            } else {
                "with a real gradient or real master weights the velocity is real; write f32"
            };
            return Err(LearnError::Impossible {
                slot: SlotName::Update,
                format: self.update_slot.format.to_string(),
                why,
            });
        }
        Ok(())
    }

    /// The optimiser starts anew: a velocity of zero.
    pub fn reset_velocity(&mut self) {
        match &mut self.velocity {
            Some(Values::Codes { codes, params }) => codes.fill(params.zero_point),
            Some(Values::Real(reals)) => reals.fill(0.0),
            None => {}
        }
    }

    /// Velocity (where kept), then SGD's step from the master or from `base` (Velocity, SgdUpdate).
    pub fn update(&mut self, config: &HeadConfig, base: Option<Base<'_>>) -> Result<(), LearnError> {
        if let Some(count) = self.step_at_once(config, base)? {
            self.last = count;
            return Ok(());
        }
        self.gradient.settle()?;
        self.advance_velocity(config)?;
        if matches!(*self.master, Values::Real(_)) && !matches!(self.velocity, Some(Values::Real(_))) {
            fill_real(&of_gradient(&self.gradient), &mut self.gradient_real);
        }
        let mut count = self.step(config, base)?;
        if self.velocity.is_none() && self.gradient.quantises() {
            // Entries whose gradient code is zero already vanished when the gradient was quantised.
            count = StepCount { non_zero: self.gradient.non_zero, vanished: count.vanished + self.gradient.lost };
        }
        self.last = count;
        Ok(())
    }

    /// Gradient codes and the step from them in one pass, where nothing comes between: no velocity, a master of fixed range.
    fn step_at_once(&mut self, config: &HeadConfig, base: Option<Base<'_>>) -> Result<Option<StepCount>, LearnError> {
        let possible = self.velocity.is_none() && base.is_none() && !self.master_slot.is_dynamic();
        let (true, Values::Codes { codes, params }) = (possible, &mut *self.master) else { return Ok(None) };
        let (rate, limits, of_master) = (Scale::from_f64(config.learning_rate)?, self.master_slot.limits(), *params);
        let step = |g: QParams| step_of(rate, (g.zero_point, g.scale), of_master, limits);
        let sites = (&mut self.update_slot.site, &mut self.master_slot.site);
        self.gradient.settle_and_step(codes, step, sites)
    }

    fn advance_velocity(&mut self, config: &HeadConfig) -> Result<(), LearnError> {
        let gradient = of_gradient(&self.gradient);
        match &mut self.velocity {
            None => {}
            Some(Values::Codes { codes, params }) => {
                let Values::Codes { codes: master, params: of_master } = &*self.master else {
                    return Err(LearnError::Shape { what: "integer master weights", expected: codes.len(), got: 0 });
                };
                let (limits, unit, site) = (self.update_slot.limits(), params.scale, &mut self.update_slot.site);
                let momentum = (config.momentum > 0.0).then(|| Scale::from_f64(config.momentum)).transpose()?;
                let decay = (config.weight_decay > 0.0).then(|| Scale::from_f64(config.weight_decay)).transpose()?;
                let master = (&master[..], of_master.zero_point, decay.map(|d| d.mul(of_master.scale).div(unit)));
                match gradient {
                    Source::Codes(g, p, _) => {
                        let g = g.iter().map(|&g| i64::from(g) - i64::from(p.zero_point));
                        kernels::velocity(codes, (g, p.scale.div(unit)), master, momentum, limits, site)?;
                    }
                    Source::Wide(g, of_g, _) => {
                        kernels::velocity(codes, (g.iter().copied(), of_g.div(unit)), master, momentum, limits, site)?;
                    }
                    Source::Reals(g) => {
                        return Err(LearnError::Shape { what: "an integer gradient", expected: g.len(), got: 0 });
                    }
                }
            }
            Some(Values::Real(v)) => {
                fill_real(&gradient, &mut self.gradient_real);
                let master = match &*self.master {
                    Values::Real(reals) => reals,
                    Values::Codes { codes, params } => {
                        dequantise(codes, *params, &mut self.master_real);
                        &self.master_real
                    }
                };
                let factors = (narrow_real(config.momentum), narrow_real(config.weight_decay));
                kernels::velocity_f32(v, &self.gradient_real, master, factors, self.update_slot.format);
                self.update_slot.settle(v)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, config: &HeadConfig, base: Option<Base<'_>>) -> Result<StepCount, LearnError> {
        let source = self.velocity.as_ref().map_or_else(|| of_gradient(&self.gradient), of_velocity);
        let rate = Scale::from_f64(config.learning_rate)?;
        match &mut *self.master {
            Values::Real(weights) => {
                match base.map(|base| base.values()).as_deref() {
                    Some(Values::Codes { codes, params }) => dequantise(codes, *params, weights),
                    Some(Values::Real(reals)) => weights.copy_from_slice(reals),
                    None => {}
                }
                let gradient = match &self.velocity {
                    Some(Values::Real(v)) => v,
                    _ => &self.gradient_real,
                };
                let rate = narrow_real(config.learning_rate);
                let count = kernels::sgd_update_f32(weights, gradient, rate, self.master_slot.format);
                self.master_slot.settle(weights)?;
                Ok(count)
            }
            Values::Codes { codes, params } if base.is_none() && !self.master_slot.is_dynamic() => {
                let slots = (&mut self.update_slot, &mut self.master_slot);
                step_static(self.way, codes, *params, &source, rate, slots)
            }
            Values::Codes { codes, params } => {
                let (wide, way) = (&mut self.wide, self.way);
                let rounder = &mut self.update_slot.site.rounder;
                if let Some(base) = base {
                    let slot = &mut self.master_slot;
                    let stepped = step_twice(way, base, &source, (rate, rounder.mode()), (slot, codes, params));
                    if let Some(stepped) = stepped {
                        let (count, range) = stepped?;
                        self.master.range = range;
                        return Ok(count);
                    }
                }
                let from = base.map(|base| base.values());
                let (count, range) = match from.as_deref().zip(base.map(|base| base.farthest)) {
                    Some((Values::Codes { codes, params }, farthest)) => {
                        step_fine(way, (codes, *params, farthest), &source, rate, (rounder, wide))
                    }
                    Some((Values::Real(reals), _)) => {
                        let fine = Scale::pow2(WIDE_FRACTION).to_f64();
                        for (d, &x) in wide.iter_mut().zip(reals) {
                            *d = rounder.real(f64::from(x) * fine);
                        }
                        let count = step_wide(wide, &source, rate, rounder);
                        (count, kernels::gradient_range_wide(wide))
                    }
                    None => {
                        let (lo, hi) = lanes::range(way, codes, params.zero_point);
                        let farthest = lo.abs_diff(params.zero_point).max(hi.abs_diff(params.zero_point));
                        step_fine(way, (codes, *params, farthest.into()), &source, rate, (rounder, wide))
                    }
                };
                *params = store_fine((way, wide, range), &mut self.master_slot, codes)?;
                // The fine grid loses next to nothing; what counts is the grid that the weights are kept in.
                Ok(StepCount { vanished: below_half(way, &source, rate, params.scale), ..count })
            }
        }
    }
}

fn of_gradient(gradient: &Gradient) -> Source<'_> {
    match gradient.source() {
        (Some(Values::Codes { codes, params }), _) => Source::Codes(codes, *params, gradient.farthest()),
        (Some(Values::Real(reals)), _) | (None, Sums::Real(reals)) => Source::Reals(reals),
        (None, Sums::Narrow(sums)) => Source::Codes(sums, QParams::symmetric(gradient.unit), gradient.largest()),
        (None, Sums::Wide(sums)) => Source::Wide(sums, gradient.unit, gradient.largest()),
    }
}

fn fill_real(source: &Source<'_>, out: &mut [f32]) {
    match *source {
        Source::Codes(codes, params, _) => dequantise(codes, params, out),
        Source::Wide(sums, unit, _) => {
            let unit = narrow_real(unit.to_f64());
            out.iter_mut().zip(sums).for_each(|(d, &g)| *d = g as f32 * unit);
        }
        Source::Reals(reals) => out.copy_from_slice(reals),
    }
}

/// Codes of zero `zero` and `unit` each as a step on the master's grid.
fn step_of(rate: Scale, (zero, unit): (i32, Scale), master: QParams, (lo, hi, overflow): (i32, i32, Overflow)) -> Step {
    Step { src_zero: zero, factor: rate.mul(unit).div(master.scale), lo, hi, overflow }
}

fn step_static(
    way: Way,
    codes: &mut [i32],
    params: QParams,
    source: &Source<'_>,
    rate: Scale,
    (update, master): (&mut SlotState, &mut SlotState),
) -> Result<StepCount, LearnError> {
    let limits = master.limits();
    let step = |zero, unit: Scale| step_of(rate, (zero, unit), params, limits);
    let (update, store) = (&mut update.site, &mut master.site);
    match *source {
        Source::Codes(g, p, most) => {
            Ok(lanes::sgd(way, codes, (g, most), &step(p.zero_point, p.scale), (update, store))?)
        }
        Source::Wide(g, unit, most) => Ok(lanes::sgd(way, codes, (g, most), &step(0, unit), (update, store))?),
        Source::Reals(g) => {
            let factor = rate.to_f64() / params.scale.to_f64();
            let (lo, hi, overflow) = limits;
            let mut count = StepCount::default();
            for (w, &g) in codes.iter_mut().zip(g) {
                let moved = update.rounder.real(f64::from(g) * factor);
                count.non_zero += u64::from(g != 0.0);
                count.vanished += u64::from(g != 0.0 && moved == 0);
                *w = kernels::store(i64::from(*w).saturating_sub(moved), lo, hi, overflow, &mut store.count)?;
            }
            Ok(count)
        }
    }
}

fn of_velocity(velocity: &Values) -> Source<'_> {
    match velocity {
        Values::Codes { codes, params } => Source::Codes(codes, *params, None),
        Values::Real(reals) => Source::Reals(reals),
    }
}
