//! The quantised head that learns: CWR* in the integers a device would hold.
//!
//! For the last layer only: features in, classes out, with every tensor role in a format of its choice (the *precision
//! slots*). Each operation runs in integers where its operands are integers and in f32 where one of them is real; the choice
//! falls once an operation, never once an element. It knows nothing of boards, costs, files or images; it says what it ran
//! as kernel calls.
//!
//! Flow: raw features → [`FeatureStage`] → [`FeatureTable`] → [`TrainingSamples`] → [`Strategy`] ([`CwrStar`], [`Joint`]) on a [`Head`] → classes.
//!
//! ```
//! use tinyprec::learn::*;
//! use tinyprec::trace::NullSink;
//! // Two classes that differ in their first feature.
//! let raw: Vec<i32> = (0..40).flat_map(|i| [if i % 2 == 0 { 30 } else { -30 } + i % 5, i % 7]).collect();
//! let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
//! let rows: Vec<usize> = (0..40).collect();
//! let precision = Precision::preset("hybrid-8")?;
//! let mut stage = FeatureStage::calibrate(&precision, RawFeatures::Ints(&raw), 2, Standardise::PerFeature, 1)?;
//! let table = stage.prepare(RawFeatures::Ints(&raw))?;
//! let mut config = HeadConfig::new(precision, 0.1);
//! config.batch = 8;
//! let mut cwr = CwrStar::new(config, 2, 2, 1)?;
//! let samples = TrainingSamples::new(&table, &labels, &rows)?;
//! train_experience(&mut cwr, samples, (0, 3, EpochOrder::new(1)), &mut NullSink, &mut |_, _| {})?;
//! assert_eq!(cwr.predict(&table, 0, &mut NullSink)?, 0);
//! assert_eq!(cwr.predict(&table, 1, &mut NullSink)?, 1);
//! # Ok::<(), LearnError>(())
//! ```

mod backward;
mod calibrate;
mod calls;
mod calls_apart;
mod calls_gradient;
mod calls_mixed;
mod calls_units;
mod calls_update;
mod config;
mod consolidate;
mod cwr;
mod error;
mod features;
mod fidelity;
mod forward;
mod forward_batch;
mod forward_copy;
mod gradient;
mod head;
mod head_errors;
mod head_rows;
mod joint;
pub mod kernels;
mod lanes;
mod monitor;
mod param;
mod param_fine;
mod precision;
mod presets;
mod samples;
mod slot_state;
mod slots;
mod snapshot;
mod strategies;
mod strategy;

pub use calls_units::{HeadUnit, head_calls};
pub use config::{BiasPolicy, HeadConfig, UnseenRows};
pub use cwr::CwrStar;
pub use error::LearnError;
pub use features::{FeatureStage, FeatureTable, OFFSET_FRACTION, RawFeatures, Standardise};
pub use fidelity::{Fidelity, Twin};
pub use head::{Head, StepReport};
pub use joint::Joint;
pub use kernels::StepCount;
pub use monitor::AccumulatorReport;
pub use precision::{Precision, PrecisionSpec, UpdateBase};
pub use samples::TrainingSamples;
pub use slots::{Slot, SlotFormat, SlotName};
pub use snapshot::Snapshot;
pub use strategies::{Importance, Moment, StoredLatent, StrategyKind, TrainOn};
pub use strategy::{EpochOrder, Strategy, train_experience};
