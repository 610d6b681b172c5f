//! Kernel sets: the compiled C twins of one core as loop levels of abstract instructions, read from TOML.
//!
//! Flow: text → raw TOML → checked [`KernelSet`], looked up by operation and element types.

mod builtin;
mod error;
mod raw;
mod set;

pub use builtin::{KernelSetError, kernel_set, kernel_sets};
pub use error::{KernelFileError, KernelProblem};
pub(super) use set::key_text;
pub use set::{Instr, Kernel, KernelSet, Level, Source, Traffic};
