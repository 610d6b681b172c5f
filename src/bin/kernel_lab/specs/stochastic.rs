//! Twins of stochastic rounding outside of SGD's step on a fixed range: codes, steps on the fine grid, the velocity; the references are
//! `learn::kernels`.

use tinyprec::learn::kernels::{self, Requant, Site};
use tinyprec::numeric::{Overflow, Rounding, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::formats::{DRAWS, generator};
use super::head::{block, codes, each_length, factor, factor_parts, n_dims, standardise, stored, width};
use super::paper::fine;
use super::{small, w32};
use crate::cases::{Arg, Bytes, Case, Random, Spec, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const W: Option<BufferKind> = Some(BufferKind::Weights);
/// From the fine grid to the stored weights.
const FINE: &[Option<BufferKind>] = &[A, T, None, None];
/// A draw for each of two or three terms; blocks that begin with a value's first term are every fourth value's of two, every eighth's of
/// three. On the M7 steps with momentum run loops of their own.
const TERMS: &[&str] = &[
    "n",
    "n*stochastic",
    "n*(stochastic-1)",
    "ceil_div(n*stochastic,8)",
    "ceil_div(n*stochastic,8)*3",
    "ceil_div(n*stochastic,8)*4",
    "ceil_div(n*stochastic,8)*12",
    "ceil_div(n*stochastic,8)*15",
    "ceil_div(n*stochastic,8)*16",
    "ceil_div(n,stochastic*4-4)",
    "ceil_div(n,stochastic*4-4)*3",
    "ceil_div(n,stochastic*4-4)*4",
    "ceil_div(n,stochastic*4-4)*12",
    "ceil_div(n,stochastic*4-4)*15",
    "ceil_div(n,stochastic*4-4)*16",
    "n*kept",
    "n*stochastic*kept",
    "n*(stochastic-1)*kept",
    "ceil_div(n*stochastic,8)*kept",
    "ceil_div(n,stochastic*4-4)*kept",
];

/// Everything that draws but SGD's step on a fixed range.
pub fn specs() -> Vec<Spec> {
    let at_random =
        |op, elems, symbol, buffers, cases| Spec::new(op, elems, symbol, DRAWS, buffers, cases).when("stochastic");
    let copied = |elems, symbol, cases| at_random(Op::ForwardCopy, elems, symbol, &[T, T, None, None], cases);
    let error = |elems, symbol, cases| at_random(Op::QuantiseError, elems, symbol, &[A, A, None, None], cases);
    let gradient = |elems, symbol, cases| at_random(Op::QuantiseGradient, elems, symbol, &[A, A, None, None], cases);
    let features =
        |elems, symbol, cases| at_random(Op::Standardise, elems, symbol, &[A, W, W, W, A, None, None], cases);
    let step = |elems, symbol, cases| at_random(Op::SgdUpdate, elems, symbol, &[A, T, A, None, None, None], cases);
    let velocity = |elems, symbol, cases| {
        Spec::new(Op::Velocity, elems, symbol, TERMS, &[A, T, T, None, None], cases).when("stochastic")
    };
    vec![
        copied(&[I8, I8], "tp_forward_copy_random_i8_i8", |r| drawn(r, I8, I8)),
        copied(&[I16, I8], "tp_forward_copy_random_i16_i8", |r| drawn(r, I16, I8)),
        copied(&[I32, I8], "tp_forward_copy_random_i32_i8", |r| drawn(r, I32, I8)),
        copied(&[I8, I16], "tp_forward_copy_random_i8_i16", |r| drawn(r, I8, I16)),
        copied(&[I16, I16], "tp_forward_copy_random_i16_i16", |r| drawn(r, I16, I16)),
        copied(&[I32, I16], "tp_forward_copy_random_i32_i16", |r| drawn(r, I32, I16)),
        copied(&[I8, I32], "tp_forward_copy_random_i8_i32", |r| drawn(r, I8, I32)),
        copied(&[I16, I32], "tp_forward_copy_random_i16_i32", |r| drawn(r, I16, I32)),
        copied(&[I32, I32], "tp_forward_copy_random_i32_i32", |r| drawn(r, I32, I32)),
        features(&[I32, I8], "tp_standardise_random_i8", |r| standardised(r, I8)),
        features(&[I32, I16], "tp_standardise_random_i16", |r| standardised(r, I16)),
        error(&[I32, I8], "tp_quantise_error_random_i8", |r| drawn(r, I32, I8)),
        error(&[I32, I16], "tp_quantise_error_random_i16", |r| drawn(r, I32, I16)),
        error(&[I32, I32], "tp_quantise_error_random_i32", |r| drawn(r, I32, I32)),
        gradient(&[I32, I8], "tp_quantise_gradient_random_i32_i8", |r| drawn(r, I32, I8)),
        gradient(&[I32, I16], "tp_quantise_gradient_random_i32_i16", |r| drawn(r, I32, I16)),
        gradient(&[I64, I32], "tp_quantise_gradient_random_i64_i32", |r| drawn_wide(r, I32)),
        at_random(Op::Requantise, &[I64, I16], "tp_requantise_random_i64_i16", FINE, |r| drawn_wide(r, I16)),
        at_random(Op::Requantise, &[I64, I32], "tp_requantise_random_i64_i32", FINE, |r| drawn_wide(r, I32)),
        step(&[I32, I8, I64], "tp_sgd_update_random_i32_i8_i64", |r| sgd(r, I8)),
        step(&[I32, I16, I64], "tp_sgd_update_random_i32_i16_i64", |r| sgd(r, I16)),
        step(&[I32, I32, I64], "tp_sgd_update_random_i32_i32_i64", |r| sgd(r, I32)),
        velocity(&[I8, I8, I32], "tp_velocity_random_i8_i8", |r| velocities(r, I8, I8)),
        velocity(&[I16, I16, I32], "tp_velocity_random_i16_i16", |r| velocities(r, I16, I16)),
        velocity(&[I32, I8, I32], "tp_velocity_random_i32_i8", |r| velocities(r, I32, I8)),
        velocity(&[I32, I16, I32], "tp_velocity_random_i32_i16", |r| velocities(r, I32, I16)),
        velocity(&[I32, I32, I32], "tp_velocity_random_i32_i32", |r| velocities(r, I32, I32)),
    ]
}

/// Seed and stream of a generator, and a site that draws from it.
fn draws(random: &mut Random) -> (Arg, Site) {
    let (seed, stream) = (random.next(), random.next());
    (generator(seed, stream), Site::new("lab", Rounding::Stochastic, seed, stream))
}

/// As those of ties to even, with a generator before the length.
fn standardised(random: &mut Random, to: Elem) -> Vec<Case> {
    let (seed, stream) = (random.next(), random.next());
    let site = || Site::new("lab", Rounding::Stochastic, seed, stream);
    let with_draws = |mut case: Case| {
        let at = case.args.len() - 1;
        case.args.insert(at, generator(seed, stream));
        Case { dims: case.dims.with("stochastic", 1), ..case }
    };
    standardise(random, to, site).into_iter().map(with_draws).collect()
}

fn drawn(random: &mut Random, from: Elem, to: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let src = codes(random, n, from);
        let half = 1i64 << (width(to) - 1);
        let (lo, hi, dst_zero) = (w32(-half), w32(half - 1), w32(random.integer(-half / 4, half / 4)));
        let src_zero = w32(random.integer(-100, 100));
        let exponent = i64::from(width(to)) - i64::from(width(from)) + random.integer(-3, -1);
        let r = Requant { src_zero, factor: factor(random, exponent), dst_zero, lo, hi, overflow: Overflow::Saturate };
        let (generator, mut site) = draws(random);
        let dst: Vec<i32> = src.iter().map(|x| r.code(*x, &mut site).expect("saturates")).collect();
        let args = vec![
            Arg::In(stored(&src, from)),
            Arg::Out(stored(&dst, to)),
            input(&block(&r)),
            generator,
            value(small(n)),
        ];
        Case { dims: n_dims(n).with("stochastic", 1), args }
    })
}

/// Sums of 30 to 56 bits, whose codes are at most 62 places above the products' last: one draw a code.
fn drawn_wide(random: &mut Random, to: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let bits = random.integer(30, 56);
        let top = (1i64 << bits) - 1;
        let src: Vec<i64> = (0..n).map(|_| random.integer(-top, top)).collect();
        let half = 1i64 << (width(to) - 1);
        let exponent = (i64::from(width(to)) - bits + random.integer(-4, 0)).max(-31);
        let (lo, hi, dst_zero) = (w32(-half), w32(half - 1), w32(random.integer(-half, half - 1)));
        let by = factor(random, exponent);
        let r = Requant { src_zero: 0, factor: by, dst_zero, lo, hi, overflow: Overflow::Saturate };
        let (generator, mut site) = draws(random);
        let dst: Vec<i32> = src.iter().map(|x| r.centred(*x, &mut site).expect("saturates")).collect();
        let mut args = vec![input(&src), Arg::Out(stored(&dst, to)), input(&block(&r))];
        args.extend([generator, value(small(n))]);
        Case { dims: n_dims(n).with("stochastic", 1), args }
    })
}

fn sgd(random: &mut Random, base: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w) = (codes(random, n, I32), codes(random, n, base));
        let half = 1i64 << (width(base) - 1);
        let zeros = [w32(random.integer(-half, half - 1)), w32(random.integer(-1000, 1000))];
        let e = 42 - i64::from(width(base)) + random.integer(-2, 2);
        let (wide_by, wide_block) = fine(random, e, zeros[0]);
        let e = random.integer(-16, 8);
        let (step_by, step_block) = fine(random, e, zeros[1]);
        let mut y = vec![0i64; n];
        // `widen` multiplies by the fine grid's 2^40 itself.
        kernels::widen(&w, zeros[0], wide_by.div(Scale::pow2(kernels::WIDE_FRACTION)), &mut y);
        let (generator, mut site) = draws(random);
        let gradient = g.iter().map(|g| i64::from(*g) - i64::from(zeros[1]));
        kernels::subtract_step_wide(&mut y, gradient, step_by, &mut site.rounder);
        let mut args = vec![input(&g), Arg::In(stored(&w, base)), output(&y), wide_block, step_block];
        args.extend([generator, value(small(n))]);
        Case { dims: n_dims(n).with("stochastic", 1), args }
    })
}

fn velocities(random: &mut Random, elem: Elem, master: Elem) -> Vec<Case> {
    let mut number = 0;
    let mut case = |random: &mut Random, n: usize| {
        // Momentum and decay, momentum alone, decay alone.
        let [momentum, decay] = [[true, true], [true, false], [false, true], [true, false]][number % 4];
        number += 1;
        let (g, w, v) = (codes(random, n, elem), codes(random, n, master), codes(random, n, I32));
        let zero = w32(random.integer(-100, 100));
        let mut by = |low, high| {
            let e = random.integer(low, high);
            factor(random, e)
        };
        let up = 30 - i64::from(width(elem));
        let (to, kept, lost) = (by(up - 4, up), by(0, 0), by(up - 12, up - 4));
        let limits = (i32::MIN, i32::MAX, Overflow::Saturate);
        let (generator, mut site) = draws(random);
        let mut after = v.clone();
        let centred = g.iter().map(|g| i64::from(*g) - i64::from(zero));
        let (kept_by, lost_by) = (momentum.then_some(kept), decay.then_some(lost));
        kernels::velocity(&mut after, (centred, to), (&w, 0, lost_by), kept_by, limits, &mut site).expect("saturates");
        let blocks = [(kept, 0), (to, zero), (lost, 0)].map(|(scale, zero)| {
            let [mantissa, shift] = factor_parts(scale);
            [mantissa, shift, zero, 0, i32::MIN, i32::MAX]
        });
        let (first, last) = (if momentum { 0 } else { 1 }, if decay { 2 } else { 1 });
        let mut args = vec![Arg::In(stored(&g, elem)), Arg::In(stored(&w, master))];
        args.extend([Arg::InOut(v.bytes(), after.bytes()), input(blocks.as_flattened()), generator]);
        args.extend([first, last, small(n)].map(value));
        let dims = n_dims(n).with("stochastic", u64::try_from(last - first + 1).expect("2 or 3"));
        Case { dims: dims.with("kept", u64::from(momentum)), args }
    };
    super::LENGTHS.iter().map(|n| case(random, *n)).collect()
}
