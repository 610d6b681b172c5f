//! Twins of the rules of rounding beside ties to even, of whatever rounds to a code. The references are those of ties to even, by another
//! rule.

use tinyprec::numeric::Rounding::{self, Floor, TiesAway, TiesUp, TowardZero};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::head::{STANDARDISE, copy, quantise, quantise_wide, site, standardise};
use super::rows::{CONSOLIDATE_8, CONSOLIDATE_16, CONSOLIDATE_32, consolidate};
use super::update::{sgd, velocity};
use super::{N, formats, head_wide, paper};
use crate::cases::{Case, Random, Spec};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const CLASSES: &[&str] = &["classes", "min(1,classes-1)"];
const MATRIX: &[&str] = &["classes", "classes*features"];

/// Steps on a fixed range and on the fine grid, velocities.
macro_rules! updates {
    ($rule:ident, $name:literal, $when:literal) => {{
        let step = |elems, symbol, cases| Spec::new(Op::SgdUpdate, elems, symbol, N, &[A, T, None], cases).when($when);
        let fine = |elems, symbol, cases| {
            Spec::new(Op::SgdUpdate, elems, symbol, N, &[A, T, A, None, None], cases).when($when)
        };
        let velocities = |elems, symbol, cases| {
            Spec::new(Op::Velocity, elems, symbol, N, &[A, T, T, None, None, None], cases).when($when)
        };
        [
            step(&[I8, I8], concat!("tp_sgd_update_", $name, "_i8_i8"), |r| ruled(sgd(r, I8, I8, $rule), $rule)),
            step(&[I16, I16], concat!("tp_sgd_update_", $name, "_i16_i16"), |r| ruled(sgd(r, I16, I16, $rule), $rule)),
            step(&[I32, I32], concat!("tp_sgd_update_", $name, "_i32_i32"), |r| ruled(sgd(r, I32, I32, $rule), $rule)),
            step(&[I32, I8], concat!("tp_sgd_update_", $name, "_i32_i8"), |r| ruled(sgd(r, I32, I8, $rule), $rule)),
            step(&[I32, I16], concat!("tp_sgd_update_", $name, "_i32_i16"), |r| ruled(sgd(r, I32, I16, $rule), $rule)),
            fine(&[I32, I8, I64], concat!("tp_sgd_update_", $name, "_i32_i8_i64"), |r| {
                ruled(paper::sgd(r, I8, $rule), $rule)
            }),
            fine(&[I32, I16, I64], concat!("tp_sgd_update_", $name, "_i32_i16_i64"), |r| {
                ruled(paper::sgd(r, I16, $rule), $rule)
            }),
            fine(&[I32, I32, I64], concat!("tp_sgd_update_", $name, "_i32_i32_i64"), |r| {
                ruled(paper::sgd(r, I32, $rule), $rule)
            }),
            velocities(&[I8, I8, I32], concat!("tp_velocity_", $name, "_i8_i8"), |r| {
                ruled(velocity(r, I8, I8, $rule), $rule)
            }),
            velocities(&[I16, I16, I32], concat!("tp_velocity_", $name, "_i16_i16"), |r| {
                ruled(velocity(r, I16, I16, $rule), $rule)
            }),
            velocities(&[I32, I32, I32], concat!("tp_velocity_", $name, "_i32_i32"), |r| {
                ruled(velocity(r, I32, I32, $rule), $rule)
            }),
            velocities(&[I32, I8, I32], concat!("tp_velocity_", $name, "_i32_i8"), |r| {
                ruled(velocity(r, I32, I8, $rule), $rule)
            }),
            velocities(&[I32, I16, I32], concat!("tp_velocity_", $name, "_i32_i16"), |r| {
                ruled(velocity(r, I32, I16, $rule), $rule)
            }),
        ]
    }};
}

/// Whatever else rounds to a code.
macro_rules! codes {
    ($rule:ident, $name:literal, $when:literal) => {{
        let down = |op, elems, symbol, trips, buffers, cases: fn(&mut Random) -> Vec<Case>| {
            Spec::new(op, elems, symbol, trips, buffers, cases).when($when)
        };
        let copied = |elems, symbol, cases| down(Op::ForwardCopy, elems, symbol, N, &[T, T, None], cases);
        let packed = |elems, symbol, cases| copied(elems, symbol, cases).when(concat!("packed ", $when));
        let error = |elems, symbol, cases| down(Op::QuantiseError, elems, symbol, N, &[A, A, None], cases);
        let gradient = |elems, symbol, cases| down(Op::QuantiseGradient, elems, symbol, N, &[A, A, None], cases);
        let master = |elems, symbol, cases| down(Op::Requantise, elems, symbol, N, &[A, T, None], cases);
        let features = |elems, symbol, cases| down(Op::Standardise, elems, symbol, N, STANDARDISE, cases);
        let logits = |elems, symbol, cases| down(Op::HeadForward, elems, symbol, MATRIX, &[A, T, T, A, None], cases);
        let rows =
            |elems, symbol, trips, cases| down(Op::ConsolidateRows, elems, symbol, trips, &[T, A, None, T], cases);
        vec![
            copied(&[I8, I8], concat!("tp_forward_copy_", $name, "_i8_i8"), |r| ruled(copy(r, I8, I8, $rule), $rule)),
            copied(&[I16, I8], concat!("tp_forward_copy_", $name, "_i16_i8"), |r| {
                ruled(copy(r, I16, I8, $rule), $rule)
            }),
            copied(&[I32, I8], concat!("tp_forward_copy_", $name, "_i32_i8"), |r| {
                ruled(copy(r, I32, I8, $rule), $rule)
            }),
            copied(&[I8, I16], concat!("tp_forward_copy_", $name, "_i8_i16"), |r| {
                ruled(copy(r, I8, I16, $rule), $rule)
            }),
            copied(&[I16, I16], concat!("tp_forward_copy_", $name, "_i16_i16"), |r| {
                ruled(copy(r, I16, I16, $rule), $rule)
            }),
            copied(&[I32, I16], concat!("tp_forward_copy_", $name, "_i32_i16"), |r| {
                ruled(copy(r, I32, I16, $rule), $rule)
            }),
            copied(&[I8, I32], concat!("tp_forward_copy_", $name, "_i8_i32"), |r| {
                ruled(copy(r, I8, I32, $rule), $rule)
            }),
            copied(&[I16, I32], concat!("tp_forward_copy_", $name, "_i16_i32"), |r| {
                ruled(copy(r, I16, I32, $rule), $rule)
            }),
            copied(&[I32, I32], concat!("tp_forward_copy_", $name, "_i32_i32"), |r| {
                ruled(copy(r, I32, I32, $rule), $rule)
            }),
            packed(&[I8, I8], concat!("tp_forward_copy_", $name, "_packed_i8"), |r| {
                ruled(formats::copy_packed(r, I8, $rule), $rule)
            }),
            packed(&[I16, I8], concat!("tp_forward_copy_", $name, "_packed_i16"), |r| {
                ruled(formats::copy_packed(r, I16, $rule), $rule)
            }),
            packed(&[I32, I8], concat!("tp_forward_copy_", $name, "_packed_i32"), |r| {
                ruled(formats::copy_packed(r, I32, $rule), $rule)
            }),
            error(&[I32, I8], concat!("tp_quantise_error_", $name, "_i8"), |r| {
                ruled(quantise(r, I8, 30, $rule), $rule)
            }),
            error(&[I32, I16], concat!("tp_quantise_error_", $name, "_i16"), |r| {
                ruled(quantise(r, I16, 30, $rule), $rule)
            }),
            error(&[I32, I32], concat!("tp_quantise_error_", $name, "_i32"), |r| {
                ruled(quantise(r, I32, 30, $rule), $rule)
            }),
            gradient(&[I32, I8], concat!("tp_quantise_gradient_", $name, "_i32_i8"), |r| {
                ruled(quantise(r, I8, 31, $rule), $rule)
            }),
            gradient(&[I32, I16], concat!("tp_quantise_gradient_", $name, "_i32_i16"), |r| {
                ruled(quantise(r, I16, 31, $rule), $rule)
            }),
            gradient(&[I64, I32], concat!("tp_quantise_gradient_", $name, "_i64_i32"), |r| {
                ruled(quantise_wide(r, $rule), $rule)
            }),
            master(&[I64, I8], concat!("tp_requantise_", $name, "_i64_i8"), |r| {
                ruled(paper::requantise(r, I8, $rule), $rule)
            }),
            master(&[I64, I16], concat!("tp_requantise_", $name, "_i64_i16"), |r| {
                ruled(paper::requantise(r, I16, $rule), $rule)
            }),
            master(&[I64, I32], concat!("tp_requantise_", $name, "_i64_i32"), |r| {
                ruled(paper::requantise(r, I32, $rule), $rule)
            }),
            features(&[I32, I8], concat!("tp_standardise_", $name, "_i8"), |r| {
                ruled(standardise(r, I8, || site($rule)), $rule)
            }),
            features(&[I32, I16], concat!("tp_standardise_", $name, "_i16"), |r| {
                ruled(standardise(r, I16, || site($rule)), $rule)
            }),
            logits(&[I8, I8, I8], concat!("tp_head_forward_", $name, "_i8"), |r| {
                ruled(head_wide::logits(r, I8, $rule), $rule)
            }),
            logits(&[I8, I8, I16], concat!("tp_head_forward_", $name, "_i16"), |r| {
                ruled(head_wide::logits(r, I16, $rule), $rule)
            }),
            down(Op::Softmax, &[I32, I8], concat!("tp_softmax_", $name, "_i32_i8"), CLASSES, &[A, A, S, None], |r| {
                ruled(paper::softmax(r, $rule), $rule)
            }),
            rows(&[I8, I8], concat!("tp_consolidate_rows_", $name, "_i8"), CONSOLIDATE_8, |r| {
                ruled(consolidate(r, I8, $rule), $rule)
            }),
            rows(&[I16, I16], concat!("tp_consolidate_rows_", $name, "_i16"), CONSOLIDATE_16, |r| {
                ruled(consolidate(r, I16, $rule), $rule)
            }),
            rows(&[I32, I32], concat!("tp_consolidate_rows_", $name, "_i32"), CONSOLIDATE_32, |r| {
                ruled(consolidate(r, I32, $rule), $rule)
            }),
        ]
    }};
}

/// All of them.
pub fn specs() -> Vec<Spec> {
    let floor = codes!(Floor, "floor", "rule=1").into_iter().chain(updates!(Floor, "floor", "rule=1"));
    let zero = codes!(TowardZero, "zero", "rule=2").into_iter().chain(updates!(TowardZero, "zero", "rule=2"));
    let up = codes!(TiesUp, "up", "rule=3").into_iter().chain(updates!(TiesUp, "up", "rule=3"));
    let away = codes!(TiesAway, "away", "rule=4").into_iter().chain(updates!(TiesAway, "away", "rule=4"));
    floor.chain(zero).chain(up).chain(away).collect()
}

/// The calls' dimension, by rule.
fn ruled(cases: Vec<Case>, rule: Rounding) -> Vec<Case> {
    let code = match rule {
        Floor => 1,
        TowardZero => 2,
        TiesUp => 3,
        _ => 4,
    };
    cases.into_iter().map(|case| Case { dims: case.dims.with("rule", code), ..case }).collect()
}
