//! Matrix products and bit-serial convolutions on NEON.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::{B1, I8, I32};
use tinyprec::trace::{Dims, Op};

use super::super::bits::{self, Fused};
use super::super::int8_linear::{Way, conv_case, conv_shapes, depthwise, square};
use super::super::padded;
use super::super::windows::Case2;
use super::{A, S, W, products, trips};
use crate::cases::{Arg, Bytes, Case, Random, Spec};

const A53: &[&str] = &["cortex-a53"];

/// The sets `gemm` and `bitserial`.
pub fn specs() -> Vec<Spec> {
    let eight = &[I8, I8, I8];
    let ones = &[B1, B1, I32];
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
    let planes = [("", false), ("pad_top", true)].map(|(when, padded)| {
        let cases: fn(&mut Random) -> Vec<Case> = if padded { padded_planes } else { whole_planes };
        let spec = Spec::new(Op::BinaryConv, ones, "tp_bitserial_conv", bit_trips(), &[A, W, A, S, None], cases);
        if when.is_empty() { spec } else { spec.when(when) }
    });
    let gemm = super::gemm_float::specs()
        .into_iter()
        .chain(gemm)
        .chain(super::gemm_int8::specs())
        .map(|spec| spec.cores(A53).class("gemm"));
    gemm.chain(planes.into_iter().map(|spec| spec.cores(A53).class("bitserial"))).collect()
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

fn bit_trips() -> &'static [&'static str] {
    let mut lists = gather("words");
    let steps = "ceil_div(kh*kw*words,4)";
    lists.push(vec!["ceil_div(kh*kw*words,4)*4-kh*kw*words", "min(1,ceil_div(kh*kw*words,4)*4-kh*kw*words)"]);
    lists.push(products(&[&["oh*ow*ceil_div(oc,8)"], &["", steps, "ceil_div(kh*kw*words,4)*8"]]));
    lists.push(vec!["oh*ow*oc", "oh*ow*kh*kw*words"]);
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

fn whole_planes(random: &mut Random) -> Vec<Case> {
    bits::conv(random, Fused::Nothing, true).into_iter().map(in_blocks).collect()
}

/// Taps outside read +1: with nothing outside, a compiler of planes has one more product, of the mask.
fn padded_planes(random: &mut Random) -> Vec<Case> {
    let ones = |case: &Case| case.dims.get("pad_value") == Some(1);
    padded::conv(random, Fused::Nothing).into_iter().filter(ones).map(in_blocks).collect()
}

/// Filters in blocks of eight, 16 bytes of a patch at a time, both padded with zeros.
fn in_blocks(mut case: Case) -> Case {
    let size = |dims: &Dims, name: &str| usize::try_from(dims.get(name).expect("a window's")).expect("small");
    let (oc, words) = (size(&case.dims, "oc"), size(&case.dims, "words"));
    let words = words * size(&case.dims, "kh") * size(&case.dims, "kw");
    let Arg::In(filters) = &case.args[1] else { unreachable!("filters are read") };
    let word = |o: usize, i: usize| {
        let at = 4 * (o * words + i);
        let inside = o < oc && i < words;
        if inside { filters[at..at + 4].to_vec() } else { [0u32].as_slice().bytes() }
    };
    let (blocks, steps) = (oc.div_ceil(8), words.div_ceil(4));
    let packed = (0..blocks).flat_map(|b| (0..steps).flat_map(move |k| (0..8).map(move |f| (b * 8 + f, 4 * k))));
    let packed: Vec<u8> = packed.flat_map(|(o, i)| (i..i + 4).flat_map(move |i| word(o, i))).collect();
    case.args[1] = Arg::In(packed);
    case.args[3] = Arg::Scratch(16 * steps);
    case
}
