//! Matrix products, Winograd's convolution and depthwise layers in single precision on NEON.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::F32;
use tinyprec::trace::Op;

use super::super::int8::{taps, window_dims};
use super::super::int8_linear::{DENSE_SHAPES, conv_shapes, square};
use super::super::layers::reals;
use super::super::small;
use super::super::windows::{Case2, window_block, windows};
use super::gemm::{depthwise_trips, gather};
use super::winograd::winograd;
use super::{A, S, W, products, trips};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

/// Numbers that the first step of the next block reads ahead of a panel.
pub(super) const AHEAD: usize = 20;

/// Three rows of four channels.
const THREE_ROWS_F32: &str = "(stride*(ow-1)+3)*48";

/// Convolutions, a dense layer, depthwise convolutions.
pub fn specs() -> Vec<Spec> {
    let float = &[F32, F32, F32];
    let (with_panel, with_border) = (&[A, W, W, A, S, None], &[A, W, W, A, S, None]);
    let three = |symbol, trips, cases, when| {
        Spec::new(Op::DepthwiseConv, float, symbol, trips, with_border, cases).when(when).near(THREE_ROWS_F32)
    };
    vec![
        Spec::new(Op::FloatConv, float, "tp_gemm_conv_f32", conv_trips(), with_panel, conv),
        Spec::new(Op::FloatConv, float, "tp_gemm_conv_1x1_f32", pointwise_trips(), with_panel, pointwise)
            .when("kh=1 kw=1 stride=1 ic%4=0"),
        Spec::new(
            Op::FloatConv,
            float,
            "tp_gemm_winograd_f32",
            winograd_trips(6),
            &[A, W, W, A, S, S, S, S, None],
            |r| winograd(r, 6),
        )
        .when("kh=3 kw=3 stride=1 ic%4=0 oc%8=0")
        .near("(ceil_div(oh,6)*ceil_div(ow,6)+8)*ic*4"),
        Spec::new(
            Op::FloatConv,
            float,
            "tp_gemm_winograd_4_f32",
            winograd_trips(4),
            &[A, W, W, A, S, S, S, S, None],
            |r| winograd(r, 4),
        )
        .when("kh=3 kw=3 stride=1 ic%4=0 oc%8=0 min(1,max(ic,oc)/33)=1")
        .near("(ceil_div(oh,4)*ceil_div(ow,4)+8)*ic*4"),
        Spec::new(Op::FloatDense, float, "tp_gemm_dense_f32", dense_trips(), &[A, W, W, A], dense),
        Spec::new(Op::DepthwiseConv, float, "tp_gemm_depthwise_f32", depthwise_trips("4"), &[A, W, W, A, None], |r| {
            let mut shapes = windows();
            let more = [(6, 5, 8, 3, 1), (7, 7, 13, 3, 2), (4, 6, 21, 2, 1)];
            shapes.extend(more.map(|(h, w, c, k, stride)| square(h, w, c, c, k, stride, Pad::Same)));
            shapes.iter().map(|c| depthwise(r, c, None)).collect()
        }),
        three(
            "tp_gemm_depthwise_3x3_f32",
            three_trips("", ""),
            |r| three_cases(r, 1, Pad::Valid),
            "kh=3 kw=3 stride=1 channels%4=0",
        ),
        three(
            "tp_gemm_depthwise_3x3_f32",
            three_trips("+pad_top", "+pad_left"),
            |r| three_cases(r, 1, Pad::Same),
            "kh=3 kw=3 stride=1 channels%4=0 pad_top",
        ),
        three(
            "tp_gemm_depthwise_3x3s2_f32",
            three_trips("", ""),
            |r| three_cases(r, 2, Pad::Valid),
            "kh=3 kw=3 stride=2 channels%4=0",
        ),
        three(
            "tp_gemm_depthwise_3x3s2_f32",
            three_trips("+pad_top", "+pad_left"),
            |r| three_cases(r, 2, Pad::Same),
            "kh=3 kw=3 stride=2 channels%4=0 pad_top",
        ),
    ]
}

/// Blocks of twelve, of four and of one pixel, and how many blocks there are.
fn blocks(pixels: &str) -> [String; 4] {
    let all = [format!("({pixels}/12)"), format!("({pixels}%12/4)"), format!("({pixels}%4)")];
    let sum = format!("({}+{}+{})", all[0], all[1], all[2]);
    let [twelve, four, one] = all;
    [twelve, four, one, sum]
}

/// All filters by all pixels, `times` over.
fn product_trips(times: &str, pixels: &str, filters: &str, terms: &str) -> Vec<Vec<&'static str>> {
    let [twelve, four, one, all] = blocks(pixels);
    let some: Vec<String> = [&twelve, &four, &one].map(|b| format!("min(1,{b})")).into();
    let (eights, rest) = (format!("({filters}/8)"), format!("({filters}%8)"));
    let any = [format!("min(1,{eights})"), format!("min(1,{rest})")];
    let each = [eights.as_str(), &rest, &any[0], &any[1], filters];
    let no_four = format!("(1-{})", some[1]);
    let counts = ["", &twelve, &four, &one, &some[0], &some[1], &some[2], &no_four];
    let (ahead, ahead_w) = (format!("({twelve}*2+{four})"), format!("({twelve}+{four})"));
    // Where the bias stays in registers for all single pixels, or for all fours too.
    let once = format!("{}+{}", some[1], some[2]);
    let hoisted = format!("{eights}*8*({twelve}+{four}+{})", some[2]);
    let (hoisted_once, rest_once) = (format!("{eights}*8*({twelve}+{once})"), format!("{rest}*({}+{once})", some[0]));
    let (read, kept) = (format!("({eights}+{rest})*{pixels}"), format!("{eights}*8*{all}"));
    vec![
        products(&[&[times], &each, &counts, &["", terms]]),
        products(&[&[times], &[&read, &format!("{filters}*{all}")], &[terms]]),
        products(&[&[times], &[&eights], &[&ahead, &ahead_w]]),
        products(&[
            &[times],
            &[&kept, &hoisted, &hoisted_once, &rest_once, &format!("{filters}*{pixels}"), &format!("{rest}*{pixels}")],
        ]),
    ]
}

fn panel_trips(times: &str, pixels: &str, channels: &str) -> Vec<Vec<&'static str>> {
    let [twelve, four, one, _] = blocks(pixels);
    let fours = format!("({channels}/4)");
    let (some, last) = (format!("min(1,{twelve})"), format!("min(1,{one})"));
    vec![
        products(&[&[times], &[&twelve, &four, &one, &some, &last], &["", &fours]]),
        products(&[&[times], &[pixels], &["", channels]]),
    ]
}

fn conv_trips() -> &'static [&'static str] {
    let mut lists = gather("ic");
    let [twelve, four, one, _] = blocks("(oh*ow)");
    lists.push(products(&[&["", "12", "4"], &[&twelve, &four, &one]]));
    lists.push(vec![
        "oh*ow*terms",
        "(oh*ow*terms+20)",
        "(1-min(1,oh*ow%12/4))",
        "min(1,oh*ow%12/4)",
        "min(1,oh*ow/12)",
        "min(1,oh*ow%4)",
    ]);
    lists.extend(product_trips("", "(oh*ow)", "oc", "terms"));
    trips(lists)
}

fn pointwise_trips() -> &'static [&'static str] {
    let mut lists = panel_trips("", "(oh*ow)", "ic");
    lists.push(vec!["(oh*ow*ic+20)"]);
    lists.extend(product_trips("", "(oh*ow)", "oc", "ic"));
    trips(lists)
}

fn dense_trips() -> &'static [&'static str] {
    let each = ["(rows/8)", "(rows%8)", "min(1,rows/8)", "min(1,rows%8)", "rows", "(rows/8)*8"];
    trips(vec![
        products(&[&each, &["", "columns"]]),
        products(&[&["((rows/8)+(rows%8))", "min(1,columns)"], &["columns"]]),
    ])
}

/// Tiles of `side` by `side` outputs, two more on each side of the input.
fn winograd_trips(side: usize) -> &'static [&'static str] {
    let line = side + 2;
    let points = (line * line).to_string();
    let (down, across) = (format!("ceil_div(oh,{side})"), format!("ceil_div(ow,{side})"));
    let tiles = format!("({down}*{across})");
    let border = format!("({down}*{side}+2)*({across}*{side}+2)");
    let space = format!("({border}*ic+{tiles}*({}*ic+{points}*oc)+20)", line * line + 1);
    let (side, line) = (side.to_string(), line.to_string());
    let sides = [format!("({down}*{side}+2)"), format!("({across}*{side}+2)")];
    let mut lists = border_trips([&sides[0], &sides[1]], PADS_OF_THREE, "ic", "(ic/4)");
    lists.push(vec![points.clone().leak()]);
    lists.push(products(&[&["", &across], &[&down]]));
    lists.push(products(&[&[&tiles], &["(ic/4)", "(oc/4)"], &["", &side, &line, &points]]));
    lists.push(products(&[&[&tiles], &[&points], &["ic", "oc"]]));
    lists.push(products(&[&[&format!("oh*{across}"), "oh*ow"], &["(oc/4)", "oc"]]));
    lists.extend(panel_trips(&points, &tiles, "ic"));
    lists.push(vec![space.leak()]);
    lists.extend(product_trips(&points, &tiles, "oc", "ic"));
    trips(lists)
}

fn three_trips(top: &str, left: &str) -> &'static [&'static str] {
    let each = products(&[
        &["(channels/4)", "channels"],
        &["", "oh"],
        &["", "(ow/4)", "(ow%4)", "min(1,ow/4)", "min(1,ow%4)", "ow"],
    ]);
    let loads = products(&[&["(channels/4)*oh*((ow/4)*(3*stride+3)+(ow%4)*3)"], &["", "3", "12"]]);
    let mut lists = three_border_trips(top, left, "(channels/4)");
    lists.extend([each, loads]);
    trips(lists)
}

/// The border of a 3 x 3 depthwise layer whose pads are the dimensions in `+pad_top` and `+pad_left`, or none.
pub(super) fn three_border_trips(top: &str, left: &str, steps: &str) -> Vec<Vec<&'static str>> {
    let sides = [format!("max(stride*(oh-1)+3,ih{top})"), format!("max(stride*(ow-1)+3,iw{left})")];
    let pads = [top, left].map(|pad| pad.strip_prefix('+').unwrap_or("0"));
    border_trips([&sides[0], &sides[1]], pads, "channels", steps)
}

/// Rows above and columns to the left of a map that a 3 x 3 window of stride 1 pads, or not.
pub(super) const PADS_OF_THREE: [&str; 2] = ["((oh-ih+2)/2)", "((ow-iw+2)/2)"];

/// A map copied into a border of so many rows and columns, behind so many padded ones: what is copied, what is filled, how many gaps
/// are filled.
pub(super) fn border_trips(
    [rows, columns]: [&str; 2],
    [top, left]: [&str; 2],
    channels: &str,
    steps: &str,
) -> Vec<Vec<&'static str>> {
    let filled = format!("({rows}*{columns}-ih*iw)");
    let (first, last) = (format!("min(1,{top}+{left})"), format!("min(1,{rows}+{columns}-ih-iw-{top}-{left})"));
    let gaps = format!("({first}+(ih-1)*min(1,{columns}-iw)+{last})");
    let without = [format!("(1-{first})"), format!("(1-{last})"), format!("(ih-1)*(1-min(1,{columns}-iw))")];
    vec![
        products(&[&[&format!("{rows}*{columns}"), "ih*iw", &filled], &[channels, steps]]),
        vec!["ih", "(ih-1)", "(ih+1)", gaps.leak()],
        without.map(|none| &*none.leak()).into(),
    ]
}

/// Whole blocks of eight filters [block][term][8], then the rest [filter][term], and what is read ahead.
pub(super) fn panels(w: &[f32], oc: usize, terms: usize) -> Vec<f32> {
    let whole = oc / 8;
    let block = |b: usize| (0..terms).flat_map(move |t| (0..8).map(move |f| w[(b * 8 + f) * terms + t]));
    let rest = w[whole * 8 * terms..].iter().copied();
    (0..whole).flat_map(block).chain(rest).chain([0.0; 8]).collect()
}

/// Products fused with their sums, in the order (ky, kx, channel); the bias last.
fn conv_case(random: &mut Random, c: &Case2) -> Case {
    let g = c.window.over(c.shape, "").expect("fits");
    let (ic, terms) = (c.shape.c, c.window.taps() * c.shape.c);
    let (x, w, bias) = (reals(random, c.shape.len()), reals(random, c.oc * terms), reals(random, c.oc));
    let mut y = vec![0.0f32; g.oh * g.ow * c.oc];
    for (p, t, from) in taps(&g) {
        for (o, sum) in y[p * c.oc..][..c.oc].iter_mut().enumerate() {
            for i in 0..ic {
                *sum = x[from * ic + i].mul_add(w[o * terms + t * ic + i], *sum);
            }
        }
    }
    y.iter_mut().enumerate().for_each(|(i, y)| *y += bias[i % c.oc]);
    let dims = window_dims(c, &g).with("oc", c.oc as u64).with("terms", terms as u64).with("ic", ic as u64);
    let mut args = vec![input(&x), input(&panels(&w, c.oc, terms)), input(&bias), output(&y)];
    args.extend([Arg::Scratch(4 * (g.oh * g.ow * terms + AHEAD)), window_block(&dims, ic, 0, 0)]);
    Case { dims, args }
}

fn conv(random: &mut Random) -> Vec<Case> {
    let mut shapes = conv_shapes();
    for (h, w, ic, oc, k, stride) in
        [(5, 6, 2, 16, 3, 1), (4, 4, 3, 17, 2, 1), (7, 5, 4, 8, 3, 2), (6, 6, 1, 25, 3, 1), (5, 7, 3, 11, 3, 1)]
    {
        shapes.push(square(h, w, ic, oc, k, stride, Pad::Same));
    }
    shapes.iter().map(|c| conv_case(random, c)).collect()
}

fn pointwise(random: &mut Random) -> Vec<Case> {
    let shapes = [
        (1, 1, 4, 1),
        (3, 4, 8, 5),
        (2, 3, 12, 16),
        (5, 3, 4, 9),
        (3, 9, 16, 8),
        (1, 6, 20, 17),
        (4, 5, 8, 3),
        (2, 2, 4, 24),
        (3, 1, 28, 31),
        (6, 4, 12, 7),
        (5, 5, 4, 18),
        (1, 3, 16, 12),
        (7, 7, 8, 16),
        (1, 29, 4, 10),
    ];
    shapes.into_iter().map(|(h, w, ic, oc)| conv_case(random, &square(h, w, ic, oc, 1, 1, Pad::Valid))).collect()
}

fn dense(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w, bias) = (reals(random, columns), reals(random, rows * columns), reals(random, rows));
        let sum = |r: usize| w[r * columns..][..columns].iter().zip(&x).fold(0.0f32, |sum, (w, x)| x.mul_add(*w, sum));
        let y: Vec<f32> = (0..rows).map(|r| sum(r) + bias[r]).collect();
        let mut args = vec![input(&x), input(&panels(&w, rows, columns)), input(&bias), output(&y)];
        args.extend([value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().chain(&[(16, 9), (17, 40), (25, 2)]).map(|s| case(random, *s)).collect()
}

fn depthwise(random: &mut Random, c: &Case2, border: Option<usize>) -> Case {
    let g = c.window.over(c.shape, "").expect("fits");
    let channels = c.shape.c;
    let (x, w) = (reals(random, c.shape.len()), reals(random, c.window.taps() * channels));
    let bias = reals(random, channels);
    // With a border the sums start from the bias and meet its zeros too.
    let start = |i: usize| if border.is_some() { bias[i % channels] } else { 0.0 };
    let mut y: Vec<f32> = (0..g.oh * g.ow * channels).map(start).collect();
    for (p, t, from) in taps(&g) {
        for (o, sum) in y[p * channels..][..channels].iter_mut().enumerate() {
            *sum = x[from * channels + o].mul_add(w[t * channels + o], *sum);
        }
    }
    if border.is_none() {
        y.iter_mut().enumerate().for_each(|(i, y)| *y += bias[i % channels]);
    }
    let dims = window_dims(c, &g).with("channels", channels as u64);
    let block = window_block(&dims, channels, 0, 0);
    let mut args = vec![input(&x), input(&w), input(&bias), output(&y)];
    args.extend(border.map(|numbers| Arg::Scratch(4 * numbers)));
    args.push(block);
    Case { dims, args }
}

fn three_cases(random: &mut Random, stride: usize, pad: Pad) -> Vec<Case> {
    let shapes = [
        (3, 3, 4),
        (5, 4, 8),
        (6, 7, 4),
        (4, 9, 12),
        (7, 5, 4),
        (9, 13, 8),
        (3, 10, 16),
        (11, 6, 4),
        (8, 8, 20),
        (12, 17, 4),
        (5, 22, 8),
        (10, 11, 24),
        (7, 31, 4),
        (15, 8, 16),
        (4, 26, 12),
        (13, 19, 8),
        (6, 14, 28),
        (9, 5, 36),
        (3, 40, 4),
        (11, 12, 16),
        (14, 33, 4),
        (5, 15, 8),
        (8, 19, 4),
        (17, 9, 8),
        (10, 24, 4),
        (7, 13, 12),
        (12, 35, 4),
        (6, 21, 8),
        (19, 16, 4),
        (9, 27, 4),
    ];
    let case = |random: &mut Random, (h, w, c): (usize, usize, usize)| {
        let c = square(h, w, c, c, 3, stride, pad);
        let g = c.window.over(c.shape, "").expect("fits");
        let before = |name| usize::try_from(window_dims(&c, &g).get(name).unwrap_or(0)).expect("small");
        let height = (stride * (g.oh - 1) + 3).max(h + before("pad_top"));
        let width = (stride * (g.ow - 1) + 3).max(w + before("pad_left"));
        depthwise(random, &c, Some(height * width * c.shape.c))
    };
    shapes.into_iter().map(|s| case(random, s)).collect()
}
