//! CWR*: temporary weights for each experience, consolidated weights for good.
//!
//! Source: method_details.md §2 (Maltoni and Lomonaco's Caffe code, ar1-pytorch and Avalanche's plugin agree on it).
//! 1. Begin: `tw[j] = cw[j]` for current classes seen before, every other row 0; the optimiser starts anew (as Avalanche's
//!    strategies do; the Caffe original kept its momentum).
//! 2. SGD over all rows.
//! 3. End: `cw[j] = (cw[j]·√(past/cur) + (tw[j] − mean)) / (√(past/cur) + 1)` for current classes, `past[j] += cur[j]`;
//!    `mean` is one scalar over all values of the current classes' rows.
//! 4. Test with `cw`; classes never trained by the unseen-rows policy.

use super::calls::Tensor;
use super::consolidate::{MergeKind, mean_of, past_weights};
use super::{BiasPolicy, Head, HeadConfig, LearnError, SlotName, Strategy, TrainingSamples, UnseenRows};
use crate::numeric::Format;
use crate::trace::{Phase, Sink};

/// CWR* on a [`Head`].
#[derive(Debug, Clone)]
pub struct CwrStar {
    head: Head,
    /// CWR+: rows start at zero and the past weighs as many as the experiences that had the class.
    plus: bool,
    past: Vec<u32>,
    /// Experiences that had the class.
    met: Vec<u32>,
    current: Vec<u32>,
}

impl CwrStar {
    /// Nothing seen, all weights zero. Errors as [`Head::new`].
    pub fn new(config: HeadConfig, classes: usize, features: usize, seed: u64) -> Result<Self, LearnError> {
        Ok(Self::of(Head::new(config, classes, features, seed)?, false))
    }

    /// On a fresh head; `plus` for CWR+.
    pub(crate) fn of(head: Head, plus: bool) -> Self {
        let classes = head.classes();
        Self { head, plus, past: vec![0; classes], met: vec![0; classes], current: vec![0; classes] }
    }

    /// Samples of each class in earlier experiences.
    pub fn past(&self) -> &[u32] {
        &self.past
    }

    /// Which arithmetic merging runs in: the widest that any tensor needs.
    fn kind(&self) -> MergeKind {
        let past = self.head.config.precision.slot(SlotName::Past).number().unwrap_or(Format::F32);
        let merged = |t: Tensor| t == Tensor::Weights || self.head.config.bias == BiasPolicy::Consolidate;
        let kinds: Vec<_> = self.head.params().filter(|(t, _)| merged(*t)).map(|(_, p)| p.merge_kind(past)).collect();
        match kinds[..] {
            [a, MergeKind::Real] | [MergeKind::Real, a] if a != MergeKind::Real => MergeKind::Real,
            [_, fine @ MergeKind::Fine(_)] => fine,
            [first, ..] => first,
            [] => MergeKind::Real,
        }
    }

    fn load(&mut self, take: &[bool], keep: &[bool], sink: &mut dyn Sink) -> Result<(), LearnError> {
        let head = &mut self.head;
        head.weights.load(take, keep, &mut head.scratch)?;
        if let (Some(bias), BiasPolicy::Consolidate) = (&mut head.bias, head.config.bias) {
            bias.load(take, keep, &mut head.scratch)?;
        }
        head.tell(sink, |calls| calls.merged().map(|t| calls.load_rows(t)).collect::<Vec<_>>());
        Ok(())
    }

    fn consolidate(&mut self, rows: &[bool], sink: &mut dyn Sink) -> Result<(), LearnError> {
        let kind = self.kind();
        let n = rows.iter().filter(|&&r| r).count();
        let slot = self.head.config.precision.slot(SlotName::Past);
        let format = (slot.number().unwrap_or(Format::F32), slot.rounding);
        let weights = if self.plus {
            // √(met² / 1) is met, exactly.
            let squares: Vec<u32> = self.met.iter().map(|&n| n.saturating_mul(n)).collect();
            past_weights((&squares, &vec![1; squares.len()]), format, kind)
        } else {
            past_weights((&self.past, &self.current), format, kind)
        };
        let head = &mut self.head;
        let with_bias = head.config.bias == BiasPolicy::Consolidate;
        let mut bias = head.bias.as_mut().filter(|_| with_bias);
        let mut sums = vec![head.weights.sum(rows, kind)];
        sums.extend(bias.as_mut().map(|b| b.sum(rows, kind)));
        let mean = mean_of(&sums, kind);
        head.weights.merge(rows, mean, &weights)?;
        if let Some(bias) = bias {
            bias.merge(rows, mean, &weights)?;
        }
        head.tell(sink, |calls| {
            let means = calls.merged().map(|t| calls.mean_rows(t, n)).chain([calls.past_weight(n)]);
            means.chain(calls.merged().map(|t| calls.consolidate_rows(t, n))).collect::<Vec<_>>()
        });
        for (past, &current) in self.past.iter_mut().zip(&self.current) {
            *past = past.saturating_add(current);
        }
        for (met, &current) in self.met.iter_mut().zip(&self.current) {
            *met = met.saturating_add(u32::from(current > 0));
        }
        Ok(())
    }
}

impl Strategy for CwrStar {
    fn begin_experience(&mut self, counts: &[u32], sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.check_counts(counts)?;
        self.current.copy_from_slice(counts);
        let take: Vec<bool> = counts.iter().zip(&self.past).map(|(&c, &p)| c > 0 && p > 0 && !self.plus).collect();
        let keep = vec![false; take.len()];
        self.head.reset_velocity();
        self.load(&take, &keep, sink)
    }

    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.calibrate(samples)?;
        let current: Vec<bool> = self.current.iter().map(|&c| c > 0).collect();
        self.consolidate(&current, sink)?;
        let seen: Vec<bool> = self.past.iter().map(|&p| p > 0).collect();
        let as_trained = self.head.config.unseen == UnseenRows::AsTrained;
        let keep: Vec<bool> = seen.iter().map(|&s| as_trained && !s).collect();
        self.load(&seen, &keep, sink)?;
        self.head.refresh(samples.table(), Phase::Consolidate, sink)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn plain_head(&mut self) -> Option<&mut Head> {
        Some(&mut self.head)
    }

    /// The head's and one 32-bit count a class.
    fn state_bytes(&self) -> u64 {
        self.head.state_bytes() + 4 * u64::try_from(self.past.len()).unwrap_or(u64::MAX)
    }
}
