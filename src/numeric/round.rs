//! Rounding: which of the two neighbours a value between two integers becomes.

use super::narrow::saturate_i64;
use super::text::choices_as_text;
use super::{Scale, requant};
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

/// A rounding rule with the random stream that only `Stochastic` draws from.
#[derive(Debug, Clone)]
pub struct Rounder {
    mode: Rounding,
    random: Option<Box<ChaCha8Rng>>,
}

/// Where a value lies between `floor` and `floor + 1`.
struct Between {
    floor_is_odd: bool,
    negative: bool,
    exact: bool,
    against_half: Ordering,
}

impl Between {
    /// Does the deterministic rule take the upper neighbour?
    fn goes_up(&self, mode: Rounding) -> bool {
        match mode {
            Rounding::TiesEven => match self.against_half {
                Ordering::Equal => self.floor_is_odd,
                side => side == Ordering::Greater,
            },
            Rounding::TiesAway => match self.against_half {
                Ordering::Equal => !self.negative,
                side => side == Ordering::Greater,
            },
            Rounding::TiesUp => self.against_half != Ordering::Less,
            Rounding::Floor | Rounding::Stochastic => false,
            Rounding::TowardZero => self.negative && !self.exact,
        }
    }
}

impl Rounder {
    /// A rounder; `seed` and `stream` choose the ChaCha8 stream and matter to `Stochastic` only.
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

    fn bits(&mut self, n: u32) -> u128 {
        let random = self.random.as_mut().expect("only the stochastic rule draws");
        let mut drawn = u128::from(random.next_u64());
        if n > 64 {
            drawn |= u128::from(random.next_u64()) << 64;
        }
        drawn & ((1u128 << n) - 1)
    }

    /// `x / 2^shift`, rounded (N1–N7).
    pub fn shift(&mut self, x: i64, shift: u32) -> i64 {
        saturate_i64(self.shift_wide(i128::from(x), shift))
    }

    pub(crate) fn shift_wide(&mut self, x: i128, shift: u32) -> i128 {
        if shift == 0 {
            return x;
        }
        // |x| < 2^96 everywhere in this room, so a shift above 126 changes no deterministic result.
        let (x, shift) = if shift > 126 { (x >> (shift - 126).min(127), 126) } else { (x, shift) };
        let floor = x >> shift;
        let rest = (x & ((1i128 << shift) - 1)).unsigned_abs();
        if self.mode == Rounding::Stochastic {
            let up = rest + self.bits(shift) >= 1u128 << shift;
            return floor + i128::from(up);
        }
        let between = Between {
            floor_is_odd: floor & 1 == 1,
            negative: x < 0,
            exact: rest == 0,
            against_half: rest.cmp(&(1u128 << (shift - 1))),
        };
        floor + i128::from(between.goes_up(self.mode))
    }

    /// `num / den`, rounded (N8).
    pub fn divide(&mut self, num: i64, den: i64) -> i64 {
        assert!(den != 0, "division by zero");
        let (num, den) = (i128::from(num) * i128::from(den.signum()), i128::from(den).abs());
        let (floor, rest) = (num.div_euclid(den), num.rem_euclid(den));
        if self.mode == Rounding::Stochastic {
            let up = rest + self.below(den) >= den;
            return saturate_i64(floor + i128::from(up));
        }
        let between = Between {
            floor_is_odd: floor & 1 == 1,
            negative: num < 0,
            exact: rest == 0,
            against_half: (2 * rest).cmp(&den),
        };
        saturate_i64(floor + i128::from(between.goes_up(self.mode)))
    }

    /// Uniform in `0…n − 1` by rejection, so without bias.
    fn below(&mut self, n: i128) -> i128 {
        let bits = 128 - (n - 1).leading_zeros();
        loop {
            let drawn = i128::try_from(self.bits(bits)).expect("at most 64 bits");
            if drawn < n {
                return drawn;
            }
        }
    }

    /// `x` to an integer, rounded; saturates to i64, NaN gives 0 (N9).
    pub fn real(&mut self, x: f64) -> i64 {
        let rounded = match self.mode {
            Rounding::TiesEven => x.round_ties_even(),
            Rounding::TiesAway => x.round(),
            Rounding::TiesUp => x.floor() + f64::from(u8::from(x - x.floor() >= 0.5)),
            Rounding::Floor => x.floor(),
            Rounding::TowardZero => x.trunc(),
            Rounding::Stochastic => {
                let draw = self.bits(53) as f64 / (1u64 << 53) as f64;
                x.floor() + f64::from(u8::from(draw < x - x.floor()))
            }
        };
        real_to_i64(rounded)
    }

    /// `x · by`, exact product, rounded once: [`requant::requantise_single`].
    pub fn product(&mut self, x: i64, by: Scale) -> i64 {
        requant::requantise_single(x, by, self)
    }
}

/// Saturating conversion of an integer-valued f64.
fn real_to_i64(x: f64) -> i64 {
    x as i64
}
