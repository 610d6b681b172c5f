//! Cost of kernel calls on a board.
mod error;
mod estimate;
mod expr;
mod kernel;
mod memory;
mod pipeline;
mod summary;
mod table;

pub use error::CostError;
pub use estimate::{Estimator, estimate};
pub use expr::{Expr, ExprError};
pub use kernel::{Instr, Kernel, KernelFileError, KernelProblem, KernelSet, Level, Source, Traffic};
pub use memory::{ArenaPlan, Lifetime, LivePoint, MemoryPlan, Placement, plan_arena};
pub use pipeline::{BodyTime, Bounds, Limit, MissingClass, Range, body_time};
pub use table::{Bound, CallCost, Cost, CostTable, LevelCost, PhaseCost, SiteCost};
