//! Operators on 8-bit codes: TensorFlow Lite's preparation of multipliers, ranges and offsets, in its own precisions.

use super::convert::{Converter, Op, Place};
use super::flatbuffer::Wrong;
use super::model::Quantisation;
use crate::nn::{FilterSize, Int8, Kind, Layer, Multiplier, Requant, Roundings, SmallFilters, Softmax, Source, Window};
use crate::numeric::elementary::exp_f32;
use crate::numeric::narrow::{real_to_i64, saturate_i32};

/// LiteRT 2's reference kernel rounds once here and twice everywhere else; TensorFlow Lite 2.14's rounds twice here too.
const DENSE_ROUNDINGS: Roundings = Roundings::One;

/// A factor from a real number.
fn factor(real: f64) -> Result<Multiplier, Wrong> {
    Multiplier::from_f64(real).ok_or_else(|| format!("has scales whose factor is {real}, expected 0 to below 2^31"))
}

/// Code of a real value: zero point plus `round(value / scale)`, halves away from zero, in f32.
fn code(value: f32, (scale, zero): (f32, i32)) -> i32 {
    saturate_i32(real_to_i64(f64::from((value / scale).round()))).saturating_add(zero)
}

/// Smallest and largest code that an activation lets through.
fn range(activation: u8, to: (f32, i32)) -> Result<[i8; 2], Wrong> {
    let (low, high) = match activation {
        0 => (-128, 127),
        1 => (code(0.0, to), 127),
        2 => (code(-1.0, to), code(1.0, to)),
        3 => (code(0.0, to), code(6.0, to)),
        other => return Err(format!("has fused activation {other}, known are 0 to 3")),
    };
    Ok([clamped(low), clamped(high)])
}

fn clamped(code: i32) -> i8 {
    i8::try_from(code.clamp(-128, 127)).expect("clamped")
}

fn requant(factors: Vec<Multiplier>, to: (f32, i32), activation: u8) -> Result<Requant, Wrong> {
    let [low, high] = range(activation, to)?;
    Ok(Requant { factors, roundings: Roundings::Two, zero: to.1, low, high })
}

impl<'a> Converter<'a> {
    pub(super) fn int8_conv(
        &mut self,
        op: &Op<'_, 'a>,
        source: Source,
        window: Window,
        weights: Vec<i8>,
        [out, taps, ic]: [usize; 3],
    ) -> Result<Place, Wrong> {
        let weights = SmallFilters::new(FilterSize { out, taps, ic }, weights, "filters").map_err(|e| e.to_string())?;
        let bias = self.int_bias(op, out)?;
        let (input_zero, to) = self.linear(op, out, 0, op.options()?.u8(3)?)?;
        let layer = Int8::Conv { weights, bias, window, input_zero, to };
        self.push(&op.name, Layer::Int8(layer), &[source])
    }

    pub(super) fn int8_depthwise(
        &mut self,
        op: &Op<'_, 'a>,
        source: Source,
        window: Window,
        weights: Vec<i8>,
        [out, multiplier]: [usize; 2],
    ) -> Result<Place, Wrong> {
        let bias = self.int_bias(op, out)?;
        let (input_zero, to) = self.linear(op, out, 3, op.options()?.u8(4)?)?;
        let layer = Int8::Depthwise { weights, multiplier, bias, window, input_zero, to };
        self.push(&op.name, Layer::Int8(layer), &[source])
    }

    pub(super) fn int8_dense(
        &mut self,
        op: &Op<'_, 'a>,
        source: Source,
        out: usize,
        activation: u8,
    ) -> Result<Place, Wrong> {
        let shape = self.ty(source).shape;
        let weights = self.filters(op, FilterSize { out, taps: shape.pixels(), ic: shape.c })?;
        let bias = self.int_bias(op, out)?;
        let (input_zero, to) = self.linear(op, out, 0, activation)?;
        let to = Requant { roundings: DENSE_ROUNDINGS, ..to };
        self.push(&op.name, Layer::Int8(Int8::Dense { weights, bias, input_zero, to }), &[source])
    }

    /// `input·weight/output` in f64, one factor an output or one for all; weights must be symmetric.
    fn linear(&self, op: &Op<'_, 'a>, out: usize, axis: i32, activation: u8) -> Result<(i32, Requant), Wrong> {
        let (scale, input_zero) = self.model.per_tensor(self.tensor(op, 0)?)?;
        let to = self.model.per_tensor(self.output(op))?;
        let Quantisation { scales, zeros, axis: found } = self.model.quantisation(self.tensor(op, 1)?)?;
        if scales.len() != 1 && (scales.len() != out || found != axis) {
            return Err(format!("has {} weight scales along axis {found} for {out} outputs", scales.len()));
        }
        if zeros.iter().any(|z| *z != 0) {
            return Err("has weights with a zero point other than 0, which are not run".to_owned());
        }
        let real = |w: &f32| factor(f64::from(scale) * f64::from(*w) / f64::from(to.0));
        let factors = scales.iter().map(real).collect::<Result<_, _>>()?;
        Ok((input_zero, requant(factors, to, activation)?))
    }

    fn filters(&self, op: &Op<'_, 'a>, size: FilterSize) -> Result<SmallFilters, Wrong> {
        SmallFilters::new(size, self.model.i8s(self.tensor(op, 1)?)?, "filters").map_err(|e| e.to_string())
    }

    fn int_bias(&self, op: &Op<'_, 'a>, out: usize) -> Result<Vec<i32>, Wrong> {
        self.optional(op, 2).map_or(Ok(vec![0; out]), |t| self.model.i32s(t))
    }

    /// Both inputs as maps. A constant becomes one: weights of 0 over the other map, whose bias is the constant's codes.
    fn both_maps(&mut self, op: &Op<'_, 'a>) -> Result<[Source; 2], Wrong> {
        let (constant, map) = match (self.is_constant(op, 0)?, self.is_constant(op, 1)?) {
            (false, false) => return Ok([self.map(op, 0)?, self.map(op, 1)?]),
            (true, true) => return Err("reads constants only".to_owned()),
            (first, _) => {
                if first {
                    (0, 1)
                } else {
                    (1, 0)
                }
            }
        };
        let map = self.map(op, map)?;
        let codes = self.per_channel(self.model.i8s(self.tensor(op, constant)?)?, self.ty(map).shape)?;
        let to = Requant { factors: vec![Multiplier::ONE], roundings: Roundings::Two, zero: 0, low: -128, high: 127 };
        let layer = Int8::Depthwise {
            weights: vec![0; codes.len()],
            multiplier: 1,
            bias: codes.into_iter().map(i32::from).collect(),
            window: Window::valid(1, 1),
            input_zero: 0,
            to,
        };
        let place = self.push(&format!("{}_constant", op.name), Layer::Int8(layer), &[map])?;
        self.own_products(0);
        Ok(if constant == 0 { [place.source, map] } else { [map, place.source] })
    }

    /// Scales of inputs 0 and 1, and the output's.
    fn pair(&self, op: &Op<'_, 'a>) -> Result<[(f32, i32); 3], Wrong> {
        let of = |i| self.model.per_tensor(self.tensor(op, i)?);
        Ok([of(0)?, of(1)?, self.model.per_tensor(self.output(op))?])
    }

    pub(super) fn int8_add(&mut self, op: &Op<'_, 'a>, activation: u8) -> Result<Place, Wrong> {
        let [a, b, to] = self.pair(op)?;
        // The common unit is twice the larger input's, so that neither factor passes ½ and the sum cannot overflow.
        let unit = f64::from(2.0 * a.0.max(b.0));
        let factors = [factor(f64::from(a.0) / unit)?, factor(f64::from(b.0) / unit)?];
        let out = unit / f64::from(1_048_576.0 * to.0);
        if out >= 1.0 {
            return Err(format!("has an output scale too small for its inputs' (factor {out}, must be below 1)"));
        }
        let to = requant(vec![factor(out)?], to, activation)?;
        let layer = Int8::Add { zeros: [a.1, b.1], factors, to };
        let inputs = self.both_maps(op)?;
        self.push(&op.name, Layer::Int8(layer), &inputs)
    }

    pub(super) fn int8_mul(&mut self, op: &Op<'_, 'a>, activation: u8) -> Result<Place, Wrong> {
        let [a, b, to] = self.pair(op)?;
        let real = a.0 * b.0 / to.0;
        let to = requant(vec![factor(real.into())?], to, activation)?;
        let inputs = self.both_maps(op)?;
        let gate_first = self.ty(inputs[0]).shape.pixels() == 1;
        let (zeros, inputs) = if gate_first { ([b.1, a.1], [inputs[1], inputs[0]]) } else { ([a.1, b.1], inputs) };
        self.push(&op.name, Layer::Int8(Int8::Mul { zeros, to }), &inputs)
    }

    pub(super) fn int8_pool(
        &mut self,
        op: &Op<'_, 'a>,
        source: Source,
        window: Window,
        max: bool,
        activation: u8,
    ) -> Result<Place, Wrong> {
        let range = range(activation, self.same_scale(op)?)?;
        let layer = if max { Int8::MaxPool { window, range } } else { Int8::AvgPool { window, range } };
        self.push(&op.name, Layer::Int8(layer), &[source])
    }

    /// The scale and zero point that input and output share.
    fn same_scale(&self, op: &Op<'_, 'a>) -> Result<(f32, i32), Wrong> {
        let (from, to) = (self.model.per_tensor(self.tensor(op, 0)?)?, self.model.per_tensor(self.output(op))?);
        if from == to { Ok(to) } else { Err(format!("changes scale and zero point from {from:?} to {to:?}")) }
    }

    pub(super) fn int8_mean(&mut self, op: &Op<'_, 'a>, source: Source) -> Result<Place, Wrong> {
        let (from, to) = (self.model.per_tensor(self.tensor(op, 0)?)?, self.model.per_tensor(self.output(op))?);
        let n = u32::try_from(self.ty(source).shape.pixels()).map_err(|e| e.to_string())?;
        let factor = factor(f64::from(from.0) / f64::from(to.0))?.divided_by(n);
        let factor = factor.ok_or("has scales that a mean's multiplier cannot hold")?;
        let layer = Int8::Mean { input_zero: from.1, to: requant(vec![factor], to, 0)? };
        self.push(&op.name, Layer::Int8(layer), &[source])
    }

    pub(super) fn int8_relu(&mut self, op: &Op<'_, 'a>, source: Source, activation: u8) -> Result<Place, Wrong> {
        let (from, to) = (self.model.per_tensor(self.tensor(op, 0)?)?, self.model.per_tensor(self.output(op))?);
        let factor = factor(f64::from(from.0) / f64::from(to.0))?;
        let layer = Int8::Rescale { input_zero: from.1, to: requant(vec![factor], to, activation)? };
        self.push(&op.name, Layer::Int8(layer), &[source])
    }

    pub(super) fn int8_prelu(&mut self, op: &Op<'_, 'a>, source: Source) -> Result<Place, Wrong> {
        let (from, to) = (self.model.per_tensor(self.tensor(op, 0)?)?, self.model.per_tensor(self.output(op))?);
        let alphas = self.tensor(op, 1)?;
        let slope = self.model.per_tensor(alphas)?;
        let alpha = self.per_channel(self.model.i8s(alphas)?, self.ty(source).shape)?;
        let layer = Int8::PRelu {
            input_zero: from.1,
            alpha: alpha.into_iter().map(|a| i32::from(a) - slope.1).collect(),
            positive: factor(f64::from(from.0 / to.0))?,
            negative: factor(f64::from(from.0 * slope.0 / to.0))?,
            zero: to.1,
        };
        self.push(&op.name, Layer::Int8(layer), &[source])
    }

    pub(super) fn int8_softmax(&mut self, op: &Op<'_, 'a>, source: Source, beta: f32) -> Result<Place, Wrong> {
        let from = self.model.per_tensor(self.tensor(op, 0)?)?;
        let to = self.model.per_tensor(self.output(op))?;
        if to != (1.0 / 256.0, -128) {
            return Err(format!("gives scale and zero point {to:?}, expected 1/256 and -128"));
        }
        let softmax = Softmax::new(f64::from(beta) * f64::from(from.0)).map_err(|e| e.to_string())?;
        self.push(&op.name, Layer::Int8(Int8::Softmax(softmax)), &[source])
    }

    pub(super) fn int8_logistic(&mut self, op: &Op<'_, 'a>, source: Source) -> Result<Place, Wrong> {
        let (from, to) = (self.model.per_tensor(self.tensor(op, 0)?)?, self.model.per_tensor(self.output(op))?);
        if to != (1.0 / 256.0, -128) {
            return Err(format!("gives scale and zero point {to:?}, expected 1/256 and -128"));
        }
        // TensorFlow Lite fills the same table in f32: value, function, times 256, rounded.
        let entry = |v: i16| {
            let x = from.0 * (f32::from(v) - f32::from(i8::try_from(from.1).unwrap_or(0)));
            clamped(code(1.0 / (1.0 + exp_f32(-x)), to))
        };
        let table = (-128..=127).map(entry).collect();
        self.push(&op.name, Layer::Int8(Int8::Table { table }), &[source])
    }

    pub(super) fn int8_tanh(&mut self, op: &Op<'_, 'a>, source: Source) -> Result<Place, Wrong> {
        let (from, to) = (self.model.per_tensor(self.tensor(op, 0)?)?, self.model.per_tensor(self.output(op))?);
        if to != (1.0 / 128.0, 0) {
            return Err(format!("gives scale and zero point {to:?}, expected 1/128 and 0"));
        }
        // TensorFlow Lite fills a table in f32, too; |x| keeps what is subtracted from 1 small.
        let entry = |v: i16| {
            let x = from.0 * (f32::from(v) - f32::from(i8::try_from(from.1).unwrap_or(0)));
            let magnitude = 1.0 - 2.0 / (exp_f32(2.0 * x.abs()) + 1.0);
            clamped(code(if x < 0.0 { -magnitude } else { magnitude }, to))
        };
        let table = (-128..=127).map(entry).collect();
        self.push(&op.name, Layer::Int8(Int8::Table { table }), &[source])
    }

    pub(super) fn int8_hard_swish(&mut self, op: &Op<'_, 'a>, source: Source) -> Result<Place, Wrong> {
        let (from, to) = (self.model.per_tensor(self.tensor(op, 0)?)?, self.model.per_tensor(self.output(op))?);
        let table = super::hard_swish::table(from, to)?;
        self.push(&op.name, Layer::Int8(Int8::Table { table }), &[source])
    }

    /// QUANTIZE: f32 to codes, or codes to other codes.
    pub(super) fn quantize(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        let (scale, zero) = self.model.per_tensor(self.output(op))?;
        if self.ty(source).kind != Kind::I8 {
            return self.push(&op.name, Layer::Int8(Int8::Quantise { scale, zero }), &[source]);
        }
        let from = self.model.per_tensor(self.tensor(op, 0)?)?;
        let factor = factor(f64::from(from.0) / f64::from(scale))?;
        let layer = Int8::Rescale { input_zero: from.1, to: requant(vec![factor], (scale, zero), 0)? };
        self.push(&op.name, Layer::Int8(layer), &[source])
    }

    /// DEQUANTIZE: codes to f32.
    pub(super) fn dequantize(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let (scale, zero) = self.model.per_tensor(self.tensor(op, 0)?)?;
        self.push(&op.name, Layer::Int8(Int8::Dequantise { scale, zero }), &[self.map(op, 0)?])
    }
}
