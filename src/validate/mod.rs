//! Predictions against measured boards: how wrong, where, and why.
//!
//! Reads measurement files and the cost model's predictions; knows nothing of images, learning or reports.
//!
//! Flow: measurement file → [`Measurement`] rows → predictions by `cost` → [`ErrorStats`] by group; rows and terms → [`nnls()`]
//! → a calibrated profile.
//!
//! ```
//! use tinyprec::validate::error_stats;
//! // (predicted, measured) in milliseconds.
//! let stats = error_stats(&[(1.1, 1.0), (1.6, 2.0), (3.0, 3.0)], 1).expect("positive numbers");
//! assert!((stats.mean_ape.value - 0.1).abs() < 1e-12);
//! assert_eq!(stats.spearman.map(|s| s.value), Some(1.0));
//! ```

mod calibrate;
mod diagnose;
mod measurement;
mod nnls;
mod propose;
mod rank;
mod read;
mod statistics;

pub use calibrate::{
    CONFOUNDED, Calibrated, Calibration, Confounded, Evidence, Linear, MODEL_SIGMA, Model, Parameter, calibrate,
    leave_one_out, linearise,
};
pub use diagnose::{Finding, NOISE, Observation, Pattern, diagnose};
pub use measurement::{DataType, Measurement, SoftwareClass};
pub use nnls::{Equation, Fit, Prior, nnls, residual, robust_nnls};
pub use propose::{Candidate, Proposal, propose};
pub use rank::{kendall, spearman};
pub use read::{COLUMNS, MeasurementError, read_measurements};
pub use statistics::{ErrorStats, Figure, RESAMPLES, error_stats, median};
