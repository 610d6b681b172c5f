//! Twins of EWC and MAS in integers and in single precision; the references are `learn::kernels` and `numeric::elementary`.

use tinyprec::learn::kernels;
use tinyprec::numeric::elementary::softmax_f32;
use tinyprec::numeric::{Rounder, Rounding};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, F32, I8, I16, I32};
use tinyprec::trace::Op;

use super::head::{codes, each_length, factor, factor_parts, n_dims, stored, width};
use super::strategies::{features, reals};
use super::{N, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, double, input, output, real, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const PULL: &[Option<BufferKind>] = &[T, T, T, T, None];
const KEEP: &[Option<BufferKind>] = &[A, T, T, T];
const KEEP_RUNNING: &[Option<BufferKind>] = &[A, T, T, T, T];
const IMPORTANCE: &[&str] = &[
    "batch",
    "batch*classes",
    "batch*min(1,classes-1)",
    "min(1,classes-1)",
    "(batch-1)*(1-min(1,classes-1))",
    "batch*(1-min(1,classes-1))",
    "batch*(27*classes+1)",
    "classes*features",
    "batch*classes*features",
];

/// Pulls, importances, anchors.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    let squares = |elems, symbol, cases| {
        Spec::new(Op::ImportanceAccumulate, elems, symbol, IMPORTANCE, &[A, None, A, A, S, S], cases)
    };
    let sizes = |elems, symbol, cases| {
        Spec::new(Op::ImportanceAccumulate, elems, symbol, IMPORTANCE, &[A, A, A, S], cases).when("magnitude")
    };
    let keeps = |elems, symbol, cases| Spec::new(Op::KeepAnchor, elems, symbol, N, KEEP, cases);
    let running =
        |elems, symbol, cases| Spec::new(Op::KeepAnchor, elems, symbol, N, KEEP_RUNNING, cases).when("running");
    vec![
        spec(Op::AnchorPull, &[I8, I8, I32], "tp_anchor_pull_i8", N, PULL, |r| pull(r, I8)),
        spec(Op::AnchorPull, &[I16, I16, I32], "tp_anchor_pull_i16", N, PULL, |r| pull(r, I16)),
        spec(Op::AnchorPull, &[I32, I32, I32], "tp_anchor_pull_i32", N, PULL, |r| pull(r, I32)),
        spec(Op::AnchorPull, &[F32, F32, F32], "tp_anchor_pull_f32", N, &[T, T, T, T], pull_f32),
        squares(&[I8, F32], "tp_importance_accumulate_i8", |r| importance(r, I8, false)),
        squares(&[I16, F32], "tp_importance_accumulate_i16", |r| importance(r, I16, false)),
        squares(&[F32, F32], "tp_importance_accumulate_f32", |r| importance(r, F32, false)),
        sizes(&[I8, F32], "tp_importance_magnitude_i8", |r| importance(r, I8, true)),
        sizes(&[I16, F32], "tp_importance_magnitude_i16", |r| importance(r, I16, true)),
        sizes(&[F32, F32], "tp_importance_magnitude_f32", |r| importance(r, F32, true)),
        keeps(&[F32, I8, I8, I32], "tp_keep_anchor_i8", |r| keep(r, I8, false)).doubles(),
        keeps(&[F32, I16, I16, I32], "tp_keep_anchor_i16", |r| keep(r, I16, false)).doubles(),
        keeps(&[F32, I32, I32, I32], "tp_keep_anchor_i32", |r| keep(r, I32, false)).doubles(),
        keeps(&[F32, F32, F32, F32], "tp_keep_anchor_f32", |r| keep_f32(r, false)),
        running(&[F32, I8, I8, I32], "tp_keep_running_i8", |r| keep(r, I8, true)).doubles(),
        running(&[F32, I16, I16, I32], "tp_keep_running_i16", |r| keep(r, I16, true)).doubles(),
        running(&[F32, I32, I32, I32], "tp_keep_running_i32", |r| keep(r, I32, true)).doubles(),
        running(&[F32, F32, F32, F32], "tp_keep_running_f32", |r| keep_f32(r, true)),
    ]
}

fn pull(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (before, anchor, w) = (codes(random, n, elem), codes(random, n, elem), codes(random, n, elem));
        // |difference · pull| < 2^60.
        let bits = 58 - i64::from(width(elem)).min(32);
        let top = (1i64 << bits.min(31)) - 1;
        let pulls: Vec<i32> = (0..n).map(|_| w32(random.integer(0, top))).collect();
        let exponent = 32 - i64::from(width(elem)) - bits.min(31) - 1 + random.integer(-6, 0);
        let by = factor(random, exponent.max(-60));
        let limit = w32((1i64 << (width(elem) - 1)) - 1);
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let moved = |i: usize, rounder: &mut Rounder| {
            let off = (i64::from(before[i]) - i64::from(anchor[i])) * i64::from(pulls[i]);
            let y = i64::from(w[i]) - kernels::product(off, by, rounder);
            w32(y.clamp(i64::from(-limit), i64::from(limit)))
        };
        let after: Vec<i32> = (0..n).map(|i| moved(i, &mut rounder)).collect();
        let [mantissa, shift] = factor_parts(by);
        let args = vec![
            Arg::In(stored(&before, elem)),
            Arg::In(stored(&anchor, elem)),
            input(&pulls),
            Arg::InOut(stored(&w, elem), stored(&after, elem)),
            input(&[mantissa, shift, 0, 0, -limit, limit]),
            value(small(n)),
        ];
        Case { dims: n_dims(n), args }
    })
}

fn pull_f32(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (before, anchor, k, w) = (reals(random, n), reals(random, n), reals(random, n), reals(random, n));
        let rate = 0.01f32;
        let after: Vec<f32> = (0..n).map(|i| w[i] - rate * k[i] * (before[i] - anchor[i])).collect();
        let args = vec![input(&before), input(&anchor), input(&k), update(&w, &after), real(rate), value(small(n))];
        Case { dims: n_dims(n), args }
    })
}

fn importance(random: &mut Random, elem: Elem, magnitude: bool) -> Vec<Case> {
    let case = |random: &mut Random, batch: usize, (classes, k): (usize, usize)| {
        let z: Vec<f32> = (0..batch * classes).map(|_| random.unit() * 8.0).collect();
        let labels: Vec<i32> = (0..batch).map(|_| w32(random.integer(0, small(classes) - 1))).collect();
        let (zero, scale) = (w32(random.integer(-20, 20)), 0.031_f32);
        let (x, sample) = features(random, batch * k, elem, zero, scale);
        let before: Vec<f32> = (0..classes * k).map(|_| random.unit().abs()).collect();
        let mean = 1.0 / batch as f32;
        let mut gradient = vec![0.0; classes * k];
        for b in 0..batch {
            let mut error = vec![0.0; classes];
            let z = &z[b * classes..(b + 1) * classes];
            if magnitude {
                error.iter_mut().zip(z).for_each(|(e, z)| *e = 2.0 * z);
            } else {
                softmax_f32(z, &mut error);
                error[usize::try_from(labels[b]).expect("a label")] -= 1.0;
            }
            kernels::gradient_accumulate_f32(&mut gradient, &error, &sample[b * k..(b + 1) * k]);
        }
        let size = |(t, g): (&f32, &f32)| t + if magnitude { (g * mean).abs() } else { (g * mean) * (g * mean) };
        let after: Vec<f32> = before.iter().zip(&gradient).map(size).collect();
        let mut args = vec![input(&z)];
        args.extend((!magnitude).then(|| input(&labels)));
        args.extend([x, update(&before, &after), Arg::Scratch(4 * classes * k)]);
        args.extend((!magnitude).then_some(Arg::Scratch(4 * classes)));
        args.push(value(i64::from(zero)));
        args.extend([real(scale), real(mean), value(small(batch)), value(small(classes)), value(small(k))]);
        let dims = dims(&[("batch", batch), ("classes", classes), ("features", k)]);
        Case { dims: if magnitude { dims.with("magnitude", 1) } else { dims }, args }
    };
    // One class alone skips the search for the largest logit; such cases are among those that expressions are matched on.
    let shapes = [
        (4, (1, 1)),
        (3, (10, 33)),
        (2, (2, 7)),
        (5, (1, 31)),
        (1, (7, 1)),
        (4, (3, 64)),
        (2, (1, 5)),
        (7, (5, 20)),
        (3, (1, 17)),
        (2, (10, 17)),
        (6, (4, 40)),
        (1, (20, 9)),
    ];
    shapes.iter().map(|(batch, shape)| case(random, *batch, *shape)).collect()
}

/// `keep · running + take · importance`.
fn merged(random: &mut Random, n: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>, [f32; 2]) {
    let new: Vec<f32> = (0..n).map(|_| random.unit().abs() * 4.0).collect();
    let old: Vec<f32> = (0..n).map(|_| random.unit().abs() * 4.0).collect();
    let (keep, take) = (0.9f32, 0.3f32);
    let both: Vec<f32> = old.iter().zip(&new).map(|(old, new)| keep * old + take * new).collect();
    (new, old, both, [keep, take])
}

fn keep(random: &mut Random, elem: Elem, running: bool) -> Vec<Case> {
    each_length(random, |random, n| {
        let w = codes(random, n, elem);
        let (new, old, both, [keep, take]) = merged(random, n);
        let by = 2.0 * f64::from(random.unit().abs()) * 100.0 * 65536.0;
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let kept = if running { &both } else { &new };
        let pulls: Vec<i32> = kept.iter().map(|f| w32(rounder.real(by * f64::from(*f)))).collect();
        let mut args = vec![input(&new), Arg::In(stored(&w, elem)), Arg::Out(stored(&w, elem)), output(&pulls)];
        if running {
            args.extend([update(&old, &both), real(keep), real(take)]);
        }
        args.extend([double(by), value(small(n))]);
        Case { dims: if running { n_dims(n).with("running", 1) } else { n_dims(n) }, args }
    })
}

fn keep_f32(random: &mut Random, running: bool) -> Vec<Case> {
    each_length(random, |random, n| {
        let w = reals(random, n);
        let (new, old, both, [keep, take]) = merged(random, n);
        let by = 7.3f32;
        let pulls: Vec<f32> = if running { &both } else { &new }.iter().map(|f| by * f).collect();
        let mut args = vec![input(&new), input(&w), output(&w), output(&pulls)];
        if running {
            args.extend([update(&old, &both), real(keep), real(take)]);
        }
        args.extend([real(by), value(small(n))]);
        Case { dims: if running { n_dims(n).with("running", 1) } else { n_dims(n) }, args }
    })
}
