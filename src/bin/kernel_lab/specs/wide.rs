//! Twins of heads with 32-bit operands, of narrow logits with zero points, of steps from real weights, and of rows kept in two widths;
//! the references are `learn::kernels`.

use tinyprec::learn::kernels::{self, Requant};
use tinyprec::numeric::{Overflow, Rounder, Rounding, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, F32, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::forward::dots;
use super::head::{block, codes, each_length, factor, n_dims, site, stored, width};
use super::head_wide::{gradient, logits_of};
use super::paper::fine;
use super::strategies::reals;
use super::{N, SHAPES, chosen, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const MATRIX: &[&str] = &["classes", "classes*features"];
// A division takes one subtraction a bit of the quotient, which has four more than the code.
const TO_8: &[&str] = &["rows", "n", "n*11", "n*12"];
const TO_16: &[&str] = &["rows", "n", "n*19", "n*20"];
const TO_32: &[&str] = &["rows", "n", "n*35", "n*36"];

/// All of them.
pub fn specs() -> Vec<Spec> {
    let dot = |elems, symbol, cases| Spec::new(Op::HeadForward, elems, symbol, MATRIX, &[A, T, T, A], cases);
    let logits = |elems, symbol, cases| Spec::new(Op::HeadForward, elems, symbol, MATRIX, &[A, T, T, A, None], cases);
    let sum = |elems, symbol, cases| Spec::new(Op::GradientAccumulate, elems, symbol, MATRIX, &[A, A, A], cases);
    let rows = |elems, symbol, trips, cases| {
        Spec::new(Op::ConsolidateRows, elems, symbol, trips, &[T, A, None, T, None], cases)
    };
    vec![
        dot(&[I8, I32, I32], "tp_head_forward_checked_i8_i32", |r| dots(r, [I8, I32], "checked")).when("checked"),
        dot(&[I8, I32, I32], "tp_head_forward_affine_checked_i8_i32", |r| dots(r, [I8, I32], "affine checked"))
            .when("affine checked"),
        dot(&[I32, I8, I32], "tp_head_forward_checked_i32_i8", |r| dots(r, [I32, I8], "checked")).when("checked"),
        dot(&[I32, I8, I32], "tp_head_forward_affine_checked_i32_i8", |r| dots(r, [I32, I8], "affine checked"))
            .when("affine checked"),
        sum(&[I32, I8, I32], "tp_gradient_accumulate_checked_i32_i8", |r| gradient(r, [I32, I8], "checked"))
            .when("checked"),
        sum(&[I32, I8, I32], "tp_gradient_accumulate_affine_checked_i32_i8", |r| {
            gradient(r, [I32, I8], "affine checked")
        })
        .when("affine checked"),
        sum(&[I8, I32, I32], "tp_gradient_accumulate_checked_i8_i32", |r| gradient(r, [I8, I32], "checked"))
            .when("checked"),
        sum(&[I8, I32, I32], "tp_gradient_accumulate_affine_checked_i8_i32", |r| {
            gradient(r, [I8, I32], "affine checked")
        })
        .when("affine checked"),
        sum(&[I16, I32, I32], "tp_gradient_accumulate_checked_i16_i32", |r| gradient(r, [I16, I32], "checked"))
            .when("checked"),
        sum(&[I16, I32, I32], "tp_gradient_accumulate_affine_checked_i16_i32", |r| {
            gradient(r, [I16, I32], "affine checked")
        })
        .when("affine checked"),
        logits(&[I8, I8, I8], "tp_head_forward_affine_to_i8", |r| logits_of(r, I8, Rounding::TiesEven, "affine"))
            .when("affine"),
        logits(&[I8, I8, I16], "tp_head_forward_affine_to_i16", |r| logits_of(r, I16, Rounding::TiesEven, "affine"))
            .when("affine"),
        Spec::new(Op::SgdUpdate, &[I32, F32, I64], "tp_sgd_update_i32_f32_i64", N, &[A, T, A, None], from_reals)
            .doubles(),
        rows(&[I8, I16], "tp_consolidate_rows_i8_i16", TO_16, |r| consolidate(r, I8, I16)),
        rows(&[I8, I32], "tp_consolidate_rows_i8_i32", TO_32, |r| consolidate(r, I8, I32)),
        rows(&[I16, I8], "tp_consolidate_rows_i16_i8", TO_8, |r| consolidate(r, I16, I8)),
        rows(&[I16, I32], "tp_consolidate_rows_i16_i32", TO_32, |r| consolidate(r, I16, I32)),
        rows(&[I32, I8], "tp_consolidate_rows_i32_i8", TO_8, |r| consolidate(r, I32, I8)),
        rows(&[I32, I16], "tp_consolidate_rows_i32_i16", TO_16, |r| consolidate(r, I32, I16)),
    ]
}

fn from_reals(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w) = (codes(random, n, I32), reals(random, n));
        let zero = w32(random.integer(-1000, 1000));
        let exponent = random.integer(-16, 8);
        let (by, step) = fine(random, exponent, zero);
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let unit = Scale::pow2(kernels::WIDE_FRACTION).to_f64();
        let mut y: Vec<i64> = w.iter().map(|w| rounder.real(f64::from(*w) * unit)).collect();
        kernels::subtract_step_wide(&mut y, g.iter().map(|g| i64::from(*g) - i64::from(zero)), by, &mut rounder);
        Case { dims: n_dims(n), args: vec![input(&g), input(&w), output(&y), step, value(small(n))] }
    })
}

fn consolidate(random: &mut Random, from: Elem, to: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (n_rows, columns): (usize, usize)| {
        let (total, list, take) = chosen(random, n_rows);
        let (tw, cw) = (codes(random, total * columns, from), codes(random, total * columns, to));
        // Zero points as symmetric and affine ranges have them, ranges from a quarter to four times as wide.
        let mut zero =
            |elem| if random.next().is_multiple_of(2) { 0 } else { w32(random.integer(-(1 << (width(elem) - 3)), 5)) };
        let (src_zero, dst_zero) = (zero(from), zero(to));
        let exponent = i64::from(width(to)) - i64::from(width(from)) + random.integer(-1, 2);
        let half = 1i64 << (width(to) - 1);
        let by = Requant {
            src_zero,
            factor: factor(random, exponent),
            dst_zero,
            lo: w32(-half),
            hi: w32(half - 1),
            overflow: Overflow::Saturate,
        };
        let mean = kernels::mean_rows(kernels::sum_rows(&tw, columns, &take, src_zero), 16);
        let weights: Vec<u32> = (0..n_rows)
            .map(|_| {
                let bits = random.integer(1, 29);
                u32::try_from(random.integer(0, (1 << bits) - 1)).expect("29 bits")
            })
            .collect();
        let mut after = cw.clone();
        for (row, w) in list.iter().zip(&weights) {
            let start = usize::try_from(*row).expect("a row") * columns;
            let at = start..start + columns;
            let mut site = site(Rounding::TiesEven);
            kernels::consolidate_rows(&mut after[at.clone()], &tw[at], (mean, *w, 16), &by, &mut site)
                .expect("saturates");
        }
        let args = vec![
            Arg::In(stored(&tw, from)),
            input(&weights),
            input(&list),
            Arg::InOut(stored(&cw, to), stored(&after, to)),
            value(mean),
            input(&block(&by)),
            value(small(n_rows)),
            value(small(columns)),
        ];
        Case { dims: dims(&[("n", n_rows * columns), ("rows", n_rows)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}
