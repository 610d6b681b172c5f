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
    /// The first line is not that of a kernel file.
    #[error("a kernel file begins with `tinyprec-kernels 2`; extract the kernels again with `kernel-lab extract`")]
    Header,
    /// A line that means nothing where it stands.
    #[error("unknown line; expected {expected}")]
    Line {
        /// What can stand there.
        expected: &'static str,
    },
    /// A word that is not one of a fixed list.
    #[error("{0}")]
    Word(String),
    /// A header line that must stand before the first kernel, or a line that a kernel must have.
    #[error("missing line `{key}`")]
    Missing {
        /// Its first word.
        key: &'static str,
    },
    /// A number of bytes that is not one.
    #[error("`{text}` is not a number of bytes")]
    Bytes {
        /// As given.
        text: String,
    },
    /// A base set that is not built in, or is broken.
    #[error("base set: {0}")]
    Base(String),
    /// A trip count or a number of bytes that cannot be read.
    #[error("{0}")]
    Expr(#[from] ExprError),
    /// A source that is not `register` or `register:kind`.
    #[error(
        "`{text}` is not a source; write register or register:kind with kind addr, shift, mul, acc or flag, e.g. r0:addr"
    )]
    Source {
        /// As given.
        text: String,
    },
    /// An unnamed width.
    #[error("`{text}` is not a width; use b, h, w, x, s, d or q, or leave it out")]
    Width {
        /// As given.
        text: String,
    },
    /// A class for several registers without their number, or the number on another class.
    #[error("`*n` (number of registers, 1 to 16) belongs to ld_multi and st_multi and to them only")]
    Registers,
    /// A branch that goes both ways where the level has only one count, or the other way round.
    #[error("`br_back` is the branch of a level with `last`, which has exactly one")]
    BackEdge,
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
    #[error("kernel `{symbol}` has no level; its cost would be zero")]
    NoLevels {
        /// Its symbol.
        symbol: String,
    },
}
