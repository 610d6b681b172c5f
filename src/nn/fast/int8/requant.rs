//! Sums to 8-bit codes, many channels at once: [`Requant`] where every product fits 64 bits.

use crate::bits::Isa;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Requant, Roundings};

/// Channels in a vector.
pub(super) const LANES: usize = 16;
/// Sums of one factor that are taken as one pixel.
const FLAT: usize = 64;
/// Bits of the largest sum, raised by its factor's left shift, that the loops take.
const RAISED_BITS: u32 = 30;

/// What becomes of sums. [`Codes::Each`] where some factor is too large for the loops: one sum at a time.
#[derive(Debug, Clone)]
pub(super) enum Codes {
    Once(Lanes),
    Twice(Lanes),
    Each(Requant),
}

/// Factors by channel, filled up to whole vectors.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    mantissa: Vec<i32>,
    /// Shift of the sum before the product.
    left: Vec<i32>,
    /// Shift behind it: of the whole product where it is rounded once, of its upper half where twice.
    right: Vec<i32>,
    zero: i32,
    low: i8,
    high: i8,
}

impl Codes {
    /// For `channels` channels whose sums stay within ±`bound`.
    pub(super) fn new(to: &Requant, channels: usize, bound: u64) -> Self {
        let bits = u64::BITS - bound.leading_zeros();
        let parts = |c: usize| to.factors[if to.factors.len() == 1 { 0 } else { c }].parts();
        let fits = |c: usize| bits + parts(c).1.max(0).unsigned_abs() <= RAISED_BITS;
        if !(0..channels).all(fits) {
            return Self::Each(to.clone());
        }
        let padded = channels.div_ceil(LANES) * LANES;
        let (mut mantissa, mut left, mut right) = (vec![0; padded], vec![0; padded], vec![0; padded]);
        for c in 0..channels {
            let (m, exponent) = parts(c);
            (mantissa[c], left[c]) = (m, exponent.max(0));
            match to.roundings {
                // The sum is raised already, so the product is what is left of the shift to its right.
                Roundings::One => right[c] = 31 - exponent.min(0),
                // The upper half is below 2^30, so less than a half is left.
                Roundings::Two if exponent <= -31 => mantissa[c] = 0,
                Roundings::Two => right[c] = -exponent.min(0),
            }
        }
        let lanes = Lanes { mantissa, left, right, zero: to.zero, low: to.low, high: to.high };
        match to.roundings {
            Roundings::One => Self::Once(lanes),
            Roundings::Two => Self::Twice(lanes),
        }
    }

    /// For sums that all have one factor and stay within ±`bound`: [`Codes::flat`].
    pub(super) fn one(to: &Requant, bound: u64) -> Self {
        Self::new(to, FLAT, bound)
    }

    /// One code a sum, made by [`Codes::one`].
    pub(super) fn flat(&self, isa: Isa, sums: &[i32], out: &mut [i8]) {
        let whole = sums.len() / FLAT * FLAT;
        let ((sums, rest), (out, last)) = (sums.split_at(whole), out.split_at_mut(whole));
        self.run(isa, sums, FLAT, FLAT, out);
        if !rest.is_empty() {
            self.run(isa, rest, rest.len(), rest.len(), last);
        }
    }

    /// Codes of whole pixels of `channels` sums, `stride` sums apart.
    pub(super) fn run(&self, isa: Isa, sums: &[i32], stride: usize, channels: usize, out: &mut [i8]) {
        match self {
            Self::Once(lanes) => vectorised(isa, Pixels::<true> { lanes, sums, stride, channels, out }),
            Self::Twice(lanes) => vectorised(isa, Pixels::<false> { lanes, sums, stride, channels, out }),
            Self::Each(to) => {
                for (out, sums) in out.chunks_exact_mut(channels).zip(sums.chunks_exact(stride)) {
                    out.iter_mut().zip(sums).enumerate().for_each(|(c, (code, sum))| *code = to.code(c, *sum));
                }
            }
        }
    }
}

struct Pixels<'a, const ONCE: bool> {
    lanes: &'a Lanes,
    sums: &'a [i32],
    stride: usize,
    channels: usize,
    out: &'a mut [i8],
}

impl<const ONCE: bool> Loop for Pixels<'_, ONCE> {
    #[inline(always)]
    fn run(self) {
        let Self { lanes, sums, stride, channels, out } = self;
        let limits = [i32::from(lanes.low), i32::from(lanes.high)];
        for (out, sums) in out.chunks_exact_mut(channels).zip(sums.chunks_exact(stride)) {
            let mut first = 0;
            while first < channels {
                let part = |values: &[i32]| -> [i32; LANES] {
                    values[first..].first_chunk().copied().unwrap_or_else(|| {
                        let mut rest = [0; LANES];
                        rest[..values.len() - first].copy_from_slice(&values[first..]);
                        rest
                    })
                };
                let (sums, m) = (part(sums), part(&lanes.mantissa));
                let (left, right) = (part(&lanes.left), part(&lanes.right));
                let mut codes = [0; LANES];
                for l in 0..LANES {
                    let scaled = scaled::<ONCE>(sums[l], m[l], left[l], right[l]);
                    codes[l] = byte((scaled + lanes.zero).max(limits[0]).min(limits[1]));
                }
                let n = LANES.min(channels - first);
                match out[first..].first_chunk_mut::<LANES>() {
                    Some(to) => *to = codes,
                    None => out[first..].copy_from_slice(&codes[..n]),
                }
                first += n;
            }
        }
    }
}

/// `Multiplier::apply_once` or `Multiplier::apply` where the raised sum is below 2^30: nothing overflows, so nothing saturates.
#[inline(always)]
fn scaled<const ONCE: bool>(sum: i32, mantissa: i32, left: i32, right: i32) -> i32 {
    let product = i64::from(sum << left) * i64::from(mantissa);
    if ONCE {
        return low_half((product + ((1 << right) >> 1)) >> right);
    }
    let high = low_half((product + (1 << 30)) >> 31);
    let half = (1 << right) >> 1;
    // Ties go away from zero: a negative number takes one less than a half.
    (high + half - i32::from(half != 0 && high < 0)) >> right
}

/// The lower half of a number that fits it.
#[inline(always)]
fn low_half(x: i64) -> i32 {
    let [a, b, c, d, ..] = x.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// The lowest byte of a number that fits it.
#[inline(always)]
fn byte(x: i32) -> i8 {
    i8::from_le_bytes([x.to_le_bytes()[0]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Multiplier;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lanes_give_what_each_sum_alone_gives(
            parts in prop::collection::vec((0..=i32::MAX, -31i32..=8), 1..40),
            sums in prop::collection::vec(-(1i32 << 21)..1 << 21, 80),
            zero in -128i32..128, limits in (any::<i8>(), any::<i8>()), once in any::<bool>(),
        ) {
            let factors: Vec<_> = parts.iter().map(|(m, e)| Multiplier::from_parts(*m, *e).unwrap()).collect();
            let roundings = if once { Roundings::One } else { Roundings::Two };
            let (low, high) = (limits.0.min(limits.1), limits.0.max(limits.1));
            let (channels, stride) = (factors.len(), factors.len().div_ceil(LANES) * LANES);
            let to = Requant { factors, roundings, zero, low, high };
            let codes = Codes::new(&to, channels, 1 << 21);
            prop_assert!(!matches!(codes, Codes::Each(_)));
            let rows: Vec<i32> = sums.iter().copied().chain(0..0).cycle().take(2 * stride).collect();
            for isa in Isa::available() {
                let mut out = vec![0; 2 * channels];
                codes.run(isa, &rows, stride, channels, &mut out);
                for (i, code) in out.iter().enumerate() {
                    let (p, c) = (i / channels, i % channels);
                    prop_assert_eq!(*code, to.code(c, rows[p * stride + c]), "{:?} channel {}", isa, c);
                }
            }
        }
    }

    #[test]
    fn ties_go_the_way_of_the_reference_and_large_factors_are_left_to_it() {
        let to = |parts: (i32, i32), roundings| Requant {
            factors: vec![Multiplier::from_parts(parts.0, parts.1).unwrap()],
            roundings,
            zero: 3,
            low: -128,
            high: 127,
        };
        for roundings in [Roundings::One, Roundings::Two] {
            for exponent in -31..=10 {
                let to = to((1 << 30, exponent), roundings);
                let sums: Vec<i32> = (-40..40).collect();
                let mut out = vec![0; 80];
                Codes::new(&to, 1, 64).run(Isa::best(), &sums, 1, 1, &mut out);
                assert_eq!(out, sums.iter().map(|s| to.code(0, *s)).collect::<Vec<_>>(), "{roundings:?} {exponent}");
            }
            assert!(matches!(Codes::new(&to((1 << 30, 1), roundings), 1, 1 << 29), Codes::Each(_)));
        }
    }
}
