//! TensorFlow Lite files, plain and with Larq Compute Engine's operators: docs/import.md lists what is run and how exactly.
//!
//! Flow: bytes → checked FlatBuffer → [`model::Model`] (lists of tensors and operators) → [`convert::Converter`], operator by
//! operator → the layers that the output needs → `Graph::new`.

mod convert;
mod finish;
mod flatbuffer;
mod flexbuffer;
mod float_ops;
mod hard_swish;
mod int8_ops;
mod lce;
mod model;
mod shape_ops;
mod spread;

use super::ImportError;
use super::inspect::{OperatorCount, count};
use super::source::stem;
use crate::nn::Graph;
use convert::Converter;
use model::Model;
use std::path::Path;

/// Whether the bytes are a TensorFlow Lite file.
pub(super) fn matches(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"TFL3")
}

/// Reads the network.
pub(super) fn load(path: &Path, bytes: &[u8]) -> Result<Graph, ImportError> {
    let broken = |problem| ImportError::TfLite { path: path.to_owned(), problem };
    let model = Model::read(bytes).map_err(broken)?;
    let unknown = |(i, o): (usize, &model::Operator<'_>)| convert::handler(o).is_none().then_some((i, o.name()));
    if let Some((place, operator)) = model.operators.iter().enumerate().find_map(unknown) {
        let problem = "cannot be run; docs/import.md lists the operators".to_owned();
        return Err(ImportError::Operator { path: path.to_owned(), place, operator, problem });
    }
    let mut converter = Converter::new(&model, &stem(path)).map_err(broken)?;
    for (place, operator) in model.operators.iter().enumerate() {
        let wrong =
            |problem| ImportError::Operator { path: path.to_owned(), place, operator: operator.name(), problem };
        converter.operator(place).map_err(wrong)?;
    }
    let spec = converter.finish().map_err(broken)?;
    Graph::new(spec).map_err(|source| ImportError::Network { path: path.to_owned(), source })
}

/// Operators of a file with how often each occurs and whether it can be run.
pub(super) fn operators(path: &Path, bytes: &[u8]) -> Result<Vec<OperatorCount>, ImportError> {
    let model = Model::read(bytes).map_err(|problem| ImportError::TfLite { path: path.to_owned(), problem })?;
    Ok(count(model.operators.iter().map(|o| (o.name(), convert::handler(o).is_some()))))
}
