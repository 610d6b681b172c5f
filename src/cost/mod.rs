//! Cost of kernel calls on a board: cycles, milliseconds, microjoules, RAM and flash, each as low, middle and high.
//!
//! This room reads the calls that `nn` and `learn` emit, a kernel set (their C twins as compiled, as loop levels of
//! abstract instructions) and a profile. It must not know images, weights or learning, does no I/O, reads no clock, and
//! never guesses: a call without a kernel is an error that says what to do. `docs/cost-model.md` has the formulas (C1…C9).
//!
//! Flow: kernel bodies × core table → cycles of a trip (once per kernel) → × trips + memory stalls (per call) → × power;
//! buffers → arena with lifetimes → RAM and flash.
//!
//! ```
//! use tinyprec::{cost, profile, trace::*};
//! let board = profile::load("stm32l4r5")?;
//! let kernels = cost::kernel_set(&board.core.core, "gcc12-o2")?;
//! let call = KernelCall::new(Op::BinaryDense, Phase::Inference, "fc1")
//!     .dims(Dims::new().with("rows", 64).with("words", 8))
//!     .elems(&[Elem::B1, Elem::B1, Elem::I32])
//!     .buffer(BufferUse::new("fc1.weight", 64 * 32, BufferKind::Weights, Access::Read))
//!     .buffer(BufferUse::new("fc1.in", 32, BufferKind::Activation, Access::Read))
//!     .buffer(BufferUse::new("fc1.out", 256, BufferKind::Activation, Access::Write));
//! let table = cost::estimate(&[call], &board, &kernels)?;
//! let ms = table.total.latency_ms;
//! assert!(0.0 < ms.low && ms.low < ms.mid && ms.mid < ms.high && ms.high < 1.0);
//! assert_eq!(table.memory.arena.bytes, 288);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alerts;
mod audit;
mod breakdown;
mod closed_form;
mod compiled;
mod error;
mod estimate;
mod expr;
mod former;
mod kernel;
mod memory;
mod pipeline;
mod polynomial;
mod seen;
mod sensitivity;
mod summary;
mod table;
mod terms;
mod whole;
mod work;

pub use alerts::{Alert, alerts};
pub use audit::{Audit, Share, audit};
pub use breakdown::{Breakdown, Term};
pub use compiled::{Compiled, Point};
pub use error::CostError;
pub use estimate::{Estimator, estimate};
pub use expr::{Expr, ExprError};
pub use kernel::{
    Instr, Kernel, KernelFileError, KernelProblem, KernelSet, KernelSetError, Level, Source, Traffic, kernel_set,
    kernel_set_for, kernel_sets,
};
pub use memory::{ArenaPlan, Lifetime, LivePoint, MemoryPlan, MemoryTotals, Placement, Planner, RegionUse, plan_arena};
pub use pipeline::{BodyTime, Bounds, Limit, MissingClass, Range, body_time};
pub use sensitivity::{Sensitivity, sensitivities};
pub use table::{Bound, CallCost, Cost, CostTable, LevelCost, Parts, PhaseCost, SiteCost};
pub use work::macs;
