//! CMSIS-NN's 8-bit kernels.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::I8;
use tinyprec::trace::Op;

use super::super::int8_ends::probabilities;
use super::super::int8_linear::{Way, conv, conv_case, dense, depthwise_case, square};
use super::super::windows::{Case2, windows};
use super::shapes::drawn;
use super::{A, M, S, W, products, trips};
use crate::cases::{Case, Random, Spec};

const SET: &str = "cmsis-nn";
const INSIDE: &str = "rows_in*cols_in";
const OUTSIDE: &str = "(oh*ow*kh*kw-rows_in*cols_in)";

pub(super) const SOFTMAX: &[&str] =
    &["pixels", "pixels*channels", "pixels*(channels-1)", "pixels*min(1,channels-1)", "pixels*(1-min(1,channels-1))"];

/// Convolution, pointwise convolution, depthwise convolution and dense layer.
pub fn specs() -> Vec<Spec> {
    let eight = &[I8, I8, I8];
    let windowed = &[A, W, W, W, A, None, None];
    let with_patch = &[A, W, W, W, A, S, None, None];
    let list = vec![
        Spec::new(Op::Int8Conv, eight, "tp_cmsis_conv", conv_trips(), with_patch, |r| conv(r, Way::Smlad)),
        Spec::new(Op::Int8Conv, eight, "tp_cmsis_conv_1x1", pointwise_trips(), windowed, pointwise)
            .when("kh=1 kw=1 stride=1"),
        Spec::new(Op::Int8DepthwiseConv, eight, "tp_cmsis_depthwise", depthwise_trips(), with_patch, depthwise),
        Spec::new(Op::Int8DepthwiseConv, eight, "tp_cmsis_depthwise_3x3", three_trips("", ""), windowed, |r| {
            three(r, Pad::Valid)
        })
        .when("kh=3 kw=3"),
        Spec::new(
            Op::Int8DepthwiseConv,
            eight,
            "tp_cmsis_depthwise_3x3",
            three_trips("(ow-min(1,pad_left))", "(cols_in-2*ow+min(1,pad_left))"),
            windowed,
            |r| three(r, Pad::Same),
        )
        .when("kh=3 kw=3 pad_top"),
        Spec::new(Op::Int8Dense, eight, "tp_cmsis_dense", dense_trips(), &[A, W, W, W, A, None], |r| {
            dense(r, Way::Plain)
        }),
        Spec::new(Op::Int8Softmax, &[I8, I8], "tp_cmsis_softmax", SOFTMAX, &[A, A, None], |r| probabilities(r, false)),
    ];
    list.into_iter().map(|spec| spec.cores(M).class(SET)).collect()
}

/// The passes of a loop by fours and of what is left over, and whether there are any.
pub(super) fn fours(n: &str) -> Vec<&'static str> {
    let list = ["", "*", "/4", "%4", "?/4", "?%4"];
    let text = |form: &&str| match *form {
        "" => String::new(),
        "*" => n.to_owned(),
        "/4" | "%4" => format!("({n}{form})"),
        _ => format!("min(1,{n}{})", &form[1..]),
    };
    list.iter().map(|form| &*text(form).leak()).collect()
}

pub(super) fn gather_trips(channels: &str) -> Vec<Vec<&'static str>> {
    let halves = [
        String::new(),
        format!("({channels}/2)"),
        format!("({channels}%2)"),
        format!("min(1,{channels}/2)"),
        channels.to_owned(),
    ];
    let halves: Vec<&str> = halves.iter().map(String::as_str).collect();
    vec![
        vec!["oh", "oh*ow", "oh*ow*kh", "oh*ow*kh*kw", "rows_in*ow*kw", "oh*kh*cols_in"],
        products(&[&[INSIDE], &fours(channels)]),
        products(&[&[OUTSIDE], &halves]),
    ]
}

pub(super) fn conv_trips() -> &'static [&'static str] {
    let mut lists = gather_trips("ic");
    lists.push(vec!["oh*ow/2", "oh*ow%2", "(oh*ow/2)*min(1,oc/2)", "(oh*ow/2)*oc", "oh*ow*oc", "oh*ow*terms"]);
    lists.push(vec!["(oh*ow/2)*terms", "(oh*ow/2)*oc*terms"]);
    lists.push(products(&[&["(oh*ow/2)"], &["(oc/2)", "(oc%2)"], &fours("terms")]));
    lists.push(products(&[&["(oh*ow%2)"], &["oc"], &fours("terms")]));
    trips(lists)
}

fn pointwise_trips() -> &'static [&'static str] {
    let steps = [
        "",
        "ic",
        "(ic/16)",
        "(ic%16/4)",
        "(ic%4)",
        "(ic/4)",
        "min(1,ic/16)",
        "min(1,ic%16/4)",
        "min(1,ic/4)",
        "min(1,ic%4)",
    ];
    let cells = ["(oc/2)*(oh*ow/2)", "(oc/2)*(oh*ow%2)", "(oc%2)*oh*ow"];
    trips(vec![
        vec!["oc", "oc/2", "oc%2", "(oc/2)*ic", "(oc%2)*ic", "oc*ic", "oh*ow*oc", "(oc/2)*oh*ow", "(oc/2)*oh*ow*ic"],
        vec!["min(1,oc/2)", "(oc/2)*min(1,oh*ow/2)", "(oc/2)*2*ceil_div(oh*ow,2)*ic", "(oc%2)*oh*ow*ic"],
        products(&[&cells, &steps]),
    ])
}

pub(super) fn depthwise_trips() -> &'static [&'static str] {
    let mut lists = gather_trips("channels");
    let blocks = ["(channels/4)", "(channels%4)", "min(1,channels/4)", "min(1,channels%4)", "channels"];
    let taps = ["", "(kh*kw/2)", "(kh*kw%2)", "kh*kw", "min(1,kh*kw/2)"];
    lists.push(products(&[&["oh*ow"], &blocks, &taps]));
    trips(lists)
}

/// `left`, `right`: how many outputs of a row have the first and the last tap inside; empty without padding.
fn three_trips(left: &str, right: &str) -> &'static [&'static str] {
    let blocks = ["(channels/4)", "(channels%4)", "min(1,channels/4)", "min(1,channels%4)", "channels"];
    let mut lists = vec![vec!["oh", "oh*ow"], products(&[&["oh*ow"], &blocks])];
    lists.push(products(&[&["rows_in"], &["ow"], &blocks]));
    if !left.is_empty() {
        lists.push(products(&[&["rows_in"], &[left, right, "cols_in"], &blocks]));
        lists.push(products(&[&["oh"], &[left, right], &["", "(channels/4)", "(channels%4)"]]));
    }
    lists.push(products(&[&["rows_in*cols_in"], &blocks]));
    trips(lists)
}

fn dense_trips() -> &'static [&'static str] {
    trips(vec![
        vec!["rows", "rows*columns", "columns"],
        products(&[&["(rows/2)", "(rows%2)", "min(1,rows/2)"], &fours("columns")]),
    ])
}

fn pointwise(random: &mut Random) -> Vec<Case> {
    let shapes = [
        (1, 1, 1, 1),
        (3, 3, 16, 4),
        (2, 3, 7, 5),
        (5, 3, 33, 2),
        (4, 4, 20, 3),
        (1, 7, 5, 8),
        (3, 1, 64, 1),
        (2, 2, 3, 7),
        (5, 5, 48, 6),
        (1, 1, 18, 9),
        (3, 5, 4, 11),
        (7, 1, 31, 3),
        (2, 5, 12, 4),
        (3, 3, 1, 2),
        (1, 2, 39, 5),
        (9, 1, 22, 1),
        (4, 2, 17, 10),
        (1, 3, 80, 7),
    ];
    let case =
        |random: &mut Random, (h, w, ic, oc)| conv_case(random, &square(h, w, ic, oc, 1, 1, Pad::Valid), Way::Plain);
    let more = drawn(24, 1, [1, 1]).into_iter().map(|(h, w, ic, oc, ..)| (h, w, ic, oc));
    shapes.into_iter().chain(more).map(|s| case(random, s)).collect()
}

fn depthwise(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, c: &Case2| {
        let scratch = 2 * c.window.taps() * c.shape.c;
        depthwise_case(random, c, Some(scratch))
    };
    let mut list = windows();
    list.extend([square(7, 6, 9, 9, 5, 1, Pad::Same), square(5, 8, 12, 12, 2, 2, Pad::Valid)]);
    list.extend([square(6, 6, 7, 7, 4, 1, Pad::Same), square(9, 7, 16, 16, 5, 2, Pad::Same)]);
    list.iter().map(|c| case(random, c)).collect()
}

fn three(random: &mut Random, pad: Pad) -> Vec<Case> {
    let shapes = [
        (3, 3, 1, 1),
        (5, 4, 4, 1),
        (6, 7, 5, 2),
        (4, 9, 8, 1),
        (7, 5, 3, 2),
        (3, 8, 16, 1),
        (9, 9, 6, 3),
        (5, 5, 21, 2),
        (8, 3, 2, 1),
        (4, 6, 12, 2),
        (10, 6, 7, 1),
        (6, 11, 9, 3),
        (7, 7, 13, 1),
    ];
    shapes.iter().map(|&(h, w, c, stride)| depthwise_case(random, &square(h, w, c, c, 3, stride, pad), None)).collect()
}
