//! 8-bit matrix products in blocks of eight, Winograd's convolution on 16-bit points, and 3 x 3 depthwise layers on NEON.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::I8;
use tinyprec::trace::Op;

use super::super::int8::{Factor, factor, factor_block, quant, taps, weights, window_dims};
use super::super::int8_linear::{Drawn, draw_conv, square};
use super::super::w32;
use super::super::windows::{Case2, window_block};
use super::gemm::gather;
use super::gemm_float::{PADS_OF_THREE, border_trips, three_border_trips};
use super::{A, S, W, products, trips};
use crate::cases::{Arg, Case, Random, Spec, input, output};

/// Blocks of eight pixels and of eight filters.
const BLOCKS: &str = "ceil_div(oh*ow,8)";
const EIGHTS: &str = "(oc/8)";
/// Tiles of four by four outputs, and blocks of eight tiles.
const TILES: &str = "(ceil_div(oh,4)*ceil_div(ow,4))";
const TILE_BLOCKS: &str = "ceil_div(ceil_div(oh,4)*ceil_div(ow,4),8)";
const BORDER: &str = "(ceil_div(oh,4)*4+2)*(ceil_div(ow,4)*4+2)";
/// A panel of tiles and a block of filters; three rows of eight channels.
const PANEL: &str = "(ceil_div(ceil_div(oh,4)*ceil_div(ow,4),8)+1)*ic*16";
const THREE_ROWS: &str = "(stride*(ow-1)+3)*24";

/// Convolutions and depthwise convolutions.
pub fn specs() -> Vec<Spec> {
    let eight = &[I8, I8, I8];
    let conv =
        |symbol, trips, buffers, cases, when| Spec::new(Op::Int8Conv, eight, symbol, trips, buffers, cases).when(when);
    let three = |symbol, padded: bool, cases, when| {
        let trips = if padded { three_trips("+pad_top", "+pad_left") } else { three_trips("", "") };
        Spec::new(Op::Int8DepthwiseConv, eight, symbol, trips, &[A, W, W, W, A, S, S, None, None], cases)
            .when(when)
            .near(THREE_ROWS)
    };
    let (one, two) = ("tp_gemm_depthwise_3x3_i8", "tp_gemm_depthwise_3x3s2_i8");
    vec![
        conv("tp_gemm_conv_8_i8", conv_trips(), &[A, W, W, W, A, S, S, S, None, None], general, "oc%8=0"),
        conv(
            "tp_gemm_conv_1x1_i8",
            pointwise_trips(),
            &[A, W, W, W, A, S, S, None, None],
            pointwise,
            "kh=1 kw=1 ic%8=0 oc%8=0",
        ),
        conv(
            "tp_gemm_winograd_i8",
            winograd_trips(),
            &[A, W, W, W, A, S, S, S, S, S, None, None],
            winograd,
            "kh=3 kw=3 stride=1 ic%8=0 oc%8=0",
        )
        .near(PANEL),
        three(one, false, |r| three_cases(r, 1, Pad::Valid), "kh=3 kw=3 stride=1 channels%8=0"),
        three(one, true, |r| three_cases(r, 1, Pad::Same), "kh=3 kw=3 stride=1 channels%8=0 pad_top"),
        three(two, false, |r| three_cases(r, 2, Pad::Valid), "kh=3 kw=3 stride=2 channels%8=0"),
        three(two, true, |r| three_cases(r, 2, Pad::Same), "kh=3 kw=3 stride=2 channels%8=0 pad_top"),
    ]
}

/// All filters by all panels of so many steps of eight terms.
fn product_trips(eights: &str) -> Vec<Vec<&'static str>> {
    let steps = [eights.to_owned(), format!("{eights}*2"), format!("{eights}*64")];
    let steps: Vec<&str> = std::iter::once("").chain(steps.iter().map(String::as_str)).collect();
    vec![
        products(&[&["", EIGHTS], &[BLOCKS], &steps]),
        vec![EIGHTS, "(oc/8)*oh*ow", "oc", "oh*ow", "oh*ow*oc", "ceil_div(oh*ow,8)*8", "ceil_div(oh*ow,8)*oc"],
    ]
}

fn conv_trips() -> &'static [&'static str] {
    let mut lists = gather("ic");
    lists.extend(product_trips("ceil_div(terms,8)"));
    let rest = "(ceil_div(terms,8)*8-terms)";
    lists.push(products(&[&["", "8"], &[rest, "min(1,ceil_div(terms,8)*8-terms)"]]));
    let panels = "(ceil_div(oh*ow,8)+1)*ceil_div(terms,8)*64";
    lists.push(vec!["oh*ow*terms", format!("({panels}+{BLOCKS}*oc*32)").leak()]);
    trips(lists)
}

fn pointwise_trips() -> &'static [&'static str] {
    let mut lists = product_trips("(ic/8)");
    lists.push(products(&[&[BLOCKS], &["8", "ic", "ic*8"]]));
    trips(lists)
}

fn winograd_trips() -> &'static [&'static str] {
    let mut lists = border_trips(["(ceil_div(oh,4)*4+2)", "(ceil_div(ow,4)*4+2)"], PADS_OF_THREE, "ic", "(ic/8)");
    lists.push(vec!["36", "oc", "oh*ow*oc"]);
    lists.push(vec!["ceil_div(oh,4)", TILES]);
    lists.push(products(&[&[TILES], &["(ic/8)"], &["", "6", "36"]]));
    lists.push(products(&[&["36"], &["", EIGHTS], &[TILE_BLOCKS], &["", "(ic/8)", "ic"]]));
    lists.push(products(&[&["36"], &[EIGHTS, "oc"], &["", TILES]]));
    lists.push(products(&[&[EIGHTS], &["", "ceil_div(oh,4)", TILES], &["", "8", "12"]]));
    lists.push(products(&[&[EIGHTS], &["oh*ceil_div(ow,4)", "oh*ow"]]));
    lists.push(vec![
        format!("({BORDER}*ic+{TILES}*ic*72+{TILE_BLOCKS}*(ic*576+oc*1152))").leak(),
        format!("({TILES}*(ic*36+oc*144)+{TILE_BLOCKS}*576*(ic+(oc/8)*(ic+1)))").leak(),
        format!("((oc/8)*{TILE_BLOCKS}*576*(ic+1))").leak(),
        format!("((oc/8)*{TILE_BLOCKS}*9216)").leak(),
        format!("({BORDER}*ic+{TILE_BLOCKS}*(592*ic+1152*oc)+16)").leak(),
    ]);
    trips(lists)
}

fn three_trips(top: &str, left: &str) -> &'static [&'static str] {
    let mut lists = three_border_trips(top, left, "(channels/8)");
    lists.push(products(&[&["(channels/8)", "channels"], &["", "oh", "oh*ow", "9", "21", "oh*ow*9"]]));
    trips(lists)
}

/// Blocks of eight filters, four terms a step: [block][step][two pairs][filter][pair], zeros behind the terms.
fn pairs(w: &[i8], oc: usize, terms: usize) -> Vec<i8> {
    let at = |o: usize, t: usize| if t < terms { w[o * terms + t] } else { 0 };
    let pair = |b: usize, t: usize| (8 * b..8 * b + 8).flat_map(move |o| [at(o, t), at(o, t + 1)]);
    (0..oc / 8).flat_map(|b| (0..terms.next_multiple_of(8)).step_by(2).flat_map(move |t| pair(b, t))).collect()
}

/// The bias with the input's zero folded in.
fn folded(drawn: &Drawn, terms: usize) -> Vec<i32> {
    folded_by(drawn, |o| drawn.w[o * terms..][..terms].iter().map(|w| i32::from(*w)).sum())
}

/// The same where `sum` gives the sum of an output's weights.
fn folded_by(drawn: &Drawn, sum: impl Fn(usize) -> i32) -> Vec<i32> {
    drawn.bias.iter().enumerate().map(|(o, b)| b - drawn.q.input_zero * sum(o)).collect()
}

/// Operands up to the output, `w` as the twin wants the weights.
fn operands(random: &mut Random, drawn: &Drawn, w: Arg, bias: &[i32], scale: (i64, i64)) -> Vec<Arg> {
    let n = bias.len();
    let by: Vec<Factor> = (0..n).map(|_| factor(random, scale.0, scale.1)).collect();
    let y: Vec<i8> = drawn.sums.iter().enumerate().map(|(i, s)| drawn.q.code(*s, by[i % n])).collect();
    vec![input(&drawn.x), w, input(bias), factor_block(&by), output(&y)]
}

fn general(random: &mut Random) -> Vec<Case> {
    let shapes = [
        (5, 4, 3, 8, 3, 1, Pad::Same),
        (6, 7, 4, 16, 3, 2, Pad::Same),
        (4, 4, 2, 24, 2, 2, Pad::Valid),
        (7, 5, 1, 8, 5, 2, Pad::Same),
        (9, 9, 3, 16, 7, 2, Pad::Same),
        (3, 8, 8, 8, 3, 1, Pad::Valid),
        (6, 6, 16, 8, 3, 2, Pad::Same),
        (1, 3, 5, 32, 1, 1, Pad::Valid),
        (4, 6, 33, 8, 2, 1, Pad::Valid),
        (10, 3, 7, 40, 3, 1, Pad::Same),
        (8, 5, 6, 16, 3, 3, Pad::Same),
        (2, 2, 24, 8, 2, 1, Pad::Valid),
    ];
    let case = |random: &mut Random, c: &Case2| {
        let drawn = draw_conv(random, c);
        let terms = c.window.taps() * c.shape.c;
        let w = input(&pairs(&drawn.w, c.oc, terms));
        let mut args = operands(random, &drawn, w, &folded(&drawn, terms), (-12, -4));
        let (whole, pixels) = (terms.next_multiple_of(8), drawn.sums.len() / c.oc);
        args.extend([Arg::Scratch(8 * whole), Arg::Scratch(pixels.next_multiple_of(8) * whole)]);
        args.push(Arg::Scratch(4 * pixels.next_multiple_of(8) * c.oc));
        args.extend([drawn.q.block(), window_block(&drawn.dims, c.shape.c, 0, 0)]);
        Case { dims: drawn.dims, args }
    };
    shapes
        .into_iter()
        .map(|(h, w, ic, oc, k, stride, pad)| case(random, &square(h, w, ic, oc, k, stride, pad)))
        .collect()
}

fn pointwise(random: &mut Random) -> Vec<Case> {
    let shapes = [
        (1, 1, 8, 8, 1),
        (3, 4, 16, 8, 1),
        (2, 3, 8, 16, 1),
        (5, 3, 24, 8, 2),
        (3, 3, 16, 40, 1),
        (7, 7, 8, 24, 1),
        (4, 5, 32, 8, 2),
        (1, 6, 40, 16, 1),
        (9, 6, 8, 32, 2),
        (2, 9, 48, 8, 1),
        (8, 4, 24, 16, 1),
        (5, 5, 16, 24, 1),
    ];
    let case = |random: &mut Random, (h, w, ic, oc, stride): (usize, usize, usize, usize, usize)| {
        let drawn = draw_conv(random, &square(h, w, ic, oc, 1, stride, Pad::Valid));
        let packed = input(&pairs(&drawn.w, oc, ic));
        let mut args = operands(random, &drawn, packed, &folded(&drawn, ic), (-12, -4));
        let pixels = drawn.sums.len() / oc;
        args.extend([ic, 4 * oc].map(|bytes| Arg::Scratch(pixels.next_multiple_of(8) * bytes)));
        args.extend([drawn.q.block(), window_block(&drawn.dims, ic, 0, 0)]);
        Case { dims: drawn.dims, args }
    };
    shapes.into_iter().map(|s| case(random, s)).collect()
}

/// Filters at the points 0, 1, -1, 2, -2 and infinity, 24 times too large but for the last, which is 6 times so (Lavin and Gray,
/// arXiv 1509.09308): [point][block of eight][channel][8], and eight numbers that are read ahead.
fn points(w: &[i8], oc: usize, ic: usize) -> Vec<i16> {
    const POINTS: [[i32; 3]; 6] = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 6]];
    let at = |r: usize, o: usize, i: usize| {
        let tap = |t: usize| POINTS[r / 6][t / 3] * POINTS[r % 6][t % 3] * i32::from(w[(o * 9 + t) * ic + i]);
        i16::try_from((0..9).map(tap).sum::<i32>()).expect("144 times 127 at most")
    };
    let block = |r: usize, b: usize| (0..ic).flat_map(move |i| (8 * b..8 * b + 8).map(move |o| at(r, o, i)));
    (0..36).flat_map(|r| (0..oc / 8).flat_map(move |b| block(r, b))).chain([0; 8]).collect()
}

fn winograd(random: &mut Random) -> Vec<Case> {
    let shapes = [
        (3, 3, 8, 8, Pad::Same),
        (6, 6, 8, 8, Pad::Valid),
        (7, 9, 16, 8, Pad::Same),
        (12, 13, 8, 16, Pad::Same),
        (18, 5, 8, 8, Pad::Valid),
        (9, 14, 24, 8, Pad::Same),
        (14, 10, 8, 24, Pad::Same),
        (5, 21, 16, 16, Pad::Same),
        (11, 11, 8, 8, Pad::Valid),
        (4, 30, 8, 16, Pad::Same),
    ];
    let case = |random: &mut Random, (h, w, ic, oc, pad): (usize, usize, usize, usize, Pad)| {
        let c = square(h, w, ic, oc, 3, 1, pad);
        let g = c.window.over(c.shape, "").expect("fits");
        let drawn = draw_conv(random, &c);
        let mut args = operands(random, &drawn, input(&points(&drawn.w, oc, ic)), &folded(&drawn, 9 * ic), (-12, -4));
        let (down, across) = (g.oh.div_ceil(4), g.ow.div_ceil(4));
        let tiles = (down * across).next_multiple_of(8);
        args.push(Arg::Scratch((4 * down + 2) * (4 * across + 2) * ic));
        args.extend(
            [2 * 36 * tiles * ic, 2 * (tiles * ic + 8), 4 * 36 * tiles * oc, 4 * drawn.sums.len()].map(Arg::Scratch),
        );
        args.extend([drawn.q.block(), window_block(&drawn.dims, ic, 0, 0)]);
        Case { dims: drawn.dims, args }
    };
    shapes.into_iter().map(|s| case(random, s)).collect()
}

/// Weights without -128: sums of two products have 16 bits.
fn three_cases(random: &mut Random, stride: usize, pad: Pad) -> Vec<Case> {
    let shapes = [
        (3, 3, 8),
        (5, 4, 16),
        (6, 7, 8),
        (4, 9, 24),
        (7, 5, 8),
        (9, 13, 16),
        (3, 10, 32),
        (11, 6, 8),
        (8, 8, 40),
        (12, 17, 8),
    ];
    let case = |random: &mut Random, (h, w, channels): (usize, usize, usize)| {
        let c = square(h, w, channels, channels, 3, stride, pad);
        let g = c.window.over(c.shape, "").expect("fits");
        let q = quant(random);
        let (x, w_) = (super::super::int8::codes(random, c.shape.len()), weights(random, 9 * channels));
        let bias: Vec<i32> = (0..channels).map(|_| w32(random.integer(-3000, 3000))).collect();
        let mut sums: Vec<i32> = (0..g.oh * g.ow).flat_map(|_| bias.clone()).collect();
        for (p, t, from) in taps(&g) {
            for (o, sum) in sums[p * channels..][..channels].iter_mut().enumerate() {
                *sum += i32::from(w_[t * channels + o]) * (i32::from(x[from * channels + o]) - q.input_zero);
            }
        }
        let dims = window_dims(&c, &g).with("channels", channels as u64);
        let drawn = Drawn { x, w: w_, bias, q, sums, dims };
        let before = |name| usize::try_from(drawn.dims.get(name).unwrap_or(0)).expect("small");
        let height = (stride * (g.oh - 1) + 3).max(h + before("pad_top"));
        let width = (stride * (g.ow - 1) + 3).max(w + before("pad_left"));
        let bias = folded_by(&drawn, |c| (0..9).map(|t| i32::from(drawn.w[t * channels + c])).sum());
        let mut args = operands(random, &drawn, input(&drawn.w), &bias, (-10, -3));
        args.extend([height * width * channels, 4 * drawn.sums.len()].map(Arg::Scratch));
        args.extend([drawn.q.block(), window_block(&drawn.dims, channels, 0, 0)]);
        Case { dims: drawn.dims, args }
    };
    shapes.into_iter().map(|s| case(random, s)).collect()
}
