//! Twins of the head's other formats: packed signs and small integers, f16, bf16, stochastic rounding, cleared sums.

use tinyprec::learn::kernels::{self, Requant, Site, Step};
use tinyprec::numeric::{Format, Overflow, Rounding, half_float, pack};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, B1, Bf16, F16, F32, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::head::{accumulated, block, codes, each_length, factor, factor_parts, n_dims, stored, width};
use super::{N, SHAPES, small, w32};
use crate::cases::{Arg, Bytes, Case, Random, Spec, dims, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const T: Option<BufferKind> = Some(BufferKind::State);
const MATRIX: &[&str] = &["classes", "classes*features"];
const WORDS: &[&str] = &["n", "ceil_div(n,32)"];
pub(super) const DRAWS: &[&str] = &[
    "n",
    "ceil_div(n,8)",
    "ceil_div(n,8)*3",
    "ceil_div(n,8)*4",
    "ceil_div(n,8)*12",
    "ceil_div(n,8)*15",
    "ceil_div(n,8)*16",
];

/// Twins of formats other than whole bytes and `f32`.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::Standardise, &[I32, B1], "tp_standardise_b1", WORDS, &[A, W, A], standardise),
        spec(Op::ForwardCopy, &[I8, B1], "tp_forward_copy_i8_b1", WORDS, &[T, T, None], |r| signs_of(r, I8)),
        spec(Op::ForwardCopy, &[I16, B1], "tp_forward_copy_i16_b1", WORDS, &[T, T, None], |r| signs_of(r, I16)),
        spec(Op::ForwardCopy, &[I32, B1], "tp_forward_copy_i32_b1", WORDS, &[T, T, None], |r| signs_of(r, I32)),
        spec(Op::HeadForward, &[I8, B1, I32], "tp_head_forward_i8_b1", MATRIX, &[A, T, T, A], |r| forward(r, I8, B1)),
        spec(Op::HeadForward, &[B1, I8, I32], "tp_head_forward_b1_i8", MATRIX, &[A, T, T, A], |r| forward(r, B1, I8)),
        spec(Op::HeadForward, &[B1, B1, I32], "tp_head_forward_b1_b1", MATRIX, &[A, T, T, A], |r| forward(r, B1, B1)),
        spec(Op::GradientAccumulate, &[I8, B1, I32], "tp_gradient_accumulate_i8_b1", MATRIX, &[A, A, A], |r| {
            accumulate(r, I8)
        }),
        spec(Op::GradientAccumulate, &[I16, B1, I32], "tp_gradient_accumulate_i16_b1", MATRIX, &[A, A, A], |r| {
            accumulate(r, I16)
        }),
        spec(Op::GradientAccumulate, &[I32, B1, I64], "tp_gradient_accumulate_i32_b1", MATRIX, &[A, A, A], |r| {
            accumulate(r, I32)
        }),
        spec(Op::HeadForward, &[I8, I8, I32], "tp_head_forward_packed", MATRIX, &[A, T, T, A], |r| {
            forward_packed(r, false)
        })
        .when("packed"),
        spec(Op::HeadForward, &[I8, I8, I32], "tp_head_forward_affine_packed", MATRIX, &[A, T, T, A], |r| {
            forward_packed(r, true)
        })
        .when("affine packed"),
        spec(Op::ForwardCopy, &[I8, I8], "tp_forward_copy_packed_i8", N, &[T, T, None], |r| {
            copy_packed(r, I8, Rounding::TiesEven)
        })
        .when("packed"),
        spec(Op::ForwardCopy, &[I16, I8], "tp_forward_copy_packed_i16", N, &[T, T, None], |r| {
            copy_packed(r, I16, Rounding::TiesEven)
        })
        .when("packed"),
        spec(Op::ForwardCopy, &[I32, I8], "tp_forward_copy_packed_i32", N, &[T, T, None], |r| {
            copy_packed(r, I32, Rounding::TiesEven)
        })
        .when("packed"),
        spec(Op::ForwardCopy, &[F32, F16], "tp_forward_copy_f32_f16", N, &[T, T], |r| copy_halves(r, F16)),
        spec(Op::ForwardCopy, &[F32, Bf16], "tp_forward_copy_f32_bf16", N, &[T, T], |r| copy_halves(r, Bf16)),
        spec(Op::HeadForward, &[F32, F16, F32], "tp_head_forward_f16", MATRIX, &[A, T, T, A], |r| {
            forward_halves(r, F16)
        }),
        spec(Op::HeadForward, &[F32, Bf16, F32], "tp_head_forward_bf16", MATRIX, &[A, T, T, A], |r| {
            forward_halves(r, Bf16)
        }),
        spec(Op::Clear, &[I32], "tp_clear_i32", N, &[A], |r| clear(r, 4)),
        spec(Op::Clear, &[I64], "tp_clear_i64", N, &[A], |r| clear(r, 8)),
        spec(Op::Clear, &[F32], "tp_clear_f32", N, &[A], |r| clear(r, 4)),
        random_step(&[I8, I8], "tp_sgd_update_random_i8_i8", |r| sgd(r, I8, I8)),
        random_step(&[I16, I16], "tp_sgd_update_random_i16_i16", |r| sgd(r, I16, I16)),
        random_step(&[I32, I32], "tp_sgd_update_random_i32_i32", |r| sgd(r, I32, I32)),
        random_step(&[I32, I8], "tp_sgd_update_random_i32_i8", |r| sgd(r, I32, I8)),
        random_step(&[I32, I16], "tp_sgd_update_random_i32_i16", |r| sgd(r, I32, I16)),
    ]
}

fn random_step(elems: &'static [Elem], symbol: &'static str, cases: fn(&mut Random) -> Vec<Case>) -> Spec {
    Spec::new(Op::SgdUpdate, elems, symbol, DRAWS, &[A, T, None, None], cases).when("stochastic")
}

/// Packed signs as whole words.
pub(super) fn words(values: &[i32]) -> Vec<u8> {
    let mut bytes = pack::pack_binary(values).expect("±1");
    bytes.resize(values.len().div_ceil(32) * 4, 0);
    bytes
}

fn signs(random: &mut Random, n: usize) -> Vec<i32> {
    (0..n).map(|_| if random.next().is_multiple_of(2) { -1 } else { 1 }).collect()
}

fn sign(minus: bool) -> i32 {
    if minus { -1 } else { 1 }
}

fn each_matrix(random: &mut Random, case: impl Fn(&mut Random, usize, usize) -> Vec<Arg>) -> Vec<Case> {
    let of = |random: &mut Random, (classes, features): (usize, usize)| Case {
        dims: dims(&[("classes", classes), ("features", features)]),
        args: case(random, classes, features),
    };
    SHAPES.iter().map(|shape| of(random, *shape)).collect()
}

fn standardise(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let x: Vec<i32> = (0..n).map(|_| w32(random.integer(-(1 << 20), 1 << 20))).collect();
        // The reference's rule (learn's features): +1 iff x · 2^8 ≥ offset; every fourth offset is equal.
        let offset: Vec<i32> = x.iter().map(|x| x * 256 + w32(random.integer(-1, 2))).collect();
        let y: Vec<i32> = x.iter().zip(&offset).map(|(x, o)| sign(x * 256 < *o)).collect();
        Case { dims: n_dims(n), args: vec![input(&x), input(&offset), Arg::Out(words(&y)), value(small(n))] }
    })
}

fn signs_of(random: &mut Random, from: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let mut x = codes(random, n, from);
        x[0] = 0;
        let y: Vec<i32> = x.iter().map(|x| sign(*x < 0)).collect();
        let magnitude: u64 = x.iter().map(|x| u64::from(x.unsigned_abs())).sum();
        let args = vec![Arg::In(stored(&x, from)), Arg::Out(words(&y)), output(&[magnitude]), value(small(n))];
        Case { dims: n_dims(n), args }
    })
}

fn of_elem(random: &mut Random, n: usize, elem: Elem) -> (Vec<i32>, Arg) {
    let x = if elem == B1 { signs(random, n) } else { codes(random, n, elem) };
    let bytes = if elem == B1 { words(&x) } else { stored(&x, elem) };
    (x, Arg::In(bytes))
}

fn forward(random: &mut Random, feature: Elem, weight: Elem) -> Vec<Case> {
    each_matrix(random, |random, classes, features| {
        let ((a, a_arg), (w, w_arg)) =
            (of_elem(random, features, feature), of_elem(random, classes * features, weight));
        let bias: Vec<i32> = (0..classes).map(|_| w32(random.integer(-(1 << 20), 1 << 20))).collect();
        let mut z = bias.clone();
        kernels::head_forward(&w, 0, &a, 0, &mut z);
        vec![a_arg, w_arg, input(&bias), output(&z), value(small(classes)), value(small(features))]
    })
}

fn accumulate(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_matrix(random, |random, classes, features| {
        let (e, a) = (codes(random, classes, elem), signs(random, features));
        let half = 1i64 << (width(elem) - 1);
        let zero = w32(random.integer(-half, half - 1));
        let sums = accumulated(random, elem, (&e, zero), &a);
        let mut args = vec![Arg::In(stored(&e, elem)), Arg::In(words(&a)), sums];
        args.extend([i64::from(zero), small(classes), small(features)].map(value));
        args
    })
}

/// Codes of `bits` bits, with the spare byte that the twin reads.
pub(super) fn packed(codes: &[i32], bits: u32) -> Vec<u8> {
    let mut bytes = pack::pack(codes, bits).expect("in range");
    bytes.push(0);
    bytes
}

pub(super) fn narrow_bits(random: &mut Random) -> u32 {
    u32::try_from(random.integer(2, 7)).expect("small")
}

fn forward_packed(random: &mut Random, affine: bool) -> Vec<Case> {
    let mut cases = each_matrix(random, |random, classes, features| {
        let bits = narrow_bits(random);
        let half = 1i64 << (bits - 1);
        let a = codes(random, features, I8);
        let w: Vec<i32> = (0..classes * features).map(|_| w32(random.integer(-half, half - 1))).collect();
        let bias: Vec<i32> = (0..classes).map(|_| w32(random.integer(-(1 << 20), 1 << 20))).collect();
        let zeros = if affine { [128, half].map(|half| w32(random.integer(-half, half - 1))) } else { [0; 2] };
        let mut z = bias.clone();
        kernels::head_forward(&w, zeros[1], &a, zeros[0], &mut z);
        let mut args = vec![Arg::In(stored(&a, I8)), Arg::In(packed(&w, bits)), input(&bias), output(&z)];
        args.push(value(i64::from(bits)));
        args.extend(zeros.into_iter().filter(|_| affine).map(|zero| value(i64::from(zero))));
        args.extend([small(classes), small(features)].map(value));
        args
    });
    let named = |dims: tinyprec::trace::Dims| if affine { dims.with("affine", 1) } else { dims };
    cases.iter_mut().for_each(|case| case.dims = named(case.dims.clone().with("packed", 1)));
    cases
}

pub(super) fn copy_packed(random: &mut Random, from: Elem, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let (bits, src) = (narrow_bits(random), codes(random, n, from));
        let half = 1i64 << (bits - 1);
        let exponent = i64::from(bits) - i64::from(width(from)) + random.integer(-1, 2);
        let (lo, hi) = (w32(-half), w32(half - 1));
        let by = factor(random, exponent);
        let r = Requant { src_zero: 0, factor: by, dst_zero: 0, lo, hi, overflow: Overflow::Saturate };
        let mut dst = vec![0; n];
        kernels::forward_copy(&src, &r, &mut super::head::site(rule), &mut dst).expect("saturates");
        let args = vec![
            Arg::In(stored(&src, from)),
            Arg::Out(packed_exactly(&dst, bits)),
            input(&block(&r)),
            value(i64::from(bits)),
            value(small(n)),
        ];
        Case { dims: n_dims(n).with("packed", 1), args }
    })
}

/// What the twin leaves: the last code's second byte is written, beyond it nothing.
pub(super) fn packed_exactly(codes: &[i32], bits: u32) -> Vec<u8> {
    let mut bytes = packed(codes, bits);
    let last = (codes.len() - 1) * usize::try_from(bits).expect("small") / 8;
    bytes.truncate(last + 2);
    bytes
}

/// Reals of all sizes that a half holds or rounds to zero or infinity.
pub(super) fn reals(random: &mut Random, n: usize) -> Vec<f32> {
    let one = |random: &mut Random| match random.next() % 8 {
        0 => random.unit() * 6e-8,
        1 => random.unit() * 7e-5,
        2 => random.unit() * 7e4,
        3 => 0.0,
        // A tie of both formats' last places.
        4 => f32::from_bits(random.unit().to_bits() & 0xffff_0000 | 0x1000),
        _ => random.unit() * 4.0,
    };
    (0..n).map(|_| one(random)).collect()
}

pub(super) fn to_half(x: f32, to: Elem) -> u16 {
    if to == F16 { half_float::f64_to_f16(f64::from(x)) } else { half_float::f64_to_bf16(f64::from(x)) }
}

fn copy_halves(random: &mut Random, to: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let x = reals(random, n);
        let y: Vec<u16> = x.iter().map(|x| to_half(*x, to)).collect();
        Case { dims: n_dims(n), args: vec![input(&x), output(&y), value(small(n))] }
    })
}

fn forward_halves(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_matrix(random, |random, classes, features| {
        let a: Vec<f32> = (0..features).map(|_| random.unit() * 4.0).collect();
        let format = if elem == F16 { Format::F16 } else { Format::Bf16 };
        let w: Vec<f32> = reals(random, classes * features)
            .iter()
            .map(|x| kernels::round_to_format(x.clamp(-6e4, 6e4), format))
            .collect();
        let halves: Vec<u16> = w.iter().map(|w| to_half(*w, elem)).collect();
        let bias: Vec<f32> = (0..classes).map(|_| random.unit()).collect();
        let mut z = bias.clone();
        kernels::head_forward_f32(&w, &a, &mut z);
        vec![input(&a), input(&halves), input(&bias), output(&z), value(small(classes)), value(small(features))]
    })
}

fn clear(random: &mut Random, bytes: usize) -> Vec<Case> {
    each_length(random, |random, n| {
        let noise: Vec<u8> = (0..n * bytes).map(|_| random.next().to_le_bytes()[0]).collect();
        Case { dims: n_dims(n), args: vec![Arg::InOut(noise, vec![0; n * bytes]), value(small(n))] }
    })
}

/// Keys of the generator: the seed in the first eight bytes; streams tell sites apart.
fn sgd(random: &mut Random, gradient: Elem, master: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w) = (codes(random, n, gradient), codes(random, n, master));
        let half = 1i64 << (width(gradient) - 1);
        let top = w32((1i64 << (width(master) - 1)) - 1);
        let src_zero = w32(random.integer(-half / 2, half / 2));
        let wide = i64::from(width(master)) - i64::from(width(gradient)) + random.integer(-8, -1);
        let exponent = wide.max(-31);
        let step = Step { src_zero, factor: factor(random, exponent), lo: -top, hi: top, overflow: Overflow::Saturate };
        let (seed, stream) = (random.next(), random.next());
        let mut draws = Site::new("lab", Rounding::Stochastic, seed, stream);
        let mut after = w.clone();
        kernels::sgd_update(&mut after, &g, &step, &mut draws, &mut super::head::site(Rounding::TiesEven))
            .expect("saturates");
        let [mantissa, shift] = factor_parts(step.factor);
        let args = vec![
            Arg::In(stored(&g, gradient)),
            Arg::InOut(stored(&w, master), stored(&after, master)),
            input(&[mantissa, shift, src_zero, 0, -top, top]),
            generator(seed, stream),
            value(small(n)),
        ];
        Case { dims: n_dims(n).with("stochastic", 1), args }
    })
}

/// The generator's state before its first block; what it holds afterwards is checked by the weights.
pub(super) fn generator(seed: u64, stream: u64) -> Arg {
    let mut state = [0u64; 14];
    (state[0], state[5]) = (seed, stream);
    let mut bytes = state.bytes();
    bytes.extend(8i32.to_le_bytes());
    Arg::Work(bytes)
}
