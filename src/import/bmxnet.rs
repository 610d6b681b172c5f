//! BMXNet's networks as safetensors: the metadata key `graph` is MXNet's node list, `[op, name, inputs, attributes]` a node.
//!
//! A `QConvolution`'s `weight` is U8 [out, ⌈kh·kw·in/8⌉], order (ky, kx, in), bit 1 is +1; all else is f32 in MXNet's layout,
//! `gamma` already 1 where the network fixes it.

use super::container::{Container, Tensors};
use super::{ImportError, LoadOptions, source};
use crate::nn::networks::{KernelShape, MxNode, Options, Parameters, SignKernel, mxnet};
use crate::nn::{BitFilters, Graph, NnError};
use safetensors::Dtype;
use std::collections::BTreeMap;

/// More nodes than any network has.
const MOST_NODES: usize = 100_000;

type NodeJson = (String, String, Vec<String>, BTreeMap<String, String>);

/// Whether the file has a list of nodes that are lists, and no format of its own.
pub(super) fn matches(file: &Container) -> bool {
    let within = |text: &'_ str| text.trim_start().strip_prefix('[').is_some_and(|g| g.trim_start().starts_with('['));
    file.metadata("graph").is_some_and(within) && file.metadata("format").is_none()
}

/// Reads the network.
pub(super) fn load(file: &Container, wanted: &LoadOptions) -> Result<Graph, ImportError> {
    let wrong = |problem: String| ImportError::Metadata { path: file.path().to_owned(), key: "graph", problem };
    let list: Vec<NodeJson> =
        serde_json::from_str(file.metadata("graph").unwrap_or_default()).map_err(|e| wrong(e.to_string()))?;
    if list.len() > MOST_NODES {
        return Err(wrong(format!("has {} nodes, at most {MOST_NODES} are read", list.len())));
    }
    let nodes: Vec<MxNode> =
        list.into_iter().map(|(op, name, inputs, attributes)| MxNode { op, name, inputs, attributes }).collect();
    let tensors = file.tensors()?;
    let network = |source| ImportError::Network { path: file.path().to_owned(), source };
    let options = options(&nodes, wanted);
    let built = mxnet(&source::stem(file.path()), &nodes, options, &mut Packed(&tensors)).map_err(network)?;
    let mut spec = built.spec;
    let text = |key| file.metadata(key).unwrap_or_default();
    spec.notes = format!("{} ({})", text("source"), text("licence"));
    Graph::new(spec).map_err(network)
}

/// The list does not tell the image's size: a stem of stride 1 reads CIFAR's 32 × 32, another ImageNet's 224 × 224.
fn options(nodes: &[MxNode], wanted: &LoadOptions) -> Options {
    let attribute = |op: &str, key: &str, last: bool| {
        let mut found = nodes.iter().filter(|n| n.op == op);
        let node = if last { found.next_back() } else { found.next() };
        node.and_then(|n| n.attributes.get(key)).cloned()
    };
    let small = attribute("Convolution", "stride", false).is_none_or(|s| s == "(1, 1)");
    let side = if small { 32 } else { 224 };
    let [h, w] = wanted.input.unwrap_or([side, side]);
    let classes = attribute("FullyConnected", "num_hidden", true).and_then(|n| n.parse().ok()).unwrap_or(0);
    Options { input: [h, w, 3], pixels: wanted.pixels, top: true, classes }
}

struct Packed<'a>(&'a Tensors<'a>);

fn wrong(error: &ImportError, name: &str) -> NnError {
    NnError::Parameter { name: name.to_owned(), problem: format!("cannot be used: {error}") }
}

impl Parameters for Packed<'_> {
    fn floats(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, NnError> {
        let raw = self.0.typed(name, &[Dtype::F32], dims.len()).map_err(|e| wrong(&e, name))?;
        if raw.shape == dims {
            return Ok(raw.f32s());
        }
        let problem = format!("has shape {:?}, expected {dims:?}", raw.shape);
        Err(NnError::Parameter { name: name.to_owned(), problem })
    }

    fn signs(&mut self, name: &str, kernel: KernelShape) -> Result<SignKernel, NnError> {
        let raw = self.0.typed(name, &[Dtype::U8], 2).map_err(|e| wrong(&e, name))?;
        let filters = BitFilters::from_packed(kernel.size(), raw.u8s(), 1, name)?;
        Ok(SignKernel { magnitude: vec![1.0; kernel.outputs], filters })
    }

    fn integers(&mut self, name: &str, _: usize) -> Result<Vec<i32>, NnError> {
        Err(NnError::Parameter { name: name.to_owned(), problem: "is not part of such networks".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn only_nodes_that_are_lists_are_its_own() {
        let matches = |graph: &str| {
            let header = serde_json::json!({ "__metadata__": { "graph": graph } }).to_string();
            let mut bytes = u64::try_from(header.len()).unwrap().to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            super::matches(&Container::new(Path::new("x.safetensors"), bytes).unwrap())
        };
        assert!(matches(r#"[ ["null", "data", [], {}]]"#));
        assert!(!matches(r#"[{"name": "data"}]"#) && !matches(r#"{"nodes": []}"#) && !matches("[]"));
    }
}
