//! Layers and graphs: a frozen network's arithmetic, value by value and packed.
//!
//! Knows packed rows and kernel calls; knows nothing of learning, boards, files or data sets. Everything about a network is
//! checked when a [`Graph`] is built; after that only an image of the wrong shape is an error.
//!
//! Flow: [`GraphSpec`] → [`Graph::new`] (checks) → [`Graph::pass`] (values, and calls to a sink) or [`Graph::calls`] (calls
//! from shapes alone, equal). [`Engine::Reference`] runs plain loops, [`Engine::Fast`] packed ones, equal bit for bit.
//!
//! ```
//! use tinyprec::nn::{BitFilters, FilterSize, Graph, GraphSpec, Layer, Shape, Tensor};
//! let size = FilterSize { out: 2, taps: 1, ic: 4 };
//! let weights = BitFilters::from_values(size, &[1, 1, 1, 1, 1, -1, 1, -1], "fc.weight")?;
//! let graph = Graph::new(
//!     GraphSpec::new("tiny", Shape::new(1, 1, 4))
//!         .then("pack", Layer::PackInput { threshold: 128, flatten: false })
//!         .then("fc", Layer::BinaryDense { weights }),
//! )?;
//! let image = Tensor::image(Shape::new(1, 1, 4), &[255, 0, 200, 7])?; // +1 −1 +1 −1
//! assert_eq!(graph.run(&image)?.integers(), Some(vec![0, 4]));
//! assert_eq!(graph.calls().len(), 2);
//! # Ok::<(), tinyprec::nn::NnError>(())
//! ```

mod calls;
mod counts;
mod error;
mod fast;
mod float;
mod graph;
mod infer;
mod int8;
mod layer;
pub mod networks;
mod reference;
mod run;
mod runner;
#[allow(unsafe_code)]
mod simd;
mod standardise;
mod tensor;
mod thresholds;
mod transform;
mod weights;
mod window;

pub use counts::{ByBits, Counts, LayerCount};
pub use error::NnError;
pub use graph::{Graph, GraphSpec, Node, Source};
pub(crate) use infer::{Info, infer};
pub use int8::{Int8, Multiplier, Requant, Roundings, Softmax};
pub use layer::Layer;
pub use run::{Engine, Pass};
pub use runner::{Runner, Seen};
pub use standardise::Standardise;
pub use tensor::{BitMap, Kind, Map, Shape, Tensor, TensorType};
pub use transform::{NO_CLAMP, OutputTransform, RELU_CLAMP};
pub use weights::{BitFilters, FilterSize, SmallFilters, Thresholds};
pub use window::{Fill, Geometry, Pad, TapRun, Window};
