//! 8-bit layers that work value by value: tables where one code decides, loops where two do.

use super::add::Line;
use super::requant::Codes;
use crate::bits::Isa;
use crate::nn::int8::{dequantise, quantise};
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Int8, Map, Softmax};

/// Sums of a block: they stay in the first-level cache.
const BLOCK: usize = 4096;
/// Codes of 8 bits.
const ALL: usize = 256;
/// Tables by channel are made for up to this many.
const MOST_CHANNELS: usize = 4096;

/// Every code, in the order of tables.
pub(super) fn codes() -> impl Iterator<Item = i8> {
    i8::MIN..=i8::MAX
}

/// The place of a code in a table.
#[inline(always)]
pub(super) fn place(code: i8) -> usize {
    usize::from(code.cast_unsigned() ^ 0x80)
}

/// A layer of one input that gives codes.
#[derive(Debug, Clone)]
pub(super) enum Unary {
    /// By the code alone.
    Table(Vec<i8>),
    /// By channel and code.
    Tables(Vec<i8>),
    /// The exponential of each difference to the largest code, from −255 to 0.
    Softmax(Softmax, Vec<i32>),
}

impl Unary {
    /// `None` for other layers.
    pub(super) fn new(layer: &Int8, channels: usize) -> Option<Self> {
        match layer {
            Int8::Table { table } => Some(Self::Table(table.clone())),
            Int8::Rescale { .. } => Some(Self::Table(codes().map(|x| layer.value(0, x)).collect())),
            Int8::PRelu { .. } if channels <= MOST_CHANNELS => {
                Some(Self::Tables((0..channels).flat_map(|c| codes().map(move |x| layer.value(c, x))).collect()))
            }
            Int8::Softmax(softmax) => {
                Some(Self::Softmax(*softmax, (-255..=0).map(|d| softmax.exponential(d)).collect()))
            }
            _ => None,
        }
    }

    /// Codes of the whole map.
    pub(super) fn run(&self, x: &Map<i8>, scratch: &mut Vec<i32>, out: &mut Map<i8>) {
        let channels = x.shape().c;
        let pixels = x.data().chunks_exact(channels).zip(out.data_mut().chunks_exact_mut(channels));
        match self {
            Self::Table(table) => {
                for (x, out) in pixels {
                    out.iter_mut().zip(x).for_each(|(out, x)| *out = table[place(*x)]);
                }
            }
            Self::Tables(tables) => {
                for (x, out) in pixels {
                    let each = out.iter_mut().zip(x).zip(tables.chunks_exact(ALL));
                    each.for_each(|((out, x), table)| *out = table[place(*x)]);
                }
            }
            Self::Softmax(softmax, table) => {
                for (x, out) in pixels {
                    let most = place(x.iter().copied().max().unwrap_or(0));
                    scratch.clear();
                    scratch.extend(x.iter().map(|x| table[ALL - 1 + place(*x) - most]));
                    softmax.shares(scratch, out);
                }
            }
        }
    }
}

/// A layer of two inputs.
#[derive(Debug, Clone)]
pub(super) enum Binary {
    /// Rounded once.
    Line(Line),
    /// Both inputs in the common unit, by code.
    Add([Vec<i32>; 2], Codes),
    /// Codes of zero.
    Mul([i32; 2], Codes),
}

impl Binary {
    /// `None` for other layers.
    pub(super) fn new(layer: &Int8) -> Option<Self> {
        match layer {
            Int8::Add { to, .. } => {
                let tables = [0, 1].map(|i| codes().map(|x| layer.term(i, x)).collect::<Vec<i32>>());
                if let Some(line) = Line::new(layer, &tables) {
                    return Some(Self::Line(line));
                }
                let most = |table: &[i32]| table.iter().map(|v| u64::from(v.unsigned_abs())).max().unwrap_or(0);
                let bound = most(&tables[0]) + most(&tables[1]);
                Some(Self::Add(tables, Codes::one(to, bound)))
            }
            Int8::Mul { zeros, to } => Some(Self::Mul(*zeros, Codes::one(to, 255 * 255))),
            _ => None,
        }
    }

    /// Codes of the whole map; the second input may be one pixel.
    pub(super) fn run(&self, isa: Isa, [a, b]: [&Map<i8>; 2], scratch: &mut Vec<i32>, out: &mut Map<i8>) {
        match self {
            Self::Line(line) => line.run(isa, a.data(), b.data(), out.data_mut()),
            Self::Add(tables, codes) => blocks([a, b], scratch, out, |a, b, sums, out| {
                for i in 0..sums.len() {
                    sums[i] = tables[0][place(a[i])].saturating_add(tables[1][place(b[i])]);
                }
                codes.flat(isa, sums, out);
            }),
            Self::Mul(zeros, codes) => blocks([a, b], scratch, out, |a, b, sums, out| {
                vectorised(isa, Products { zeros: *zeros, a, b, sums });
                codes.flat(isa, sums, out);
            }),
        }
    }
}

/// Blocks of both maps with room for their sums, and where their codes go.
fn blocks(
    [a, b]: [&Map<i8>; 2],
    scratch: &mut Vec<i32>,
    out: &mut Map<i8>,
    mut each: impl FnMut(&[i8], &[i8], &mut [i32], &mut [i8]),
) {
    // A block is whole pixels where one pixel stands for all.
    let one = b.data().len() < a.data().len();
    let block = if one { b.data().len() } else { BLOCK };
    scratch.resize(scratch.len().max(block), 0);
    for (i, (a, out)) in a.data().chunks(block).zip(out.data_mut().chunks_mut(block)).enumerate() {
        let b = if one { b.data() } else { &b.data()[i * block..][..a.len()] };
        each(a, b, &mut scratch[..a.len()], out);
    }
}

struct Products<'a> {
    zeros: [i32; 2],
    a: &'a [i8],
    b: &'a [i8],
    sums: &'a mut [i32],
}

impl Loop for Products<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { zeros, a, b, sums } = self;
        for i in 0..sums.len().min(a.len()).min(b.len()) {
            sums[i] = (i32::from(a[i]) - zeros[0]) * (i32::from(b[i]) - zeros[1]);
        }
    }
}

/// Floats to codes and back.
#[derive(Debug, Clone)]
pub(super) enum Convert {
    Quantise(f32, i32),
    /// The value of every code.
    Dequantise(Vec<f32>),
}

impl Convert {
    /// `None` for other layers.
    pub(super) fn new(layer: &Int8) -> Option<Self> {
        match layer {
            Int8::Quantise { scale, zero } => Some(Self::Quantise(*scale, *zero)),
            Int8::Dequantise { scale, zero } => {
                Some(Self::Dequantise(codes().map(|x| dequantise(x, *scale, *zero)).collect()))
            }
            _ => None,
        }
    }

    pub(super) fn quantise(scale: f32, zero: i32, x: &[f32], out: &mut [i8]) {
        out.iter_mut().zip(x).for_each(|(out, x)| *out = quantise(*x, scale, zero));
    }

    pub(super) fn dequantise(values: &[f32], x: &[i8], out: &mut [f32]) {
        out.iter_mut().zip(x).for_each(|(out, x)| *out = values[place(*x)]);
    }
}
