//! BMXNet's graphs (Yang et al. 2017): a node list as MXNet has it, and the binary ResNet-18 built as such a list.
//!
//! A `QConvolution` reads signs (+1 iff x ≥ 0), pads with +1 and gives the number of matches, `(K + Σ w·x)/2`; residual adds act
//! on those counts, which stay integers here. Batch normalisation, ReLU, pools and the rest are MXNet's.

use super::builder::{Builder, Conv, Norm, Value, padded};
use crate::nn::{Fill, Layer, NnError};
use std::collections::BTreeMap;

/// Subtracted from red, green and blue.
const MEAN: [f32; 3] = [123.68, 116.779, 103.939];

/// One node of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxNode {
    /// MXNet's operator.
    pub op: String,
    /// Its name, which its tensors and readers use.
    pub name: String,
    /// What it reads: `data` or earlier nodes.
    pub inputs: Vec<String>,
    /// Attributes as text.
    pub attributes: BTreeMap<String, String>,
}

/// Adds a node list to a network.
///
/// # Errors
/// [`NnError::Parameter`] for an operator or attribute that has no meaning here, and what layers say.
pub fn translate(b: &mut Builder<'_>, nodes: &[MxNode]) -> Result<(), NnError> {
    let mut values = BTreeMap::from([("data".to_owned(), b.image(MEAN, [1.0; 3])?)]);
    for node in nodes {
        let Some(first) = node.inputs.first() else { return Err(wrong(node, "reads nothing")) };
        let read = |name: &String| {
            values.get(name).copied().ok_or_else(|| wrong(node, &format!("reads `{name}`, which is no earlier node")))
        };
        let x = read(first)?;
        let second = if node.op == "elemwise_add" { node.inputs.get(1).map(read).transpose()? } else { None };
        let y = Translator { b, node }.value(x, second)?;
        values.insert(node.name.clone(), y);
    }
    Ok(())
}

fn wrong(node: &MxNode, problem: &str) -> NnError {
    NnError::Parameter { name: format!("{} ({})", node.name, node.op), problem: problem.to_owned() }
}

struct Translator<'a, 'b, 'p> {
    b: &'a mut Builder<'p>,
    node: &'b MxNode,
}

impl Translator<'_, '_, '_> {
    fn value(self, x: Value, second: Option<Value>) -> Result<Value, NnError> {
        let (b, node, name) = (self.b, self.node, self.node.name.as_str());
        let text = |key: &str| node.attributes.get(key).map(String::as_str);
        match node.op.as_str() {
            "BatchNorm" => {
                let eps = text("eps")
                    .unwrap_or("0.001")
                    .parse()
                    .map_err(|_| wrong(node, "has an `eps` that is no number"))?;
                b.norm(name, x, Norm::full(eps))
            }
            "Convolution" => {
                let conv = conv(node, Fill::Zero)?;
                let y = b.float(name, x)?;
                b.conv(name, y, conv)
            }
            "QConvolution" => {
                let sums = b.binary_conv(name, x, conv(node, Fill::One)?)?.value;
                matches(b, node, sums, x.shape.c)
            }
            // A real network's sign acts where a QConvolution reads; these nodes only bend the gradient.
            "QActivation" | "SoftmaxOutput" => Ok(x),
            "Activation" if text("act_type") == Some("relu") => b.relu(name, x),
            "Pooling" => pool(b, node, x),
            "Flatten" if x.shape.pixels() == 1 => Ok(x),
            "FullyConnected" => {
                let out = number(node, "num_hidden")?;
                if out == b.options.classes { b.classifier(name, x, true) } else { b.dense(name, x, out, true) }
            }
            "elemwise_add" => {
                let y = second.ok_or_else(|| wrong(node, "needs two inputs"))?;
                let (x, y) = if b.is_float(x) == b.is_float(y) {
                    (x, y)
                } else {
                    (b.float(&format!("{name}_a"), x)?, b.float(&format!("{name}_b"), y)?)
                };
                b.add(name, Layer::Add, &[x, y])
            }
            _ => Err(wrong(node, &format!("is not known with these attributes: {:?}", node.attributes))),
        }
    }
}

/// Signed sums to matches.
fn matches(b: &mut Builder<'_>, node: &MxNode, sums: Value, channels: usize) -> Result<Value, NnError> {
    let [kh, kw] = pair(node, "kernel", None)?;
    let terms = i32::try_from(kh * kw * channels).map_err(|_| wrong(node, "is absurdly large"))?;
    let layer = Layer::OffsetShift { offset: vec![terms; sums.shape.c], shift: 1 };
    b.add(&format!("{}_matches", node.name), layer, &[sums])
}

fn pool(b: &mut Builder<'_>, node: &MxNode, x: Value) -> Result<Value, NnError> {
    let text = |key: &str| node.attributes.get(key).map(String::as_str);
    let x = b.float(&node.name, x)?;
    if text("global_pool") == Some("True") && text("pool_type") == Some("avg") {
        return b.global_pool(&node.name, x);
    }
    let ([k, _], [stride, _]) = (pair(node, "kernel", None)?, pair(node, "stride", Some([1, 1]))?);
    let [pad, _] = pair(node, "pad", Some([0, 0]))?;
    let window = padded(k, stride, pad, Fill::Zero);
    match text("pool_type") {
        Some("max") => b.max_pool(&node.name, x, window),
        // MXNet counts the padding in a mean; without padding there is nothing to count.
        Some("avg") if pad == 0 => b.avg_pool(&node.name, x, window),
        _ => Err(wrong(node, &format!("is not known with these attributes: {:?}", node.attributes))),
    }
}

fn conv(node: &MxNode, fill: Fill) -> Result<Conv, NnError> {
    let ([k, kw], [stride, sw]) = (pair(node, "kernel", None)?, pair(node, "stride", Some([1, 1]))?);
    let [pad, pw] = pair(node, "pad", Some([0, 0]))?;
    if k != kw || stride != sw || pad != pw {
        return Err(wrong(node, "has a window that is not square"));
    }
    Ok(Conv::padded(k, stride, pad, fill, number(node, "num_filter")?))
}

fn number(node: &MxNode, key: &str) -> Result<usize, NnError> {
    let text = node.attributes.get(key).ok_or_else(|| wrong(node, &format!("lacks `{key}`")))?;
    match text.parse() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        _ => Err(wrong(node, &format!("has {key} = {text}, allowed: 1 to 1000000"))),
    }
}

/// `(3, 3)` or `3`.
fn pair(node: &MxNode, key: &str, default: Option<[usize; 2]>) -> Result<[usize; 2], NnError> {
    let Some(text) = node.attributes.get(key) else {
        return default.ok_or_else(|| wrong(node, &format!("lacks `{key}`")));
    };
    let parts: Result<Vec<usize>, _> = text
        .trim_matches(['(', ')', ' '])
        .split(',')
        .filter(|p| !p.trim().is_empty())
        .map(|p| p.trim().parse())
        .collect();
    match parts.as_deref() {
        Ok([n @ 0..=4096]) => Ok([*n, *n]),
        Ok([a @ 0..=4096, b @ 0..=4096]) => Ok([*a, *b]),
        _ => Err(wrong(node, &format!("has {key} = {text}, expected one or two numbers up to 4096"))),
    }
}

pub fn cifar10(b: &mut Builder<'_>) -> Result<(), NnError> {
    let nodes = resnet18(false, b.options.classes);
    translate(b, &nodes)
}

pub fn imagenet(b: &mut Builder<'_>) -> Result<(), NnError> {
    let nodes = resnet18(true, b.options.classes);
    translate(b, &nodes)
}

/// Pre-activation ResNet-18. ImageNet's has a 7×7 stem with pooling and a float first stage.
fn resnet18(imagenet: bool, classes: usize) -> Vec<MxNode> {
    let mut list = List(Vec::new());
    let mut x = list.add("BatchNorm", "bn_data", &["data"], &[("eps", "2e-05")]);
    if imagenet {
        x = list.conv("Convolution", "conv0", &x, 7, 2, 64);
        x = list.norm("bn0", &x);
        x = list.add("Activation", "relu0", &[&x], &[("act_type", "relu")]);
        let window = [("kernel", "(3, 3)"), ("stride", "(2, 2)"), ("pad", "(1, 1)"), ("pool_type", "max")];
        x = list.add("Pooling", "pooling0", &[&x], &window);
    } else {
        x = list.conv("Convolution", "conv0", &x, 3, 1, 64);
    }
    for (stage, filters) in [64, 128, 256, 512].into_iter().enumerate() {
        for unit in 0..2 {
            let float = imagenet && stage == 0;
            x = list.unit(&x, stage, unit, filters, float);
        }
    }
    x = list.norm("bn1", &x);
    x = list.add("Activation", "relu1", &[&x], &[("act_type", "relu")]);
    x = list.add("Pooling", "pool1", &[&x], &[("global_pool", "True"), ("pool_type", "avg")]);
    x = list.add("Flatten", "flatten0", &[&x], &[]);
    list.add("FullyConnected", "fc1", &[&x], &[("num_hidden", &classes.to_string())]);
    list.0
}

struct List(Vec<MxNode>);

impl List {
    fn add(&mut self, op: &str, name: &str, inputs: &[&str], attributes: &[(&str, &str)]) -> String {
        self.0.push(MxNode {
            op: op.to_owned(),
            name: name.to_owned(),
            inputs: inputs.iter().map(|i| (*i).to_owned()).collect(),
            attributes: attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        });
        name.to_owned()
    }

    fn norm(&mut self, name: &str, x: &str) -> String {
        self.add("BatchNorm", name, &[x], &[("eps", "2e-05")])
    }

    fn conv(&mut self, op: &str, name: &str, x: &str, k: usize, stride: usize, filters: usize) -> String {
        let [kernel, stride, pad, filters] = [k, stride, k / 2, filters].map(|n| n.to_string());
        let window = [("kernel", kernel.as_str()), ("stride", &stride), ("pad", &pad), ("num_filter", &filters)];
        self.add(op, name, &[x], &window)
    }

    /// BN, conv, BN, conv; the first unit's shortcut is a 1×1 of the normalised input.
    fn unit(&mut self, x: &str, stage: usize, unit: usize, filters: usize, float: bool) -> String {
        let name = |part: &str| format!("stage{}_unit{}_{part}", stage + 1, unit + 1);
        let op = if float { "Convolution" } else { "QConvolution" };
        let stride = if stage > 0 && unit == 0 { 2 } else { 1 };
        let mut a = self.norm(&name("bn1"), x);
        if float {
            a = self.add("Activation", &name("relu1"), &[&a], &[("act_type", "relu")]);
        }
        let mut y = self.conv(op, &name("conv1"), &a, 3, stride, filters);
        y = self.norm(&name("bn2"), &y);
        if float {
            y = self.add("Activation", &name("relu2"), &[&y], &[("act_type", "relu")]);
        }
        y = self.conv(op, &name("conv2"), &y, 3, 1, filters);
        let shortcut = if unit == 0 { self.conv(op, &name("sc"), &a, 1, stride, filters) } else { x.to_owned() };
        let plus = format!("_plus{}", 2 * stage + unit);
        self.add("elemwise_add", &plus, &[&y, &shortcut], &[])
    }
}
