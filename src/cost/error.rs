//! Why a list of calls cannot be priced.

use super::expr::ExprError;
use super::pipeline::MissingClass;

/// A prediction that would have to guess is an error instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CostError {
    /// The kernel set has no kernel for an operation on these element types.
    #[error(
        "no kernel {kernel} in kernel set `{set}` of {core}, needed by `{site}`; it has {}; write the C twin, run `kernel-lab extract`, or choose another format",
        if have.is_empty() { "no kernel of this operation".to_owned() } else { have.join(", ") }
    )]
    MissingKernel {
        /// `binary_dense [b1 b1 i32]`.
        kernel: String,
        /// Site of the call.
        site: String,
        /// Kernel set.
        set: String,
        /// Core.
        core: String,
        /// Kernels of the same operation.
        have: Vec<String>,
    },
    /// A kernel set of another core.
    #[error(
        "kernel set `{set}` is for {set_core}, the profile `{profile}` has a {core}; use hw_profiles/kernels/{core}/"
    )]
    CoreMismatch {
        /// Kernel set.
        set: String,
        /// Its core.
        set_core: String,
        /// Profile.
        profile: String,
        /// The profile's core.
        core: String,
    },
    /// An instruction that the core's table cannot price.
    #[error(
        "kernel `{kernel}`, level `{level}`: {core} has no class `{}` (`{}`); add a row to hw_profiles/cores/{core}.toml or correct the class",
        missing.class,
        missing.assembly
    )]
    MissingClass {
        /// Symbol of the kernel.
        kernel: String,
        /// Level.
        level: String,
        /// Core.
        core: String,
        /// The instruction.
        missing: MissingClass,
    },
    /// A trip count or number of bytes that the call's dimensions do not give.
    #[error("kernel `{kernel}` at `{site}`, {what}: {problem}")]
    Expr {
        /// Symbol of the kernel.
        kernel: String,
        /// Site of the call.
        site: String,
        /// Level or traffic.
        what: String,
        /// What is wrong.
        problem: ExprError,
    },
    /// The same buffer with two sizes or kinds.
    #[error("buffer `{name}` is {first} in one call and {second} at `{site}`; the same name must be the same memory")]
    Buffer {
        /// Name.
        name: String,
        /// Size and kind where it was first used.
        first: String,
        /// Size and kind here.
        second: String,
        /// Site of the second use.
        site: String,
    },
    /// A compiled list priced with calls of another structure.
    #[error(
        "`{site}` differs from the compiled call in more than its numbers, or its kernel cannot run these dimensions; compile the list again"
    )]
    OtherShape {
        /// Site of the call.
        site: String,
    },
    /// Bytes beyond 2⁶⁴.
    #[error("the sizes of the buffers add up to more than 2^64 bytes, last at `{site}`")]
    TooLarge {
        /// Site of the call.
        site: String,
    },
}
