//! Learning without forgetting: the head before the experience teaches the classes that it knew (S6).

use super::super::kernels;
use super::super::lanes::{self, Level};
use super::super::slot_state::narrow_real;
use super::super::{Head, LearnError, StepReport, Strategy, TrainingSamples};
use crate::numeric::{Rounder, Rounding, Scale, elementary};
use crate::trace::{Phase, Sink};

/// LwF.
#[derive(Debug, Clone)]
pub(super) struct Distilled {
    head: Head,
    teacher: Option<Box<Head>>,
    alpha: f64,
    temperature: f64,
    /// `alpha / temperature` and `1 / temperature`.
    factor: Scale,
    cooled: Scale,
    seen: Vec<bool>,
    current: Vec<bool>,
}

impl Distilled {
    pub fn new(head: Head, alpha: f64, temperature: f64) -> Result<Self, LearnError> {
        let classes = head.classes();
        Ok(Self {
            head,
            teacher: None,
            alpha,
            temperature,
            factor: Scale::from_f64((alpha / temperature).max(f64::MIN_POSITIVE))?,
            cooled: Scale::from_f64(1.0 / temperature)?,
            seen: vec![false; classes],
            current: vec![false; classes],
        })
    }

    /// `α/T · (softmax(z/T) − softmax(teacher/T))` of the old classes onto the differences of sample `b`.
    fn distil(&mut self, b: usize) {
        let Some(teacher) = &self.teacher else { return };
        let classes = self.head.classes();
        let old: Vec<usize> = (0..classes).filter(|&c| self.seen[c]).collect();
        let at = b * classes;
        let (ours, theirs) = (&self.head.loss, &teacher.loss);
        let integer = self.head.forward.integer_logits() && ours.probability_slot.is_integer();
        if integer {
            let cooled = |loss: &super::super::backward::Loss| {
                let z: Vec<i32> = old.iter().map(|&c| loss.logit_codes[at + c]).collect();
                let mut p = vec![0; z.len()];
                lanes::softmax(Level::best(), &z, loss.logit_unit.mul(self.cooled), &mut p);
                p
            };
            let (p, q) = (cooled(ours), cooled(theirs));
            // From q1.30 to the differences' unit.
            let factor = self.factor.mul(Scale::pow2(-30)).div(self.head.loss.unit());
            let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
            for ((&c, p), q) in old.iter().zip(p).zip(q) {
                let more = kernels::product(i64::from(p) - i64::from(q), factor, &mut rounder);
                let code = &mut self.head.loss.codes[at + c];
                *code = kernels::fits(i64::from(*code).saturating_add(more));
            }
            return;
        }
        let cooled = |head: &Head| {
            let mut z = Vec::new();
            head.loss.device_logits_of(at..at + classes, head.forward.integer_logits(), &mut z);
            let t = narrow_real(self.temperature);
            let z: Vec<f32> = old.iter().map(|&c| narrow_real(z[c]) / t).collect();
            let mut p = vec![0.0; z.len()];
            elementary::softmax_f32(&z, &mut p);
            p
        };
        let (p, q) = (cooled(&self.head), cooled(teacher));
        let factor = narrow_real(self.alpha / self.temperature);
        let unit = narrow_real(self.head.loss.unit().to_f64());
        for ((&c, p), q) in old.iter().zip(p).zip(q) {
            let loss = &mut self.head.loss;
            if loss.probability_slot.is_integer() {
                let more = loss.probability_slot.site.rounder.real(f64::from(factor * (p - q) / unit));
                loss.codes[at + c] = kernels::fits(i64::from(loss.codes[at + c]).saturating_add(more));
            } else {
                loss.reals[at + c] += factor * (p - q);
            }
        }
    }
}

impl Strategy for Distilled {
    fn begin_experience(&mut self, counts: &[u32], sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.check_counts(counts)?;
        self.head.reset_velocity();
        self.current.iter_mut().zip(counts).for_each(|(c, &n)| *c = n > 0);
        if self.seen.contains(&true) {
            self.teacher = Some(Box::new(self.head.clone()));
            self.head.tell(sink, |calls| [calls.keep_teacher()]);
        }
        Ok(())
    }

    fn observe(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        self.head.check_batch(batch)?;
        self.head.refresh(batch.table(), Phase::Update, sink)?;
        self.head.errors_of_batch(batch, sink)?;
        let known = self.seen.iter().filter(|s| **s).count();
        if let Some(teacher) = &mut self.teacher {
            teacher.logits_of_batch(batch.table(), batch.rows())?;
            self.head.tell(sink, |calls| {
                let forward = std::iter::repeat_n(calls.teacher_forward(), batch.len());
                forward.chain([calls.distil(batch.len(), known)])
            });
            (0..batch.len()).for_each(|b| self.distil(b));
        }
        self.head.descend(batch, sink)
    }

    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.calibrate(samples)?;
        self.seen.iter_mut().zip(&self.current).for_each(|(s, &c)| *s |= c);
        self.head.refresh(samples.table(), Phase::Consolidate, sink)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn state_bytes(&self) -> u64 {
        let teacher = if self.teacher.is_some() { self.head.calls.forward_bytes() } else { 0 };
        self.head.state_bytes() + teacher
    }
}
