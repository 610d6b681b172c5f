//! TensorFlow Lite Micro's reference kernels.

use tinyprec::trace::Elem::{F32, I8};
use tinyprec::trace::Op;

use super::super::int8::{POOL, pool};
use super::super::int8_linear::{DENSE_SHAPES, Way, conv, dense, depthwise};
use super::super::layers::reals;
use super::super::{small, windows};
use super::{A, M, W};
use crate::cases::{Case, Random, Spec, dims, input, output, real, value};
use tinyprec::numeric::elementary::exp_f32;

const CONV: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*oc*kh",
    "oh*ow*oc*kh*kw",
    "oh*oc*kh*cols_in",
    "rows_in*ow*oc*kw",
    "rows_in*ow*oc",
    "rows_in*cols_in*oc",
    "rows_in*cols_in*oc*ic",
];
const SOFTMAX: &[&str] = &["pixels", "n", "n-pixels", "pixels*min(1,channels-1)", "pixels*(1-min(1,channels-1))"];
const DEPTHWISE: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*channels",
    "oh*ow*channels*kh",
    "oh*ow*channels*kh*kw",
    "oh*channels*kh*cols_in",
    "rows_in*ow*channels*kw",
    "rows_in*cols_in*channels",
];

/// Convolution, depthwise convolution, dense layer and pools; once more for C libraries with a single-precision exponential in double.
pub fn specs() -> Vec<Spec> {
    let wide = Spec::new(Op::FloatSoftmax, &[F32, F32], "tp_tflm_softmax_f32_wide", SOFTMAX, &[A, A], |r| {
        softmax(r, exp_by_doubles)
    });
    let wide = wide.tables(&["tp_tflm_powers"]).doubles();
    let single =
        Spec::new(Op::FloatSoftmax, &[F32, F32], "tp_tflm_softmax_f32", SOFTMAX, &[A, A], |r| softmax(r, exp_f32));
    let single = with_softmax(single).map(|spec| spec.class("tflm-ref"));
    single.chain(with_softmax(wide).map(|spec| spec.cores(M).class("tflm-ref-wide-exp"))).collect()
}

fn with_softmax(softmax: Spec) -> impl Iterator<Item = Spec> {
    let eight = &[I8, I8, I8];
    let windowed = &[A, W, W, W, A, None, None];
    let list = [
        Spec::new(Op::Int8Conv, eight, "tp_tflm_conv", CONV, windowed, |r| conv(r, Way::Plain)),
        Spec::new(Op::Int8DepthwiseConv, eight, "tp_tflm_depthwise", DEPTHWISE, windowed, depthwise),
        Spec::new(Op::Int8Dense, eight, "tp_tflm_dense", &["rows", "rows*columns"], &[A, W, W, W, A, None], |r| {
            dense(r, Way::Plain)
        }),
        Spec::new(Op::Int8MaxPool, &[I8, I8], "tp_tflm_max_pool", POOL, &[A, A, None, None], |r| pool(r, true)),
        Spec::new(Op::Int8AvgPool, &[I8, I8], "tp_tflm_avg_pool", POOL, &[A, A, None, None], |r| pool(r, false)),
        Spec::new(Op::FloatConv, &[F32, F32, F32], "tp_tflm_conv_f32", CONV, &[A, W, W, A, None], windows::conv),
    ];
    let three = &[F32, F32, F32];
    // Twins for cores whose compilers fuse products with sums.
    let fused = [
        Spec::new(Op::FloatDense, three, "tp_tflm_dense_f32", &["rows", "rows*columns"], &[A, W, W, A], float_dense),
        softmax,
    ];
    list.into_iter().chain(fused.map(|spec| spec.cores(M)))
}

fn float_dense(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w, bias) = (reals(random, columns), reals(random, rows * columns), reals(random, rows));
        let (lo, hi) = if rows % 2 == 0 { (0.0, f32::MAX) } else { (f32::MIN, f32::MAX) };
        let sum = |r: usize| w[r * columns..][..columns].iter().zip(&x).fold(0.0f32, |sum, (w, x)| x.mul_add(*w, sum));
        let y: Vec<f32> = (0..rows).map(|r| (sum(r) + bias[r]).clamp(lo, hi)).collect();
        let mut args = vec![input(&x), input(&w), input(&bias), output(&y), real(lo), real(hi)];
        args.extend([value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().map(|s| case(random, *s)).collect()
}

/// The steps of `tp_library_exp_wide`; within 1e-9 of the exponential.
fn exp_by_doubles(x: f32) -> f32 {
    let by = std::f64::consts::LN_2 / 32.0;
    let z = f64::from(x.max(-87.0)) * (32.0 / std::f64::consts::LN_2);
    let n = z.round_ties_even();
    let (r, power) = (z - n, (n / 32.0).exp2());
    let (tail, head) = (by * by * by / 6.0 * r + by * by / 2.0, by * r + 1.0);
    ((tail * (r * r) + head) * power) as f32
}

fn softmax(random: &mut Random, exp: fn(f32) -> f32) -> Vec<Case> {
    let case = |random: &mut Random, (pixels, channels): (usize, usize)| {
        let x: Vec<f32> = (0..pixels * channels).map(|_| random.unit() * 8.0).collect();
        let rows = x.chunks_exact(channels).flat_map(|row| {
            let most = row.iter().fold(f32::MIN, |most, v| if most < *v { *v } else { most });
            let e: Vec<f32> = row.iter().map(|v| exp((v - most) * 0.5)).collect();
            let sum = e.iter().fold(0.0f32, |sum, e| sum + e);
            e.into_iter().map(move |e| e / sum).collect::<Vec<_>>()
        });
        let y: Vec<f32> = rows.collect();
        let args = vec![input(&x), output(&y), real(0.5), value(small(pixels)), value(small(channels))];
        Case { dims: dims(&[("pixels", pixels), ("channels", channels), ("n", pixels * channels)]), args }
    };
    let shapes = [(1, 1), (1, 2), (1, 3), (1, 10), (2, 5), (1, 11), (3, 1), (4, 7), (1, 100), (2, 2), (5, 3)];
    shapes.iter().map(|s| case(random, *s)).collect()
}
