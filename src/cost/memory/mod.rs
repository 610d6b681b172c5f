//! Memory: where buffers lie, what fits, and what the core waits for.

mod arena;
mod plan;
mod stalls;

pub use arena::{ArenaPlan, Lifetime, Placement, plan_arena};
pub use plan::{LivePoint, MemoryPlan, plan_memory};
pub use stalls::{Resident, StallInput, Stalls, data_stalls, fetch_stalls};
