//! Tensors that a device keeps in fewer than 8 bits or in halves: unpacked a row at a time before an operation, packed again after it.
//!
//! Only the dot products and the copy that they read have kernels of their own on packed codes and halves.

use super::SlotName;
use super::calls::{Calls, Tensor, elem_of, size};
use crate::numeric::Format;
use crate::trace::{Access, BufferUse, Dims, Elem, KernelCall, Op, Sink};

impl Calls {
    /// Hands a call on, between the unpacking and packing that it needs.
    pub fn record(&self, call: KernelCall, sink: &mut dyn Sink) {
        self.apart(call).into_iter().for_each(|call| sink.record(call));
    }

    /// A call, between the unpacking and packing that it needs.
    pub fn apart(&self, mut call: KernelCall) -> Vec<KernelCall> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let rows = call.dims.get("rows").and_then(|_| call.dims.get("n"));
        let native = if matches!(call.op, Op::HeadForward | Op::ForwardCopy) { Some(1) } else { None };
        for buffer in &mut call.buffers {
            let Some((format, tensor)) = self.kept_apart(&buffer.name) else { continue };
            if call.op == Op::HeadForward && tensor.is_some() {
                continue;
            }
            let whole = tensor.map_or(self.features, |t| self.n(t));
            let dims = Dims::new().with("n", rows.filter(|_| tensor.is_some()).unwrap_or(size(whole)));
            let (stored, whole) = match elem_of(format) {
                half @ (Elem::F16 | Elem::Bf16) => (half, Elem::F32),
                _ => (Elem::I8, Elem::I8),
            };
            let dims = if stored == Elem::I8 { dims.with("packed", u64::from(format.bits())) } else { dims };
            let row = self.activation(&format!("{}.row", buffer.name), whole, self.features, Access::ReadWrite);
            let part = |op, elems: [Elem; 2]| {
                let call = KernelCall::new(op, call.phase, &call.site).dims(dims.clone()).elems(&elems);
                call.buffer(BufferUse { access: Access::ReadWrite, ..buffer.clone() }).buffer(row.clone())
            };
            if buffer.access != Access::Write {
                before.push(part(Op::Unpack, [stored, whole]));
            }
            if buffer.access != Access::Read {
                after.push(part(Op::Pack, [whole, stored]));
            }
            if stored != Elem::I8 {
                let others = call.elems.iter_mut().enumerate().filter(|(i, e)| **e == stored && Some(*i) != native);
                others.for_each(|(_, elem)| *elem = whole);
            }
            *buffer = BufferUse { access: buffer.access, ..row };
        }
        before.push(call);
        before.extend(after);
        before.into_iter().flat_map(|call| self.one_kind(call)).collect()
    }

    /// Format of a buffer whose values no kernel but those reads as they are stored, and the tensor it belongs to (none: features).
    fn kept_apart(&self, name: &str) -> Option<(Format, Option<Tensor>)> {
        let (tensor, what) = match name.strip_prefix("head.bias.").or(name.strip_prefix("layer.")) {
            Some(what) if name.starts_with("layer.") => (Tensor::Layer, what),
            Some(what) => (Tensor::Bias, what),
            None => (Tensor::Weights, name.strip_prefix("head.")?),
        };
        let (format, tensor) = match what {
            "master" => (self.master(tensor), Some(tensor)),
            "consolidated" | "anchor" => (self.consolidated(tensor), Some(tensor)),
            "gradient" => (self.format(SlotName::Gradient), Some(tensor)),
            "velocity" => (self.format(SlotName::Update), Some(tensor)),
            "features" | "batch.features" => (self.format(SlotName::Features), None),
            _ => return None,
        };
        let packed = format.is_integer() && (2..8).contains(&format.bits());
        (packed || matches!(format, Format::F16 | Format::Bf16)).then_some((format, tensor))
    }
}
