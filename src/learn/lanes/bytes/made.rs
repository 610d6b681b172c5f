//! From a master's codes to the bytes of the forward copy, in 32-bit floats where these are as good as exact arithmetic.

use crate::learn::kernels::{Requant, Site};
use crate::learn::lanes::Level;
use crate::learn::lanes::rounding::Route;
use crate::numeric::{Rounder, Rounding};

/// How a master's codes become codes of 8 bits, all of them in range.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Made {
    pub(super) src_zero: i32,
    pub(super) factor: f64,
    pub(super) dst_zero: i32,
    /// Farther from a whole number than this a float's product may lie beyond the tie that the exact one does not reach.
    pub(super) sure: f32,
}

impl Made {
    /// Of source codes `lo … hi`; `None` where that needs another rounding than ties to even, a wider copy, or more than an ends' look to know
    /// that no code is out of range.
    pub fn new(level: Level, to: &Requant, site: &Site, (lo, hi): (i32, i32)) -> Option<Self> {
        let most = lo.abs_diff(to.src_zero).max(hi.abs_diff(to.src_zero));
        let mode = site.rounder.mode();
        let route = Route::new::<i32>(to.factor, mode, (true, most.into()), (to.lo, to.hi))?;
        let Route::Narrow(factor) = route else { return None };
        let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
        let mut fits = |code: i32| to.within(i64::from(code) - i64::from(to.src_zero), &mut rounder).is_some();
        // Rounding is monotonic.
        let within = fits(lo) && fits(hi) && super::Bytes::fit(level, (to.lo, to.hi));
        // Code, factor, its product with the zero and their sum are each rounded to 24 bits.
        let largest = (f64::from(most) + f64::from(to.src_zero.unsigned_abs())) * factor;
        let miss = largest * f64::from(2f32.powi(-22)) + f64::from(2f32.powi(-20));
        (within && miss < 1.0 / 64.0 && factor > 1e-30).then_some(Self {
            src_zero: to.src_zero,
            factor,
            dst_zero: to.dst_zero,
            sure: (0.5 - miss) as f32,
        })
    }

    /// A row's codes as bytes, and as integers too where there is room for them; gives their sum.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub(super) fn row(&self, from: &[i32], codes: &mut [i32], bytes: &mut [u8]) -> i32 {
        #[cfg(target_arch = "x86_64")]
        return super::simd::make_row(self, from, codes, bytes);
        // None is made there.
        #[cfg(not(target_arch = "x86_64"))]
        super::to_8(from, 0, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels;
    use crate::numeric::{Overflow, Scale};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn rows_in_short_floats_equal_the_plain_kernel(
            from in prop::collection::vec(any::<i32>(), 1..400), bits in 8u32..33, src_zero in -70_000i32..70_000, dst_zero in -100i32..100,
            mantissa in (1u32 << 30)..(1 << 31), narrower in 0i32..3, ties in any::<bool>(),
        ) {
            let from: Vec<i32> = from.into_iter().map(|x| x >> (32 - bits)).collect();
            let src_zero = src_zero >> (32 - bits).min(17);
            // A power of two puts many values on a tie.
            let mantissa = if ties { 1 << 30 } else { mantissa };
            let factor = Scale::from_parts(mantissa, 7 - narrower - i32::try_from(bits).unwrap()).unwrap();
            let to = Requant { src_zero, factor, dst_zero, lo: -128, hi: 127, overflow: Overflow::Saturate };
            let mut site = Site::new("x", Rounding::TiesEven, 0, 0);
            let ends = (*from.iter().min().unwrap(), *from.iter().max().unwrap());
            let Some(made) = Made::new(Level::best(), &to, &site, ends) else { return Ok(()) };
            let mut expected = vec![0; from.len()];
            kernels::forward_copy(&from, &to, &mut site, &mut expected).unwrap();
            prop_assert_eq!(site.count.overflowed, 0);
            let (mut codes, mut bytes) = (vec![7; from.len()], vec![9; from.len()]);
            prop_assert_eq!(made.row(&from, &mut [], &mut bytes), expected.iter().sum::<i32>());
            prop_assert!(bytes.iter().zip(&expected).all(|(&b, &e)| i32::from(b.cast_signed()) == e));
            bytes.fill(9);
            let sum = made.row(&from, &mut codes, &mut bytes);
            prop_assert_eq!(sum, expected.iter().sum::<i32>());
            prop_assert!(bytes.iter().zip(&expected).all(|(&b, &e)| i32::from(b.cast_signed()) == e));
            prop_assert_eq!(codes, expected);
        }
    }
}
