//! The host's engine: a network laid out once for this machine's kernels, then run without allocating.
//!
//! [`Program`] groups a layer with the elementwise layers that alone read it (output transform, batch normalisation, ReLU,
//! residual sum, sign), so that a block of pixels stays in the first-level cache from the first operation to the last, and
//! gives every map a place in memory that is reused once its last reader has run. Weights are repacked and the places of all
//! patches worked out here, once. Kernels read patches in place, from a map with its border written around it where there is
//! one; nothing like im2col is built.
//!
//! Everything gives exactly what [`super::reference`] and [`super::float`] give; `tests/kernels_fast.rs` holds them together
//! on every instruction set, layer by layer and for whole networks.
//!
//! Flow: `GraphSpec` → [`Program::new`] → [`Space::new`] (maps and scratch) → [`Program::run`] as often as you like.

#![allow(
    clippy::needless_range_loop,
    reason = "counted loops over slices of one length are what becomes vector instructions inside `simd::vectorised`"
)]

mod binary;
mod conv;
mod elementwise;
mod execute;
mod input_conv;
mod int8;
mod pad;
mod places;
mod plan;
mod pool;
mod tail;

pub(crate) use execute::Space;
pub(crate) use plan::Program;
