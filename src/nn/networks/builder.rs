//! Layers added one by one, each with the tensors that its file has for it and the shape that comes out.

use super::fold;
use super::list::Options;
use super::parameters::{Asked, KernelOrder, KernelShape, Parameters};
use crate::nn::infer::{Info, infer};
use crate::nn::{
    BitFilters, Fill, GraphSpec, Kind, Layer, NnError, Node, OutputTransform, Pad, Shape, Source, TensorType, Window,
};
use std::collections::BTreeMap;

/// How a family names and lays out its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `layer/kernel:0`, `layer/gamma:0`; kernels HWIO, dense (in, out).
    Keras,
    /// `layer.weight`, `layer.running_mean`; kernels OIHW, dense (out, in).
    Torch,
    /// `layer.weight`, `layer.moving_mean`; kernels OIHW, dense (out, in).
    Mxnet,
}

impl Naming {
    fn order(self) -> KernelOrder {
        if self == Naming::Keras { KernelOrder::Hwio } else { KernelOrder::Oihw }
    }

    fn tensor(self, layer: &str, keras: &str, torch: &str, mxnet: &str) -> String {
        match self {
            Naming::Keras => format!("{layer}/{keras}:0"),
            Naming::Torch => format!("{layer}.{torch}"),
            Naming::Mxnet => format!("{layer}.{mxnet}"),
        }
    }
}

/// A map on its way through the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    pub source: Source,
    pub shape: Shape,
}

/// Which vectors a batch normalisation has beside mean and variance, and its epsilon.
#[derive(Debug, Clone, Copy)]
pub struct Norm {
    pub gamma: bool,
    pub beta: bool,
    pub eps: f32,
}

impl Norm {
    /// Gamma and beta.
    pub const fn full(eps: f32) -> Self {
        Self { gamma: true, beta: true, eps }
    }
}

/// A convolution's kernel, outputs and window.
#[derive(Debug, Clone, Copy)]
pub struct Conv {
    pub out: usize,
    pub window: Window,
}

impl Conv {
    /// TensorFlow's SAME with zeros.
    pub const fn same(k: usize, stride: usize, out: usize) -> Self {
        Self { out, window: Window::same(k, stride, Fill::Zero) }
    }

    /// SAME with +1.
    pub const fn same_one(k: usize, stride: usize, out: usize) -> Self {
        Self { out, window: Window::same(k, stride, Fill::One) }
    }

    pub const fn valid(k: usize, stride: usize, out: usize) -> Self {
        Self { out, window: Window::valid(k, stride) }
    }

    /// PyTorch's padding: `pad` on every side.
    pub const fn padded(k: usize, stride: usize, pad: usize, fill: Fill, out: usize) -> Self {
        Self { out, window: padded(k, stride, pad, fill) }
    }
}

/// A square window with `pad` on every side.
pub const fn padded(k: usize, stride: usize, pad: usize, fill: Fill) -> Window {
    let valid = Window::valid(k, stride);
    if pad == 0 { valid } else { Window { pad: Pad::Explicit([pad; 4]), fill, ..valid } }
}

/// A binary convolution's sums and the magnitudes of its latent filters.
pub struct Sums {
    pub value: Value,
    pub magnitude: Vec<f32>,
}

/// A network under construction.
pub struct Builder<'a> {
    pub naming: Naming,
    pub options: Options,
    asked: Asked<'a>,
    spec: GraphSpec,
    infos: Vec<Info>,
    numbers: BTreeMap<String, usize>,
    /// Packed signs of nodes that were asked for already.
    signs: BTreeMap<Option<usize>, Value>,
}

impl<'a> Builder<'a> {
    pub fn new(name: &str, naming: Naming, options: Options, from: &'a mut dyn Parameters) -> Self {
        let [h, w, c] = options.input;
        let mut spec = GraphSpec::new(name, Shape::new(h, w, c));
        if !options.pixels {
            spec.input = TensorType::new(spec.input.shape, Kind::F32);
        }
        spec.shapes_only = from.stand_ins();
        let asked = Asked { from, tensors: Vec::new() };
        Self { naming, options, asked, spec, infos: Vec::new(), numbers: BTreeMap::new(), signs: BTreeMap::new() }
    }

    /// The description, and the tensors that were asked for.
    pub fn finish(self) -> (GraphSpec, Vec<(String, Vec<usize>)>) {
        (self.spec, self.asked.tensors)
    }

    pub fn parameters(&mut self) -> &mut dyn Parameters {
        &mut self.asked
    }

    /// `base`, `base_1`, `base_2` …: Keras' automatic names, in the order of asking.
    pub fn number(&mut self, base: &str) -> String {
        let n = self.numbers.entry(base.to_owned()).or_default();
        *n += 1;
        if *n == 1 { base.to_owned() } else { format!("{base}_{}", *n - 1) }
    }

    /// What the network reads, unchanged.
    pub fn raw_image(&self) -> Value {
        Value { source: Source::Image, shape: self.spec.input.shape }
    }

    /// The image as the network was trained on it: pixels less `mean`, times `mul`; float images are taken as they are.
    pub fn image(&mut self, mean: [f32; 3], std: [f32; 3]) -> Result<Value, NnError> {
        let image = self.raw_image();
        if !self.options.pixels {
            return Ok(image);
        }
        let mul = std.map(|s| 1.0 / s).to_vec();
        let add = mean.iter().zip(std).map(|(m, s)| -m / s).collect();
        self.add("preprocess", Layer::Affine { mul, add }, &[image])
    }

    /// Adds a layer after checking it.
    pub fn add(&mut self, name: &str, layer: Layer, inputs: &[Value]) -> Result<Value, NnError> {
        let of = |v: &Value| match v.source {
            Source::Image => Info::new(self.spec.input),
            Source::Node(n) => self.infos[n],
        };
        let read: Vec<Info> = inputs.iter().map(of).collect();
        let info = infer(&layer, name, &read)?;
        self.infos.push(info);
        let inputs = inputs.iter().map(|v| v.source).collect();
        self.spec.nodes.push(Node::new(name, layer, inputs));
        Ok(Value { source: Source::Node(self.spec.nodes.len() - 1), shape: info.ty.shape })
    }

    /// Whether a map holds floats (and not integers or bits).
    pub fn is_float(&self, x: Value) -> bool {
        self.kind(x) == Kind::F32
    }

    fn kind(&self, x: Value) -> Kind {
        match x.source {
            Source::Image => self.spec.input.kind,
            Source::Node(n) => self.infos[n].ty.kind,
        }
    }

    /// The kernel's name and shape in the family's files.
    pub fn kernel(&self, name: &str, x: Value, conv: Conv) -> (String, KernelShape) {
        let shape =
            KernelShape { order: self.naming.order(), taps: conv.window.kernel, inputs: x.shape.c, outputs: conv.out };
        (self.naming.tensor(name, "kernel", "weight", "weight"), shape)
    }

    pub fn vector(&mut self, name: &str, n: usize) -> Result<Vec<f32>, NnError> {
        self.asked.floats(name, &[n])
    }

    pub fn conv(&mut self, name: &str, x: Value, conv: Conv) -> Result<Value, NnError> {
        let (tensor, kernel) = self.kernel(name, x, conv);
        let values = self.asked.floats(&tensor, &kernel.dims())?;
        let weights = if self.asked.stand_ins() { values } else { kernel.rearrange(&values) };
        let layer = Layer::FloatConv { weights, out: conv.out, bias: Vec::new(), window: conv.window };
        self.add(name, layer, &[x])
    }

    /// Keras' depthwise kernel (rows, columns, channels, 1).
    pub fn depthwise(&mut self, name: &str, x: Value, window: Window) -> Result<Value, NnError> {
        let [kh, kw] = window.kernel;
        let tensor = format!("{name}/depthwise_kernel:0");
        let weights = self.asked.floats(&tensor, &[kh, kw, x.shape.c, 1])?;
        self.add(name, Layer::DepthwiseConv { weights, bias: Vec::new(), window }, &[x])
    }

    /// Signs of floats, made once a map; a map that is packed already stays as it is.
    pub fn sign(&mut self, name: &str, x: Value) -> Result<Value, NnError> {
        let key = if let Source::Node(n) = x.source { Some(n) } else { None };
        if !self.is_float(x) {
            return Ok(x);
        }
        if let Some(done) = self.signs.get(&key) {
            return Ok(*done);
        }
        let bits = self.add(&format!("{name}_sign"), Layer::Sign, &[x])?;
        self.signs.insert(key, bits);
        Ok(bits)
    }

    /// Signs, then a binary convolution over them.
    pub fn binary_conv(&mut self, name: &str, x: Value, conv: Conv) -> Result<Sums, NnError> {
        let (tensor, kernel) = self.kernel(name, x, conv);
        let bits = self.sign(name, x)?;
        let signs = self.asked.signs(&tensor, kernel)?;
        let value = self.binary(name, bits, signs.filters, conv.window)?;
        Ok(Sums { value, magnitude: signs.magnitude })
    }

    pub fn binary(&mut self, name: &str, x: Value, weights: BitFilters, window: Window) -> Result<Value, NnError> {
        self.add(name, Layer::BinaryConv { weights, window }, &[x])
    }

    /// Factor and addend of a batch normalisation, its tensors asked for in the family's order.
    pub fn norm_vectors(&mut self, name: &str, c: usize, norm: Norm) -> Result<fold::Scale, NnError> {
        let t = |keras: &str, torch: &str, mxnet: &str| self.naming.tensor(name, keras, torch, mxnet);
        let (gamma, beta) = (t("gamma", "weight", "gamma"), t("beta", "bias", "beta"));
        let mean = t("moving_mean", "running_mean", "moving_mean");
        let variance = t("moving_variance", "running_var", "moving_var");
        let gamma = if norm.gamma { Some(self.vector(&gamma, c)?) } else { None };
        let beta = if norm.beta { Some(self.vector(&beta, c)?) } else { None };
        let (mean, variance) = (self.vector(&mean, c)?, self.vector(&variance, c)?);
        if self.asked.stand_ins() {
            return Ok(fold::Scale { mul: vec![0.0; c], add: vec![0.0; c] });
        }
        Ok(fold::batch_norm(gamma.as_deref(), beta.as_deref(), &mean, &variance, norm.eps))
    }

    pub fn norm(&mut self, name: &str, x: Value, norm: Norm) -> Result<Value, NnError> {
        let fold::Scale { mul, add } = self.norm_vectors(name, x.shape.c, norm)?;
        self.add(name, Layer::Affine { mul, add }, &[x])
    }

    /// Batch normalisation of integer sums that stand for `magnitude · sum`, clamped before.
    pub fn norm_sums(
        &mut self,
        name: &str,
        x: &Sums,
        scaled: bool,
        clamp: [i32; 2],
        norm: Norm,
    ) -> Result<Value, NnError> {
        let mut scale = self.norm_vectors(name, x.value.shape.c, norm)?;
        if scaled {
            scale = scale.of(&x.magnitude);
        }
        self.transform(name, x.value, clamp, scale)
    }

    /// Integer sums, clamped, to floats.
    pub fn transform(&mut self, name: &str, x: Value, clamp: [i32; 2], scale: fold::Scale) -> Result<Value, NnError> {
        let fold::Scale { mul, add } = scale;
        self.add(name, Layer::OutputTransform(OutputTransform { clamp, base: 0, mul, add }), &[x])
    }

    /// Integers as floats; floats as they are.
    pub fn float(&mut self, name: &str, x: Value) -> Result<Value, NnError> {
        if self.is_float(x) {
            return Ok(x);
        }
        self.add(&format!("{name}_float"), Layer::OutputTransform(OutputTransform::convert()), &[x])
    }

    /// A dense layer; its node is the network's classifier.
    pub fn classifier(&mut self, name: &str, x: Value, bias: bool) -> Result<Value, NnError> {
        if !self.options.top {
            return Ok(x);
        }
        let out = self.options.classes;
        let value = self.dense(name, x, out, bias)?;
        self.set_classifier(name);
        Ok(value)
    }

    /// The image's type, before the first layer.
    pub fn set_input_kind(&mut self, kind: Kind) {
        self.spec.input = TensorType::new(self.spec.input.shape, kind);
    }

    /// Makes a layer the one whose input is the features.
    pub fn set_classifier(&mut self, name: &str) {
        self.spec.classifier = Some(name.to_owned());
    }

    pub fn dense(&mut self, name: &str, x: Value, out: usize, bias: bool) -> Result<Value, NnError> {
        let inputs = x.shape.len();
        let tensor = self.naming.tensor(name, "kernel", "weight", "weight");
        let weights = if self.naming == Naming::Keras {
            let kernel = KernelShape { order: KernelOrder::Hwio, taps: [1, 1], inputs, outputs: out };
            let values = self.asked.floats(&tensor, &[inputs, out])?;
            if self.asked.stand_ins() { values } else { kernel.rearrange(&values) }
        } else {
            self.asked.floats(&tensor, &[out, inputs])?
        };
        let bias_name = self.naming.tensor(name, "bias", "bias", "bias");
        let bias = if bias { self.vector(&bias_name, out)? } else { Vec::new() };
        self.add(name, Layer::FloatDense { weights, out, bias }, &[x])
    }

    /// A slope a channel, in the dimensions that the family's files give it.
    pub fn prelu(&mut self, name: &str, x: Value) -> Result<Value, NnError> {
        let c = x.shape.c;
        let alpha = match self.naming {
            Naming::Keras => self.asked.floats(&format!("{name}/alpha:0"), &[1, 1, c])?,
            _ => self.vector(&self.naming.tensor(name, "alpha", "weight", "gamma"), c)?,
        };
        self.add(name, Layer::PRelu { alpha }, &[x])
    }

    pub fn relu(&mut self, name: &str, x: Value) -> Result<Value, NnError> {
        self.add(name, Layer::Relu, &[x])
    }

    pub fn max_pool(&mut self, name: &str, x: Value, window: Window) -> Result<Value, NnError> {
        self.add(name, Layer::MaxPool { window }, &[x])
    }

    pub fn avg_pool(&mut self, name: &str, x: Value, window: Window) -> Result<Value, NnError> {
        self.add(name, Layer::AvgPool { window }, &[x])
    }

    pub fn global_pool(&mut self, name: &str, x: Value) -> Result<Value, NnError> {
        self.add(name, Layer::GlobalAvgPool, &[x])
    }
}
