//! Memory: where buffers lie, what fits, and what the core waits for.

mod arena;
mod plan;
mod stalls;

pub use arena::{ArenaPlan, Lifetime, Placement, Planner, plan_arena};
pub use plan::{Layout, LivePoint, MemoryPlan, MemoryTotals, RegionUse};
pub use stalls::{N_SLOTS, Resident, StallInput, Stalls, data_stalls, fetch_stalls, lines_again, reuse_distance};
