//! Operations on numbers of two kinds, as a device runs them: codes become reals before an operation on reals and its results codes
//! after it, narrow codes become wide ones before an operation on codes of two widths.
//!
//! What the simulator computes is the same: an operation with one real operand runs in f32 on `(code − zero) · scale`.

use super::calls::Calls;
use crate::numeric::{Format, QParams, Rounding, Scale};
use crate::trace::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Op};

fn is_half(elem: Elem) -> bool {
    matches!(elem, Elem::F16 | Elem::Bf16)
}

fn is_real(elem: Elem) -> bool {
    elem == Elem::F32 || is_half(elem)
}

fn is_code(elem: Elem) -> bool {
    matches!(elem, Elem::I8 | Elem::I16 | Elem::I32)
}

fn bytes(elem: Elem) -> u64 {
    match elem {
        Elem::I8 => 1,
        Elem::I16 | Elem::F16 | Elem::Bf16 => 2,
        Elem::I64 => 8,
        _ => 4,
    }
}

/// A call in the making: what runs before it, itself, what runs after it.
struct Parts {
    before: Vec<KernelCall>,
    call: KernelCall,
    after: Vec<KernelCall>,
    /// Values that a working row holds.
    row: u64,
}

impl Parts {
    fn between(&self, op: Op, elems: [Elem; 2], n: u64, [from, to]: [&BufferUse; 2]) -> KernelCall {
        let call = KernelCall::new(op, self.call.phase, &self.call.site).dims(Dims::new().with("n", n)).elems(&elems);
        let part = |buffer: &BufferUse, access| BufferUse { access, ..buffer.clone() };
        call.buffer(part(from, Access::Read)).buffer(part(to, Access::Write))
    }

    fn working(&self, buffer: &BufferUse, elem: Elem, n: u64) -> BufferUse {
        let name = format!("{}.{}", buffer.name, elem.code());
        BufferUse::new(&name, bytes(elem) * n.min(self.row), BufferKind::Activation, Access::ReadWrite)
    }

    /// The operand `elem` in the buffer `at` (none: it has no buffer of its own) comes to the operation as `to`.
    fn operand(&mut self, elem: usize, at: Option<usize>, to: Elem, n: u64) {
        let from = std::mem::replace(&mut self.call.elems[elem], to);
        let Some(stored) = at.filter(|_| from != to).and_then(|at| self.call.buffers.get(at).cloned()) else { return };
        let row = self.working(&stored, to, n);
        self.before.push(self.between(Op::Unpack, [from, to], n, [&stored, &row]));
        if let Some(buffer) = at.and_then(|at| self.call.buffers.get_mut(at)) {
            *buffer = BufferUse { access: buffer.access, ..row };
        }
    }

    /// The result `elem` in the last buffer leaves the operation as `from` and is stored by `op`.
    fn result(&mut self, elem: usize, from: Elem, op: Op, n: u64) {
        let to = std::mem::replace(&mut self.call.elems[elem], from);
        let Some(stored) = self.call.buffers.last().cloned().filter(|_| from != to) else { return };
        let row = self.working(&stored, from, n);
        if from != Elem::F32 && is_half(to) {
            let reals = self.working(&stored, Elem::F32, n);
            self.after.push(self.between(op, [from, Elem::F32], n, [&row, &reals]));
            self.after.push(self.between(Op::Pack, [Elem::F32, to], n, [&reals, &stored]));
        } else {
            self.after.push(self.between(op, [from, to], n, [&row, &stored]));
        }
        if let Some(buffer) = self.call.buffers.last_mut() {
            *buffer = BufferUse { access: Access::Write, ..row };
        }
    }

    fn without(&mut self, names: &[&str]) {
        let kept = self.call.dims.iter().filter(|(name, _)| !names.contains(name));
        self.call.dims = kept.fold(Dims::new(), |dims, (name, value)| dims.with(name, value));
    }

    fn all(self) -> Vec<KernelCall> {
        self.before.into_iter().chain([self.call]).chain(self.after).collect()
    }
}

impl Calls {
    /// A call, between the conversions that operands of two kinds need.
    pub(super) fn one_kind(&self, call: KernelCall) -> Vec<KernelCall> {
        let dim = |name: &str| call.dims.get(name).unwrap_or(1);
        let (n, classes, features) = (dim("n"), dim("classes"), dim("features"));
        let row = u64::try_from(self.features).unwrap_or(u64::MAX);
        let batch = dim("batch");
        let (op, elems) = (call.op, call.elems.clone());
        let mut parts = Parts { before: Vec::new(), call, after: Vec::new(), row };
        match (op, &elems[..]) {
            (Op::HeadForward, &[f, w, z]) if f != Elem::B1 && w != Elem::B1 => {
                if is_code(f) && is_code(w) {
                    if is_real(z) {
                        parts.result(2, Elem::I32, Op::Unpack, classes);
                    }
                } else {
                    parts.unpack_packed(classes * features);
                    parts.operand(0, Some(0), Elem::F32, features);
                    if is_code(w) {
                        parts.operand(1, Some(1), Elem::F32, classes * features);
                    }
                    parts.result(2, Elem::F32, Op::Pack, classes);
                }
            }
            (Op::Softmax, &[z, p]) if is_real(z) || is_real(p) => {
                parts.operand(0, Some(0), Elem::F32, classes);
                parts.result(1, Elem::F32, Op::Pack, classes);
            }
            (Op::Softmax, &[z, p]) if p != Elem::I32 && (z, p) != (Elem::I32, Elem::I8) => {
                parts.result(1, Elem::I32, Op::Requantise, classes);
            }
            (Op::ArgMax, &[z]) if is_half(z) => parts.operand(0, Some(0), Elem::F32, classes),
            (Op::RangeScale, &[of]) if is_half(of) => parts.call.elems[0] = Elem::F32,
            (Op::Error, &[p, _]) if is_half(p) => parts.operand(0, Some(0), Elem::F32, batch * classes),
            (Op::Error, &[Elem::I16, _]) => parts.operand(0, Some(0), Elem::I32, batch * classes),
            (Op::QuantiseError | Op::QuantiseGradient | Op::ForwardCopy, &[from, to]) => parts.converted(from, to, n),
            (Op::GradientAccumulate, &[e, f, Elem::F32]) if f != Elem::B1 || e != Elem::F32 => {
                let has_features = parts.call.buffers.len() > 2;
                parts.operand(0, Some(0), Elem::F32, classes);
                if f != Elem::B1 {
                    parts.operand(1, has_features.then_some(1), Elem::F32, features);
                }
            }
            (Op::GradientAccumulate, &[Elem::I8 | Elem::I16, _, Elem::I64]) => {
                parts.operand(0, Some(0), Elem::I32, classes);
            }
            (Op::SgdUpdate, &[g, Elem::F32]) if is_code(g) => parts.operand(0, Some(0), Elem::F32, n),
            (Op::SgdUpdate, &[g @ (Elem::I8 | Elem::I16), w]) if g != w => parts.operand(0, Some(0), Elem::I32, n),
            (Op::SgdUpdate, &[g, base, Elem::I64]) => {
                if matches!(g, Elem::I8 | Elem::I16) {
                    parts.operand(0, Some(0), Elem::I32, n);
                }
                if is_half(base) {
                    parts.operand(1, Some(1), Elem::F32, n);
                }
            }
            (Op::Velocity, &[_, _, Elem::F32]) => {
                parts.operand(0, Some(0), Elem::F32, n);
                parts.operand(1, Some(1), Elem::F32, n);
            }
            (Op::Velocity, &[g @ (Elem::I8 | Elem::I16), w, _]) if g != w => parts.operand(0, Some(0), Elem::I32, n),
            (Op::LoadRows, &[c, Elem::F32]) if is_code(c) => parts.operand(0, Some(0), Elem::F32, n),
            (Op::LoadRows, &[c, m]) if is_code(c) && is_code(m) && c != m => parts.result(1, c, Op::Requantise, n),
            (Op::ConsolidateRows, &[Elem::F32, c]) if is_code(c) => {
                parts.operand(1, Some(2), Elem::F32, n);
                parts.call.elems[1] = c;
                let stored = parts.before.last().and_then(|unpack| unpack.buffers.first()).cloned();
                if let (Some(stored), Some(buffer)) = (stored, parts.call.buffers.last_mut()) {
                    *buffer = stored;
                }
                parts.result(1, Elem::F32, Op::Pack, n);
                if let Some(buffer) = parts.call.buffers.last_mut() {
                    buffer.access = Access::ReadWrite;
                }
            }
            _ => {}
        }
        parts.all()
    }

    /// The dimension of a slot's rounding where it is not ties to even: draws, or a rule of its own.
    pub(super) fn rule(&self, slot: super::SlotName) -> Option<(&'static str, usize)> {
        match self.config.precision.slot(slot).rounding {
            Rounding::TiesEven => None,
            Rounding::Stochastic => Some(("stochastic", 1)),
            Rounding::Floor => Some(("rule", 1)),
            Rounding::TowardZero => Some(("rule", 2)),
            Rounding::TiesUp => Some(("rule", 3)),
            Rounding::TiesAway => Some(("rule", 4)),
        }
    }

    /// The dimension of codes whose grid lies a power of two above the one that they come from, by their formats alone: they are made by a
    /// shift of 1 to 31 places in 32 bits, ties to even, instead of a product. `from`: the source's scale where its format fixes it.
    pub(super) fn shift(&self, from: Option<Scale>, slot: super::SlotName) -> Option<(&'static str, usize)> {
        let to = QParams::of_format(&self.format(slot))?;
        let factor = from?.div(to.scale);
        let places = 1 - factor.exponent();
        let is_shift = factor.mantissa() == 1 << 30 && (1..=31).contains(&places) && self.rule(slot).is_none();
        is_shift.then_some(("shift", 1))
    }

    /// The scale that a format fixes, where its codes have no zero point.
    pub(super) fn scale_of(&self, format: Format) -> Option<Scale> {
        QParams::of_format(&format).filter(|params| format.is_integer() && params.zero_point == 0).map(|p| p.scale)
    }

    /// As [`Self::rule`] for operations that draw nothing.
    pub(super) fn drawless_rule(&self, slot: super::SlotName) -> Option<(&'static str, usize)> {
        self.rule(slot).filter(|(name, _)| *name == "rule")
    }
}

impl Parts {
    /// Codes packed in fewer than 8 bits become whole bytes first.
    fn unpack_packed(&mut self, n: u64) {
        let Some(bits) = self.call.dims.get("packed") else { return };
        let Some(stored) = self.call.buffers.get(1).cloned() else { return };
        let whole = self.working(&stored, Elem::I8, n);
        let mut unpack = self.between(Op::Unpack, [Elem::I8; 2], n, [&stored, &whole]);
        unpack.dims = unpack.dims.with("packed", bits);
        self.before.push(unpack);
        self.call.buffers[1] = BufferUse { access: Access::Read, ..whole };
        self.without(&["packed"]);
    }

    /// An operation that only converts: by the conversion's own name where it is between kinds.
    fn converted(&mut self, from: Elem, to: Elem, n: u64) {
        let is_copy = self.call.op == Op::ForwardCopy;
        match (from, to) {
            (Elem::F32, to) if is_code(to) => {
                self.call.op = Op::Pack;
                let Some(bits) = self.call.dims.get("packed") else { return };
                self.without(&["packed"]);
                let Some(stored) = self.call.buffers.last().cloned() else { return };
                let whole = self.working(&stored, Elem::I8, n);
                let mut pack = self.between(Op::Pack, [Elem::I8; 2], n, [&whole, &stored]);
                pack.dims = pack.dims.with("packed", bits);
                self.after.push(pack);
                if let Some(buffer) = self.call.buffers.last_mut() {
                    *buffer = BufferUse { access: Access::Write, ..whole };
                }
            }
            (Elem::F32, to) if is_half(to) && !is_copy => self.call.op = Op::Pack,
            (Elem::I8 | Elem::I16 | Elem::I32 | Elem::I64, to) if is_real(to) => {
                self.call.op = Op::Unpack;
                self.result(1, Elem::F32, Op::Pack, n);
            }
            (Elem::I32, Elem::I32) if self.call.op == Op::QuantiseGradient => self.call.op = Op::Requantise,
            (Elem::I64, Elem::I8 | Elem::I16) if self.call.op == Op::QuantiseGradient => self.call.op = Op::Requantise,
            _ => {}
        }
    }
}
