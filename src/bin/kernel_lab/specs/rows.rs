//! Twins of CWR*'s row operations in integers.

use tinyprec::learn::kernels::{self, Requant};
use tinyprec::numeric::{Overflow, Rounding, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, I8, I16, I32};
use tinyprec::trace::Op;

use super::head::{codes, site, stored, width};
use super::{SHAPES, chosen, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
/// `n` weights in `rows` rows.
pub const ROWS: &[&str] = &["rows", "n"];

/// Integer twins of CWR*.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::LoadRows, &[I8, I8], "tp_load_rows_i8", ROWS, &[T, T, None], |r| load(r, I8)),
        spec(Op::LoadRows, &[I16, I16], "tp_load_rows_i16", ROWS, &[T, T, None], |r| load(r, I16)),
        spec(Op::LoadRows, &[I32, I32], "tp_load_rows_i32", ROWS, &[T, T, None], |r| load(r, I32)),
        spec(Op::MeanRows, &[I8], "tp_mean_rows_i8", ROWS, &[T, None, None], |r| mean(r, I8)),
        spec(Op::MeanRows, &[I16], "tp_mean_rows_i16", ROWS, &[T, None, None], |r| mean(r, I16)),
        spec(Op::MeanRows, &[I32], "tp_mean_rows_i32", ROWS, &[T, None, None], |r| mean(r, I32)),
        spec(
            Op::PastWeight,
            &[I32, I32],
            "tp_past_weight_i32",
            &["classes", "classes*31", "classes*32", "classes*63", "classes*64"],
            &[T, T, A],
            past,
        ),
        spec(Op::ConsolidateRows, &[I8, I8], "tp_consolidate_rows_i8", CONSOLIDATE_8, &[T, A, None, T], |r| {
            consolidate(r, I8, Rounding::TiesEven)
        }),
        spec(Op::ConsolidateRows, &[I16, I16], "tp_consolidate_rows_i16", CONSOLIDATE_16, &[T, A, None, T], |r| {
            consolidate(r, I16, Rounding::TiesEven)
        }),
        spec(Op::ConsolidateRows, &[I32, I32], "tp_consolidate_rows_i32", CONSOLIDATE_32, &[T, A, None, T], |r| {
            consolidate(r, I32, Rounding::TiesEven)
        }),
    ]
}

// A division takes one subtraction a bit of the quotient.
pub(super) const CONSOLIDATE_8: &[&str] = &["rows", "n", "n*8", "n*9"];
pub(super) const CONSOLIDATE_16: &[&str] = &["rows", "n", "n*16", "n*17"];
pub(super) const CONSOLIDATE_32: &[&str] = &["rows", "n", "n*32", "n*33"];

fn row_dims(rows: usize, columns: usize) -> tinyprec::trace::Dims {
    dims(&[("n", rows * columns), ("rows", rows)])
}

fn load(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let source = codes(random, rows * columns, elem);
        let take: Vec<bool> = (0..rows).map(|_| random.next().is_multiple_of(2)).collect();
        let mut master = vec![1; rows * columns];
        kernels::load_rows(&mut master, &source, columns, &take, 0);
        let flags: Vec<u8> = take.iter().map(|t| u8::from(*t)).collect();
        let args = vec![
            Arg::In(stored(&source, elem)),
            Arg::Out(stored(&master, elem)),
            input(&flags),
            value(small(rows)),
            value(small(columns)),
        ];
        Case { dims: row_dims(rows, columns), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn mean(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (total, list, take) = chosen(random, rows);
        let w = codes(random, total * columns, elem);
        let mean = kernels::mean_rows(kernels::sum_rows(&w, columns, &take, 0), 16);
        let args =
            vec![Arg::In(stored(&w, elem)), input(&list), output(&[mean]), value(small(rows)), value(small(columns))];
        Case { dims: row_dims(rows, columns), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}

fn past(random: &mut Random) -> Vec<Case> {
    [1, 2, 10, 3, 5, 7, 20, 50, 4, 10, 33]
        .iter()
        .map(|&classes| {
            let count = |random: &mut Random, lo: i64| -> Vec<u32> {
                let bits = random.integer(1, 32);
                (0..classes).map(|_| u32::try_from(random.integer(lo, (1 << bits) - 1)).expect("32 bits")).collect()
            };
            let (past, current) = (count(random, 0), count(random, 1));
            let weight = |(p, c): (&u32, &u32)| kernels::past_weight(*p, *c, 16, Rounding::Floor);
            let weights: Vec<u32> = past.iter().zip(&current).map(weight).collect();
            Case {
                dims: dims(&[("classes", classes)]),
                args: vec![input(&past), input(&current), output(&weights), value(small(classes))],
            }
        })
        .collect()
}

pub(super) fn consolidate(random: &mut Random, elem: Elem, rule: Rounding) -> Vec<Case> {
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (total, list, take) = chosen(random, rows);
        let (tw, cw) = (codes(random, total * columns, elem), codes(random, total * columns, elem));
        let top = w32((1i64 << (width(elem) - 1)) - 1);
        let mean = kernels::mean_rows(kernels::sum_rows(&tw, columns, &take, 0), 16);
        let weights: Vec<u32> = (0..rows)
            .map(|_| {
                let bits = random.integer(1, 31);
                u32::try_from(random.integer(0, (1 << bits) - 1)).expect("31 bits")
            })
            .collect();
        let to =
            Requant { src_zero: 0, factor: Scale::ONE, dst_zero: 0, lo: -top, hi: top, overflow: Overflow::Saturate };
        let mut after = cw.clone();
        for (row, w) in list.iter().zip(&weights) {
            let from = usize::try_from(*row).expect("a row") * columns;
            let at = from..from + columns;
            kernels::consolidate_rows(&mut after[at.clone()], &tw[at], (mean, *w, 16), &to, &mut site(rule))
                .expect("saturates");
        }
        let args = vec![
            Arg::In(stored(&tw, elem)),
            input(&weights),
            input(&list),
            Arg::InOut(stored(&cw, elem), stored(&after, elem)),
            value(mean),
            value(i64::from(-top)),
            value(i64::from(top)),
            value(small(rows)),
            value(small(columns)),
        ];
        Case { dims: row_dims(rows, columns), args }
    };
    SHAPES.iter().map(|shape| case(random, *shape)).collect()
}
