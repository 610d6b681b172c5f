//! Which points: all of them, random ones, or a Sobol sequence. The same file gives the same points on every machine.

use super::axis::Choice;
use super::{Point, Sampling, Space};
use crate::config::ConfigError;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Draws for each point asked for, before the constraints are called too narrow.
const TRIES: usize = 1000;

/// Iterator over the points of a space. Holds one point at a time; random and Sobol draws keep eight bytes a point, to leave
/// out repeated ones.
#[derive(Debug)]
pub struct Points<'a> {
    space: &'a Space,
    raw: usize,
    next: usize,
    seen: HashSet<u64>,
    failed: bool,
}

impl<'a> Points<'a> {
    pub(super) fn new(space: &'a Space) -> Self {
        Self { space, raw: 0, next: 0, seen: HashSet::new(), failed: false }
    }

    /// Choices of raw draw `self.raw`; `None` at the end.
    fn draw(&self) -> Option<Vec<Choice>> {
        let axes = &self.space.axes;
        match self.space.sampling {
            Sampling::Grid => {
                let mut rest = self.raw;
                let mut choices = Vec::new();
                for axis in axes.iter().rev() {
                    let n = axis.choices.grid_len().unwrap_or(1);
                    choices.push(axis.choices.grid(rest % n));
                    rest /= n;
                }
                choices.reverse();
                (rest == 0).then_some(choices)
            }
            Sampling::Random { points, seed } => {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(u64::try_from(self.raw).unwrap_or(u64::MAX));
                // 53 random bits: every value of a double in 0…1 that they can name.
                let mut unit = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                (self.next < points).then(|| axes.iter().map(|a| a.choices.at(unit())).collect())
            }
            Sampling::Sobol { points, seed } => {
                let scramble = u32::try_from(seed & u64::from(u32::MAX)).unwrap_or(0);
                let index = u32::try_from(self.raw % (1 << 16)).unwrap_or(0);
                let unit = |axis: usize| {
                    let axis = u32::try_from(axis % 256).unwrap_or(0);
                    f64::from(sobol_burley::sample(index, axis, scramble))
                };
                (self.next < points && self.raw < 1 << 16)
                    .then(|| axes.iter().enumerate().map(|(i, a)| a.choices.at(unit(i))).collect())
            }
        }
    }

    fn wanted(&self) -> Option<usize> {
        match self.space.sampling {
            Sampling::Grid => None,
            Sampling::Random { points, .. } | Sampling::Sobol { points, .. } => Some(points),
        }
    }

    fn is_new(&mut self, choices: &[Choice]) -> bool {
        if self.wanted().is_none() {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        choices.iter().for_each(|c| c.label.hash(&mut hasher));
        self.seen.insert(hasher.finish())
    }

    /// Why drawing has to stop short of the points asked for.
    fn too_narrow(&self, points: usize) -> ConfigError {
        let message = format!("only {} of {points} different points were found in {} draws", self.next, self.raw);
        let help = "the axes or constraints leave fewer points: ask for fewer, or use sampling = \"grid\"";
        let at = self.space.source.text.find("points").map_or(0..0, |at| at..at + "points".len());
        self.space.source.at(at, message, help).into()
    }
}

impl Iterator for Points<'_> {
    type Item = Result<Point, ConfigError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        loop {
            let Some(choices) = self.draw() else {
                let short = self.wanted().filter(|&n| self.next < n)?;
                self.failed = true;
                return Some(Err(self.too_narrow(short)));
            };
            self.raw += 1;
            if let Some(n) = self.wanted().filter(|n| self.raw > n.saturating_mul(TRIES)) {
                self.failed = true;
                return Some(Err(self.too_narrow(n)));
            }
            if !self.is_new(&choices) {
                continue;
            }
            match self.space.resolve(self.next, &choices) {
                Ok(None) => {}
                Ok(Some(point)) => {
                    self.next += 1;
                    return Some(Ok(point));
                }
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
