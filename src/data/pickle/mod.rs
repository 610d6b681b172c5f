//! Python pickles as data: the opcodes that data sets are made of, and nothing that could run.
//!
//! A pickle is a program for a stack machine. Here a call only leaves a note of what was to be called; numpy arrays are then read
//! from such notes. Memory is bounded by the file: every value comes from at least one byte of it, and shared parts stay shared.
//!
//! ```
//! use tinyprec::data::pickle::Pickle;
//! // pickle.dumps({"labels": [3, 5]}, protocol=2)
//! let pickle = Pickle::parse(b"\x80\x02}q\x00X\x06\x00\x00\x00labelsq\x01]q\x02(K\x03K\x05es.".to_vec())?;
//! let labels = pickle.get(pickle.root(), "labels").unwrap();
//! assert_eq!(pickle.ints(labels), Some(vec![3, 5]));
//! # Ok::<(), tinyprec::data::pickle::PickleError>(())
//! ```

mod array;
mod machine;

pub use array::Array;

use std::ops::Range;
use thiserror::Error;

/// A pickle that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("byte {at}: {problem}")]
pub struct PickleError {
    /// Where in the file.
    pub at: usize,
    /// What is wrong.
    pub problem: String,
}

/// A value on the stack or in a container; larger ones are kept once and pointed to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// Anything else.
    Node(usize),
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// A string or bytes, in the file.
    Slice(Range<usize>),
    /// A string or bytes that had escapes in the file.
    Bytes(Vec<u8>),
    /// A list or tuple.
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// `module name`.
    Global(String),
    /// What a call would have made: callee, arguments, state set afterwards.
    Call(Value, Value, Option<Value>),
}

/// A pickle, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Pickle {
    input: Vec<u8>,
    nodes: Vec<Node>,
    root: Value,
}

impl Pickle {
    /// Reads a pickle of protocol 0 to 5.
    ///
    /// # Errors
    /// [`PickleError`] where the file ends early, asks for more than it holds, or uses what no data set needs.
    pub fn parse(input: Vec<u8>) -> Result<Self, PickleError> {
        machine::run(input)
    }

    /// The whole.
    pub fn root(&self) -> Value {
        self.root
    }

    fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(at) => self.nodes.get(at),
            _ => None,
        }
    }

    /// Bytes of a string or of bytes.
    pub fn bytes(&self, value: Value) -> Option<&[u8]> {
        match self.node(value)? {
            Node::Slice(range) => self.input.get(range.clone()),
            Node::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Items of a list or tuple.
    pub fn list(&self, value: Value) -> Option<&[Value]> {
        match self.node(value)? {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entry of a dictionary under a text key.
    pub fn get(&self, dict: Value, key: &str) -> Option<Value> {
        let Node::Dict(entries) = self.node(dict)? else { return None };
        entries.iter().rev().find(|(k, _)| self.bytes(*k) == Some(key.as_bytes())).map(|(_, v)| *v)
    }

    /// A list of integers, or a one-dimensional integer array.
    pub fn ints(&self, value: Value) -> Option<Vec<i64>> {
        match self.list(value) {
            Some(items) => {
                let int = |v: &Value| if let Value::Int(n) = v { Some(*n) } else { None };
                items.iter().map(int).collect()
            }
            None => self.array(value)?.ints(),
        }
    }
}
