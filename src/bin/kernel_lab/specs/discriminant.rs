//! Cases of class means and of SLDA's covariance: the simulator's formulas in f32, term by term in the twins' order.

use tinyprec::numeric::{Rounder, Rounding};
use tinyprec::trace::Elem::{self, F32};

use super::head::{stored, width};
use super::strategies::{features, k_dims, reals};
use super::{small, w32};
use crate::cases::{Arg, Case, Random, dims, input, output, real, update, value};

const SIZES: [usize; 10] = [1, 2, 9, 3, 17, 33, 5, 40, 8, 12];
const SHAPES: [(usize, usize); 10] =
    [(1, 1), (3, 2), (2, 9), (10, 5), (4, 17), (1, 8), (5, 3), (2, 24), (7, 4), (6, 12)];
const SMALLEST: f32 = f32::MIN_POSITIVE;

pub(super) fn covariance(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, k: usize| {
        let (zero, scale) = (w32(random.integer(-20, 20)), 0.031_f32);
        let (x_arg, x) = features(random, k, elem, zero, scale);
        let (zero, scale) = if elem == F32 { (0, 1.0) } else { (zero, scale) };
        let (sums_arg, sums) = sums(random, k, elem == F32);
        let (per, keep, add) = (0.0013_f32, 0.97_f32, 0.03_f32);
        let before = reals(random, k * k);
        let mut after = before.clone();
        let d: Vec<f32> = x.iter().zip(&sums).map(|(x, s)| x - s * per).collect();
        for (i, row) in after.chunks_exact_mut(k).enumerate() {
            let by = add * d[i];
            row[..=i].iter_mut().zip(&d).for_each(|(s, d)| *s = keep * *s + by * d);
        }
        let mut args = vec![x_arg, sums_arg, update(&before, &after), Arg::Scratch(4 * k), value(i64::from(zero))];
        args.extend([scale, per, keep, add].map(real));
        args.push(value(small(k)));
        Case { dims: k_dims(k), args }
    };
    SIZES.iter().map(|k| case(random, *k)).collect()
}

/// Class sums: integers for codes, else reals.
fn sums(random: &mut Random, n: usize, is_real: bool) -> (Arg, Vec<f32>) {
    if is_real {
        let s: Vec<f32> = (0..n).map(|_| random.unit() * 1000.0).collect();
        return (input(&s), s);
    }
    let s: Vec<i32> = (0..n).map(|_| w32(random.integer(-100_000, 100_000))).collect();
    (input(&s), s.iter().map(|s| *s as f32).collect())
}

fn counts(random: &mut Random, classes: usize) -> Vec<i32> {
    (0..classes).map(|_| w32(random.integer(1, 500))).collect()
}

/// Codes toward zero, as C converts; reals stay.
fn stored_rows(rows: &[f32], by: f32, elem: Elem) -> Arg {
    if elem == F32 {
        return output(&rows.iter().map(|x| x * by).collect::<Vec<f32>>());
    }
    let mut rounder = Rounder::new(Rounding::TowardZero, 0, 0);
    let codes: Vec<i32> = rows.iter().map(|x| w32(rounder.real(f64::from(x * by)))).collect();
    Arg::Out(stored(&codes, elem))
}

fn room(elem: Elem) -> f32 {
    if elem == F32 { 1.0 } else { (1u64 << (width(elem) - 1)) as f32 * 0.99 }
}

fn largest(rows: &[f32]) -> f32 {
    rows.iter().fold(SMALLEST, |most, x| most.max(x.abs()))
}

fn mean(sums: &[f32], per: f32) -> Vec<f32> {
    sums.iter().map(|s| s * per).collect()
}

pub(super) fn means_to_rows(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (classes, k): (usize, usize)| {
        let (sums_arg, sums) = sums(random, classes * k, elem == F32);
        let (count, scale, room) = (counts(random, classes), 0.031_f32, room(elem));
        let per = |c: usize| scale / count[c] as f32;
        let rows: Vec<f32> = (0..classes).flat_map(|c| mean(&sums[c * k..(c + 1) * k], per(c))).collect();
        let by = room / largest(&rows);
        let offset = |c: usize| -(rows[c * k..(c + 1) * k].iter().fold(0.0f32, |s, m| s + m * m) * 0.5) * by;
        let offsets: Vec<f32> = (0..classes).map(offset).collect();
        let mut args = vec![sums_arg, input(&count), stored_rows(&rows, by, elem), output(&offsets)];
        args.extend([Arg::Scratch(4 * classes * k), real(scale), real(room)]);
        args.extend([small(classes), small(k)].map(value));
        Case { dims: dims(&[("classes", classes), ("features", k)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

fn cholesky(s: &[f32], shrink: f32, k: usize) -> Vec<f32> {
    let mut l = vec![0.0f32; k * k];
    let keep = 1.0 - shrink;
    for i in 0..k {
        for j in 0..i {
            let dot = dot(&l[i * k..i * k + j], &l[j * k..j * k + j]);
            l[i * k + j] = (keep * s[i * k + j] - dot) / l[j * k + j];
        }
        let row = &l[i * k..i * k + i];
        let rest = (keep * s[i * k + i] + shrink) - dot(row, row);
        l[i * k + i] = if rest > SMALLEST { rest } else { SMALLEST }.sqrt();
    }
    l
}

fn solve(l: &[f32], x: &mut [f32], k: usize) {
    for i in 0..k {
        x[i] = (x[i] - dot(&l[i * k..i * k + i], x)) / l[i * k + i];
    }
    for i in (0..k).rev() {
        x[i] /= l[i * k + i];
        let value = x[i];
        x[..i].iter_mut().zip(&l[i * k..i * k + i]).for_each(|(x, l)| *x -= l * value);
    }
}

pub(super) fn solve_rows(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (classes, k): (usize, usize)| {
        // A covariance: products of random rows, its lower triangle given.
        let parts = reals(random, 2 * k * k);
        let row = |i: usize| &parts[i * 2 * k..(i + 1) * 2 * k];
        let s: Vec<f32> = (0..k * k).map(|n| dot(row(n / k), row(n % k)) / (2 * k) as f32).collect();
        let (sums_arg, sums) = sums(random, classes * k, elem == F32);
        let (count, shrink, scale, room) = (counts(random, classes), 0.1_f32, 0.031_f32, room(elem));
        let l = cholesky(&s, shrink, k);
        let (mut rows, mut offsets) = (Vec::new(), Vec::new());
        for c in 0..classes {
            let mean = mean(&sums[c * k..(c + 1) * k], scale / count[c] as f32);
            let mut x = mean.clone();
            solve(&l, &mut x, k);
            offsets.push(-dot(&x, &mean) * 0.5);
            rows.append(&mut x);
        }
        let by = room / largest(&rows);
        offsets.iter_mut().for_each(|o| *o *= by);
        let mut args = vec![input(&s), sums_arg, input(&count), stored_rows(&rows, by, elem), output(&offsets)];
        args.extend([Arg::Scratch(4 * k * k), Arg::Scratch(4 * classes * k), Arg::Scratch(4 * k)]);
        args.extend([shrink, scale, room].map(real));
        args.extend([small(classes), small(k)].map(value));
        Case { dims: dims(&[("classes", classes), ("features", k)]), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}
