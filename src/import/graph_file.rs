//! `tinyprec-graph-1` files in: docs/backbone-format.md.

use super::ImportError;
use super::container::{Container, Raw, Tensors};
use super::int8_file;
use super::latent::{Filters, Latent};
use super::schema::{FORMAT, GraphJson, NodeJson, Pair};
use crate::nn::{
    BitFilters, Fill, FilterSize, Graph, GraphSpec, Kind, Layer, NO_CLAMP, Node, OutputTransform, Pad, Shape,
    SmallFilters, Source, Standardise, TensorType, Thresholds, Window,
};
use crate::nn::{Info, infer};
use safetensors::Dtype;

/// Whether the file says that it is one.
pub(super) fn matches(file: &Container) -> bool {
    file.metadata("format") == Some(FORMAT)
}

/// Reads the description, then each layer's tensors, checking shapes on the way.
pub(super) fn load(file: &Container) -> Result<Graph, ImportError> {
    let wrong = |problem: String| ImportError::Metadata { path: file.path().to_owned(), key: "graph", problem };
    let text = file.metadata("graph").ok_or_else(|| wrong("is missing".to_owned()))?;
    let json: GraphJson = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let kind = match json.input.kind.as_str() {
        "u8" => Kind::U8,
        "i8" => Kind::I8,
        "f32" => Kind::F32,
        other => return Err(wrong(format!("input.kind is `{other}`, allowed: u8, i8, f32"))),
    };
    let input = TensorType::new(Shape::new(json.input.h, json.input.w, json.input.c), kind);
    let tensors = file.tensors()?;
    let mut spec = GraphSpec {
        name: json.name,
        input,
        nodes: Vec::with_capacity(json.nodes.len()),
        classifier: json.classifier,
        trained_classes: json.trained_classes,
        notes: json.notes,
        shapes_only: false,
    };
    let network = |source| ImportError::Network { path: file.path().to_owned(), source };
    let mut infos: Vec<Info> = Vec::with_capacity(json.nodes.len());
    for node in &json.nodes {
        let inputs = sources(&spec, node).map_err(&wrong)?;
        let of = |s: &Source| if let Source::Node(n) = s { infos[*n] } else { Info::new(input) };
        let read: Vec<Info> = inputs.iter().map(of).collect();
        let from = read.first().map_or(input.shape, |i| i.ty.shape).checked(&node.name).map_err(network)?;
        let from = TensorType::new(from, read.first().map_or(input.kind, |i| i.ty.kind));
        let (mut layer, after) =
            Reader { node, from: from.shape, kind: from.kind, tensors: &tensors, wrong: &wrong }.layers()?;
        if let Some(owner) = &node.weight_of {
            share(&mut layer, &spec, owner).map_err(|problem| wrong(format!("node `{}` {problem}", node.name)))?;
        }
        let name = if after.is_some() { format!("{}_sums", node.name) } else { node.name.clone() };
        infos.push(infer(&layer, &name, &read).map_err(network)?);
        spec.nodes.push(Node { name, layer, inputs, products: node.products });
        if let Some(layer) = after {
            let sums = spec.nodes.len() - 1;
            infos.push(infer(&layer, &node.name, &infos[sums..]).map_err(network)?);
            spec.nodes.push(Node::new(&node.name, layer, vec![Source::Node(sums)]));
        }
    }
    let graph = Graph::new(spec).map_err(|source| ImportError::Network { path: file.path().to_owned(), source })?;
    // Last: a node that is wrong also leaves its tensors unread, and is the better thing to be told.
    if let Some(name) = tensors.unread() {
        return Err(tensors.error(&name, "is read by no node; name the node that it belongs to, or leave it out"));
    }
    Ok(graph)
}

/// Gives a layer the very filters of an earlier node; its own were read from the same tensor.
fn share(layer: &mut Layer, spec: &GraphSpec, owner: &str) -> Result<(), String> {
    let found = spec.nodes.iter().find(|n| n.name == *owner).and_then(|n| n.layer.filters());
    let found = found.ok_or_else(|| format!("has the weights of `{owner}`, which is no earlier binary layer"))?;
    match layer {
        Layer::BinaryConv { weights, .. } | Layer::BinaryDense { weights } | Layer::SignConv { weights, .. }
            if weights == found =>
        {
            *weights = found.clone();
            Ok(())
        }
        _ => Err(format!("has the weights of `{owner}`, whose taps and channels are others")),
    }
}

fn sources(spec: &GraphSpec, node: &NodeJson) -> Result<Vec<Source>, String> {
    let Some(names) = &node.inputs else {
        return Ok(vec![spec.nodes.len().checked_sub(1).map_or(Source::Image, Source::Node)]);
    };
    let find = |name: &String| match spec.nodes.iter().position(|n| n.name == *name) {
        Some(n) => Ok(Source::Node(n)),
        None if name == "input" => Ok(Source::Image),
        None => Err(format!("node `{}` reads `{name}`, which is neither \"input\" nor an earlier node", node.name)),
    };
    names.iter().map(find).collect()
}

/// One node's attributes and tensors.
struct Reader<'a> {
    node: &'a NodeJson,
    /// Shape of what it reads: packed rows do not tell their own length.
    from: Shape,
    kind: Kind,
    tensors: &'a Tensors<'a>,
    wrong: &'a dyn Fn(String) -> ImportError,
}

impl Reader<'_> {
    /// The node's layer, and one behind it where latent weights come with a bias or a scale.
    fn layers(&self) -> Result<(Layer, Option<Layer>), ImportError> {
        let latent = self.latent();
        match self.node.op.as_str() {
            "binary_conv" if latent.is_float() => {
                self.only(&["k", "stride", "pad", "pads", "scaled"])?;
                let window = self.window(false)?;
                let Filters { filters, after } = latent.binary(window.kernel, false)?;
                Ok((Layer::BinaryConv { weights: filters, window }, after))
            }
            "binary_dense" if latent.is_float() => {
                self.only(&["order", "scaled"])?;
                let Filters { filters, after } = latent.binary([self.from.h, self.from.w], true)?;
                Ok((Layer::BinaryDense { weights: filters }, after))
            }
            _ => Ok((self.layer()?, None)),
        }
    }

    fn latent(&self) -> Latent<'_> {
        let from = TensorType::new(self.from, self.kind);
        Latent { node: self.node, from, tensors: self.tensors, wrong: self.wrong }
    }

    fn layer(&self) -> Result<Layer, ImportError> {
        let op = self.node.op.as_str();
        self.only(match op {
            "pack_input" => &["threshold", "flatten"],
            "input_conv" => &["k", "stride", "pad", "pads", "offset"],
            "binary_conv" | "sign_conv" => &["k", "stride", "pad", "pads", "weight_of"],
            "binary_dense" => &["weight_of"],
            "offset_shift" | "standardise" => &["shift"],
            "output_transform" => &["clamp", "base"],
            "slice" => &["range"],
            "clamp" => &["limits"],
            "batch_norm" => &["eps"],
            "float_dense" => &["order"],
            "max_pool_bits" | "max_pool" | "avg_pool" => &["k", "stride", "pad", "pads"],
            "float_conv" | "depthwise_conv" => &["k", "stride", "pad", "pads", "products"],
            "int8_max_pool" | "int8_avg_pool" => &["k", "stride", "pad", "pads", "int8"],
            "int8_conv" | "int8_depthwise_conv" => &["k", "stride", "pad", "pads", "int8", "products"],
            _ if self.node.int8.is_some() => &["int8"],
            _ => &[],
        })?;
        Ok(match op {
            "pack_input" => {
                let threshold = self.need("threshold", self.node.threshold)?;
                Layer::PackInput { threshold, flatten: self.node.flatten.unwrap_or(false) }
            }
            "lookup" => Layer::Lookup { table: self.tensors.vector(&self.name("table"), Dtype::I8, 256)?.i8s() },
            "input_conv" => {
                let window = self.window(false)?;
                let weights = self.small_weights(window.taps())?;
                Layer::InputConv { weights, window, offset: self.node.offset.unwrap_or(0) }
            }
            "binary_conv" => {
                let window = self.window(false)?;
                Layer::BinaryConv { weights: self.bit_weights(window.taps(), self.from.c)?, window }
            }
            "binary_dense" => Layer::BinaryDense { weights: self.bit_weights(self.from.pixels(), self.from.c)? },
            "threshold" => Layer::Threshold(self.thresholds()?),
            "max_pool_bits" => Layer::MaxPoolBits { window: self.window(true)? },
            "global_sum_bits" => Layer::GlobalSumBits,
            "global_sum" => Layer::GlobalSum,
            "add" => Layer::Add,
            "offset_shift" => {
                let offset = self.tensors.typed(&self.name("offset"), &[Dtype::I32], 1)?.i32s();
                Layer::OffsetShift { offset, shift: self.node.shift.unwrap_or(0) }
            }
            "standardise" => {
                let multiplier = self.tensors.typed(&self.name("multiplier"), &[Dtype::I32], 1)?.i32s();
                let offset = self.tensors.typed(&self.name("offset"), &[Dtype::I64], 1)?.i64s();
                let shift = self.need("shift", self.node.shift)?;
                Layer::Standardise(self.checked(Standardise::new(multiplier, offset, shift, &self.node.name))?)
            }
            _ => self.other(op)?,
        })
    }

    /// 8-bit and float layers.
    fn other(&self, op: &str) -> Result<Layer, ImportError> {
        if let Some(json) = &self.node.int8 {
            let (tensors, wrong) = (self.tensors, self.wrong);
            let reader = int8_file::Reader { node: &self.node.name, op, json, from: self.from, tensors, wrong };
            return Ok(Layer::Int8(reader.layer(|pool| self.window(pool))?));
        }
        let vector = |name| Ok::<_, ImportError>(self.tensors.typed(&self.name(name), &[Dtype::F32], 1)?.f32s());
        let optional = |name| if self.tensors.get(&self.name(name)).is_some() { vector(name) } else { Ok(Vec::new()) };
        Ok(match op {
            "affine" => Layer::Affine { mul: vector("mul")?, add: vector("add")? },
            "output_transform" => Layer::OutputTransform(OutputTransform {
                clamp: self.node.clamp.unwrap_or(NO_CLAMP),
                base: self.node.base.unwrap_or(0),
                mul: optional("mul")?,
                add: optional("add")?,
            }),
            "combine_bases" => {
                let raw = self.tensors.typed(&self.name("coefficients"), &[Dtype::F32], 2)?;
                Layer::CombineBases { bases: raw.shape[0], coefficients: raw.f32s() }
            }
            "bias" => Layer::Bias { bias: vector("bias")? },
            "sigmoid" => Layer::Sigmoid,
            "tanh" => Layer::Tanh,
            "hard_swish" => Layer::HardSwish,
            "softmax" => Layer::Softmax,
            "clamp" => {
                let [low, high] = self.need("limits", self.node.limits)?;
                Layer::Clamp { low, high }
            }
            "gate" => Layer::Gate,
            "concat" => Layer::Concat,
            "add_last" => Layer::AddLast,
            "slice" => {
                let [start, len] = self.need("range", self.node.range)?;
                Layer::Slice { start, len }
            }
            "sign_conv" => {
                let window = self.window(false)?;
                Layer::SignConv { weights: self.bit_weights(window.taps(), self.from.c)?, window }
            }
            "relu" => Layer::Relu,
            "prelu" => Layer::PRelu { alpha: self.latent().slopes()? },
            "sign" => Layer::Sign,
            "batch_norm" => self.latent().batch_norm()?,
            "float_conv" => {
                let window = self.window(false)?;
                let (out, weights) = self.latent().kernel(window.kernel)?;
                Layer::FloatConv { weights, out, bias: self.bias(out)?, window }
            }
            "float_dense" => {
                let (out, weights) = self.latent().dense()?;
                Layer::FloatDense { weights, out, bias: self.bias(out)? }
            }
            "depthwise_conv" => {
                let window = self.window(false)?;
                if let Some(weights) = self.latent().depthwise(window.kernel)? {
                    return Ok(Layer::DepthwiseConv { bias: self.bias(self.from.c)?, weights, window });
                }
                let raw = self.tensors.typed(&self.name("weight"), &[Dtype::F32], 2)?;
                Layer::DepthwiseConv { bias: self.bias(raw.shape[1])?, weights: raw.f32s(), window }
            }
            "max_pool" => Layer::MaxPool { window: self.window(true)? },
            "avg_pool" => Layer::AvgPool { window: self.window(true)? },
            "global_avg_pool" => Layer::GlobalAvgPool,
            other => {
                return Err((self.wrong)(format!(
                    "node `{}` has op `{other}`, which is unknown; docs/backbone-format.md lists the operations",
                    self.node.name
                )));
            }
        })
    }

    fn name(&self, tensor: &str) -> String {
        format!("{}.{tensor}", self.node.name)
    }

    fn checked<T>(&self, result: Result<T, crate::nn::NnError>) -> Result<T, ImportError> {
        result.map_err(|e| (self.wrong)(e.to_string()))
    }

    fn need<T>(&self, attribute: &str, value: Option<T>) -> Result<T, ImportError> {
        let missing = || (self.wrong)(format!("node `{}` ({}) needs `{attribute}`", self.node.name, self.node.op));
        value.ok_or_else(missing)
    }

    /// Refuses attributes that the op does not have.
    fn only(&self, allowed: &[&str]) -> Result<(), ImportError> {
        let n = self.node;
        let given = [
            ("k", n.k.is_some()),
            ("stride", n.stride.is_some()),
            ("pad", n.pad.is_some()),
            ("pads", n.pads.is_some()),
            ("offset", n.offset.is_some()),
            ("threshold", n.threshold.is_some()),
            ("shift", n.shift.is_some()),
            ("flatten", n.flatten.is_some()),
            ("int8", n.int8.is_some()),
            ("clamp", n.clamp.is_some()),
            ("base", n.base.is_some()),
            ("range", n.range.is_some()),
            ("limits", n.limits.is_some()),
            ("eps", n.eps.is_some()),
            ("order", n.order.is_some()),
            ("scaled", n.scaled.is_some()),
            ("weight_of", n.weight_of.is_some()),
            ("products", n.products.is_some()),
        ];
        match given.iter().find(|(name, set)| *set && !allowed.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let (node, op) = (&n.name, &n.op);
                Err((self.wrong)(format!("node `{node}` has `{name}`, which `{op}` does not; allowed: {allowed:?}")))
            }
        }
    }

    fn window(&self, pool: bool) -> Result<Window, ImportError> {
        let kernel = self.need("k", self.node.k)?.each();
        let stride = self.node.stride.map_or(if pool { kernel } else { [1, 1] }, Pair::each);
        let (mut pad, fill) = match self.node.pad.as_deref() {
            None | Some("valid") => (Pad::Valid, Fill::Zero),
            Some("one") => (Pad::Same, Fill::One),
            Some("zero") => (Pad::Same, Fill::Zero),
            Some(other) => {
                let node = &self.node.name;
                return Err((self.wrong)(format!("node `{node}` has pad `{other}`, allowed: valid, one, zero")));
            }
        };
        if let Some(amounts) = self.node.pads {
            if pad == Pad::Valid {
                return Err((self.wrong)(format!(
                    "node `{}` has `pads`, so `pad` must be one or zero",
                    self.node.name
                )));
            }
            pad = Pad::Explicit(amounts);
        }
        Ok(Window { kernel, stride, pad, fill })
    }

    fn bias(&self, n: usize) -> Result<Vec<f32>, ImportError> {
        let name = self.name("bias");
        if self.tensors.get(&name).is_some() { self.tensors.f32s(&name, n) } else { Ok(Vec::new()) }
    }

    fn weight_name(&self) -> String {
        self.node.weight_of.as_ref().map_or_else(|| self.name("weight"), |owner| format!("{owner}.weight"))
    }

    /// A weight matrix, packed (U8, one byte for eight weights) or plain (I8), that fits `taps` · `ic` weights a row.
    fn weight_rows(&self, taps: usize, ic: usize) -> Result<(FilterSize, Raw<'_>), ImportError> {
        let name = self.weight_name();
        let raw = self.tensors.typed(&name, &[Dtype::U8, Dtype::I8], 2)?;
        let fan_in = taps.checked_mul(ic).ok_or_else(|| self.tensors.error(&name, "its window is absurdly large"))?;
        let columns = if raw.dtype == Dtype::U8 { fan_in.div_ceil(8) } else { fan_in };
        if raw.shape[1] != columns {
            let (kind, found) = (raw.dtype, raw.shape[1]);
            let why =
                format!("rows of {kind:?} have {found} columns, expected {columns} for {taps} taps of {ic} channels");
            return Err(self.tensors.error(&name, why));
        }
        Ok((FilterSize { out: raw.shape[0], taps, ic }, raw))
    }

    fn bit_weights(&self, taps: usize, ic: usize) -> Result<BitFilters, ImportError> {
        let (size, raw) = self.weight_rows(taps, ic)?;
        let name = self.weight_name();
        self.checked(match raw.dtype {
            Dtype::U8 => BitFilters::from_packed(size, raw.u8s(), -1, &name),
            _ => BitFilters::from_values(size, &raw.i8s(), &name),
        })
    }

    fn small_weights(&self, taps: usize) -> Result<SmallFilters, ImportError> {
        let (size, raw) = self.weight_rows(taps, self.from.c)?;
        let name = self.name("weight");
        let values = match raw.dtype {
            Dtype::U8 => self.checked(BitFilters::from_packed(size, raw.u8s(), -1, &name))?.values(),
            _ => raw.i8s(),
        };
        self.checked(SmallFilters::new(size, values, &name))
    }

    fn thresholds(&self) -> Result<Thresholds, ImportError> {
        let name = self.name("threshold");
        let raw = self.tensors.need(&name)?;
        let planes = match (raw.dtype, raw.shape.as_slice()) {
            (Dtype::I32, [_]) => 1,
            (Dtype::I32, [_, planes @ 1..=2]) => *planes,
            (dtype, shape) => {
                let found = format!("is {dtype:?} {shape:?}, expected I32 [out], [out, 1] or [out, 2]");
                return Err(self.tensors.error(&name, found));
            }
        };
        let flip_name = self.name("flip");
        let flip = match self.tensors.get(&flip_name) {
            None => Vec::new(),
            Some(_) => {
                self.tensors.vector(&flip_name, Dtype::U8, raw.shape[0])?.u8s().iter().map(|f| *f != 0).collect()
            }
        };
        self.checked(Thresholds::new(planes, raw.i32s(), flip, &name))
    }
}
