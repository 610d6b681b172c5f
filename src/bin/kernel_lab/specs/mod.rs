//! Every C twin: the operation it carries out, what its trip counts may be made of, and its cases.

mod anchors;
mod ar1;
mod bits;
mod classes;
mod discriminant;
mod float;
mod formats;
mod forward;
mod head;
mod head_wide;
mod int8;
mod int8_ends;
mod int8_linear;
mod layers;
mod maps;
mod mixed;
mod padded;
mod paper;
mod planes;
mod ranges;
mod rounding;
mod rows;
mod rows_apart;
mod shifts;
mod stochastic;
mod strategies;
mod update;
mod variants;
mod wide;
mod windows;

use crate::cases::{Random, Spec};

/// All twins, in the order of the kernel files.
pub fn all() -> Vec<Spec> {
    let lists = [
        bits::specs(),
        variants::specs(),
        padded::specs(),
        layers::specs(),
        windows::specs(),
        int8_linear::specs(),
        int8::specs(),
        int8_ends::specs(),
        head::specs(),
        rows::specs(),
        float::specs(),
        planes::specs(),
        paper::specs(),
        formats::specs(),
        forward::specs(),
        head_wide::specs(),
        rows_apart::specs(),
        rounding::specs(),
        mixed::specs(),
        wide::specs(),
        shifts::specs(),
        stochastic::specs(),
        ranges::specs(),
        strategies::specs(),
        anchors::specs(),
        ar1::specs(),
        classes::specs(),
    ];
    lists.into_iter().flatten().collect()
}

/// Lengths of element-wise cases.
const LENGTHS: [usize; 13] = [1, 2, 100, 3, 7, 33, 64, 500, 5, 31, 256, 17, 301];
/// Trip counts of element-wise loops.
const N: &[&str] = &["n"];
/// Classes and features, batch and classes, or rows and columns.
const SHAPES: [(usize, usize); 13] = [
    (1, 1),
    (10, 33),
    (2, 7),
    (3, 64),
    (5, 100),
    (10, 17),
    (7, 1),
    (4, 128),
    (1, 31),
    (20, 9),
    (6, 50),
    (2, 300),
    (10, 65),
];

/// A test size as a C argument.
fn small(n: usize) -> i64 {
    i64::try_from(n).expect("test sizes are small")
}

/// A test value that was drawn within 32 bits.
fn w32(x: i64) -> i32 {
    i32::try_from(x).expect("drawn within 32 bits")
}

/// `rows` chosen rows, ascending, of a matrix with some more: how many there are, their list, and a flag for each.
fn chosen(random: &mut Random, rows: usize) -> (usize, Vec<i32>, Vec<bool>) {
    let mut take = vec![true; rows];
    for _ in 0..3 {
        let at = usize::try_from(random.next() % (take.len() as u64 + 1)).expect("small");
        take.insert(at, false);
    }
    let list = take.iter().enumerate().filter(|(_, t)| **t).map(|(i, _)| w32(small(i))).collect();
    (take.len(), list, take)
}
