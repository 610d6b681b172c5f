//! Matrix products on NEON.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::{F32, I8};
use tinyprec::trace::Op;

use super::super::int8_linear::{Way, conv_case, conv_shapes, depthwise, square};
use super::super::layers;
use super::super::windows::Case2;
use super::{A, S, W, products, trips};
use crate::cases::{Arg, Case, Random, Spec};

const A53: &[&str] = &["cortex-a53"];

/// The set `gemm`.
pub fn specs() -> Vec<Spec> {
    let eight = &[I8, I8, I8];
    let gemm = vec![
        Spec::new(Op::Int8Conv, eight, "tp_gemm_conv_i8", int8_trips(), &[A, W, W, W, A, S, None, None], int8_conv),
        Spec::new(
            Op::Int8DepthwiseConv,
            eight,
            "tp_gemm_depthwise_i8",
            depthwise_trips("8"),
            &[A, W, W, W, A, None, None],
            int8_depthwise,
        ),
    ];
    let gemm = super::gemm_float::specs()
        .into_iter()
        .chain(gemm)
        .chain(super::gemm_int8::specs())
        .chain(passes())
        .map(|spec| spec.cores(A53).class("gemm"));
    gemm.collect()
}

/// Passes over maps that the engine makes in layers of their own.
fn passes() -> Vec<Spec> {
    let sixteens = &["n", "(n/16)", "(n%16)", "min(1,n/16)", "min(1,n%16)"];
    let rows = products(&[
        &["pixels"],
        &["", "channels", "(channels/16)", "(channels%16)", "min(1,channels/16)", "min(1,channels%16)"],
    ]);
    vec![
        Spec::new(Op::Relu, &[F32, F32], "tp_gemm_relu_f32", sixteens, &[A, A], layers::relu),
        Spec::new(Op::Add, &[F32, F32, F32], "tp_gemm_add_f32", sixteens, &[A, A, A], layers::add),
        Spec::new(Op::Slice, &[F32, F32], "tp_gemm_slice_f32", trips(vec![rows]), &[A, A], layers::slice),
    ]
}

pub(super) fn gather(element: &'static str) -> Vec<Vec<&'static str>> {
    let outside = "(oh*ow*kh*kw-rows_in*cols_in)";
    vec![
        vec!["oh", "oh*ow", "oh*ow*kh", "oh*ow*kh*kw", "rows_in*ow*kw", "oh*kh*cols_in"],
        products(&[&["rows_in*cols_in", outside], &["", element]]),
    ]
}

pub(super) fn depthwise_trips(lanes: &str) -> &'static [&'static str] {
    let (blocks, rest) = (format!("(channels/{lanes})"), format!("(channels%{lanes})"));
    let some = [format!("min(1,{blocks})"), format!("min(1,{rest})")];
    let each = [blocks.as_str(), &rest, &some[0], &some[1], "channels"];
    let eight = format!("{blocks}*8");
    trips(vec![
        vec!["oh", "oh*ow"],
        products(&[&["oh*ow", "rows_in*ow", "rows_in*cols_in"], &each]),
        products(&[&["oh*ow"], &[&eight]]),
    ])
}

fn int8_trips() -> &'static [&'static str] {
    let mut lists = gather("ic");
    let steps = ["", "terms", "(terms/16)", "(terms%16)", "min(1,terms/16)", "min(1,terms%16)"];
    let (pixels, filters) = (["(oh*ow/4)", "(oh*ow%4)"], ["", "(oc/4)", "(oc%4)", "min(1,oc/4)", "min(1,oc%4)", "oc"]);
    lists.push(products(&[&pixels, &filters, &steps]));
    lists.push(products(&[&["min(1,oh*ow/4)", "(1-min(1,oh*ow/4))"], &["", "min(1,oh*ow%4)", "(1-min(1,oh*ow%4))"]]));
    lists.push(vec!["oh*ow*oc", "oh*ow*terms", "(oh*ow/4)*4*ceil_div(oc,4)*terms", "(oh*ow%4)*ceil_div(oc,4)*terms"]);
    lists.push(vec!["(oh*ow/4)*((oc/4)+(oc%4))*terms", "(oh*ow%4)*((oc/4)+(oc%4))*terms"]);
    trips(lists)
}

fn int8_conv(random: &mut Random) -> Vec<Case> {
    // The NEON twin of the base set has the same operands, with one patch where this one has four.
    let case = |random: &mut Random, c: &Case2| {
        let mut case = conv_case(random, c, Way::Neon);
        case.args[5] = Arg::Scratch(4 * c.window.taps() * c.shape.c);
        case
    };
    let mut shapes = conv_shapes();
    shapes.extend(
        [(3, 3, 7, 6, 3, 1), (5, 1, 33, 9, 1, 1), (2, 7, 18, 5, 1, 1), (3, 5, 48, 4, 1, 1)]
            .map(|(h, w, ic, oc, k, stride)| square(h, w, ic, oc, k, stride, Pad::Same)),
    );
    shapes.iter().map(|c| case(random, c)).collect()
}

fn int8_depthwise(random: &mut Random) -> Vec<Case> {
    let mut list = depthwise(random);
    list.extend([(6, 5, 8, 3, 1), (7, 7, 13, 3, 2), (4, 6, 21, 2, 1)].map(|(h, w, c, k, stride)| {
        super::super::int8_linear::depthwise_case(random, &square(h, w, c, c, k, stride, Pad::Same), None)
    }));
    list
}
