//! Convolutions over 8-bit values: integers in 16 bits where every sum fits, in 32 elsewhere.

use super::conv::{Conv, ConvScratch, Input};
use crate::bits::Isa;
use crate::nn::{Geometry, Kind, SmallFilters, Tensor, TensorType};
use std::ops::Range;

/// Weights, in the width that the sums need, and what is taken from every value read.
#[derive(Debug, Clone)]
pub(super) enum InputConv {
    Narrow(Conv<i16>, i32),
    Wide(Conv<i32>, i32),
}

/// Buffers of one call.
#[derive(Debug, Default)]
pub(super) struct InputScratch {
    narrow: (Vec<i16>, ConvScratch<i16>),
    wide: (Vec<i32>, ConvScratch<i32>),
    sums: Vec<i32>,
}

impl InputConv {
    /// `None` where the layer is too odd to be worth a kernel.
    pub(super) fn new(weights: &SmallFilters, offset: i32, input: TensorType, g: &Geometry) -> Option<Self> {
        let (size, ic) = (weights.size(), input.shape.c);
        let widest = weights.values().iter().map(|v| i64::from(*v).abs()).max().unwrap_or(0).max(1);
        let largest = i64::from(if input.kind == Kind::U8 { 255 } else { 128 } + offset.abs());
        let terms = i64::try_from(size.fan_in()).unwrap_or(i64::MAX);
        if terms.saturating_mul(widest * largest) <= i64::from(i16::MAX) {
            let values: Vec<i16> = weights.values().iter().map(|v| i16::from(*v)).collect();
            Some(Self::Narrow(Conv::new(&values, size.out, &[], ic, g)?, offset))
        } else {
            let values: Vec<i32> = weights.values().iter().map(|v| i32::from(*v)).collect();
            Some(Self::Wide(Conv::new(&values, size.out, &[], ic, g)?, offset))
        }
    }

    /// Sums of every block of output pixels, handed to `finish`.
    pub(super) fn run(
        &self,
        isa: Isa,
        x: &Tensor,
        scratch: &mut InputScratch,
        mut finish: impl FnMut(Range<usize>, &mut [i32]),
    ) {
        let InputScratch { narrow, wide, sums } = scratch;
        match self {
            Self::Narrow(conv, offset) => {
                let offset = i16::try_from(*offset).expect("an offset whose products fit 16 bits");
                centred(x, |v| v - offset, &mut narrow.0);
                conv.run(isa, &Input::Map(&narrow.0), &mut narrow.1, None, |range, block| {
                    sums.clear();
                    sums.extend(block.iter().map(|v| i32::from(*v)));
                    finish(range, sums);
                });
            }
            Self::Wide(conv, offset) => {
                centred(x, |v| i32::from(v) - offset, &mut wide.0);
                conv.run(isa, &Input::Map(&wide.0), &mut wide.1, None, finish);
            }
        }
    }
}

/// All values through `f`, in order.
fn centred<T>(x: &Tensor, f: impl Fn(i16) -> T, out: &mut Vec<T>) {
    out.clear();
    match x {
        Tensor::U8(m) => out.extend(m.data().iter().map(|v| f(i16::from(*v)))),
        Tensor::I8(m) => out.extend(m.data().iter().map(|v| f(i16::from(*v)))),
        _ => unreachable!("types were checked when the network was built"),
    }
}
