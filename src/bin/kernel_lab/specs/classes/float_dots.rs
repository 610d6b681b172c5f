//! Single precision on a microcontroller's float unit, in three structures: dot products four in a row, weights that choose among 256
//! values, two filters a pass.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::F32;
use tinyprec::trace::Op;

use super::super::int8::{taps, window_dims};
use super::super::int8_linear::{DENSE_SHAPES, conv_shapes, square};
use super::super::layers::reals;
use super::super::small;
use super::super::windows::{Case2, window_block};
use super::cmsis::fours;
use super::fixed_point::bytes;
use super::shapes::{STEPS, drawn};
use super::{A, M, S, W, products, trips};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

/// The sets `dots-f32`, `dots-f32-x4` and `pairs-f32`.
pub fn specs() -> Vec<Spec> {
    let three = &[F32, F32, F32];
    let conv = |padded, cases| {
        let symbol = if padded { "tp_dots_conv_padded_f32" } else { "tp_dots_conv_f32" };
        Spec::new(Op::FloatConv, three, symbol, conv_trips(padded), &[A, W, W, A, None], cases)
    };
    let convs = || vec![conv(false, |r| dots_conv(r, false)), conv(true, |r| dots_conv(r, true)).when("pad_top")];
    let dense = |symbol, trips, buffers, cases| Spec::new(Op::FloatDense, three, symbol, trips, buffers, cases);
    let plain = || dense("tp_dots_dense_f32", dense_trips(), &[A, W, W, A], plain_dense);
    let bins = dense("tp_bins_dense_f32", bins_trips(), &[A, W, W, W, A, S], bins_dense);
    let pairs = |symbol, trips, buffers, cases| Spec::new(Op::FloatConv, three, symbol, trips, buffers, cases);
    let sets = [
        ("dots-f32", convs().into_iter().chain([plain()]).collect::<Vec<_>>()),
        ("dots-f32-x4", convs().into_iter().chain([bins]).collect()),
        (
            "pairs-f32",
            vec![
                pairs("tp_pairs_conv_f32", pairs_trips(), &[A, W, W, A, S, None], pairs_conv),
                pairs("tp_pairs_pointwise_f32", pointwise_trips(), &[A, W, W, A, None], pointwise).when("kh=1 kw=1"),
                plain(),
            ],
        ),
    ];
    sets.into_iter().flat_map(|(set, list)| list.into_iter().map(|spec| spec.cores(M).class(set))).collect()
}

fn bins_trips() -> &'static [&'static str] {
    trips(vec![vec!["rows*64", "rows*256", "columns", "64", "256"], products(&[&["rows"], &fours("columns")])])
}

/// Whole rows, and taps of those that the border cuts.
fn conv_trips(padded: bool) -> &'static [&'static str] {
    let whole = if padded { "rows_in*cols_full*oc" } else { "oh*ow*oc*kh" };
    let mut lists = vec![vec!["oh", "oh*ow", "oh*ow*oc"], products(&[&[whole], &fours("(kw*ic)")])];
    if padded {
        // A loop serves both: passes, and entries that have any.
        let cut = "rows_in*(cols_in-cols_full*kw)*oc";
        let both = |form: &str| format!("({whole}*{}+{cut}*{})", form.replace('N', "(kw*ic)"), form.replace('N', "ic"));
        let passes = ["(N/4)", "(N%4)", "min(1,N/4)", "min(1,N%4)"].map(both);
        let [fours, rest, some, last] = &passes;
        let again = [format!("({fours}-{some})"), format!("({rest}-{last})"), format!("({whole}+{cut})")];
        let all = again.iter().chain(&passes).map(|text| &*text.clone().leak()).collect();
        lists.extend([all, vec!["rows_in*ow*oc", "rows_in*cols_in*oc*ic"]]);
    }
    trips(lists)
}

fn dense_trips() -> &'static [&'static str] {
    trips(vec![vec!["rows"], products(&[&["rows"], &fours("columns")])])
}

fn filter_trips(terms: &str) -> Vec<&'static str> {
    let each = ["", "(oc/2)", "(oc%2)", "min(1,oc/2)", "oc", "(oc/2+oc%2)"];
    let (once, again) = (products(&[&["oh*ow"], &each]), products(&[&["oh*ow"], &each, &fours(terms)]));
    [once, again].concat()
}

fn pairs_trips() -> &'static [&'static str] {
    let outside = "(oh*ow*kh*kw-rows_in*cols_in)";
    trips(vec![
        vec!["oh", "oh*ow*kh", "oh*ow*kh*kw", "rows_in*ow*kw", "rows_in*ow", "oh*ow*terms"],
        products(&[&["rows_in*cols_in", outside], &["", "ic"]]),
        filter_trips("terms"),
    ])
}

fn pointwise_trips() -> &'static [&'static str] {
    trips(vec![vec!["oh"], filter_trips("ic")])
}

/// Four at a time and then one by one is still one after the other.
fn dot(x: &[f32], w: &[f32]) -> f32 {
    w.iter().zip(x).fold(0.0, |sum, (w, x)| w.mul_add(*x, sum))
}

/// Of a window's operands: map, filters [filter][tap][channel], bias.
fn operands(random: &mut Random, c: &Case2) -> [Vec<f32>; 3] {
    let terms = c.window.taps() * c.shape.c;
    [reals(random, c.shape.len()), reals(random, c.oc * terms), reals(random, c.oc)]
}

fn case_of(c: &Case2, [x, w, bias]: [Vec<f32>; 3], y: &[f32], patch: bool) -> Case {
    let g = c.window.over(c.shape, "").expect("fits");
    let terms = c.window.taps() * c.shape.c;
    let dims = window_dims(c, &g).with("oc", c.oc as u64).with("ic", c.shape.c as u64).with("terms", terms as u64);
    let dims = dims.with("rows_full", g.rows().inside().full).with("cols_full", g.columns().inside().full);
    let block = window_block(&dims, c.shape.c, 0, 0);
    let scratch = patch.then_some(Arg::Scratch(4 * terms));
    let args = [input(&x), input(&w), input(&bias), output(y)].into_iter().chain(scratch).chain([block]).collect();
    Case { dims, args }
}

fn all_shapes() -> Vec<Case2> {
    let more =
        drawn(16, 1, [1, 3]).into_iter().map(|(h, w, ic, oc, k, stride)| square(h, w, ic, oc, k, stride, Pad::Same));
    conv_shapes().into_iter().chain(more).collect()
}

/// Bias first; the rows' sums are rounded one by one, those of a cut row's taps too.
fn dots_conv(random: &mut Random, padded: bool) -> Vec<Case> {
    let case = |random: &mut Random, c: &Case2| {
        let g = c.window.over(c.shape, "").expect("fits");
        let [x, w, bias] = operands(random, c);
        let (kw, ic, n) = (c.window.kernel[1], c.shape.c, c.window.taps());
        let mut y: Vec<f32> = (0..g.oh * g.ow).flat_map(|_| bias.clone()).collect();
        let all: Vec<_> = taps(&g).collect();
        for row in all.chunk_by(|a, b| a.0 == b.0 && a.1 / kw == b.1 / kw) {
            let (p, t, from) = row[0];
            let run = if row.len() == kw { kw * ic } else { ic };
            for (o, sum) in y[p * c.oc..][..c.oc].iter_mut().enumerate() {
                let (x, w) = (&x[from * ic..][..row.len() * ic], &w[(o * n + t) * ic..][..row.len() * ic]);
                x.chunks(run).zip(w.chunks(run)).for_each(|(x, w)| *sum += dot(x, w));
            }
        }
        (g.padded() == padded).then(|| case_of(c, [x, w, bias], &y, false))
    };
    let more = drawn(12, 1, [1, 4]).into_iter();
    let more = more
        .map(|(h, w, ic, oc, k, stride)| square(h, w, ic, oc, k, stride, if padded { Pad::Same } else { Pad::Valid }));
    all_shapes().iter().chain(&more.collect::<Vec<_>>()).filter_map(|c| case(random, c)).collect()
}

/// Products with zeros outside count too; the bias last.
fn pairs_case(random: &mut Random, c: &Case2, patch: bool) -> Case {
    let g = c.window.over(c.shape, "").expect("fits");
    let (ic, terms) = (c.shape.c, c.window.taps() * c.shape.c);
    let [x, w, bias] = operands(random, c);
    let mut patches = vec![0.0f32; g.oh * g.ow * terms];
    for (p, t, from) in taps(&g) {
        patches[p * terms + t * ic..][..ic].copy_from_slice(&x[from * ic..][..ic]);
    }
    let rows = || w.chunks_exact(terms).zip(&bias);
    let y: Vec<f32> =
        patches.chunks_exact(terms).flat_map(|patch| rows().map(|(row, bias)| dot(patch, row) + bias)).collect();
    case_of(c, [x, w.clone(), bias.clone()], &y, patch)
}

fn pairs_conv(random: &mut Random) -> Vec<Case> {
    all_shapes().iter().map(|c| pairs_case(random, c, true)).collect()
}

fn pointwise(random: &mut Random) -> Vec<Case> {
    let shapes = STEPS.map(|(h, w, ic, oc)| (h, w, ic, oc, 1, 1)).into_iter().chain(drawn(20, 1, [1, 1]));
    let shapes = shapes.map(|(h, w, ic, oc, k, stride)| square(h, w, ic, oc, k, stride, Pad::Valid));
    shapes.map(|c| pairs_case(random, &c, false)).collect()
}

fn plain_dense(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w, bias) = (reals(random, columns), reals(random, rows * columns), reals(random, rows));
        let y: Vec<f32> = w.chunks_exact(columns).zip(&bias).map(|(row, b)| b + dot(&x, row)).collect();
        let args = vec![input(&x), input(&w), input(&bias), output(&y), value(small(rows)), value(small(columns))];
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().map(|s| case(random, *s)).collect()
}

fn bins_dense(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (x, w, values) = (reals(random, columns), bytes(random, rows * columns), reals(random, 256));
        let bias = reals(random, rows);
        let row = |(row, bias): (&[u8], &f32)| {
            let mut bins = [0.0f32; 256];
            row.iter().zip(&x).for_each(|(k, x)| bins[usize::from(*k)] += x);
            bias + dot(&bins, &values)
        };
        let y: Vec<f32> = w.chunks_exact(columns).zip(&bias).map(row).collect();
        let mut args = vec![input(&x), input(&w), input(&values), input(&bias), output(&y), Arg::Scratch(1024)];
        args.extend([value(small(rows)), value(small(columns))]);
        Case { dims: dims(&[("rows", rows), ("columns", columns)]), args }
    };
    DENSE_SHAPES.iter().map(|s| case(random, *s)).collect()
}
