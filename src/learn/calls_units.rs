//! Calls of CWR*'s rows, and whole lists: one image, one step, one experience's ends.

use super::calls::{Calls, Tensor, elem_of, size};
use super::{BiasPolicy, HeadConfig, LearnError, SlotName};
use crate::numeric::Format;
use crate::trace::{Access, BufferKind, BufferUse, Elem, KernelCall, Op, Phase};

/// What a list of calls covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadUnit {
    /// Standardising and classifying one image.
    Forward,
    /// One optimiser step on a minibatch of this many stored features.
    Step {
        /// Samples.
        batch: usize,
    },
    /// CWR*'s start of an experience: loading rows.
    Begin,
    /// CWR*'s end of an experience with this many current classes.
    Consolidation {
        /// Classes of the experience.
        current: usize,
    },
}

/// The calls of one unit of work, in order, equal neighbours not merged (put them through a `CallLog` for that).
///
/// Errors as [`HeadConfig::validate`].
pub fn head_calls(
    config: &HeadConfig,
    classes: usize,
    features: usize,
    unit: HeadUnit,
) -> Result<Vec<KernelCall>, LearnError> {
    let calls = Calls::new(config, classes, features);
    Ok(whole_calls(config, classes, features, unit)?.into_iter().flat_map(|call| calls.apart(call)).collect())
}

/// As [`head_calls`], as if every tensor were stored in whole bytes or f32.
pub(super) fn whole_calls(
    config: &HeadConfig,
    classes: usize,
    features: usize,
    unit: HeadUnit,
) -> Result<Vec<KernelCall>, LearnError> {
    config.validate()?;
    let calls = Calls::new(config, classes, features);
    Ok(match unit {
        HeadUnit::Forward => vec![calls.standardise(), calls.head_forward(), calls.argmax()],
        HeadUnit::Step { batch } => calls.step(batch),
        HeadUnit::Begin => calls.merged().map(|t| calls.load_rows(t)).collect(),
        HeadUnit::Consolidation { current } => calls.consolidation(current),
    })
}

impl Calls {
    /// One image's backbone output → features.
    pub fn standardise(&self) -> KernelCall {
        let (raw, f) = (Elem::I32, self.format(SlotName::Features));
        let mut dims = vec![("n", self.features)];
        let rounds = matches!(elem_of(f), Elem::I8 | Elem::I16);
        dims.extend(self.rule(SlotName::Features).filter(|_| rounds));
        Self::call(Op::Standardise, Phase::Inference, "head.features".into(), &dims, &[raw, elem_of(f)])
            .buffer(self.activation("head.raw", raw, self.features, Access::Read))
            .buffer(BufferUse::new("head.standardise", size(12 * self.features), BufferKind::Weights, Access::Read))
            .buffer(BufferUse::new(
                "head.features",
                size(f.storage_bytes(self.features)),
                BufferKind::Activation,
                Access::Write,
            ))
    }

    pub fn load_rows(&self, tensor: Tensor) -> KernelCall {
        let elems = [elem_of(self.consolidated(tensor)), elem_of(self.master(tensor))];
        Self::call(
            Op::LoadRows,
            Phase::Consolidate,
            Self::name(tensor, "load"),
            &[("n", self.n(tensor)), ("rows", self.classes)],
            &elems,
        )
        .buffer(self.consolidated_buffer(tensor, Access::Read))
        .buffer(self.master_buffer(tensor, Access::Write))
    }

    pub fn mean_rows(&self, tensor: Tensor, current: usize) -> KernelCall {
        let n = current * self.columns(tensor);
        let elem = elem_of(self.master(tensor));
        // Codes that are consolidated in f32 are summed as reals; halves are f32 where they are summed.
        let is_real = self.master(tensor).is_integer() && !self.is_merged_in_integers(tensor);
        let elems = if is_real { vec![elem, Elem::F32] } else { vec![elem] };
        Self::call(Op::MeanRows, Phase::Consolidate, Self::name(tensor, "mean"), &[("n", n), ("rows", current)], &elems)
            .buffer(self.master_buffer(tensor, Access::Read))
    }

    /// As `Param::merge_kind` decides.
    fn is_merged_in_integers(&self, tensor: Tensor) -> bool {
        let fixed = matches!(self.format(SlotName::Past), Format::Fixed(_));
        fixed && self.master(tensor).is_integer() && self.consolidated(tensor).is_integer()
    }

    pub fn past_weight(&self, current: usize) -> KernelCall {
        let elems = [Elem::I32, self.past_elem()];
        let counts = BufferUse::new("head.counts", size(4 * self.classes), BufferKind::State, Access::ReadWrite);
        Self::call(Op::PastWeight, Phase::Consolidate, "head.past".into(), &[("classes", current)], &elems)
            .buffer(counts)
            .buffer(self.activation("head.past", elems[1], self.classes, Access::Write))
    }

    /// Weights of the past as they are computed with: fixed point in 32 bits, or reals.
    fn past_elem(&self) -> Elem {
        if self.format(SlotName::Past).is_integer() { Elem::I32 } else { Elem::F32 }
    }

    pub fn consolidate_rows(&self, tensor: Tensor, current: usize) -> KernelCall {
        let elems = [elem_of(self.master(tensor)), elem_of(self.consolidated(tensor))];
        let mut dims = vec![("n", current * self.columns(tensor)), ("rows", current)];
        let slot = if tensor == Tensor::Bias { SlotName::Bias } else { SlotName::Consolidated };
        dims.extend(self.drawless_rule(slot).filter(|_| self.is_merged_in_integers(tensor)));
        let past = self.activation("head.past", self.past_elem(), self.classes, Access::Read);
        Self::call(Op::ConsolidateRows, Phase::Consolidate, Self::name(tensor, "consolidate"), &dims, &elems)
            .buffer(self.master_buffer(tensor, Access::Read))
            .buffer(past)
            .buffer(self.consolidated_buffer(tensor, Access::ReadWrite))
    }

    /// Tensors that CWR* consolidates.
    pub fn merged(&self) -> impl Iterator<Item = Tensor> + use<> {
        let bias = (self.config.bias == BiasPolicy::Consolidate).then_some(Tensor::Bias);
        std::iter::once(Tensor::Weights).chain(bias)
    }

    fn step(&self, batch: usize) -> Vec<KernelCall> {
        [self.step_forward(batch), self.step_backward(batch)].concat()
    }

    /// The first half of a step: forward copy to quantised errors.
    pub(super) fn step_forward(&self, batch: usize) -> Vec<KernelCall> {
        let mut calls: Vec<_> = self.tensors().flat_map(|t| self.forward_copy(t, Phase::Update)).collect();
        calls.extend(std::iter::repeat_n(self.batch_forward(), batch));
        calls.extend(std::iter::repeat_n(self.softmax(), batch));
        calls.push(self.error(batch));
        calls.extend(self.quantise_error(batch));
        calls
    }

    /// The second half: gradients and updates.
    pub(super) fn step_backward(&self, batch: usize) -> Vec<KernelCall> {
        let mut calls = Vec::new();
        for tensor in self.tensors() {
            calls.push(self.clear(tensor));
            calls.extend(std::iter::repeat_n(self.gradient_accumulate(tensor), batch));
            calls.extend(self.quantise_gradient(tensor));
            calls.extend(self.update(tensor));
        }
        calls
    }

    fn consolidation(&self, current: usize) -> Vec<KernelCall> {
        let mut calls: Vec<_> = self.merged().map(|t| self.mean_rows(t, current)).collect();
        calls.push(self.past_weight(current));
        calls.extend(self.merged().map(|t| self.consolidate_rows(t, current)));
        calls.extend(self.merged().map(|t| self.load_rows(t)));
        calls.extend(self.tensors().flat_map(|t| self.forward_copy(t, Phase::Consolidate)));
        calls
    }
}
