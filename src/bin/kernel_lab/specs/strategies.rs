//! Twins of what the strategies other than CWR* add. Integer and single-precision references are `learn::kernels` and
//! `numeric::elementary`; class means and covariance, which the simulator keeps in f64, are held to the same formula in f32, in order.

use tinyprec::learn::kernels;
use tinyprec::numeric::elementary::{Exponent, softmax_f32};
use tinyprec::numeric::{Rounder, Rounding};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, B1, F32, I8, I16, I32};
use tinyprec::trace::Op;

use super::discriminant::{covariance, means_to_rows, solve_rows};
use super::head::{codes, each_length, factor, factor_parts, n_dims, stored, width};
use super::{SHAPES, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, real, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const WORDS: &[&str] = &["n", "ceil_div(n,32)"];
const FEATURES: &[&str] = &["features", "features*(features+1)/2", "features*(features-1)/2"];
const DISTIL: &[&str] =
    &["batch", "batch*classes", "batch*min(1,classes-1)", "batch*31", "batch*32", "batch*classes*5"];
const ROWS: &[&str] = &["classes", "classes*features"];
const SOLVE: &[&str] = &[
    "classes",
    "features",
    "features-1",
    "features*31",
    "features*32",
    "classes*features",
    "classes*(features-1)",
    "classes*features*(features-1)/2",
    "features*(features-1)/2",
    "(features-1)*(features-2)/2",
    "features*(features-1)*(features-2)/6",
    "classes*min(1,features-1)",
    "classes*features*(features+1)",
];

/// Twins of the other strategies.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    let latent = |op, elems, symbol, cases| Spec::new(op, elems, symbol, WORDS, &[A, T], cases);
    vec![
        spec(Op::Distil, &[I32, I32], "tp_distil_i32", DISTIL, &[A, A, None, A, S, None], distil),
        spec(Op::Distil, &[F32, F32], "tp_distil_f32", DISTIL, &[A, A, None, A, S], distil_f32),
        spec(Op::MeanUpdate, &[I8, I32], "tp_mean_update_i8", FEATURES, &[A, T], |r| mean_update(r, I8)),
        spec(Op::MeanUpdate, &[I16, I32], "tp_mean_update_i16", FEATURES, &[A, T], |r| mean_update(r, I16)),
        spec(Op::MeanUpdate, &[F32, F32], "tp_mean_update_f32", FEATURES, &[A, T], mean_update_f32),
        spec(Op::CovarianceUpdate, &[I8, F32], "tp_covariance_update_i8", FEATURES, &[A, T, T, S], |r| {
            covariance(r, I8)
        }),
        spec(Op::CovarianceUpdate, &[I16, F32], "tp_covariance_update_i16", FEATURES, &[A, T, T, S], |r| {
            covariance(r, I16)
        }),
        spec(Op::CovarianceUpdate, &[F32, F32], "tp_covariance_update_f32", FEATURES, &[A, T, T, S], |r| {
            covariance(r, F32)
        }),
        spec(Op::MeansToRows, &[I32, I8], "tp_means_to_rows_i8", ROWS, &[T, T, T, T, S], |r| means_to_rows(r, I8)),
        spec(Op::MeansToRows, &[I32, I16], "tp_means_to_rows_i16", ROWS, &[T, T, T, T, S], |r| means_to_rows(r, I16)),
        spec(Op::MeansToRows, &[I32, I32], "tp_means_to_rows_i32", ROWS, &[T, T, T, T, S], |r| means_to_rows(r, I32)),
        spec(Op::MeansToRows, &[F32, F32], "tp_means_to_rows_f32", ROWS, &[T, T, T, T, S], |r| means_to_rows(r, F32)),
        spec(Op::SolveRows, &[F32, I8], "tp_solve_rows_i8", SOLVE, &[T, T, T, T, T, S, S, S], |r| solve_rows(r, I8)),
        spec(Op::SolveRows, &[F32, I16], "tp_solve_rows_i16", SOLVE, &[T, T, T, T, T, S, S, S], |r| solve_rows(r, I16)),
        spec(Op::SolveRows, &[F32, I32], "tp_solve_rows_i32", SOLVE, &[T, T, T, T, T, S, S, S], |r| solve_rows(r, I32)),
        spec(Op::SolveRows, &[F32, F32], "tp_solve_rows_f32", SOLVE, &[T, T, T, T, T, S, S, S], |r| solve_rows(r, F32)),
        latent(Op::StoreLatent, &[I8, I8], "tp_store_latent_i8", |r| latents(r, I8)),
        latent(Op::StoreLatent, &[F32, F32], "tp_store_latent_f32", |r| latents(r, F32)),
        latent(Op::StoreLatent, &[I16, I16], "tp_store_latent_i16", |r| latents(r, I16)),
        latent(Op::StoreLatent, &[I32, I32], "tp_store_latent_i32", |r| latents(r, I32)),
        latent(Op::StoreLatent, &[I16, B1], "tp_store_latent_i16_b1", |r| to_signs(r, I16)),
        latent(Op::StoreLatent, &[I32, B1], "tp_store_latent_i32_b1", |r| to_signs(r, I32)),
        latent(Op::StoreLatent, &[I8, B1], "tp_store_latent_i8_b1", |r| to_signs(r, I8)),
        latent(Op::StoreLatent, &[F32, B1], "tp_store_latent_f32_b1", |r| to_signs(r, F32)),
        Spec::new(Op::LoadLatent, &[I8, I8], "tp_load_latent_i8", WORDS, &[T, A], |r| latents(r, I8)),
        Spec::new(Op::LoadLatent, &[F32, F32], "tp_load_latent_f32", WORDS, &[T, A], |r| latents(r, F32)),
        Spec::new(Op::LoadLatent, &[I16, I16], "tp_load_latent_i16", WORDS, &[T, A], |r| latents(r, I16)),
        Spec::new(Op::LoadLatent, &[B1, I16], "tp_load_latent_b1_i16", WORDS, &[T, A], |r| from_signs(r, I16)),
        Spec::new(Op::LoadLatent, &[B1, I8], "tp_load_latent_b1_i8", WORDS, &[T, A], |r| from_signs(r, I8)),
        Spec::new(Op::LoadLatent, &[B1, F32], "tp_load_latent_b1_f32", WORDS, &[T, A], |r| from_signs(r, F32)),
    ]
}

/// Some are the negative of the one before: sums cancel.
pub(super) fn reals(random: &mut Random, n: usize) -> Vec<f32> {
    let mut last = 0.0;
    let mut one = |_| {
        last = if random.next().is_multiple_of(16) { -last } else { random.unit() * 4.0 };
        last
    };
    (0..n).map(&mut one).collect()
}

/// Features as stored, and the reals they stand for.
pub(super) fn features(random: &mut Random, n: usize, elem: Elem, zero: i32, scale: f32) -> (Arg, Vec<f32>) {
    if elem == F32 {
        let x = reals(random, n);
        return (input(&x), x);
    }
    let x = codes(random, n, elem);
    (Arg::In(stored(&x, elem)), x.iter().map(|x| (x - zero) as f32 * scale).collect())
}

/// Known classes among all: each with some before it that are not.
fn known(random: &mut Random, classes: usize) -> (usize, Vec<i32>) {
    let (total, list, _) = super::chosen(random, classes);
    (total, list)
}

fn at(row: &[i32], b: usize, total: usize) -> impl Iterator<Item = usize> + '_ {
    row.iter().map(move |c| b * total + usize::try_from(*c).expect("a class"))
}

fn distil(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (batch, classes): (usize, usize)| {
        let (total, list) = known(random, classes);
        let spread = random.integer(4, 20);
        let logits = |random: &mut Random| -> Vec<i32> {
            (0..batch * total).map(|_| w32(random.integer(-(1 << spread), 1 << spread))).collect()
        };
        let (z, teacher) = (logits(random), logits(random));
        let exponent = random.integer(-3, 4) - spread;
        let unit = factor(random, exponent);
        let by = {
            let e = random.integer(-3, 0);
            factor(random, e)
        };
        let before: Vec<i32> = (0..batch * total).map(|_| w32(random.integer(-(1 << 30), 1 << 30))).collect();
        let mut after = before.clone();
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        for b in 0..batch {
            let soft = |z: &[i32]| {
                let from: Vec<i32> = at(&list, b, total).map(|i| z[i]).collect();
                let mut p = vec![0; classes];
                kernels::softmax(&from, unit, &mut p);
                p
            };
            for ((i, p), q) in at(&list, b, total).zip(soft(&z)).zip(soft(&teacher)) {
                let sum = i64::from(after[i]) + kernels::product(i64::from(p) - i64::from(q), by, &mut rounder);
                after[i] = w32(sum.clamp(i64::from(i32::MIN), i64::from(i32::MAX)));
            }
        }
        let (mantissa, left, right) = Exponent::new(unit).parts();
        let [by_mantissa, by_shift] = factor_parts(by);
        let mut args = vec![input(&z), input(&teacher), input(&list), update(&before, &after)];
        args.push(Arg::Scratch(12 * classes));
        args.extend([i64::from(mantissa), i64::from(left), i64::from(right)].map(value));
        args.push(input(&[by_mantissa, by_shift, 0, 0, i32::MIN, i32::MAX]));
        args.extend([small(total), small(batch), small(classes)].map(value));
        Case { dims: dims(&[("batch", batch), ("classes", classes)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn distil_f32(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (batch, classes): (usize, usize)| {
        let (total, list) = known(random, classes);
        let (z, teacher) = (reals(random, batch * total), reals(random, batch * total));
        let before = reals(random, batch * total);
        let (t, by) = (2.0f32, 0.35f32);
        let mut after = before.clone();
        for b in 0..batch {
            let soft = |z: &[f32]| {
                let from: Vec<f32> = at(&list, b, total).map(|i| z[i] / t).collect();
                let mut p = vec![0.0; classes];
                softmax_f32(&from, &mut p);
                p
            };
            let (p, q) = (soft(&z), soft(&teacher));
            at(&list, b, total).zip(p.iter().zip(&q)).for_each(|(i, (p, q))| after[i] += by * (p - q));
        }
        let mut args = vec![input(&z), input(&teacher), input(&list), update(&before, &after)];
        args.extend([Arg::Scratch(12 * classes), real(t), real(by)]);
        args.extend([small(total), small(batch), small(classes)].map(value));
        Case { dims: dims(&[("batch", batch), ("classes", classes)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

pub(super) fn k_dims(n: usize) -> tinyprec::trace::Dims {
    dims(&[("features", n)])
}

fn mean_update(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (x, zero) = (codes(random, n, elem), w32(random.integer(-20, 20)));
        let before: Vec<i32> = (0..n).map(|_| w32(random.integer(-(1 << 24), 1 << 24))).collect();
        let after: Vec<i32> = before.iter().zip(&x).map(|(s, x)| s + x - zero).collect();
        let args = vec![Arg::In(stored(&x, elem)), update(&before, &after), value(i64::from(zero)), value(small(n))];
        Case { dims: k_dims(n), args }
    })
}

fn mean_update_f32(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (x, before) = (reals(random, n), reals(random, n));
        let after: Vec<f32> = before.iter().zip(&x).map(|(s, x)| s + x).collect();
        Case { dims: k_dims(n), args: vec![input(&x), update(&before, &after), value(small(n))] }
    })
}

fn latents(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let bytes = if elem == F32 { 4 * n } else { n * width(elem) as usize / 8 };
        let x: Vec<u8> = (0..bytes).map(|_| random.next().to_le_bytes()[0]).collect();
        Case { dims: n_dims(n), args: vec![Arg::In(x.clone()), Arg::Out(x), value(small(n))] }
    })
}

fn sign_words(minus: impl Iterator<Item = bool>) -> Vec<u32> {
    let bits: Vec<bool> = minus.collect();
    let word = |chunk: &[bool]| chunk.iter().enumerate().map(|(i, m)| u32::from(*m) << i).sum();
    bits.chunks(32).map(word).collect()
}

fn to_signs(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let zero = w32(random.integer(-20, 20));
        let (x, words) = if elem == F32 {
            let mut x = reals(random, n);
            x[0] = -0.0;
            let words = sign_words(x.iter().map(|x| *x < 0.0));
            (input(&x), words)
        } else {
            let x = codes(random, n, elem);
            (Arg::In(stored(&x, elem)), sign_words(x.iter().map(|x| *x < zero)))
        };
        Case { dims: n_dims(n), args: vec![x, output(&words), value(i64::from(zero)), value(small(n))] }
    })
}

fn from_signs(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let minus: Vec<bool> = (0..n).map(|_| random.next().is_multiple_of(2)).collect();
        let words = input(&sign_words(minus.iter().copied()));
        let args = if elem == F32 {
            let y: Vec<f32> = minus.iter().map(|m| if *m { -0.7 } else { 0.7 }).collect();
            vec![words, output(&y), real(0.7), value(small(n))]
        } else {
            let y: Vec<i32> = minus.iter().map(|m| if *m { -33 } else { 37 }).collect();
            vec![words, Arg::Out(stored(&y, elem)), value(37), value(-33), value(small(n))]
        };
        Case { dims: n_dims(n), args }
    })
}
