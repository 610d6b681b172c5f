//! What a file is, what is in it, and whether it can be run.

use super::container::Container;
use super::{ImportError, LoadOptions, bmxnet, bnn_pynq, graph_file, h5, source, tflite, weights};
use crate::nn::Graph;
use std::path::Path;

/// One kind of operator or layer in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCount {
    /// Its name as the file's format writes it.
    pub name: String,
    /// How often it occurs.
    pub count: usize,
    /// Whether this program runs it; an operator may still be used in a way that is not run.
    pub runs: bool,
}

/// A network file, looked into.
#[derive(Debug)]
pub struct Inspection {
    /// Name of the format.
    pub format: &'static str,
    /// Bytes of the file.
    pub bytes: usize,
    /// Operators in the order of their first use.
    pub operators: Vec<OperatorCount>,
    /// The network, or why it cannot be run.
    pub graph: Result<Graph, ImportError>,
}

/// Looks into a file of any known format, told apart by its content, not by its name.
///
/// # Errors
/// [`ImportError`] if the file cannot be read or is of no known format; a network of a known format that cannot be run is no
/// error here.
pub fn inspect(path: &Path, wanted: &LoadOptions) -> Result<Inspection, ImportError> {
    let content = source::read(path)?;
    let bytes = content.len();
    if tflite::matches(&content) {
        let operators = tflite::operators(path, &content)?;
        let graph = tflite::load(path, &content);
        return Ok(Inspection { format: "TensorFlow Lite", bytes, operators, graph });
    }
    let (format, graph) = if h5::matches(&content) {
        let tensors = h5::weights(path, &content)?;
        // The floats are copies, so the file itself is no longer needed.
        drop(content);
        ("Keras weights (HDF5)", weights::load(path, &tensors, wanted))
    } else {
        let file = Container::new(path, content)?;
        if graph_file::matches(&file) {
            ("tinyprec-graph-1", graph_file::load(&file))
        } else if bnn_pynq::matches(&file) {
            ("BNN-PYNQ safetensors", bnn_pynq::load(&file))
        } else if bmxnet::matches(&file) {
            ("BMXNet safetensors", bmxnet::load(&file, wanted))
        } else {
            ("weights of a published network (safetensors)", weights::load(path, &file.tensors()?, wanted))
        }
    };
    if let Err(error @ ImportError::UnknownWeights { .. }) = graph {
        return Err(error);
    }
    let operators = graph.as_ref().map_or_else(|_| Vec::new(), layers);
    Ok(Inspection { format, bytes, operators, graph })
}

/// Layers of a network, counted.
fn layers(graph: &Graph) -> Vec<OperatorCount> {
    let names = graph.spec().nodes.iter().map(|n| (n.layer.op().to_owned(), true));
    count(names)
}

/// Names with how often each occurs, in the order of their first use.
pub(super) fn count(names: impl Iterator<Item = (String, bool)>) -> Vec<OperatorCount> {
    let mut found: Vec<OperatorCount> = Vec::new();
    for (name, runs) in names {
        match found.iter_mut().find(|o| o.name == name) {
            Some(known) => known.count += 1,
            None => found.push(OperatorCount { name, count: 1, runs }),
        }
    }
    found
}
