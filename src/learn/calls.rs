//! The head's kernel calls, from shapes and formats alone.
//!
//! Execution records the very calls built here, one at each operation; [`super::head_calls`] lists them without running.
//! Buffers: master, forward copy, consolidated weights, counts and velocity are `State`; the batch's features, logits,
//! probabilities, errors, accumulators and gradient codes are `Activation`, since they live from one operation of the step
//! to a later one and an arena may reuse their place. Sizes are the device's: packed below 8 bits, batch buffers for the
//! largest batch.

use super::slot_state::largest_centred;
use super::{BiasPolicy, HeadConfig, SlotName};
use crate::numeric::{Format, QParams, Range, Scheme, safe_bits};
use crate::trace::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Op, Phase};

/// Weights or bias of the head, or the latent weights of AR1*'s binary layer below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tensor {
    Weights,
    Bias,
    Layer,
}

/// Builder of calls for one head.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    pub(super) config: HeadConfig,
    pub(super) classes: usize,
    pub(super) features: usize,
}

pub(crate) fn size(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// How a format's values are stored one by one.
pub(crate) fn elem_of(format: Format) -> Elem {
    match (format, format.bits()) {
        (Format::F32, _) => Elem::F32,
        (Format::F16, _) => Elem::F16,
        (Format::Bf16, _) => Elem::Bf16,
        (Format::Binary, _) => Elem::B1,
        (_, ..=8) => Elem::I8,
        (_, ..=16) => Elem::I16,
        _ => Elem::I32,
    }
}

fn elem_bytes(elem: Elem) -> usize {
    match elem {
        Elem::B1 | Elem::B2 | Elem::U8 | Elem::I8 => 1,
        Elem::I16 | Elem::F16 | Elem::Bf16 => 2,
        Elem::I32 | Elem::F32 => 4,
        Elem::I64 => 8,
    }
}

fn accumulator_elem(bits: u32) -> Elem {
    match bits {
        0..=8 => Elem::I8,
        9..=16 => Elem::I16,
        17..=32 => Elem::I32,
        _ => Elem::I64,
    }
}

pub(super) fn is_dynamic(format: Format) -> bool {
    matches!(format, Format::Int(int) if int.range() == Range::Dynamic)
}

impl Calls {
    pub fn new(config: &HeadConfig, classes: usize, features: usize) -> Self {
        Self { config: config.clone(), classes, features }
    }

    pub fn tensors(&self) -> impl Iterator<Item = Tensor> + use<> {
        let bias = (self.config.bias != BiasPolicy::None).then_some(Tensor::Bias);
        std::iter::once(Tensor::Weights).chain(bias)
    }

    pub(super) fn format(&self, slot: SlotName) -> Format {
        self.config.precision.slot(slot).number().unwrap_or(Format::F32)
    }

    pub(super) fn columns(&self, tensor: Tensor) -> usize {
        if tensor == Tensor::Bias { 1 } else { self.features }
    }

    pub(super) fn rows(&self, tensor: Tensor) -> usize {
        if tensor == Tensor::Layer { self.features } else { self.classes }
    }

    pub(super) fn n(&self, tensor: Tensor) -> usize {
        self.rows(tensor) * self.columns(tensor)
    }

    pub(super) fn master(&self, tensor: Tensor) -> Format {
        self.format(if tensor == Tensor::Bias { SlotName::Bias } else { SlotName::WeightsMaster })
    }

    pub(super) fn consolidated(&self, tensor: Tensor) -> Format {
        self.format(if tensor == Tensor::Bias { SlotName::Bias } else { SlotName::Consolidated })
    }

    pub fn name(tensor: Tensor, what: &str) -> String {
        match tensor {
            Tensor::Weights => format!("head.{what}"),
            Tensor::Bias => format!("head.bias.{what}"),
            Tensor::Layer => format!("layer.{what}"),
        }
    }

    /// Both operands of the forward dot products are codes.
    fn integer_forward(&self) -> bool {
        self.format(SlotName::Features).is_integer() && self.format(SlotName::WeightsForward).is_integer()
    }

    fn integer_gradient(&self) -> bool {
        self.format(SlotName::Features).is_integer() && self.format(SlotName::Error).is_integer()
    }

    pub(super) fn is_affine(&self, slot: SlotName) -> bool {
        matches!(self.format(slot), Format::Int(int) if int.scheme() == Scheme::Affine)
    }

    fn logit_elem(&self) -> Elem {
        let p = &self.config.precision;
        match p.slot(SlotName::Logits).number() {
            Some(format) => elem_of(format),
            None if self.integer_forward() => accumulator_elem(p.logits_accumulator.bits()),
            None => Elem::F32,
        }
    }

    fn probability_elem(&self) -> Elem {
        elem_of(self.format(SlotName::Probabilities))
    }

    /// Errors before their slot: 32-bit differences of integer probabilities, or f32.
    fn difference_elem(&self) -> Elem {
        if self.format(SlotName::Probabilities).is_integer() { Elem::I32 } else { Elem::F32 }
    }

    pub(super) fn sum_elem(&self, tensor: Tensor) -> Elem {
        // The layer's inputs are bits whatever the features are.
        let layer = tensor == Tensor::Layer && self.format(SlotName::Error).is_integer();
        if layer || self.integer_gradient() {
            accumulator_elem(self.config.precision.gradient_accumulator.bits())
        } else {
            Elem::F32
        }
    }

    pub(super) fn gradient_elem(&self, tensor: Tensor) -> Elem {
        self.config.precision.slot(SlotName::Gradient).number().map_or(self.sum_elem(tensor), elem_of)
    }

    pub fn identical_forward(&self) -> bool {
        self.format(SlotName::WeightsForward) == self.format(SlotName::WeightsMaster)
            && self.config.precision.forward_margin_percent == 0
    }

    pub(super) fn call(op: Op, phase: Phase, site: String, dims: &[(&str, usize)], elems: &[Elem]) -> KernelCall {
        let dims = dims.iter().fold(Dims::new(), |d, &(name, value)| d.with(name, size(value)));
        KernelCall::new(op, phase, &site).dims(dims).elems(elems)
    }

    pub(super) fn state(&self, name: &str, format: Format, n: usize, access: Access) -> BufferUse {
        BufferUse::new(name, size(format.storage_bytes(n)), BufferKind::State, access)
    }

    pub(super) fn master_buffer(&self, tensor: Tensor, access: Access) -> BufferUse {
        self.state(&Self::name(tensor, "master"), self.master(tensor), self.n(tensor), access)
    }

    pub(super) fn consolidated_buffer(&self, tensor: Tensor, access: Access) -> BufferUse {
        self.state(&Self::name(tensor, "consolidated"), self.consolidated(tensor), self.n(tensor), access)
    }

    pub(super) fn forward_buffer(&self, tensor: Tensor, access: Access) -> BufferUse {
        match tensor {
            Tensor::Weights if self.identical_forward() => self.master_buffer(tensor, access),
            Tensor::Weights => {
                self.state("head.forward", self.format(SlotName::WeightsForward), self.n(tensor), access)
            }
            Tensor::Bias => BufferUse::new("head.bias.forward", size(4 * self.classes), BufferKind::State, access),
            Tensor::Layer => self.state("layer.weights", Format::Binary, self.n(tensor), access),
        }
    }

    pub(super) fn activation(&self, name: &str, elem: Elem, n: usize, access: Access) -> BufferUse {
        BufferUse::new(name, size(elem_bytes(elem) * n), BufferKind::Activation, access)
    }

    pub(super) fn batch_features(&self, access: Access) -> BufferUse {
        let bytes = self.config.batch * self.format(SlotName::Features).storage_bytes(self.features);
        BufferUse::new("head.batch.features", size(bytes), BufferKind::Activation, access)
    }

    fn batch(&self, name: &str, elem: Elem, access: Access) -> BufferUse {
        self.activation(name, elem, self.config.batch * self.classes, access)
    }

    pub(super) fn sums(&self, tensor: Tensor, access: Access) -> BufferUse {
        self.activation(&Self::name(tensor, "gradient.sums"), self.sum_elem(tensor), self.n(tensor), access)
    }

    pub(super) fn gradient(&self, tensor: Tensor, access: Access) -> BufferUse {
        match self.config.precision.slot(SlotName::Gradient).number() {
            None => self.sums(tensor, access),
            Some(format) => BufferUse::new(
                &Self::name(tensor, "gradient"),
                size(format.storage_bytes(self.n(tensor))),
                BufferKind::Activation,
                access,
            ),
        }
    }

    pub(super) fn velocity_buffer(&self, tensor: Tensor, access: Access) -> BufferUse {
        self.state(&Self::name(tensor, "velocity"), self.format(SlotName::Update), self.n(tensor), access)
    }

    /// Master → forward copy; nothing where the forward pass uses the master itself.
    pub fn forward_copy(&self, tensor: Tensor, phase: Phase) -> Vec<KernelCall> {
        if tensor == Tensor::Weights && self.identical_forward() {
            return Vec::new();
        }
        let (from, n) = (elem_of(self.master(tensor)), self.n(tensor));
        let site = Self::name(tensor, "forward");
        let to = match tensor {
            Tensor::Weights => elem_of(self.format(SlotName::WeightsForward)),
            Tensor::Bias if self.integer_forward() => Elem::I32,
            Tensor::Bias => Elem::F32,
            Tensor::Layer => Elem::B1,
        };
        let mut calls = Vec::new();
        if tensor == Tensor::Weights && is_dynamic(self.format(SlotName::WeightsForward)) {
            let range = Self::call(Op::Range, phase, site.clone(), &[("n", n)], &[from]);
            calls.push(range.buffer(self.master_buffer(tensor, Access::Read)));
            calls.push(Self::range_scale(phase, &site, from));
        }
        let mut dims = vec![("n", n)];
        let slot = if tensor == Tensor::Bias { SlotName::Bias } else { SlotName::WeightsForward };
        let rounds = tensor != Tensor::Layer && to != Elem::B1 && to != Elem::F32 && self.master(tensor).is_integer();
        dims.extend(self.rule(slot).filter(|_| rounds));
        dims.extend(self.packed_forward().filter(|_| tensor == Tensor::Weights).map(|bits| ("packed", bits)));
        if tensor == Tensor::Weights && dims.len() == 1 && matches!(to, Elem::I8 | Elem::I16) {
            dims.extend(self.shift(self.scale_of(self.master(tensor)), slot));
        }
        calls.push(
            Self::call(Op::ForwardCopy, phase, site, &dims, &[from, to])
                .buffer(self.master_buffer(tensor, Access::Read))
                .buffer(self.forward_buffer(tensor, Access::Write)),
        );
        calls
    }

    /// From a range of integers to a scale: of 32 bits where they have fewer.
    pub(super) fn range_scale(phase: Phase, site: &str, of: Elem) -> KernelCall {
        let of = if matches!(of, Elem::I8 | Elem::I16) { Elem::I32 } else { of };
        Self::call(Op::RangeScale, phase, site.to_owned(), &[("n", 1)], &[of])
    }

    /// Bits of a code where the forward copy is packed, several codes to a byte.
    fn packed_forward(&self) -> Option<usize> {
        let format = self.format(SlotName::WeightsForward);
        let is_packed = format.is_integer() && format != Format::Binary && format.bits() < 8;
        is_packed.then(|| usize::try_from(format.bits()).unwrap_or(8))
    }

    /// Whether no dot product with a bias of its size can leave the accumulator, so that additions need no check.
    fn is_safe_forward(&self) -> bool {
        let span = |slot| largest_centred(self.format(slot));
        let bias = u32::from(self.config.bias != BiasPolicy::None);
        let products = safe_bits(size(self.features), span(SlotName::Features), span(SlotName::WeightsForward));
        products + bias <= self.config.precision.logits_accumulator.bits()
    }

    fn dot(&self, features: BufferUse, logits: BufferUse) -> KernelCall {
        let elems = [
            elem_of(self.format(SlotName::Features)),
            elem_of(self.format(SlotName::WeightsForward)),
            self.logit_elem(),
        ];
        let mut dims = vec![("classes", self.classes), ("features", self.features)];
        if self.integer_forward()
            && [SlotName::Features, SlotName::WeightsForward].into_iter().any(|s| self.is_affine(s))
        {
            dims.push(("affine", 1));
        }
        dims.extend(self.packed_forward().map(|bits| ("packed", bits)));
        dims.extend((self.integer_forward() && !self.is_safe_forward()).then_some(("checked", 1)));
        let rounds = self.integer_forward() && matches!(self.logit_elem(), Elem::I8 | Elem::I16);
        dims.extend(self.drawless_rule(SlotName::Logits).filter(|_| rounds));
        let call = Self::call(Op::HeadForward, Phase::HeadForward, "head.logits".into(), &dims, &elems)
            .buffer(features)
            .buffer(self.forward_buffer(Tensor::Weights, Access::Read));
        let bias = (self.config.bias != BiasPolicy::None).then(|| self.forward_buffer(Tensor::Bias, Access::Read));
        bias.into_iter().fold(call, KernelCall::buffer).buffer(logits)
    }

    /// One image's logits.
    pub fn head_forward(&self) -> KernelCall {
        let bytes = size(self.format(SlotName::Features).storage_bytes(self.features));
        self.dot(
            BufferUse::new("head.features", bytes, BufferKind::Activation, Access::Read),
            self.activation("head.logits", self.logit_elem(), self.classes, Access::Write),
        )
    }

    /// One training sample's logits, kept with its batch.
    pub fn batch_forward(&self) -> KernelCall {
        self.dot(self.batch_features(Access::Read), self.batch("head.batch.logits", self.logit_elem(), Access::Write))
    }

    pub fn argmax(&self) -> KernelCall {
        let elem = self.logit_elem();
        Self::call(Op::ArgMax, Phase::HeadForward, "head.class".into(), &[("classes", self.classes)], &[elem])
            .buffer(self.activation("head.logits", elem, self.classes, Access::Read))
    }

    pub fn softmax(&self) -> KernelCall {
        let elems = [self.logit_elem(), self.probability_elem()];
        let mut dims = vec![("classes", self.classes)];
        dims.extend(self.drawless_rule(SlotName::Probabilities).filter(|_| elems == [Elem::I32, Elem::I8]));
        Self::call(Op::Softmax, Phase::HeadForward, "head.probabilities".into(), &dims, &elems)
            .buffer(self.batch("head.batch.logits", elems[0], Access::Read))
            .buffer(self.batch("head.batch.probabilities", elems[1], Access::Write))
    }

    pub fn error(&self, batch: usize) -> KernelCall {
        let elems = [self.probability_elem(), self.difference_elem()];
        let dims = [("batch", batch), ("classes", self.classes)];
        Self::call(Op::Error, Phase::Backward, "head.error".into(), &dims, &elems)
            .buffer(self.batch("head.batch.probabilities", elems[0], Access::Read))
            .buffer(self.batch("head.batch.differences", elems[1], Access::Write))
    }

    /// Scale of the differences' range where it is taken anew, differences → error slot; nothing where both are f32.
    pub fn quantise_error(&self, batch: usize) -> Vec<KernelCall> {
        let elems = [self.difference_elem(), elem_of(self.format(SlotName::Error))];
        if elems == [Elem::F32, Elem::F32] {
            return Vec::new();
        }
        let mut calls = Vec::new();
        if is_dynamic(self.format(SlotName::Error)) {
            calls.push(Self::range_scale(Phase::Backward, "head.error", elems[0]));
        }
        let mut dims = vec![("n", batch * self.classes)];
        let integers = self.format(SlotName::Probabilities).is_integer() && self.format(SlotName::Error).is_integer();
        dims.extend(self.rule(SlotName::Error).filter(|_| integers));
        if integers && matches!(elems[1], Elem::I8 | Elem::I16) {
            let unit = QParams::of_format(&self.format(SlotName::Probabilities)).map(|p| p.scale);
            dims.extend(self.shift(unit, SlotName::Error));
        }
        calls.push(
            Self::call(Op::QuantiseError, Phase::Backward, "head.error".into(), &dims, &elems)
                .buffer(self.batch("head.batch.differences", elems[0], Access::Read))
                .buffer(self.batch("head.batch.errors", elems[1], Access::Write)),
        );
        calls
    }

    pub(super) fn errors(&self, access: Access) -> BufferUse {
        let elem = elem_of(self.format(SlotName::Error));
        let quantised = !self.quantise_error(1).is_empty();
        self.batch(if quantised { "head.batch.errors" } else { "head.batch.differences" }, elem, access)
    }
}
