//! Records rendered: text for a terminal, one self-contained HTML page with SVG plots, CSV tables.
//!
//! Reads [`RunRecord`](crate::record::RunRecord)s: whatever a report says is in the record, so it can be rendered again years
//! later. A [`validation`] is rendered from what `validate` computed. Computes no result; it only rounds for display.
//!
//! Flow: record → `verdict`, `diagnosis`, `view` (tables) and `figure` (plots) → [`text()`], [`html()`], [`csv_tables`], [`write_report`].
//!
//! ```no_run
//! use std::path::Path;
//! let record = tinyprec::report::read_record(Path::new("out/quickstart/record.json"))?;
//! let page = tinyprec::report::write_report(&record, Path::new("out/again"))?;
//! let terminal_text = tinyprec::report::text(&record, 100);
//! # Ok::<(), tinyprec::report::ReportError>(())
//! ```

mod avalanche;
pub mod calibration;
mod compare;
mod csv;
mod diagnosis;
mod error;
mod figure;
mod files;
mod html;
mod numbers;
mod plot;
#[cfg(feature = "png")]
mod png;
pub mod sweep;
mod text;
pub mod validation;
mod verdict;
mod view;
mod view_cost;
mod view_stream;

pub use avalanche::write_avalanche;
pub use compare::{Change, Comparison, compare, run_figures, sweep_figures};
pub use csv::tables as csv_tables;
pub use error::ReportError;
pub use files::{PAGE, read_record, write_report};
pub use html::render as html;
pub use numbers::size as memory_size;
#[cfg(feature = "png")]
pub use png::{Picture, run_pictures, sweep_pictures};
pub use text::render as text;
