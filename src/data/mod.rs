//! Data sets, and the streams of experiences cut out of them.
//!
//! Knows files, pixels and labels; knows nothing of networks, learning or boards. Images are read when they are asked for; a
//! stream only says which samples belong to which experience.
//!
//! Flow: files → data set → labels + [`Scenario`] → [`Stream`] of [`Experience`]s.
//!
//! ```
//! use tinyprec::data::{Samples, Scenario, cut};
//! let (train, test) = (Samples::labelled(&[0, 1, 2, 0, 1, 2]), Samples::labelled(&[0, 1, 2]));
//! let stream = cut(&Scenario::NewClasses(vec![vec![0, 2], vec![1]]), &train, &test, 3)?;
//! assert_eq!(stream.experiences[1].train, [1, 4]);
//! # Ok::<(), tinyprec::data::StreamError>(())
//! ```

pub mod archive;
pub mod cifar;
pub mod class_order;
pub mod core50;
mod dataset;
mod domain;
mod error;
pub mod fetch;
pub mod folder;
pub mod idx;
mod kws;
mod load;
pub mod npy;
pub mod numpy;
mod order;
pub mod pickle;
pub mod stored;
mod stream;
pub mod transform;

pub use dataset::{Dataset, Image, ImageSource};
pub use domain::{Domain, Domains, Rotation};
pub use error::DataError;
pub use idx::Split;
pub use load::load;
pub use stream::{Experience, Mixed, Samples, Scenario, Stream, StreamError, cut};
