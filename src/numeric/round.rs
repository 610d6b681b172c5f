//! Rounding: which of the two neighbours a value between two integers becomes.

use super::narrow::saturate_i64;
use super::text::choices_as_text;
use super::{Scale, narrow, requant};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::cmp::Ordering;

/// A rounding rule; names of the nearest rules say where a *tie* (exactly half) goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Rounding {
    /// Nearest; a tie to the even neighbour (N2). IEEE 754's default.
    #[default]
    TiesEven,
    /// Nearest; a tie away from zero (N3). C's `round`.
    TiesAway,
    /// Nearest; a tie towards +∞ (N4). Add half and shift: the cheapest on a device.
    TiesUp,
    /// Towards −∞ (N5). A bare arithmetic shift.
    Floor,
    /// Towards zero (N6). C's `/`.
    TowardZero,
    /// Up with a probability equal to the fraction (N7).
    Stochastic,
}

choices_as_text!(Rounding, "rounding rule", {
    TiesEven = "ties-even", TiesAway = "ties-away", TiesUp = "ties-up",
    Floor = "floor", TowardZero = "toward-zero", Stochastic = "stochastic",
});

/// Where a value lies between its floor and the next integer.
struct Between {
    floor_is_odd: bool,
    negative: bool,
    exact: bool,
    against_half: Ordering,
}

impl Between {
    /// Does the rule take the upper neighbour (N2–N6)? `Stochastic` is decided elsewhere, by a draw.
    #[inline(always)]
    fn goes_up(&self, mode: Rounding) -> bool {
        match mode {
            Rounding::TiesEven => {
                self.against_half == Ordering::Greater || (self.against_half == Ordering::Equal && self.floor_is_odd)
            }
            Rounding::TiesAway => {
                self.against_half == Ordering::Greater || (self.against_half == Ordering::Equal && !self.negative)
            }
            Rounding::TiesUp => self.against_half != Ordering::Less,
            Rounding::Floor | Rounding::Stochastic => false,
            Rounding::TowardZero => self.negative && !self.exact,
        }
    }
}

/// `x / 2^shift` for `shift` from 1 to 62 by a deterministic rule, in 64 bits (N1–N6).
#[inline(always)]
pub(crate) fn shift_i64(mode: Rounding, x: i64, shift: u32) -> i64 {
    let rest = x.cast_unsigned() & ((1u64 << shift) - 1);
    let floor = x >> shift;
    let between = Between {
        floor_is_odd: floor & 1 == 1,
        negative: x < 0,
        exact: rest == 0,
        against_half: rest.cmp(&(1u64 << (shift - 1))),
    };
    floor + i64::from(between.goes_up(mode))
}

/// As [`shift_i64`] in 128 bits, `shift` from 1 to 126.
#[inline(always)]
pub(crate) fn shift_i128(mode: Rounding, x: i128, shift: u32) -> i128 {
    let rest = x.cast_unsigned() & ((1u128 << shift) - 1);
    let floor = x >> shift;
    let between = Between {
        floor_is_odd: floor & 1 == 1,
        negative: x < 0,
        exact: rest == 0,
        against_half: rest.cmp(&(1u128 << (shift - 1))),
    };
    floor + i128::from(between.goes_up(mode))
}

/// A rounding rule with the random stream that only [`Rounding::Stochastic`] draws from.
///
/// Draws are a function of seed, stream and the order of calls alone: ChaCha with 8 rounds, the seed in the key's first
/// 8 bytes, little endian, the rest of the key 0. A call draws 64 bits, 128 when it rounds off more than 64; a call with nothing
/// to round off draws as well, except a shift by 0.
#[derive(Debug, Clone)]
pub struct Rounder {
    mode: Rounding,
    random: Option<Box<ChaCha8Rng>>,
}

impl Rounder {
    /// A rounder; `seed` and `stream` matter to `Stochastic` only.
    pub fn new(mode: Rounding, seed: u64, stream: u64) -> Self {
        let random = (mode == Rounding::Stochastic).then(|| {
            let mut key = [0u8; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            let mut random = ChaCha8Rng::from_seed(key);
            random.set_stream(stream);
            Box::new(random)
        });
        Self { mode, random }
    }

    /// The rule.
    pub fn mode(&self) -> Rounding {
        self.mode
    }

    /// `x / 2^shift` (N1–N7).
    ///
    /// * Value: `x` as a fixed-point number with `shift` fraction bits, to an integer.
    /// * Formula: `⌊x / 2^shift⌋ + up`, `up` 0 or 1 by the rule.
    /// * Range: any `x`, any `shift`.
    /// * Rounding: the rule's; `Stochastic` ignores what a shift above 126 drops below 2^−126.
    /// * Overflow: none, the result is not larger than `x`.
    /// * Equals: `ASR` (floor); `VRSHR` / `SRSHR` (ties-up); gemmlowp's `RoundingDivideByPOT` (ties-away).
    pub fn shift(&mut self, x: i64, shift: u32) -> i64 {
        match shift {
            1..=62 if self.mode != Rounding::Stochastic => shift_i64(self.mode, x, shift),
            _ => saturate_i64(self.shift_wide(x.into(), shift)),
        }
    }

    /// As [`Rounder::shift`] on up to 96 bits.
    pub(crate) fn shift_wide(&mut self, x: i128, shift: u32) -> i128 {
        if shift == 0 {
            return x;
        }
        // |x| < 2^96, so a shift by 126 already leaves less than half in every deterministic rule.
        let (x, shift) = match self.mode {
            Rounding::Stochastic if shift > 126 => (x >> (shift - 126).min(127), 126),
            _ => (x, shift.min(126)),
        };
        if self.mode != Rounding::Stochastic {
            return shift_i128(self.mode, x, shift);
        }
        let rest = x.cast_unsigned() & ((1u128 << shift) - 1);
        let up = rest + self.bits(shift) >= 1u128 << shift;
        (x >> shift) + i128::from(up)
    }

    /// `num / den` (N8).
    ///
    /// * Formula: `⌊num / den⌋ + up`, `up` 0 or 1 by the rule.
    /// * Range: any `num`, any `den` but 0 (panics).
    /// * Rounding: the rule's, on the exact remainder; `Stochastic` goes up with probability remainder / |den|.
    /// * Overflow: `i64::MIN / −1` saturates to `i64::MAX`.
    /// * Equals: `SDIV` and C's `/` (toward-zero).
    pub fn divide(&mut self, num: i64, den: i64) -> i64 {
        assert!(den != 0, "division by zero");
        let (num, den) = (i128::from(num) * i128::from(den.signum()), i128::from(den).abs());
        let (floor, rest) = (num.div_euclid(den), num.rem_euclid(den));
        let up = match self.mode {
            Rounding::Stochastic => rest + self.below(den) >= den,
            mode => {
                let against_half = (2 * rest).cmp(&den);
                Between { floor_is_odd: floor & 1 == 1, negative: num < 0, exact: rest == 0, against_half }
                    .goes_up(mode)
            }
        };
        saturate_i64(floor + i128::from(up))
    }

    /// `x` to an integer (N9).
    ///
    /// * Range: any f64.
    /// * Rounding: the rule's; `Stochastic` compares the fraction with 53 random bits.
    /// * Overflow: saturates to i64; NaN gives 0, so check for it before.
    /// * Equals: `VCVTN` (ties-even), `VCVTA` (ties-away), `VCVTM` (floor), `VCVT` (toward-zero), C's `rint`, `round`, `floor`, `trunc`.
    pub fn real(&mut self, x: f64) -> i64 {
        let rounded = match self.mode {
            Rounding::TiesEven => ties_even(x),
            Rounding::TiesAway => x.round(),
            Rounding::TiesUp => x.floor() + f64::from(u8::from(x - x.floor() >= 0.5)),
            Rounding::Floor => x.floor(),
            Rounding::TowardZero => x.trunc(),
            Rounding::Stochastic => x.floor() + f64::from(u8::from(self.fraction() < x - x.floor())),
        };
        narrow::real_to_i64(rounded)
    }

    /// `x · by`, exact product, rounded once: [`requant::requantise_single`] (N14).
    pub fn product(&mut self, x: i64, by: Scale) -> i64 {
        requant::requantise_single(x, by, self)
    }

    /// `n` random bits, 1 to 126.
    fn bits(&mut self, n: u32) -> u128 {
        let random = self.random.as_mut().expect("only the stochastic rule draws");
        let mut drawn = u128::from(random.next_u64());
        if n > 64 {
            drawn |= u128::from(random.next_u64()) << 64;
        }
        drawn & ((1u128 << n) - 1)
    }

    /// Uniform in `0…n − 1` by rejection, so without bias.
    fn below(&mut self, n: i128) -> i128 {
        let bits = (128 - (n - 1).leading_zeros()).max(1);
        loop {
            let drawn = self.bits(bits).cast_signed();
            if drawn < n {
                return drawn;
            }
        }
    }

    /// Uniform in [0, 1) in steps of 2^−53, exactly.
    fn fraction(&mut self) -> f64 {
        self.bits(53) as f64 * 2f64.powi(-53)
    }
}

/// The nearest whole number, ties to even, by two additions: a float of the size of `1.5 · 2^52` has whole numbers for its last place.
fn ties_even(x: f64) -> f64 {
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    if x.abs() < WHOLE / 4.0 { (x + WHOLE) - WHOLE } else { x.round_ties_even() }
}

#[cfg(test)]
mod tests {
    use super::ties_even;

    #[test]
    fn two_additions_round_as_ieee_754_does() {
        let edge = 2f64.powi(51);
        let near =
            [0.0, 0.5, 1.5, 2.5, 1e9 + 0.5, edge - 0.5, edge - 1.5, edge + 1.0, 1.6e15 + 0.5, 1e300, f64::INFINITY];
        for x in near.into_iter().flat_map(|x| [x, -x, x.next_up(), x.next_down()]) {
            assert_eq!(ties_even(x), x.round_ties_even(), "{x:e}");
        }
    }
}
