//! Twins of what ranges taken anew each step need, and of rows that become floats; the references are `learn::kernels`.

use tinyprec::learn::kernels::{self, Requant};
use tinyprec::numeric::elementary::Exponent;
use tinyprec::numeric::{Format, Overflow, Rounder, Rounding, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, F32, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::head::{block, codes, each_length, factor, n_dims, requant, site, stored, width};
use super::rows::ROWS;
use super::{N, SHAPES, chosen, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, double, input, output, real, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const CLASSES: &[&str] = &["classes", "min(1,classes-1)"];
const MATRIX: &[&str] = &["classes", "classes*features"];

/// Twins of the `paper` presets' operations.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::Range, &[I8], "tp_range_i8", N, &[T, None], |r| range(r, I8)),
        spec(Op::Range, &[I16], "tp_range_i16", N, &[T, None], |r| range(r, I16)),
        spec(Op::Range, &[I32], "tp_range_i32", N, &[T, None], |r| range(r, I32)),
        spec(Op::Range, &[I64], "tp_range_i64", N, &[A, None], range_wide),
        spec(Op::HeadForward, &[I8, I8, I32], "tp_head_forward_affine_i8", MATRIX, &[A, T, T, A], affine)
            .when("affine"),
        spec(Op::Softmax, &[I32, I8], "tp_softmax_i32_i8", CLASSES, &[A, A, S, None], |r| {
            softmax(r, Rounding::TiesEven)
        }),
        spec(Op::Error, &[I8, I32], "tp_error_i8", &["batch", "batch*classes"], &[A, None, A, None], error),
        spec(Op::SgdUpdate, &[I32, I8, I64], "tp_sgd_update_i32_i8_i64", N, &[A, T, A, None, None], |r| {
            sgd(r, I8, Rounding::TiesEven)
        }),
        spec(Op::SgdUpdate, &[I32, I16, I64], "tp_sgd_update_i32_i16_i64", N, &[A, T, A, None, None], |r| {
            sgd(r, I16, Rounding::TiesEven)
        }),
        spec(Op::SgdUpdate, &[I32, I32, I64], "tp_sgd_update_i32_i32_i64", N, &[A, T, A, None, None], |r| {
            sgd(r, I32, Rounding::TiesEven)
        }),
        spec(Op::Requantise, &[I64, I8], "tp_requantise_i64_i8", N, &[A, T, None], |r| {
            requantise(r, I8, Rounding::TiesEven)
        }),
        spec(Op::Requantise, &[I64, I16], "tp_requantise_i64_i16", N, &[A, T, None], |r| {
            requantise(r, I16, Rounding::TiesEven)
        }),
        spec(Op::Requantise, &[I64, I32], "tp_requantise_i64_i32", N, &[A, T, None], |r| {
            requantise(r, I32, Rounding::TiesEven)
        }),
        spec(Op::MeanRows, &[I8, F32], "tp_mean_rows_i8_f32", ROWS, &[T, None, None], |r| mean(r, I8)),
        spec(Op::MeanRows, &[I16, F32], "tp_mean_rows_i16_f32", ROWS, &[T, None, None], |r| mean(r, I16)),
        spec(Op::MeanRows, &[I32, F32], "tp_mean_rows_i32_f32", ROWS, &[T, None, None], |r| mean(r, I32)),
        spec(Op::LoadRows, &[F32, I32], "tp_load_rows_f32_i32", ROWS, &[T, T, None], |r| load(r, I32)).doubles(),
        spec(Op::ConsolidateRows, &[I32, F32], "tp_consolidate_rows_i32_f32", ROWS, &[T, A, None, T], |r| {
            merge(r, I32)
        }),
        spec(Op::LoadRows, &[F32, I8], "tp_load_rows_f32_i8", ROWS, &[T, T, None], |r| load(r, I8)).doubles(),
        spec(Op::LoadRows, &[F32, I16], "tp_load_rows_f32_i16", ROWS, &[T, T, None], |r| load(r, I16)).doubles(),
        spec(Op::ConsolidateRows, &[I8, F32], "tp_consolidate_rows_i8_f32", ROWS, &[T, A, None, T], |r| merge(r, I8)),
        spec(Op::ConsolidateRows, &[I16, F32], "tp_consolidate_rows_i16_f32", ROWS, &[T, A, None, T], |r| {
            merge(r, I16)
        }),
    ]
}

fn range(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let x = codes(random, n, elem);
        let half = 1i64 << (width(elem) - 1);
        let zero = w32(random.integer(-half, half - 1));
        let (lo, hi) = x.iter().fold((zero, zero), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        let args = vec![Arg::In(stored(&x, elem)), output(&[lo, hi]), value(i64::from(zero)), value(small(n))];
        Case { dims: n_dims(n), args }
    })
}

fn range_wide(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let x: Vec<i64> = (0..n).map(|_| random.integer(-(1 << 60), 1 << 60)).collect();
        let (lo, hi) = kernels::gradient_range_wide(&x);
        Case { dims: n_dims(n), args: vec![input(&x), output(&[lo, hi]), value(small(n))] }
    })
}

fn affine(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (classes, features): (usize, usize)| {
        let (a, w) = (codes(random, features, I8), codes(random, classes * features, I8));
        let bias: Vec<i32> = (0..classes).map(|_| w32(random.integer(-(1 << 20), 1 << 20))).collect();
        let zeros = [w32(random.integer(-128, 127)), w32(random.integer(-128, 127))];
        let mut z = bias.clone();
        kernels::head_forward(&w, zeros[1], &a, zeros[0], &mut z);
        let mut args = vec![Arg::In(stored(&a, I8)), Arg::In(stored(&w, I8)), input(&bias), output(&z)];
        args.extend(zeros.map(|z| value(i64::from(z))));
        args.extend([value(small(classes)), value(small(features))]);
        Case { dims: dims(&[("classes", classes), ("features", features), ("affine", 1)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

pub(super) fn softmax(random: &mut Random, rule: Rounding) -> Vec<Case> {
    let case = |random: &mut Random, classes: usize| {
        let spread = random.integer(1, 31);
        let (lo, hi) = (-(1i64 << spread), (1i64 << spread) - 1);
        let z: Vec<i32> = (0..classes).map(|_| w32(random.integer(lo, hi))).collect();
        let exponent = random.integer(-3, 6) - spread;
        let unit = factor(random, exponent);
        let mut p = vec![0; classes];
        kernels::softmax(&z, unit, &mut p);
        let r = Requant { dst_zero: -128, ..requant(random, 31, I8, 0) };
        let y: Vec<i32> = p.iter().map(|p| r.code(*p, &mut site(rule)).expect("saturates")).collect();
        let (mantissa, left, right) = Exponent::new(unit).parts();
        let mut args = vec![input(&z), Arg::Out(stored(&y, I8)), Arg::Scratch(4 * classes)];
        args.extend([i64::from(mantissa), i64::from(left), i64::from(right)].map(value));
        args.extend([input(&block(&r)), value(small(classes))]);
        Case { dims: dims(&[("classes", classes)]), args }
    };
    [2, 3, 10, 1, 5, 50, 7, 100, 4, 10, 20, 33, 10].iter().map(|n| case(random, *n)).collect()
}

fn error(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (batch, classes): (usize, usize)| {
        let (zero, one) = (w32(random.integer(-128, 0)), 255);
        let p: Vec<i32> = (0..batch * classes).map(|_| w32(random.integer(-128, 127))).collect();
        let labels: Vec<i32> = (0..batch).map(|_| w32(random.integer(0, small(classes) - 1))).collect();
        let mut d = p.clone();
        for (row, label) in d.chunks_exact_mut(classes).zip(&labels) {
            kernels::error(row, zero, one, usize::try_from(*label).expect("a label"));
        }
        let (lo, hi) = kernels::range_with_zero(&d);
        let mut args = vec![Arg::In(stored(&p, I8)), input(&labels), output(&d), output(&[w32(lo), w32(hi)])];
        args.extend([i64::from(zero), i64::from(one), small(batch), small(classes)].map(value));
        Case { dims: dims(&[("batch", batch), ("classes", classes)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

/// A factor as the fine grid's kernels want it, around 2^exponent.
pub(super) fn fine(random: &mut Random, exponent: i64, zero: i32) -> (Scale, Arg) {
    let by = factor(random, exponent);
    let shift = 31 - by.exponent();
    let block = [i32::try_from(by.mantissa()).expect("31 bits"), (-shift).max(0), shift.max(0), zero];
    (by, input(&block))
}

pub(super) fn sgd(random: &mut Random, base: Elem, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w) = (codes(random, n, I32), codes(random, n, base));
        let half = 1i64 << (width(base) - 1);
        let zeros = [w32(random.integer(-half, half - 1)), w32(random.integer(-1000, 1000))];
        // Weights of a few units on a grid of 2^-40, and steps far smaller.
        let (wide_by, wide_block) = {
            let e = 42 - i64::from(width(base)) + random.integer(-2, 2);
            fine(random, e, zeros[0])
        };
        let (step_by, step_block) = {
            let e = random.integer(-16, 8);
            fine(random, e, zeros[1])
        };
        let mut y = vec![0i64; n];
        // `widen` multiplies by the fine grid's 2^40 itself.
        let by = wide_by.div(Scale::pow2(kernels::WIDE_FRACTION));
        kernels::widen(&w, zeros[0], by, &mut y);
        let mut rounder = Rounder::new(rule, 0, 0);
        let gradient = g.iter().map(|g| i64::from(*g) - i64::from(zeros[1]));
        kernels::subtract_step_wide(&mut y, gradient, step_by, &mut rounder);
        let args = vec![input(&g), Arg::In(stored(&w, base)), output(&y), wide_block, step_block, value(small(n))];
        Case { dims: n_dims(n), args }
    })
}

pub(super) fn requantise(random: &mut Random, to: Elem, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let bits = random.integer(30, 56);
        let top = (1i64 << bits) - 1;
        let src: Vec<i64> = (0..n).map(|_| random.integer(-top, top)).collect();
        let half = 1i64 << (width(to) - 1);
        let exponent = i64::from(width(to)) - bits + random.integer(-4, 0);
        let (lo, hi, dst_zero) = (w32(-half), w32(half - 1), w32(random.integer(-half, half - 1)));
        let r =
            Requant { src_zero: 0, factor: factor(random, exponent), dst_zero, lo, hi, overflow: Overflow::Saturate };
        let mut dst = vec![0; n];
        kernels::narrow_wide_codes(&src, &r, &mut site(rule), &mut dst).expect("saturates");
        let args = vec![input(&src), Arg::Out(stored(&dst, to)), input(&block(&r)), value(small(n))];
        Case { dims: n_dims(n), args }
    })
}

/// Reals of codes as the head has them.
fn reals(x: &[i32], zero: i32, scale: f32) -> Vec<f32> {
    x.iter().map(|x| (i64::from(*x) - i64::from(zero)) as f32 * scale).collect()
}

fn mean(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (total, list, take) = chosen(random, rows);
        let x = codes(random, total * columns, elem);
        let (zero, scale) = (w32(random.integer(-100, 100)), random.unit().abs() / 64.0 + 1e-4);
        let mean = kernels::mean_rows_f32(kernels::sum_rows_f32(&reals(&x, zero, scale), columns, &take));
        let mut args = vec![Arg::In(stored(&x, elem)), input(&list), output(&[mean])];
        args.extend([value(i64::from(zero)), real(scale), value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("n", rows * columns), ("rows", rows)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn merge(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (total, list, _) = chosen(random, rows);
        let x = codes(random, total * columns, elem);
        let before: Vec<f32> = (0..total * columns).map(|_| random.unit() * 4.0).collect();
        let (zero, scale) = (w32(random.integer(-100, 100)), random.unit().abs() / 64.0 + 1e-4);
        let mean = random.unit();
        let weights: Vec<f32> = (0..rows).map(|_| random.unit().abs() * 9.0).collect();
        let (tw, mut after) = (reals(&x, zero, scale), before.clone());
        for (row, w) in list.iter().zip(&weights) {
            let from = usize::try_from(*row).expect("a row") * columns;
            let at = from..from + columns;
            kernels::consolidate_rows_f32(&mut after[at.clone()], &tw[at], mean, *w, Format::F32);
        }
        let mut args = vec![Arg::In(stored(&x, elem)), input(&weights), input(&list), update(&before, &after)];
        args.extend([real(mean), value(i64::from(zero)), real(scale), value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("n", rows * columns), ("rows", rows)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn load(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let x: Vec<f32> = (0..rows * columns).map(|_| random.unit() * 4.0).collect();
        let take: Vec<u8> = (0..rows).map(|_| u8::from(random.next().is_multiple_of(2))).collect();
        let half = 1i64 << (width(elem) - 1);
        let scale = f64::from(random.unit().abs() + 0.5) * 8.0 / (half as f64 * 2.0);
        let (zero, lo, hi) = (random.integer(-half / 2, half / 2), -half, half - 1);
        let code = |(i, x): (usize, &f32)| {
            let x = if take[i / columns] == 1 { f64::from(*x) } else { 0.0 };
            w32((Rounder::new(Rounding::TiesEven, 0, 0).real(x / scale) + zero).clamp(lo, hi))
        };
        let y: Vec<i32> = x.iter().enumerate().map(code).collect();
        let mut args = vec![input(&x), Arg::Out(stored(&y, elem)), input(&take), double(scale)];
        args.extend([zero, lo, hi, small(rows), small(columns)].map(value));
        Case { dims: dims(&[("n", rows * columns), ("rows", rows)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}
