//! Sums of two maps of 8-bit codes, rounded once where that gives what three roundings give.
//!
//! TensorFlow Lite brings both inputs to a common unit, adds them and scales the sum: three products, each rounded. The unit is
//! so fine that rounding `zero + m₀·(a − z₀) + m₁·(b − z₁)` once, in 64-bit floats, nearly always gives the same code. Nearly is not
//! enough: a layer takes the short way only after all 65 536 pairs of codes were compared when it was prepared. Where the machine
//! has the instructions, 32-bit floats give the code of that line, and the line itself where they lie near a tie.

#[allow(unsafe_code)]
mod simd;

use super::elementwise::{codes, place};
use super::requant::{byte, low_half, narrowed};
use crate::bits::Isa;
use crate::nn::Int8;
use crate::nn::simd::{Loop, vectorised};

/// What rounds a float to an integer when it is added: the integer is then in the lower bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Nudges that send ties away from zero as TensorFlow Lite does, far smaller than any other distance between values; or none.
const NUDGES: [f64; 2] = [1.0 + 1.0 / (1u64 << 40) as f64, 1.0];

/// `clamp(round(m₀·(a − z₀) + m₁·(b − z₁)) + zero)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    zeros: [i32; 2],
    factors: [f64; 2],
    /// The output's zero and [`ROUNDER`].
    zero: f64,
    low: i8,
    high: i8,
    short: Option<Short>,
}

/// The same line in 32 bits: factors, what is added, and how near to a tie it may be wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Short {
    factors: [f32; 2],
    start: f32,
    near: f32,
}

impl Short {
    /// `None` where values are so large that every code lies near a tie.
    fn new(factors: [f64; 2], zeros: [i32; 2]) -> Option<Self> {
        let start = -(f64::from(zeros[0]) * factors[0] + f64::from(zeros[1]) * factors[1]);
        // Three roundings to 24 bits at most change each term; four are allowed for.
        let near = (128.0 * (factors[0] + factors[1]) + start.abs()) * 4.0 / f64::from(1 << 24);
        let short = Self { factors: factors.map(narrowed), start: narrowed(start), near: narrowed(near) };
        (near < 0.125).then_some(short)
    }
}

impl Line {
    /// The line that gives this addition's code for every pair; `None` where there is none, and for other layers. `terms` are
    /// both inputs in the common unit, by code.
    pub(super) fn new(layer: &Int8, terms: &[Vec<i32>; 2]) -> Option<Self> {
        let Int8::Add { zeros, factors, to } = layer else { return None };
        let real = |factor: crate::nn::Multiplier| {
            let (mantissa, exponent) = factor.parts();
            f64::from(mantissa) * f64::from(exponent - 31).exp2()
        };
        let out = real(to.factors[0]) * f64::from(1u32 << 20);
        let equal = |line: &Self| {
            codes().all(|a| {
                let first = terms[0][place(a)];
                codes().all(|b| line.code(a, b) == to.code(0, first.saturating_add(terms[1][place(b)])))
            })
        };
        NUDGES
            .iter()
            .map(|nudge| {
                let factors = factors.map(|f| real(f) * out * nudge);
                let short = Short::new(factors, *zeros);
                Self { zeros: *zeros, factors, zero: f64::from(to.zero) + ROUNDER, low: to.low, high: to.high, short }
            })
            .find(equal)
    }

    #[inline(always)]
    fn code(&self, a: i8, b: i8) -> i8 {
        let part = |i: usize, x: i8| f64::from(i32::from(x) - self.zeros[i]) * self.factors[i];
        let rounded = low_half((part(0, a) + part(1, b) + self.zero).to_bits().cast_signed());
        byte(rounded.max(i32::from(self.low)).min(i32::from(self.high)))
    }

    /// A code for each pair of two equally long maps.
    pub(super) fn run(&self, isa: Isa, a: &[i8], b: &[i8], out: &mut [i8]) {
        let done = simd::groups(isa, self, a, b, out);
        vectorised(isa, Pairs { line: *self, a: &a[done..], b: &b[done..], out: &mut out[done..] });
    }
}

struct Pairs<'a> {
    line: Line,
    a: &'a [i8],
    b: &'a [i8],
    out: &'a mut [i8],
}

impl Loop for Pairs<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { line, a, b, out } = self;
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = line.code(*a, *b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Multiplier, Requant, Roundings};
    use proptest::prelude::*;

    /// An addition as TensorFlow Lite prepares it from three scales.
    fn addition(scales: [f64; 3], zeros: [i32; 3], limits: [i8; 2]) -> Int8 {
        let twice = 2.0 * scales[0].max(scales[1]);
        let of = |real: f64| Multiplier::from_f64(real).unwrap();
        Int8::Add {
            zeros: [zeros[0], zeros[1]],
            factors: [of(scales[0] / twice), of(scales[1] / twice)],
            to: Requant {
                factors: vec![of(twice / (f64::from(1 << 20) * scales[2]))],
                roundings: Roundings::Two,
                zero: zeros[2],
                low: limits[0],
                high: limits[1],
            },
        }
    }

    fn line(layer: &Int8) -> Option<Line> {
        Line::new(layer, &[0, 1].map(|i| codes().map(|x| layer.term(i, x)).collect()))
    }

    /// Every pair of codes, on every instruction set, against the reference formula.
    fn all_pairs(layer: &Int8, line: &Line) {
        let Int8::Add { to, .. } = layer else { unreachable!("an addition") };
        let (a, b): (Vec<i8>, Vec<i8>) = codes().flat_map(|a| codes().map(move |b| (a, b))).unzip();
        let wanted: Vec<i8> =
            a.iter().zip(&b).map(|(a, b)| to.code(0, layer.term(0, *a).saturating_add(layer.term(1, *b)))).collect();
        for isa in Isa::available() {
            let mut out = vec![0; a.len()];
            line.run(isa, &a, &b, &mut out);
            assert!(out == wanted, "{isa:?}");
        }
    }

    #[test]
    fn ties_of_equal_scales_go_away_from_zero() {
        for (scales, zeros) in
            [([0.5, 0.5, 1.0], [0, 0, 0]), ([0.25, 0.5, 1.0], [-128, 3, 17]), ([1.0, 1.0, 2.0], [5, 5, -1])]
        {
            let layer = addition(scales, zeros, [-128, 127]);
            all_pairs(&layer, &line(&layer).expect("such scales have a line"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn nearly_every_addition_has_a_line_and_all_pairs_agree(
            scales in prop::array::uniform3(0.001f64..0.5), zeros in prop::array::uniform3(-128i32..128),
            relu in any::<bool>(),
        ) {
            let low = if relu { i8::try_from(zeros[2]).unwrap() } else { -128 };
            let layer = addition(scales, zeros, [low, 127]);
            if let Some(line) = line(&layer) {
                all_pairs(&layer, &line);
            } else {
                eprintln!("no line for {scales:?} {zeros:?}");
            }
        }
    }

    #[test]
    fn an_addition_that_rounds_otherwise_has_no_line() {
        // A common unit as coarse as the output's: rounding each input alone is not rounding their sum.
        let Int8::Add { zeros, to, .. } = addition([1.0; 3], [0; 3], [-128, 127]) else { unreachable!("an addition") };
        let coarse = Multiplier::from_parts(1 << 30, -20).unwrap();
        let to = Requant { factors: vec![Multiplier::from_parts(1 << 30, 1).unwrap()], ..to };
        assert_eq!(line(&Int8::Add { zeros, factors: [coarse; 2], to }), None);
    }
}
