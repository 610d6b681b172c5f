//! Kernel sets: the compiled C twins of one core as loop levels of abstract instructions, read from text.
//!
//! Flow: text → checked [`KernelSet`], its base set's kernels included, looked up by operation and element types.
//! A file is only read when its set is asked for.

mod builtin;
mod error;
mod instr;
mod read;
mod set;

pub use builtin::{KernelSetError, kernel_set, kernel_set_for, kernel_sets};
pub use error::{KernelFileError, KernelProblem};
pub use set::{Instr, Kernel, KernelSet, Level, Source, Traffic};
pub(super) use set::{call_text, key_text};
