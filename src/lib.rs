//! Bit-accurate simulator of binary networks that keep learning on the device, with an instruction, memory and
//! energy cost model for small Arm cores.
//!
//! ```text
//! experiment.toml ─► config ─► data ─► nn ─► learn ─► metrics ─► record ─► report
//!                                      └─ kernel calls ─┐
//!                       profile.toml ─► profile ─► cost ◄┘
//! ```
//!
//! Each room's page says what it is for, what it must not know, and shows one example. `ARCHITECTURE.md` has the map.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod bits;
pub mod config;
pub mod cost;
pub mod data;
pub mod explore;
pub mod export;
pub mod files;
pub mod import;
pub mod learn;
pub mod metrics;
pub mod nn;
pub mod numeric;
pub mod profile;
pub mod record;
pub mod report;
pub mod run;
pub mod trace;
pub mod validate;
