//! Operators that exist in f32 and in 8 bits: the f32 halves are here, the 8-bit ones in `int8_ops`.

use super::convert::{Converter, Op, Place, size};
use super::flatbuffer::Wrong;
use super::spread::Spread;
use crate::nn::{Layer, Shape};

impl<'a> Converter<'a> {
    /// CONV_2D: filters (output, ky, kx, channel).
    pub(super) fn conv(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let [out, kh, kw, own] = self.filter_dims(op)?;
        let place = self.place(op, 0)?;
        let ic = place.view.c;
        let groups = ic / own;
        if !ic.is_multiple_of(own) || !out.is_multiple_of(groups.max(1)) || groups == 0 {
            return Err(format!("has {out} filters of {own} channels over {}", place.view));
        }
        self.plain(place)?;
        let spread = Spread { rows: out, taps: [kh, kw], own, groups, products: own, dilation: op.dilation([4, 5])? };
        self.model.spend(spread.len()?)?;
        let window = op.window(spread.kernel(), place.pad)?;
        if self.is_int8(op, 0)? {
            let weights = spread.of(&self.model.i8s(self.tensor(op, 1)?)?);
            let place = self.int8_conv(op, place.source, window, weights, [out, window.taps(), ic])?;
            self.written_out(&spread);
            return Ok(place);
        }
        let weights = spread.of(&self.model.f32s(self.tensor(op, 1)?)?);
        let layer = Layer::FloatConv { weights, out, bias: self.bias(op)?, window };
        let place = self.push(&op.name, layer, &[place.source])?;
        self.written_out(&spread);
        self.activate(op, place, op.options()?.u8(3)?)
    }

    /// DEPTHWISE_CONV_2D: filters (1, ky, kx, output).
    pub(super) fn depthwise(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let [one, kh, kw, out] = self.filter_dims(op)?;
        let place = self.place(op, 0)?;
        let multiplier = out / place.view.c.max(1);
        if one != 1 || multiplier == 0 || !out.is_multiple_of(place.view.c) {
            return Err(format!("has {one} x {out} filters over {} channels", place.view.c));
        }
        self.plain(place)?;
        let dilation = op.dilation([5, 6])?;
        let spread = Spread { rows: 1, taps: [kh, kw], own: out, groups: 1, products: 1, dilation };
        self.model.spend(spread.len()?)?;
        let window = op.window(spread.kernel(), place.pad)?;
        if self.is_int8(op, 0)? {
            let weights = spread.of(&self.model.i8s(self.tensor(op, 1)?)?);
            let place = self.int8_depthwise(op, place.source, window, weights, [out, multiplier])?;
            self.written_out(&spread);
            return Ok(place);
        }
        let (weights, bias) = (spread.of(&self.model.f32s(self.tensor(op, 1)?)?), self.bias(op)?);
        let layer = match (multiplier, place.view.c) {
            (1, _) => Layer::DepthwiseConv { weights, bias, window },
            // One channel under many filters is a plain convolution with its weights the other way round.
            (_, 1) => {
                let taps = window.taps();
                let weights = (0..out * taps).map(|i| weights[i % taps * out + i / taps]).collect();
                Layer::FloatConv { weights, out, bias, window }
            }
            _ => return Err(format!("has {multiplier} filters a channel, only 1 is run in f32")),
        };
        let place = self.push(&op.name, layer, &[place.source])?;
        self.written_out(&spread);
        self.activate(op, place, op.options()?.u8(4)?)
    }

    /// FULLY_CONNECTED over the whole map, whatever shape the file sees.
    pub(super) fn fully_connected(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let place = self.place(op, 0)?;
        let shape = self.ty(place.source).shape;
        let weights = self.tensor(op, 1)?;
        let [out, columns] = *self.model.tensors[weights].dims.as_slice() else {
            return Err("has weights that are no matrix".to_owned());
        };
        if columns != shape.len() || place.pad != [0; 4] {
            return Err(format!("has {columns} weights an output over {shape}"));
        }
        let activation = op.operator.options.map_or(Ok(0), |o| o.u8(0))?;
        if op.operator.options.map_or(Ok(0), |o| o.u8(1))? != 0 {
            return Err("has shuffled weights, which are not run".to_owned());
        }
        if self.is_int8(op, 0)? {
            return self.int8_dense(op, place.source, out, activation);
        }
        let layer = Layer::FloatDense { weights: self.model.f32s(weights)?, out, bias: self.bias(op)? };
        let place = self.push(&op.name, layer, &[place.source])?;
        self.activate(op, place, activation)
    }

    /// MAX_POOL_2D and AVERAGE_POOL_2D.
    pub(super) fn pool(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let options = op.options()?;
        let kernel = [size(options.i32(4, 0)?, "filter height")?, size(options.i32(3, 0)?, "filter width")?];
        let (source, window) = (self.map(op, 0)?, op.window(kernel, [0; 4])?);
        let (max, activation) = (op.operator.code == 17, options.u8(5)?);
        if self.is_int8(op, 0)? {
            return self.int8_pool(op, source, window, max, activation);
        }
        let layer = if max { Layer::MaxPool { window } } else { Layer::AvgPool { window } };
        let place = self.push(&op.name, layer, &[source])?;
        self.activate(op, place, activation)
    }

    /// MEAN over rows and columns.
    pub(super) fn mean(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        let mut axes = self.model.i32s(self.tensor(op, 1)?)?;
        let rank = i32::try_from(self.model.tensors[self.tensor(op, 0)?].dims.len()).map_err(|e| e.to_string())?;
        axes.iter_mut().filter(|a| **a < 0).for_each(|a| *a += rank);
        axes.sort_unstable();
        if axes != [1, 2] || rank != 4 {
            return Err(format!("is taken over axes {axes:?} of {rank}, only over rows and columns of [1, h, w, c]"));
        }
        if self.is_int8(op, 0)? {
            return self.int8_mean(op, source);
        }
        self.push(&op.name, Layer::GlobalAvgPool, &[source])
    }

    /// ADD of two maps, or of a map and a constant a channel.
    pub(super) fn add(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let activation = op.operator.options.map_or(Ok(0), |o| o.u8(0))?;
        if self.is_int8(op, 0)? {
            return self.int8_add(op, activation);
        }
        let place = match self.with_constant(op)? {
            Some((map, bias)) => self.push(&op.name, Layer::Bias { bias }, &[self.map(op, map)?])?,
            None => self.push(&op.name, Layer::Add, &[self.map(op, 0)?, self.map(op, 1)?])?,
        };
        self.activate(op, place, activation)
    }

    /// SUB of a constant a channel.
    pub(super) fn sub(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let activation = op.operator.options.map_or(Ok(0), |o| o.u8(0))?;
        if self.is_int8(op, 0)? {
            return Err("is not run in 8 bits".to_owned());
        }
        let Some((0, constant)) = self.with_constant(op)? else {
            return Err("is run only where the second input is a constant".to_owned());
        };
        let bias = constant.into_iter().map(|v| -v).collect();
        let place = self.push(&op.name, Layer::Bias { bias }, &[self.map(op, 0)?])?;
        self.activate(op, place, activation)
    }

    /// MUL by a constant a channel, or by one computed factor a channel.
    pub(super) fn mul(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let activation = op.operator.options.map_or(Ok(0), |o| o.u8(0))?;
        if self.is_int8(op, 0)? {
            return self.int8_mul(op, activation);
        }
        let place = if let Some((map, mul)) = self.with_constant(op)? {
            let add = vec![0.0; mul.len()];
            self.push(&op.name, Layer::Affine { mul, add }, &[self.map(op, map)?])?
        } else {
            let (a, b) = (self.map(op, 0)?, self.map(op, 1)?);
            let gate_first = self.ty(a).shape.pixels() == 1;
            self.push(&op.name, Layer::Gate, &if gate_first { [b, a] } else { [a, b] })?
        };
        self.activate(op, place, activation)
    }

    /// RELU, RELU_N1_TO_1, RELU6.
    pub(super) fn relu(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        // The operators' numbers follow one another as the activations' do.
        let activation = u8::try_from(op.operator.code - 18).map_err(|e| e.to_string())?;
        let source = self.map(op, 0)?;
        if self.is_int8(op, 0)? {
            return self.int8_relu(op, source, activation);
        }
        self.push(&op.name, activation_layer(activation)?, &[source])
    }

    /// PRELU with one slope a channel.
    pub(super) fn prelu(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        if self.is_int8(op, 0)? {
            return self.int8_prelu(op, source);
        }
        let alpha = self.per_channel(self.model.f32s(self.tensor(op, 1)?)?, self.ty(source).shape)?;
        self.push(&op.name, Layer::PRelu { alpha }, &[source])
    }

    /// LOGISTIC.
    pub(super) fn logistic(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        if self.is_int8(op, 0)? {
            return self.int8_logistic(op, source);
        }
        self.push(&op.name, Layer::Sigmoid, &[source])
    }

    /// TANH.
    pub(super) fn tanh(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        if self.is_int8(op, 0)? { self.int8_tanh(op, source) } else { self.push(&op.name, Layer::Tanh, &[source]) }
    }

    /// HARD_SWISH.
    pub(super) fn hard_swish(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        if self.is_int8(op, 0)? {
            return self.int8_hard_swish(op, source);
        }
        self.push(&op.name, Layer::HardSwish, &[source])
    }

    /// SOFTMAX over the channels.
    pub(super) fn softmax(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let place = self.place(op, 0)?;
        let source = place.source;
        if place.view != self.ty(source).shape {
            return Err("reads a reshaped map".to_owned());
        }
        let beta = op.options()?.f32(0)?;
        if self.is_int8(op, 0)? {
            return self.int8_softmax(op, source, beta);
        }
        if beta.to_bits() != 1f32.to_bits() {
            return Err(format!("has beta {beta}, only 1 is run in f32"));
        }
        self.push(&op.name, Layer::Softmax, &[source])
    }

    /// The fused activation of an f32 operator.
    fn activate(&mut self, op: &Op<'_, 'a>, place: Place, activation: u8) -> Result<Place, Wrong> {
        if activation == 0 { Ok(place) } else { self.after(op, place, "act", activation_layer(activation)?) }
    }

    /// Refuses a map that a reshape has not left as it is.
    fn plain(&self, place: Place) -> Result<(), Wrong> {
        let real = self.ty(place.source).shape;
        if place.view == real { Ok(()) } else { Err(format!("reads {real} reshaped to {}", place.view)) }
    }

    /// Dimensions of four-dimensional filters.
    fn filter_dims(&self, op: &Op<'_, 'a>) -> Result<[usize; 4], Wrong> {
        let dims = &self.model.tensors[self.tensor(op, 1)?].dims;
        let dims: [usize; 4] = dims.as_slice().try_into().map_err(|_| format!("has filters of shape {dims:?}"))?;
        if dims.contains(&0) || dims.iter().any(|d| *d > 1 << 20) {
            return Err(format!("has filters of shape {dims:?}"));
        }
        Ok(dims)
    }

    fn bias(&self, op: &Op<'_, 'a>) -> Result<Vec<f32>, Wrong> {
        self.optional(op, 2).map_or(Ok(Vec::new()), |t| self.model.f32s(t))
    }

    /// Which input is the map, and the constant that is the other, one a channel; `None` if both are maps.
    fn with_constant(&self, op: &Op<'_, 'a>) -> Result<Option<(usize, Vec<f32>)>, Wrong> {
        let (map, constant) = match (self.is_constant(op, 0)?, self.is_constant(op, 1)?) {
            (false, false) => return Ok(None),
            (false, true) => (0, 1),
            (true, false) => (1, 0),
            (true, true) => return Err("reads constants only".to_owned()),
        };
        let values = self.model.f32s(self.tensor(op, constant)?)?;
        let shape = self.ty(self.map(op, map)?).shape;
        Ok(Some((map, self.per_channel(values, shape)?)))
    }

    /// One value for all channels, or one a channel.
    pub(super) fn per_channel<T: Copy>(&self, values: Vec<T>, shape: Shape) -> Result<Vec<T>, Wrong> {
        self.model.spend(shape.c.saturating_mul(8))?;
        match values.as_slice() {
            [one] => Ok(vec![*one; shape.c]),
            all if all.len() == shape.c => Ok(values),
            all => Err(format!("has {} constants over {} channels", all.len(), shape.c)),
        }
    }
}

/// The layer of a fused or separate activation.
fn activation_layer(activation: u8) -> Result<Layer, Wrong> {
    Ok(match activation {
        1 => Layer::Relu,
        2 => Layer::Clamp { low: -1.0, high: 1.0 },
        3 => Layer::Clamp { low: 0.0, high: 6.0 },
        other => {
            return Err(format!("has activation {other}, known are 0 (none), 1 (RELU), 2 (RELU_N1_TO_1), 3 (RELU6)"));
        }
    })
}
