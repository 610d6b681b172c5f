//! Bit-serial convolutions on NEON: one pair of planes, activations 0 and 1, filters -1 and +1.

use tinyprec::nn::Pad;
use tinyprec::trace::Elem::{B1, I32, U8};
use tinyprec::trace::Op;

use super::super::int8::{taps, window_dims};
use super::super::int8_linear::square;
use super::super::small;
use super::super::windows::{Case2, window_block};
use super::fixed_point::bytes;
use super::{A, S, W, products, trips};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

/// Rows and columns of the map that the windows touch, border included.
const ROWS: &str = "((oh-1)*stride+kh)";
const COLUMNS: &str = "((ow-1)*stride+kw)";

/// The set `bitserial`.
pub fn specs() -> Vec<Spec> {
    let ones = &[B1, B1, I32];
    let conv = |symbol, slice: usize, padded: bool, cases| {
        let spec = Spec::new(Op::BinaryConv, ones, symbol, conv_trips(slice, padded), &[A, W, A, S, None], cases);
        spec.when(match (slice, padded) {
            (16, false) => "words%4=0 oc%8=0",
            (16, true) => "words%4=0 oc%8=0 pad_top",
            (_, false) => "words%4=2 oc%8=0",
            (_, true) => "words%4=2 oc%8=0 pad_top",
        })
    };
    let list = vec![
        conv("tp_bitserial_conv_16", 16, false, |r| planes(r, 16, Pad::Valid)),
        conv("tp_bitserial_conv_16", 16, true, |r| planes(r, 16, Pad::Same)),
        conv("tp_bitserial_conv_8", 8, false, |r| planes(r, 8, Pad::Valid)),
        conv("tp_bitserial_conv_8", 8, true, |r| planes(r, 8, Pad::Same)),
        Spec::new(Op::PackInput, &[U8, B1], "tp_bitserial_pack", &["n", "(n/64)"], &[A, A, None, None], pack)
            .when("n%64=0"),
    ];
    list.into_iter().map(|spec| spec.cores(&["cortex-a53"]).class("bitserial")).collect()
}

fn conv_trips(slice: usize, padded: bool) -> &'static [&'static str] {
    let all = format!("{ROWS}*{COLUMNS}*words");
    let (inside, n) = match padded {
        true => (format!("min({ROWS}-pad_top,ih)"), format!("(min({COLUMNS}-pad_left,iw)*words)")),
        false => (ROWS.to_owned(), format!("({COLUMNS}*words)")),
    };
    let lanes = ["", "/4", "%4"].map(|by| format!("({all}{by})"));
    let ends = [format!("({n}/4)"), format!("({n}%4)"), n.clone(), format!("min(1,{n}/4)"), format!("min(1,{n}%4)")];
    let step = format!("(words/{})", slice / 4);
    let each = ["", "kh", "kh*kw"];
    let owned = |list: &[String]| -> Vec<&'static str> { list.iter().map(|text| &*text.clone().leak()).collect() };
    let weights = "(oc/8)*oh*ow*kh*kw*words".to_owned();
    trips(vec![
        owned(&lanes),
        owned(&[inside.clone(), format!("{inside}*{n}"), weights]),
        products(&[&[&inside], &owned(&ends)]),
        vec!["(oc/8)", "(oc/8)*oh", "(oc/8)*oh*ow"],
        products(&[&["(oc/8)*oh*ow"], &each, &["", &step]]),
        vec!["oh*ow*oc"],
    ])
}

fn planes(random: &mut Random, slice: usize, pad: Pad) -> Vec<Case> {
    let list = [
        (4, 5, 1, 8, 3, 1),
        (6, 6, 1, 16, 3, 2),
        (3, 4, 2, 8, 1, 1),
        (5, 7, 1, 24, 2, 1),
        (7, 5, 3, 8, 3, 2),
        (4, 4, 2, 32, 3, 1),
        (6, 5, 1, 8, 1, 2),
        (5, 5, 2, 16, 5, 1),
        (9, 6, 1, 16, 3, 2),
        (3, 8, 4, 8, 2, 1),
        (7, 7, 1, 40, 3, 1),
        (8, 4, 3, 24, 3, 1),
    ];
    let case = |random: &mut Random, c: &Case2| {
        let g = c.window.over(c.shape, "").expect("fits");
        let words = c.shape.c / 32;
        let n = c.window.taps() * words;
        let (x, filters) = (draw(random, c.shape.h * c.shape.w * words), draw(random, c.oc * n));
        let mut y = vec![0i32; g.oh * g.ow * c.oc];
        for (p, t, from) in taps(&g) {
            for (o, sum) in y[p * c.oc..][..c.oc].iter_mut().enumerate() {
                let row = filters[o * n + t * words..][..words].iter().zip(&x[from * words..]);
                let product = |(w, x): (&u32, &u32)| bits(w & x) - bits(!w & x);
                *sum += row.map(product).sum::<i32>();
            }
        }
        let dims = window_dims(c, &g).with("oc", c.oc as u64).with("words", words as u64);
        let [kernel, stride] = [c.window.kernel, c.window.stride];
        let scratch = ((g.oh - 1) * stride[0] + kernel[0]) * ((g.ow - 1) * stride[1] + kernel[1]);
        let args = vec![
            input(&x),
            input(&in_blocks(&filters, c.oc, n, slice / 4)),
            output(&y),
            Arg::Scratch(4 * scratch * words),
            window_block(&dims, c.shape.c, words, 0),
        ];
        (g.padded() == (pad == Pad::Same)).then_some(Case { dims, args })
    };
    let shapes = list.iter().map(|&(h, w, parts, oc, k, stride)| square(h, w, parts * slice * 8, oc, k, stride, pad));
    shapes.filter_map(|c| case(random, &c)).collect()
}

pub(super) fn draw(random: &mut Random, n: usize) -> Vec<u32> {
    (0..n).map(|_| u32::try_from(random.integer(0, i64::from(u32::MAX))).expect("32 bits")).collect()
}

pub(super) fn bits(word: u32) -> i32 {
    i32::try_from(word.count_ones()).expect("at most 32")
}

/// [filter][word] to [block of 8 filters][slice][filter][word of the slice].
pub(super) fn in_blocks(filters: &[u32], oc: usize, n: usize, slice: usize) -> Vec<u32> {
    let of = |block: usize, at: usize| {
        (0..8).flat_map(move |f| filters[(block * 8 + f) * n + at * slice..][..slice].to_vec())
    };
    (0..oc / 8).flat_map(|block| (0..n / slice).flat_map(move |at| of(block, at))).collect()
}

fn pack(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (n, plane): (usize, usize)| {
        let x = bytes(random, n);
        let byte = |eight: &[u8]| (0..8).map(|k| ((eight[k] >> plane) & 1) << k).sum::<u8>();
        let y: Vec<u8> = x.chunks_exact(8).map(byte).collect();
        Case { dims: dims(&[("n", n)]), args: vec![input(&x), output(&y), value(small(plane)), value(small(n))] }
    };
    let sizes = [(64, 0), (128, 1), (192, 2), (256, 0), (320, 3), (640, 1), (1024, 7), (1984, 0), (2048, 1)];
    sizes.into_iter().map(|s| case(random, s)).collect()
}
