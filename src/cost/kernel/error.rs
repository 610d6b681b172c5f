//! What can be wrong with a kernel file. The file is at fault in every case.

use super::super::expr::ExprError;
use crate::profile::Place;

/// A problem and its place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("kernel file {place}\n{problem}")]
pub struct KernelFileError {
    /// Where.
    pub place: Box<Place>,
    /// What.
    pub problem: Box<KernelProblem>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KernelProblem {
    /// Not TOML, an unknown key, a missing key, an unknown class.
    #[error("{0}")]
    Toml(String),
    /// Another layout.
    #[error(
        "schema {found} is not known here; this version reads schema 1: extract the kernels again with `kernel-lab extract`"
    )]
    Schema {
        /// The file's.
        found: u32,
    },
    /// A trip count or a number of bytes that cannot be read.
    #[error("{0}")]
    Expr(#[from] ExprError),
    /// A source that is not `register:kind`.
    #[error(
        "`{text}` is not a source; write register:kind with kind addr, shift, mul, acc, data or flag, e.g. \"r0:addr\""
    )]
    Source {
        /// As given.
        text: String,
    },
    /// An unnamed width.
    #[error("`{text}` is not a width; use b, h, w, x, s, d or q, or leave `w` out")]
    Width {
        /// As given.
        text: String,
    },
    /// A class for several registers without their number, or the number on another class.
    #[error("`n` (number of registers, 1 to 16) belongs to ld_multi and st_multi and to them only")]
    Registers,
    /// A level that costs nothing.
    #[error("level `{name}` has an empty body; leave the level out")]
    EmptyBody {
        /// Its name.
        name: String,
    },
    /// The same operation and element types twice.
    #[error(
        "{key} is already given on line {line}; a kernel set holds one kernel for each operation and element types"
    )]
    Duplicate {
        /// Operation and element types.
        key: String,
        /// Line of the first.
        line: usize,
    },
    /// A kernel without a loop level.
    #[error("kernel `{symbol}` has no [[kernel.level]]; its cost would be zero")]
    NoLevels {
        /// Its symbol.
        symbol: String,
    },
}
