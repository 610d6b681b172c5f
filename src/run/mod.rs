//! One experiment end to end: the only room that wires the pipeline.
//!
//! Images pass the frozen network once; every precision and seed then learns the stream on those features, in parallel and
//! in a fixed order of results; one list of kernel calls a precision is priced on every board. The record depends on the
//! experiment, its inputs and seeds alone: not on threads, the clock, or whether the run was killed and resumed.
//!
//! Flow: [`Experiment`](crate::config::Experiment) → inputs → features → jobs (saved after each experience) → prices → record.
//!
//! ```no_run
//! use std::path::Path;
//! let experiment = tinyprec::config::load(Path::new("experiments/quickstart.toml"))?;
//! let options = tinyprec::run::Options { out: "out/quickstart".into(), resume: false, jobs: None, features: None };
//! let record = tinyprec::run::run(&experiment, &options, &|event| eprintln!("{event:?}"))?;
//! assert_eq!(record.precisions.len(), experiment.heads.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assemble;
pub mod budget;
pub mod diff;
mod error;
pub mod evaluate;
mod feature_file;
mod feature_store;
mod features;
mod files;
mod images;
mod inputs;
mod job;
mod learner;
mod metrics;
mod parts;
mod pipeline;
mod prepared;
mod price;
pub mod replay;
mod sets;
mod workload;

pub use budget::check_budget;
pub use error::RunError;
pub use feature_store::{FeatureKey, FeatureStore, Origin};
pub use features::Features;
pub use files::{hash_bytes, hash_file};
pub use images::ImageError;
pub use pipeline::{Event, Options, RECORD, run};
pub use prepared::Prepared;
pub use price::{Board, boards};
pub use sets::hashes as input_hashes;
pub use workload::{Largest, Stored, Workload};

use inputs::Inputs;
