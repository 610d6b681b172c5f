//! One axis of a window that slides over a map with a border.

use std::ops::Range;

/// Rows or columns of a window laid over a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Outputs.
    pub outputs: usize,
    /// Pixels of the map.
    pub size: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Pixels from one output's window to the next one's.
    pub stride: usize,
    /// Pixels of padding before the map.
    pub before: usize,
}

/// How much of all windows lies inside the map, on one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// Taps inside, summed over all outputs.
    pub taps: u64,
    /// Outputs whose window has all its taps inside.
    pub full: u64,
}

impl Axis {
    /// The taps of one output that fall inside the map.
    #[inline(always)]
    pub fn taps(&self, output: usize) -> Range<usize> {
        let start = output * self.stride;
        let until = |edge: usize| edge.saturating_sub(start).min(self.kernel);
        until(self.before)..until(self.size + self.before)
    }

    /// What border and stride leave of the windows; all of `outputs · kernel` without padding.
    pub fn inside(&self) -> Inside {
        let counts = (0..self.outputs).map(|o| self.taps(o).len());
        let full = counts.clone().filter(|n| *n == self.kernel).count();
        Inside { taps: counts.map(|n| n as u64).sum(), full: full as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_those_whose_pixel_exists() {
        for (size, kernel, stride, before) in [(1, 3, 1, 1), (5, 3, 2, 1), (4, 7, 3, 3), (9, 2, 2, 0), (2, 5, 1, 4)] {
            let axis = Axis { outputs: 4, size, kernel, stride, before };
            let exists = |o: usize, tap: usize| (before..before + size).contains(&(o * stride + tap));
            for o in 0..axis.outputs {
                assert!((0..kernel).all(|tap| axis.taps(o).contains(&tap) == exists(o, tap)), "{axis:?} {o}");
            }
            let all: usize = (0..4).map(|o| (0..kernel).filter(|tap| exists(o, *tap)).count()).sum();
            let full = (0..4).filter(|o| (0..kernel).all(|tap| exists(*o, tap))).count();
            assert_eq!(axis.inside(), Inside { taps: all as u64, full: full as u64 });
        }
    }
}
