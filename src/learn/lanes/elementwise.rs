//! One value in, one value out: requantising and SGD's step.

use super::super::kernels::{self, Requant, Site, Step, StepCount};
use super::blocks::{BLOCK, Counted, Found, blocks};
use super::narrow::Narrow;
use super::rounding::{InFloats, InIntegers, Round, Route, Source, low_bits};
use super::{Level, Way};
use crate::numeric::OverflowError;

/// What a block needs besides its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(super) route: Route,
    pub(super) src_zero: i32,
    pub(super) dst_zero: i32,
    pub(super) lo: i32,
    pub(super) hi: i32,
}

/// `out = from ± round((src − src_zero) · factor)` by the grid's route; `from` is the code of zero, or a weight from which is subtracted.
macro_rules! by_route {
    ($minus:literal, $from:expr, $src:expr, $grid:expr, $out:expr) => {
        match $grid.route {
            Route::Integer(f) if InIntegers::looks_at_sign(&f) || $grid.lo == i32::MIN || $grid.hi == i32::MAX => {
                values::<_, _, true, $minus>($from, $src, $grid, $out, InIntegers::<true>(f))
            }
            Route::Integer(f) => values::<_, _, false, $minus>($from, $src, $grid, $out, InIntegers::<false>(f)),
            Route::Narrow(f) => values::<_, _, false, $minus>($from, $src, $grid, $out, InFloats::<true>(f)),
            Route::Fused(f) => values::<_, _, false, $minus>($from, $src, $grid, $out, InFloats::<false>(f)),
        }
    };
}

/// `dst = dst_zero + round((src − src_zero) · factor)`.
#[inline(always)]
pub(super) fn requant_block<T: Source>(src: &[T], grid: &Grid, dst: &mut [i32]) -> Counted {
    by_route!(false, std::iter::repeat(grid.dst_zero), src, grid, dst)
}

/// `weights −= round((gradient − src_zero) · factor)` into `out`.
#[inline(always)]
pub(super) fn sgd_block<T: Source>(weights: &[i32], gradient: &[T], grid: &Grid, out: &mut [i32]) -> Counted {
    by_route!(true, weights.iter().copied(), gradient, grid, out)
}

/// `CAREFUL`: a limit may be an end of i32, which a value limited to i32 could hide behind.
#[inline(always)]
fn values<T: Source, R: Round<T>, const CAREFUL: bool, const MINUS: bool>(
    from: impl Iterator<Item = i32>,
    src: &[T],
    grid: &Grid,
    out: &mut [i32],
    round: R,
) -> Counted {
    let (mut outside, mut non_zero, mut same) = (0i32, 0u32, 0u32);
    let (mut least, mut most) = (grid.lo, grid.hi);
    let (mut least_wide, mut most_wide) = (i64::from(grid.lo), i64::from(grid.hi));
    let g = *grid;
    let n = out.len();
    for ((d, from), &s) in out.iter_mut().zip(from).zip(src) {
        if R::NARROW {
            let moved = round.narrow(s, g.src_zero);
            *d = if MINUS { from.wrapping_sub(moved) } else { from.wrapping_add(moved) };
            (least, most) = (least.min(*d), most.max(*d));
        } else {
            let (moved, bad) = round.of(s, g.src_zero);
            let y = if MINUS { i64::from(from) - moved } else { i64::from(from) + moved };
            if R::SHORT {
                *d = low_bits(y.cast_unsigned());
                (least_wide, most_wide) = (least_wide.min(y), most_wide.max(y));
            } else {
                *d = low(y);
                outside |= bad | beyond::<CAREFUL>(y, *d, &g);
            }
        }
        non_zero += u32::from(!s.is(g.src_zero));
        same += u32::from(*d == from);
    }
    let beyond = (least < g.lo) | (most > g.hi) | (least_wide < i64::from(g.lo)) | (most_wide > i64::from(g.hi));
    outside |= -i32::from(beyond);
    counted(outside, n, (non_zero, same))
}

/// A zero comes to nothing, so what came to nothing less the zeros is what was lost.
#[inline(always)]
fn counted(outside: i32, n: usize, (non_zero, nothing): (u32, u32)) -> Counted {
    let zeros = u64::try_from(n).unwrap_or(u64::MAX).wrapping_sub(non_zero.into());
    (outside >= 0).then(|| (non_zero.into(), u64::from(nothing).wrapping_sub(zeros)))
}

/// Negative if `y` (limited to i32: `d`) is outside the codes.
#[inline(always)]
fn beyond<const CAREFUL: bool>(y: i64, d: i32, g: &Grid) -> i32 {
    if CAREFUL {
        -i32::from((y < i64::from(g.lo)) | (y > i64::from(g.hi)))
    } else {
        -i32::from((d < g.lo) | (d > g.hi))
    }
}

/// Limited to i32.
#[inline(always)]
pub(super) fn low(y: i64) -> i32 {
    y.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// A source whose block loops are compiled for each level.
pub(crate) trait Lane: Source {
    /// No value less its zero is larger, whatever it is.
    const LARGEST: u64;
    fn requant(level: Level, src: &[Self], grid: &Grid, dst: &mut [i32]) -> Counted;
    fn sgd(level: Level, weights: &[i32], gradient: &[Self], grid: &Grid, out: &mut [i32]) -> Counted;
    /// The values themselves where they are of 32 bits, for [`Narrow`] and `descent`.
    fn in_32(values: &[Self]) -> Option<&[i32]>;
    /// The values themselves where they are of 64 bits, for `descent`.
    fn in_64(values: &[Self]) -> Option<&[i64]>;
}

macro_rules! lane {
    ($t:ty, $largest:expr, $requant:ident, $sgd:ident, $in_32:expr, $in_64:expr) => {
        impl Lane for $t {
            const LARGEST: u64 = $largest;

            fn requant(level: Level, src: &[Self], grid: &Grid, dst: &mut [i32]) -> Counted {
                #[cfg(target_arch = "x86_64")]
                if level != Level::Plain {
                    return super::simd::$requant(level, src, grid, dst);
                }
                let _ = level;
                requant_block(src, grid, dst)
            }

            fn sgd(level: Level, weights: &[i32], gradient: &[Self], grid: &Grid, out: &mut [i32]) -> Counted {
                #[cfg(target_arch = "x86_64")]
                if level != Level::Plain {
                    return super::simd::$sgd(level, weights, gradient, grid, out);
                }
                let _ = level;
                sgd_block(weights, gradient, grid, out)
            }

            fn in_32(values: &[Self]) -> Option<&[i32]> {
                $in_32(values)
            }

            fn in_64(values: &[Self]) -> Option<&[i64]> {
                $in_64(values)
            }
        }
    };
}

lane!(i32, 1 << 32, requant_i32, sgd_i32, Some, |_| None);
lane!(i64, u64::MAX, requant_i64, sgd_i64, |_| None, Some);

/// How values of at most `most` come to the grid of `requant`; `None` where only the plain kernel will do.
pub(super) fn grid_of<T: Lane>(way: Way, most: Option<u64>, requant: &Requant, site: &Site) -> Option<Grid> {
    let bound = (way.level.fused(), most.unwrap_or(T::LARGEST));
    let route = Route::new::<T>(requant.factor, site.rounder.mode(), bound, (requant.lo, requant.hi))?;
    Some(Grid { route, src_zero: requant.src_zero, dst_zero: requant.dst_zero, lo: requant.lo, hi: requant.hi })
}

/// [`grid_of`] for SGD's step.
pub(super) fn grid_of_step<T: Lane>(way: Way, most: Option<u64>, step: &Step, update: &Site) -> Option<Grid> {
    let Step { src_zero, factor, lo, hi, overflow } = *step;
    grid_of::<T>(way, most, &Requant { src_zero, factor, dst_zero: 0, lo, hi, overflow }, update)
}

/// [`Requant`] of every value; gives the number of values other than zero and of those among them that became the code of zero.
///
/// `most`: no value less its zero is larger, where that is known; it picks a faster way, not another result.
/// Equals `kernels::forward_copy`, `quantise_error` and `quantise_gradient`.
pub(crate) fn requant<T: Lane>(
    way: Way,
    (src, most): (&[T], Option<u64>),
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    let Some(grid) = grid_of::<T>(way, most, requant, site) else { return requant_plainly(src, requant, site, dst) };
    let narrow = Narrow::new(way.level, &grid);
    let [found] = blocks(way, (src, &mut *dst, BLOCK), |src, dst| match (narrow, T::in_32(src)) {
        (Some(narrow), Some(src)) => [narrow.requant(src, dst)],
        _ => [T::requant(way.level, src, &grid, dst)],
    });
    rest_of_requant(&found, src, requant, site, (dst, matches!(grid.route, Route::Narrow(_))))
}

/// [`requant`] of few values over themselves.
pub(crate) fn requant_in_place(
    way: Way,
    values: &mut [i32],
    to: &Requant,
    site: &mut Site,
) -> Result<(), OverflowError> {
    let mut block = [0i32; BLOCK];
    for values in values.chunks_mut(BLOCK) {
        let src = &mut block[..values.len()];
        src.copy_from_slice(values);
        requant(way, (&*src, None), to, site, values)?;
    }
    Ok(())
}

/// The blocks that are left to the plain kernel, in order, and the sum of all counts; `made`: they hold the codes before these are limited.
fn rest_of_requant<T: Lane>(
    found: &Found,
    src: &[T],
    requant: &Requant,
    site: &mut Site,
    (dst, made): (&mut [i32], bool),
) -> Result<(u64, u64), OverflowError> {
    let (mut non_zero, mut lost) = (found.non_zero, found.lost);
    let plainly = if made { limit } else { requant_plainly };
    found.each_left(src.len(), site, |at, site| {
        let (n, l) = plainly(&src[at.clone()], requant, site, &mut dst[at])?;
        (non_zero, lost) = (non_zero + n, lost + l);
        Ok(())
    })?;
    Ok((non_zero, lost))
}

/// [`requant_plainly`] over codes that are there but may be out of range.
fn limit<T: Lane>(src: &[T], requant: &Requant, site: &mut Site, dst: &mut [i32]) -> Result<(u64, u64), OverflowError> {
    let (mut non_zero, mut lost) = (0, 0);
    for (src, dst) in src.chunks(16).zip(dst.chunks_mut(16)) {
        let (mut count, mut outside) = ((0, 0), false);
        for (&s, &d) in src.iter().zip(&*dst) {
            kernels::note_lost(&mut count, !s.is(requant.src_zero), d == requant.dst_zero);
            outside |= (d < requant.lo) | (d > requant.hi);
        }
        let (n, l) = if outside {
            requant_plainly(src, requant, site, dst)?
        } else {
            site.count.total += u64::try_from(src.len()).unwrap_or(u64::MAX);
            count
        };
        (non_zero, lost) = (non_zero + n, lost + l);
    }
    Ok((non_zero, lost))
}

pub(super) fn requant_plainly<T: Lane>(
    src: &[T],
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    kernels::requantise(src.iter().map(|&s| s.into() - i64::from(requant.src_zero)), requant, site, dst)
}

/// SGD's step on codes; `most` as in [`requant`]. Equals `kernels::sgd_update` and `sgd_update_wide`.
pub(crate) fn sgd<T: Lane>(
    way: Way,
    master: &mut [i32],
    (gradient, most): (&[T], Option<u64>),
    step: &Step,
    (update, store): (&mut Site, &mut Site),
) -> Result<StepCount, OverflowError> {
    let Some(grid) = grid_of_step::<T>(way, most, step, update) else {
        return sgd_plainly(master, gradient, step, (update, store));
    };
    let [found] = blocks(way, (gradient, &mut *master, BLOCK), |g, w| [sgd_in_place(way.level, w, g, &grid)]);
    rest_of_sgd(&found, master, gradient, step, (update, store))
}

/// One block's step; nothing is changed where a value is out of range.
fn sgd_in_place<T: Lane>(level: Level, master: &mut [i32], gradient: &[T], grid: &Grid) -> Counted {
    let mut new = [0i32; BLOCK];
    let new = &mut new[..master.len()];
    let counted = T::sgd(level, master, gradient, grid, new);
    if counted.is_some() {
        master.copy_from_slice(new);
    }
    counted
}

fn rest_of_sgd<T: Lane>(
    found: &Found,
    master: &mut [i32],
    gradient: &[T],
    step: &Step,
    (update, store): (&mut Site, &mut Site),
) -> Result<StepCount, OverflowError> {
    let mut count = StepCount { non_zero: found.non_zero, vanished: found.lost };
    found.each_left(gradient.len(), store, |at, store| {
        count = count.plus(sgd_plainly(&mut master[at.clone()], &gradient[at], step, (update, store))?);
        Ok(())
    })?;
    Ok(count)
}

fn sgd_plainly<T: Lane>(
    master: &mut [i32],
    gradient: &[T],
    step: &Step,
    sites: (&mut Site, &mut Site),
) -> Result<StepCount, OverflowError> {
    kernels::descend(master, gradient.iter().map(|&g| g.into() - i64::from(step.src_zero)), step, sites)
}
