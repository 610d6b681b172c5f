//! Calls of the gradient of one parameter tensor, from shapes and formats alone.

use super::SlotName;
use super::calls::{Calls, Tensor, elem_of, is_dynamic, size};
use super::slot_state::largest_centred;
use crate::numeric::{QParams, Scale, safe_bits};
use crate::trace::{Access, Elem, KernelCall, Op, Phase};

impl Calls {
    /// The sums of a batch start at zero.
    pub fn clear(&self, tensor: Tensor) -> KernelCall {
        let dims = [("n", self.n(tensor))];
        Self::call(Op::Clear, Phase::Backward, Self::name(tensor, "gradient"), &dims, &[self.sum_elem(tensor)])
            .buffer(self.sums(tensor, Access::Write))
    }

    /// As [`Self::is_safe_forward`] for a batch's sums.
    fn is_safe_gradient(&self, tensor: Tensor) -> bool {
        let feature = match tensor {
            Tensor::Weights => largest_centred(self.format(SlotName::Features)),
            Tensor::Bias | Tensor::Layer => 1,
        };
        let sums = safe_bits(size(self.config.batch), largest_centred(self.format(SlotName::Error)), feature);
        sums <= self.config.precision.gradient_accumulator.bits()
    }

    pub fn gradient_accumulate(&self, tensor: Tensor) -> KernelCall {
        let layer = tensor == Tensor::Layer;
        let feature = if layer { Elem::B1 } else { elem_of(self.format(SlotName::Features)) };
        let elems = [elem_of(self.format(SlotName::Error)), feature, self.sum_elem(tensor)];
        let mut dims = vec![("classes", self.rows(tensor)), ("features", self.columns(tensor))];
        if self.sum_elem(tensor) != Elem::F32 {
            dims.extend((tensor == Tensor::Weights && self.is_affine(SlotName::Features)).then_some(("affine", 1)));
            dims.extend((!self.is_safe_gradient(tensor)).then_some(("checked", 1)));
        }
        let site = Self::name(tensor, "gradient");
        let errors = if layer { self.layer_errors(Access::Read) } else { self.errors(Access::Read) };
        let call = Self::call(Op::GradientAccumulate, Phase::Backward, site, &dims, &elems).buffer(errors);
        let features = match tensor {
            Tensor::Weights => Some(self.batch_features(Access::Read)),
            Tensor::Layer => Some(self.layer_inputs(true, Access::Read)),
            Tensor::Bias => None,
        };
        features.into_iter().fold(call, KernelCall::buffer).buffer(self.sums(tensor, Access::ReadWrite))
    }

    /// What a whole minibatch's sums are worth, where the formats fix it: error × feature / samples.
    fn unit_of_sums(&self, tensor: Tensor) -> Option<Scale> {
        let scale = |slot| QParams::of_format(&self.format(slot)).map(|p| p.scale);
        let feature = if tensor == Tensor::Weights { scale(SlotName::Features)? } else { Scale::ONE };
        let mean = Scale::ratio(1, size(self.config.batch)).ok()?;
        Some(scale(SlotName::Error)?.mul(feature).mul(mean))
    }

    /// Range (dynamic only) and quantisation of the gradient; nothing where integer sums stay as they are.
    pub fn quantise_gradient(&self, tensor: Tensor) -> Vec<KernelCall> {
        let (sum, n) = (self.sum_elem(tensor), self.n(tensor));
        let site = Self::name(tensor, "gradient");
        let mut calls = Vec::new();
        let slot = self.config.precision.slot(SlotName::Gradient).number();
        if slot.is_some_and(is_dynamic) {
            calls.push(
                Self::call(Op::GradientRange, Phase::Backward, site.clone(), &[("n", n)], &[sum])
                    .buffer(self.sums(tensor, Access::Read)),
            );
            calls.push(Self::range_scale(Phase::Backward, &site, sum));
        }
        if slot.is_some() || sum == Elem::F32 {
            let elems = [sum, self.gradient_elem(tensor)];
            let mut dims = vec![("n", n)];
            let integers = sum != Elem::F32 && slot.is_some_and(|f| f.is_integer());
            dims.extend(self.rule(SlotName::Gradient).filter(|_| integers));
            if integers && sum == Elem::I32 && matches!(elems[1], Elem::I8 | Elem::I16) {
                dims.extend(self.shift(self.unit_of_sums(tensor), SlotName::Gradient));
            }
            calls.push(
                Self::call(Op::QuantiseGradient, Phase::Backward, site, &dims, &elems)
                    .buffer(self.sums(tensor, Access::Read))
                    .buffer(self.gradient(tensor, Access::Write)),
            );
        }
        calls
    }
}
