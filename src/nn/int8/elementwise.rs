//! 8-bit layers that work value by value.

use super::super::error::{NnError, check_finite, check_len};
use super::super::infer::{Cx, Info};
use super::super::{Map, Shape};
use super::Int8;
use super::multiplier::clamp;
use crate::numeric::narrow::{real_to_i64, saturate_i32};

/// Left shift of both inputs of an addition before they are scaled.
const ADD_SHIFT: u32 = 20;

pub(super) fn check(layer: &Int8, cx: &Cx<'_>, second: Option<Info>) -> Result<(), NnError> {
    let shape = cx.input.ty.shape;
    let one = |n: usize| check_len(&cx.part("factor"), n, 1);
    match layer {
        Int8::Add { zeros, to, .. } | Int8::Mul { zeros, to } => {
            one(to.factors.len())?;
            cx.code("zero", to.zero)?;
            zeros.iter().try_for_each(|z| cx.code("input zero", *z))?;
            let second = second.map_or(cx.input.ty, |s| s.ty);
            let gate = matches!(layer, Int8::Mul { .. }) && second.shape == Shape::new(1, 1, shape.c);
            if second.kind != cx.input.ty.kind || (second.shape != shape && !gate) {
                return Err(cx.input_error(second, format!("two maps of one type, the first is {}", cx.input.ty)));
            }
            Ok(())
        }
        Int8::Table { table } => check_len(&cx.part("table"), table.len(), 256),
        Int8::Rescale { input_zero, to } => {
            one(to.factors.len())?;
            cx.code("input_zero", *input_zero)?;
            cx.code("zero", to.zero)
        }
        Int8::PRelu { input_zero, alpha, zero, .. } => {
            check_len(&cx.part("alpha"), alpha.len(), shape.c)?;
            cx.code("input_zero", *input_zero)?;
            cx.code("zero", *zero)?;
            match alpha.iter().find(|a| a.unsigned_abs() > 255) {
                None => Ok(()),
                Some(a) => Err(cx.out_of_range("alpha", a, "-255 to 255")),
            }
        }
        Int8::Quantise { scale, zero } | Int8::Dequantise { scale, zero } => {
            check_finite(&cx.part("scale"), &[*scale])?;
            cx.code("zero", *zero)?;
            if *scale > 0.0 { Ok(()) } else { Err(cx.out_of_range("scale", scale, "greater than 0")) }
        }
        _ => Ok(()),
    }
}

pub(super) fn map(layer: &Int8, x: &Map<i8>, second: &Map<i8>) -> Map<i8> {
    let (shape, channels) = (x.shape(), x.shape().c);
    let values = x.data().iter().map(|v| i32::from(*v));
    match layer {
        Int8::Add { zeros, factors, to } => {
            let scaled = |v: i32, i: usize| factors[i].apply((v - zeros[i]) << ADD_SHIFT);
            let pairs = values.zip(second.data());
            super::mapped(shape, pairs.map(|(a, b)| to.code(0, scaled(a, 0) + scaled(i32::from(*b), 1))))
        }
        Int8::Mul { zeros, to } => {
            let pairs = values.zip(second.data().iter().cycle());
            super::mapped(shape, pairs.map(|(a, b)| to.code(0, (a - zeros[0]) * (i32::from(*b) - zeros[1]))))
        }
        Int8::Table { table } => {
            let place = |v: i32| usize::try_from(v + 128).expect("an i8 and 128 are not negative");
            super::mapped(shape, values.map(|v| table[place(v)]))
        }
        Int8::Rescale { input_zero, to } => super::mapped(shape, values.map(|v| to.code(0, v - input_zero))),
        Int8::PRelu { input_zero, alpha, positive, negative, zero } => {
            let code = |(i, v): (usize, i32)| {
                let v = v - input_zero;
                let scaled = if v >= 0 { positive.apply(v) } else { negative.apply(v * alpha[i % channels]) };
                clamp(scaled.saturating_add(*zero), i8::MIN, i8::MAX)
            };
            super::mapped(shape, values.enumerate().map(code))
        }
        other => unreachable!("`{}` is no elementwise layer", other.op()),
    }
}

/// `round(x / scale) + zero` in 8 bits; the division is one f32 division, halves go away from zero.
pub(super) fn quantise(x: f32, scale: f32, zero: i32) -> i8 {
    let steps = saturate_i32(real_to_i64(f64::from((x / scale).round())));
    clamp(steps.saturating_add(zero), i8::MIN, i8::MAX)
}

/// `scale·(x − zero)`: the product of 24 and 9 bits is exact in f64 and rounded once.
pub(super) fn dequantise(x: i8, scale: f32, zero: i32) -> f32 {
    let exact = f64::from(scale) * f64::from(i32::from(x) - zero);
    #[allow(clippy::cast_possible_truncation, reason = "rounding to nearest f32 is the formula")]
    let rounded = exact as f32;
    rounded
}
