//! Kernel calls of the strategies, from shapes alone: what each adds to the head's own.

use super::super::calls::{Calls, Tensor, elem_of, is_dynamic, size};
use super::super::calls_units::{HeadUnit, whole_calls};
use super::super::{HeadConfig, LearnError, SlotName};
use super::replay::item_bytes;
use super::{Importance, StoredLatent, StrategyKind};
use crate::numeric::Format;
use crate::trace::{Access, BufferKind, BufferUse, Elem, KernelCall, Op, Phase};

/// Where in the stream a unit of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Experience, from 0.
    pub experience: usize,
    /// Training samples of the experience.
    pub samples: usize,
    /// Latents in the replay buffer before it.
    pub held: usize,
    /// Classes of earlier experiences.
    pub known: usize,
}

impl StrategyKind {
    /// The calls of one unit of work under this strategy, in order.
    ///
    /// Errors as [`HeadConfig::validate`].
    pub fn calls(
        &self,
        config: &HeadConfig,
        (classes, features): (usize, usize),
        unit: HeadUnit,
        moment: Moment,
    ) -> Result<Vec<KernelCall>, LearnError> {
        let own = self.head_config(config);
        let calls = Calls::new(&own, classes, features);
        Ok(self
            .whole(&own, (classes, features), unit, moment)?
            .into_iter()
            .flat_map(|call| calls.apart(call))
            .collect())
    }

    /// As [`Self::calls`], as if every tensor were stored in whole bytes.
    fn whole(
        &self,
        own: &HeadConfig,
        (classes, features): (usize, usize),
        unit: HeadUnit,
        moment: Moment,
    ) -> Result<Vec<KernelCall>, LearnError> {
        let calls = Calls::new(own, classes, features);
        let head = |unit| whole_calls(own, classes, features, unit);
        let refresh = || calls.tensors().flat_map(|t| calls.forward_copy(t, Phase::Consolidate)).collect::<Vec<_>>();
        let later = moment.experience > 0;
        Ok(match (self, unit) {
            (Self::Ar1Star { .. }, unit) => calls.ar1(&head(unit)?, unit, later),
            (Self::CwrStar | Self::CwrPlus, unit) | (_, unit @ HeadUnit::Forward) => head(unit)?,
            (Self::Lwf { .. }, HeadUnit::Begin) => later.then(|| calls.keep_teacher()).into_iter().collect(),
            (_, HeadUnit::Begin) => Vec::new(),
            (Self::Lwf { .. }, HeadUnit::Step { batch }) if later => {
                let mut all = head(unit)?;
                let at = all.iter().position(|c| c.op == Op::Error).map_or(all.len(), |i| i + 1);
                let more =
                    std::iter::repeat_n(calls.teacher_forward(), batch).chain([calls.distil(batch, moment.known)]);
                all.splice(at..at, more);
                all
            }
            (Self::Anchored { importance, .. }, HeadUnit::Step { .. }) => {
                let penalties =
                    if *importance == Importance::Separate { moment.experience } else { usize::from(later) };
                let mut all = head(unit)?;
                all.extend(calls.pulls(Tensor::Weights, penalties));
                all
            }
            (Self::Slda { .. }, HeadUnit::Step { batch }) => {
                (0..batch).flat_map(|_| [calls.covariance_update(), calls.mean_update()]).collect()
            }
            (Self::NearestMean, HeadUnit::Step { batch }) => vec![calls.mean_update(); batch],
            (Self::Replay { buffer, per_step, stored, .. }, HeadUnit::Step { batch }) => {
                let n = if later { moment.held.min(*per_step) } else { 0 };
                let mut all = vec![calls.latent(*stored, *buffer, true); n];
                all.extend(head(HeadUnit::Step { batch: batch + n })?);
                all
            }
            (_, HeadUnit::Step { .. }) => head(unit)?,
            (kind, HeadUnit::Consolidation { .. }) => kind.end(&calls, own, moment.samples, refresh()),
        })
    }

    fn end(&self, calls: &Calls, config: &HeadConfig, samples: usize, refresh: Vec<KernelCall>) -> Vec<KernelCall> {
        let mut all = Vec::new();
        match self {
            Self::Anchored { importance, .. } => {
                all.extend(refresh);
                let full = samples / config.batch;
                let rest = samples % config.batch;
                for n in std::iter::repeat_n(config.batch, full).chain((rest > 0).then_some(rest)) {
                    all.extend(std::iter::repeat_n(calls.batch_forward(), n));
                    all.push(calls.importance(n, *importance));
                }
                all.push(calls.remember(Tensor::Weights, *importance != Importance::Separate));
                return all;
            }
            Self::Slda { .. } => all.push(calls.solve()),
            Self::NearestMean => all.push(calls.means_to_rows()),
            Self::Replay { stored, buffer, .. } => {
                all.extend(std::iter::repeat_n(calls.latent(*stored, *buffer, false), samples));
            }
            _ => {}
        }
        all.extend(refresh);
        all
    }
}

impl Calls {
    fn state_of(&self, name: &str, bytes: usize, access: Access) -> BufferUse {
        BufferUse::new(name, size(bytes), BufferKind::State, access)
    }

    /// Bytes of one forward copy.
    pub(in super::super) fn forward_bytes(&self) -> u64 {
        size(self.format(SlotName::WeightsForward).storage_bytes(self.n(Tensor::Weights)))
    }

    /// The pulls of some penalties beside a step: each from the weights before it. Reals are summed first, then taken off the weights,
    /// which get a range of their own.
    pub(in super::super) fn pulls(&self, tensor: Tensor, penalties: usize) -> Vec<KernelCall> {
        let n = self.n(tensor);
        let (anchor, pull) = (self.consolidated(tensor), self.format(SlotName::Past));
        let master = self.master(tensor);
        let elems = [elem_of(master), elem_of(anchor), elem_of(pull)];
        let site = Self::name(tensor, "pull");
        let in_reals = master.is_integer() && !(anchor.is_integer() && pull.is_integer());
        let mut dims = vec![("n", n)];
        // Codes of another grid than their anchors'.
        let apart = master.is_integer() && !in_reals && (is_dynamic(master) || anchor != master);
        dims.extend(apart.then_some(("apart", 1)));
        let moves = |access| self.activation(&Self::name(tensor, "moves"), Elem::F32, n, access);
        let one = Self::call(Op::AnchorPull, Phase::Update, site.clone(), &dims, &elems)
            .buffer(self.master_buffer(tensor, if in_reals { Access::Read } else { Access::ReadWrite }))
            .buffer(self.state(&Self::name(tensor, "anchor"), anchor, n, Access::Read))
            .buffer(self.state(&Self::name(tensor, "pull"), pull, n, Access::Read));
        let one = if in_reals { one.buffer(moves(Access::ReadWrite)) } else { one };
        let mut calls = vec![one; penalties];
        if in_reals && penalties > 0 {
            calls.push(
                Self::call(Op::MoveWeights, Phase::Update, site, &[("n", n)], &[Elem::F32, elem_of(master)])
                    .buffer(moves(Access::ReadWrite))
                    .buffer(self.master_buffer(tensor, Access::ReadWrite))
                    .buffer(self.scratch("head.moved", n)),
            );
        }
        calls
    }

    pub(in super::super) fn importance(&self, batch: usize, kind: Importance) -> KernelCall {
        let mut dims = vec![("batch", batch), ("classes", self.classes), ("features", self.features)];
        dims.extend(matches!(kind, Importance::Sensitivity { .. }).then_some(("magnitude", 1)));
        let elems = [elem_of(self.format(SlotName::Features)), Elem::F32];
        Self::call(Op::ImportanceAccumulate, Phase::Consolidate, "head.importance".into(), &dims, &elems)
            .buffer(self.activation("head.importance", Elem::F32, self.n(Tensor::Weights), Access::ReadWrite))
            .buffer(self.scratch("head.importance.gradient", self.n(Tensor::Weights) + self.classes))
    }

    /// The importance that earlier experiences leave is a tensor of its own where it is `running`.
    pub(in super::super) fn remember(&self, tensor: Tensor, running: bool) -> KernelCall {
        let n = self.n(tensor);
        let (anchor, pull) = (self.consolidated(tensor), self.format(SlotName::Past));
        let elems = [Elem::F32, elem_of(self.master(tensor)), elem_of(anchor), elem_of(pull)];
        let mut dims = vec![("n", n)];
        dims.extend(running.then_some(("running", 1)));
        let call = Self::call(Op::KeepAnchor, Phase::Consolidate, Self::name(tensor, "anchor"), &dims, &elems)
            .buffer(self.master_buffer(tensor, Access::Read))
            .buffer(self.state(&Self::name(tensor, "anchor"), anchor, n, Access::Write))
            .buffer(self.state(&Self::name(tensor, "pull"), pull, n, Access::Write));
        let kept = running.then(|| self.state(&Self::name(tensor, "running"), Format::F32, n, Access::ReadWrite));
        kept.into_iter().fold(call, KernelCall::buffer)
    }

    fn teacher(&self, access: Access) -> BufferUse {
        BufferUse::new("head.teacher", self.forward_bytes(), BufferKind::State, access)
    }

    pub(in super::super) fn keep_teacher(&self) -> KernelCall {
        let elem = elem_of(self.format(SlotName::WeightsForward));
        let dims = [("n", self.n(Tensor::Weights)), ("rows", self.classes)];
        Self::call(Op::LoadRows, Phase::Consolidate, "head.teacher".into(), &dims, &[elem, elem])
            .buffer(self.teacher(Access::Write))
    }

    pub(in super::super) fn teacher_forward(&self) -> KernelCall {
        let mut call = self.batch_forward();
        call.site = "head.teacher".to_owned();
        call.buffers.retain(|b| b.name != "head.forward" && b.name != "head.master");
        call.buffer(self.teacher(Access::Read))
    }

    /// Over the `known` classes only.
    pub(in super::super) fn distil(&self, batch: usize, known: usize) -> KernelCall {
        let elems = [self.softmax().elems[0], self.error(batch).elems[1]];
        let dims = [("batch", batch), ("classes", known)];
        Self::call(Op::Distil, Phase::Backward, "head.distil".into(), &dims, &elems)
            .buffer(self.activation("head.teacher.logits", elems[0], batch * self.classes, Access::Read))
            .buffer(self.scratch("head.distil.work", 3 * known))
    }

    /// Class sums: exact while features are codes.
    fn sum_of_features(&self) -> Elem {
        if self.format(SlotName::Features).is_integer() { Elem::I32 } else { Elem::F32 }
    }

    /// Working space of four bytes a number.
    fn scratch(&self, name: &str, n: usize) -> BufferUse {
        BufferUse::new(name, size(4 * n), BufferKind::Scratch, Access::Write)
    }

    pub(in super::super) fn mean_update(&self) -> KernelCall {
        let k = self.features;
        let elems = [elem_of(self.format(SlotName::Features)), self.sum_of_features()];
        Self::call(Op::MeanUpdate, Phase::Update, "head.means".into(), &[("features", k)], &elems)
            .buffer(self.state_of("head.means", 4 * self.classes * (k + 1), Access::ReadWrite))
    }

    pub(in super::super) fn covariance_update(&self) -> KernelCall {
        let k = self.features;
        let elems = [elem_of(self.format(SlotName::Features)), Elem::F32];
        Self::call(Op::CovarianceUpdate, Phase::Update, "head.covariance".into(), &[("features", k)], &elems)
            .buffer(self.state_of("head.covariance", 4 * k * k, Access::ReadWrite))
            .buffer(self.scratch("head.difference", k))
    }

    pub(in super::super) fn means_to_rows(&self) -> KernelCall {
        let dims = [("classes", self.classes), ("features", self.features)];
        let elems = [self.sum_of_features(), elem_of(self.master(Tensor::Weights))];
        Self::call(Op::MeansToRows, Phase::Consolidate, "head.means".into(), &dims, &elems)
            .buffer(self.scratch("head.rows", self.n(Tensor::Weights)))
            .buffer(self.master_buffer(Tensor::Weights, Access::Write))
    }

    pub(in super::super) fn solve(&self) -> KernelCall {
        let dims = [("classes", self.classes), ("features", self.features)];
        let elems = [Elem::F32, elem_of(self.master(Tensor::Weights))];
        Self::call(Op::SolveRows, Phase::Consolidate, "head.covariance".into(), &dims, &elems)
            .buffer(self.state_of("head.covariance", 4 * self.features * self.features, Access::Read))
            .buffer(self.scratch("head.factor", self.features * (self.features + self.classes + 1)))
            .buffer(self.master_buffer(Tensor::Weights, Access::Write))
    }

    /// A latent from the buffer into the batch, or back.
    pub(in super::super) fn latent(&self, stored: StoredLatent, capacity: usize, load: bool) -> KernelCall {
        let features = elem_of(self.format(SlotName::Features));
        let kept = if stored == StoredLatent::OneBit { Elem::B1 } else { features };
        let (op, phase, elems, access) = if load {
            (Op::LoadLatent, Phase::Update, [kept, features], Access::Read)
        } else {
            (Op::StoreLatent, Phase::Consolidate, [features, kept], Access::Write)
        };
        let bytes = capacity * item_bytes(stored, self.format(SlotName::Features), self.features);
        Self::call(op, phase, "head.replay".into(), &[("n", self.features)], &elems).buffer(self.state_of(
            "head.replay.buffer",
            bytes,
            access,
        ))
    }
}
