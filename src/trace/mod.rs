//! What was run: kernel calls with their shapes, formats and buffers, and the sinks that listen.
//!
//! `nn` and `learn` emit one [`KernelCall`] for each operation a device would run; `cost` reads them.
//! This room knows nothing of boards, images or weights: a call is shapes, element types and bytes only,
//! so the same list can be had from execution or from shapes alone, and one list prices every board.
//!
//! Flow: operation → `Sink::record(KernelCall)` → [`CallLog`] → `cost`.
//!
//! ```
//! use tinyprec::trace::{Access, BufferKind, BufferUse, CallLog, Dims, KernelCall, Op, Phase, Sink};
//! let mut log = CallLog::default();
//! log.record(KernelCall::new(Op::BinaryDense, Phase::Inference, "fc6")
//!     .dims(Dims::new().with("rows", 512).with("words", 8))
//!     .buffer(BufferUse::new("fc6.weight", 512 * 32, BufferKind::Weights, Access::Read)));
//! assert_eq!(log.calls()[0].dims.get("words"), Some(8));
//! ```

mod axis;
mod call;
mod layer_list;
mod op;
mod sink;

pub use axis::{Axis, Inside};
pub use call::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Phase, constant_bytes};
pub use layer_list::{LayerList, LayerListError, ListType, layer_list};
pub use op::Op;
pub use sink::{CallLog, NullSink, Sink};
