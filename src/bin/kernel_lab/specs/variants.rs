//! Twins that count bits in other ways, a kernel set each; the cases are the base set's.

use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{B1, I32};
use tinyprec::trace::Op;

use super::bits::{CONV, DENSE, Fused, conv, dense};
use crate::cases::Spec;

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const S: Option<BufferKind> = Some(BufferKind::Scratch);

const CONV_BY_8: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*oc*kh",
    "oh*ow*oc*kh*(kw*words/8)",
    "oh*ow*oc*kh*(kw*words%8)",
    "oh*ow*oc*kh*min(1,kw*words/8)",
    "oh*ow*oc*kh*min(1,kw*words%8)",
];
const DENSE_BY_8: &[&str] =
    &["rows", "ceil_div(rows,32)", "rows*(words/8)", "rows*(words%8)", "rows*min(1,words/8)", "rows*min(1,words%8)"];
const IM2COL: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*kh",
    "oh*ow*kh*kw*words",
    "oh*ow*oc*kh*kw*words",
    "oh*ow*oc*(kh*kw*words/4)",
    "oh*ow*oc*(kh*kw*words%4)",
    "oh*ow*oc*min(1,kh*kw*words/4)",
    "oh*ow*oc*min(1,kh*kw*words%4)",
];
/// Other ways to count bits, a kernel set each.
pub fn specs() -> Vec<Spec> {
    let mut list = Vec::new();
    let mut way = |set: &'static str, symbols: [&'static str; 4]| {
        let trips = if set == "harley-seal" { [CONV_BY_8, DENSE_BY_8] } else { [CONV, DENSE] };
        list.extend(
            [
                Spec::new(Op::BinaryDense, &[B1, B1, I32], symbols[0], trips[1], &[A, W, A], |r| {
                    dense(r, Fused::Nothing)
                }),
                Spec::new(Op::BinaryDenseThreshold, &[B1, B1, B1], symbols[1], trips[1], &[A, W, W, A], |r| {
                    dense(r, Fused::Threshold)
                }),
                Spec::new(Op::BinaryConv, &[B1, B1, I32], symbols[2], trips[0], &[A, W, A, None], |r| {
                    conv(r, Fused::Nothing, false)
                }),
                Spec::new(Op::BinaryConvThreshold, &[B1, B1, B1], symbols[3], trips[0], &[A, W, W, A, None], |r| {
                    conv(r, Fused::Threshold, false)
                }),
            ]
            .map(|spec| match set {
                "table" => spec.set(set).tables(&["tp_popcount_table"]),
                // On the other cores it is what the base set has.
                "swar" => spec.set(set).cores(&["cortex-a53"]),
                _ => spec.set(set),
            }),
        );
    };
    way(
        "libcall",
        [
            "tp_binary_dense_libcall",
            "tp_binary_dense_threshold_libcall",
            "tp_binary_conv_libcall",
            "tp_binary_conv_threshold_libcall",
        ],
    );
    way(
        "table",
        [
            "tp_binary_dense_table",
            "tp_binary_dense_threshold_table",
            "tp_binary_conv_table",
            "tp_binary_conv_threshold_table",
        ],
    );
    way(
        "harley-seal",
        [
            "tp_binary_dense_harley_seal",
            "tp_binary_dense_threshold_harley_seal",
            "tp_binary_conv_harley_seal",
            "tp_binary_conv_threshold_harley_seal",
        ],
    );
    way(
        "swar",
        [
            "tp_binary_dense_swar",
            "tp_binary_dense_threshold_swar",
            "tp_binary_conv_swar",
            "tp_binary_conv_threshold_swar",
        ],
    );
    list.extend([
        Spec::new(Op::BinaryConv, &[B1, B1, I32], "tp_binary_conv_im2col", IM2COL, &[A, W, A, S, None], |r| {
            conv(r, Fused::Nothing, true)
        })
        .set("im2col"),
        Spec::new(
            Op::BinaryConvThreshold,
            &[B1, B1, B1],
            "tp_binary_conv_threshold_im2col",
            IM2COL,
            &[A, W, W, A, S, None],
            |r| conv(r, Fused::Threshold, true),
        )
        .set("im2col"),
    ]);
    list
}
