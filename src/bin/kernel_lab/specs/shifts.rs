//! Twins of grids a power of two apart: a shift in 32 bits where others multiply. The references are `learn::kernels`.

use tinyprec::learn::kernels::{self, Requant};
use tinyprec::numeric::{Overflow, Rounding, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, I8, I16, I32};
use tinyprec::trace::Op;

use super::head::{codes, each_length, n_dims, site, stored, width};
use super::{N, small, w32};
use crate::cases::{Arg, Case, Random, Spec, input, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);

/// Copies of weights, errors, gradients.
pub fn specs() -> Vec<Spec> {
    let shift = |op, elems, symbol, buffers, cases: fn(&mut Random) -> Vec<Case>| {
        Spec::new(op, elems, symbol, N, buffers, cases).when("shift")
    };
    let copied = |elems, symbol, cases| shift(Op::ForwardCopy, elems, symbol, &[T, T, None], cases);
    let error = |elems, symbol, cases| shift(Op::QuantiseError, elems, symbol, &[A, A, None], cases);
    let gradient = |elems, symbol, cases| shift(Op::QuantiseGradient, elems, symbol, &[A, A, None], cases);
    vec![
        copied(&[I8, I8], "tp_forward_copy_shift_i8_i8", |r| shifted(r, I8, I8)),
        copied(&[I16, I8], "tp_forward_copy_shift_i16_i8", |r| shifted(r, I16, I8)),
        copied(&[I32, I8], "tp_forward_copy_shift_i32_i8", |r| shifted(r, I32, I8)),
        copied(&[I16, I16], "tp_forward_copy_shift_i16_i16", |r| shifted(r, I16, I16)),
        copied(&[I32, I16], "tp_forward_copy_shift_i32_i16", |r| shifted(r, I32, I16)),
        error(&[I32, I8], "tp_quantise_error_shift_i32_i8", |r| shifted(r, I32, I8)),
        error(&[I32, I16], "tp_quantise_error_shift_i32_i16", |r| shifted(r, I32, I16)),
        gradient(&[I32, I8], "tp_quantise_gradient_shift_i32_i8", |r| shifted(r, I32, I8)),
        gradient(&[I32, I16], "tp_quantise_gradient_shift_i32_i16", |r| shifted(r, I32, I16)),
    ]
}

fn shifted(random: &mut Random, from: Elem, to: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let src = codes(random, n, from);
        let half = 1i64 << (width(to) - 1);
        let apart = i64::from(width(from)) - i64::from(width(to));
        let shift = (apart + random.integer(-2, 3)).clamp(1, 31);
        let dst_zero = w32(random.integer(-half, half - 1));
        let (lo, hi) = (w32(-half), w32(half - 1));
        let factor = Scale::pow2(-w32(shift));
        let r = Requant { src_zero: 0, factor, dst_zero, lo, hi, overflow: Overflow::Saturate };
        let mut dst = vec![0; n];
        kernels::forward_copy(&src, &r, &mut site(Rounding::TiesEven), &mut dst).expect("saturates");
        let by = input(&[1 << 30, w32(shift), 0, dst_zero, lo, hi]);
        let args = vec![Arg::In(stored(&src, from)), Arg::Out(stored(&dst, to)), by, value(small(n))];
        Case { dims: n_dims(n).with("shift", 1), args }
    })
}
