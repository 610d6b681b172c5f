//! Twins of the rules of rounding beside ties to even. SGD's step and the velocity have all of them; whatever else rounds to a code has
//! rounding down, a plain shift. The references are those of ties to even, by another rule.

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

/// All of them.
pub fn specs() -> Vec<Spec> {
    let mut all = codes_down();
    all.extend(updates!(Floor, "floor", "rule=1"));
    all.extend(updates!(TowardZero, "zero", "rule=2"));
    all.extend(updates!(TiesUp, "up", "rule=3"));
    all.extend(updates!(TiesAway, "away", "rule=4"));
    all
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

fn codes_down() -> Vec<Spec> {
    let down = |op, elems, symbol, trips, buffers, cases: fn(&mut Random) -> Vec<Case>| {
        Spec::new(op, elems, symbol, trips, buffers, cases).when("rule=1")
    };
    let copied = |elems, symbol, cases| down(Op::ForwardCopy, elems, symbol, N, &[T, T, None], cases);
    let packed = |elems, symbol, cases| copied(elems, symbol, cases).when("packed rule=1");
    let error = |elems, symbol, cases| down(Op::QuantiseError, elems, symbol, N, &[A, A, None], cases);
    let gradient = |elems, symbol, cases| down(Op::QuantiseGradient, elems, symbol, N, &[A, A, None], cases);
    let master = |elems, symbol, cases| down(Op::Requantise, elems, symbol, N, &[A, T, None], cases);
    let features = |elems, symbol, cases| down(Op::Standardise, elems, symbol, N, STANDARDISE, cases);
    let logits = |elems, symbol, cases| down(Op::HeadForward, elems, symbol, MATRIX, &[A, T, T, A, None], cases);
    let rows = |elems, symbol, trips, cases| down(Op::ConsolidateRows, elems, symbol, trips, &[T, A, None, T], cases);
    vec![
        copied(&[I8, I8], "tp_forward_copy_floor_i8_i8", |r| ruled(copy(r, I8, I8, Floor), Floor)),
        copied(&[I16, I8], "tp_forward_copy_floor_i16_i8", |r| ruled(copy(r, I16, I8, Floor), Floor)),
        copied(&[I32, I8], "tp_forward_copy_floor_i32_i8", |r| ruled(copy(r, I32, I8, Floor), Floor)),
        copied(&[I8, I16], "tp_forward_copy_floor_i8_i16", |r| ruled(copy(r, I8, I16, Floor), Floor)),
        copied(&[I16, I16], "tp_forward_copy_floor_i16_i16", |r| ruled(copy(r, I16, I16, Floor), Floor)),
        copied(&[I32, I16], "tp_forward_copy_floor_i32_i16", |r| ruled(copy(r, I32, I16, Floor), Floor)),
        copied(&[I8, I32], "tp_forward_copy_floor_i8_i32", |r| ruled(copy(r, I8, I32, Floor), Floor)),
        copied(&[I16, I32], "tp_forward_copy_floor_i16_i32", |r| ruled(copy(r, I16, I32, Floor), Floor)),
        copied(&[I32, I32], "tp_forward_copy_floor_i32_i32", |r| ruled(copy(r, I32, I32, Floor), Floor)),
        packed(&[I8, I8], "tp_forward_copy_floor_packed_i8", |r| ruled(formats::copy_packed(r, I8, Floor), Floor)),
        packed(&[I16, I8], "tp_forward_copy_floor_packed_i16", |r| ruled(formats::copy_packed(r, I16, Floor), Floor)),
        packed(&[I32, I8], "tp_forward_copy_floor_packed_i32", |r| ruled(formats::copy_packed(r, I32, Floor), Floor)),
        error(&[I32, I8], "tp_quantise_error_floor_i8", |r| ruled(quantise(r, I8, 30, Floor), Floor)),
        error(&[I32, I16], "tp_quantise_error_floor_i16", |r| ruled(quantise(r, I16, 30, Floor), Floor)),
        error(&[I32, I32], "tp_quantise_error_floor_i32", |r| ruled(quantise(r, I32, 30, Floor), Floor)),
        gradient(&[I32, I8], "tp_quantise_gradient_floor_i32_i8", |r| ruled(quantise(r, I8, 31, Floor), Floor)),
        gradient(&[I32, I16], "tp_quantise_gradient_floor_i32_i16", |r| ruled(quantise(r, I16, 31, Floor), Floor)),
        gradient(&[I64, I32], "tp_quantise_gradient_floor_i64_i32", |r| ruled(quantise_wide(r, Floor), Floor)),
        master(&[I64, I8], "tp_requantise_floor_i64_i8", |r| ruled(paper::requantise(r, I8, Floor), Floor)),
        master(&[I64, I16], "tp_requantise_floor_i64_i16", |r| ruled(paper::requantise(r, I16, Floor), Floor)),
        master(&[I64, I32], "tp_requantise_floor_i64_i32", |r| ruled(paper::requantise(r, I32, Floor), Floor)),
        features(&[I32, I8], "tp_standardise_floor_i8", |r| ruled(standardise(r, I8, || site(Floor)), Floor)),
        features(&[I32, I16], "tp_standardise_floor_i16", |r| ruled(standardise(r, I16, || site(Floor)), Floor)),
        logits(&[I8, I8, I8], "tp_head_forward_floor_i8", |r| ruled(head_wide::logits(r, I8, Floor), Floor)),
        logits(&[I8, I8, I16], "tp_head_forward_floor_i16", |r| ruled(head_wide::logits(r, I16, Floor), Floor)),
        down(Op::Softmax, &[I32, I8], "tp_softmax_floor_i32_i8", CLASSES, &[A, A, S, None], |r| {
            ruled(paper::softmax(r, Floor), Floor)
        }),
        rows(&[I8, I8], "tp_consolidate_rows_floor_i8", CONSOLIDATE_8, |r| ruled(consolidate(r, I8, Floor), Floor)),
        rows(&[I16, I16], "tp_consolidate_rows_floor_i16", CONSOLIDATE_16, |r| {
            ruled(consolidate(r, I16, Floor), Floor)
        }),
        rows(&[I32, I32], "tp_consolidate_rows_floor_i32", CONSOLIDATE_32, |r| {
            ruled(consolidate(r, I32, Floor), Floor)
        }),
    ]
}
