//! What a device would run: one [`KernelCall`] a step, the same from shapes alone and from execution.
//!
//! Buffers: `image`, `<node>.out` (named by the node that writes it: the threshold's where it is fused), `<node>.weight`
//! (of the first node that holds them, where layers share their filters), `<node>.threshold`. Sizes are the device's: bits in
//! 32-bit words, a fused threshold leaves no map of sums in RAM.

use super::graph::{Graph, Source, Step};
use super::{Geometry, Int8, Kind, Layer, OutputTransform, Shape, TensorType, Window};
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
        let shape = self.describe(step, inputs, output);
        let mut call = KernelCall::new(shape.op, Phase::Inference, &node.name).dims(shape.dims).elems(&shape.elems);
        for (source, ty) in node.inputs.iter().zip(inputs) {
            let name = match source {
                Source::Image => "image".to_owned(),
                Source::Node(n) => format!("{}.out", self.spec.nodes[*n].name),
            };
            call = call.buffer(BufferUse::new(&name, bytes(ty.device_bytes()), BufferKind::Activation, Access::Read));
        }
        let owner = &self.spec.nodes[self.spec.filters_of(step.node)].name;
        for (name, size) in constants(&node.layer) {
            let name = format!("{owner}.{name}");
            call = call.buffer(BufferUse::new(&name, bytes(size), BufferKind::Weights, Access::Read));
        }
        if let Some(next) = step.fused {
            let fused = &self.spec.nodes[next];
            for (name, size) in constants(&fused.layer) {
                let name = format!("{}.{name}", fused.name);
                call = call.buffer(BufferUse::new(&name, bytes(size), BufferKind::Weights, Access::Read));
            }
        }
        let name = format!("{}.out", self.spec.nodes[step.output()].name);
        call.buffer(BufferUse::new(&name, bytes(output.device_bytes()), BufferKind::Activation, Access::Write))
    }

    fn describe(&self, step: Step, inputs: &[TensorType], output: TensorType) -> CallShape {
        let layer = &self.spec.nodes[step.node].layer;
        let fused = step.fused.map(|n| &self.spec.nodes[n].layer);
        match layer {
            Layer::InputConv { .. } | Layer::BinaryConv { .. } | Layer::BinaryDense { .. } => {
                describe_linear(layer, inputs[0], output, fused)
            }
            Layer::Int8(layer) => describe_int8(layer, inputs, output),
            _ => describe_integer(layer, inputs[0], output).unwrap_or_else(|| describe_float(layer, inputs, output)),
        }
    }
}

/// Operation, dimensions and element types of a call.
struct CallShape {
    op: Op,
    dims: Dims,
    elems: Vec<Elem>,
}

impl CallShape {
    fn new(op: Op, dims: Dims, elems: &[Elem]) -> Self {
        Self { op, dims, elems: elems.to_vec() }
    }
}

/// Convolutions and dense layers that may have something fused: plain, with a threshold, with an output transform.
fn describe_linear(layer: &Layer, input: TensorType, output: TensorType, fused: Option<&Layer>) -> CallShape {
    let (i, o, from, to) = (elem(input.kind), elem(output.kind), input.shape, output.shape);
    let pick = |plain, threshold, transform| match fused {
        None => plain,
        Some(Layer::OutputTransform(_)) => transform,
        Some(_) => threshold,
    };
    let packed = matches!(fused, Some(Layer::Threshold(_)));
    match layer {
        Layer::InputConv { weights, window, .. } => {
            let w = if weights.binary() { Elem::B1 } else { Elem::I8 };
            let dims = conv_dims(*window, from, to).with("ic", bytes(from.c));
            let op = pick(Op::InputConv, Op::InputConvThreshold, Op::InputConv);
            CallShape::new(op, out_words(dims, to, packed), &[i, w, o])
        }
        Layer::BinaryConv { weights, window } => {
            let dims = conv_dims(*window, from, to).with("words", bytes(device_words(from.c)));
            let w = elem(Kind::Bits { planes: weights.planes() });
            let op = pick(Op::BinaryConv, Op::BinaryConvThreshold, Op::BinaryConvTransform);
            CallShape::new(op, out_words(dims, to, packed), &[i, w, o])
        }
        Layer::BinaryDense { weights } => {
            let words = from.pixels() * device_words(from.c);
            let dims =
                Dims::new().with("rows", bytes(to.c)).with("words", bytes(words)).with("terms", bytes(from.len()));
            let w = elem(Kind::Bits { planes: weights.planes() });
            let op = pick(Op::BinaryDense, Op::BinaryDenseThreshold, Op::BinaryDenseTransform);
            CallShape::new(op, out_words(dims, to, packed), &[i, w, o])
        }
        other => unreachable!("`{}` is no linear layer", other.op()),
    }
}

/// 8-bit layers.
fn describe_int8(layer: &Int8, inputs: &[TensorType], output: TensorType) -> CallShape {
    let (i, o, from, to) = (elem(inputs[0].kind), elem(output.kind), inputs[0].shape, output.shape);
    let n = Dims::new().with("n", bytes(to.len()));
    let kernel = |window: &Window| {
        let dims = window_dims(*window, from, to).with("channels", bytes(to.c));
        dims.with("kh", bytes(window.kernel[0])).with("kw", bytes(window.kernel[1]))
    };
    let weighted = [i, Elem::I8, o];
    match layer {
        Int8::Conv { window, .. } => {
            CallShape::new(Op::Int8Conv, conv_dims(*window, from, to).with("ic", bytes(from.c)), &weighted)
        }
        Int8::Depthwise { window, multiplier, .. } => {
            let dims = kernel(window);
            let dims = if *multiplier > 1 { dims.with("multiplier", bytes(*multiplier)) } else { dims };
            CallShape::new(Op::Int8DepthwiseConv, dims, &weighted)
        }
        Int8::Dense { .. } => {
            let dims = Dims::new().with("rows", bytes(to.c)).with("columns", bytes(from.len()));
            CallShape::new(Op::Int8Dense, dims, &weighted)
        }
        Int8::Add { .. } => CallShape::new(Op::Int8Add, n, &[i, i, o]),
        Int8::Mul { .. } if inputs[1].shape == from => CallShape::new(Op::Int8Mul, n, &[i, i, o]),
        Int8::Mul { .. } => CallShape::new(Op::Int8Gate, pixels(to), &[i, i, o]),
        Int8::MaxPool { window, .. } => CallShape::new(Op::Int8MaxPool, kernel(window), &[i, o]),
        Int8::AvgPool { window, .. } => CallShape::new(Op::Int8AvgPool, kernel(window), &[i, o]),
        Int8::Mean { .. } => CallShape::new(Op::Int8Mean, pixels(from), &[i, o]),
        Int8::Softmax(_) => CallShape::new(Op::Int8Softmax, pixels(to), &[i, o]),
        Int8::Table { .. } => CallShape::new(Op::Lookup, n, &[i, o]),
        Int8::Rescale { .. } => CallShape::new(Op::Int8Rescale, n, &[i, o]),
        Int8::PRelu { .. } => CallShape::new(Op::Int8PRelu, pixels(to), &[i, o]),
        Int8::Quantise { .. } | Int8::Dequantise { .. } => CallShape::new(Op::Int8Convert, n, &[i, o]),
    }
}

/// Layers of integers and bits; `None` for those of floats.
fn describe_integer(layer: &Layer, input: TensorType, output: TensorType) -> Option<CallShape> {
    let (i, o, from, to) = (elem(input.kind), elem(output.kind), input.shape, output.shape);
    let n = Dims::new().with("n", bytes(from.len()));
    let (op, dims) = match layer {
        Layer::PackInput { .. } => (Op::PackInput, n.with("pixels", bytes(to.pixels())).with("channels", bytes(to.c))),
        Layer::Lookup { .. } => (Op::Lookup, n),
        Layer::Threshold(_) => (Op::Threshold, pixels(from)),
        Layer::MaxPoolBits { window } => {
            let dims = window_dims(*window, from, to).with("k", bytes(window.kernel[0]));
            (Op::MaxPoolBits, dims.with("words", bytes(device_words(from.c))))
        }
        Layer::GlobalSumBits => (Op::GlobalSumBits, pixels(from).with("words", bytes(device_words(from.c)))),
        Layer::GlobalSum => (Op::GlobalSum, pixels(from)),
        Layer::OffsetShift { .. } => {
            (Op::OffsetShift, n.with("pixels", bytes(from.pixels())).with("channels", bytes(from.c)))
        }
        Layer::Standardise(_) => (Op::Standardise, n),
        Layer::OutputTransform(_) => (Op::OutputTransform, pixels(from)),
        Layer::CombineBases { bases, .. } => (Op::CombineBases, pixels(to).with("bases", bytes(*bases))),
        _ => return None,
    };
    Some(CallShape::new(op, dims, &[i, o]))
}

fn describe_float(layer: &Layer, inputs: &[TensorType], output: TensorType) -> CallShape {
    let (i, o, from, to) = (elem(inputs[0].kind), elem(output.kind), inputs[0].shape, output.shape);
    let n = Dims::new().with("n", bytes(to.len()));
    let kernel = |window: &Window| {
        let dims = window_dims(*window, from, to).with("channels", bytes(to.c));
        dims.with("kh", bytes(window.kernel[0])).with("kw", bytes(window.kernel[1]))
    };
    let ic = bytes(from.c);
    match layer {
        Layer::FloatConv { window, .. } => {
            CallShape::new(Op::FloatConv, conv_dims(*window, from, to).with("ic", ic), &[i, Elem::F32, o])
        }
        Layer::SignConv { window, .. } => {
            CallShape::new(Op::SignConv, conv_dims(*window, from, to).with("ic", ic), &[i, Elem::B1, o])
        }
        Layer::DepthwiseConv { window, .. } => CallShape::new(Op::DepthwiseConv, kernel(window), &[i, Elem::F32, o]),
        Layer::FloatDense { .. } => {
            let dims = Dims::new().with("rows", bytes(to.c)).with("columns", bytes(from.len()));
            CallShape::new(Op::FloatDense, dims, &[i, Elem::F32, o])
        }
        Layer::Add => CallShape::new(Op::Add, n, &[i, i, o]),
        Layer::Gate => CallShape::new(Op::Gate, pixels(to), &[i, i, o]),
        Layer::AddLast => CallShape::new(Op::AddLast, pixels(to).with("tail", bytes(inputs[1].shape.c)), &[i, i, o]),
        Layer::Concat => CallShape::new(Op::Concat, pixels(to).with("inputs", bytes(inputs.len())), &[i, o]),
        Layer::Slice { .. } => CallShape::new(Op::Slice, pixels(to).with("from", ic), &[i, o]),
        Layer::Affine { .. } => CallShape::new(Op::Affine, pixels(to), &[i, o]),
        Layer::Bias { .. } => CallShape::new(Op::Bias, pixels(to), &[i, o]),
        Layer::PRelu { .. } => CallShape::new(Op::PRelu, pixels(to), &[i, o]),
        Layer::Relu => CallShape::new(Op::Relu, n, &[i, o]),
        Layer::Sigmoid => CallShape::new(Op::Sigmoid, n, &[i, o]),
        Layer::Tanh => CallShape::new(Op::Tanh, n, &[i, o]),
        Layer::HardSwish => CallShape::new(Op::HardSwish, n, &[i, o]),
        Layer::Clamp { .. } => CallShape::new(Op::Clamp, n, &[i, o]),
        Layer::Softmax => CallShape::new(Op::FloatSoftmax, pixels(to), &[i, o]),
        Layer::Sign => CallShape::new(Op::Sign, pixels(to).with("words", bytes(device_words(to.c))), &[i, o]),
        Layer::MaxPool { window } => CallShape::new(Op::MaxPool, kernel(window), &[i, o]),
        Layer::AvgPool { window } => CallShape::new(Op::AvgPool, kernel(window), &[i, o]),
        Layer::GlobalAvgPool => CallShape::new(Op::GlobalAvgPool, pixels(from), &[i, o]),
        other => unreachable!("`{}` is described with the integer layers", other.op()),
    }
}

fn window_dims(window: Window, from: Shape, to: Shape) -> Dims {
    let dims = Dims::new().with("oh", bytes(to.h)).with("ow", bytes(to.w));
    let dims = dims.with("ih", bytes(from.h)).with("iw", bytes(from.w)).with("stride", bytes(window.stride[0]));
    let g: Geometry = window.over(from, "").expect("checked when the network was built");
    let (rows, columns) = (g.rows().inside(), g.columns().inside());
    let dims = dims.with("rows_in", rows.taps).with("cols_in", columns.taps);
    if !g.padded() {
        return dims;
    }
    let dims = dims.with("rows_full", rows.full).with("cols_full", columns.full);
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
pub(crate) fn constants(layer: &Layer) -> Vec<(&'static str, usize)> {
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
        Layer::OutputTransform(OutputTransform { mul, add, .. }) | Layer::Affine { mul, add } => {
            vec![("mul", mul.len() * 4), ("add", add.len() * 4)]
        }
        Layer::CombineBases { coefficients, .. } => vec![("coefficients", coefficients.len() * 4)],
        Layer::Bias { bias } => vec![("bias", bias.len() * 4)],
        Layer::SignConv { weights, .. } => vec![("weight", weights.device_bytes())],
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
