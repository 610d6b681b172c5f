//! Predictions against measured boards: how wrong, where, and why.
//!
//! Reads measurement files and the cost model's predictions; knows nothing of images, learning or reports.
//!
//! Flow: measurement file → [`Measurement`] rows → [`predict()`]: the row's profile and its software's kernel set ([`SOFTWARE`]) →
//! [`Prediction`] with its causes, or a [`Refusal`] → [`ErrorStats`] by group; rows and a profile's uncertain
//! numbers ([`BoardModel`]) → [`calibrate()`] → a calibrated profile, and with [`propose()`] the next measurement.
//!
//! ```
//! use tinyprec::validate::error_stats;
//! // (predicted, measured) in milliseconds.
//! let stats = error_stats(&[(1.1, 1.0), (1.6, 2.0), (3.0, 3.0)], 1).expect("positive numbers");
//! assert!((stats.mean_ape.value - 0.1).abs() < 1e-12);
//! assert_eq!(stats.spearman.map(|s| s.value), Some(1.0));
//! ```

mod board;
mod boards;
mod calibrate;
mod diagnose;
mod dispatch;
mod engines;
mod measurement;
mod nnls;
mod power;
mod predict;
mod programs;
mod propose;
mod published;
mod rank;
mod read;
mod ready;
mod residuals;
mod score;
mod software;
mod statistics;
mod strength;
mod study;
mod workload;

pub use board::{RowBoard, check_profiles, row_board};
pub use boards::{BoardModel, Scope};
pub use calibrate::{
    CONFOUNDED, Calibrated, Calibration, Confounded, Evidence, Linear, MODEL_SIGMA, Model, Parameter, at_priors,
    calibrate, leave_one_out, linearise,
};
pub use diagnose::{Finding, NOISE, Observation, Pattern, diagnose};
pub use dispatch::{Dispatch, LIBRARY, TFLM};
pub use engines::{Efficiency, Family};
pub use measurement::{DataType, Measurement, SoftwareClass};
pub use nnls::{Equation, Fit, Prior, nnls, residual, robust_nnls};
pub use power::PowerModel;
pub use predict::{Prediction, Refusal, predict};
pub use propose::{Candidate, Proposal, propose};
pub use published::{PUBLISHED, published, published_layers};
pub use rank::{kendall, spearman};
pub use read::{COLUMNS, MeasurementError, read_measurements};
pub use residuals::{Residual, residuals};
pub use score::{Group, Quantity, Scored, Validation, score};
pub use software::{SOFTWARE, Software};
pub use statistics::{ErrorStats, Figure, RESAMPLES, error_stats, median};
pub use strength::{Strength, choose_strength};
pub use study::{Crossed, LeftOut, PowerStudy, Study, study};
pub use workload::row_calls;
