//! Twins of padded convolutions; the references are networks run by the plain kernels.

use tinyprec::nn::{Fill, FilterSize, GraphSpec, Layer, Pad, Shape, SmallFilters, Thresholds, Window};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{B1, F32, I8, I32, U8};
use tinyprec::trace::Op;

use super::bits::{Fused, binary_conv, bits, call_dims, halves, image, near, run, signs, sums};
use super::windows::window_block;
use crate::cases::{Arg, Case, Random, Spec, input, output};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const S: Option<BufferKind> = Some(BufferKind::Scratch);

/// The last ten are of taps outside, which packed zeros must leave out again, and of pixels that have some.
const CONV: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*kh",
    "oh*ow*kh*kw",
    "oh*ow*kh*kw*words",
    "oh*ow*oc*kh*kw*words",
    "oh*ow*oc*(kh*kw*words/4)",
    "oh*ow*oc*(kh*kw*words%4)",
    "oh*ow*oc*min(1,kh*kw*words/4)",
    "oh*ow*oc*min(1,kh*kw*words%4)",
    "(1-pad_value)*(oh*ow-rows_full*cols_full)*oc",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*words",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*(words/4)",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*(words%4)",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*min(1,words/4)",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*min(1,words%4)",
];
const INPUT: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*kh",
    "oh*ow*kh*kw",
    "oh*ow*terms",
    "oh*ow*oc*terms",
    "oh*ow*oc*ceil_div(terms,32)",
];

/// Padded convolutions, and input convolutions of 8-bit weights with any border.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::BinaryConv, &[B1, B1, I32], "tp_binary_conv_padded", CONV, &[A, W, A, S, None], |r| {
            conv(r, Fused::Nothing)
        })
        .when("pad_top"),
        spec(
            Op::BinaryConvThreshold,
            &[B1, B1, B1],
            "tp_binary_conv_threshold_padded",
            CONV,
            &[A, W, W, A, S, None],
            |r| conv(r, Fused::Threshold),
        )
        .when("pad_top"),
        spec(
            Op::BinaryConvTransform,
            &[B1, B1, F32],
            "tp_binary_conv_transform_padded",
            CONV,
            &[A, W, W, W, A, S, None, None],
            |r| conv(r, Fused::Transform),
        )
        .when("pad_top"),
        spec(Op::InputConv, &[U8, B1, I32], "tp_input_conv_padded", INPUT, &[A, W, A, S, None], |r| signed(r, false))
            .when("pad_top"),
        spec(
            Op::InputConvThreshold,
            &[U8, B1, B1],
            "tp_input_conv_threshold_padded",
            INPUT,
            &[A, W, W, A, S, None],
            |r| signed(r, true),
        )
        .when("pad_top"),
        spec(Op::InputConv, &[U8, I8, I32], "tp_input_conv_i8", INPUT, &[A, W, A, S, None], eight_bits),
    ]
}

/// Sizes, borders and fills; the last tap rows and columns are cut at either end.
pub(super) fn cases(
    random: &mut Random,
    binary: bool,
    case: impl Fn(&mut Random, Shape, usize, Window) -> Case,
) -> Vec<Case> {
    let list = [
        (5, 4, 3, 5, [3, 3], 1, Pad::Same),
        (6, 7, 40, 33, [3, 2], 2, Pad::Explicit([1, 0, 1, 1])),
        (4, 4, 64, 7, [3, 3], 2, Pad::Same),
        (3, 5, 128, 3, [3, 3], 1, Pad::Same),
        (7, 5, 1, 40, [5, 3], 2, Pad::Explicit([2, 1, 2, 1])),
        (5, 5, 150, 6, [3, 3], 3, Pad::Explicit([1, 1, 1, 1])),
        (2, 6, 65, 2, [1, 4], 1, Pad::Explicit([0, 3, 0, 0])),
        (8, 3, 260, 3, [4, 1], 3, Pad::Explicit([1, 0, 2, 0])),
        (4, 6, 33, 2, [2, 3], 1, Pad::Same),
        (6, 6, 31, 65, [3, 3], 1, Pad::Same),
        (9, 4, 96, 2, [3, 4], 2, Pad::Same),
        (3, 3, 200, 34, [5, 5], 1, Pad::Same),
        (10, 6, 2, 9, [3, 3], 1, Pad::Explicit([2, 2, 0, 0])),
        (4, 8, 160, 4, [2, 2], 1, Pad::Explicit([1, 1, 1, 1])),
        (5, 6, 70, 3, [3, 3], 2, Pad::Same),
        // Whole vectors of words, with either fill.
        (3, 4, 256, 2, [2, 2], 1, Pad::Same),
        (4, 4, 256, 5, [3, 3], 1, Pad::Same),
        (3, 5, 128, 3, [3, 3], 2, Pad::Same),
        (3, 3, 96, 2, [3, 3], 1, Pad::Same),
        (2, 3, 300, 3, [2, 2], 1, Pad::Same),
        (3, 3, 128, 4, [2, 3], 1, Pad::Same),
        (4, 3, 128, 3, [3, 3], 1, Pad::Same),
        (2, 4, 64, 5, [3, 2], 1, Pad::Same),
        (3, 4, 128, 2, [3, 3], 2, Pad::Same),
        (3, 4, 290, 2, [2, 2], 1, Pad::Same),
        (2, 5, 200, 3, [3, 3], 2, Pad::Same),
    ];
    let fills: &[Fill] = if binary { &[Fill::Zero, Fill::One] } else { &[Fill::Zero] };
    let mut cases = Vec::new();
    for (i, (h, w, c, oc, kernel, stride, pad)) in list.into_iter().enumerate() {
        // Expressions are matched on two cases of three: every fill must be among them.
        let fill = fills[(i / 2) % fills.len()];
        let channels = if binary { c } else { c % 37 + 1 };
        let window = Window { kernel, stride: [stride; 2], pad, fill };
        cases.push(case(random, Shape::new(h, w, channels), oc, window));
    }
    cases
}

pub(super) fn conv(random: &mut Random, fused: Fused) -> Vec<Case> {
    cases(random, true, |random, shape, oc, window| {
        let (taps, words) = (window.taps(), shape.c.div_ceil(32));
        binary_conv(random, shape, oc, window, fused, Some(4 * (taps * words + taps + 1)))
    })
}

fn signed(random: &mut Random, fused: bool) -> Vec<Case> {
    cases(random, false, |random, shape, oc, window| {
        let (pixels, image) = image(random, shape);
        let size = FilterSize { out: oc, taps: window.taps(), ic: shape.c };
        let values = signs(random, oc * size.fan_in());
        let rows = values.chunks_exact(size.fan_in());
        let packed: Vec<u32> = rows
            .flat_map(|row| {
                let wide: Vec<i32> = row.iter().map(|v| i32::from(*v)).collect();
                halves(&tinyprec::bits::pack(&wide), size.fan_in()).collect::<Vec<u32>>()
            })
            .collect();
        let offset = if fused { i32::try_from(random.integer(0, 255)).expect("a byte") } else { 0 };
        let weights = SmallFilters::new(size, values.clone(), "w").expect("sized");
        let spec = GraphSpec::new("t", shape).then("conv", Layer::InputConv { weights, window, offset });
        let acc = sums(&run(spec.clone(), &image));
        let mut args = vec![input(&pixels), input(&packed)];
        let spec = if fused {
            let t = near(random, &acc, oc);
            let total =
                |c: usize| values[c * size.fan_in()..][..size.fan_in()].iter().map(|v| i32::from(*v)).sum::<i32>();
            let folded: Vec<i32> = t.iter().enumerate().map(|(c, t)| t + offset * total(c)).collect();
            let layer = Layer::Threshold(Thresholds::new(1, t, Vec::new(), "t").expect("one plane"));
            let spec = spec.then("t", layer);
            args.extend([input(&folded), output(&bits(&run(spec.clone(), &image)))]);
            spec
        } else {
            args.push(output(&acc));
            spec
        };
        let dims = call_dims(&spec, 0);
        args.extend([Arg::Scratch(size.fan_in()), window_block(&dims, shape.c, 0, offset)]);
        Case { dims, args }
    })
}

fn eight_bits(random: &mut Random) -> Vec<Case> {
    cases(random, false, |random, shape, oc, window| {
        let (pixels, image) = image(random, shape);
        let size = FilterSize { out: oc, taps: window.taps(), ic: shape.c };
        let values: Vec<i8> =
            (0..oc * size.fan_in()).map(|_| i8::try_from(random.integer(-127, 127)).expect("8 bits")).collect();
        let offset = i32::try_from(random.integer(0, 255)).expect("a byte");
        let weights = SmallFilters::new(size, values.clone(), "w").expect("sized");
        let spec = GraphSpec::new("t", shape).then("conv", Layer::InputConv { weights, window, offset });
        let dims = call_dims(&spec, 0);
        let y = sums(&run(spec, &image));
        let block = window_block(&dims, shape.c, 0, offset);
        Case { dims, args: vec![input(&pixels), input(&values), output(&y), Arg::Scratch(size.fan_in()), block] }
    })
}
