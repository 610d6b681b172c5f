//! Binary convolutions after Larq Compute Engine: four pixels by eight filters, -1 as bit 1, zeros outside.

use tinyprec::nn::{Pad, Shape, Window};
use tinyprec::trace::Elem::{B1, I32};
use tinyprec::trace::Op;

use super::super::int8::{taps, window_dims};
use super::super::windows::{Case2, window_block};
use super::bitserial::{bits, draw, in_blocks};
use super::{A, W, products, trips};
use crate::cases::{Case, Random, Spec, input, output};

/// The set `lce`.
pub fn specs() -> Vec<Spec> {
    let ones = &[B1, B1, I32];
    let (whole, padded) = (&[A, W, W, A, None], &[A, W, W, W, A, None]);
    let one = |symbol, step, buffers, cases| Spec::new(Op::BinaryConv, ones, symbol, conv_trips(step), buffers, cases);
    let list = vec![
        one("tp_lce_conv_4", 4, whole.as_slice(), |r| convolutions(r, 4, false)).when("words%4=0 oc%8=0"),
        one("tp_lce_conv_2", 2, whole, |r| convolutions(r, 2, false)).when("words%4=2 oc%8=0"),
        one("tp_lce_conv_1", 1, whole, |r| convolutions(r, 1, false)).when("words%2=1 oc%8=0"),
        one("tp_lce_conv_padded_4", 4, padded, |r| convolutions(r, 4, true)).when("words%4=0 oc%8=0 pad_value=0"),
        one("tp_lce_conv_padded_2", 2, padded, |r| convolutions(r, 2, true)).when("words%4=2 oc%8=0 pad_value=0"),
        one("tp_lce_conv_padded_1", 1, padded, |r| convolutions(r, 1, true)).when("words%2=1 oc%8=0 pad_value=0"),
    ];
    list.into_iter().map(|spec| spec.cores(&["cortex-a53"]).class("lce")).collect()
}

fn conv_trips(step: usize) -> &'static [&'static str] {
    let (steps, border) = (format!("(words/{step})"), "(oh*ow-rows_full*cols_full)");
    let (more, any) = (format!("({steps}-1)"), format!("min(1,{steps}-1)"));
    let blocks = "ceil_div(oh*ow,4)";
    let each = ["", "kh*kw", "(kh*kw+1)", "(2*kh*kw+1)", "(kh*kw+2)"];
    trips(vec![
        products(&[&[blocks], &["", "(oc/8)"], &each, &["", &steps, &more, &any]]),
        products(&[&[blocks], &["", "oc"], &["kh*kw", ""], &["", "words", &steps]]),
        // Pixels are read once more than there are eights of filters, a step of them for the next.
        products(&[&[blocks], &["(1+(oc/8))"], &["4", &(4 * step).to_string()]]),
        products(&[&[blocks], &["(oc/8)*kh*kw*words"], &["", "4"]]),
        products(&[&["oh", "oh*ow", border], &["", "oc"]]),
    ])
}

fn convolutions(random: &mut Random, step: usize, padded: bool) -> Vec<Case> {
    let list = [
        (5, 6, 1, 8, [3, 3], 1),
        (6, 6, 2, 16, [3, 3], 2),
        (4, 7, 3, 8, [1, 1], 1),
        (7, 7, 1, 24, [2, 2], 1),
        (8, 5, 4, 8, [3, 3], 2),
        (6, 4, 2, 32, [3, 3], 1),
        (9, 6, 1, 8, [5, 5], 2),
        (5, 5, 2, 16, [2, 3], 1),
        (10, 6, 3, 16, [3, 3], 2),
        (4, 8, 4, 8, [3, 2], 1),
        (7, 9, 1, 40, [3, 3], 1),
        (8, 6, 3, 24, [3, 3], 1),
        (6, 7, 2, 8, [5, 3], 1),
        (11, 5, 1, 16, [3, 3], 3),
        (5, 9, 5, 8, [3, 3], 1),
        (7, 4, 2, 48, [2, 2], 2),
        (6, 10, 1, 8, [1, 3], 1),
        (12, 6, 6, 16, [3, 3], 1),
        (9, 9, 3, 8, [5, 5], 1),
        (6, 5, 7, 32, [3, 3], 2),
    ];
    let case = |random: &mut Random,
                (h, w, parts, oc, kernel, stride): (usize, usize, usize, usize, [usize; 2], usize)| {
        // Twos and ones are odd numbers of steps.
        let words = step * if step == 4 { parts } else { 2 * parts - 1 };
        let pad = if padded { Pad::Same } else { Pad::Valid };
        let c = Case2 { shape: Shape::new(h, w, 32 * words), oc, window: Window { pad, ..Window::valid(1, stride) } };
        let c = Case2 { window: Window { kernel, ..c.window }, ..c };
        let g = c.window.over(c.shape, "").expect("fits");
        (g.padded() == padded).then(|| one(random, &c, step))
    };
    list.into_iter().filter_map(|s| case(random, s)).collect()
}

fn one(random: &mut Random, c: &Case2, step: usize) -> Case {
    let g = c.window.over(c.shape, "").expect("fits");
    let (words, n) = (c.shape.c / 32, c.window.taps());
    let (mut x, filters) = (draw(random, c.shape.h * c.shape.w * words), draw(random, c.oc * n * words));
    let row = |o: usize, t: usize| &filters[(o * n + t) * words..][..words];
    let all = i32::try_from(32 * words).expect("small");
    let pixels = g.oh * g.ow;
    let outside = i32::try_from(x.len()).expect("small");
    let (mut y, mut places) = (vec![0i32; pixels * c.oc], vec![outside; pixels * n]);
    for (p, t, from) in taps(&g) {
        places[p * n + t] = i32::try_from(from * words).expect("small");
        for (o, sum) in y[p * c.oc..][..c.oc].iter_mut().enumerate() {
            let differ = row(o, t).iter().zip(&x[from * words..]).map(|(w, x)| bits(w ^ x)).sum::<i32>();
            *sum += all - 2 * differ;
        }
    }
    let at = |block: usize, t: usize| (0..4).map(move |i| (block * 4 + i).min(pixels - 1) * n + t);
    let table = (0..pixels.div_ceil(4)).flat_map(|block| (0..n).flat_map(move |t| at(block, t)));
    // The last step reads one row of places ahead.
    let table: Vec<i32> = table.map(|i| places[i]).chain([0; 4]).collect();
    x.extend(vec![0; words]);
    let blocks = in_blocks(&filters, c.oc, n * words, step);
    // And one step of filters.
    let blocks: Vec<u32> = blocks.into_iter().chain(vec![0; 8 * step]).collect();
    let (full, dims) = ([g.rows().inside().full, g.columns().inside().full], window_dims(c, &g));
    let dims = dims.with("rows_full", full[0]).with("cols_full", full[1]);
    let dims = dims.with("oc", c.oc as u64).with("words", words as u64).with("pad_value", 0);
    let block = window_block(&dims, c.shape.c, words, 0);
    let mut args = vec![input(&x), input(&blocks), input(&table)];
    if g.padded() {
        args.push(input(&border(c, |o, t| row(o, t).iter().map(|w| 32 - 2 * bits(*w)).sum::<i32>())));
    }
    args.extend([output(&y), block]);
    Case { dims, args }
}

/// What windows that reach over each edge by so much must add: minus the sums of the filters' taps outside.
fn border(c: &Case2, of_tap: impl Fn(usize, usize) -> i32) -> Vec<i32> {
    let [kh, kw] = c.window.kernel;
    let is_outside = |beyond: usize, k: usize, kernel: usize| {
        if beyond < kernel { k < beyond } else { k >= 2 * kernel - 1 - beyond }
    };
    let mut table = Vec::new();
    for (above, aside) in (0..2 * kh - 1).flat_map(|above| (0..2 * kw - 1).map(move |aside| (above, aside))) {
        let outside = |t: &usize| is_outside(above, t / kw, kh) || is_outside(aside, t % kw, kw);
        table.extend((0..c.oc).map(|o| -(0..kh * kw).filter(outside).map(|t| of_tap(o, t)).sum::<i32>()));
    }
    table
}
