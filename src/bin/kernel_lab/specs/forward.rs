//! Twins of the forward pass with 16-bit operands; the references are `learn::kernels`.

use tinyprec::learn::kernels;
use tinyprec::numeric::{AccumulatorFormat, Check, Narrow, Overflow, Rounding};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, I8, I16, I32};
use tinyprec::trace::Op;

use super::head::{codes, copy, stored, width};
use super::{N, SHAPES, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const MATRIX: &[&str] = &["classes", "classes*features"];

/// Copies to 16 bits, and dot products with 16-bit features or weights: plain, with zero points, saturating.
pub fn specs() -> Vec<Spec> {
    let copied = |elems, symbol, cases| Spec::new(Op::ForwardCopy, elems, symbol, N, &[T, T, None], cases);
    let dot = |elems, symbol, cases| Spec::new(Op::HeadForward, elems, symbol, MATRIX, &[A, T, T, A], cases);
    vec![
        copied(&[I8, I16], "tp_forward_copy_i8_i16", |r| copy(r, I8, I16, Rounding::TiesEven)),
        copied(&[I16, I16], "tp_forward_copy_i16_i16", |r| copy(r, I16, I16, Rounding::TiesEven)),
        copied(&[I32, I16], "tp_forward_copy_i32_i16", |r| copy(r, I32, I16, Rounding::TiesEven)),
        dot(&[I8, I16, I32], "tp_head_forward_i8_i16", |r| dots(r, [I8, I16], "")),
        dot(&[I8, I16, I32], "tp_head_forward_checked_i8_i16", |r| dots(r, [I8, I16], "checked")).when("checked"),
        dot(&[I8, I16, I32], "tp_head_forward_affine_i8_i16", |r| dots(r, [I8, I16], "affine")).when("affine"),
        dot(&[I8, I16, I32], "tp_head_forward_affine_checked_i8_i16", |r| dots(r, [I8, I16], "affine checked"))
            .when("affine checked"),
        dot(&[I16, I8, I32], "tp_head_forward_i16_i8", |r| dots(r, [I16, I8], "")),
        dot(&[I16, I8, I32], "tp_head_forward_checked_i16_i8", |r| dots(r, [I16, I8], "checked")).when("checked"),
        dot(&[I16, I8, I32], "tp_head_forward_affine_i16_i8", |r| dots(r, [I16, I8], "affine")).when("affine"),
        dot(&[I16, I8, I32], "tp_head_forward_affine_checked_i16_i8", |r| dots(r, [I16, I8], "affine checked"))
            .when("affine checked"),
        dot(&[I16, I16, I32], "tp_head_forward_i16_i16", |r| dots(r, [I16, I16], "")),
        dot(&[I16, I16, I32], "tp_head_forward_checked_i16_i16", |r| dots(r, [I16, I16], "checked")).when("checked"),
        dot(&[I16, I16, I32], "tp_head_forward_affine_i16_i16", |r| dots(r, [I16, I16], "affine")).when("affine"),
        dot(&[I16, I16, I32], "tp_head_forward_affine_checked_i16_i16", |r| dots(r, [I16, I16], "affine checked"))
            .when("affine checked"),
    ]
}

/// Dot products of random codes; without `checked` the operands are small enough for 32 bits.
pub(super) fn dots(random: &mut Random, [feature, weight]: [Elem; 2], kind: &str) -> Vec<Case> {
    let (affine, checked) = (kind.contains("affine"), kind.contains("checked"));
    let case = |random: &mut Random, (classes, features): (usize, usize)| {
        let less = if checked { 0 } else { (width(feature) + width(weight)).saturating_sub(20) };
        let (a, w) = (codes(random, features, feature), codes(random, classes * features, weight));
        let w: Vec<i32> = w.into_iter().map(|w| w >> less).collect();
        let room = if checked { i64::from(i32::MAX) } else { 1 << 20 };
        let bias: Vec<i32> = (0..classes).map(|_| w32(random.integer(-room, room))).collect();
        let mut zero = |elem, less| match affine {
            true => w32(random.integer(-(1 << (width(elem) - 1)), (1 << (width(elem) - 1)) - 1)) >> less,
            false => 0,
        };
        let zeros = [zero(feature, 0), zero(weight, less)];
        let mut wide: Vec<i64> = bias.iter().map(|b| i64::from(*b)).collect();
        let each = AccumulatorFormat::new(32, Check::EachAdd, Overflow::Saturate).expect("a width of the device");
        let mut count = Narrow::new("lab");
        kernels::head_forward_checked((&w, zeros[1]), (&a, zeros[0]), each, &mut count, &mut wide).expect("saturates");
        let z: Vec<i32> = wide.into_iter().map(w32).collect();
        if !checked {
            let mut same = bias.clone();
            kernels::head_forward(&w, zeros[1], &a, zeros[0], &mut same);
            assert_eq!(same, z, "these sums fit 32 bits");
        }
        let mut args = vec![Arg::In(stored(&a, feature)), Arg::In(stored(&w, weight)), input(&bias), output(&z)];
        args.extend(zeros.into_iter().filter(|_| affine).map(|z| value(i64::from(z))));
        args.extend([value(small(classes)), value(small(features))]);
        let sizes = dims(&[("classes", classes), ("features", features)]);
        let dims = kind.split_whitespace().fold(sizes, |dims, name| dims.with(name, 1));
        Case { dims, args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}
