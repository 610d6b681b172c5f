//! SGD on weights whose range is taken anew: computed twice rather than kept in 64 bits.

#[cfg(not(target_arch = "x86_64"))]
use super::below_values;
use super::{Fine, Stepped, fine_values};
use crate::learn::kernels::{Requant, Site};
use crate::learn::lanes::elementwise::requant_plainly;
use crate::learn::lanes::rounding::Route;
use crate::learn::lanes::{Level, Way};
use crate::numeric::{OverflowError, Rounding, Scale};
use std::borrow::Cow;
use std::ops::Range;

/// Where a step on the fine grid lands.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(super) struct Land {
    pub(super) factor: f64,
    pub(super) zero: i32,
    pub(super) lo: i32,
    pub(super) hi: i32,
    /// Gradients of at most this magnitude are counted.
    pub(super) most: u32,
    /// A code may be out of range.
    pub(super) checked: bool,
    pub(super) once: Option<Once>,
}

/// Base and gradient to codes in 32-bit floats, all roundings as one, where that is as good.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(super) struct Once {
    pub(super) base: f32,
    pub(super) step: f32,
    /// Farther from a whole number the roundings are made one by one.
    pub(super) sure: f32,
}

impl Once {
    /// `largest`: no value on the fine grid is larger before its two parts are rounded. `None` where too many codes would come near a tie.
    fn new(fine: &Fine, factor: f64, largest: f64) -> Option<Self> {
        // Both factors, both products and their difference are rounded to 24 bits; either part is off by half a step of the fine grid.
        let miss = factor * (largest * f64::from(2f32.powi(-21)) + 1.5) + f64::from(2f32.powi(-20));
        let (base, step) = (fine.base * factor, fine.step * factor);
        (miss < 1.0 / 256.0 && base > 1e-30 && step > 1e-30).then_some(Self {
            base: base as f32,
            step: step as f32,
            sure: (0.5 - miss) as f32,
        })
    }
}

/// Values of one block of a step that runs twice.
const BLOCK: usize = 512;

/// Codes that a step starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Codes<'a> {
    Words(&'a [i32]),
    /// Signed.
    Bytes(&'a [u8]),
}

impl<'a> Codes<'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Words(codes) => codes.len(),
            Self::Bytes(codes) => codes.len(),
        }
    }

    pub(super) fn of(self, at: Range<usize>) -> Self {
        match self {
            Self::Words(codes) => Self::Words(&codes[at]),
            Self::Bytes(codes) => Self::Bytes(&codes[at]),
        }
    }

    fn words(self) -> Cow<'a, [i32]> {
        match self {
            Self::Words(codes) => Cow::Borrowed(codes),
            Self::Bytes(codes) => Cow::Owned(codes.iter().map(|c| c.cast_signed().into()).collect()),
        }
    }
}

/// SGD on weights whose range is taken anew, computed twice instead of kept: first for its range, then on to codes.
pub(crate) struct Twice<'a> {
    way: Way,
    base: Codes<'a>,
    gradient: &'a [i32],
    fine: Fine,
    /// No value is larger before its two parts are rounded.
    largest: f64,
    /// As [`step_fine`] gives it.
    pub found: Stepped,
}

impl<'a> Twice<'a> {
    /// As [`step_fine`] without keeping what it finds; `None` where that must do it.
    pub fn new(
        way: Way,
        (base, base_zero, of_base, base_most): (Codes<'a>, i32, Scale, u64),
        (gradient, of_step, most): (&'a [i32], Scale, u64),
        rounding: Rounding,
    ) -> Option<Self> {
        // Codes less their zero must fit 32 bits.
        if way.level != Level::Avx512 || base_most > i32::MAX.unsigned_abs().into() {
            return None;
        }
        let fine = Fine::new::<i32>(way, (base_zero, of_base, base_most), (0, of_step, most), rounding)?;
        let at = way.half(base.len());
        let largest = base_most as f64 * fine.base + most as f64 * fine.step;
        let half = |base: Codes<'_>, gradient: &[i32]| {
            #[cfg(target_arch = "x86_64")]
            return super::simd::range_of_step(base, gradient, &fine, largest);
            #[cfg(not(target_arch = "x86_64"))]
            fine_values(&base.words(), gradient, &fine, &mut vec![0; base.len()])
        };
        let (first, second) = ((base.of(0..at), base.of(at..base.len())), gradient.split_at(at));
        let ((n, (a, b)), (m, (c, d))) = way.both(|| half(first.0, second.0), || half(first.1, second.1));
        Some(Self { way, base, gradient, fine, largest, found: (n + m, (a.min(c), b.max(d))) })
    }

    /// The step's results as codes by `to`, and how many gradients other than zero are nearer to it than `limit`; `None`, and nothing done,
    /// where `requant` of [`step_fine`]'s results must do it.
    pub fn store(
        &self,
        to: &Requant,
        limit: f64,
        site: &mut Site,
        out: &mut [i32],
    ) -> Option<Result<u64, OverflowError>> {
        let (lo, hi) = self.found.1;
        let bound = (self.way.level.fused(), lo.unsigned_abs().max(hi.unsigned_abs()));
        let route = Route::new::<i64>(to.factor, site.rounder.mode(), bound, (to.lo, to.hi))?;
        let (Route::Narrow(factor) | Route::Fused(factor)) = route else { return None };
        // An integer below a real is one below the next whole number.
        let most = u32::try_from((limit.ceil() as u64).saturating_sub(1)).unwrap_or(u32::MAX);
        // Rounding is monotonic: where both ends of the range fit, everything does.
        let mut outside = |x| to.within(x, &mut site.rounder).is_none();
        let land = Land {
            factor,
            zero: to.dst_zero,
            lo: to.lo,
            hi: to.hi,
            most,
            checked: outside(lo) || outside(hi),
            once: Once::new(&self.fine, factor, self.largest),
        };
        let at = self.way.half(out.len());
        let (gradient, halves) = (self.gradient.split_at(at), out.split_at_mut(at));
        let half = |from: usize, gradient: &[i32], out: &mut [i32]| {
            let (mut below, mut left) = (0, Vec::new());
            for (i, (gradient, out)) in gradient.chunks(BLOCK).zip(out.chunks_mut(BLOCK)).enumerate() {
                let at = from + i * BLOCK..from + i * BLOCK + out.len();
                let (n, fits) = self.block(self.base.of(at.clone()), gradient, &land, out);
                below += n;
                if !fits {
                    left.push(at);
                }
            }
            (below, left)
        };
        let ((n, mut left), (m, later)) =
            self.way.both(|| half(0, gradient.0, halves.0), || half(at, gradient.1, halves.1));
        left.extend(later);
        Some(self.rest(&left, to, site, out).map(|()| n + m))
    }

    fn block(&self, base: Codes<'_>, gradient: &[i32], land: &Land, out: &mut [i32]) -> (u64, bool) {
        #[cfg(target_arch = "x86_64")]
        return super::simd::step_to_codes(base, gradient, &self.fine, land, out);
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = (base, land, out);
            (below_values(gradient, 0, land.most.into()), false)
        }
    }

    /// The blocks with a code out of range, by the plain kernel and in order.
    fn rest(&self, left: &[Range<usize>], to: &Requant, site: &mut Site, out: &mut [i32]) -> Result<(), OverflowError> {
        let mut done = 0;
        for at in left.iter().cloned() {
            let mut fine = vec![0; at.len()];
            fine_values(&self.base.of(at.clone()).words(), &self.gradient[at.clone()], &self.fine, &mut fine);
            // An overflow is kept with its place, so what came before is counted first.
            site.count.total += u64::try_from(at.start - done).unwrap_or(u64::MAX);
            done = at.end;
            requant_plainly(&fine, to, site, &mut out[at])?;
        }
        site.count.total += u64::try_from(out.len() - done).unwrap_or(u64::MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels;
    use crate::numeric::{Overflow, Rounder};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn a_step_computed_twice_equals_the_plain_kernels(
            pairs in prop::collection::vec((any::<i32>(), any::<i32>()), 1..5000), small in (1u32..32, 0u32..32), zeros in (-200i32..200, -128i32..128),
            mantissas in prop::array::uniform3((1u32 << 30)..(1 << 31)), exponents in (-30i32..8, -40i32..8), nudge in -1i32..3, bits in 4u32..33,
            limit in 0f64..300.0,
        ) {
            let (base, gradient): (Vec<i32>, Vec<i32>) = pairs.iter().map(|&(a, b)| (a >> small.0, b >> small.1)).unzip();
            let of_base = Scale::from_parts(mantissas[0], exponents.0).unwrap();
            let of_step = Scale::from_parts(mantissas[1], exponents.1).unwrap();
            let most = |x: &[i32], zero: i32| u64::from(x.iter().map(|x| x.abs_diff(zero)).max().unwrap_or(0));
            let mut fine = vec![0i64; base.len()];
            kernels::widen(&base, zeros.0, of_base.mul(Scale::pow2(-kernels::WIDE_FRACTION)), &mut fine);
            let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
            let count = kernels::subtract_step_wide(&mut fine, gradient.iter().map(|&g| g.into()), of_step, &mut rounder);
            let range = kernels::gradient_range_wide(&fine);
            // Around the factor that just fills the codes, so that some blocks hold codes out of range and some do not.
            let largest = range.0.unsigned_abs().max(range.1.unsigned_abs()).max(1);
            let factor = Scale::from_parts(mantissas[2], i32::try_from(bits).unwrap() - 64 + largest.leading_zeros().cast_signed() - nudge).unwrap();
            let (lo, hi) = (i32::MIN >> (32 - bits), i32::MAX >> (32 - bits));
            let to = Requant { src_zero: 0, factor, dst_zero: zeros.1.clamp(lo, hi), lo, hi, overflow: Overflow::Saturate };
            let site = || Site::new("x", Rounding::TiesEven, 1, 2);
            let (mut expected, mut counted) = (vec![0; base.len()], site());
            kernels::narrow_wide_codes(&fine, &to, &mut counted, &mut expected).unwrap();
            let below = gradient.iter().filter(|&&g| g != 0 && f64::from(g).abs() < limit).count();
            let fit = base.iter().all(|&x| i8::try_from(x).is_ok());
            let bytes: Vec<u8> = base.iter().map(|&x| x.to_le_bytes()[0]).collect();
            let bases = [Some(Codes::Words(&base)), fit.then_some(Codes::Bytes(&bytes))];
            for (way, codes) in Way::available().into_iter().flat_map(|way| bases.into_iter().flatten().map(move |b| (way, b))) {
                let from = (codes, zeros.0, of_base, most(&base, zeros.0));
                let Some(twice) = Twice::new(way, from, (&gradient, of_step, most(&gradient, 0)), Rounding::TiesEven) else { continue };
                prop_assert_eq!(twice.found, (count.non_zero, range), "{:?}", way);
                let (mut out, mut found) = (vec![7; base.len()], site());
                let Some(stored) = twice.store(&to, limit, &mut found, &mut out) else { continue };
                prop_assert_eq!(stored.unwrap(), u64::try_from(below).unwrap());
                prop_assert_eq!((&out, &found.count), (&expected, &counted.count), "{:?}", way);
            }
        }
    }
}
