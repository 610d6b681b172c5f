//! Larq Compute Engine's operators.
//!
//! With a = popcount(x xor w) and K terms the engine's true sum is y = K − 2a, which is what a binary layer gives here.

use super::convert::{Converter, Op, Place, size};
use super::flatbuffer::Wrong;
use super::flexbuffer;
use super::model::ElementType;
use crate::nn::{
    BitFilters, Fill, FilterSize, Int8, Kind, Layer, NO_CLAMP, OutputTransform, Pad, RELU_CLAMP, Thresholds, Window,
};
use std::collections::BTreeMap;

/// The custom options of one operator.
struct Options(BTreeMap<String, i64>);

impl Options {
    fn of(op: &Op<'_, '_>) -> Result<Self, Wrong> {
        flexbuffer::integers(op.operator.custom_options).map(Self)
    }

    fn get(&self, name: &str) -> Result<i64, Wrong> {
        self.0.get(name).copied().ok_or_else(|| format!("has no option `{name}`"))
    }

    fn size(&self, name: &str) -> Result<usize, Wrong> {
        size(i32::try_from(self.get(name)?).map_err(|e| format!("has option `{name}`: {e}"))?, name)
    }

    fn window(&self, kernel: [usize; 2], fill: Fill) -> Result<Window, Wrong> {
        let pad = match self.get("padding")? {
            0 => Pad::Same,
            1 => Pad::Valid,
            other => return Err(format!("has padding {other}, known are 0 (SAME) and 1 (VALID)")),
        };
        let stride = [self.size("stride_height")?, self.size("stride_width")?];
        // Without padding there is nothing to fill, whatever the file says.
        let fill = if pad == Pad::Valid { Fill::Zero } else { fill };
        Ok(Window { kernel, stride, pad, fill })
    }
}

impl<'a> Converter<'a> {
    /// LceQuantize: −1 iff x < 0, or iff the code is below the zero point.
    pub(super) fn lce_quantize(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        let ty = self.ty(source);
        if ty.kind != Kind::I8 {
            return self.push(&op.name, Layer::Sign, &[source]);
        }
        let (_, zero) = self.model.per_tensor(self.tensor(op, 0)?)?;
        let zero = f32::from(i8::try_from(zero).map_err(|e| e.to_string())?);
        self.model.spend(ty.shape.c.saturating_mul(8))?;
        let less = Layer::Affine { mul: vec![1.0; ty.shape.c], add: vec![-zero; ty.shape.c] };
        let place = self.push(&format!("{}_centre", op.name), less, &[source])?;
        self.push(&op.name, Layer::Sign, &[place.source])
    }

    /// LceDequantize: ±1 as f32, or as the nearest codes.
    pub(super) fn lce_dequantize(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        let c = self.ty(source).shape.c;
        self.model.spend(c.saturating_mul(8))?;
        let place = self.push(&op.name, Layer::Affine { mul: vec![1.0; c], add: vec![0.0; c] }, &[source])?;
        let output = self.output(op);
        if self.model.tensors[output].ty != ElementType::I8 {
            return Ok(place);
        }
        let (scale, zero) = self.model.per_tensor(output)?;
        self.after(op, place, "codes", Layer::Int8(Int8::Quantise { scale, zero }))
    }

    /// LceBMaxPool2d: the largest sign in the window.
    pub(super) fn lce_max_pool(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let options = Options::of(op)?;
        let kernel = [options.size("filter_height")?, options.size("filter_width")?];
        let window = options.window(kernel, Fill::Zero)?;
        self.push(&op.name, Layer::MaxPoolBits { window }, &[self.map(op, 0)?])
    }

    /// LceBconv2d: the sums, and behind them thresholds or a multiplier and a bias a channel.
    pub(super) fn lce_bconv(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let options = Options::of(op)?;
        if options.get("dilation_height_factor")? != 1 || options.get("dilation_width_factor")? != 1 {
            return Err("is dilated, which is not run".to_owned());
        }
        let source = self.map(op, 0)?;
        let (ic, from) = (options.size("channels_in")?, self.ty(source).shape);
        let filter = self.tensor(op, 1)?;
        let dims = &self.model.tensors[filter].dims;
        let [out, kh, kw, words] = *dims.as_slice() else { return Err(format!("has filters of shape {dims:?}")) };
        if ic != from.c || words != ic.div_ceil(32) || [out, kh, kw].iter().any(|d| *d == 0 || *d > 1 << 20) {
            let found = format!("has filters {dims:?} for {ic} channels over {from}");
            return Err(format!("{found}; groups are not run"));
        }
        let fill = match options.get("pad_values")? {
            0 => Fill::Zero,
            1 => Fill::One,
            other => return Err(format!("has pad_values {other}, known are 0 and 1")),
        };
        let window = options.window([kh, kw], fill)?;
        let size = FilterSize { out, taps: kh * kw, ic };
        let weights = unpack(size, words, &self.model.i32s(filter)?)?;
        let sums = self.push(&format!("{}_sums", op.name), Layer::BinaryConv { weights, window }, &[source])?;
        let terms = i32::try_from(size.fan_in()).map_err(|e| e.to_string())?;
        let last = match self.model.tensors[self.output(op)].ty {
            ElementType::I32 => self.thresholds(op, terms)?,
            ElementType::F32 => self.transform(op, &options, terms, None)?,
            ElementType::I8 => {
                let to = self.model.per_tensor(self.output(op))?;
                let scaled = self.transform(op, &options, terms, Some(to))?;
                let place = self.push(&format!("{}_scaled", op.name), scaled, &[sums.source])?;
                let round = Layer::Int8(Int8::Quantise { scale: 1.0, zero: 0 });
                return self.push(&op.name, round, &[place.source]);
            }
            other => return Err(format!("gives {other:?}, known are F32, I8 and packed I32")),
        };
        self.push(&op.name, last, &[sums.source])
    }

    /// The engine's bit is a > τ, that is y < K − 2τ.
    fn thresholds(&self, op: &Op<'_, 'a>, terms: i32) -> Result<Layer, Wrong> {
        let limit = |tau: i32| i64::from(terms) - 2 * i64::from(tau);
        // Sums stay within ±2^30, so what lies beyond 32 bits compares like the nearest 32-bit number.
        let saturated = |t: i64| i32::try_from(t.clamp(i32::MIN.into(), i32::MAX.into())).expect("clamped");
        let values = self.model.i32s(self.tensor(op, 4)?)?.into_iter().map(|t| saturated(limit(t))).collect();
        Ok(Layer::Threshold(Thresholds::new(1, values, Vec::new(), &op.name).map_err(|e| e.to_string())?))
    }

    /// The engine computes `float(2a)·(−mul) + (bias + K·mul)` with the second bracket taken in f64 and rounded to f32.
    ///
    /// For 8-bit output both numbers are divided by the scale, and the zero point added to the second, in f64.
    fn transform(
        &self,
        op: &Op<'_, 'a>,
        options: &Options,
        terms: i32,
        to: Option<(f32, i32)>,
    ) -> Result<Layer, Wrong> {
        let clamp = match options.get("fused_activation_function")? {
            0 => NO_CLAMP,
            1 => RELU_CLAMP,
            2 => [-1, 1],
            3 => [0, 6],
            other => return Err(format!("has fused activation {other}, known are 0 to 3")),
        };
        let (mul, bias) = (self.model.f32s(self.tensor(op, 2)?)?, self.model.f32s(self.tensor(op, 3)?)?);
        let (scale, zero) = to.map_or((1.0, 0.0), |(s, z)| (f64::from(s), f64::from(z)));
        let both = |(m, b): (&f32, &f32)| {
            let (m, b) = (f64::from(*m), f64::from(*b));
            (single(m / scale), single((b + f64::from(terms) * m) / scale + zero))
        };
        let (mul, add) = mul.iter().zip(&bias).map(both).unzip();
        Ok(Layer::OutputTransform(OutputTransform { clamp, base: terms, mul, add }))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "rounding to nearest f32 is the engine's formula")]
fn single(x: f64) -> f32 {
    x as f32
}

/// Filters whose taps are rows of 32-bit words, bit 1 for −1, channel c in word c/32, bit c%32.
fn unpack(size: FilterSize, words: usize, packed: &[i32]) -> Result<BitFilters, Wrong> {
    let bit = |word: &[i32], c: usize| if word[c / 32] >> (c % 32) & 1 == 1 { -1 } else { 1 };
    let taps = packed.chunks_exact(words.max(1));
    let values: Vec<i8> = taps.flat_map(|tap| (0..size.ic).map(|c| bit(tap, c))).collect();
    BitFilters::from_values(size, &values, "filters").map_err(|e| e.to_string())
}
