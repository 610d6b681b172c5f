//! Network files → [`Graph`](crate::nn::Graph), and back: the only room of networks that reads and writes files.
//!
//! Formats are told apart by content, never by name: TensorFlow Lite with and without Larq Compute Engine's operators, Keras
//! weights in HDF5, and safetensors by their metadata (`tinyprec-graph-1`, BNN-PYNQ, BMXNet) or, for weights of published networks
//! (docs/networks.md), by their tensors; docs/import.md lists them with their limits. Readers are strict: a file that is truncated,
//! inconsistent or hostile gives an error that names file and tensor, never a panic and never an allocation larger than the
//! file justifies. Knows nothing of learning, data sets or boards.
//!
//! Flow: path → bytes → container → format's reader → `GraphSpec` → `Graph::new`, which checks the rest.
//!
//! ```
//! use tinyprec::{import, nn};
//! let weights = nn::BitFilters::from_values(nn::FilterSize { out: 2, taps: 1, ic: 3 }, &[1, -1, 1, -1, 1, 1], "fc")?;
//! let spec = nn::GraphSpec::new("tiny", nn::Shape::new(1, 1, 3))
//!     .then("pack", nn::Layer::PackInput { threshold: 100, flatten: true })
//!     .then("fc", nn::Layer::BinaryDense { weights });
//! let graph = nn::Graph::new(spec)?;
//! let file = std::env::temp_dir().join(format!("tinyprec-doc-{}.safetensors", std::process::id()));
//! import::save_graph(&graph, &file)?;
//! assert_eq!(import::load(&file)?.spec(), graph.spec());
//! # std::fs::remove_file(file)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bmxnet;
mod bnn_pynq;
mod container;
mod error;
mod graph_file;
mod h5;
mod inspect;
mod int8_file;
mod latent;
mod options;
mod save;
mod schema;
mod source;
mod tflite;
mod weights;

pub use container::{Data, TensorMap, read, write};
pub use error::ImportError;
pub use inspect::{Inspection, OperatorCount, inspect};
pub use options::LoadOptions;
pub use save::save_graph;

use crate::nn::Graph;
use std::path::Path;

/// Reads a network of any known format, at the size that it was published with.
///
/// # Errors
/// [`ImportError`], naming the file and what to do.
pub fn load(path: &Path) -> Result<Graph, ImportError> {
    load_with(path, &LoadOptions::default())
}

/// Reads a network of any known format. Formats that fix the image's size or type keep theirs.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, wanted: &LoadOptions) -> Result<Graph, ImportError> {
    inspect(path, wanted)?.graph
}
