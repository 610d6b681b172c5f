//! How the loops of this room run: on which registers, and whether two halves of the rows may run side by side.

use super::Level;

/// Rows of one tile; halves are whole tiles.
const TILE: usize = 4;
/// Weights below which a hand-over costs more than the second half.
const LEAST: usize = 1 << 14;

/// Registers and threads. No choice changes a result: integers add exactly, and each value is computed by one thread alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub level: Level,
    /// A second thread of the caller's pool takes half of the rows, where one is idle.
    pub two: bool,
}

impl Way {
    /// The widest registers of this machine, on one thread.
    pub fn best() -> Self {
        Self { level: Level::best(), two: false }
    }

    /// The same registers on two threads, where `values` are worth it.
    pub fn side_by_side(self, yes: bool, values: usize) -> Self {
        Self { two: yes && values >= LEAST, ..self }
    }

    /// Rows of the first half: a whole number of tiles, or all where there is one thread.
    pub fn half(self, rows: usize) -> usize {
        if self.two { rows.div_ceil(2).next_multiple_of(TILE).min(rows) } else { rows }
    }

    /// Both halves' results. The calling thread does the second half too where nobody took it.
    pub fn both<A: Send, B: Send>(self, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B + Send) -> (A, B) {
        if self.two { rayon::join(first, second) } else { (first(), second()) }
    }

    /// All that this machine has, on one thread and on two, for tests.
    #[cfg(test)]
    pub fn available() -> Vec<Self> {
        Level::available().into_iter().flat_map(|level| [false, true].map(|two| Self { level, two })).collect()
    }
}
