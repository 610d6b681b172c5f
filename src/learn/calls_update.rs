//! Calls of the optimiser's step on one parameter tensor.

use super::calls::{Calls, Tensor, elem_of, is_dynamic};
use super::{SlotName, UpdateBase};
use crate::trace::{Access, Elem, KernelCall, Op, Phase};

impl Calls {
    /// Velocity where kept, then the step, and the new range where the master has one.
    pub fn update(&self, tensor: Tensor) -> Vec<KernelCall> {
        let (n, master) = (self.n(tensor), elem_of(self.master(tensor)));
        let site = Self::name(tensor, "update");
        let (mut from, mut source) = (self.gradient_elem(tensor), self.gradient(tensor, Access::Read));
        let mut calls = Vec::new();
        if self.config.has_velocity() {
            let velocity = elem_of(self.format(SlotName::Update));
            let mut dims = vec![("n", n)];
            match self.rule(SlotName::Update).filter(|_| velocity != Elem::F32) {
                Some(("stochastic", _)) => {
                    // A draw a term: what is kept, the gradient, the decay.
                    let [kept, decays] = [self.config.momentum, self.config.weight_decay].map(|x| usize::from(x > 0.0));
                    dims.extend([("stochastic", kept + 1 + decays), ("kept", kept)]);
                }
                rule => dims.extend(rule),
            }
            calls.push(
                Self::call(Op::Velocity, Phase::Update, site.clone(), &dims, &[from, master, velocity])
                    .buffer(source)
                    .buffer(self.master_buffer(tensor, Access::Read))
                    .buffer(self.velocity_buffer(tensor, Access::ReadWrite)),
            );
            (from, source) = (velocity, self.velocity_buffer(tensor, Access::Read));
        }
        let from_forward = tensor == Tensor::Weights && self.config.precision.update_base == UpdateBase::Forward;
        let integer = self.master(tensor).is_integer();
        let mut dims = vec![("n", n)];
        dims.extend(self.rule(SlotName::Update).filter(|_| integer && from != Elem::F32));
        if !(integer && (from_forward || is_dynamic(self.master(tensor)))) {
            let update = Self::call(Op::SgdUpdate, Phase::Update, site, &dims, &[from, master]).buffer(source);
            let base = from_forward.then(|| self.forward_buffer(tensor, Access::Read));
            calls.push(
                base.into_iter().fold(update, KernelCall::buffer).buffer(self.master_buffer(tensor, Access::ReadWrite)),
            );
            return calls;
        }
        let base = if from_forward {
            self.forward_buffer(tensor, Access::Read)
        } else {
            self.master_buffer(tensor, Access::Read)
        };
        let base_elem = if from_forward { elem_of(self.format(SlotName::WeightsForward)) } else { master };
        let fine = |access| self.activation(&Self::name(tensor, "update.fine"), Elem::I64, n, access);
        calls.push(
            Self::call(Op::SgdUpdate, Phase::Update, site.clone(), &dims, &[from, base_elem, Elem::I64])
                .buffer(source)
                .buffer(base)
                .buffer(fine(Access::Write)),
        );
        if is_dynamic(self.master(tensor)) {
            calls.push(
                Self::call(Op::Range, Phase::Update, site.clone(), &[("n", n)], &[Elem::I64])
                    .buffer(fine(Access::Read)),
            );
            calls.push(Self::range_scale(Phase::Update, &site, Elem::I64));
        }
        let slot = if tensor == Tensor::Bias { SlotName::Bias } else { SlotName::WeightsMaster };
        let mut dims = vec![("n", n)];
        dims.extend(self.rule(slot));
        calls.push(
            Self::call(Op::Requantise, Phase::Update, site, &dims, &[Elem::I64, master])
                .buffer(fine(Access::Read))
                .buffer(self.master_buffer(tensor, Access::Write)),
        );
        calls
    }
}
