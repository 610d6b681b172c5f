//! Last-layer training in plain C on a Cortex-M4, with the C library's exponential and logarithm in double precision.

use tinyprec::trace::Elem::F32;
use tinyprec::trace::Op;

use super::super::{SHAPES, small, w32};
use super::{A, T};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, real, update, value};

const MATRIX: &[&str] = &["classes", "classes*features", "classes*min(1,features-1)"];
const ROWS: &[&str] = &["rows", "n", "rows*min(1,n/rows-1)"];

/// A step's parts, at every level of optimisation, none included.
pub fn specs() -> Vec<Spec> {
    let three = &[F32, F32, F32];
    let list = vec![
        Spec::new(Op::HeadForward, three, "tp_tinyol_forward", MATRIX, &[A, T, T, A], forward),
        Spec::new(Op::Softmax, &[F32, F32], "tp_tinyol_softmax", &["classes"], &[A], softmax),
        Spec::new(Op::OuterUpdate, three, "tp_tinyol_update", MATRIX, &[A, A, A, T, T], |r| step(r, true)),
        Spec::new(Op::GradientAccumulate, three, "tp_tinyol_accumulate", MATRIX, &[A, A, A, T, T], |r| step(r, false)),
        Spec::new(Op::SgdUpdate, &[F32, F32], "tp_tinyol_apply", ROWS, &[T, T], apply),
        Spec::new(Op::ConsolidateRows, &[F32, F32], "tp_tinyol_consolidate", ROWS, &[T, T, T], consolidate),
        Spec::new(Op::ForwardCopy, &[F32, F32], "tp_tinyol_copy", ROWS, &[T, T], copy),
    ];
    list.into_iter().map(|spec| spec.cores(&["cortex-m4"]).class("tinyol").unoptimised()).collect()
}

fn reals(random: &mut Random, n: usize) -> Vec<f32> {
    (0..n).map(|_| random.unit() * 2.0).collect()
}

fn shape((a, b): (usize, usize)) -> [Arg; 2] {
    [value(small(a)), value(small(b))]
}

fn matrices(random: &mut Random, case: impl Fn(&mut Random, usize, usize) -> Vec<Arg>) -> Vec<Case> {
    let of = |random: &mut Random, (a, b): (usize, usize)| {
        let args = case(random, a, b).into_iter().chain(shape((a, b))).collect();
        Case { dims: dims(&[("classes", a), ("features", b), ("rows", a), ("n", a * b)]), args }
    };
    SHAPES.iter().map(|s| of(random, *s)).collect()
}

fn forward(random: &mut Random) -> Vec<Case> {
    matrices(random, |random, classes, features| {
        let (x, w, bias) = (reals(random, features), reals(random, classes * features), reals(random, classes));
        let sum = |c: usize| w[c * features..][..features].iter().zip(&x).fold(0.0f32, |s, (w, x)| s + w * x);
        let y: Vec<f32> = (0..classes).map(|c| sum(c) + bias[c]).collect();
        vec![input(&x), input(&w), input(&bias), output(&y)]
    })
}

/// Double results of two C libraries differ in the last bits at most; their single-precision roundings of these operands do not.
fn softmax(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, classes: usize| {
        let y: Vec<f32> = (0..classes).map(|_| random.unit() * 6.0).collect();
        let m = y.iter().copied().fold(y[0], |m, v| if m < v { v } else { m });
        let sum = y.iter().fold(0.0f32, |s, v| (f64::from(s) + f64::from(v - m).exp()) as f32);
        let constant = (f64::from(m) + f64::from(sum).ln()) as f32;
        let p: Vec<f32> = y.iter().map(|v| f64::from(v - constant).exp() as f32).collect();
        Case { dims: dims(&[("classes", classes)]), args: vec![update(&y, &p), value(small(classes))] }
    };
    [2, 3, 10, 1, 5, 8, 7, 16, 4, 6, 20, 9].iter().map(|n| case(random, *n)).collect()
}

fn step(random: &mut Random, at_once: bool) -> Vec<Case> {
    matrices(random, |random, classes, features| {
        let (p, truth, x) = (reals(random, classes), reals(random, classes), reals(random, features));
        let (w, bias, rate) = (reals(random, classes * features), reals(random, classes), 0.003f32);
        let cost: Vec<f32> = p.iter().zip(&truth).map(|(p, t)| p - t).collect();
        let new = |(i, w): (usize, &f32)| {
            let product = cost[i / features] * x[i % features];
            if at_once { w - product * rate } else { w + product }
        };
        let after: Vec<f32> = w.iter().enumerate().map(new).collect();
        let biases = bias.iter().zip(&cost).map(|(b, c)| if at_once { b - c * rate } else { b + c });
        let biases: Vec<f32> = biases.collect();
        let mut args = vec![input(&p), input(&truth), input(&x), update(&w, &after), update(&bias, &biases)];
        args.extend(at_once.then(|| real(rate)));
        args
    })
}

fn apply(random: &mut Random) -> Vec<Case> {
    matrices(random, |random, rows, columns| {
        let (w, sum) = (reals(random, rows * columns), reals(random, rows * columns));
        let (rate, batch) = (0.003f32, w32(random.integer(1, 32)));
        let after: Vec<f32> = w.iter().zip(&sum).map(|(w, s)| w - s / batch as f32 * rate).collect();
        let zeros = vec![0.0f32; sum.len()];
        vec![update(&w, &after), update(&sum, &zeros), real(rate), value(i64::from(batch))]
    })
}

fn consolidate(random: &mut Random) -> Vec<Case> {
    matrices(random, |random, rows, columns| {
        let (cw, tw) = (reals(random, rows * columns), reals(random, rows * columns));
        let found: Vec<u8> = (0..rows).map(|_| u8::try_from(random.integer(1, 255)).expect("a byte")).collect();
        let merged = |(i, (c, t)): (usize, (&f32, &f32))| {
            let n = f32::from(found[i / columns]);
            (c * n + t) / (n + 1.0)
        };
        let after: Vec<f32> = cw.iter().zip(&tw).enumerate().map(merged).collect();
        vec![update(&cw, &after), input(&tw), input(&found)]
    })
}

fn copy(random: &mut Random) -> Vec<Case> {
    matrices(random, |random, rows, columns| {
        let x = reals(random, rows * columns);
        vec![input(&x), output(&x)]
    })
}
