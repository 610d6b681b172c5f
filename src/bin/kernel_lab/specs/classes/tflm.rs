//! TensorFlow Lite Micro's reference kernels.

use tinyprec::trace::Elem::{F32, I8};
use tinyprec::trace::Op;

use super::super::int8::{POOL, pool};
use super::super::int8_linear::{Way, conv, dense, depthwise};
use super::super::windows;
use super::{A, W};
use crate::cases::Spec;

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

/// Convolution, depthwise convolution, dense layer and pools.
pub fn specs() -> Vec<Spec> {
    let eight = &[I8, I8, I8];
    let windowed = &[A, W, W, W, A, None, None];
    let list = vec![
        Spec::new(Op::Int8Conv, eight, "tp_tflm_conv", CONV, windowed, |r| conv(r, Way::Plain)),
        Spec::new(Op::Int8DepthwiseConv, eight, "tp_tflm_depthwise", DEPTHWISE, windowed, depthwise),
        Spec::new(Op::Int8Dense, eight, "tp_tflm_dense", &["rows", "rows*columns"], &[A, W, W, W, A, None], |r| {
            dense(r, Way::Plain)
        }),
        Spec::new(Op::Int8MaxPool, &[I8, I8], "tp_tflm_max_pool", POOL, &[A, A, None, None], |r| pool(r, true)),
        Spec::new(Op::Int8AvgPool, &[I8, I8], "tp_tflm_avg_pool", POOL, &[A, A, None, None], |r| pool(r, false)),
        Spec::new(Op::FloatConv, &[F32, F32, F32], "tp_tflm_conv_f32", CONV, &[A, W, W, A, None], windows::conv),
    ];
    list.into_iter().map(|spec| spec.class("tflm-ref")).collect()
}
