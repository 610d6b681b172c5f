//! Twins of gradients with 16-bit features, zero points or saturating sums, and of logits in their own format; the references are
//! `learn::kernels`.

use tinyprec::learn::kernels::{self, Requant};
use tinyprec::numeric::elementary::{Exponent, exp_neg};
use tinyprec::numeric::{AccumulatorFormat, Check, Narrow, Overflow, Rounding, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::head::{block, codes, factor, requant, site, stored, width};
use super::{SHAPES, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const T: Option<BufferKind> = Some(BufferKind::State);
const MATRIX: &[&str] = &["classes", "classes*features"];
const CLASSES: &[&str] = &["classes", "min(1,classes-1)"];

/// Gradients, logits and their softmax.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    let mut all = vec![
        spec(Op::HeadForward, &[I8, I8, I8], "tp_head_forward_to_i8", MATRIX, &[A, T, T, A, None], |r| {
            logits(r, I8, Rounding::TiesEven)
        }),
        spec(Op::HeadForward, &[I8, I8, I16], "tp_head_forward_to_i16", MATRIX, &[A, T, T, A, None], |r| {
            logits(r, I16, Rounding::TiesEven)
        }),
        spec(Op::Softmax, &[I8, I32], "tp_softmax_i8_i32", CLASSES, &[A, A], |r| softmax(r, I8, false)),
        spec(Op::Softmax, &[I16, I32], "tp_softmax_i16_i32", CLASSES, &[A, A], |r| softmax(r, I16, false)),
        spec(Op::Softmax, &[I8, I32], "tp_softmax_i8_i32_table", CLASSES, &[A, W, A], |r| softmax(r, I8, true))
            .set("lut"),
        spec(Op::ArgMax, &[I8], "tp_arg_max_i8", CLASSES, &[A, None], |r| arg_max(r, I8)),
        spec(Op::ArgMax, &[I16], "tp_arg_max_i16", CLASSES, &[A, None], |r| arg_max(r, I16)),
    ];
    all.extend(gradients());
    all
}

fn gradients() -> Vec<Spec> {
    let sum = |elems, symbol, cases| Spec::new(Op::GradientAccumulate, elems, symbol, MATRIX, &[A, A, A], cases);
    vec![
        sum(&[I8, I8, I32], "tp_gradient_accumulate_affine_i8", |r| gradient(r, [I8, I8], "affine")).when("affine"),
        sum(&[I8, I8, I32], "tp_gradient_accumulate_checked_i8", |r| gradient(r, [I8, I8], "checked")).when("checked"),
        sum(&[I8, I8, I32], "tp_gradient_accumulate_affine_checked_i8", |r| gradient(r, [I8, I8], "affine checked"))
            .when("affine checked"),
        sum(&[I16, I8, I32], "tp_gradient_accumulate_affine_i16", |r| gradient(r, [I16, I8], "affine")).when("affine"),
        sum(&[I16, I8, I32], "tp_gradient_accumulate_checked_i16", |r| gradient(r, [I16, I8], "checked"))
            .when("checked"),
        sum(&[I16, I8, I32], "tp_gradient_accumulate_affine_checked_i16", |r| gradient(r, [I16, I8], "affine checked"))
            .when("affine checked"),
        sum(&[I8, I16, I32], "tp_gradient_accumulate_i8_i16", |r| gradient(r, [I8, I16], "")),
        sum(&[I8, I16, I32], "tp_gradient_accumulate_affine_i8_i16", |r| gradient(r, [I8, I16], "affine"))
            .when("affine"),
        sum(&[I8, I16, I32], "tp_gradient_accumulate_checked_i8_i16", |r| gradient(r, [I8, I16], "checked"))
            .when("checked"),
        sum(&[I8, I16, I32], "tp_gradient_accumulate_affine_checked_i8_i16", |r| {
            gradient(r, [I8, I16], "affine checked")
        })
        .when("affine checked"),
        sum(&[I16, I16, I32], "tp_gradient_accumulate_i16_i16", |r| gradient(r, [I16, I16], "")),
        sum(&[I16, I16, I32], "tp_gradient_accumulate_affine_i16_i16", |r| gradient(r, [I16, I16], "affine"))
            .when("affine"),
        sum(&[I16, I16, I32], "tp_gradient_accumulate_checked_i16_i16", |r| gradient(r, [I16, I16], "checked"))
            .when("checked"),
        sum(&[I16, I16, I32], "tp_gradient_accumulate_affine_checked_i16_i16", |r| {
            gradient(r, [I16, I16], "affine checked")
        })
        .when("affine checked"),
        sum(&[I32, I8, I64], "tp_gradient_accumulate_affine_i32", |r| wide(r, I8, true)).when("affine"),
        sum(&[I32, I16, I64], "tp_gradient_accumulate_i32_i16", |r| wide(r, I16, false)),
        sum(&[I32, I16, I64], "tp_gradient_accumulate_affine_i32_i16", |r| wide(r, I16, true)).when("affine"),
    ]
}

fn each_matrix(random: &mut Random, kind: &str, case: impl Fn(&mut Random, usize, usize) -> Vec<Arg>) -> Vec<Case> {
    let of = |random: &mut Random, (classes, features): (usize, usize)| {
        let sizes = dims(&[("classes", classes), ("features", features)]);
        let dims = kind.split_whitespace().fold(sizes, |dims, name| dims.with(name, 1));
        let mut args = case(random, classes, features);
        args.extend([value(small(classes)), value(small(features))]);
        Case { dims, args }
    };
    SHAPES.iter().map(|shape| of(random, *shape)).collect()
}

fn a_zero(random: &mut Random, elem: Elem) -> i32 {
    let half = 1i64 << (width(elem) - 1);
    w32(random.integer(-half, half - 1))
}

/// One sample's products onto 32-bit sums; those that are not checked stay small.
pub(super) fn gradient(random: &mut Random, [error, feature]: [Elem; 2], kind: &str) -> Vec<Case> {
    let (affine, checked) = (kind.contains("affine"), kind.contains("checked"));
    each_matrix(random, kind, |random, classes, features| {
        let less = if checked { 0 } else { (width(error) + width(feature)).saturating_sub(28) };
        let e: Vec<i32> = codes(random, classes, error).into_iter().map(|e| e >> less).collect();
        let a = codes(random, features, feature);
        let zero = a_zero(random, error) >> less;
        let feature_zero = if affine { a_zero(random, feature) } else { 0 };
        let room = if checked { i64::from(i32::MAX) } else { 1 << 28 };
        let before: Vec<i32> = (0..classes * features).map(|_| w32(random.integer(-room, room))).collect();
        let mut sums: Vec<i64> = before.iter().map(|s| i64::from(*s)).collect();
        let each = AccumulatorFormat::new(32, Check::EachAdd, Overflow::Saturate).expect("a width of the device");
        let mut count = Narrow::new("lab");
        kernels::gradient_accumulate_checked(&mut sums, (&e, zero), (&a, feature_zero), each, &mut count)
            .expect("saturates");
        let after: Vec<i32> = sums.into_iter().map(w32).collect();
        if !checked {
            let mut same = before.clone();
            kernels::gradient_accumulate(&mut same, &e, zero, &a, feature_zero);
            assert_eq!(same, after, "these sums fit 32 bits");
        }
        let mut args = vec![Arg::In(stored(&e, error)), Arg::In(stored(&a, feature)), update(&before, &after)];
        args.push(value(i64::from(zero)));
        args.extend(affine.then(|| value(i64::from(feature_zero))));
        args
    })
}

fn wide(random: &mut Random, feature: Elem, affine: bool) -> Vec<Case> {
    each_matrix(random, if affine { "affine" } else { "" }, |random, classes, features| {
        let (e, a) = (codes(random, classes, I32), codes(random, features, feature));
        let zero = a_zero(random, I32);
        let feature_zero = if affine { a_zero(random, feature) } else { 0 };
        let before: Vec<i64> = (0..classes * features).map(|_| random.integer(-(1 << 45), 1 << 45)).collect();
        let mut after = before.clone();
        kernels::gradient_accumulate_wide(&mut after, &e, zero, &a, feature_zero);
        let mut args = vec![Arg::In(stored(&e, I32)), Arg::In(stored(&a, feature)), update(&before, &after)];
        args.push(value(i64::from(zero)));
        args.extend(affine.then(|| value(i64::from(feature_zero))));
        args
    })
}

pub(super) fn logits(random: &mut Random, to: Elem, rule: Rounding) -> Vec<Case> {
    logits_of(random, to, rule, "")
}

/// With zero points where `kind` is `affine`.
pub(super) fn logits_of(random: &mut Random, to: Elem, rule: Rounding, kind: &str) -> Vec<Case> {
    each_matrix(random, kind, |random, classes, features| {
        let (a, w) = (codes(random, features, I8), codes(random, classes * features, I8));
        let bias: Vec<i32> = (0..classes).map(|_| w32(random.integer(-(1 << 20), 1 << 20))).collect();
        let [feature_zero, weight_zero] =
            if kind.is_empty() { [0; 2] } else { [I8; 2].map(|elem| a_zero(random, elem)) };
        let mut sums = bias.clone();
        kernels::head_forward(&w, weight_zero, &a, feature_zero, &mut sums);
        let r = Requant { dst_zero: 0, ..requant(random, 22, to, 0) };
        let z: Vec<i32> = sums.iter().map(|s| r.code(*s, &mut site(rule)).expect("saturates")).collect();
        let codes = [Arg::In(stored(&a, I8)), Arg::In(stored(&w, I8)), input(&bias), Arg::Out(stored(&z, to))];
        let mut args = Vec::from(codes);
        args.push(input(&block(&r)));
        args.extend([feature_zero, weight_zero].into_iter().filter(|_| !kind.is_empty()).map(|z| value(i64::from(z))));
        args
    })
}

const COUNTS: [usize; 13] = [2, 3, 10, 1, 5, 50, 7, 100, 4, 10, 20, 33, 10];

fn softmax(random: &mut Random, from: Elem, table: bool) -> Vec<Case> {
    let case = |random: &mut Random, classes: usize| {
        let z = codes(random, classes, from);
        let exponent = random.integer(-3, 6) - i64::from(width(from));
        let unit: Scale = factor(random, exponent);
        let mut p = vec![0; classes];
        kernels::softmax(&z, unit, &mut p);
        let mut args = vec![Arg::In(stored(&z, from))];
        if table {
            args.extend([input(&(0..256).map(|d| exp_neg(d, unit)).collect::<Vec<u32>>()), output(&p)]);
        } else {
            let (mantissa, left, right) = Exponent::new(unit).parts();
            args.push(output(&p));
            args.extend([i64::from(mantissa), i64::from(left), i64::from(right)].map(value));
        }
        args.push(value(small(classes)));
        Case { dims: dims(&[("classes", classes)]), args }
    };
    COUNTS.iter().map(|n| case(random, *n)).collect()
}

fn arg_max(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, classes: usize| {
        let z: Vec<i32> = (0..classes).map(|_| w32(random.integer(-3, 3)) << (width(elem) - 3)).collect();
        let wide: Vec<i64> = z.iter().map(|z| i64::from(*z)).collect();
        let best = w32(small(kernels::argmax(&wide)));
        let args = vec![Arg::In(stored(&z, elem)), output(&[best]), value(small(classes))];
        Case { dims: dims(&[("classes", classes)]), args }
    };
    COUNTS.iter().map(|n| case(random, *n)).collect()
}
