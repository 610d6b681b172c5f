//! Cycles of one body of instructions on one core: the single place where instructions become time.

mod bounds;
mod rule_sum;
mod scoreboard;
mod timing;

pub use bounds::{Bounds, Limit};
pub use timing::{BodyTime, MissingClass, Range, body_time};
