//! From 64-bit sums to codes and from these to SGD's step, without leaving the registers in between.

use crate::learn::lanes::Level;
use crate::learn::lanes::blocks::Counted;
use crate::learn::lanes::elementwise::Grid;
use crate::learn::lanes::rounding::Route;

/// One pass over a block of 64-bit sums: to codes, and the step from these.
#[derive(Debug, Clone, Copy)]
pub(in crate::learn::lanes) struct Long {
    pub(super) factor: f64,
    pub(super) step: f64,
    /// Limits of the codes less their zero.
    pub(super) codes: (f64, f64),
    pub(super) master: (i32, i32),
}

impl Long {
    /// `None` unless both grids round by floats on this level, zero is the sums' zero, the step starts from the codes' zero, and steps from
    /// codes no farther than `farthest` from it fit 32 bits.
    pub fn new(level: Level, grid: &Grid, step: &Grid, farthest: Option<u64>) -> Option<Self> {
        let float = |route| match route {
            Route::Narrow(x) | Route::Fused(x) => Some(x),
            Route::Integer(_) => None,
        };
        let (factor, by) = (float(grid.route)?, float(step.route)?);
        let fits = farthest? as f64 * by < f64::from(i32::MAX);
        let same = grid.src_zero == 0 && step.src_zero == grid.dst_zero;
        let centred = |code: i32| f64::from(code) - f64::from(grid.dst_zero);
        (level == Level::Avx512 && fits && same).then(|| Self {
            factor,
            step: by,
            codes: (centred(grid.lo), centred(grid.hi)),
            master: (step.lo, step.hi),
        })
    }

    /// `master −= round(code · step)` of the sums' codes, which are not kept; what was counted of codes and step. Where a code or a weight
    /// is out of range nothing is changed.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub fn step(&self, sums: &[i64], master: &mut [i32]) -> [Counted; 2] {
        #[cfg(target_arch = "x86_64")]
        return super::simd::long_step(self, sums, master);
        #[cfg(not(target_arch = "x86_64"))]
        [None; 2]
    }
}
