//! Cost of kernel calls on a board.
mod expr;
mod kernel;

pub use expr::{Expr, ExprError};
pub use kernel::{Instr, Kernel, KernelFileError, KernelProblem, KernelSet, Level, Source, Traffic};
