//! CMSIS-NN's kernels of 2018 (powers of two as scales), and unsigned ones with zero points of both operands.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::I8;
use tinyprec::trace::Op;

use super::super::int8::{codes, taps, weights, window_dims};
use super::super::int8_linear::{DENSE_SHAPES, conv_shapes, square};
use super::super::windows::{Case2, window_block, windows};
use super::super::{small, w32};
use super::cmsis::{self, conv_trips, fours, gather_trips};
use super::shapes::{STEPS, drawn};
use super::{A, M, S, W, products, trips};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

/// Both sets; their operands are bytes, whatever their sign.
pub fn specs() -> Vec<Spec> {
    let eight = &[I8, I8, I8];
    let windowed = &[A, W, W, A, S, None, None];
    let dense = &[A, W, W, A, S, None];
    let q7 = vec![
        Spec::new(Op::Int8Conv, eight, "tp_q7_conv", conv_trips(), windowed, |r| q7_conv(r, false)),
        Spec::new(Op::Int8Conv, eight, "tp_q7_conv_fast", conv_trips(), windowed, |r| q7_conv(r, true))
            .when("ic%4=0 oc%2=0"),
        Spec::new(Op::Int8DepthwiseConv, eight, "tp_q7_depthwise", cmsis::depthwise_trips(), windowed, q7_depthwise),
        Spec::new(Op::Int8Dense, eight, "tp_q7_dense", dense_trips(), dense, q7_dense),
        Spec::new(Op::Int8Softmax, &[I8, I8], "tp_q7_softmax", cmsis::SOFTMAX, &[A, A], q7_softmax),
    ];
    let conv = |symbol, padded, cases| Spec::new(Op::Int8Conv, eight, symbol, u8_conv_trips(padded), windowed, cases);
    let u8 = vec![
        conv("tp_u8_conv", false, |r| u8_conv(r, &all_shapes(Pad::Valid), false)),
        conv("tp_u8_conv", true, |r| u8_conv(r, &all_shapes(Pad::Same), true)).when("pad_top"),
        conv("tp_u8_conv_reordered", false, |r| u8_conv(r, &fours_and_odd(), false)).when("ic%4=0"),
        conv("tp_u8_conv_reordered", true, |r| u8_conv(r, &fours_and_odd(), true)).when("ic%4=0 pad_top"),
        Spec::new(Op::Int8DepthwiseConv, eight, "tp_u8_depthwise", depthwise_trips(), windowed, u8_depthwise),
        Spec::new(Op::Int8Dense, eight, "tp_u8_dense", dense_trips(), dense, u8_dense),
    ];
    let q7 = q7.into_iter().map(|spec| spec.cores(M).class("cmsis-nn-q7"));
    q7.chain(u8.into_iter().map(|spec| spec.cores(M).class("cmsis-nn-u8"))).collect()
}

fn dense_trips() -> &'static [&'static str] {
    trips(vec![
        vec!["rows", "rows*columns", "columns"],
        products(&[&fours("columns")]),
        products(&[&["(rows/2)", "(rows%2)", "min(1,rows/2)"], &fours("columns")]),
    ])
}

/// Rows of whole windows, and taps of those that reach out of the map.
fn u8_conv_trips(padded: bool) -> &'static [&'static str] {
    let mut lists = vec![conv_trips().to_vec()];
    lists.push(vec!["(oh*ow/2)*ceil_div(oc,2)*terms", "(oh*ow%2)*ceil_div(oc,2)*terms"]);
    lists.push(products(&[&["(oh*ow%2)"], &["(oc/2)", "(oc%2)", "min(1,oc/2)"], &fours("terms")]));
    let whole = if padded { "rows_full*cols_full*kh" } else { "oh*ow*kh" };
    lists.push(products(&[&[whole], &fours("(kw*ic)")]));
    if padded {
        let (inside, outside) = ("(rows_in*cols_in-rows_full*cols_full*kh*kw)", "(oh*ow*kh*kw-rows_in*cols_in)");
        let of_rows = "(rows_in*ow-rows_full*cols_full*kh)";
        let all = format!("({whole}+{inside}+{outside})");
        lists.push(products(&[&[inside], &fours("ic")]));
        lists.push(products(&[&[of_rows], &["", "kw"]]));
        let sums = [format!("({whole}+{inside})"), format!("({all}-oh*ow*kh)"), format!("({whole}+{of_rows}*kw)"), all];
        lists.push(sums.into_iter().map(|text| &*text.leak()).collect());
    }
    trips(lists)
}

fn depthwise_trips() -> &'static [&'static str] {
    let mut lists = gather_trips("channels");
    lists.push(products(&[&["oh*ow*channels"], &["", "kh*kw"]]));
    trips(lists)
}

/// Sums of products, without bias.
fn sums(c: &Case2, x: &[i32], w: &[i32]) -> Vec<i32> {
    let g = c.window.over(c.shape, "").expect("fits");
    let (ic, terms) = (c.shape.c, c.window.taps() * c.shape.c);
    let mut sums = vec![0i32; g.oh * g.ow * c.oc];
    for (p, t, from) in taps(&g) {
        for (o, sum) in sums[p * c.oc..][..c.oc].iter_mut().enumerate() {
            let row = w[o * terms + t * ic..][..ic].iter().zip(&x[from * ic..]);
            *sum += row.map(|(w, x)| w * x).sum::<i32>();
        }
    }
    sums
}

struct Shifts {
    up: i32,
    down: i32,
}

impl Shifts {
    fn draw(random: &mut Random) -> Self {
        Shifts { up: w32(random.integer(0, 8)), down: w32(random.integer(0, 12)) }
    }

    fn code(&self, sum: i32, bias: i8) -> i8 {
        let start = (i32::from(bias) << self.up) + ((1i32 << self.down) >> 1);
        i8::try_from(((start + sum) >> self.down).clamp(-128, 127)).expect("8 bits")
    }
}

fn wide(codes: &[i8]) -> Vec<i32> {
    codes.iter().map(|c| i32::from(*c)).collect()
}

/// Windows of maps whose channels come in fours and filters in twos.
fn by_fours() -> Vec<Case2> {
    let list = [
        (5, 4, 4, 2, 3, 1),
        (6, 7, 8, 6, 2, 2),
        (4, 4, 12, 4, 3, 1),
        (3, 5, 4, 8, 1, 1),
        (7, 5, 16, 2, 5, 2),
        (2, 3, 8, 10, 1, 1),
        (5, 5, 20, 4, 3, 2),
        (3, 3, 4, 12, 2, 1),
        (6, 4, 24, 6, 1, 1),
        (9, 3, 4, 4, 3, 1),
        (3, 7, 8, 2, 3, 1),
        (1, 5, 28, 8, 1, 1),
    ];
    let of = |pad| {
        let fits = list.iter().filter(move |s| pad == Pad::Same || (s.0 >= s.4 && s.1 >= s.4));
        fits.map(move |&(h, w, ic, oc, k, stride)| square(h, w, ic, oc, k, stride, pad))
    };
    of(Pad::Same).chain(of(Pad::Valid)).collect()
}

/// Those and some of odd filters.
fn fours_and_odd() -> Vec<Case2> {
    let odd = [(4, 5, 8, 3, 3, 1), (3, 3, 4, 5, 1, 1), (5, 3, 12, 1, 3, 2), (2, 5, 16, 7, 2, 1), (5, 4, 4, 1, 3, 1)];
    let odd = odd.into_iter().chain([(6, 5, 8, 1, 2, 1), (3, 4, 4, 1, 1, 1)]).chain(drawn(14, 4, [1, 2]));
    let of = |(h, w, ic, oc, k, stride): (usize, usize, usize, usize, usize, usize)| {
        // Filters of fours less one, two or none of them.
        [Pad::Same, Pad::Valid].map(|pad| square(h, w, ic, oc - (h + w) % oc.min(3), k, stride, pad))
    };
    let odd = odd.filter(|s| s.0 >= s.4 && s.1 >= s.4).flat_map(of);
    by_fours().into_iter().chain(odd).collect()
}

/// Windows with and without borders, some drawn.
fn all_shapes(pad: Pad) -> Vec<Case2> {
    let steps = STEPS.into_iter().map(|(h, w, ic, oc)| (h, w, ic, oc, 1, 1));
    let more = steps.chain(drawn(16, 1, [1, 3]));
    conv_shapes()
        .into_iter()
        .chain(more.map(|(h, w, ic, oc, k, stride)| square(h, w, ic, oc, k, stride, pad)))
        .collect()
}

/// Every four terms of a column lie in the order 0 2 1 3 that the extension of bytes leaves; the filters' too, so the sums stay.
fn q7_conv(random: &mut Random, fast: bool) -> Vec<Case> {
    let shapes = if fast { by_fours() } else { conv_shapes() };
    let case = |random: &mut Random, c: &Case2| {
        let g = c.window.over(c.shape, "").expect("fits");
        let terms = c.window.taps() * c.shape.c;
        let (x, w) = (codes(random, c.shape.len()), weights(random, c.oc * terms));
        let (bias, by) = (codes(random, c.oc), Shifts::draw(random));
        let all = sums(c, &wide(&x), &wide(&w));
        let y: Vec<i8> = all.iter().enumerate().map(|(i, s)| by.code(*s, bias[i % c.oc])).collect();
        let dims = window_dims(c, &g).with("oc", c.oc as u64).with("terms", terms as u64);
        let dims = dims.with("ic", c.shape.c as u64);
        let mut args = vec![input(&x), input(&w), input(&bias), output(&y), Arg::Scratch(4 * terms)];
        args.extend([input(&[by.up, by.down]), window_block(&dims, c.shape.c, 0, 0)]);
        Case { dims, args }
    };
    shapes.iter().map(|c| case(random, c)).collect()
}

fn q7_depthwise(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, c: &Case2| {
        let g = c.window.over(c.shape, "").expect("fits");
        let (channels, n_taps) = (c.shape.c, c.window.taps());
        let (x, w) = (codes(random, c.shape.len()), weights(random, n_taps * channels));
        let (bias, by) = (codes(random, channels), Shifts::draw(random));
        let sums = depthwise_sums(c, &wide(&x), &wide(&w), &vec![0; channels]);
        let y: Vec<i8> = sums.iter().enumerate().map(|(i, s)| by.code(*s, bias[i % channels])).collect();
        let dims = window_dims(c, &g).with("channels", channels as u64);
        let mut args = vec![input(&x), input(&w), input(&bias), output(&y), Arg::Scratch(n_taps * channels)];
        args.extend([input(&[by.up, by.down]), window_block(&dims, channels, 0, 0)]);
        Case { dims, args }
    };
    let more = drawn(24, 1, [1, 4]).into_iter().map(|(h, w, c, _, k, stride)| square(h, w, c, c, k, stride, Pad::Same));
    windows().into_iter().chain(more).map(|c| case(random, &c)).collect()
}

/// Sums of each channel's products on top of its start.
fn depthwise_sums(c: &Case2, x: &[i32], w: &[i32], starts: &[i32]) -> Vec<i32> {
    let g = c.window.over(c.shape, "").expect("fits");
    let channels = c.shape.c;
    let mut sums: Vec<i32> = (0..g.oh * g.ow).flat_map(|_| starts.to_vec()).collect();
    for (p, t, from) in taps(&g) {
        for (o, sum) in sums[p * channels..][..channels].iter_mut().enumerate() {
            *sum += w[t * channels + o] * x[from * channels + o];
        }
    }
    sums
}

fn q7_dense(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w) = (codes(random, columns), weights(random, rows * columns));
        let (bias, by) = (codes(random, rows), Shifts::draw(random));
        let row = |r: usize| w[r * columns..][..columns].iter().zip(&x).map(|(w, x)| i32::from(*w) * i32::from(*x));
        let y: Vec<i8> = (0..rows).map(|r| by.code(row(r).sum(), bias[r])).collect();
        let mut args = vec![input(&x), input(&w), input(&bias), output(&y), Arg::Scratch(2 * columns)];
        args.extend([input(&[by.up, by.down]), value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().map(|s| case(random, *s)).collect()
}

/// Operands' zeros, and a factor of a multiplier over 2^(32 + shift), rounded down.
struct Unsigned {
    input_zero: i32,
    weight_zero: i32,
    multiplier: i32,
    shift: i32,
    zero: i32,
}

impl Unsigned {
    fn draw(random: &mut Random) -> Self {
        let mut byte = || w32(random.integer(0, 255));
        let (input_zero, weight_zero, zero) = (byte(), byte(), byte());
        let multiplier = w32(random.integer(1 << 30, (1 << 31) - 1));
        Unsigned { input_zero, weight_zero, multiplier, shift: w32(random.integer(2, 9)), zero }
    }

    fn block(&self) -> Arg {
        input(&[self.input_zero, self.weight_zero, self.multiplier, self.shift, self.zero])
    }

    fn code(&self, sum: i32) -> u8 {
        let scaled = (i64::from(sum) * i64::from(self.multiplier)) >> 32 >> self.shift;
        u8::try_from((scaled + i64::from(self.zero)).clamp(0, 255)).expect("a byte")
    }

    fn less(codes: &[u8], zero: i32) -> Vec<i32> {
        codes.iter().map(|c| i32::from(*c) - zero).collect()
    }
}

pub(super) fn bytes(random: &mut Random, n: usize) -> Vec<u8> {
    (0..n).map(|_| u8::try_from(random.integer(0, 255)).expect("a byte")).collect()
}

fn starts(random: &mut Random, n: usize) -> Vec<i32> {
    (0..n).map(|_| w32(random.integer(-9000, 9000))).collect()
}

fn u8_conv(random: &mut Random, shapes: &[Case2], padded: bool) -> Vec<Case> {
    let case = |random: &mut Random, c: &Case2| {
        let g = c.window.over(c.shape, "").expect("fits");
        let terms = c.window.taps() * c.shape.c;
        let (x, w) = (bytes(random, c.shape.len()), bytes(random, c.oc * terms));
        let (bias, q) = (starts(random, c.oc), Unsigned::draw(random));
        let all = sums(c, &Unsigned::less(&x, q.input_zero), &Unsigned::less(&w, q.weight_zero));
        let y: Vec<u8> = all.iter().enumerate().map(|(i, s)| q.code(s + bias[i % c.oc])).collect();
        let dims = window_dims(c, &g).with("oc", c.oc as u64).with("terms", terms as u64);
        let dims = dims.with("ic", c.shape.c as u64).with("rows_full", g.rows().inside().full);
        let dims = dims.with("cols_full", g.columns().inside().full);
        let mut args = vec![input(&x), input(&w), input(&bias), output(&y), Arg::Scratch(4 * terms)];
        args.extend([q.block(), window_block(&dims, c.shape.c, 0, 0)]);
        Case { dims, args }
    };
    let of_kind = |c: &&Case2| c.window.over(c.shape, "").expect("fits").padded() == padded;
    shapes.iter().filter(of_kind).map(|c| case(random, c)).collect()
}

fn u8_depthwise(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, c: &Case2| {
        let g = c.window.over(c.shape, "").expect("fits");
        let channels = c.shape.c;
        let (x, w) = (bytes(random, c.shape.len()), bytes(random, c.window.taps() * channels));
        let (bias, q) = (starts(random, channels), Unsigned::draw(random));
        let (less_x, less_w) = (Unsigned::less(&x, q.input_zero), Unsigned::less(&w, q.weight_zero));
        let sums = depthwise_sums(c, &less_x, &less_w, &bias);
        let y: Vec<u8> = sums.iter().map(|s| q.code(*s)).collect();
        let dims = window_dims(c, &g).with("channels", channels as u64);
        let scratch = Arg::Scratch(2 * c.window.taps() * channels);
        let mut args = vec![input(&x), input(&w), input(&bias), output(&y), scratch];
        args.extend([q.block(), window_block(&dims, channels, 0, 0)]);
        Case { dims, args }
    };
    windows().iter().map(|c| case(random, c)).collect()
}

fn u8_dense(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w) = (bytes(random, columns), bytes(random, rows * columns));
        let (bias, q) = (starts(random, rows), Unsigned::draw(random));
        let (less_x, less_w) = (Unsigned::less(&x, q.input_zero), Unsigned::less(&w, q.weight_zero));
        let row = |r: usize| less_w[r * columns..][..columns].iter().zip(&less_x).map(|(w, x)| w * x).sum::<i32>();
        let y: Vec<u8> = (0..rows).map(|r| q.code(row(r) + bias[r])).collect();
        let mut args = vec![input(&x), input(&w), input(&bias), output(&y), Arg::Scratch(2 * columns)];
        args.extend([q.block(), value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().map(|s| case(random, *s)).collect()
}

/// Shares of powers of two, down to eight below the largest code.
fn q7_softmax(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (pixels, channels): (usize, usize)| {
        let x = codes(random, pixels * channels);
        let row = |row: &[i8]| -> Vec<i8> {
            let base = row.iter().map(|v| i32::from(*v)).max().expect("not empty") - 8;
            let sum: i32 = row.iter().map(|v| 1 << (i32::from(*v) - base).clamp(0, 31)).sum();
            let share = 0x10_0000 / sum;
            let code =
                |v: &i8| i8::try_from((share >> (13 + base - i32::from(*v)).clamp(0, 31)).min(127)).expect("8 bits");
            row.iter().map(code).collect()
        };
        let y: Vec<i8> = x.chunks_exact(channels).flat_map(row).collect();
        let args = vec![input(&x), output(&y), value(small(pixels)), value(small(channels))];
        Case { dims: dims(&[("pixels", pixels), ("channels", channels)]), args }
    };
    let shapes = [(1, 1), (1, 2), (1, 3), (1, 10), (2, 5), (1, 12), (3, 1), (4, 7), (1, 100), (2, 2), (5, 3)];
    shapes.iter().map(|s| case(random, *s)).collect()
}
