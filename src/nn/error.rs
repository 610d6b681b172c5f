//! What can be wrong with a network or with what is fed to it.

use super::{Kind, Shape};
use thiserror::Error;

/// A network that cannot be built, or an input that it cannot take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NnError {
    /// A tensor of a layer has the wrong number of elements.
    #[error("{what} has {found} elements, expected {expected}; check the file that it came from")]
    Size {
        /// Which tensor.
        what: String,
        /// Elements there are.
        found: usize,
        /// Elements there should be.
        expected: usize,
    },
    /// A shape with a zero or an absurd dimension.
    #[error("{what} is {shape}: each dimension must be at least 1 and the product at most 2^28")]
    BadShape {
        /// Where.
        what: String,
        /// The shape.
        shape: Shape,
    },
    /// A kernel larger than what it slides over, a zero stride and the like.
    #[error("{what}: {problem}")]
    BadWindow {
        /// Which layer.
        what: String,
        /// What is wrong.
        problem: String,
    },
    /// NaN or infinite weight.
    #[error("{what}[{index}] is {value}; weights must be finite numbers (train again or repair the file)")]
    NotFinite {
        /// Which tensor.
        what: String,
        /// Position in it.
        index: usize,
        /// Its value, as text.
        value: String,
    },
    /// A number outside of what the layer allows.
    #[error("{what} is {value}, allowed: {allowed}")]
    OutOfRange {
        /// Which number.
        what: String,
        /// Its value, as text.
        value: String,
        /// The allowed range.
        allowed: String,
    },
    /// A sum that could leave 32 bits.
    #[error(
        "{what}: the largest possible sum {bound} does not fit a 32-bit accumulator; split the layer or narrow its input"
    )]
    Overflow {
        /// Which layer.
        what: String,
        /// Largest magnitude.
        bound: u128,
    },
    /// A layer got something it cannot read.
    #[error("layer `{node}` ({op}) cannot read {found}; it reads {expected}")]
    Input {
        /// Node name.
        node: String,
        /// Operation.
        op: &'static str,
        /// What it got.
        found: String,
        /// What it reads.
        expected: String,
    },
    /// The wrong number of inputs.
    #[error("layer `{node}` ({op}) has {found} inputs, expected {expected}")]
    Arity {
        /// Node name.
        node: String,
        /// Operation.
        op: &'static str,
        /// Inputs given.
        found: usize,
        /// Inputs needed.
        expected: usize,
    },
    /// An input that is not an earlier node.
    #[error("layer `{node}` reads `{input}`, which is no earlier layer; list layers in the order they run")]
    UnknownInput {
        /// Node name.
        node: String,
        /// What it asked for.
        input: String,
    },
    /// Two nodes of one name, or a reserved or empty one.
    #[error("layer name `{0}` is empty, reserved or used twice")]
    BadName(String),
    /// A network without layers.
    #[error("the network has no layers")]
    Empty,
    /// A classifier that is not the way to the output, or has no classes.
    #[error("classifier `{node}`: {problem}")]
    Classifier {
        /// Its name.
        node: String,
        /// What is wrong.
        problem: String,
    },
    /// A tensor or node of a known network that is missing or another.
    #[error("`{name}` {problem}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A known network at a size that it does not work at.
    #[error("{network} does not take {h}x{w} images ({problem}); sides that work, nearest first: {sides}")]
    InputSize {
        /// The network.
        network: String,
        /// Rows asked for.
        h: usize,
        /// Columns asked for.
        w: usize,
        /// What does not fit.
        problem: String,
        /// A few sides that do.
        sides: String,
    },
    /// A network of shapes alone that was asked to run.
    #[error("`{0}` was built from shapes and has no weights to run with; give a file with its weights")]
    NoWeights(String),
    /// An image of the wrong shape or type.
    #[error(
        "the network reads {expected_kind} images of {expected}, this one is {found_kind} of {found}; choose data of that shape"
    )]
    Image {
        /// Shape the network reads.
        expected: Shape,
        /// Type it reads.
        expected_kind: Kind,
        /// Shape it got.
        found: Shape,
        /// Type it got.
        found_kind: Kind,
    },
}

/// `Err(Size)` unless a tensor has as many elements as it should.
pub(crate) fn check_len(what: &str, found: usize, expected: usize) -> Result<(), NnError> {
    if found == expected { Ok(()) } else { Err(NnError::Size { what: what.to_owned(), found, expected }) }
}

/// `Err(NotFinite)` at the first NaN or infinity.
pub(crate) fn check_finite(what: &str, values: &[f32]) -> Result<(), NnError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(NnError::NotFinite { what: what.to_owned(), index, value: values[index].to_string() }),
    }
}
