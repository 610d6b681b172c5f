//! Twins of what goes between integers and reals in a head of both: codes to reals and back, wider codes, scales of real ranges, real
//! gradients on integer weights. The references are the simulator's formulas on `numeric` and `learn::kernels`.

use tinyprec::learn::kernels;
use tinyprec::numeric::{Format, IntFormat, QParams, Rounder, Rounding, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, F32, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::head::{codes, copy, each_length, n_dims, stored, width};
use super::paper::fine;
use super::strategies::reals;
use super::{N, ar1, small, w32};
use crate::cases::{Arg, Case, Random, Spec, double, input, output, real, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const ONCE: &[&str] = &["n"];

/// All of them; an operation that only has another name elsewhere keeps its function.
pub fn specs() -> Vec<Spec> {
    let unpack = |elems, symbol, cases| Spec::new(Op::Unpack, elems, symbol, N, &[T, A], cases);
    let pack = |elems, symbol, cases| Spec::new(Op::Pack, elems, symbol, N, &[A, T], cases).doubles();
    let step = |elems, symbol, cases| Spec::new(Op::SgdUpdate, elems, symbol, N, &[A, T], cases).doubles();
    let fine_step =
        |elems, symbol, cases| Spec::new(Op::SgdUpdate, elems, symbol, N, &[A, T, A, None], cases).doubles();
    let grid = |elems, symbol, cases| Spec::new(Op::Requantise, elems, symbol, N, &[A, T, None], cases);
    vec![
        unpack(&[I8, F32], "tp_to_reals_i8", |r| to_reals(r, I8)),
        unpack(&[I16, F32], "tp_to_reals_i16", |r| to_reals(r, I16)),
        unpack(&[I32, F32], "tp_to_reals_i32", |r| to_reals(r, I32)),
        unpack(&[I64, F32], "tp_to_reals_i64", |r| to_reals(r, I64)),
        unpack(&[I8, I32], "tp_widen_i8_i32", |r| widened(r, I8)),
        unpack(&[I16, I32], "tp_widen_i16_i32", |r| widened(r, I16)),
        pack(&[F32, I8], "tp_to_codes_i8", |r| to_codes(r, I8)),
        pack(&[F32, I16], "tp_to_codes_i16", |r| to_codes(r, I16)),
        pack(&[F32, I32], "tp_to_codes_i32", |r| to_codes(r, I32)),
        Spec::new(Op::Range, &[F32], "tp_range_f32", N, &[T, None], ar1::range),
        Spec::new(Op::RangeScale, &[F32], "tp_range_scale_f32", ONCE, &[None, None, None], scales).doubles(),
        step(&[F32, I8], "tp_sgd_update_f32_i8", |r| sgd(r, I8)),
        step(&[F32, I16], "tp_sgd_update_f32_i16", |r| sgd(r, I16)),
        step(&[F32, I32], "tp_sgd_update_f32_i32", |r| sgd(r, I32)),
        fine_step(&[F32, I8, I64], "tp_sgd_update_f32_i8_i64", |r| sgd_fine(r, I8)),
        fine_step(&[F32, I16, I64], "tp_sgd_update_f32_i16_i64", |r| sgd_fine(r, I16)),
        fine_step(&[F32, I32, I64], "tp_sgd_update_f32_i32_i64", |r| sgd_fine(r, I32)),
        grid(&[I8, I16], "tp_forward_copy_i8_i16", |r| copy(r, I8, I16, Rounding::TiesEven)),
        grid(&[I8, I32], "tp_forward_copy_i8_i32", |r| copy(r, I8, I32, Rounding::TiesEven)),
        grid(&[I16, I8], "tp_forward_copy_i16_i8", |r| copy(r, I16, I8, Rounding::TiesEven)),
        grid(&[I16, I32], "tp_forward_copy_i16_i32", |r| copy(r, I16, I32, Rounding::TiesEven)),
        grid(&[I32, I8], "tp_forward_copy_i32_i8", |r| copy(r, I32, I8, Rounding::TiesEven)),
        grid(&[I32, I16], "tp_forward_copy_i32_i16", |r| copy(r, I32, I16, Rounding::TiesEven)),
        grid(&[I32, I32], "tp_forward_copy_i32_i32", |r| copy(r, I32, I32, Rounding::TiesEven)),
    ]
}

fn to_reals(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let zero = if elem == I64 { 0 } else { w32(random.integer(-100, 100)) };
        let scale = random.unit().abs() / 64.0 + 1e-4;
        let x: Vec<i64> = match elem {
            I64 => (0..n).map(|_| random.integer(-(1 << 55), 1 << 55)).collect(),
            _ => codes(random, n, elem).iter().map(|x| i64::from(*x)).collect(),
        };
        let y: Vec<f32> = x.iter().map(|x| (x - i64::from(zero)) as f32 * scale).collect();
        let codes = match elem {
            I64 => input(&x),
            _ => Arg::In(stored(&x.iter().map(|x| w32(*x)).collect::<Vec<_>>(), elem)),
        };
        let args = vec![codes, output(&y), value(i64::from(zero)), real(scale), value(small(n))];
        Case { dims: n_dims(n), args }
    })
}

fn widened(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let x = codes(random, n, elem);
        Case { dims: n_dims(n), args: vec![Arg::In(stored(&x, elem)), output(&x), value(small(n))] }
    })
}

fn to_codes(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (x, half) = (reals(random, n), 1i64 << (width(elem) - 1));
        let (zero, lo, hi) = (random.integer(-half / 2, half / 2), -half, half - 1);
        let scale = 8.0 / (2 * half) as f64 * (1.0 + f64::from(random.unit().abs()));
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let y: Vec<i32> = x.iter().map(|x| w32((rounder.real(f64::from(*x) / scale) + zero).clamp(lo, hi))).collect();
        let mut args = vec![input(&x), Arg::Out(stored(&y, elem)), double(scale)];
        args.extend([zero, lo, hi, small(n)].map(value));
        Case { dims: n_dims(n), args }
    })
}

/// Ranges on one side of zero and on both.
fn scales(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, i: usize| {
        let (mut lo, mut hi) = (-random.unit().abs() * 8.0, random.unit().abs() * 3.0 + 1e-3);
        match i {
            1 => lo = 0.0,
            2 => hi = 0.0,
            _ => {}
        }
        let text = ["int8:affine", "int16:affine", "int32:affine", "int8", "int16", "int5:affine", "int12"][i % 7];
        let format: IntFormat = match text.parse().expect("a format") {
            Format::Int(int) => int,
            _ => unreachable!("all of these are integers"),
        };
        let to = QParams::from_range(&format, f64::from(lo), f64::from(hi)).expect("a finite range");
        let scale = to.scale.to_f64().to_bits();
        let mut args = vec![input(&[lo, hi]), output(&[scale]), output(&[to.zero_point])];
        let steps = i64::try_from(format.steps()).expect("32 bits");
        args.extend([steps, format.qmin(), format.qmax(), i64::from(text.contains("affine"))].map(value));
        Case { dims: n_dims(1), args }
    };
    (0..21).map(|i| case(random, i)).collect()
}

fn sgd(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w, half) = (reals(random, n), codes(random, n, elem), 1i64 << (width(elem) - 1));
        let factor = f64::from(random.unit().abs() + 0.01) * half as f64 / 8.0;
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let mut step =
            |(w, g): (&i32, &f32)| w32((i64::from(*w) - rounder.real(f64::from(*g) * factor)).clamp(-half, half - 1));
        let after: Vec<i32> = w.iter().zip(&g).map(&mut step).collect();
        let mut args = vec![input(&g), Arg::InOut(stored(&w, elem), stored(&after, elem)), double(factor)];
        args.extend([-half, half - 1, small(n)].map(value));
        Case { dims: n_dims(n), args }
    })
}

fn sgd_fine(random: &mut Random, base: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w) = (reals(random, n), codes(random, n, base));
        let zero = w32(random.integer(-100, 100));
        let e = 42 - i64::from(width(base)) + random.integer(-2, 2);
        let (by, block) = fine(random, e, zero);
        let factor = f64::from(random.unit().abs() + 0.01) * f64::from(1u32 << 31) * 512.0;
        let mut y = vec![0i64; n];
        kernels::widen(&w, zero, by.div(Scale::pow2(kernels::WIDE_FRACTION)), &mut y);
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        y.iter_mut().zip(&g).for_each(|(y, g)| *y -= rounder.real(f64::from(*g) * factor));
        let args = vec![input(&g), Arg::In(stored(&w, base)), output(&y), block, double(factor), value(small(n))];
        Case { dims: n_dims(n), args }
    })
}
