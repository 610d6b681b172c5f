//! `tinyprec-graph-1` files out.

use super::ImportError;
use super::container::{Data, TensorMap, write};
use super::int8_file;
use super::schema::{FORMAT, GraphJson, InputJson, NodeJson, Pair};
use crate::bits::{pack, pack_bytes};
use crate::nn::{
    BitFilters, Fill, Graph, GraphSpec, Int8, Kind, Layer, NO_CLAMP, NnError, Pad, SmallFilters, Source, Thresholds,
    Window,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Writes a graph as docs/backbone-format.md has it. The same graph gives the same bytes.
///
/// # Errors
/// [`ImportError::Io`] if the file cannot be written, [`ImportError::Network`] for a network without weights.
pub fn save_graph(graph: &Graph, path: &Path) -> Result<(), ImportError> {
    let spec = graph.spec();
    if spec.shapes_only {
        let source = NnError::NoWeights(spec.name.clone());
        return Err(ImportError::Network { path: path.to_owned(), source });
    }
    let mut tensors = TensorMap::new();
    let nodes = (0..spec.nodes.len()).map(|n| node(n, spec, &mut tensors)).collect();
    let shape = spec.input.shape;
    let kind = match spec.input.kind {
        Kind::I8 => "i8",
        Kind::F32 => "f32",
        _ => "u8",
    };
    let json = GraphJson {
        name: spec.name.clone(),
        input: InputJson { h: shape.h, w: shape.w, c: shape.c, kind: kind.to_owned() },
        nodes,
        classifier: spec.classifier.clone(),
        trained_classes: spec.trained_classes.clone(),
        notes: spec.notes.clone(),
    };
    let text = serde_json::to_string(&json).expect("plain strings and numbers always serialise");
    let metadata = BTreeMap::from([("format".to_owned(), FORMAT.to_owned()), ("graph".to_owned(), text)]);
    write(path, &metadata, &tensors)
}

fn node(index: usize, spec: &GraphSpec, tensors: &mut TensorMap) -> NodeJson {
    let (node, owner) = (&spec.nodes[index], spec.filters_of(index));
    let source = |s: &Source| match s {
        Source::Image => "input".to_owned(),
        Source::Node(n) => spec.nodes[*n].name.clone(),
    };
    let mut json = NodeJson {
        name: node.name.clone(),
        op: node.layer.op().to_owned(),
        inputs: Some(node.inputs.iter().map(source).collect()),
        products: node.products,
        ..NodeJson::default()
    };
    json.weight_of = (owner != index).then(|| spec.nodes[owner].name.clone());
    let mut put = |tensor: &str, shape: Vec<usize>, data: Data| {
        tensors.insert(format!("{}.{tensor}", node.name), (shape, data));
    };
    match &node.layer {
        Layer::PackInput { threshold, flatten } => {
            json.threshold = Some(*threshold);
            json.flatten = flatten.then_some(true);
        }
        Layer::Lookup { table } => put("table", vec![256], Data::I8(table.clone())),
        Layer::InputConv { weights, window, offset } => {
            set_window(&mut json, *window);
            json.offset = Some(*offset);
            let (shape, data) = small_rows(weights);
            put("weight", shape, data);
        }
        Layer::BinaryConv { weights, window } => {
            set_window(&mut json, *window);
            put_bits(weights, owner == index, &mut put);
        }
        Layer::BinaryDense { weights } => put_bits(weights, owner == index, &mut put),
        Layer::Threshold(t) => put_thresholds(t, &mut put),
        Layer::MaxPoolBits { window } | Layer::MaxPool { window } | Layer::AvgPool { window } => {
            set_window(&mut json, *window);
        }
        Layer::OffsetShift { offset, shift } => {
            json.shift = Some(*shift);
            put("offset", vec![offset.len()], Data::I32(offset.clone()));
        }
        Layer::Standardise(s) => {
            json.shift = Some(s.shift());
            put("multiplier", vec![s.channels()], Data::I32(s.multiplier().to_vec()));
            put("offset", vec![s.channels()], Data::I64(s.offset().to_vec()));
        }
        Layer::Affine { mul, add } => {
            put("mul", vec![mul.len()], Data::F32(mul.clone()));
            put("add", vec![add.len()], Data::F32(add.clone()));
        }
        Layer::PRelu { alpha } => put("alpha", vec![alpha.len()], Data::F32(alpha.clone())),
        Layer::FloatConv { weights, out, bias, window } => {
            set_window(&mut json, *window);
            put_float(weights, bias, *out, &mut put);
        }
        Layer::DepthwiseConv { weights, bias, window } => {
            set_window(&mut json, *window);
            put_float(weights, bias, window.taps(), &mut put);
        }
        Layer::FloatDense { weights, out, bias } => put_float(weights, bias, *out, &mut put),
        Layer::Int8(layer) => {
            json.int8 = Some(int8_file::save(layer, &mut put));
            if let Int8::Conv { window, .. }
            | Int8::Depthwise { window, .. }
            | Int8::MaxPool { window, .. }
            | Int8::AvgPool { window, .. } = layer
            {
                set_window(&mut json, *window);
            }
        }
        Layer::OutputTransform(t) => {
            json.clamp = (t.clamp != NO_CLAMP).then_some(t.clamp);
            json.base = (t.base != 0).then_some(t.base);
            if !t.mul.is_empty() {
                put("mul", vec![t.mul.len()], Data::F32(t.mul.clone()));
                put("add", vec![t.add.len()], Data::F32(t.add.clone()));
            }
        }
        Layer::CombineBases { bases, coefficients } => {
            let shape = vec![*bases, coefficients.len() / bases.max(&1)];
            put("coefficients", shape, Data::F32(coefficients.clone()));
        }
        Layer::Clamp { low, high } => json.limits = Some([*low, *high]),
        Layer::Bias { bias } => put("bias", vec![bias.len()], Data::F32(bias.clone())),
        Layer::Slice { start, len } => json.range = Some([*start, *len]),
        Layer::SignConv { weights, window } => {
            set_window(&mut json, *window);
            put_bits(weights, owner == index, &mut put);
        }
        Layer::GlobalSumBits
        | Layer::GlobalSum
        | Layer::Add
        | Layer::AddLast
        | Layer::Concat
        | Layer::Gate
        | Layer::Sigmoid
        | Layer::Tanh
        | Layer::HardSwish
        | Layer::Softmax
        | Layer::Relu
        | Layer::Sign
        | Layer::GlobalAvgPool => {}
    }
    json
}

fn put_thresholds(t: &Thresholds, put: &mut impl FnMut(&str, Vec<usize>, Data)) {
    let shape = if t.planes() == 1 { vec![t.channels()] } else { vec![t.channels(), t.planes()] };
    put("threshold", shape, Data::I32(t.values().to_vec()));
    if !t.flips().is_empty() {
        put("flip", vec![t.channels()], Data::U8(t.flips().iter().map(|f| u8::from(*f)).collect()));
    }
}

fn put_float(weights: &[f32], bias: &[f32], rows: usize, put: &mut impl FnMut(&str, Vec<usize>, Data)) {
    put("weight", vec![rows, weights.len() / rows.max(1)], Data::F32(weights.to_vec()));
    if !bias.is_empty() {
        put("bias", vec![bias.len()], Data::F32(bias.to_vec()));
    }
}

fn set_window(json: &mut NodeJson, window: Window) {
    json.k = Some(Pair::of(window.kernel));
    json.stride = Some(Pair::of(window.stride));
    let fill = if window.fill == Fill::One { "one" } else { "zero" };
    json.pad = Some(if window.pad == Pad::Valid { "valid" } else { fill }.to_owned());
    if let Pad::Explicit(amounts) = window.pad {
        json.pads = Some(amounts);
    }
}

/// Rows of a matrix of −1 and +1 as packed bytes.
fn packed(values: &[i8], fan_in: usize) -> (Vec<usize>, Data) {
    let row = |r: &[i8]| pack_bytes(&pack(&r.iter().map(|v| i32::from(*v)).collect::<Vec<_>>()), fan_in);
    let bytes = values.chunks_exact(fan_in).flat_map(row).collect();
    (vec![values.len() / fan_in, fan_in.div_ceil(8)], Data::U8(bytes))
}

/// Filters, unless an earlier node has put them already.
fn put_bits(weights: &BitFilters, first: bool, put: &mut impl FnMut(&str, Vec<usize>, Data)) {
    if first {
        let (shape, data) = bit_rows(weights);
        put("weight", shape, data);
    }
}

fn bit_rows(weights: &BitFilters) -> (Vec<usize>, Data) {
    let (fan_in, values) = (weights.size().fan_in(), weights.values());
    if weights.planes() == 1 { packed(&values, fan_in) } else { (vec![weights.size().out, fan_in], Data::I8(values)) }
}

fn small_rows(weights: &SmallFilters) -> (Vec<usize>, Data) {
    let size = weights.size();
    let plain = || (vec![size.out, size.fan_in()], Data::I8(weights.values().to_vec()));
    if weights.binary() { packed(weights.values(), size.fan_in()) } else { plain() }
}
