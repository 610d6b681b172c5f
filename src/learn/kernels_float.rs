//! The same operations in f32: fixed order, no fused multiply-add, so that a C twin with `-ffp-contract=off` is bit-identical.

use super::StepCount;
use crate::numeric::{Format, half_float};

/// `logits[c] += Σ_k weights[c][k] · features[k]`, k ascending, one rounding a product and one a sum.
///
/// Four rows run side by side; that changes no order of summation within a row.
pub fn head_forward_f32(weights: &[f32], features: &[f32], logits: &mut [f32]) {
    let k = features.len();
    let mut z = logits.chunks_exact_mut(4);
    let mut rows = weights.chunks_exact(4 * k);
    for (z, rows) in z.by_ref().zip(rows.by_ref()) {
        let (r0, rest) = rows.split_at(k);
        let (r1, rest) = rest.split_at(k);
        let (r2, r3) = rest.split_at(k);
        let mut sums = [z[0], z[1], z[2], z[3]];
        for ((((&a, &w0), &w1), &w2), &w3) in features.iter().zip(r0).zip(r1).zip(r2).zip(r3) {
            sums[0] += w0 * a;
            sums[1] += w1 * a;
            sums[2] += w2 * a;
            sums[3] += w3 * a;
        }
        z.copy_from_slice(&sums);
    }
    for (z, row) in z.into_remainder().iter_mut().zip(rows.remainder().chunks_exact(k)) {
        for (&w, &a) in row.iter().zip(features) {
            *z += w * a;
        }
    }
}

/// `probabilities − onehot(label)`, in place.
pub fn error_f32(probabilities: &mut [f32], label: usize) {
    probabilities[label] -= 1.0;
}

/// `acc[c][k] += errors[c] · features[k]`.
pub fn gradient_accumulate_f32(acc: &mut [f32], errors: &[f32], features: &[f32]) {
    for (row, &e) in acc.chunks_exact_mut(features.len()).zip(errors) {
        for (sum, &a) in row.iter_mut().zip(features) {
            *sum += e * a;
        }
    }
}

/// `velocity = (μ·velocity + gradient) + λ·weight`, rounded to the velocity's format.
pub fn velocity_f32(
    velocity: &mut [f32],
    gradient: &[f32],
    weights: &[f32],
    (momentum, decay): (f32, f32),
    format: Format,
) {
    for ((v, &g), &w) in velocity.iter_mut().zip(gradient).zip(weights) {
        *v = round_to_format((momentum * *v + g) + decay * w, format);
    }
}

/// `weights −= rate · gradient`, rounded to the weights' format; a step vanishes where the weight stays what it was.
pub fn sgd_update_f32(weights: &mut [f32], gradient: &[f32], rate: f32, format: Format) -> StepCount {
    match format {
        Format::F16 | Format::Bf16 => stepped(weights, gradient, |w, g| round_to_format(w - rate * g, format)),
        _ => stepped(weights, gradient, |w, g| w - rate * g),
    }
}

fn stepped(weights: &mut [f32], gradient: &[f32], step: impl Fn(f32, f32) -> f32) -> StepCount {
    let mut count = StepCount::default();
    for (w, &g) in weights.iter_mut().zip(gradient) {
        let moved = step(*w, g);
        count.non_zero += u64::from(g != 0.0);
        count.vanished += u64::from((g != 0.0) & (moved == *w));
        *w = moved;
    }
    count
}

/// Sum of the rows where `rows`, added in f32 in storage order, and the number of values.
pub fn sum_rows_f32(weights: &[f32], columns: usize, rows: &[bool]) -> (f32, usize) {
    let (mut sum, mut n) = (0.0, 0);
    for (row, _) in weights.chunks_exact(columns).zip(rows).filter(|(_, take)| **take) {
        for &w in row {
            sum += w;
        }
        n += row.len();
    }
    (sum, n)
}

/// CWR*'s one scalar mean: sum over number, 0 without values.
pub fn mean_rows_f32((sum, n): (f32, usize)) -> f32 {
    if n == 0 { 0.0 } else { sum / n as f32 }
}

/// `√(past / current)` in f32; 0 where `current` is 0.
pub fn past_weight_f32(past: u32, current: u32) -> f32 {
    if current == 0 { 0.0 } else { (past as f32 / current as f32).sqrt() }
}

/// One row: `cw = (cw·wp + (tw − mean)) / (wp + 1)`, rounded to the format.
pub fn consolidate_rows_f32(consolidated: &mut [f32], trained: &[f32], mean: f32, wpast: f32, format: Format) {
    for (cw, &tw) in consolidated.iter_mut().zip(trained) {
        *cw = round_to_format((*cw * wpast + (tw - mean)) / (wpast + 1.0), format);
    }
}

/// The f32 that `x` becomes when stored as f16 or bf16; unchanged in every other format.
#[inline]
pub fn round_to_format(x: f32, format: Format) -> f32 {
    match format {
        Format::F16 => half_float::round_f16(x),
        Format::Bf16 => half_float::round_bf16(x),
        _ => x,
    }
}
