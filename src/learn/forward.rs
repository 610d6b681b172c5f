//! Forward pass of the head: copy of the weights, logits of one sample.

use super::forward_copy::convert;
use super::kernels::{self, Site, logit_to};
use super::lanes::bytes::Bytes;
use super::lanes::{Halves, Lanes, Turned, Way};
use super::param::Base;
use super::slot_state::{SlotState, narrow_real};
use super::{HeadConfig, LearnError, SlotName};
use crate::numeric::narrow::saturate_i32;
use crate::numeric::{AccumulatorFormat, Narrow, QParams, Scale, Values, safe_bits};
use std::borrow::Cow;

/// Unit of logits that are rounded out of an accumulator wider than 32 bits: 2^−20, so ±2048.
const WIDE_LOGIT: i32 = -20;

/// One sample's features.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    Codes(&'a [i32], QParams),
    Reals(&'a [f32]),
}

impl<'a> Row<'a> {
    pub fn of(values: &'a Values, row: usize, columns: usize) -> Self {
        let at = row * columns..(row + 1) * columns;
        match values {
            Values::Codes { codes, params } => Row::Codes(&codes[at], *params),
            Values::Real(reals) => Row::Reals(&reals[at]),
        }
    }

    /// Reals of the row, in `scratch` where they must be computed.
    pub fn reals<'b>(&self, scratch: &'b mut [f32]) -> &'b [f32]
    where
        'a: 'b,
    {
        match *self {
            Row::Reals(reals) => reals,
            Row::Codes(codes, params) => {
                dequantise(codes, params, scratch);
                scratch
            }
        }
    }
}

/// `(code − zero) · scale` in f32.
pub(crate) fn dequantise(codes: &[i32], params: QParams, out: &mut [f32]) {
    let scale = narrow_real(params.scale.to_f64());
    for (d, &q) in out.iter_mut().zip(codes) {
        *d = (i64::from(q) - i64::from(params.zero_point)) as f32 * scale;
    }
}

/// The forward copy and what the dot products need.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    pub slot: SlotState,
    /// The copy; empty where the master is used as it is. Its codes are worth nothing where they lie in bytes alone.
    pub(super) copy: Values,
    /// The copy's codes are made where the dot products read them, and nowhere else.
    pub(super) bare: bool,
    pub identical: bool,
    pub(super) margin_percent: i64,
    /// No code of the master's format is outside.
    pub(super) master_codes: (i32, i32),
    /// Both operands are codes.
    pub integer: bool,
    pub accumulator: AccumulatorFormat,
    pub safe_bits: u32,
    pub acc_count: Narrow,
    pub seen: (i64, i64),
    pub logits_slot: Option<SlotState>,
    bias_site: Site,
    pub(super) bias_sums: Vec<i64>,
    bias_reals: Vec<f32>,
    weights_real: Vec<f32>,
    turned: Turned,
    row_real: Vec<f32>,
    sums32: Vec<i32>,
    pub sums: Vec<i64>,
    pub sums_real: Vec<f32>,
    /// Codes of at most 16 bits whose dot products fit 32: a batch at once.
    pub(super) narrow: bool,
    pub way: Way,
    /// The weights' codes are laid for the registers as they are now.
    pub(super) laid: bool,
    pub(super) weight_lanes: Lanes,
    pub(super) batch_sums: Vec<i32>,
    pub(super) batch_halves: Halves,
    /// Weights and features are of 8 bits, and this machine multiplies such.
    pub(super) in_bytes: bool,
    pub(super) weight_bytes: Bytes,
}

impl Forward {
    pub fn new(config: &HeadConfig, classes: usize, columns: usize, seed: u64) -> Result<Self, LearnError> {
        let p = &config.precision;
        let number = |name| {
            SlotState::of(name, p.slot(name), seed).ok_or(LearnError::Impossible {
                slot: name,
                format: "accumulator".to_owned(),
                why: "only logits and gradient can stay in their accumulator",
            })
        };
        let (slot, master, features) =
            (number(SlotName::WeightsForward)?, number(SlotName::WeightsMaster)?, number(SlotName::Features)?);
        let identical = slot.format == master.format && p.forward_margin_percent == 0;
        let integer = slot.is_integer() && features.is_integer();
        let n = classes * columns;
        let terms = u64::try_from(columns).unwrap_or(u64::MAX);
        Ok(Self {
            copy: slot.zeros(if identical { 0 } else { n }),
            bare: false,
            identical,
            margin_percent: i64::from(p.forward_margin_percent),
            master_codes: master.codes(),
            integer,
            accumulator: p.logits_accumulator,
            safe_bits: safe_bits(terms, features.max_centred(), slot.max_centred()),
            acc_count: Narrow::new("head.logits.accumulator"),
            seen: (0, 0),
            logits_slot: SlotState::of(SlotName::Logits, p.slot(SlotName::Logits), seed),
            bias_site: Site::new("head.bias.forward", p.slot(SlotName::Bias).rounding, seed, 1),
            bias_sums: vec![0; classes],
            bias_reals: vec![0.0; classes],
            weights_real: if integer { Vec::new() } else { vec![0.0; n] },
            turned: Turned::default(),
            row_real: if integer { Vec::new() } else { vec![0.0; columns] },
            sums32: vec![0; classes],
            sums: vec![0; classes],
            sums_real: vec![0.0; classes],
            narrow: integer && slot.format.bits() <= 16 && features.format.bits() <= 16,
            way: Way::best(),
            laid: false,
            weight_lanes: Lanes::default(),
            batch_sums: Vec::new(),
            batch_halves: Halves { samples: 0, classes, first: classes },
            in_bytes: integer && [&slot, &features].iter().all(|s| Bytes::fit(Way::best().level, s.codes())),
            weight_bytes: Bytes::default(),
            slot,
        })
    }

    /// Logits come out as codes.
    pub fn integer_logits(&self) -> bool {
        self.logits_slot.as_ref().map_or(self.integer, SlotState::is_integer)
    }

    /// Refreshes the copy from the master (ForwardCopy).
    pub fn refresh(&mut self, master: &Values, scratch: &mut Vec<f64>) -> Result<(), LearnError> {
        if !self.identical {
            convert(self.way, master, &mut self.slot, self.margin_percent, scratch, &mut self.copy)?;
        }
        if !self.integer {
            match if self.identical { master } else { &self.copy } {
                Values::Real(reals) => self.weights_real.copy_from_slice(reals),
                Values::Codes { codes, params } => dequantise(codes, *params, &mut self.weights_real),
            }
        }
        (self.laid, self.bare) = (false, false);
        Ok(())
    }

    /// The copy as what SGD's step starts from.
    pub fn base(&self) -> Base<'_> {
        let zero = match &self.copy {
            Values::Codes { params, .. } => params.zero_point.unsigned_abs(),
            Values::Real(_) => 0,
        };
        // A grid that was fixed elsewhere may put zero outside the codes.
        let bytes = self.weight_bytes.whole().filter(|_| self.bare);
        Base { values: &self.copy, bytes, farthest: self.slot.max_centred().saturating_add(zero.into()) }
    }

    /// The copy, with its codes.
    pub fn copied(&self) -> Cow<'_, Values> {
        self.base().values()
    }

    /// Bits that hold any dot product and its bias.
    pub(super) fn bits(&self) -> u32 {
        let largest_bias = self.bias_sums.iter().map(|b| b.unsigned_abs()).max().unwrap_or(0);
        // One more bit than both parts holds their sum.
        match largest_bias {
            0 => self.safe_bits,
            b => self.safe_bits.max(65 - b.leading_zeros()) + 1,
        }
    }

    /// The bias in the dot products' unit for features of scale `feature_scale`.
    pub fn refresh_bias(&mut self, bias: &Values, master: &Values, feature_scale: Scale) -> Result<(), LearnError> {
        let unit = feature_scale.mul(self.weight_params(master).scale);
        match bias {
            Values::Codes { codes, params } if self.integer => {
                let factor = params.scale.div(unit);
                for (sum, &b) in self.bias_sums.iter_mut().zip(codes) {
                    let centred = i64::from(b) - i64::from(params.zero_point);
                    let b = kernels::product(centred, factor, &mut self.bias_site.rounder);
                    *sum = crate::numeric::narrow(
                        b,
                        self.accumulator.bits(),
                        self.accumulator.overflow(),
                        &mut self.bias_site.count,
                    )?;
                }
            }
            Values::Codes { codes, params } => dequantise(codes, *params, &mut self.bias_reals),
            Values::Real(reals) if self.integer => {
                for (sum, &b) in self.bias_sums.iter_mut().zip(reals) {
                    let b = self.bias_site.rounder.real(f64::from(b) / unit.to_f64());
                    *sum = crate::numeric::narrow(
                        b,
                        self.accumulator.bits(),
                        self.accumulator.overflow(),
                        &mut self.bias_site.count,
                    )?;
                }
            }
            Values::Real(reals) => self.bias_reals.copy_from_slice(reals),
        }
        Ok(())
    }

    /// Scale and zero point of the weights that the dot products use.
    pub fn weight_params(&self, master: &Values) -> QParams {
        match if self.identical { master } else { &self.copy } {
            Values::Codes { params, .. } => *params,
            Values::Real(_) => QParams::symmetric(Scale::ONE),
        }
    }

    /// Dot products of one sample into `sums` (codes; gives their unit) or `sums_real` (HeadForward).
    pub fn dot(&mut self, master: &Values, row: Row<'_>) -> Result<Scale, LearnError> {
        if self.bare {
            self.copy = self.copied().into_owned();
            self.bare = false;
        }
        let bits = self.bits();
        let weights = if self.identical { master } else { &self.copy };
        if let (true, Values::Codes { codes, params }, Row::Codes(features, a)) = (self.integer, weights, row) {
            self.sums.copy_from_slice(&self.bias_sums);
            if bits <= self.accumulator.bits() && bits <= 32 {
                for (s, &b) in self.sums32.iter_mut().zip(&self.sums) {
                    *s = saturate_i32(b);
                }
                kernels::head_forward(codes, params.zero_point, features, a.zero_point, &mut self.sums32);
                for (s, &z) in self.sums.iter_mut().zip(&self.sums32) {
                    *s = i64::from(z);
                }
            } else {
                let (w, a) = ((&codes[..], params.zero_point), (features, a.zero_point));
                kernels::head_forward_checked(w, a, self.accumulator, &mut self.acc_count, &mut self.sums)?;
            }
            for &z in &self.sums {
                self.seen = (self.seen.0.min(z), self.seen.1.max(z));
            }
            return Ok(params.scale.mul(a.scale));
        }
        let features = row.reals(&mut self.row_real);
        self.sums_real.copy_from_slice(&self.bias_reals);
        if !self.laid {
            self.turned.turn(&self.weights_real, features.len());
            self.laid = true;
        }
        self.turned.dots(self.way.level, features, &mut self.sums_real);
        Ok(Scale::ONE)
    }

    /// The dot products in the logits' format: codes (gives their unit) or reals.
    pub fn logits(&mut self, unit: Scale, codes: &mut [i32], reals: &mut [f32]) -> Result<Scale, LearnError> {
        match (&mut self.logits_slot, self.integer) {
            (None, true) if self.accumulator.bits() <= 32 => {
                for (d, &z) in codes.iter_mut().zip(&self.sums) {
                    *d = saturate_i32(z);
                }
                Ok(unit)
            }
            (None, true) => {
                let out = Scale::pow2(WIDE_LOGIT);
                let mut site = Site::new("", crate::numeric::Rounding::TiesEven, 0, 0);
                for (d, &z) in codes.iter_mut().zip(&self.sums) {
                    *d = saturate_i32(logit_to(z, unit.div(out), &mut site));
                }
                Ok(out)
            }
            (None, false) => {
                reals.copy_from_slice(&self.sums_real);
                Ok(Scale::ONE)
            }
            (Some(slot), true) if slot.is_integer() => {
                let to = slot.grid((0, 0), unit);
                let requant = slot.requant(0, &to);
                for (d, &z) in codes.iter_mut().zip(&self.sums) {
                    *d = requant.centred(z, &mut slot.site)? - to.params.zero_point;
                }
                Ok(to.params.scale)
            }
            (Some(slot), true) => {
                let scale = narrow_real(unit.to_f64());
                for (d, &z) in reals.iter_mut().zip(&self.sums) {
                    *d = kernels::round_to_format(z as f32 * scale, slot.format);
                }
                slot.settle(reals)?;
                Ok(Scale::ONE)
            }
            (Some(slot), false) if slot.is_integer() => {
                let params = slot.real_grid(0.0, 0.0)?;
                for (d, &z) in codes.iter_mut().zip(&self.sums_real) {
                    *d = slot.code_of(z.into(), params)? - params.zero_point;
                }
                Ok(params.scale)
            }
            (Some(slot), false) => {
                for (d, &z) in reals.iter_mut().zip(&self.sums_real) {
                    *d = kernels::round_to_format(z, slot.format);
                }
                slot.settle(reals)?;
                Ok(Scale::ONE)
            }
        }
    }

    /// Index of the largest dot product.
    pub fn best(&self) -> usize {
        if self.integer { kernels::argmax(&self.sums) } else { kernels::argmax_f32(&self.sums_real) }
    }

    pub fn bias_count(&self) -> &Narrow {
        &self.bias_site.count
    }
}
