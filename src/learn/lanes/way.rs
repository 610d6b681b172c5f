//! How the loops of this room run: on which registers, and whether two halves of the rows may run side by side.

use super::Level;
use rayon::Yield;
use std::sync::atomic::{AtomicBool, Ordering};

/// Weights below which a hand-over costs more than the second half.
const LEAST: usize = 1 << 14;

/// Looks for work after which a thread that keeps awake lets others run.
const PATIENCE: u32 = 1 << 14;

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

    /// Rows (or values) of the first half, or all where there is one thread. Each loop over a tensor ends its first half at the same place:
    /// what one core wrote costs the other more to read than to make.
    pub fn half(self, rows: usize) -> usize {
        if self.two { rows.div_ceil(2) } else { rows }
    }

    /// Both halves' results. The calling thread does the second half too where nobody took it.
    pub fn both<A: Send, B: Send>(self, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B + Send) -> (A, B) {
        if !self.two {
            return (first(), second());
        }
        let (taken, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let wait = || {
            let found = first();
            // Both halves take the same time, so waiting here is shorter than a call to the system's scheduler, as the pool waits.
            let mut idle = 0;
            while taken.load(Ordering::Acquire) && !done.load(Ordering::Acquire) && idle < PATIENCE {
                idle += 1;
                std::hint::spin_loop();
            }
            found
        };
        let other = || {
            taken.store(true, Ordering::Release);
            let _end = Raise(&done);
            second()
        };
        rayon::join(wait, other)
    }

    /// `work` beside a second thread of the caller's pool, where one is idle, that stays awake for the halves which `work` hands over:
    /// waking it for each of them takes longer than a half.
    pub fn accompanied<R>(self, work: impl FnOnce() -> R) -> R {
        if !self.two || rayon::current_thread_index().is_none() {
            return work();
        }
        let done = AtomicBool::new(false);
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| stay_awake(&done));
            let _end = Raise(&done);
            work()
        })
    }

    /// All that this machine has, on one thread and on two, for tests.
    #[cfg(test)]
    pub fn available() -> Vec<Self> {
        Level::available().into_iter().flat_map(|level| [false, true].map(|two| Self { level, two })).collect()
    }
}

/// Raises a flag when it is dropped, in a panic too.
struct Raise<'a>(&'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Does what the pool has to do until the flag is raised. The oldest job is stolen first, so no thread that waits for a half finds this.
fn stay_awake(done: &AtomicBool) {
    let mut idle = 0;
    while !done.load(Ordering::Acquire) {
        if rayon::yield_now() == Some(Yield::Executed) {
            idle = 0;
        } else if idle < PATIENCE {
            idle += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}
