//! Requantising 32-bit values whose results are small, sixteen at a time.
//!
//! What [`super::elementwise`] does value by value in plain Rust, for AVX-512; that is what it is tested against.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
pub(super) mod simd;

use super::Level;
use super::blocks::Counted;
use super::elementwise::Grid;
use super::rounding::Route;

/// One pass over a block: its sums to codes.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Narrow {
    src_zero: i32,
    factor: f64,
    zero: i32,
    codes: (i32, i32),
}

impl Narrow {
    /// `None` unless the grid is a narrow one on this level.
    pub fn new(level: Level, grid: &Grid) -> Option<Self> {
        let Route::Narrow(factor) = grid.route else { return None };
        let codes = (grid.lo, grid.hi);
        (level == Level::Avx512).then_some(Self { src_zero: grid.src_zero, factor, zero: grid.dst_zero, codes })
    }

    /// Sums to codes.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub fn requant(&self, sums: &[i32], codes: &mut [i32]) -> Counted {
        #[cfg(target_arch = "x86_64")]
        return simd::pass(self, sums, codes);
        #[cfg(not(target_arch = "x86_64"))]
        None
    }
}
