//! From all converted operators to the network of one output.

use super::convert::Converter;
use super::flatbuffer::Wrong;
use crate::nn::{GraphSpec, Int8, Layer, Node, Source};

impl Converter<'_> {
    /// The layers that the scores need, in order. Where a file has several outputs, the scores are the one computed last: the
    /// others (features) lie on the way to it.
    pub(super) fn finish(mut self) -> Result<GraphSpec, Wrong> {
        let mut last = None;
        for output in self.model.outputs.clone() {
            let name = &self.model.tensors[output].name;
            let place =
                self.output_place(output).ok_or_else(|| format!("output `{name}` is computed by no operator"))?;
            match (place.pad, place.source) {
                ([0, 0, 0, 0], Source::Node(n)) => last = last.max(Some(n)),
                _ => return Err(format!("output `{name}` is the input itself, or a PAD that no convolution follows")),
            }
        }
        let last = last.ok_or("has no outputs")?;
        let needed = needed(&self.spec.nodes, last);
        let mut places = vec![None; needed.len()];
        let mut nodes: Vec<Node> = Vec::new();
        for (i, mut node) in self.spec.nodes.drain(..).enumerate().filter(|(i, _)| needed[*i]) {
            for source in &mut node.inputs {
                if let Source::Node(n) = source {
                    *n = places[*n].ok_or("reads a layer that comes later")?;
                }
            }
            places[i] = Some(nodes.len());
            nodes.push(node);
        }
        self.spec.classifier = classifier(&nodes);
        self.spec.nodes = nodes;
        Ok(self.spec)
    }
}

/// Which layers the last one rests on.
fn needed(nodes: &[Node], last: usize) -> Vec<bool> {
    let mut needed = vec![false; nodes.len()];
    needed[last] = true;
    for i in (0..=last).rev().filter(|i| *i < nodes.len()) {
        if needed[i] {
            for source in &nodes[i].inputs {
                if let Source::Node(n) = source {
                    needed[*n] = true;
                }
            }
        }
    }
    needed
}

/// The dense layer whose scores are the output, perhaps through a softmax and the like.
fn classifier(nodes: &[Node]) -> Option<String> {
    let mut at = nodes.len().checked_sub(1)?;
    loop {
        let node = &nodes[at];
        match &node.layer {
            Layer::FloatDense { out, .. } => return (*out > 1).then(|| node.name.clone()),
            Layer::Int8(Int8::Dense { bias, .. }) => return (bias.len() > 1).then(|| node.name.clone()),
            Layer::Softmax
            | Layer::Sigmoid
            | Layer::Tanh
            | Layer::Int8(Int8::Softmax(_) | Int8::Table { .. } | Int8::Dequantise { .. } | Int8::Rescale { .. }) => {}
            _ => return None,
        }
        match node.inputs.first() {
            Some(Source::Node(n)) => at = *n,
            _ => return None,
        }
    }
}
