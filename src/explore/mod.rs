//! Design spaces: thousands of precisions over the same frozen features, priced on every board, resumable, on any number of
//! machines.
//!
//! Works on points only through [`crate::run`]; knows nothing of heads, kernels or pages. A point's result depends on its own
//! experiment file and its inputs alone, so it does not matter which thread, shard or machine runs it, or how often.
//!
//! Flow: sweep file → [`Space`] → [`Sweep::survey`] → [`Sweep::run`] (one log line a point).
//!
//! ```
//! use tinyprec::explore::{Space, Sampling};
//! let file = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/example-sweep.toml");
//! let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/quickstart.toml"))?;
//! let one_precision = text.split("[[precision]]").next().unwrap_or_default();
//! let space = format!("{one_precision}
//! [space.axes]
//! preset = ['hybrid-8', 'hybrid-16']
//! 'slots.weights.forward' = {{ values = [2, 4, 8], set = {{ 'slots.weights.forward' = 'int{{}}:static(-1,1)' }} }}
//! [space]
//! constraints = [\"weights.forward.bits <= weights.master.bits\"]
//! ");
//! let space = Space::parse(file, &space)?;
//! assert_eq!(space.sampling, Sampling::Grid);
//! assert_eq!(space.points().count(), 6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod analysis;
mod boards;
mod budget;
mod dry;
mod error;
mod evaluate;
mod halving;
mod log;
mod logs;
mod merge;
mod space;
mod sweep;

pub use analysis::{analyse, dominates, frontier, hypervolume, knee, sensitivities, told_apart, values};
pub use budget::{Room, check_budget};
pub use dry::Estimate;
pub use error::SweepError;
pub use evaluate::Priced;
pub use logs::{any as any_logs, clear as clear_logs};
pub use merge::{RESULTS, SWEEP_RECORD};
pub use space::*;
pub use sweep::{Event, Options, Part, Sweep};
