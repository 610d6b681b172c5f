//! Kernel calls of AR1*'s binary layer, from shapes alone.

use super::super::SlotName;
use super::super::calls::{Calls, Tensor, elem_of, is_dynamic, size};
use super::super::calls_units::HeadUnit;
use crate::numeric::{Format, safe_bits};
use crate::trace::{Access, BufferKind, BufferUse, Elem, KernelCall, Op, Phase};
use std::iter::repeat_n;

impl Calls {
    /// The calls of one unit of AR1*; `head` are CWR*'s.
    pub(in super::super) fn ar1(&self, head: &[KernelCall], unit: HeadUnit, later: bool) -> Vec<KernelCall> {
        match unit {
            HeadUnit::Forward => {
                let (standardise, rest) = head.split_at(1);
                [standardise, &self.layer_forward(), rest].concat()
            }
            HeadUnit::Begin => [&[self.layer_keep(Phase::Consolidate, "layer.start")], head].concat(),
            HeadUnit::Step { batch } => [
                self.layer_forward_batch(batch),
                self.step_forward(batch),
                self.layer_backward(batch),
                self.step_backward(batch),
                self.layer_update(batch, later),
            ]
            .concat(),
            HeadUnit::Consolidation { .. } => [&self.layer_end()[..], head].concat(),
        }
    }

    /// Packed inputs of one sample or of a batch.
    pub(in super::super) fn layer_inputs(&self, batch: bool, access: Access) -> BufferUse {
        let (name, samples) = if batch { ("layer.batch.inputs", self.config.batch) } else { ("layer.inputs", 1) };
        let bytes = samples * Format::Binary.storage_bytes(self.features);
        BufferUse::new(name, size(bytes), BufferKind::Activation, access)
    }

    /// Errors of the layer's sums.
    pub(in super::super) fn layer_errors(&self, access: Access) -> BufferUse {
        let n = self.config.batch * self.features;
        self.activation("layer.errors", elem_of(self.format(SlotName::Error)), n, access)
    }

    /// Signs of inputs, their product with the weights' signs, and the sum onto the features.
    fn layer_pass(&self, batch: bool) -> [KernelCall; 3] {
        let (n, features) = (self.features, self.format(SlotName::Features));
        let elem = elem_of(features);
        let words = n.div_ceil(32);
        let of_features = |access| match batch {
            true => self.batch_features(access),
            false => BufferUse::new("head.features", size(features.storage_bytes(n)), BufferKind::Activation, access),
        };
        let weights = self.state("layer.weights", Format::Binary, self.n(Tensor::Layer), Access::Read);
        let sums = |access| self.activation("layer.sums", Elem::I32, n, access);
        let call = |op, site: &str, dims: &[(&str, usize)], elems: &[Elem]| {
            Self::call(op, Phase::HeadForward, site.to_owned(), dims, elems)
        };
        [
            call(Op::StoreLatent, "layer.inputs", &[("n", n)], &[elem, Elem::B1])
                .buffer(of_features(Access::Read))
                .buffer(self.layer_inputs(batch, Access::Write)),
            call(Op::BinaryDense, "layer.sums", &[("rows", n), ("words", words)], &[Elem::B1, Elem::B1, Elem::I32])
                .buffer(self.layer_inputs(batch, Access::Read))
                .buffer(weights)
                .buffer(sums(Access::Write)),
            call(Op::Residual, "layer.outputs", &[("n", n)], &[elem, Elem::I32])
                .buffer(sums(Access::Read))
                .buffer(of_features(Access::ReadWrite)),
        ]
    }

    /// One image through the layer.
    pub(in super::super) fn layer_forward(&self) -> Vec<KernelCall> {
        self.layer_pass(false).to_vec()
    }

    /// The weights' signs anew, and a minibatch through the layer.
    pub(in super::super) fn layer_forward_batch(&self, batch: usize) -> Vec<KernelCall> {
        let mut calls = vec![self.layer_signs(Phase::Update)];
        for call in self.layer_pass(true) {
            calls.extend(repeat_n(call, batch));
        }
        calls
    }

    fn layer_signs(&self, phase: Phase) -> KernelCall {
        let n = self.n(Tensor::Layer);
        let elems = [elem_of(self.master(Tensor::Layer)), Elem::B1];
        Self::call(Op::StoreLatent, phase, "layer.weights".into(), &[("n", n)], &elems)
            .buffer(self.master_buffer(Tensor::Layer, Access::Read))
            .buffer(self.state("layer.weights", Format::Binary, n, Access::Write))
    }

    /// Errors of the layer's sums: back through the head's master weights, then into slot `error`.
    pub(in super::super) fn layer_backward(&self, batch: usize) -> Vec<KernelCall> {
        let (error, master) = (self.format(SlotName::Error), self.master(Tensor::Weights));
        let sum = match error.is_integer() && master.is_integer() {
            true if self.back_bits(error, master) <= 32 => Elem::I32,
            true if self.back_bits(error, master) <= 63 => Elem::I64,
            _ => Elem::F32,
        };
        let (n, site) = (batch * self.features, "layer.error");
        let call =
            |op, dims: &[(&str, usize)], elems: &[Elem]| Self::call(op, Phase::Backward, site.to_owned(), dims, elems);
        let back = |access| self.activation("layer.back", sum, self.config.batch * self.features, access);
        let through = call(
            Op::InputGradient,
            &[("classes", self.classes), ("features", self.features)],
            &[elem_of(error), elem_of(master), sum],
        )
        .buffer(self.errors(Access::Read))
        .buffer(self.master_buffer(Tensor::Weights, Access::Read))
        .buffer(back(Access::Write));
        let mut calls = vec![through; batch];
        // A range that waits for a calibration is taken anew each step here: the layer is not calibrated.
        let frozen = matches!(error, Format::Int(int) if int.range() == crate::numeric::Range::Frozen);
        if is_dynamic(error) || frozen {
            calls.push(call(Op::GradientRange, &[("n", n)], &[sum]).buffer(back(Access::Read)));
            if sum != Elem::F32 {
                calls.push(Self::range_scale(Phase::Backward, site, sum));
            }
        }
        calls.push(
            call(Op::QuantiseError, &[("n", n)], &[sum, elem_of(error)])
                .buffer(back(Access::Read))
                .buffer(self.layer_errors(Access::Write)),
        );
        calls
    }

    /// Weights as they were before a step or an experience.
    fn layer_copy(&self, name: &str, access: Access) -> BufferUse {
        self.state(name, self.master(Tensor::Layer), self.n(Tensor::Layer), access)
    }

    /// The weights as they are, kept for the path integral: of a step (`layer.before`) or of an experience (`layer.start`).
    pub(in super::super) fn layer_keep(&self, phase: Phase, name: &str) -> KernelCall {
        let elem = elem_of(self.master(Tensor::Layer));
        Self::call(Op::StoreLatent, phase, name.into(), &[("n", self.n(Tensor::Layer))], &[elem, elem])
            .buffer(self.master_buffer(Tensor::Layer, Access::Read))
            .buffer(self.layer_copy(name, Access::Write))
    }

    fn back_bits(&self, error: Format, master: Format) -> u32 {
        let span = |f: Format| match (f.qmin(), f.qmax()) {
            (Some(lo), Some(hi)) => hi.abs_diff(lo),
            _ => u64::MAX,
        };
        safe_bits(size(self.classes), span(error), span(master))
    }

    /// Gradient, step, pull and path integral of the latent weights.
    pub(in super::super) fn layer_update(&self, batch: usize, pulled: bool) -> Vec<KernelCall> {
        let layer = Tensor::Layer;
        let n = self.n(layer);
        let mut calls = vec![self.layer_keep(Phase::Update, "layer.before"), self.clear(layer)];
        calls.extend(repeat_n(self.gradient_accumulate(layer), batch));
        calls.extend(self.quantise_gradient(layer));
        calls.extend(self.update(layer));
        if self.master(layer) == Format::F32 {
            let master = self.master_buffer(layer, Access::ReadWrite);
            let limit = Self::call(Op::Clamp, Phase::Update, "layer.update".into(), &[("n", n)], &[Elem::F32; 2]);
            calls.push(limit.buffer(master));
        }
        calls.extend(self.pulls(layer, usize::from(pulled)));
        let elems = [self.gradient_elem(layer), elem_of(self.master(layer)), Elem::F32];
        calls.push(
            Self::call(Op::PathIntegral, Phase::Update, "layer.path".into(), &[("n", n)], &elems)
                .buffer(self.gradient(layer, Access::Read))
                .buffer(self.layer_copy("layer.before", Access::Read))
                .buffer(self.master_buffer(layer, Access::Read))
                .buffer(self.state("layer.path", Format::F32, n, Access::ReadWrite)),
        );
        calls
    }

    /// Importance, anchor, and the weights' signs anew.
    pub(in super::super) fn layer_end(&self) -> Vec<KernelCall> {
        let layer = Tensor::Layer;
        let n = self.n(layer);
        let elems = [Elem::F32, elem_of(self.master(layer))];
        let importance =
            Self::call(Op::PathImportance, Phase::Consolidate, "layer.importance".into(), &[("n", n)], &elems)
                .buffer(self.state("layer.path", Format::F32, n, Access::ReadWrite))
                .buffer(self.state("layer.importance", Format::F32, n, Access::ReadWrite))
                .buffer(self.layer_copy("layer.start", Access::Read))
                .buffer(self.master_buffer(layer, Access::Read));
        vec![self.layer_signs(Phase::Consolidate), importance, self.remember(layer, false)]
    }
}
