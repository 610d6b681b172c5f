//! Twins of the head in single precision.

use tinyprec::learn::kernels;
use tinyprec::learn::{FeatureStage, Precision, RawFeatures, Standardise};
use tinyprec::numeric::elementary::softmax_f32;
use tinyprec::numeric::{Format, Values};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{F32, I32};
use tinyprec::trace::Op;

use super::rows::ROWS;
use super::{LENGTHS, N, SHAPES, chosen, small, w32};
use crate::cases::{Case, Random, Spec, dims, input, output, real, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const T: Option<BufferKind> = Some(BufferKind::State);
const MATRIX: &[&str] = &["classes", "classes*features"];

/// Float twins of the whole head.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::Standardise, &[I32, F32], "tp_standardise_f32", N, &[A, W, W, A], standardise),
        spec(Op::ForwardCopy, &[F32, F32], "tp_forward_copy_f32_f32", N, &[T, T], copy),
        spec(Op::HeadForward, &[F32, F32, F32], "tp_head_forward_f32", MATRIX, &[A, T, T, A], head_forward),
        spec(Op::Softmax, &[F32, F32], "tp_softmax_f32", &["classes", "min(1,classes-1)"], &[A, A], softmax),
        spec(Op::ArgMax, &[F32], "tp_arg_max_f32", &["classes", "min(1,classes-1)"], &[A, None], arg_max),
        spec(Op::Error, &[F32, F32], "tp_error_f32", &["batch", "batch*classes"], &[A, None, A], error),
        spec(Op::GradientAccumulate, &[F32, F32, F32], "tp_gradient_accumulate_f32", MATRIX, &[A, A, A], accumulate),
        spec(Op::QuantiseGradient, &[F32, F32], "tp_quantise_gradient_f32", N, &[A, A], mean_gradient),
        spec(Op::Velocity, &[F32, F32, F32], "tp_velocity_f32", N, &[A, T, T], velocity),
        spec(Op::SgdUpdate, &[F32, F32], "tp_sgd_update_f32", N, &[A, T], sgd),
        spec(Op::LoadRows, &[F32, F32], "tp_load_rows_f32", ROWS, &[T, T, None], load),
        spec(Op::MeanRows, &[F32], "tp_mean_rows_f32", ROWS, &[T, None, None], mean),
        spec(
            Op::PastWeight,
            &[I32, F32],
            "tp_past_weight_f32",
            &["classes", "classes*31", "classes*32"],
            &[T, T, A],
            past,
        ),
        spec(Op::ConsolidateRows, &[F32, F32], "tp_consolidate_rows_f32", ROWS, &[T, A, None, T], consolidate),
    ]
}

/// Reals of all sizes; every sixteenth is an extreme that still cannot overflow a product.
fn reals(random: &mut Random, n: usize) -> Vec<f32> {
    let one = |random: &mut Random| match random.next() % 16 {
        0 => 0.0,
        1 => random.unit() * 1e-30,
        2 => random.unit() * 1e9,
        _ => random.unit() * 4.0,
    };
    (0..n).map(|_| one(random)).collect()
}

fn each_length(random: &mut Random, case: impl Fn(&mut Random, usize) -> Vec<crate::cases::Arg>) -> Vec<Case> {
    LENGTHS.iter().map(|&n| Case { dims: dims(&[("n", n)]), args: case(random, n) }).collect()
}

fn each_matrix(
    random: &mut Random,
    names: [&str; 2],
    case: impl Fn(&mut Random, usize, usize) -> Vec<crate::cases::Arg>,
) -> Vec<Case> {
    SHAPES
        .iter()
        .map(|&(a, b)| Case { dims: dims(&[(names[0], a), (names[1], b)]), args: case(random, a, b) })
        .collect()
}

fn standardise(random: &mut Random) -> Vec<Case> {
    let precision = Precision::preset("float").expect("a preset");
    each_length(random, |random, n| {
        let raw: Vec<i32> = (0..4 * n).map(|_| w32(random.integer(-2000, 2000))).collect();
        let stage = FeatureStage::calibrate(&precision, RawFeatures::Ints(&raw), n, Standardise::PerFeature, 1);
        let mut stage = stage.expect("finite");
        let table = stage.prepare(RawFeatures::Ints(&raw[..n])).expect("finite");
        let Values::Real(y) = table.values() else { panic!("float features are reals") };
        let (mean, factor) = stage.device_reals();
        vec![input(&raw[..n]), input(&mean), input(&factor), output(y), value(small(n))]
    })
}

fn copy(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let x = reals(random, n);
        vec![input(&x), output(&x), value(small(n))]
    })
}

fn head_forward(random: &mut Random) -> Vec<Case> {
    each_matrix(random, ["classes", "features"], |random, classes, features| {
        let (a, w) = (reals(random, features), reals(random, classes * features));
        let bias = reals(random, classes);
        let mut z = bias.clone();
        kernels::head_forward_f32(&w, &a, &mut z);
        vec![input(&a), input(&w), input(&bias), output(&z), value(small(classes)), value(small(features))]
    })
}

fn softmax(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, classes: usize| {
        let spread = [1.0, 10.0, 100.0, 1e-3][usize::try_from(random.next() % 4).expect("below 4")];
        let z: Vec<f32> = (0..classes).map(|_| random.unit() * spread).collect();
        let mut p = vec![0.0; classes];
        softmax_f32(&z, &mut p);
        Case { dims: dims(&[("classes", classes)]), args: vec![input(&z), output(&p), value(small(classes))] }
    };
    [2, 3, 10, 1, 5, 50, 7, 100, 4, 10, 20, 33].iter().map(|n| case(random, *n)).collect()
}

fn arg_max(random: &mut Random) -> Vec<Case> {
    [2, 1, 10, 3, 50, 5, 100, 10, 7, 20, 4, 64]
        .iter()
        .map(|&classes| {
            let z: Vec<f32> = (0..classes).map(|_| w32(random.integer(-3, 3)) as f32).collect();
            let best = i32::try_from(kernels::argmax_f32(&z)).expect("small");
            Case { dims: dims(&[("classes", classes)]), args: vec![input(&z), output(&[best]), value(small(classes))] }
        })
        .collect()
}

fn error(random: &mut Random) -> Vec<Case> {
    each_matrix(random, ["batch", "classes"], |random, batch, classes| {
        let p: Vec<f32> = (0..batch * classes).map(|_| random.unit().abs()).collect();
        let labels: Vec<i32> = (0..batch).map(|_| w32(random.integer(0, small(classes) - 1))).collect();
        let mut d = p.clone();
        for (row, label) in d.chunks_exact_mut(classes).zip(&labels) {
            kernels::error_f32(row, usize::try_from(*label).expect("a label"));
        }
        vec![input(&p), input(&labels), output(&d), value(small(batch)), value(small(classes))]
    })
}

fn accumulate(random: &mut Random) -> Vec<Case> {
    each_matrix(random, ["classes", "features"], |random, classes, features| {
        let (e, a, before) = (reals(random, classes), reals(random, features), reals(random, classes * features));
        let mut after = before.clone();
        kernels::gradient_accumulate_f32(&mut after, &e, &a);
        vec![input(&e), input(&a), update(&before, &after), value(small(classes)), value(small(features))]
    })
}

fn mean_gradient(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (sums, batch) = (reals(random, n), w32(random.integer(1, 64)));
        // The reference multiplies each sum by the reciprocal of the batch, in place (learn's batch gradient).
        let mean = 1.0 / batch as f32;
        let gradient: Vec<f32> = sums.iter().map(|g| kernels::round_to_format(g * mean, Format::F32)).collect();
        vec![input(&sums), output(&gradient), real(mean), value(small(n))]
    })
}

fn velocity(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w, v) = (reals(random, n), reals(random, n), reals(random, n));
        let mut after = v.clone();
        kernels::velocity_f32(&mut after, &g, &w, (0.9, 1e-4), Format::F32);
        vec![input(&g), input(&w), update(&v, &after), real(0.9), real(1e-4), value(small(n))]
    })
}

fn sgd(random: &mut Random) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w) = (reals(random, n), reals(random, n));
        let mut after = w.clone();
        kernels::sgd_update_f32(&mut after, &g, 0.01, Format::F32);
        vec![input(&g), update(&w, &after), real(0.01), value(small(n))]
    })
}

fn load(random: &mut Random) -> Vec<Case> {
    each_rows(random, |random, rows, columns| {
        let source = reals(random, rows * columns);
        let take: Vec<u8> = (0..rows).map(|_| u8::from(random.next() % 2 == 0)).collect();
        let row = |i: usize| take[i / columns] == 1;
        let master: Vec<f32> = source.iter().enumerate().map(|(i, x)| if row(i) { *x } else { 0.0 }).collect();
        vec![input(&source), output(&master), input(&take), value(small(rows)), value(small(columns))]
    })
}

fn each_rows(random: &mut Random, case: impl Fn(&mut Random, usize, usize) -> Vec<crate::cases::Arg>) -> Vec<Case> {
    let of = |random: &mut Random, (rows, columns): (usize, usize)| Case {
        dims: dims(&[("n", rows * columns), ("rows", rows)]),
        args: case(random, rows, columns),
    };
    SHAPES.iter().map(|shape| of(random, *shape)).collect()
}

fn mean(random: &mut Random) -> Vec<Case> {
    each_rows(random, |random, rows, columns| {
        let (total, list, take) = chosen(random, rows);
        let w = reals(random, total * columns);
        let mean = kernels::mean_rows_f32(kernels::sum_rows_f32(&w, columns, &take));
        vec![input(&w), input(&list), output(&[mean]), value(small(rows)), value(small(columns))]
    })
}

fn past(random: &mut Random) -> Vec<Case> {
    [1, 2, 10, 3, 5, 7, 20, 50, 4, 10, 33]
        .iter()
        .map(|&classes| {
            let count = |random: &mut Random| -> Vec<u32> {
                (0..classes).map(|_| u32::try_from(random.integer(1, 100_000_000)).expect("32 bits")).collect()
            };
            let (past, current) = (count(random), count(random));
            let weights: Vec<f32> = past.iter().zip(&current).map(|(p, c)| kernels::past_weight_f32(*p, *c)).collect();
            Case {
                dims: dims(&[("classes", classes)]),
                args: vec![input(&past), input(&current), output(&weights), value(small(classes))],
            }
        })
        .collect()
}

fn consolidate(random: &mut Random) -> Vec<Case> {
    each_rows(random, |random, rows, columns| {
        let (total, list, take) = chosen(random, rows);
        let (tw, cw) = (reals(random, total * columns), reals(random, total * columns));
        let mean = kernels::mean_rows_f32(kernels::sum_rows_f32(&tw, columns, &take));
        let weights: Vec<f32> = (0..rows).map(|_| random.unit().abs() * 9.0).collect();
        let mut after = cw.clone();
        for (row, w) in list.iter().zip(&weights) {
            let from = usize::try_from(*row).expect("a row") * columns;
            let at = from..from + columns;
            kernels::consolidate_rows_f32(&mut after[at.clone()], &tw[at], mean, *w, Format::F32);
        }
        vec![
            input(&tw),
            input(&weights),
            input(&list),
            update(&cw, &after),
            real(mean),
            value(small(rows)),
            value(small(columns)),
        ]
    })
}
