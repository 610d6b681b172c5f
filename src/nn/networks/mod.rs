//! The field's published networks, built from shapes, from a seed or from any source of their weights.
//!
//! Knows layers, names of tensors and where to find them in the literature; opens no file. Each network asks a [`Parameters`]
//! source for its tensors by the names that its own files use, so counting (`Shapes`), timing (`Random`) and running share one
//! definition, and a file is recognised by comparing what it holds with what a network asks for.
//!
//! Flow: [`find`] → [`Architecture::build`] with [`Options`] and a source → `GraphSpec` → `Graph::new`.
//!
//! ```
//! use tinyprec::nn::{Graph, networks};
//! let quicknet = networks::find("QuickNetSmall").ok_or("no such network")?;
//! let built = quicknet.build(quicknet.options(), &mut networks::Shapes)?;
//! assert_eq!(built.parameters(), 12_664_344); // as Keras counts
//! let graph = Graph::new(built.spec)?;
//! assert_eq!(graph.feature_type().shape.c, 512);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod abcnet;
mod alexnet;
mod bmxnet;
mod bnn_pynq;
mod builder;
mod densenet;
mod fold;
mod list;
mod mlperf_tiny;
mod parameters;
mod quicknet;
mod reactnet;
mod residual;

pub use bmxnet::MxNode;
pub(crate) use bnn_pynq::input_table;
pub(crate) use fold::batch_norm;
pub use list::{ARCHITECTURES, Architecture, Built, Options, find, mxnet};
pub(crate) use parameters::mean_magnitude;
pub use parameters::{KernelOrder, KernelShape, Parameters, Random, Shapes, SignKernel};

use super::{NnError, Shape};

/// Mean and standard deviation of ImageNet's pixels (red, green, blue), 0 to 255.
const IMAGENET_MEAN: [f32; 3] = [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0];
const IMAGENET_STD: [f32; 3] = [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0];
/// Below this many rows ResNet-E and BinaryDenseNet take a smaller stem.
const SMALL_IMAGE: usize = 50;

fn does_not_fit(what: &str, found: Shape, expected: &str) -> NnError {
    NnError::BadWindow { what: what.to_owned(), problem: format!("they read a map of {expected}, this one is {found}") }
}
