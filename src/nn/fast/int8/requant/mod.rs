//! Sums to 8-bit codes, many channels at once: [`Requant`] where every product fits 64 bits.
//!
//! Two roundings, `high = ⌊sum·m/2³¹ + ½⌋` and `(high + 2^(r−1) − [high < 0]) >> r`, are one: with `v = sum·m/2^(31+r)` the code is
//! `⌊v + 2^−(r+1) + ½⌋` where the sum is not negative and `⌊v − 2^−(r+1) + ½⌋` where it is (`high ≥ n` says `sum·m/2³¹ ≥ n − ½`). For r = 0
//! nothing is added. A 32-bit float is at most [`NEAR`] off that value where the code is not at its limit, so it gives the code
//! unless it lies so near to a tie; only there the integers are asked.

#[allow(unsafe_code)]
pub(super) mod simd;

use crate::bits::Isa;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Requant, Roundings};

/// Channels in a vector.
pub(super) const LANES: usize = 16;
/// Sums of one factor that are taken as one pixel.
const FLAT: usize = 64;
/// The largest sum, raised by its factor's left shift, that the loops take: with half a unit of the last shift, 2^29 at most, it fits
/// 32 bits. Trained networks have channels that are always 0 or always at their limit, whose biases are about 2^30.
const LARGEST_SUM: u64 = 1_600_000_000;

/// More than three roundings to 24 bits change a value below 512 by: 512·3·2^−24 is 0.75·2^−13.
const NEAR: f32 = 1.0 / 8192.0;
/// Sums times factors stay below this where floats are asked: it fits a 32-bit integer.
const LARGEST: f64 = 1e9;

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
    /// What is added before the last shift to a number that is not negative, and to one that is: ties go away from zero.
    halves: [Vec<i32>; 2],
    /// Whether any sum is shifted before the product.
    raises: bool,
    /// Where floats may be asked.
    float: Option<Float>,
    zero: i32,
    low: i8,
    high: i8,
}

/// Factors as floats, and what brings both roundings together, by channel; for whole groups of [`FLAT`] sums.
#[derive(Debug, Clone)]
struct Float {
    channels: usize,
    factors: Vec<f32>,
    offsets: Vec<f32>,
}

impl Codes {
    /// For `channels` channels whose sums stay within ±`bound`.
    pub(super) fn new(to: &Requant, channels: usize, bound: u64) -> Self {
        let parts = |c: usize| to.factors[if to.factors.len() == 1 { 0 } else { c }].parts();
        let fits = |c: usize| {
            let exponent = parts(c).1;
            let most = if exponent <= -31 { (1 << 30) - 1 } else { LARGEST_SUM >> exponent.max(0) };
            bound <= most
        };
        if !(0..channels).all(fits) {
            return Self::Each(to.clone());
        }
        let period = period(channels);
        let padded = period.unwrap_or(channels.div_ceil(LANES) * LANES);
        let (mut mantissa, mut left, mut right) = (vec![0; padded], vec![0; padded], vec![0; padded]);
        for c in 0..period.unwrap_or(channels) {
            let (m, exponent) = parts(c % channels);
            (mantissa[c], left[c]) = (m, exponent.max(0));
            match to.roundings {
                // The sum is raised already, so the product is what is left of the shift to its right.
                Roundings::One => right[c] = 31 - exponent.min(0),
                // Sums are below 2^30, so is the upper half: less than a half is left.
                Roundings::Two if exponent <= -31 => mantissa[c] = 0,
                Roundings::Two => right[c] = -exponent.min(0),
            }
        }
        let half = |right: &i32| (1i64 << right >> 1, i64::from(*right > 0));
        let halves = [0, 1].map(|negative| {
            right.iter().map(half).map(|(half, less)| low_half(half - less * negative)).collect::<Vec<i32>>()
        });
        let float = period
            .filter(|_| to.roundings == Roundings::Two)
            .and_then(|_| Float::new(channels, [&mantissa, &left, &right], bound));
        let raises = left.iter().any(|left| *left > 0);
        // One more, for whoever reads them one place further.
        mantissa.push(0);
        let lanes = Lanes { mantissa, left, right, halves, raises, float, zero: to.zero, low: to.low, high: to.high };
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
            Self::Twice(lanes) if simd::rounded(isa, lanes, sums, stride, channels, out) => {}
            Self::Twice(lanes) if simd::twice(isa, lanes, sums, stride, channels, out) => {}
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

/// Channels until factors begin again at a group of [`FLAT`] sums; `None` where pixels lie apart.
fn period(channels: usize) -> Option<usize> {
    let shared = |step: usize| channels.is_multiple_of(step).then_some(channels * (FLAT / step));
    if channels == LANES / 2 { Some(FLAT) } else { [64, 32, 16].into_iter().find_map(shared) }
}

impl Float {
    /// `None` where a product might not fit an integer.
    fn new(channels: usize, [mantissa, left, right]: [&[i32]; 3], bound: u64) -> Option<Self> {
        let factor = |i: usize| narrowed(f64::from(mantissa[i]) * f64::from(left[i] - right[i] - 31).exp2());
        let factors: Vec<f32> = (0..mantissa.len()).map(factor).collect();
        let offset = |right: &i32| if *right == 0 { 0.0 } else { narrowed(f64::from(-right - 1).exp2()) };
        let most = f64::from(factors.iter().copied().fold(0.0, f32::max)) * f64::from(u32::try_from(bound).ok()?);
        (most < LARGEST).then(|| Self { channels, factors, offsets: right.iter().map(offset).collect() })
    }
}

/// The nearest 32-bit float.
#[allow(clippy::cast_possible_truncation, reason = "rounding to nearest is what is wanted; whoever asks counts it")]
pub(super) fn narrowed(x: f64) -> f32 {
    x as f32
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

/// `Multiplier::apply_once` or `Multiplier::apply` where the raised sum is no larger than [`LARGEST_SUM`]: nothing overflows, so nothing saturates.
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
pub(super) fn low_half(x: i64) -> i32 {
    let [a, b, c, d, ..] = x.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// The lowest byte of a number that fits it.
#[inline(always)]
pub(super) fn byte(x: i32) -> i8 {
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

    /// Sums at and around every tie between two codes, where floats must give way to integers, and some anywhere.
    fn sums_near_ties(factor: Multiplier, bound: i32) -> Vec<i32> {
        let (m, exponent) = factor.parts();
        let real = f64::from(m) * f64::from(exponent - 31).exp2();
        let ties = (-300..300).map(|k| (f64::from(k) + 0.5) / real).filter(|sum| sum.abs() < f64::from(bound - 3));
        let ties = ties.flat_map(|sum| {
            (-2..=2).map(move |d| {
                crate::numeric::narrow::saturate_i32(crate::numeric::narrow::real_to_i64(sum.round())) + d
            })
        });
        ties.chain([0, 1, -1, bound, -bound]).chain((0..bound).step_by(usize::try_from(bound / 97).unwrap())).collect()
    }

    #[test]
    fn groups_of_pixels_without_gaps_give_what_each_sum_alone_gives() {
        for (bound, most) in [(1 << 21, 1), (1_600_000_000, 0), (1_600_000_000, -7)] {
            groups_of_pixels(bound, most);
        }
    }

    /// Factors below 2^`most`, sums within ±`bound`.
    fn groups_of_pixels(bound: i32, most: i32) {
        for (channels, stride) in [(8, 16), (16, 16), (32, 32), (48, 48), (64, 64), (80, 80), (128, 128)] {
            let factors: Vec<Multiplier> = (0..channels)
                .map(|c: i32| {
                    Multiplier::from_parts((1 << 30) + c.wrapping_mul(0x012d_687f).rem_euclid(1 << 30), most - c % 14)
                        .unwrap()
                })
                .collect();
            let channels = factors.len();
            let near: Vec<Vec<i32>> = factors.iter().map(|f| sums_near_ties(*f, bound)).collect();
            let pixels = near.iter().map(Vec::len).max().unwrap() | 1;
            let rows: Vec<i32> = (0..pixels)
                .flat_map(|p| (0..stride).map(move |c| (p, c)))
                .map(|(p, c)| near.get(c).map_or(7, |n| n[p % n.len()]))
                .collect();
            for (zero, low, high) in [(0, -128, 127), (-128, -128, 127), (100, -50, 101)] {
                let to = Requant { factors: factors.clone(), roundings: Roundings::Two, zero, low, high };
                let codes = Codes::new(&to, channels, u64::from(bound.unsigned_abs()));
                let wanted: Vec<i8> = (0..pixels * channels)
                    .map(|i| to.code(i % channels, rows[i / channels * stride + i % channels]))
                    .collect();
                for isa in Isa::available() {
                    let mut out = vec![0; wanted.len()];
                    codes.run(isa, &rows, stride, channels, &mut out);
                    assert!(out == wanted, "{isa:?}, {channels} channels, zero {zero}");
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
            assert!(matches!(Codes::new(&to((1 << 30, 1), roundings), 1, 1 << 30), Codes::Each(_)));
        }
    }
}
