//! TinyMaix's 8-bit layers; the reference rounds as its single precision does.

use tinyprec::nn::{Pad, Window};
use tinyprec::trace::Elem::I8;
use tinyprec::trace::{Dims, Op};

use super::super::int8::{codes, weights};
use super::super::int8_linear::{DENSE_SHAPES, Drawn, conv_shapes, draw_conv, draw_depthwise};
use super::super::windows::{Case2, window_block, windows};
use super::super::{small, w32};
use super::scales::{INTEGERS, Scales, low_byte, single_precision, whole_numbers};
use super::shapes::{FILTERS, STEPS, drawn};
use super::{A, M, S, W, products, trips};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

const ALL: &[&str] = &["cortex-m4", "cortex-m7", "cortex-a53"];
const A53: &[&str] = &["cortex-a53"];

/// Level of optimisation, products at a time, cores.
const SETS: [(&str, usize, usize, &[&str]); 8] = [
    ("tinymaix", 0, 1, ALL),
    ("tinymaix-o1", 1, 1, ALL),
    ("tinymaix-simd", 0, 4, M),
    ("tinymaix-o1-simd", 1, 4, M),
    ("tinymaix-simd", 0, 8, A53),
    ("tinymaix-o1-simd", 1, 8, A53),
    ("tinymaix-integers", INTEGERS, 1, A53),
    ("tinymaix-o1-integers", INTEGERS + 1, 1, A53),
];

/// Four sets: both levels, plain and with products in lanes.
pub fn specs() -> Vec<Spec> {
    let eight = &[I8, I8, I8];
    let (windowed, pixels) = (&[A, W, W, W, A, S, S, None, None, None], &[A, W, W, W, A, None, None, None]);
    let of = |(set, level, lanes, cores): (&'static str, usize, usize, &'static [&'static str])| {
        let name = |layer: &str, levels: bool| -> &'static str {
            let of_level = if levels && level % 2 == 1 { "_o1" } else { "" };
            let by = if level >= INTEGERS && layer != "dense" { "_integers" } else { "" };
            format!("tp_tinymaix_{layer}{of_level}{}{by}", if lanes > 1 { "_simd" } else { "" }).leak()
        };
        let cases: [fn(&mut Random) -> Vec<Case>; 3] = match level {
            0 => [|r| conv(r, 0, false), |r| conv(r, 0, true), |r| pointwise(r, 0)],
            1 => [|r| conv(r, 1, false), |r| conv(r, 1, true), |r| pointwise(r, 1)],
            // The level is nothing to the results then.
            _ => [|r| conv(r, INTEGERS, false), |r| conv(r, INTEGERS, true), |r| pointwise(r, INTEGERS)],
        };
        let list = vec![
            Spec::new(Op::Int8Conv, eight, name("conv", true), conv_trips(false, lanes), windowed, cases[0]),
            Spec::new(Op::Int8Conv, eight, name("conv", true), conv_trips(true, lanes), windowed, cases[1])
                .when("pad_top"),
            Spec::new(Op::Int8Conv, eight, name("pointwise", true), pointwise_trips(lanes), pixels, cases[2])
                .when("kh=1 kw=1"),
            Spec::new(
                Op::Int8DepthwiseConv,
                eight,
                name("depthwise", false),
                depthwise_trips(false, lanes),
                windowed,
                if level < INTEGERS { |r| depthwise(r, 0, false) } else { |r| depthwise(r, INTEGERS, false) },
            ),
            Spec::new(
                Op::Int8DepthwiseConv,
                eight,
                name("depthwise", false),
                depthwise_trips(true, lanes),
                windowed,
                if level < INTEGERS { |r| depthwise(r, 0, true) } else { |r| depthwise(r, INTEGERS, true) },
            )
            .when("pad_top"),
            Spec::new(
                Op::Int8Dense,
                eight,
                name("dense", false),
                dense_trips(lanes),
                &[A, W, W, W, A, None, None],
                dense,
            ),
        ];
        // Level 1 has 3 x 3 depthwise layers of its own, where products are not in lanes.
        let nine = |when, trips, cases| {
            let symbol = name("depthwise_3x3", true);
            Spec::new(Op::Int8DepthwiseConv, eight, symbol, trips, windowed, cases).when(when)
        };
        let nine = match (level, lanes) {
            (1, 1) => vec![
                nine("kh=3 kw=3", nine_trips(false), |r| nine_taps(r, 1, false)),
                nine("kh=3 kw=3 pad_top", nine_trips(true), |r| nine_taps(r, 1, true)),
            ],
            (3, 1) => vec![
                nine("kh=3 kw=3", nine_trips(false), |r| nine_taps(r, INTEGERS, false)),
                nine("kh=3 kw=3 pad_top", nine_trips(true), |r| nine_taps(r, INTEGERS, true)),
            ],
            _ => Vec::new(),
        };
        let list: Vec<Spec> = list.into_iter().chain(nine).collect();
        list.into_iter().map(move |spec| spec.cores(cores).class(set).clang(M))
    };
    SETS.into_iter().flat_map(of).collect()
}

/// Passes of a dot product: plain, and by lanes or as a compiler unrolls it.
fn dot(n: &str, lanes: usize) -> Vec<&'static str> {
    let by = if lanes == 1 { 8 } else { lanes };
    // Loops over single bytes that a compiler unrolls by four: all of them, or what eights leave.
    let bytes = if lanes == 1 { ["N", "(N%8)"].as_slice() } else { &[] };
    let bytes = bytes.iter().flat_map(|form| {
        let rest = form.replace('N', n);
        let ends = ["%4/2", "%4/3", "/4", "%4"].map(|end| format!("min(1,{rest}{end})"));
        [format!("({rest}/4)"), format!("({rest}%4)")].into_iter().chain(ends)
    });
    // Rows with and without whole eights.
    let eights = if lanes == 1 { ["min(1,N/8)", "(1-min(1,N/8))"].as_slice() } else { &[] };
    let eights = eights.iter().flat_map(|form| {
        let which = form.replace('N', n);
        ["", "*(N%8)", "*min(1,N%8)"].map(|rest| format!("{which}{}", rest.replace('N', n)))
    });
    // Steps of four that are unrolled once more, with exits between; rows that are whole steps apart from others.
    let again = ["(1-min(1,N%4))", "(N/16)", "((N/4+1)/4)", "((N/4+2)/4)", "((N/4+3)/4)", "(N/4%4)", "min(1,N/16)"];
    let ends = ["min(1,N/4%4)", "min(1,N/4%4/2)", "min(1,N/4%4/3)"];
    let whole = ["", "*min(1,N%4)", "*(1-min(1,N%4))"];
    let again = again.iter().chain(&ends).filter(|_| lanes == 4);
    let again = again.flat_map(|form| whole.map(|which| format!("{form}{which}").replace('N', n)));
    // Rows shorter than a step.
    let short = if lanes == 4 { ["", "*min(1,N%4)", "*min(1,N%4/2)", "*min(1,N%4/3)"].as_slice() } else { &[] };
    let short = short.iter().flat_map(|form| {
        let rest = form.replace('N', n);
        [format!("(1-min(1,{n}/4)){rest}"), format!("min(1,{n}/4){rest}")]
    });
    let list = [
        String::new(),
        n.to_owned(),
        format!("({n}/{by})"),
        format!("({n}%{by})"),
        format!("min(1,{n}/{by})"),
        format!("min(1,{n}%{by})"),
        format!("min(1,{n}%{by}/2)"),
        format!("min(1,{n}%{by}/3)"),
    ];
    list.into_iter().chain(bytes).chain(eights).chain(again).chain(short).map(|text| &*text.leak()).collect()
}

/// Whole patches, and of those with taps outside the fill, the rows and the taps inside.
fn gather_trips(channels: &str, padded: bool) -> Vec<Vec<&'static str>> {
    let mut lists = vec![vec!["kh", "kh*kw", "oh", "oh*ow"]];
    if padded {
        let full = "rows_full*cols_full";
        let (border, rows) = ("(oh*ow-rows_full*cols_full)", "(rows_in*ow-rows_full*cols_full*kh)");
        let taps = "(rows_in*cols_in-rows_full*cols_full*kh*kw)";
        let all = format!("({channels}*kh*kw)");
        lists.push(products(&[&[full], &["", channels], &dot("(kh*kw)", 1)]));
        lists.push(products(&[&[border, rows, taps], &["", channels], &["", "kh*kw"]]));
        lists.push(products(&[&[border], &dot(&all, 1)]));
    } else {
        lists.push(products(&[&["oh*ow"], &[channels], &dot("(kh*kw)", 1)]));
    }
    lists
}

fn output_trips(terms: &str, lanes: usize) -> Vec<Vec<&'static str>> {
    let filters = ["oc", "(oc/8)", "(oc%8)", "min(1,oc/8)", "min(1,oc%8)", "max(0,oc-7)", "min(1,max(0,oc-7))"];
    let filters = products(&[&filters, &["", "2", "4", "8"]]);
    let each = dot(terms, lanes);
    vec![products(&[&["oh*ow"], &filters, &each]), products(&[&["oh*ow"], &each])]
}

/// Level 1 has the whole nest twice: for layers of fewer than eight filters, and for others.
fn conv_trips(padded: bool, lanes: usize) -> &'static [&'static str] {
    let gathered = gather_trips("ic", padded).concat();
    let few = ["min(1,oc/8)", "(1-min(1,oc/8))"];
    let mut lists = vec![products(&[&gathered, &few])];
    lists.insert(0, gathered);
    lists.extend(output_trips("terms", lanes));
    trips(lists)
}

fn pointwise_trips(lanes: usize) -> &'static [&'static str] {
    let mut lists = output_trips("ic", lanes);
    lists.push(vec!["oh", "oh*ow"]);
    trips(lists)
}

fn depthwise_trips(padded: bool, lanes: usize) -> &'static [&'static str] {
    let mut lists = gather_trips("channels", padded);
    lists.push(products(&[&["oh*ow*channels"], &dot("(kh*kw)", lanes)]));
    trips(lists)
}

fn nine_trips(padded: bool) -> &'static [&'static str] {
    let mut lists = gather_trips("channels", padded);
    let whole = if padded { "rows_full*cols_full" } else { "oh*ow" };
    let border = "(oh*ow-rows_full*cols_full)";
    let channels = ["", "channels", "channels*2", "channels*9", "channels*8"];
    lists.push(products(&[&["oh*ow", whole, border], &channels]));
    lists.push(vec!["kh", "kh*kw", "oh", "oh*ow"]);
    trips(lists)
}

fn dense_trips(lanes: usize) -> &'static [&'static str] {
    trips(vec![products(&[&["rows", "(rows-1)", ""], &dot("columns", lanes)])])
}

/// [tap][channel] to [channel][tap].
fn by_channel(w: &[i8], taps: usize, channels: usize) -> Vec<i8> {
    let filters = w.chunks_exact(taps * channels);
    filters.flat_map(|f| (0..channels).flat_map(move |c| (0..taps).map(move |t| f[t * channels + c]))).collect()
}

fn folded(bias: &[i32], w: &[i8], zero: i32) -> Vec<i32> {
    let terms = w.len() / bias.len();
    let sum = |o: usize| w[o * terms..][..terms].iter().map(|w| i32::from(*w)).sum::<i32>();
    bias.iter().enumerate().map(|(o, b)| b - zero * sum(o)).collect()
}

fn finished(random: &mut Random, c: &Case2, drawn: &Drawn, w: &[i8], dims: Dims, level: usize, patch: bool) -> Case {
    let n = drawn.bias.len();
    let (scale, out, y) = match level {
        INTEGERS => whole_numbers(random, n, drawn),
        _ => single_precision(random, n, drawn, level),
    };
    let stored = folded(&drawn.bias, w, drawn.q.input_zero);
    let mut args = vec![input(&drawn.x), input(w), input(&stored), scale, output(&y)];
    if patch {
        args.extend([Arg::Scratch(c.window.taps() * c.shape.c), Arg::Scratch(4 * c.window.taps())]);
    }
    args.extend([out, drawn.q.block(), window_block(&dims, c.shape.c, 0, 0)]);
    Case { dims, args }
}

/// Whether a window is padded, and with the numbers that say how many outputs are whole, as `nn` emits them.
fn with_full(c: &Case2, dims: Dims) -> (bool, Dims) {
    let g = c.window.over(c.shape, "").expect("fits");
    (g.padded(), dims.with("rows_full", g.rows().inside().full).with("cols_full", g.columns().inside().full))
}

fn conv(random: &mut Random, level: usize, padded: bool) -> Vec<Case> {
    let mut shapes = conv_shapes();
    let more = FILTERS;
    let more = more.into_iter().chain(STEPS.map(|(h, w, ic, oc)| (h, w, ic, oc, 1, 1)));
    for (h, w, ic, oc, k, stride) in more.chain(drawn(24, 1, [1, 3])) {
        let pad = if padded { Pad::Same } else { Pad::Valid };
        let window = Window { pad, ..Window::valid(k, stride) };
        shapes.push(Case2 { shape: tinyprec::nn::Shape::new(h, w, ic), oc, window });
    }
    let case = |random: &mut Random, c: &Case2| {
        let drawn = draw_conv(random, c);
        let (is_padded, dims) = with_full(c, drawn.dims.clone());
        let w = by_channel(&drawn.w, c.window.taps(), c.shape.c);
        (is_padded == padded).then(|| finished(random, c, &drawn, &w, dims, level, true))
    };
    shapes.iter().filter_map(|c| case(random, c)).collect()
}

fn pointwise(random: &mut Random, level: usize) -> Vec<Case> {
    let shapes = [
        (1, 1, 1, 1, 1),
        (3, 4, 8, 5, 1),
        (2, 3, 5, 16, 1),
        (5, 3, 7, 9, 2),
        (3, 3, 12, 8, 1),
        (1, 6, 3, 17, 1),
        (4, 5, 20, 3, 2),
        (2, 2, 9, 24, 1),
        (3, 2, 4, 31, 1),
        (6, 1, 33, 7, 1),
        (5, 4, 6, 18, 1),
        (1, 3, 17, 12, 1),
        // Rows of many eights by many filters: counts of eights are not counts of rows that have any.
        (2, 3, 40, 16, 1),
        (3, 2, 26, 24, 1),
        (1, 4, 64, 8, 1),
        (2, 2, 33, 19, 1),
        (3, 3, 51, 9, 2),
        (2, 1, 80, 3, 1),
    ];
    let case = |random: &mut Random, (h, w, ic, oc, stride): (usize, usize, usize, usize, usize)| {
        let c = super::super::int8_linear::square(h, w, ic, oc, 1, stride, Pad::Valid);
        let drawn = draw_conv(random, &c);
        let w = drawn.w.clone();
        finished(random, &c, &drawn, &w, drawn.dims.clone(), level, false)
    };
    let more = drawn(24, 1, [1, 1]).into_iter().map(|(h, w, ic, oc, _, stride)| (h, w, ic, oc, stride));
    let more = STEPS.into_iter().map(|(h, w, ic, oc)| (h, w, ic, oc, 1)).chain(more);
    shapes.into_iter().chain(more).map(|s| case(random, s)).collect()
}

fn depthwise(random: &mut Random, level: usize, padded: bool) -> Vec<Case> {
    let mut shapes = windows();
    let more = drawn(24, 1, [1, 5]).into_iter().map(|(h, w, c, _, k, stride)| (h, w, c, k, stride));
    let chosen = [(6, 7, 3, 3, 1), (5, 5, 4, 2, 1), (8, 6, 5, 3, 2), (7, 7, 2, 5, 1), (6, 9, 8, 3, 1)];
    for (h, w, c, k, stride) in chosen.into_iter().chain(more) {
        let pad = if padded { Pad::Same } else { Pad::Valid };
        shapes.push(super::super::int8_linear::square(h, w, c, c, k, stride, pad));
    }
    for (h, w, c, kernel, stride) in [
        (7, 6, 3, [3, 4], 1),
        (5, 9, 2, [2, 6], 1),
        (8, 5, 4, [4, 3], 2),
        (9, 7, 1, [6, 2], 1),
        (6, 6, 5, [2, 2], 1),
        (8, 8, 3, [4, 4], 1),
        (5, 7, 6, [1, 4], 1),
        (4, 10, 2, [2, 8], 2),
        (7, 9, 4, [4, 5], 1),
        (6, 8, 1, [4, 1], 2),
    ] {
        let pad = if padded { Pad::Same } else { Pad::Valid };
        let window = Window { kernel, pad, ..Window::valid(1, stride) };
        shapes.push(Case2 { shape: tinyprec::nn::Shape::new(h, w, c), oc: c, window });
    }
    let case = |random: &mut Random, c: &Case2| {
        let drawn = draw_depthwise(random, c);
        let (is_padded, dims) = with_full(c, drawn.dims.clone());
        let w = by_channel(&drawn.w, c.window.taps(), c.shape.c);
        (is_padded == padded).then(|| finished(random, c, &drawn, &w, dims, level, true))
    };
    shapes.iter().filter_map(|c| case(random, c)).collect()
}

fn nine_taps(random: &mut Random, level: usize, padded: bool) -> Vec<Case> {
    let pad = if padded { Pad::Same } else { Pad::Valid };
    let shapes = [
        (6, 7, 3, 1),
        (5, 5, 4, 1),
        (8, 6, 5, 2),
        (7, 7, 2, 1),
        (6, 9, 8, 1),
        (9, 4, 1, 2),
        (3, 3, 6, 1),
        (11, 5, 7, 2),
        (4, 12, 9, 1),
        (10, 10, 3, 2),
        (13, 6, 2, 1),
    ];
    let case = |random: &mut Random, (h, w, c, stride): (usize, usize, usize, usize)| {
        let c = super::super::int8_linear::square(h, w, c, c, 3, stride, pad);
        let drawn = draw_depthwise(random, &c);
        let (is_padded, dims) = with_full(&c, drawn.dims.clone());
        let w = by_channel(&drawn.w, c.window.taps(), c.shape.c);
        (is_padded == padded).then(|| finished(random, &c, &drawn, &w, dims, level, true))
    };
    shapes.into_iter().filter_map(|s| case(random, s)).collect()
}

fn dense(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w) = (codes(random, columns), weights(random, rows * columns));
        let (bias, zero): (Vec<i32>, _) = ((0..rows).map(|_| w32(random.integer(-5000, 5000))).collect(), 3);
        let row = |r: usize| w[r * columns..][..columns].iter().zip(&x).map(|(w, x)| i32::from(*w) * i32::from(*x));
        let sums: Vec<i32> = (0..rows).map(|r| row(r).sum::<i32>() + bias[r]).collect();
        let scales = Scales::draw(random, 1, &sums);
        let code = |s: &i32| low_byte(*s as f32 * scales.scale[0] / scales.out[0] + zero as f32);
        let y: Vec<i8> = sums.iter().map(code).collect();
        let mut args = vec![input(&x), input(&w), input(&bias), input(&scales.scale), output(&y), input(&scales.out)];
        args.extend([input(&[0, zero, -128, 127]), value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().map(|s| case(random, *s)).collect()
}
