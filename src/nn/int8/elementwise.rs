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

impl Int8 {
    /// What a layer that works on one code alone makes of it, in this channel.
    pub(crate) fn value(&self, channel: usize, x: i8) -> i8 {
        match self {
            Int8::Table { table } => table[usize::from(x.cast_unsigned() ^ 0x80)],
            Int8::Rescale { input_zero, to } => to.code(0, i32::from(x) - input_zero),
            Int8::PRelu { input_zero, alpha, positive, negative, zero } => {
                let v = i32::from(x) - input_zero;
                let scaled = if v >= 0 { positive.apply(v) } else { negative.apply(v * alpha[channel]) };
                clamp(scaled.saturating_add(*zero), i8::MIN, i8::MAX)
            }
            other => unreachable!("`{}` does not work on one code alone", other.op()),
        }
    }

    /// A code of input `i` of an addition in the common unit.
    pub(crate) fn term(&self, i: usize, x: i8) -> i32 {
        match self {
            Int8::Add { zeros, factors, .. } => factors[i].apply((i32::from(x) - zeros[i]) << ADD_SHIFT),
            other => unreachable!("`{}` is no addition", other.op()),
        }
    }
}

pub(super) fn map(layer: &Int8, x: &Map<i8>, second: &Map<i8>) -> Map<i8> {
    let (shape, channels) = (x.shape(), x.shape().c);
    let pairs = x.data().iter().zip(second.data().iter().cycle());
    match layer {
        Int8::Add { to, .. } => {
            let sum = |(a, b): (&i8, &i8)| layer.term(0, *a).saturating_add(layer.term(1, *b));
            super::mapped(shape, pairs.map(|pair| to.code(0, sum(pair))))
        }
        Int8::Mul { zeros, to } => {
            let product = |(a, b): (&i8, &i8)| (i32::from(*a) - zeros[0]) * (i32::from(*b) - zeros[1]);
            super::mapped(shape, pairs.map(|pair| to.code(0, product(pair))))
        }
        _ => super::mapped(shape, x.data().iter().enumerate().map(|(i, x)| layer.value(i % channels, *x))),
    }
}

/// `round(x / scale) + zero` in 8 bits; the division is one f32 division, halves go away from zero.
pub(crate) fn quantise(x: f32, scale: f32, zero: i32) -> i8 {
    let steps = saturate_i32(real_to_i64(f64::from((x / scale).round())));
    clamp(steps.saturating_add(zero), i8::MIN, i8::MAX)
}

/// `scale·(x − zero)`: the product of 24 and 9 bits is exact in f64 and rounded once.
pub(crate) fn dequantise(x: i8, scale: f32, zero: i32) -> f32 {
    let exact = f64::from(scale) * f64::from(i32::from(x) - zero);
    #[allow(clippy::cast_possible_truncation, reason = "rounding to nearest f32 is the formula")]
    let rounded = exact as f32;
    rounded
}
