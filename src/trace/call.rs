//! One kernel call: operation, phase, named dimensions, element types and buffers.

use super::op::Op;
use serde::{Deserialize, Serialize};

/// The part of the pipeline that a call belongs to; costs are reported by phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The frozen backbone: image in, features out.
    Inference,
    /// Features to logits and probabilities with the low-precision copy.
    HeadForward,
    /// Error and gradient of the head.
    Backward,
    /// The optimiser's step on the master weights and the new forward copy.
    Update,
    /// CWR* loading, mean subtraction and weighted sum, once an experience.
    Consolidate,
}

/// How an element is stored on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Elem {
    /// Packed ±1, 32 to a word.
    B1,
    /// −1, 0 or +1 as two packed planes of ±1 whose half sum it is, each 32 to a word.
    B2,
    /// Unsigned byte (pixels).
    U8,
    /// Signed, stored in 1 byte (2…8 bits of value; sub-byte formats packed give their own `bits`).
    I8,
    /// Signed, 2 bytes.
    I16,
    /// Signed, 4 bytes.
    I32,
    /// Signed, 8 bytes.
    I64,
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    Bf16,
}

impl Elem {
    /// How a device stores one value of a format: sub-byte integers count as `I8`, 9…16 bits as `I16`, more as `I32`.
    pub fn of(format: &crate::numeric::Format) -> Self {
        use crate::numeric::Format;
        match format {
            Format::Binary => Elem::B1,
            Format::F32 => Elem::F32,
            Format::F16 => Elem::F16,
            Format::Bf16 => Elem::Bf16,
            Format::Int(_) | Format::Fixed(_) => match format.bits() {
                ..=8 => Elem::I8,
                9..=16 => Elem::I16,
                _ => Elem::I32,
            },
        }
    }

    /// Short name used in kernel files: `b1 b2 u8 i8 i16 i32 i64 f32 f16 bf16`.
    pub fn code(self) -> &'static str {
        match self {
            Elem::B1 => "b1",
            Elem::B2 => "b2",
            Elem::U8 => "u8",
            Elem::I8 => "i8",
            Elem::I16 => "i16",
            Elem::I32 => "i32",
            Elem::I64 => "i64",
            Elem::F32 => "f32",
            Elem::F16 => "f16",
            Elem::Bf16 => "bf16",
        }
    }
}

/// Named dimensions in the order they were given; names are listed with each [`Op`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dims(Vec<(String, u64)>);

impl Dims {
    /// No dimensions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; a name given twice keeps its newest value.
    pub fn with(mut self, name: &str, value: u64) -> Self {
        self.0.retain(|(n, _)| n != name);
        self.0.push((name.to_owned(), value));
        self
    }

    /// The value of a dimension, if it was given.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(n, _)| n == name).map(|&(_, v)| v)
    }

    /// All of them, in order, as they are stored.
    pub fn sizes(&self) -> &[(String, u64)] {
        &self.0
    }

    /// Changes the value of a dimension that is there; `false` where it is not.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        self.0.iter_mut().find(|(n, _)| n == name).map(|(_, v)| *v = value).is_some()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(n, v)| (n.as_str(), *v))
    }
}

/// What a buffer holds, which decides where it may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BufferKind {
    /// Constant: flash, or RAM where the profile says so.
    Weights,
    /// Lives from its first write to its last read: the arena.
    Activation,
    /// Working space of one call: the arena.
    Scratch,
    /// Kept between steps (master and consolidated weights, counts, velocity): RAM for good.
    State,
}

/// Direction of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Only read.
    Read,
    /// Written before it is read.
    Write,
    /// Read and written.
    ReadWrite,
}

/// One buffer of a call. The same `name` in two calls is the same memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BufferUse {
    /// Unique in the run, e.g. `l3.bits` or `head.master`.
    pub name: String,
    /// Size of the whole buffer.
    pub bytes: u64,
    /// What it holds.
    pub kind: BufferKind,
    /// Direction.
    pub access: Access,
}

impl BufferUse {
    /// A buffer of `bytes` bytes.
    pub fn new(name: &str, bytes: u64, kind: BufferKind, access: Access) -> Self {
        Self { name: name.to_owned(), bytes, kind, access }
    }
}

/// One operation as a device would run it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KernelCall {
    /// The operation.
    pub op: Op,
    /// The part of the pipeline.
    pub phase: Phase,
    /// Where in the network or head (layer name).
    pub site: String,
    /// Named dimensions of one execution.
    pub dims: Dims,
    /// Element types in the operation's order (inputs, then output); part of the kernel's identity.
    pub elems: Vec<Elem>,
    /// Buffers read and written.
    pub buffers: Vec<BufferUse>,
    /// How often in a row this very call ran.
    pub times: u64,
}

impl KernelCall {
    /// A call with no dimensions yet, run once.
    pub fn new(op: Op, phase: Phase, site: &str) -> Self {
        Self { op, phase, site: site.to_owned(), dims: Dims::new(), elems: Vec::new(), buffers: Vec::new(), times: 1 }
    }

    /// Sets the dimensions.
    pub fn dims(mut self, dims: Dims) -> Self {
        self.dims = dims;
        self
    }

    /// Sets the element types.
    pub fn elems(mut self, elems: &[Elem]) -> Self {
        self.elems = elems.to_vec();
        self
    }

    /// Adds a buffer.
    pub fn buffer(mut self, buffer: BufferUse) -> Self {
        self.buffers.push(buffer);
        self
    }

    /// Equal in everything but `times`.
    pub fn same_work(&self, other: &Self) -> bool {
        self.op == other.op
            && self.phase == other.phase
            && self.site == other.site
            && self.dims == other.dims
            && self.elems == other.elems
            && self.buffers == other.buffers
    }
}
/// Bytes of all constants that some calls read, each buffer once.
pub fn constant_bytes(calls: &[KernelCall]) -> u64 {
    let constants = calls.iter().flat_map(|c| &c.buffers).filter(|b| b.kind == BufferKind::Weights);
    constants.map(|b| (b.name.as_str(), b.bytes)).collect::<std::collections::BTreeMap<_, _>>().values().sum()
}
