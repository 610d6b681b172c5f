//! Winograd's convolutions F(6 x 6, 3 x 3) and F(4 x 4, 3 x 3): the reference in the twin's order of operations, held against the plain sums.

use tinyprec::nn::{Pad, Shape, Window};

use super::super::int8::{taps, window_dims};
use super::super::windows::{Case2, window_block};
use super::gemm_float::{AHEAD, panels};
use crate::cases::{Arg, Case, Random, input, output};

/// A line of eight points of a tile to the points 0, ±1, ±2, ±1/2 and infinity (Lavin and Gray, arXiv 1509.09308, Toom and Cook's method).
fn tile_in(d: [f32; 8]) -> [f32; 8] {
    let pair = |even: f32, odd: f32| [even + odd, even - odd];
    let [a, b] = pair(d[4].mul_add(-4.25, d[2] + d[6]), d[3].mul_add(-4.25, d[1] + d[5]));
    let odd = d[5].mul_add(2.0, d[3].mul_add(-2.5, d[1] * 0.5));
    let [c, e] = pair(d[4].mul_add(-1.25, d[2].mul_add(0.25, d[6])), odd);
    let odd = d[5].mul_add(0.5, d[3].mul_add(-2.5, d[1] * 2.0));
    let [f, g] = pair(d[4].mul_add(-1.25, d[2]).mul_add(4.0, d[6]), odd);
    [(d[4] - d[2]).mul_add(5.25, d[0] - d[6]), a, b, c, e, f, g, (d[3] - d[5]).mul_add(5.25, d[7] - d[1])]
}

fn tile_out(m: [f32; 8]) -> [f32; 6] {
    let (s1, d1, s2, d2, s3, d3) = (m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4], m[5] + m[6], m[5] - m[6]);
    [
        s3.mul_add(32.0, m[0] + s1 + s2),
        d3.mul_add(16.0, d2.mul_add(2.0, d1)),
        s3.mul_add(8.0, s2.mul_add(4.0, s1)),
        d3.mul_add(4.0, d2.mul_add(8.0, d1)),
        s3.mul_add(2.0, s2.mul_add(16.0, s1)),
        d2.mul_add(32.0, m[7] + d1 + d3),
    ]
}

/// Filters at the eight points; 1/90 and the like come from the method's differences of points.
const POINTS: [[f64; 3]; 8] = [
    [1.0, 0.0, 0.0],
    [-2.0 / 9.0, -2.0 / 9.0, -2.0 / 9.0],
    [-2.0 / 9.0, 2.0 / 9.0, -2.0 / 9.0],
    [1.0 / 90.0, 1.0 / 45.0, 2.0 / 45.0],
    [1.0 / 90.0, -1.0 / 45.0, 2.0 / 45.0],
    [1.0 / 45.0, 1.0 / 90.0, 1.0 / 180.0],
    [1.0 / 45.0, -1.0 / 90.0, 1.0 / 180.0],
    [0.0, 0.0, 1.0],
];

/// As [`tile_in`] for the points 0, ±1, ±2 and infinity.
fn tile_in_4(d: [f32; 6]) -> [f32; 6] {
    let (even, odd, even2, odd2) = (d[2].mul_add(-4.0, d[4]), d[1].mul_add(-4.0, d[3]), d[4] - d[2], d[3] - d[1]);
    let ends = |first: f32, mid: f32, last: f32| mid.mul_add(-5.0, first.mul_add(4.0, last));
    let (two, less) = (odd2.mul_add(2.0, even2), odd2.mul_add(-2.0, even2));
    [ends(d[0], d[2], d[4]), even + odd, even - odd, two, less, ends(d[1], d[3], d[5])]
}

fn tile_out_4(m: [f32; 6]) -> [f32; 4] {
    let (s1, d1, s2, d2) = (m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]);
    [m[0] + s1 + s2, d2.mul_add(2.0, d1), s2.mul_add(4.0, s1), d2.mul_add(8.0, m[5] + d1)]
}

const POINTS_4: [[f64; 3]; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// With tiles of so many outputs a side, six or four.
pub(super) fn winograd(random: &mut Random, side: usize) -> Vec<Case> {
    let shapes = [
        (3, 3, 4, 8, Pad::Same),
        (8, 8, 4, 8, Pad::Valid),
        (7, 9, 8, 8, Pad::Same),
        (12, 13, 4, 16, Pad::Same),
        (25, 5, 12, 8, Pad::Valid),
        (18, 24, 4, 8, Pad::Same),
        (14, 20, 8, 16, Pad::Same),
        (6, 31, 4, 24, Pad::Same),
        (30, 30, 4, 8, Pad::Valid),
        (13, 37, 4, 8, Pad::Same),
        (5, 44, 8, 16, Pad::Same),
        (20, 7, 4, 24, Pad::Valid),
        (27, 14, 12, 8, Pad::Same),
        (9, 50, 4, 16, Pad::Valid),
        (16, 16, 8, 24, Pad::Same),
        (4, 61, 4, 8, Pad::Same),
        (33, 11, 4, 16, Pad::Valid),
        (10, 29, 8, 8, Pad::Same),
        (22, 23, 4, 8, Pad::Same),
        (7, 7, 16, 32, Pad::Valid),
    ];
    let case = |random: &mut Random, (h, w, ic, oc, pad)| match side {
        6 => winograd_case(random, (h, w, ic, oc), pad, &POINTS, tile_in, tile_out),
        _ => winograd_case(random, (h, w, ic, oc), pad, &POINTS_4, tile_in_4, tile_out_4),
    };
    shapes.into_iter().map(|shape| case(random, shape)).collect()
}

fn winograd_case<const LINE: usize, const SIDE: usize>(
    random: &mut Random,
    (h, w, ic, oc): (usize, usize, usize, usize),
    pad: Pad,
    method: &[[f64; 3]; LINE],
    tile_in: fn([f32; LINE]) -> [f32; LINE],
    tile_out: fn([f32; LINE]) -> [f32; SIDE],
) -> Case {
    let c = Case2 { shape: Shape::new(h, w, ic), oc, window: Window { pad, ..Window::valid(3, 1) } };
    let g = c.window.over(c.shape, "").expect("fits");
    let unit = |random: &mut Random, n: usize| (0..n).map(|_| random.unit()).collect::<Vec<f32>>();
    let (x, filters, bias) = (unit(random, h * w * ic), unit(random, oc * 9 * ic), unit(random, oc));
    let (down, across) = (g.oh.div_ceil(SIDE), g.ow.div_ceil(SIDE));
    let tiles = down * across;
    // [point][filter][channel]
    let all_points = LINE * LINE;
    let mut points = vec![0.0f32; all_points * oc * ic];
    for (r, o, i) in (0..all_points).flat_map(|r| (0..oc).flat_map(move |o| (0..ic).map(move |i| (r, o, i)))) {
        let tap =
            |t: usize| method[r / LINE][t / 3] * method[r % LINE][t % 3] * f64::from(filters[(o * 9 + t) * ic + i]);
        points[(r * oc + o) * ic + i] = (0..9).map(tap).sum::<f64>() as f32;
    }
    let dims = window_dims(&c, &g).with("oc", oc as u64).with("terms", 9 * ic as u64).with("ic", ic as u64);
    let before = |name: &str| usize::try_from(dims.get(name).unwrap_or(0)).expect("small");
    let (top, left) = (before("pad_top"), before("pad_left"));
    let at = |y: usize, x_: usize, i: usize| -> f32 {
        let inside = y >= top && x_ >= left && y - top < h && x_ - left < w;
        if inside { x[((y - top) * w + x_ - left) * ic + i] } else { 0.0 }
    };
    let mut y = vec![0.0f32; g.oh * g.ow * oc];
    for (ty, tx) in (0..down).flat_map(|ty| (0..across).map(move |tx| (ty, tx))) {
        let mut transformed = vec![vec![0.0f32; all_points]; ic];
        for (i, to) in transformed.iter_mut().enumerate() {
            let half: Vec<[f32; LINE]> =
                (0..LINE).map(|row| tile_in(std::array::from_fn(|k| at(SIDE * ty + row, SIDE * tx + k, i)))).collect();
            for line in 0..LINE {
                let column = tile_in(std::array::from_fn(|k| half[k][line]));
                (0..LINE).for_each(|k| to[LINE * k + line] = column[k]);
            }
        }
        for o in 0..oc {
            let product = (0..all_points).map(|r| {
                let w = &points[(r * oc + o) * ic..][..ic];
                transformed.iter().zip(w).fold(0.0f32, |sum, (d, w)| d[r].mul_add(*w, sum)) + 0.0
            });
            let product: Vec<f32> = product.collect();
            let half: Vec<[f32; SIDE]> =
                (0..LINE).map(|i| tile_out(std::array::from_fn(|k| product[i + LINE * k]))).collect();
            for i in 0..SIDE.min(g.oh - SIDE * ty) {
                let row = tile_out(std::array::from_fn(|k| half[k][i]));
                for k in 0..SIDE.min(g.ow - SIDE * tx) {
                    y[((SIDE * ty + i) * g.ow + SIDE * tx + k) * oc + o] = row[k] + bias[o];
                }
            }
        }
    }
    check_against_direct(&c, (&x, &filters, &bias), &y);
    let weights: Vec<f32> = (0..all_points)
        .flat_map(|r| {
            let all = panels(&points[r * oc * ic..][..oc * ic], oc, ic);
            all[..oc * ic].to_vec()
        })
        .chain([0.0; 8])
        .collect();
    let scratch = |numbers: usize| Arg::Scratch(4 * numbers);
    let mut args = vec![input(&x), input(&weights), input(&bias), output(&y)];
    args.push(scratch((SIDE * down + 2) * (SIDE * across + 2) * ic));
    args.extend([all_points * tiles * ic, tiles * ic + AHEAD, all_points * tiles * oc].map(scratch));
    args.push(window_block(&dims, ic, 0, 0));
    Case { dims, args }
}

/// The method is a convolution: its outputs are those of the plain sums but for rounding.
fn check_against_direct(c: &Case2, (x, filters, bias): (&[f32], &[f32], &[f32]), y: &[f32]) {
    let g = c.window.over(c.shape, "").expect("fits");
    let ic = c.shape.c;
    let mut direct: Vec<f64> = (0..y.len()).map(|i| f64::from(bias[i % c.oc])).collect();
    for (p, t, from) in taps(&g) {
        for o in 0..c.oc {
            let sum =
                (0..ic).map(|i| f64::from(x[from * ic + i]) * f64::from(filters[(o * 9 + t) * ic + i])).sum::<f64>();
            direct[p * c.oc + o] += sum;
        }
    }
    let worst = direct.iter().zip(y).map(|(d, y)| (d - f64::from(*y)).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-3, "Winograd's outputs are {worst} from the plain sums");
}
