//! A trainable binary dense layer between the latent and the head: one-bit inputs and weights forward, straight through backward.
//!
//! `u = limit(a + s·Σ sign(V)·sign(a))`, `s = 1 / (2√n)`: n inputs, n outputs and a shortcut, as the blocks of BiReal and ReActNet have.
//! Backward the signs of the weights count as the identity within ±1, so `∂L/∂V = s·(Wᵀe)·sign(a)ᵀ`; nothing below learns, so no
//! gradient goes to `a`. The latent weights `V` are one more parameter tensor in the formats of the head's slots: `weights.master`,
//! `gradient`, `update`; the error that reaches them is in slot `error`.

use super::super::calls::Tensor;
use super::super::forward::{Row, dequantise};
use super::super::gradient::Gradient;
use super::super::kernels::{self, round_to_format};
use super::super::lanes::{self, Way};
use super::super::param::Param;
use super::super::slot_state::{SlotState, narrow_real};
use super::super::{FeatureTable, Head, HeadConfig, LearnError, Slot, SlotName};
use crate::bits;
use crate::numeric::narrow::saturate_i32;
use crate::numeric::{Format, QParams, Rounder, Rounding, Scale, Values, elementary, safe_bits};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The layer and what its backward pass needs.
#[derive(Debug, Clone)]
pub(super) struct BinaryLayer {
    n: usize,
    pub config: HeadConfig,
    /// Latent weights, `outputs × inputs`.
    pub param: Param,
    error_slot: SlotState,
    /// Errors of the layer's sums, `batch × n`.
    errors: Values,
    /// Sums of errors times head weights fit 64 bits.
    integer: bool,
    weights: Vec<Vec<u64>>,
    sums: Vec<i64>,
}

/// What one pass leaves: the head's features, and the layer's inputs as ±1.
pub(super) struct Passed {
    pub features: FeatureTable,
    pub inputs: FeatureTable,
}

impl BinaryLayer {
    /// Latent weights uniform within ±√(3/n) (Glorot), drawn from `seed`; `rate` is the layer's own learning rate.
    pub fn new(head: &Head, rate: f64) -> Result<Self, LearnError> {
        let (n, seed) = (head.features, head.seed);
        let config = HeadConfig { learning_rate: rate, ..head.config().clone() };
        config.validate()?;
        let error = config.precision.slot(SlotName::Error);
        let error_slot = SlotState::named("layer.error", error, seed).ok_or(LearnError::Impossible {
            slot: SlotName::Error,
            format: "accumulator".to_owned(),
            why: "only logits and gradient can stay in their accumulator",
        })?;
        let inputs = SlotState::new("layer.inputs", &Slot::new(Format::Binary), Format::Binary, seed);
        let gradient = Gradient::new(&config, (n, n), (&error_slot, Some(&inputs)), Tensor::Layer, seed);
        let mut param = Param::new(&config, (n, n), Tensor::Layer, gradient, seed)?;
        let limit = (3.0 / n as f64).sqrt();
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[16..21].copy_from_slice(b"layer");
        let mut random = ChaCha8Rng::from_seed(key);
        let drawn: Vec<f64> =
            (0..n * n).map(|_| limit * (f64::from(random.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0)).collect();
        param.master_slot.fill_from_reals(&drawn, &mut param.master, "first weights")?;
        let bound = safe_bits(
            u64::try_from(head.classes).unwrap_or(u64::MAX),
            head.loss.error_slot.max_centred(),
            head.weights.master_slot.max_centred(),
        );
        let mut layer = Self {
            n,
            errors: error_slot.zeros(config.batch * n),
            integer: error_slot.is_integer() && head.weights.master_slot.is_integer() && bound <= 63,
            config,
            param,
            error_slot,
            weights: Vec::new(),
            sums: Vec::new(),
        };
        layer.refresh();
        Ok(layer)
    }

    /// Signs of the latent weights, packed.
    pub fn refresh(&mut self) {
        self.weights = match &*self.param.master {
            Values::Codes { codes, params } => codes
                .chunks_exact(self.n)
                .map(|row| bits::pack(&row.iter().map(|&c| sign(c < params.zero_point)).collect::<Vec<_>>()))
                .collect(),
            Values::Real(reals) => reals
                .chunks_exact(self.n)
                .map(|row| bits::pack(&row.iter().map(|&x| sign(x < 0.0)).collect::<Vec<_>>()))
                .collect(),
        };
    }

    /// The samples `rows` of `table` through the layer.
    pub fn forward(&self, table: &FeatureTable, rows: &[usize]) -> Result<Passed, LearnError> {
        let (n, format) = (self.n, table.format());
        let at = |&row: &usize| row * n..(row + 1) * n;
        let signs: Vec<i32> = match table.values() {
            Values::Codes { codes, params } => {
                rows.iter().flat_map(|r| &codes[at(r)]).map(|&c| sign(c < params.zero_point)).collect()
            }
            Values::Real(reals) => rows.iter().flat_map(|r| &reals[at(r)]).map(|&x| sign(x < 0.0)).collect(),
        };
        let sums = |b: usize| {
            let input = bits::pack(&signs[b * n..(b + 1) * n]);
            self.weights.iter().map(|w| bits::dot(w, &input, n)).collect::<Vec<_>>()
        };
        let values = match table.values() {
            Values::Codes { codes, params } => {
                let mut out = Vec::with_capacity(rows.len() * n);
                let add = Adder::new(format, *params, n)?;
                for (b, row) in rows.iter().enumerate() {
                    out.extend(codes[at(row)].iter().zip(sums(b)).map(|(&a, y)| add.code(a, y)));
                }
                Values::Codes { codes: out, params: *params }
            }
            Values::Real(reals) => {
                let mut out = Vec::with_capacity(rows.len() * n);
                let s = narrow_real(branch(n));
                for (b, row) in rows.iter().enumerate() {
                    let sum = |(&a, y): (&f32, i64)| round_to_format(a + y as f32 * s, format);
                    out.extend(reals[at(row)].iter().zip(sums(b)).map(sum));
                }
                Values::Real(out)
            }
        };
        let inputs = Values::Codes { codes: signs, params: QParams::symmetric(Scale::ONE) };
        Ok(Passed {
            features: FeatureTable::new(n, format, values)?,
            inputs: FeatureTable::new(n, Format::Binary, inputs)?,
        })
    }

    /// The head's errors of `batch` samples back through its master weights, as they are before the step, into slot `error`.
    pub fn backward(&mut self, head: &Head, batch: usize) -> Result<(), LearnError> {
        let (n, classes) = (self.n, head.classes);
        let s = Scale::from_f64(branch(n))?;
        let (errors, weights) = (&head.loss.errors, &*head.weights.master);
        if let (Values::Codes { codes: e, params: ep }, Values::Codes { codes: w, params: wp }) = (errors, weights)
            && let (true, Values::Codes { codes, params }) = (self.integer, &mut self.errors)
        {
            self.sums.clear();
            self.sums.resize(batch * n, 0);
            for (sums, e) in self.sums.chunks_exact_mut(n).zip(e.chunks_exact(classes)) {
                for (&e, w) in e.iter().zip(w.chunks_exact(n)) {
                    let e = i64::from(e) - i64::from(ep.zero_point);
                    for (sum, &w) in sums.iter_mut().zip(w) {
                        *sum += e * (i64::from(w) - i64::from(wp.zero_point));
                    }
                }
            }
            let to = self.error_slot.grid(kernels::gradient_range_wide(&self.sums), ep.scale.mul(wp.scale));
            let requant = self.error_slot.requant(0, &to);
            *params = QParams { scale: to.params.scale.mul(s), ..to.params };
            let site = &mut self.error_slot.site;
            lanes::requant(Way::best(), (&self.sums, None), &requant, site, &mut codes[..batch * n])?;
            return Ok(());
        }
        let reals = |values: &Values, count: usize| match values {
            Values::Real(reals) => reals[..count].to_vec(),
            Values::Codes { codes, params } => {
                let mut out = vec![0.0; count];
                dequantise(&codes[..count], *params, &mut out);
                out
            }
        };
        let (e, w) = (reals(errors, batch * classes), reals(weights, classes * n));
        let mut back = vec![0f32; batch * n];
        for (back, e) in back.chunks_exact_mut(n).zip(e.chunks_exact(classes)) {
            for (&e, w) in e.iter().zip(w.chunks_exact(n)) {
                back.iter_mut().zip(w).for_each(|(sum, &w)| *sum += e * w);
            }
        }
        let s32 = narrow_real(s.to_f64());
        match &mut self.errors {
            Values::Real(out) => {
                for (d, &x) in out.iter_mut().zip(&back) {
                    *d = round_to_format(x * s32, self.error_slot.format);
                }
            }
            Values::Codes { codes, params } => {
                let (lo, hi) = back.iter().fold((0f64, 0f64), |(l, h), &x| (l.min(x.into()), h.max(x.into())));
                let to = self.error_slot.real_grid(lo, hi)?;
                for (d, &x) in codes.iter_mut().zip(&back) {
                    *d = self.error_slot.code_of(x.into(), to)?;
                }
                *params = QParams { scale: to.scale.mul(s), ..to };
            }
        }
        Ok(())
    }

    /// The batch's gradient of the latent weights in its slot's format.
    pub fn gradients(&mut self, inputs: &FeatureTable) -> Result<(), LearnError> {
        let (n, batch) = (self.n, inputs.len());
        let scale = match &self.errors {
            Values::Codes { params, .. } => params.scale,
            Values::Real(_) => Scale::ONE,
        };
        let gradient = &mut self.param.gradient;
        gradient.start(scale, Scale::ONE, batch)?;
        let rows: Vec<usize> = (0..batch).collect();
        if !gradient.add_batch(&self.errors, (inputs, &rows)) {
            gradient.clear();
            for row in rows {
                gradient.add(Row::of(&self.errors, row, n), Row::of(inputs.values(), row, n))?;
            }
        }
        gradient.finish(batch)
    }

    /// SGD's step. Real weights are limited to ±1, which a static range does by itself.
    pub fn step(&mut self) -> Result<(), LearnError> {
        self.param.update(&self.config, None)?;
        if let Values::Real(weights) = &mut *self.param.master {
            weights.iter_mut().for_each(|w| *w = w.clamp(-1.0, 1.0));
        }
        Ok(())
    }

    /// Bytes between steps: latent weights, their packed signs, velocity where there is one.
    pub fn state_bytes(&self) -> usize {
        let n = self.n * self.n;
        let velocity = self.param.velocity.as_ref().map_or(0, |_| self.param.update_slot.format.storage_bytes(n));
        self.param.master_slot.format.storage_bytes(n) + Format::Binary.storage_bytes(n) + velocity
    }
}

fn sign(negative: bool) -> i32 {
    if negative { -1 } else { 1 }
}

/// Weight of the layer's sums beside the shortcut.
fn branch(n: usize) -> f64 {
    0.5 / (n as f64).sqrt()
}

/// Feature code and layer's sum → feature code.
enum Adder {
    /// `limit(a + round(y·s/scale))`, ties to even.
    Codes(Scale, i64, i64),
    /// ±1 features: the sign of `a·⌊√(4n)⌋ + y`, zero counting as +1.
    Signs(i64),
}

impl Adder {
    fn new(format: Format, params: QParams, n: usize) -> Result<Self, LearnError> {
        if format == Format::Binary {
            let root = elementary::isqrt(4 * u64::try_from(n).unwrap_or(u64::MAX / 4));
            return Ok(Self::Signs(root.into()));
        }
        let factor = Scale::from_f64(branch(n))?.div(params.scale);
        Ok(Self::Codes(factor, format.qmin().unwrap_or(i64::MIN), format.qmax().unwrap_or(i64::MAX)))
    }

    fn code(&self, a: i32, y: i64) -> i32 {
        match *self {
            Self::Codes(factor, lo, hi) => {
                let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
                let sum = i64::from(a).saturating_add(kernels::product(y, factor, &mut rounder));
                saturate_i32(sum.clamp(lo, hi))
            }
            Self::Signs(root) => sign(i64::from(a) * root + y < 0),
        }
    }
}
