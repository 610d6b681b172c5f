//! Board profiles: what a board's core, memories and power cost, every number with its source.
mod isa;
mod locate;

pub use isa::{Class, Operand, Width};
pub use locate::Place;
