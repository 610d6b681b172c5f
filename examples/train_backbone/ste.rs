//! The straight-through estimator and the small pieces of training that candle-core leaves out.

use candle_core::backprop::GradStore;
use candle_core::{D, Result, Tensor, Var};

/// sign(x) ∈ {−1, +1} with sign(0) = +1; the gradient passes unchanged where |x| ≤ 1 and is zero elsewhere.
pub fn sign(x: &Tensor) -> Result<Tensor> {
    let clipped = x.clamp(-1f32, 1f32)?;
    let hard = hard_sign(x)?;
    (hard - clipped.detach())? + clipped
}

/// sign(x) ∈ {−1, +1} with sign(0) = +1, without gradient.
pub fn hard_sign(x: &Tensor) -> Result<Tensor> {
    x.detach().ge(0f32)?.to_dtype(candle_core::DType::F32)?.affine(2.0, -1.0)
}

/// Mean softmax cross-entropy of `logits` (batch × classes) against `labels` (u32), and the share of right answers.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<(Tensor, f32)> {
    let top = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&top)?;
    let normaliser = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let right = shifted.gather(&labels.unsqueeze(1)?, 1)?;
    let loss = (normaliser - right)?.mean_all()?;
    let hits = logits.argmax(D::Minus1)?.eq(labels)?.to_dtype(candle_core::DType::F32)?.mean_all()?;
    Ok((loss, hits.to_scalar()?))
}

/// One trained tensor with Adam's moments.
struct Moments {
    var: Var,
    first: Tensor,
    second: Tensor,
    /// Latent binary weights stay in [−1, 1], or their gradient would never return.
    clip: bool,
}

/// Adam (Kingma and Ba 2015) with β = (0.9, 0.999) and ε = 1e-8.
pub struct Adam {
    slots: Vec<Moments>,
    steps: i32,
}

impl Adam {
    /// Over `vars`, each with a mark that says whether it is clipped to [−1, 1] after each step.
    pub fn new(vars: Vec<(Var, bool)>) -> Result<Self> {
        let slots = vars.into_iter().map(|(var, clip)| {
            let zero = var.as_tensor().zeros_like()?;
            Ok(Moments { first: zero.clone(), second: zero, var, clip })
        });
        Ok(Self { slots: slots.collect::<Result<_>>()?, steps: 0 })
    }

    /// One step of size `rate` along `grads`.
    pub fn step(&mut self, grads: &GradStore, rate: f64) -> Result<()> {
        self.steps += 1;
        let (keep1, keep2) = (0.9f64, 0.999f64);
        let (fix1, fix2) = (1.0 - keep1.powi(self.steps), 1.0 - keep2.powi(self.steps));
        for slot in &mut self.slots {
            let Some(grad) = grads.get(&slot.var) else { continue };
            slot.first = ((&slot.first * keep1)? + (grad * (1.0 - keep1))?)?.detach();
            slot.second = ((&slot.second * keep2)? + (grad.sqr()? * (1.0 - keep2))?)?.detach();
            let scale = ((&slot.second / fix2)?.sqrt()? + 1e-8)?;
            let moved = (slot.var.as_tensor() - ((&slot.first * (rate / fix1))? / scale)?)?;
            let moved = if slot.clip { moved.clamp(-1f32, 1f32)? } else { moved };
            slot.var.set(&moved.detach())?;
        }
        Ok(())
    }
}
