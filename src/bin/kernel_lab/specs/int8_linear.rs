//! Twins of 8-bit convolutions and dense layers, plain and with products of several lanes.

use tinyprec::nn::{Pad, Shape};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::I8;
use tinyprec::trace::{Dims, Op};

use super::int8::{Factor, Quant, codes, factor, factor_block, quant, taps, weights, window_dims};
use super::windows::{Case2, window_block, windows};
use super::{small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const M: &[&str] = &["cortex-m4", "cortex-m7"];
const A53: &[&str] = &["cortex-a53"];
const RV32: &[&str] = &["rv32imc"];
const SIMD: &[&str] = &["cortex-m4", "cortex-m7", "cortex-a53"];

const CONV: &[&str] = &["oh", "oh*ow", "oh*ow*oc", "rows_in*ow*oc", "rows_in*cols_in*oc*ic"];
const POOL: &[&str] = &["oh", "oh*ow", "oh*ow*channels", "rows_in*ow*channels", "rows_in*cols_in*channels"];
const MULTIPLIED: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*channels",
    "oh*ow*(channels/multiplier)",
    "rows_in*ow*channels",
    "rows_in*cols_in*channels",
];
const DENSE: &[&str] = &["rows", "rows*columns"];
/// Pairs of pixels by pairs of filters, four terms at a time, each with what is left over.
const CONV_SMLAD: &[&str] = &[
    "oh*ow/2",
    "oh*ow%2",
    "oh*ow",
    "oh*ow*kh",
    "oh*ow*kh*kw",
    "oh*ow*kh*kw*ic",
    "(oh*ow/2)*(oc/2)",
    "(oh*ow%2)*(oc/2)",
    "(oh*ow/2)*(oc%2)",
    "(oh*ow%2)*(oc%2)",
    "(oh*ow/2)*(oc/2)*(terms/4)",
    "(oh*ow%2)*(oc/2)*(terms/4)",
    "(oh*ow/2)*(oc%2)*(terms/4)",
    "(oh*ow%2)*(oc%2)*(terms/4)",
    "(oh*ow/2)*(oc/2)*(terms%4)",
    "(oh*ow%2)*(oc/2)*(terms%4)",
    "(oh*ow/2)*(oc%2)*(terms%4)",
    "(oh*ow%2)*(oc%2)*(terms%4)",
    "(oh*ow/2)*(oc/2)*min(1,terms/4)",
    "(oh*ow%2)*(oc/2)*min(1,terms/4)",
    "(oh*ow/2)*(oc%2)*min(1,terms/4)",
    "(oh*ow%2)*(oc%2)*min(1,terms/4)",
    "(oh*ow/2)*(oc/2)*min(1,terms%4)",
    "(oh*ow%2)*(oc/2)*min(1,terms%4)",
    "(oh*ow/2)*(oc%2)*min(1,terms%4)",
    "(oh*ow%2)*(oc%2)*min(1,terms%4)",
    "(oh*ow/2)*min(1,oc/2)",
    "(oh*ow%2)*min(1,oc/2)",
    "min(1,oh*ow/2)",
    "oh*ow*oc",
    "(oh*ow/2)*oc",
    "(oh*ow%2)*oc",
    "(oh*ow/2)*oc*terms",
    "(oh*ow%2)*oc*terms",
    "(oh*ow/2)*(oc/2)*terms",
    "(oh*ow%2)*(oc/2)*terms",
    "(oh*ow/2)*(oc%2)*terms",
    "(oh*ow%2)*(oc%2)*terms",
    "(oh*ow/2)*ceil_div(oc,2)*terms",
    "(oh*ow%2)*ceil_div(oc,2)*terms",
    "(oh*ow/2)*kh",
    "(oh*ow%2)*kh",
    "(oh*ow/2)*kh*kw",
    "(oh*ow%2)*kh*kw",
    "(oh*ow/2)*terms",
    "(oh*ow%2)*terms",
];
const DENSE_SMLAD: &[&str] = &[
    "rows",
    "columns",
    "rows/2",
    "rows%2",
    "min(1,rows/2)",
    "(rows/2)*(columns/4)",
    "(rows%2)*(columns/4)",
    "(rows/2)*(columns%4)",
    "(rows%2)*(columns%4)",
    "(rows/2)*min(1,columns/4)",
    "(rows%2)*min(1,columns/4)",
    "(rows/2)*min(1,columns%4)",
    "(rows%2)*min(1,columns%4)",
    "rows*columns",
    "(rows/2)*columns",
    "(rows%2)*columns",
    "ceil_div(rows,2)*columns",
];
const CONV_NEON: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*kh",
    "oh*ow*kh*kw",
    "oh*ow*kh*kw*ic",
    "oh*ow*oc",
    "oh*ow*(oc/4)",
    "oh*ow*(oc%4)",
    "oh*ow*min(1,oc/4)",
    "oh*ow*min(1,oc%4)",
    "oh*ow*(oc/4)*(terms/16)",
    "oh*ow*(oc%4)*(terms/16)",
    "oh*ow*(oc/4)*(terms%16)",
    "oh*ow*(oc%4)*(terms%16)",
    "oh*ow*(oc/4)*min(1,terms/16)",
    "oh*ow*(oc%4)*min(1,terms/16)",
    "oh*ow*(oc/4)*min(1,terms%16)",
    "oh*ow*(oc%4)*min(1,terms%16)",
    "oh*ow*oc*terms",
    "oh*ow*(oc/4)*terms",
    "oh*ow*(oc%4)*terms",
];
const DENSE_NEON: &[&str] = &[
    "rows",
    "rows/4",
    "rows%4",
    "min(1,rows/4)",
    "min(1,rows%4)",
    "(rows/4)*(columns/16)",
    "(rows%4)*(columns/16)",
    "(rows/4)*(columns%16)",
    "(rows%4)*(columns%16)",
    "(rows/4)*min(1,columns/16)",
    "(rows%4)*min(1,columns/16)",
    "(rows/4)*min(1,columns%16)",
    "(rows%4)*min(1,columns%16)",
    "rows*columns",
    "(rows/4)*columns",
    "(rows%4)*columns",
];

/// The plain twins are the base set's where a core has no better ones, and the set `plain` where it has.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    let plain = |symbol| match symbol {
        "conv" => spec(Op::Int8Conv, &[I8, I8, I8], "tp_int8_conv_plain", CONV, &[A, W, W, W, A, None, None], |r| {
            conv(r, Way::Plain)
        }),
        _ => spec(Op::Int8Dense, &[I8, I8, I8], "tp_int8_dense_plain", DENSE, &[A, W, W, W, A, None], |r| {
            dense(r, Way::Plain)
        }),
    };
    vec![
        plain("conv").cores(RV32),
        plain("dense").cores(RV32),
        plain("conv").cores(SIMD).set("plain"),
        plain("dense").cores(SIMD).set("plain"),
        spec(Op::Int8Conv, &[I8, I8, I8], "tp_int8_conv_smlad", CONV_SMLAD, &[A, W, W, W, A, S, None, None], |r| {
            conv(r, Way::Smlad)
        })
        .cores(M),
        spec(Op::Int8Dense, &[I8, I8, I8], "tp_int8_dense_smlad", DENSE_SMLAD, &[A, W, W, W, A, S, None], |r| {
            dense(r, Way::Smlad)
        })
        .cores(M),
        spec(Op::Int8Conv, &[I8, I8, I8], "tp_int8_conv_neon", CONV_NEON, &[A, W, W, W, A, S, None, None], |r| {
            conv(r, Way::Neon)
        })
        .cores(A53),
        spec(Op::Int8Dense, &[I8, I8, I8], "tp_int8_dense_neon", DENSE_NEON, &[A, W, W, W, A, None], |r| {
            dense(r, Way::Neon)
        })
        .cores(A53),
        spec(
            Op::Int8DepthwiseConv,
            &[I8, I8, I8],
            "tp_int8_depthwise_plain",
            POOL,
            &[A, W, W, W, A, None, None],
            depthwise,
        ),
        spec(
            Op::Int8DepthwiseConv,
            &[I8, I8, I8],
            "tp_int8_depthwise_multiplied",
            MULTIPLIED,
            &[A, W, W, W, A, None, None],
            multiplied,
        )
        .when("multiplier"),
    ]
}

/// What a twin takes beside the operands that all have.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    Plain,
    Smlad,
    Neon,
}

pub(super) fn conv(random: &mut Random, way: Way) -> Vec<Case> {
    conv_shapes().iter().map(|c| conv_case(random, c, way)).collect()
}

/// Windows of all kinds, odd numbers of pixels and of filters, every remainder of the terms.
pub(super) fn conv_shapes() -> Vec<Case2> {
    let mut list = windows();
    let more = [
        (5, 5, 16, 8, 3, 1, Pad::Same),
        (4, 6, 8, 4, 1, 1, Pad::Valid),
        (3, 4, 7, 9, 2, 1, Pad::Same),
        (6, 5, 20, 6, 3, 2, Pad::Same),
        (5, 3, 3, 5, 3, 1, Pad::Valid),
        (3, 3, 5, 7, 1, 1, Pad::Valid),
        (5, 5, 2, 3, 3, 1, Pad::Valid),
        (3, 5, 4, 9, 1, 1, Pad::Valid),
        (7, 3, 1, 5, 3, 1, Pad::Valid),
        (3, 3, 3, 11, 1, 1, Pad::Valid),
        (5, 5, 1, 3, 1, 2, Pad::Valid),
        (2, 3, 6, 5, 1, 1, Pad::Valid),
        (1, 5, 7, 2, 1, 1, Pad::Valid),
        (3, 3, 8, 3, 3, 1, Pad::Same),
        (5, 3, 7, 1, 2, 1, Pad::Same),
    ];
    list.extend(more.map(|(h, w, c, oc, k, stride, pad)| square(h, w, c, oc, k, stride, pad)));
    list
}

/// A window as wide as it is high.
pub(super) fn square(h: usize, w: usize, c: usize, oc: usize, k: usize, stride: usize, pad: Pad) -> Case2 {
    let window = tinyprec::nn::Window { pad, ..tinyprec::nn::Window::valid(k, stride) };
    Case2 { shape: Shape::new(h, w, c), oc, window }
}

/// A convolution's operands and its sums, bias included. Weights are [filter][tap][channel], of depthwise [tap][channel].
pub(super) struct Drawn {
    pub x: Vec<i8>,
    pub w: Vec<i8>,
    pub bias: Vec<i32>,
    pub q: Quant,
    pub sums: Vec<i32>,
    pub dims: Dims,
}

pub(super) fn draw_conv(random: &mut Random, c: &Case2) -> Drawn {
    let g = c.window.over(c.shape, "").expect("fits");
    let (ic, terms) = (c.shape.c, c.window.taps() * c.shape.c);
    let (x, w, q) = (codes(random, c.shape.len()), weights(random, c.oc * terms), quant(random));
    let bias: Vec<i32> = (0..c.oc).map(|_| w32(random.integer(-5000, 5000))).collect();
    let mut sums: Vec<i32> = (0..g.oh * g.ow).flat_map(|_| bias.clone()).collect();
    for (p, t, from) in taps(&g) {
        for (o, sum) in sums[p * c.oc..][..c.oc].iter_mut().enumerate() {
            for i in 0..ic {
                *sum += i32::from(w[o * terms + t * ic + i]) * (i32::from(x[from * ic + i]) - q.input_zero);
            }
        }
    }
    let dims = window_dims(c, &g).with("oc", c.oc as u64).with("terms", terms as u64).with("ic", ic as u64);
    Drawn { x, w, bias, q, sums, dims }
}

pub(super) fn conv_case(random: &mut Random, c: &Case2, way: Way) -> Case {
    let Drawn { x, w, bias, q, sums, dims } = draw_conv(random, c);
    let (ic, terms) = (c.shape.c, c.window.taps() * c.shape.c);
    let by: Vec<Factor> = (0..c.oc).map(|_| factor(random, -12, -4)).collect();
    let y: Vec<i8> = sums.iter().enumerate().map(|(i, s)| q.code(*s, by[i % c.oc])).collect();
    let stored = folded(way, &bias, &w, terms, q.input_zero);
    let mut args = vec![input(&x), input(&w), input(&stored), factor_block(&by), output(&y)];
    match way {
        Way::Plain => {}
        Way::Smlad => args.push(Arg::Scratch(4 * terms)),
        Way::Neon => args.push(Arg::Scratch(terms)),
    }
    args.extend([q.block(), window_block(&dims, ic, 0, 0)]);
    Case { dims, args }
}

/// The bias as a twin wants it.
fn folded(way: Way, bias: &[i32], w: &[i8], terms: usize, zero: i32) -> Vec<i32> {
    let of = |o: usize| w[o * terms..][..terms].iter().map(|w| i32::from(*w)).sum::<i32>();
    let fold = |(o, b): (usize, &i32)| if way == Way::Neon { b - zero * of(o) } else { *b };
    bias.iter().enumerate().map(fold).collect()
}

/// Rows and columns of dense layers.
pub(super) const DENSE_SHAPES: [(usize, usize); 14] = [
    (1, 1),
    (3, 7),
    (10, 33),
    (5, 1),
    (2, 100),
    (7, 12),
    (4, 64),
    (9, 5),
    (1, 50),
    (6, 17),
    (12, 3),
    (8, 96),
    (11, 20),
    (2, 15),
];

pub(super) fn dense(random: &mut Random, way: Way) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w, q) = (codes(random, columns), weights(random, rows * columns), quant(random));
        let bias: Vec<i32> = (0..rows).map(|_| w32(random.integer(-5000, 5000))).collect();
        let by: Vec<Factor> = (0..rows).map(|_| factor(random, -12, -4)).collect();
        let sum = |r: usize| {
            let row = w[r * columns..][..columns].iter().zip(&x);
            bias[r] + row.map(|(w, x)| i32::from(*w) * (i32::from(*x) - q.input_zero)).sum::<i32>()
        };
        let y: Vec<i8> = (0..rows).map(|r| q.code(sum(r), by[r])).collect();
        let stored = folded(way, &bias, &w, columns, q.input_zero);
        let mut args = vec![input(&x), input(&w), input(&stored), factor_block(&by), output(&y)];
        if way == Way::Smlad {
            args.push(Arg::Scratch(2 * columns));
        }
        args.extend([q.block(), value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().map(|s| case(random, *s)).collect()
}

/// As [`draw_conv`], a filter of one channel each.
pub(super) fn draw_depthwise(random: &mut Random, c: &Case2) -> Drawn {
    draw_multiplied(random, c, 1)
}

/// As [`draw_depthwise`], so many filters a channel.
fn draw_multiplied(random: &mut Random, c: &Case2, multiplier: usize) -> Drawn {
    let g = c.window.over(c.shape, "").expect("fits");
    let channels = c.shape.c * multiplier;
    let (x, w, q) = (codes(random, c.shape.len()), codes(random, c.window.taps() * channels), quant(random));
    let bias: Vec<i32> = (0..channels).map(|_| w32(random.integer(-3000, 3000))).collect();
    let mut sums: Vec<i32> = (0..g.oh * g.ow).flat_map(|_| bias.clone()).collect();
    for (p, t, from) in taps(&g) {
        for (o, sum) in sums[p * channels..][..channels].iter_mut().enumerate() {
            let x = x[from * c.shape.c + o / multiplier];
            *sum += i32::from(w[t * channels + o]) * (i32::from(x) - q.input_zero);
        }
    }
    let dims = window_dims(c, &g).with("channels", channels as u64);
    Drawn { x, w, bias, q, sums, dims }
}

/// With working space of so many bytes behind the output, if any.
pub(super) fn depthwise_case(random: &mut Random, c: &Case2, scratch: Option<usize>) -> Case {
    let Drawn { x, w, bias, q, sums, dims } = draw_depthwise(random, c);
    let by: Vec<Factor> = (0..c.shape.c).map(|_| factor(random, -10, -3)).collect();
    let y: Vec<i8> = sums.iter().enumerate().map(|(i, s)| q.code(*s, by[i % c.shape.c])).collect();
    let mut args = vec![input(&x), input(&w), input(&bias), factor_block(&by), output(&y)];
    args.extend(scratch.map(Arg::Scratch));
    args.extend([q.block(), window_block(&dims, c.shape.c, 0, 0)]);
    Case { dims, args }
}

fn multiplied(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (i, c): (usize, &Case2)| {
        let multiplier = [2, 3, 8, 5][i % 4];
        let Drawn { x, w, bias, q, sums, dims } = draw_multiplied(random, c, multiplier);
        let channels = c.shape.c * multiplier;
        let by: Vec<Factor> = (0..channels).map(|_| factor(random, -10, -3)).collect();
        let y: Vec<i8> = sums.iter().enumerate().map(|(i, s)| q.code(*s, by[i % channels])).collect();
        let mut args = vec![input(&x), input(&w), input(&bias), factor_block(&by), output(&y), q.block()];
        args.extend([window_block(&dims, c.shape.c, 0, 0), value(small(multiplier))]);
        Case { dims: dims.with("multiplier", multiplier as u64), args }
    };
    windows().iter().enumerate().map(|c| case(random, c)).collect()
}

pub(super) fn depthwise(random: &mut Random) -> Vec<Case> {
    windows().iter().map(|c| depthwise_case(random, c, None)).collect()
}
