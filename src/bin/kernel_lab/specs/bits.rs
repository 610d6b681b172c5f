//! Twins of the binary backbone's operations.

use tinyprec::bits;
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{B1, I32};
use tinyprec::trace::Op;

use crate::cases::{Case, Random, Spec, dims, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);

/// The binary backbone's twins.
pub fn specs() -> Vec<Spec> {
    vec![
        Spec { op: Op::BinaryDense, elems: &[B1, B1, I32], symbol: "tp_binary_dense", trips: DENSE, buffers: &[A, W, A], cases: |r| dense(r, false) },
        Spec { op: Op::BinaryDenseThreshold, elems: &[B1, B1, B1], symbol: "tp_binary_dense_threshold", trips: DENSE, buffers: &[A, W, W, A], cases: |r| dense(r, true) },
    ]
}

const DENSE: &[&str] = &["rows", "rows*words", "ceil_div(rows,32)", "rows*(words/4)", "rows*(words%4)", "rows*min(1,words/4)", "rows*min(1,words%4)"];

/// Random packed rows of `n` bits, tails zero; every eighth row all −1.
fn rows(random: &mut Random, count: usize, n: usize) -> Vec<Vec<u64>> {
    let row = |random: &mut Random| {
        let same = random.next() % 8 == 0;
        let values: Vec<i32> = (0..n).map(|_| if same || random.next() % 2 == 0 { -1 } else { 1 }).collect();
        bits::pack(&values)
    };
    (0..count).map(|_| row(random)).collect()
}

/// Rows as the device holds them: 32-bit words, ⌈n/32⌉ a row.
fn device(rows: &[Vec<u64>], n: usize) -> Vec<u32> {
    let halves = |row: &Vec<u64>| row.iter().flat_map(|w| [low(*w), low(*w >> 32)]).take(n.div_ceil(32)).collect::<Vec<u32>>();
    rows.iter().flat_map(halves).collect()
}

fn low(word: u64) -> u32 {
    u32::try_from(word & 0xffff_ffff).expect("masked to 32 bits")
}

fn dense(random: &mut Random, threshold: bool) -> Vec<Case> {
    let shapes = [(1, 1), (3, 31), (5, 300), (31, 33), (32, 64), (33, 65), (40, 127), (64, 128), (10, 160), (65, 257), (7, 1000), (100, 96), (2, 2000), (70, 600)];
    shapes.iter().map(|&(out, n)| {
        let (x, weight) = (rows(random, 1, n), rows(random, out, n));
        let dot: Vec<i32> = weight.iter().map(|row| i32::try_from(bits::dot(&x[0], row, n)).expect("small")).collect();
        let words = n.div_ceil(32);
        let shape = dims(&[("rows", out), ("words", words), ("owords", out.div_ceil(32))]);
        let sizes = [value(n as i64), value(out as i64), value(words as i64)];
        let mut args = vec![input(&device(&x, n)), input(&device(&weight, n))];
        if threshold {
            let t: Vec<i32> = dot.iter().map(|d| d + i32::try_from(random.integer(-2, 2)).expect("small")).collect();
            let minus: Vec<i32> = dot.iter().zip(&t).map(|(d, t)| if d < t { -1 } else { 1 }).collect();
            args.extend([input(&t), output(&device(&[bits::pack(&minus)], out))]);
        } else {
            args.push(output(&dot));
        }
        args.extend(sizes);
        Case { dims: shape, args }
    }).collect()
}
