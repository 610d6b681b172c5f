//! Twins of AR1*'s binary layer. Integer references are written on `learn::kernels`; reals, which the simulator sums in f32, in the same
//! order.

use tinyprec::learn::kernels;
use tinyprec::numeric::{Rounder, Rounding};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, B1, F32, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::formats::words;
use super::head::{codes, each_length, factor, factor_parts, n_dims, stored, width};
use super::strategies::reals;
use super::{N, SHAPES, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, double, input, output, real, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const MATRIX: &[&str] = &["classes", "features", "classes*features"];
const PATH: &[Option<BufferKind>] = &[A, A, T, T];
const IMPORTANCE: &[Option<BufferKind>] = &[T, T, T, T, A];

/// The layer's own operations.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    let back = |elems, symbol, cases| Spec::new(Op::InputGradient, elems, symbol, MATRIX, &[A, T, A], cases);
    let path = |elems, symbol, cases| Spec::new(Op::PathIntegral, elems, symbol, N, PATH, cases);
    let weighed = |elems, symbol, cases| Spec::new(Op::PathImportance, elems, symbol, N, IMPORTANCE, cases);
    vec![
        spec(Op::Residual, &[I8, I32], "tp_residual_i8", N, &[A, A, None], |r| residual(r, I8)),
        spec(Op::Residual, &[I16, I32], "tp_residual_i16", N, &[A, A, None], |r| residual(r, I16)),
        spec(Op::Residual, &[F32, I32], "tp_residual_f32", N, &[A, A], residual_f32),
        back(&[I8, I8, I32], "tp_input_gradient_i8", |r| back_codes(r, [I8, I8, I32])),
        back(&[I16, I16, I64], "tp_input_gradient_i16", |r| back_codes(r, [I16, I16, I64])),
        back(&[I8, I16, I32], "tp_input_gradient_i8_i16", |r| back_codes(r, [I8, I16, I32])),
        back(&[I8, I32, I64], "tp_input_gradient_i8_i32", |r| back_codes(r, [I8, I32, I64])),
        back(&[I32, I32, F32], "tp_input_gradient_i32_f32", |r| back_reals(r, true)),
        back(&[F32, F32, F32], "tp_input_gradient_f32", |r| back_reals(r, false)),
        spec(Op::GradientRange, &[F32], "tp_range_f32", N, &[A, None], range),
        spec(Op::QuantiseError, &[F32, I32], "tp_quantise_error_f32_i32", N, &[A, A], to_codes).doubles(),
        spec(Op::QuantiseError, &[F32, F32], "tp_scale_error_f32", N, &[A, A], scaled),
        spec(Op::QuantiseError, &[I64, I16], "tp_requantise_i64_i16", N, &[A, A, None], |r| {
            super::paper::requantise(r, I16, Rounding::TiesEven)
        }),
        spec(Op::QuantiseError, &[I64, I8], "tp_requantise_i64_i8", N, &[A, A, None], |r| {
            super::paper::requantise(r, I8, Rounding::TiesEven)
        }),
        path(&[I8, I8, F32], "tp_path_integral_i8", |r| integral(r, I8, I8)),
        path(&[I16, I16, F32], "tp_path_integral_i16", |r| integral(r, I16, I16)),
        path(&[I32, I32, F32], "tp_path_integral_i32", |r| integral(r, I32, I32)),
        path(&[I32, I8, F32], "tp_path_integral_i32_i8", |r| integral(r, I32, I8)),
        path(&[I32, I16, F32], "tp_path_integral_i32_i16", |r| integral(r, I32, I16)),
        path(&[F32, F32, F32], "tp_path_integral_f32", |r| integral(r, F32, F32)),
        weighed(&[F32, I8], "tp_path_importance_i8", |r| importance(r, I8)),
        weighed(&[F32, I16], "tp_path_importance_i16", |r| importance(r, I16)),
        weighed(&[F32, I32], "tp_path_importance_i32", |r| importance(r, I32)),
        weighed(&[F32, F32], "tp_path_importance_f32", |r| importance(r, F32)),
        spec(Op::GradientAccumulate, &[F32, B1, F32], "tp_gradient_accumulate_f32_b1", MATRIX, &[A, A, A], signs),
    ]
}

fn residual(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (x, limit) = (codes(random, n, elem), w32((1i64 << (width(elem) - 1)) - 1));
        let sums: Vec<i32> = (0..n).map(|_| w32(random.integer(-1000, 1000))).collect();
        let by = {
            let e = random.integer(-8, 0);
            factor(random, e)
        };
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let mut add = |(a, y): (&i32, &i32)| {
            let sum = i64::from(*a) + kernels::product(i64::from(*y), by, &mut rounder);
            w32(sum.clamp(i64::from(-limit), i64::from(limit)))
        };
        let after: Vec<i32> = x.iter().zip(&sums).map(&mut add).collect();
        let [mantissa, shift] = factor_parts(by);
        let args = vec![
            input(&sums),
            Arg::InOut(stored(&x, elem), stored(&after, elem)),
            input(&[mantissa, shift, 0, 0, -limit, limit]),
            value(small(n)),
        ];
        Case { dims: n_dims(n), args }
    })
}

fn residual_f32(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (x, by) = (reals(random, n), random.unit());
        let sums: Vec<i32> = (0..n).map(|_| w32(random.integer(-1000, 1000))).collect();
        let after: Vec<f32> = x.iter().zip(&sums).map(|(a, y)| a + *y as f32 * by).collect();
        let args = vec![input(&sums), update(&x, &after), real(by), value(small(n))];
        Case { dims: n_dims(n), args }
    })
}

fn each_matrix(random: &mut Random, case: impl Fn(&mut Random, usize, usize) -> Vec<Arg>) -> Vec<Case> {
    let of = |random: &mut Random, (classes, features): (usize, usize)| {
        let mut args = case(random, classes, features);
        args.extend([value(small(classes)), value(small(features))]);
        Case { dims: dims(&[("classes", classes), ("features", features)]), args }
    };
    SHAPES.iter().map(|shape| of(random, *shape)).collect()
}

fn back_codes(random: &mut Random, [error, master, to]: [Elem; 3]) -> Vec<Case> {
    each_matrix(random, |random, classes, features| {
        let (e, w) = (codes(random, classes, error), codes(random, classes * features, master));
        let zeros = [w32(random.integer(-100, 100)), w32(random.integer(-100, 100))];
        let mut back = vec![0i64; features];
        for (e, row) in e.iter().zip(w.chunks_exact(features)) {
            for (sum, w) in back.iter_mut().zip(row) {
                *sum += (i64::from(*e) - i64::from(zeros[0])) * (i64::from(*w) - i64::from(zeros[1]));
            }
        }
        let sums = if to == I32 { output(&back.iter().map(|b| w32(*b)).collect::<Vec<i32>>()) } else { output(&back) };
        let mut args = vec![Arg::In(stored(&e, error)), Arg::In(stored(&w, master)), sums];
        args.extend(zeros.map(|z| value(i64::from(z))));
        args
    })
}

fn back_reals(random: &mut Random, coded: bool) -> Vec<Case> {
    each_matrix(random, |random, classes, features| {
        let n = classes * features;
        let (ec, wc) = (codes(random, classes, I32), codes(random, n, I32));
        let zeros = [w32(random.integer(-100, 100)), w32(random.integer(-100, 100))];
        let scales = [1e-9f32, 3e-10];
        let real_of = |x: &i32, i: usize| (i64::from(*x) - i64::from(zeros[i])) as f32 * scales[i];
        let (e, w): (Vec<f32>, Vec<f32>) = match coded {
            true => (ec.iter().map(|x| real_of(x, 0)).collect(), wc.iter().map(|x| real_of(x, 1)).collect()),
            false => (reals(random, classes), reals(random, n)),
        };
        let mut back = vec![0f32; features];
        for (e, row) in e.iter().zip(w.chunks_exact(features)) {
            back.iter_mut().zip(row).for_each(|(sum, w)| *sum += e * w);
        }
        if !coded {
            return vec![input(&e), input(&w), output(&back)];
        }
        let mut args = vec![input(&ec), input(&wc), output(&back), value(i64::from(zeros[0])), real(scales[0])];
        args.extend([value(i64::from(zeros[1])), real(scales[1])]);
        args
    })
}

pub(super) fn range(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let x = reals(random, n);
        let (lo, hi) = x.iter().fold((0f32, 0f32), |(l, h), &x| (l.min(x), h.max(x)));
        Case { dims: n_dims(n), args: vec![input(&x), output(&[lo, hi]), value(small(n))] }
    })
}

fn to_codes(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (x, zero) = (reals(random, n), random.integer(-(1 << 30), 1 << 30));
        let scale = 8.0 / 4e9 * (1.0 + f64::from(random.unit().abs()));
        let (lo, hi) = (i64::from(i32::MIN), i64::from(i32::MAX));
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let mut code = |x: &f32| w32((rounder.real(f64::from(*x) / scale) + zero).clamp(lo, hi));
        let y: Vec<i32> = x.iter().map(&mut code).collect();
        let mut args = vec![input(&x), output(&y), double(scale)];
        args.extend([zero, lo, hi, small(n)].map(value));
        Case { dims: n_dims(n), args }
    })
}

fn scaled(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (x, by) = (reals(random, n), random.unit());
        let y: Vec<f32> = x.iter().map(|x| x * by).collect();
        Case { dims: n_dims(n), args: vec![input(&x), output(&y), real(by), value(small(n))] }
    })
}

/// Two versions of the weights: as stored, and the reals of their difference.
fn moved(random: &mut Random, n: usize, elem: Elem, scale: f32) -> ([Arg; 2], Vec<f32>) {
    if elem == F32 {
        let (a, b) = (reals(random, n), reals(random, n));
        let moved = a.iter().zip(&b).map(|(a, b)| b - a).collect();
        return ([input(&a), input(&b)], moved);
    }
    let (a, b) = (codes(random, n, elem), codes(random, n, elem));
    let moved = a.iter().zip(&b).map(|(a, b)| (i64::from(*b) - i64::from(*a)) as f32 * scale).collect();
    ([Arg::In(stored(&a, elem)), Arg::In(stored(&b, elem))], moved)
}

fn integral(random: &mut Random, gradient: Elem, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (zero, scales) = (w32(random.integer(-100, 100)), [0.003f32, 0.01]);
        let path = reals(random, n);
        let ([before, after], moved) = moved(random, n, elem, scales[1]);
        let (stored_gradient, g): (Arg, Vec<f32>) = if elem == F32 {
            let g = reals(random, n);
            (input(&g), g)
        } else {
            let g = codes(random, n, gradient);
            let real_of = |g: &i32| (i64::from(*g) - i64::from(zero)) as f32 * scales[0];
            (Arg::In(stored(&g, gradient)), g.iter().map(real_of).collect())
        };
        let sums: Vec<f32> = (0..n).map(|i| path[i] + g[i] * moved[i]).collect();
        let mut args = vec![stored_gradient, before, after, update(&path, &sums)];
        if elem != F32 {
            args.extend([value(i64::from(zero)), real(scales[0]), real(scales[1])]);
        }
        args.push(value(small(n)));
        Case { dims: n_dims(n), args }
    })
}

fn importance(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (scale, damping, most, lambda) = (0.01f32, 1e-7f32, 1e-3f32, 0.8f32);
        let (path, total) = (reals(random, n), reals(random, n));
        let ([start, now], moved) = moved(random, n, elem, scale);
        let sums: Vec<f32> = (0..n).map(|i| total[i] + path[i] / (moved[i] * moved[i] + damping)).collect();
        let kept: Vec<f32> = sums.iter().map(|s| lambda * (-s).min(most)).collect();
        let mut args = vec![update(&path, &vec![0f32; n]), start, now, update(&total, &sums), output(&kept)];
        args.extend((elem != F32).then(|| real(scale)));
        args.extend([real(damping), real(most), real(lambda), value(small(n))]);
        Case { dims: n_dims(n), args }
    })
}

fn signs(random: &mut Random) -> Vec<Case> {
    each_matrix(random, |random, classes, features| {
        let (e, before) = (reals(random, classes), reals(random, classes * features));
        let x: Vec<i32> = (0..features).map(|_| if random.next().is_multiple_of(2) { -1 } else { 1 }).collect();
        let mut after = before.clone();
        let as_reals: Vec<f32> = x.iter().map(|x| *x as f32).collect();
        kernels::gradient_accumulate_f32(&mut after, &e, &as_reals);
        vec![input(&e), Arg::In(words(&x)), update(&before, &after)]
    })
}
