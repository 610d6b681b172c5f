//! What a device would run: one [`KernelCall`] a step, the same from shapes alone and from execution.
//!
//! Buffers: `image`, `<node>.out` (named by the node that writes it: the threshold's where it is fused), `<node>.weight`,
//! `<node>.threshold`. Sizes are the device's: bits in 32-bit words, a fused threshold leaves no map of sums in RAM.

use super::graph::{Graph, Source, Step};
use super::{Geometry, Int8, Kind, Layer, Shape, TensorType, Window};
use crate::bits::device_words;
use crate::trace::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Op, Phase};

impl Graph {
    /// Every operation of one inference, in order, from shapes alone.
    pub fn calls(&self) -> Vec<KernelCall> {
        let call = |step: &Step| {
            let sources = &self.spec.nodes[step.node].inputs;
            let inputs: Vec<TensorType> = sources.iter().map(|s| self.source_type(*s)).collect();
            self.call(*step, &inputs, self.infos[step.output()].ty)
        };
        self.steps.iter().map(call).collect()
    }

    /// The call of one step on maps of these types.
    pub(crate) fn call(&self, step: Step, inputs: &[TensorType], output: TensorType) -> KernelCall {
        let node = &self.spec.nodes[step.node];
        let shape = describe(&node.layer, inputs[0], output, step.threshold.is_some());
        let mut call = KernelCall::new(shape.op, Phase::Inference, &node.name).dims(shape.dims).elems(&shape.elems);
        for (source, ty) in node.inputs.iter().zip(inputs) {
            let name = match source {
                Source::Image => "image".to_owned(),
                Source::Node(n) => format!("{}.out", self.spec.nodes[*n].name),
            };
            call = call.buffer(BufferUse::new(&name, bytes(ty.device_bytes()), BufferKind::Activation, Access::Read));
        }
        for (name, size) in constants(&node.layer) {
            let name = format!("{}.{name}", node.name);
            call = call.buffer(BufferUse::new(&name, bytes(size), BufferKind::Weights, Access::Read));
        }
        if let Some(t) = step.threshold {
            let threshold = &self.spec.nodes[t];
            for (name, size) in constants(&threshold.layer) {
                let name = format!("{}.{name}", threshold.name);
                call = call.buffer(BufferUse::new(&name, bytes(size), BufferKind::Weights, Access::Read));
            }
        }
        let name = format!("{}.out", self.spec.nodes[step.output()].name);
        call.buffer(BufferUse::new(&name, bytes(output.device_bytes()), BufferKind::Activation, Access::Write))
    }
}

/// Operation, dimensions and element types of a call.
struct CallShape {
    op: Op,
    dims: Dims,
    elems: Vec<Elem>,
}

fn describe(layer: &Layer, input: TensorType, output: TensorType, fused: bool) -> CallShape {
    let (i, o) = (elem(input.kind), elem(output.kind));
    let (from, to) = (input.shape, output.shape);
    let shape = |op, dims, elems: &[Elem]| CallShape { op, dims, elems: elems.to_vec() };
    let n = |count: usize| Dims::new().with("n", bytes(count));
    let pick = |plain, with_threshold| if fused { with_threshold } else { plain };
    match layer {
        Layer::PackInput { .. } => {
            let dims = n(from.len()).with("pixels", bytes(to.pixels())).with("channels", bytes(to.c));
            shape(Op::PackInput, dims, &[i, o])
        }
        Layer::Lookup { .. } => shape(Op::Lookup, n(from.len()), &[i, o]),
        Layer::InputConv { weights, window, .. } => {
            let w = if weights.binary() { Elem::B1 } else { Elem::I8 };
            let dims = conv_dims(*window, from, to).with("ic", bytes(from.c));
            shape(pick(Op::InputConv, Op::InputConvThreshold), out_words(dims, to, fused), &[i, w, o])
        }
        Layer::BinaryConv { weights, window } => {
            let dims = conv_dims(*window, from, to).with("words", bytes(device_words(from.c)));
            let w = elem(Kind::Bits { planes: weights.planes() });
            shape(pick(Op::BinaryConv, Op::BinaryConvThreshold), out_words(dims, to, fused), &[i, w, o])
        }
        Layer::BinaryDense { weights } => {
            let words = from.pixels() * device_words(from.c);
            let dims =
                Dims::new().with("rows", bytes(to.c)).with("words", bytes(words)).with("terms", bytes(from.len()));
            let w = elem(Kind::Bits { planes: weights.planes() });
            shape(pick(Op::BinaryDense, Op::BinaryDenseThreshold), out_words(dims, to, fused), &[i, w, o])
        }
        Layer::Threshold(_) => shape(Op::Threshold, pixels(from), &[i, o]),
        Layer::MaxPoolBits { window } => {
            let dims = window_dims(*window, from, to).with("k", bytes(window.kernel[0]));
            shape(Op::MaxPoolBits, dims.with("words", bytes(device_words(from.c))), &[i, o])
        }
        Layer::GlobalSumBits => {
            shape(Op::GlobalSumBits, pixels(from).with("words", bytes(device_words(from.c))), &[i, o])
        }
        Layer::GlobalSum => shape(Op::GlobalSum, pixels(from), &[i, o]),
        Layer::Add => shape(Op::Add, n(from.len()), &[i, i, o]),
        Layer::OffsetShift { .. } => shape(Op::OffsetShift, n(from.len()), &[i, o]),
        Layer::Standardise(_) => shape(Op::Standardise, n(from.len()), &[i, o]),
        Layer::Int8(layer) => int8(layer, from, to, (i, o)),
        _ => {
            let dims = n(to.len()).with("macs", bytes(float_macs(layer, from, to)));
            shape(Op::FloatGlue, dims, &[i, o])
        }
    }
}

/// 8-bit layers: weights and sums of convolutions, or a count of values.
fn int8(layer: &Int8, from: Shape, to: Shape, (i, o): (Elem, Elem)) -> CallShape {
    let macs = bytes(layer.macs(from, to));
    let n = Dims::new().with("n", bytes(to.len())).with("macs", macs);
    let (op, dims) = match layer {
        Int8::Conv { window, .. } => (Op::Int8Conv, conv_dims(*window, from, to).with("ic", bytes(from.c))),
        Int8::Depthwise { window, .. } => {
            (Op::Int8DepthwiseConv, conv_dims(*window, from, to).with("terms", bytes(window.taps())))
        }
        Int8::Dense { .. } => (Op::Int8Dense, Dims::new().with("rows", bytes(to.c)).with("terms", bytes(from.len()))),
        Int8::Add { .. } => (Op::Int8Add, n),
        Int8::MaxPool { window, .. } | Int8::AvgPool { window, .. } => {
            let dims = window_dims(*window, from, to).with("channels", bytes(from.c));
            let dims = dims.with("kh", bytes(window.kernel[0])).with("kw", bytes(window.kernel[1]));
            (if matches!(layer, Int8::MaxPool { .. }) { Op::Int8MaxPool } else { Op::Int8AvgPool }, dims)
        }
        _ => (Op::Int8Glue, n),
    };
    let elems = match layer {
        Int8::Add { .. } => vec![i, i, o],
        Int8::Conv { .. } | Int8::Depthwise { .. } | Int8::Dense { .. } => vec![i, Elem::I8, o],
        _ => vec![i, o],
    };
    CallShape { op, dims, elems }
}

/// Multiply-accumulates of a float layer, taps in the padding counted.
fn float_macs(layer: &Layer, from: Shape, to: Shape) -> usize {
    match layer {
        Layer::FloatConv { window, .. } => to.len() * window.taps() * from.c,
        Layer::DepthwiseConv { window, .. } | Layer::AvgPool { window } => to.len() * window.taps(),
        Layer::FloatDense { .. } => to.len() * from.len(),
        Layer::Affine { .. } => to.len(),
        Layer::GlobalAvgPool => from.len(),
        _ => 0,
    }
}

fn window_dims(window: Window, from: Shape, to: Shape) -> Dims {
    let dims = Dims::new().with("oh", bytes(to.h)).with("ow", bytes(to.w));
    let dims = dims.with("ih", bytes(from.h)).with("iw", bytes(from.w)).with("stride", bytes(window.stride[0]));
    let g: Geometry = window.over(from, "").expect("checked when the network was built");
    if !g.padded() {
        return dims;
    }
    let fill = if window.fill == super::Fill::One { 1 } else { 0 };
    dims.with("pad_top", bytes(g.top)).with("pad_left", bytes(g.left)).with("pad_value", fill)
}

fn conv_dims(window: Window, from: Shape, to: Shape) -> Dims {
    let dims = window_dims(window, from, to).with("oc", bytes(to.c));
    dims.with("kh", bytes(window.kernel[0]))
        .with("kw", bytes(window.kernel[1]))
        .with("terms", bytes(window.taps() * from.c))
}

fn out_words(dims: Dims, to: Shape, fused: bool) -> Dims {
    if fused { dims.with("owords", bytes(device_words(to.c))) } else { dims }
}

fn pixels(shape: Shape) -> Dims {
    Dims::new().with("pixels", bytes(shape.pixels())).with("channels", bytes(shape.c))
}

/// Constant tensors of a layer with their bytes on a device.
fn constants(layer: &Layer) -> Vec<(&'static str, usize)> {
    let floats = |weights: &[f32], bias: &[f32]| {
        let mut all = vec![("weight", weights.len() * 4)];
        if !bias.is_empty() {
            all.push(("bias", bias.len() * 4));
        }
        all
    };
    match layer {
        Layer::Lookup { table } => vec![("table", table.len())],
        Layer::InputConv { weights, .. } => vec![("weight", weights.device_bytes())],
        Layer::BinaryConv { weights, .. } | Layer::BinaryDense { weights } => vec![("weight", weights.device_bytes())],
        Layer::Threshold(t) => vec![("threshold", t.device_bytes())],
        Layer::OffsetShift { offset, .. } => vec![("offset", offset.len() * 4)],
        Layer::Standardise(s) => vec![("multiplier", s.device_bytes())],
        Layer::Affine { mul, add } => vec![("mul", mul.len() * 4), ("add", add.len() * 4)],
        Layer::PRelu { alpha } => vec![("alpha", alpha.len() * 4)],
        Layer::FloatConv { weights, bias, .. }
        | Layer::DepthwiseConv { weights, bias, .. }
        | Layer::FloatDense { weights, bias, .. } => floats(weights, bias),
        Layer::Int8(layer) => layer.constants(),
        _ => Vec::new(),
    }
}

fn elem(kind: Kind) -> Elem {
    match kind {
        Kind::U8 => Elem::U8,
        Kind::I8 => Elem::I8,
        Kind::Bits { planes: 1 } => Elem::B1,
        Kind::Bits { .. } => Elem::B2,
        Kind::I32 => Elem::I32,
        Kind::F32 => Elem::F32,
    }
}

fn bytes(n: usize) -> u64 {
    u64::try_from(n).expect("a usize fits 64 bits")
}
