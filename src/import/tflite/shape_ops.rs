//! Operators that move values only: reshape, pad, concatenate.

use super::convert::{Converter, Op, Place, map_shape, size};
use super::flatbuffer::Wrong;
use crate::nn::{Layer, Source};

impl<'a> Converter<'a> {
    /// RESHAPE, SQUEEZE, EXPAND_DIMS: another view of the same values.
    pub(super) fn reshape(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let place = self.place(op, 0)?;
        let view = map_shape(&self.model.tensors[self.output(op)].dims)?;
        if place.pad != [0; 4] || place.view.len() != view.len() {
            return Err(format!("reshapes {} to {view}", place.view));
        }
        // An image that is only ever read in its other shape has that shape.
        if place.source == Source::Image && self.spec.nodes.is_empty() && self.readers(self.tensor(op, 0)?) == 1 {
            self.spec.input.shape = view;
        }
        Ok(Place { view, ..place })
    }

    /// PAD and PADV2 with zeros of rows and columns: left to the convolution behind it.
    pub(super) fn pad(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let source = self.map(op, 0)?;
        let shape = self.ty(source).shape;
        if self.optional(op, 2).is_some() {
            return Err("pads with a value of its own, only zeros are run".to_owned());
        }
        let amounts = self.model.i32s(self.tensor(op, 1)?)?;
        let amounts: Vec<usize> = amounts.iter().map(|a| size(*a, "padding")).collect::<Result<_, _>>()?;
        let [0, 0, top, bottom, left, right, 0, 0] = *amounts.as_slice() else {
            return Err(format!("pads by {amounts:?}, only rows and columns of [1, h, w, c] can be padded"));
        };
        if [top, bottom, left, right].iter().any(|p| *p > 4096) {
            return Err(format!("pads by {amounts:?}, at most 4096 are run"));
        }
        Ok(Place { source, view: shape, pad: [top, left, bottom, right] })
    }

    /// CONCATENATION of channels.
    pub(super) fn concatenation(&mut self, op: &Op<'_, 'a>) -> Result<Place, Wrong> {
        let options = op.options()?;
        let (axis, activation) = (options.i32(0, 0)?, options.u8(1)?);
        let output = self.output(op);
        let rank = i32::try_from(self.model.tensors[output].dims.len()).map_err(|e| e.to_string())?;
        if axis != rank - 1 && axis != -1 {
            return Err(format!("joins along axis {axis}, only the channels can be joined"));
        }
        if activation != 0 {
            return Err(format!("has fused activation {activation}, only 0 (none) is run"));
        }
        let inputs: Vec<Source> = (0..op.operator.inputs.len()).map(|i| self.map(op, i)).collect::<Result<_, _>>()?;
        if self.is_int8(op, 0)? {
            let to = self.model.per_tensor(output)?;
            for i in 0..inputs.len() {
                let from = self.model.per_tensor(self.tensor(op, i)?)?;
                if from != to {
                    return Err(format!("joins maps of scale and zero point {from:?} to {to:?}; they must be equal"));
                }
            }
        }
        if let [only] = inputs.as_slice() {
            return Ok(Place { source: *only, view: self.ty(*only).shape, pad: [0; 4] });
        }
        self.push(&op.name, Layer::Concat, &inputs)
    }
}
