//! Twins of the integer head; the references are `learn::kernels`.

use tinyprec::learn::kernels::{self, Requant, Site};
use tinyprec::numeric::Rounding::{self, TiesEven};
use tinyprec::numeric::elementary::Exponent;
use tinyprec::numeric::{Overflow, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::update::{sgd, velocity};
use super::{LENGTHS, N, SHAPES, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const T: Option<BufferKind> = Some(BufferKind::State);
/// Values, offset, mantissa and shift a feature, codes.
pub(super) const STANDARDISE: &[Option<BufferKind>] = &[A, W, W, W, A, None];
const MATRIX: &[&str] = &["classes", "classes*features"];

/// Integer twins of the forward pass, the loss, the gradient and SGD.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::Standardise, &[I32, I8], "tp_standardise_i8", N, STANDARDISE, |r| {
            standardise(r, I8, || site(TiesEven))
        }),
        spec(Op::Standardise, &[I32, I16], "tp_standardise_i16", N, STANDARDISE, |r| {
            standardise(r, I16, || site(TiesEven))
        }),
        spec(Op::Standardise, &[I32, I32], "tp_standardise_i32", N, STANDARDISE, |r| {
            standardise(r, I32, || site(TiesEven))
        }),
        spec(Op::ForwardCopy, &[I8, I8], "tp_forward_copy_i8_i8", N, &[T, T, None], |r| copy(r, I8, I8, TiesEven)),
        spec(Op::ForwardCopy, &[I16, I8], "tp_forward_copy_i16_i8", N, &[T, T, None], |r| copy(r, I16, I8, TiesEven)),
        spec(Op::ForwardCopy, &[I32, I8], "tp_forward_copy_i32_i8", N, &[T, T, None], |r| copy(r, I32, I8, TiesEven)),
        spec(Op::ForwardCopy, &[I8, I32], "tp_forward_copy_i8_i32", N, &[T, T, None], |r| copy(r, I8, I32, TiesEven)),
        spec(Op::ForwardCopy, &[I16, I32], "tp_forward_copy_i16_i32", N, &[T, T, None], |r| {
            copy(r, I16, I32, TiesEven)
        }),
        spec(Op::ForwardCopy, &[I32, I32], "tp_forward_copy_i32_i32", N, &[T, T, None], |r| {
            copy(r, I32, I32, TiesEven)
        }),
        spec(Op::HeadForward, &[I8, I8, I32], "tp_head_forward_i8", MATRIX, &[A, T, T, A], head_forward),
        spec(Op::Softmax, &[I32, I32], "tp_softmax_i32", &["classes", "min(1,classes-1)"], &[A, A], softmax),
        spec(Op::ArgMax, &[I32], "tp_arg_max_i32", &["classes", "min(1,classes-1)"], &[A, None], arg_max),
        spec(Op::Error, &[I32, I32], "tp_error_i32", &["batch", "batch*classes"], &[A, None, A, None], error),
        spec(Op::QuantiseError, &[I32, I8], "tp_quantise_error_i8", N, &[A, A, None], |r| {
            quantise(r, I8, 30, TiesEven)
        }),
        spec(Op::QuantiseError, &[I32, I16], "tp_quantise_error_i16", N, &[A, A, None], |r| {
            quantise(r, I16, 30, TiesEven)
        }),
        spec(Op::QuantiseError, &[I32, I32], "tp_quantise_error_i32", N, &[A, A, None], |r| {
            quantise(r, I32, 30, TiesEven)
        }),
        spec(Op::GradientAccumulate, &[I8, I8, I32], "tp_gradient_accumulate_i8", MATRIX, &[A, A, A], |r| {
            accumulate(r, I8)
        }),
        spec(Op::GradientAccumulate, &[I16, I8, I32], "tp_gradient_accumulate_i16", MATRIX, &[A, A, A], |r| {
            accumulate(r, I16)
        }),
        spec(Op::GradientAccumulate, &[I32, I8, I64], "tp_gradient_accumulate_i32", MATRIX, &[A, A, A], |r| {
            accumulate(r, I32)
        }),
        spec(Op::GradientRange, &[I32], "tp_gradient_range_i32", N, &[A, None], range),
        spec(Op::GradientRange, &[I64], "tp_gradient_range_i64", N, &[A, None], range_wide),
        spec(Op::QuantiseGradient, &[I32, I8], "tp_quantise_gradient_i32_i8", N, &[A, A, None], |r| {
            quantise(r, I8, 31, TiesEven)
        }),
        spec(Op::QuantiseGradient, &[I32, I16], "tp_quantise_gradient_i32_i16", N, &[A, A, None], |r| {
            quantise(r, I16, 31, TiesEven)
        }),
        spec(Op::QuantiseGradient, &[I64, I32], "tp_quantise_gradient_i64_i32", N, &[A, A, None], |r| {
            quantise_wide(r, TiesEven)
        }),
        spec(Op::SgdUpdate, &[I8, I8], "tp_sgd_update_i8_i8", N, &[A, T, None], |r| sgd(r, I8, I8, TiesEven)),
        spec(Op::SgdUpdate, &[I16, I16], "tp_sgd_update_i16_i16", N, &[A, T, None], |r| sgd(r, I16, I16, TiesEven)),
        spec(Op::SgdUpdate, &[I32, I32], "tp_sgd_update_i32_i32", N, &[A, T, None], |r| sgd(r, I32, I32, TiesEven)),
        spec(Op::SgdUpdate, &[I32, I8], "tp_sgd_update_i32_i8", N, &[A, T, None], |r| sgd(r, I32, I8, TiesEven)),
        spec(Op::SgdUpdate, &[I32, I16], "tp_sgd_update_i32_i16", N, &[A, T, None], |r| sgd(r, I32, I16, TiesEven)),
        spec(Op::Velocity, &[I8, I8, I32], "tp_velocity_i8_i8", N, &[A, T, T, None, None, None], |r| {
            velocity(r, I8, I8, TiesEven)
        }),
        spec(Op::Velocity, &[I16, I16, I32], "tp_velocity_i16_i16", N, &[A, T, T, None, None, None], |r| {
            velocity(r, I16, I16, TiesEven)
        }),
        spec(Op::Velocity, &[I32, I8, I32], "tp_velocity_i32_i8", N, &[A, T, T, None, None, None], |r| {
            velocity(r, I32, I8, TiesEven)
        }),
        spec(Op::Velocity, &[I32, I16, I32], "tp_velocity_i32_i16", N, &[A, T, T, None, None, None], |r| {
            velocity(r, I32, I16, TiesEven)
        }),
        spec(Op::Velocity, &[I32, I32, I32], "tp_velocity_i32_i32", N, &[A, T, T, None, None, None], |r| {
            velocity(r, I32, I32, TiesEven)
        }),
    ]
}

/// Width of a code's storage.
pub fn width(elem: Elem) -> u32 {
    match elem {
        I8 => 8,
        I16 => 16,
        _ => 32,
    }
}

/// Codes as the device stores them.
pub fn stored(codes: &[i32], elem: Elem) -> Vec<u8> {
    let part = |c: &i32| c.to_le_bytes()[..width(elem) as usize / 8].to_vec();
    codes.iter().flat_map(part).collect()
}

/// Random codes of a width, symmetric range; ends of the range included.
pub fn codes(random: &mut Random, n: usize, elem: Elem) -> Vec<i32> {
    let top = (1i64 << (width(elem) - 1)) - 1;
    (0..n).map(|_| w32(random.integer(-top, top))).collect()
}

/// Of a deterministic rule; seed and name do not matter.
pub fn site(rule: Rounding) -> Site {
    Site::new("lab", rule, 0, 0)
}

/// The C struct's mantissa and shift.
pub(super) fn factor_parts(scale: Scale) -> [i32; 2] {
    [i32::try_from(scale.mantissa()).expect("31 bits"), 31 - scale.exponent()]
}

/// The C twin's parameter block.
pub(super) fn block(r: &Requant) -> Vec<i32> {
    let [mantissa, shift] = factor_parts(r.factor);
    vec![mantissa, shift, r.src_zero, r.dst_zero, r.lo, r.hi]
}

/// A factor of `2^exponent` times 0.5 to 1; every fourth one is a power of two, so that ties occur.
pub(super) fn factor(random: &mut Random, exponent: i64) -> Scale {
    let mantissa = if random.next().is_multiple_of(4) { 1 << 30 } else { random.integer(1 << 30, (1 << 31) - 1) };
    Scale::from_parts(u32::try_from(mantissa).expect("31 bits"), w32(exponent)).expect("normalised")
}

/// From a grid of `from` bits to affine codes of `to`, factors around the one that fills the range.
pub(super) fn requant(random: &mut Random, from: u32, to: Elem, src_zero: i32) -> Requant {
    let exponent = i64::from(width(to)) - i64::from(from) + random.integer(-3, 2);
    let half = 1i64 << (width(to) - 1);
    let (lo, hi) = (w32(-half), w32(half - 1));
    let dst_zero = w32(random.integer(-half, half - 1));
    Requant { src_zero, factor: factor(random, exponent), dst_zero, lo, hi, overflow: Overflow::Saturate }
}

pub(super) fn each_length(random: &mut Random, case: impl Fn(&mut Random, usize) -> Case) -> Vec<Case> {
    LENGTHS.iter().map(|&n| case(random, n)).collect()
}

pub(super) fn n_dims(n: usize) -> tinyprec::trace::Dims {
    dims(&[("n", n)])
}

pub(super) fn standardise(random: &mut Random, to: Elem, site: impl Fn() -> Site) -> Vec<Case> {
    let top = w32((1i64 << (width(to) - 1)) - 1);
    // The largest factors fill the codes, the smallest leave a few bits.
    let (least, span) = match to {
        I8 => (-24, 16),
        I16 => (-16, 12),
        _ => (-6, 8),
    };
    each_length(random, |random, n| {
        let x: Vec<i32> = (0..n).map(|_| w32(random.integer(-(1 << 20), 1 << 20))).collect();
        let offset: Vec<i32> = (0..n).map(|_| w32(random.integer(-(1 << 28), 1 << 28))).collect();
        let factors: Vec<Scale> = (0..n)
            .map(|_| {
                let e = random.integer(least, least + span);
                factor(random, e)
            })
            .collect();
        let (zero, lo, hi) = (w32(random.integer(-5, 5)), -top, top);
        let mut site = site();
        let mut code = |i: usize| {
            let r = Requant { src_zero: 0, factor: factors[i], dst_zero: zero, lo, hi, overflow: Overflow::Saturate };
            r.centred(i64::from(x[i]) * 256 - i64::from(offset[i]), &mut site).expect("saturates")
        };
        let y: Vec<i32> = (0..n).map(&mut code).collect();
        let parts: Vec<[i32; 2]> = factors.iter().map(|f| factor_parts(*f)).collect();
        let column = |i: usize| parts.iter().map(|p| p[i]).collect::<Vec<i32>>();
        let args = vec![
            input(&x),
            input(&offset),
            input(&column(0)),
            input(&column(1)),
            Arg::Out(stored(&y, to)),
            input(&[0, 0, 0, zero, lo, hi]),
            value(small(n)),
        ];
        Case { dims: n_dims(n), args }
    })
}

pub(super) fn copy(random: &mut Random, from: Elem, to: Elem, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let src = codes(random, n, from);
        let r = Requant { dst_zero: 0, ..requant(random, width(from), to, 0) };
        let mut dst = vec![0; n];
        kernels::forward_copy(&src, &r, &mut site(rule), &mut dst).expect("saturates");
        Case {
            dims: n_dims(n),
            args: vec![Arg::In(stored(&src, from)), Arg::Out(stored(&dst, to)), input(&block(&r)), value(small(n))],
        }
    })
}

fn head_forward(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (classes, features): (usize, usize)| {
        let (a, w) = (codes(random, features, I8), codes(random, classes * features, I8));
        let bias: Vec<i32> = (0..classes).map(|_| w32(random.integer(-(1 << 20), 1 << 20))).collect();
        let mut z = bias.clone();
        kernels::head_forward(&w, 0, &a, 0, &mut z);
        let args = vec![
            Arg::In(stored(&a, I8)),
            Arg::In(stored(&w, I8)),
            input(&bias),
            output(&z),
            value(small(classes)),
            value(small(features)),
        ];
        Case { dims: dims(&[("classes", classes), ("features", features)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn softmax(random: &mut Random) -> Vec<Case> {
    [2, 3, 10, 1, 5, 50, 7, 100, 4, 10, 20, 33, 10]
        .iter()
        .map(|&classes| {
            let spread = random.integer(1, 31);
            let (lo, hi) = (-(1i64 << spread), (1i64 << spread) - 1);
            let z: Vec<i32> = (0..classes).map(|_| w32(random.integer(lo, hi))).collect();
            let exponent = random.integer(-3, 6) - spread;
            let unit = factor(random, exponent);
            let mut p = vec![0; classes];
            kernels::softmax(&z, unit, &mut p);
            let (mantissa, left, right) = Exponent::new(unit).parts();
            let args = vec![
                input(&z),
                output(&p),
                value(i64::from(mantissa)),
                value(i64::from(left)),
                value(i64::from(right)),
                value(small(classes)),
            ];
            Case { dims: dims(&[("classes", classes)]), args }
        })
        .collect()
}

fn arg_max(random: &mut Random) -> Vec<Case> {
    [2, 1, 10, 3, 50, 5, 100, 10, 7, 20, 4, 64]
        .iter()
        .map(|&classes| {
            let z: Vec<i32> = (0..classes).map(|_| w32(random.integer(-3, 3)) * 0x2000_0000).collect();
            let wide: Vec<i64> = z.iter().map(|z| i64::from(*z)).collect();
            let best = i32::try_from(kernels::argmax(&wide)).expect("small");
            Case { dims: dims(&[("classes", classes)]), args: vec![input(&z), output(&[best]), value(small(classes))] }
        })
        .collect()
}

fn error(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (batch, classes): (usize, usize)| {
        let one = 1 << 30;
        let p: Vec<i32> = (0..batch * classes).map(|_| w32(random.integer(0, one))).collect();
        let labels: Vec<i32> = (0..batch).map(|_| w32(random.integer(0, small(classes) - 1))).collect();
        let mut d = p.clone();
        for (row, label) in d.chunks_exact_mut(classes).zip(&labels) {
            kernels::error(row, 0, w32(one), usize::try_from(*label).expect("a label"));
        }
        let (lo, hi) = kernels::range_with_zero(&d);
        let args = vec![
            input(&p),
            input(&labels),
            output(&d),
            output(&[w32(lo), w32(hi)]),
            value(0),
            value(one),
            value(small(batch)),
            value(small(classes)),
        ];
        Case { dims: dims(&[("batch", batch), ("classes", classes)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

/// Sums or differences of `bits` bits to codes.
pub(super) fn quantise(random: &mut Random, to: Elem, bits: u32, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let top = (1i64 << bits) - 1;
        let src: Vec<i32> = (0..n).map(|_| w32(random.integer(-top, top))).collect();
        let r = requant(random, bits + 1, to, 0);
        let mut dst = vec![0; n];
        kernels::quantise_error(&src, &r, &mut site(rule), &mut dst).expect("saturates");
        let mut again = vec![0; n];
        kernels::quantise_gradient(&src, &r, &mut site(rule), &mut again).expect("saturates");
        assert_eq!(dst, again, "one arithmetic, two names");
        Case {
            dims: n_dims(n),
            args: vec![input(&src), Arg::Out(stored(&dst, to)), input(&block(&r)), value(small(n))],
        }
    })
}

pub(super) fn quantise_wide(random: &mut Random, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let bits = random.integer(30, 56);
        let top = (1i64 << bits) - 1;
        let src: Vec<i64> = (0..n).map(|_| random.integer(-top, top)).collect();
        let half = 1i64 << 31;
        let exponent = 32 - bits + random.integer(-4, 0);
        let (lo, hi, dst_zero) = (i32::MIN, i32::MAX, w32(random.integer(-half, half - 1)));
        let r =
            Requant { src_zero: 0, factor: factor(random, exponent), dst_zero, lo, hi, overflow: Overflow::Saturate };
        let mut dst = vec![0; n];
        kernels::quantise_gradient_wide(&src, &r, &mut site(rule), &mut dst).expect("saturates");
        Case { dims: n_dims(n), args: vec![input(&src), output(&dst), input(&block(&r)), value(small(n))] }
    })
}

/// Sums that errors of `elem` and features without a zero point are added to, before and after: of 64 bits for errors of 32.
pub fn accumulated(random: &mut Random, elem: Elem, (e, zero): (&[i32], i32), a: &[i32]) -> Arg {
    let n = e.len() * a.len();
    if elem == I32 {
        let before: Vec<i64> = (0..n).map(|_| random.integer(-(1 << 45), 1 << 45)).collect();
        let mut after = before.clone();
        kernels::gradient_accumulate_wide(&mut after, e, zero, a, 0);
        update(&before, &after)
    } else {
        let before: Vec<i32> = (0..n).map(|_| w32(random.integer(-(1 << 29), 1 << 29))).collect();
        let mut after = before.clone();
        kernels::gradient_accumulate(&mut after, e, zero, a, 0);
        update(&before, &after)
    }
}

fn accumulate(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (classes, features): (usize, usize)| {
        let (e, a) = (codes(random, classes, elem), codes(random, features, I8));
        let half = 1i64 << (width(elem) - 1);
        let zero = w32(random.integer(-half, half - 1));
        let sums = accumulated(random, elem, (&e, zero), &a);
        let args = vec![
            Arg::In(stored(&e, elem)),
            Arg::In(stored(&a, I8)),
            sums,
            value(i64::from(zero)),
            value(small(classes)),
            value(small(features)),
        ];
        Case { dims: dims(&[("classes", classes), ("features", features)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn range(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let acc = codes(random, n, I32);
        let (lo, hi) = kernels::gradient_range(&acc);
        Case { dims: n_dims(n), args: vec![input(&acc), output(&[w32(lo), w32(hi)]), value(0), value(small(n))] }
    })
}

fn range_wide(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let acc: Vec<i64> = (0..n).map(|_| random.integer(-(1 << 60), 1 << 60)).collect();
        let (lo, hi) = kernels::gradient_range_wide(&acc);
        Case { dims: n_dims(n), args: vec![input(&acc), output(&[lo, hi]), value(small(n))] }
    })
}
