//! Elementwise float layers over a block of whole pixels.

use crate::bits::Isa;
use crate::nn::Tensor;
use crate::nn::simd::{Loop, vectorised};

/// Values of one channel each, repeated so that a short row of channels still fills a vector.
#[derive(Debug, Clone)]
pub(super) struct PerChannel(Vec<f32>);

/// Values that a pattern has at least.
const PATTERN: usize = 64;

impl PerChannel {
    pub(super) fn new(values: &[f32]) -> Self {
        // 16 repeats make any number of channels whole vectors; where the number is a multiple of 16, fewer do.
        let least = PATTERN.div_ceil(values.len());
        let repeats = if values.len().is_multiple_of(16) { least } else { least.next_multiple_of(16) };
        Self(values.repeat(if values.len() > PATTERN { 1 } else { repeats }))
    }
}

/// A layer of one input and one operation a value.
#[derive(Debug, Clone)]
pub(super) enum Unary {
    /// `x·mul + add`, two roundings.
    Affine(PerChannel, PerChannel),
    /// `x + bias`.
    Bias(PerChannel),
    /// 0 below 0.
    Relu,
    /// `alpha·x` below 0.
    PRelu(PerChannel),
}

/// Applies a layer to whole pixels.
pub(super) fn unary(isa: Isa, op: &Unary, x: &mut [f32]) {
    vectorised(isa, UnaryLoop { op, x });
}

struct UnaryLoop<'a> {
    op: &'a Unary,
    x: &'a mut [f32],
}

impl Loop for UnaryLoop<'_> {
    #[inline(always)]
    fn run(self) {
        match self.op {
            Unary::Affine(mul, add) => {
                for x in self.x.chunks_mut(mul.0.len()) {
                    x.iter_mut().zip(&mul.0).zip(&add.0).for_each(|((v, m), a)| *v = *v * m + a);
                }
            }
            Unary::Bias(bias) => {
                for x in self.x.chunks_mut(bias.0.len()) {
                    x.iter_mut().zip(&bias.0).for_each(|(v, b)| *v += b);
                }
            }
            Unary::Relu => self.x.iter_mut().for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v }),
            Unary::PRelu(alpha) => {
                for x in self.x.chunks_mut(alpha.0.len()) {
                    x.iter_mut().zip(&alpha.0).for_each(|(v, a)| *v = if *v < 0.0 { *v * a } else { *v });
                }
            }
        }
    }
}

/// `x += y`.
pub(super) fn add(isa: Isa, x: &mut [f32], y: &[f32]) {
    struct Add<'a>(&'a mut [f32], &'a [f32]);
    impl Loop for Add<'_> {
        #[inline(always)]
        fn run(self) {
            self.0.iter_mut().zip(self.1).for_each(|(x, y)| *x += y);
        }
    }
    vectorised(isa, Add(x, y));
}

/// Values `at..at + out.len()` of a map of any type as f32; integers as [`Layer::Affine`](crate::nn::Layer) says.
pub(super) fn floats(isa: Isa, x: &Tensor, at: usize, out: &mut [f32]) {
    let range = at..at + out.len();
    match x {
        Tensor::F32(m) => out.copy_from_slice(&m.data()[range]),
        Tensor::U8(m) => vectorised(isa, Convert(&m.data()[range], out, |v: u8| f32::from(v))),
        Tensor::I8(m) => vectorised(isa, Convert(&m.data()[range], out, |v: i8| f32::from(v))),
        Tensor::I32(m) => vectorised(isa, Convert(&m.data()[range], out, nearest)),
        Tensor::Bits(m) => {
            let c = m.shape().c;
            for (i, v) in range.zip(out) {
                *v = nearest(m.value(i / c / m.shape().w, i / c % m.shape().w, i % c));
            }
        }
    }
}

struct Convert<'a, T, F>(&'a [T], &'a mut [f32], F);

impl<T: Copy, F: Fn(T) -> f32> Loop for Convert<'_, T, F> {
    #[inline(always)]
    fn run(self) {
        self.1.iter_mut().zip(self.0).for_each(|(out, v)| *out = (self.2)(*v));
    }
}

/// An integer as f32, ties to even.
#[inline(always)]
#[allow(clippy::cast_precision_loss, reason = "rounding to nearest even is what the layer documents")]
fn nearest(v: i32) -> f32 {
    v as f32
}
