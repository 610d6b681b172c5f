//! Requantising and SGD's step on 32-bit values whose results are small, sixteen at a time, without leaving the registers in between.
//!
//! What [`super::elementwise`] does value by value in plain Rust, for AVX-512; that is what it is tested against.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
pub(super) mod simd;

use super::Level;
use super::blocks::Counted;
use super::elementwise::Grid;
use super::rounding::{InFloats, Round, Route};

/// One pass over a block: its sums to codes, and the step from these codes where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Narrow {
    src_zero: i32,
    factor: f64,
    zero: i32,
    codes: (i32, i32),
    step: f64,
    master: (i32, i32),
}

impl Narrow {
    /// `None` unless both grids are narrow ones on this level; where there is a step, zero must be the source's zero, and the codes' zero the
    /// step's.
    pub fn new(level: Level, grid: &Grid, step: Option<&Grid>) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if level == Level::Avx512
            && let Route::Narrow(factor) = grid.route
        {
            let (step, master) = match step {
                None => (0.0, (0, 0)),
                Some(&Grid { route: Route::Narrow(step), src_zero, lo, hi, .. })
                    if src_zero == grid.dst_zero && grid.src_zero == 0 =>
                {
                    (step, (lo, hi))
                }
                Some(_) => return None,
            };
            return Some(Self {
                src_zero: grid.src_zero,
                factor,
                zero: grid.dst_zero,
                codes: (grid.lo, grid.hi),
                step,
                master,
            });
        }
        let _ = (level, grid, step);
        None
    }

    /// Sums to codes.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub fn requant(&self, sums: &[i32], codes: &mut [i32]) -> Counted {
        #[cfg(target_arch = "x86_64")]
        return simd::pass::<false>(self, sums, codes, &mut [])[0];
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// As [`Self::requant`] without counting; whether all codes are in range.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub fn recode(&self, sums: &[i32], codes: &mut [i32]) -> bool {
        #[cfg(target_arch = "x86_64")]
        return simd::recode(self, sums, codes);
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// `master −= round(code · step)` of the sums' codes, which are not kept. Where a code or a weight is out of range the weights stay
    /// as they were and the codes are written.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub fn requant_and_step(&self, sums: &[i32], codes: &mut [i32], master: &mut [i32]) -> [Counted; 2] {
        #[cfg(target_arch = "x86_64")]
        {
            let [quantised, stepped] = simd::pass::<true>(self, sums, &mut [], master);
            if quantised.is_some() && stepped.is_some() {
                return [quantised, stepped];
            }
            // Steps are taken modulo 2^32, so they can be taken back.
            let _ = self.requant(sums, codes);
            let moved = InFloats::<true>(self.step);
            for (w, &code) in master.iter_mut().zip(&*codes) {
                *w = w.wrapping_add(Round::<i32>::narrow(&moved, code, self.zero));
            }
            [quantised, None]
        }
        #[cfg(not(target_arch = "x86_64"))]
        [None, None]
    }
}
