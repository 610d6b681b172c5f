//! One value in, one value out: requantising and SGD's step.

use super::super::kernels::{Requant, Site, Step, StepCount, stepped};
use super::Level;
use super::rounding::{InFloats, InIntegers, Round, Route, Source, low_bits};
use crate::numeric::OverflowError;
use std::ops::Range;

/// Values of one block: few enough that one value out of range costs little.
pub(super) const BLOCK: usize = 256;

/// What a block needs besides its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    route: Route,
    src_zero: i32,
    dst_zero: i32,
    lo: i32,
    hi: i32,
}

/// Non-zero values and those among them that came to nothing; `None` if any value of the block is out of range.
pub(crate) type Counted = Option<(u64, u64)>;

/// Runs `$body` with `$round` for the grid's route.
macro_rules! by_route {
    ($t:ty, $grid:expr, $body:ident($($arg:expr),*)) => {
        match $grid.route {
            Route::Integer(f) if InIntegers::looks_at_sign(&f) || $grid.lo == i32::MIN || $grid.hi == i32::MAX => {
                $body::<$t, _, true>($($arg),*, InIntegers::<true>(f))
            }
            Route::Integer(f) => $body::<$t, _, false>($($arg),*, InIntegers::<false>(f)),
            Route::Narrow(f) => $body::<$t, _, false>($($arg),*, InFloats::<true>(f)),
            Route::Fused(f) => $body::<$t, _, false>($($arg),*, InFloats::<false>(f)),
        }
    };
}

/// `dst = dst_zero + round((src − src_zero) · factor)`.
#[inline(always)]
pub(super) fn requant_block<T: Source>(src: &[T], grid: &Grid, dst: &mut [i32]) -> Counted {
    by_route!(T, grid, requant_values(src, grid, dst))
}

/// `CAREFUL`: a limit may be an end of i32, which a value limited to i32 could hide behind.
#[inline(always)]
fn requant_values<T: Source, R: Round<T>, const CAREFUL: bool>(
    src: &[T],
    grid: &Grid,
    dst: &mut [i32],
    round: R,
) -> Counted {
    let (mut outside, mut non_zero, mut zero) = (0i32, 0u32, 0u32);
    let (mut least, mut most) = (grid.lo, grid.hi);
    let (mut least_wide, mut most_wide) = (i64::from(grid.lo), i64::from(grid.hi));
    let g = *grid;
    for (d, &s) in dst.iter_mut().zip(src) {
        if R::NARROW {
            *d = round.narrow(s, g.src_zero).wrapping_add(g.dst_zero);
            (least, most) = (least.min(*d), most.max(*d));
        } else if R::SHORT {
            let y = round.of(s, g.src_zero).0 + i64::from(g.dst_zero);
            *d = low_bits(y.cast_unsigned());
            (least_wide, most_wide) = (least_wide.min(y), most_wide.max(y));
        } else {
            let (y, bad) = round.of(s, g.src_zero);
            let y = y + i64::from(g.dst_zero);
            *d = low(y);
            outside |= bad | beyond::<CAREFUL>(y, *d, &g);
        }
        non_zero += u32::from(!s.is(g.src_zero));
        zero += u32::from(*d == g.dst_zero);
    }
    let beyond = (least < g.lo) | (most > g.hi) | (least_wide < g.lo.into()) | (most_wide > g.hi.into());
    outside |= -i32::from(beyond);
    counted(outside, src.len(), (non_zero, zero))
}

/// `weights −= round((gradient − src_zero) · factor)` into `out`.
#[inline(always)]
pub(super) fn sgd_block<T: Source>(weights: &[i32], gradient: &[T], grid: &Grid, out: &mut [i32]) -> Counted {
    by_route!(T, grid, sgd_values(weights, gradient, grid, out))
}

#[inline(always)]
fn sgd_values<T: Source, R: Round<T>, const CAREFUL: bool>(
    weights: &[i32],
    gradient: &[T],
    grid: &Grid,
    out: &mut [i32],
    round: R,
) -> Counted {
    let (mut outside, mut non_zero, mut same) = (0i32, 0u32, 0u32);
    let (mut least, mut most) = (grid.lo, grid.hi);
    let (mut least_wide, mut most_wide) = (i64::from(grid.lo), i64::from(grid.hi));
    let g = *grid;
    for ((d, &w), &s) in out.iter_mut().zip(weights).zip(gradient) {
        if R::NARROW {
            *d = w.wrapping_sub(round.narrow(s, g.src_zero));
            (least, most) = (least.min(*d), most.max(*d));
        } else if R::SHORT {
            let y = i64::from(w) - round.of(s, g.src_zero).0;
            *d = low_bits(y.cast_unsigned());
            (least_wide, most_wide) = (least_wide.min(y), most_wide.max(y));
        } else {
            let (moved, bad) = round.of(s, g.src_zero);
            let y = i64::from(w) - moved;
            *d = low(y);
            outside |= bad | beyond::<CAREFUL>(y, *d, &g);
        }
        non_zero += u32::from(!s.is(g.src_zero));
        same += u32::from(*d == w);
    }
    let beyond = (least < g.lo) | (most > g.hi) | (least_wide < g.lo.into()) | (most_wide > g.hi.into());
    outside |= -i32::from(beyond);
    counted(outside, weights.len(), (non_zero, same))
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
}

macro_rules! lane {
    ($t:ty, $largest:expr, $requant:ident, $sgd:ident) => {
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
        }
    };
}

lane!(i32, 1 << 32, requant_i32, sgd_i32);
lane!(i64, u64::MAX, requant_i64, sgd_i64);

/// What the blocks of a tensor gave: counts, and the blocks that the plain kernel must do.
#[derive(Debug, Default)]
struct Found {
    non_zero: u64,
    lost: u64,
    left: Vec<usize>,
}

impl Found {
    fn note(&mut self, block: usize, counted: Counted) {
        match counted {
            Some((n, l)) => (self.non_zero, self.lost) = (self.non_zero + n, self.lost + l),
            None => self.left.push(block),
        }
    }

    /// Places of the blocks that are left, of a tensor of `n` values.
    fn left_of(&self, n: usize) -> impl Iterator<Item = Range<usize>> {
        self.left.iter().map(move |&block| block * BLOCK..((block + 1) * BLOCK).min(n))
    }
}

/// `one` on each block of `dst` and `src`.
fn blocks<T: Lane>((src, dst): (&[T], &mut [i32]), one: impl Fn(&[T], &mut [i32]) -> Counted) -> Found {
    let mut found = Found::default();
    for (i, (src, dst)) in src.chunks(BLOCK).zip(dst.chunks_mut(BLOCK)).enumerate() {
        found.note(i, one(src, dst));
    }
    found
}

/// [`Requant`] of every value; gives the number of values other than zero and of those among them that became the code of zero.
///
/// `most`: no value less its zero is larger, where that is known; it picks a faster way, not another result.
/// Equals `kernels::forward_copy`, `quantise_error` and `quantise_gradient`.
pub(crate) fn requant<T: Lane>(
    level: Level,
    (src, most): (&[T], Option<u64>),
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    let bound = (level.fused(), most.unwrap_or(T::LARGEST));
    let route = Route::new::<T>(requant.factor, site.rounder.mode(), bound, (requant.lo, requant.hi));
    let Some(route) = route else { return requant_plainly(src, requant, site, dst) };
    let grid = Grid { route, src_zero: requant.src_zero, dst_zero: requant.dst_zero, lo: requant.lo, hi: requant.hi };
    let found = blocks((src, &mut *dst), |src, dst| T::requant(level, src, &grid, dst));
    let (mut non_zero, mut lost, mut plain) = (found.non_zero, found.lost, 0);
    for at in found.left_of(src.len()) {
        plain += at.len();
        let (n, l) = requant_plainly(&src[at.clone()], requant, site, &mut dst[at])?;
        (non_zero, lost) = (non_zero + n, lost + l);
    }
    site.count.total += u64::try_from(src.len() - plain).unwrap_or(u64::MAX);
    Ok((non_zero, lost))
}

fn requant_plainly<T: Lane>(
    src: &[T],
    requant: &Requant,
    site: &mut Site,
    dst: &mut [i32],
) -> Result<(u64, u64), OverflowError> {
    let (mut non_zero, mut lost) = (0, 0);
    for (d, &s) in dst.iter_mut().zip(src) {
        let x = s.into() - i64::from(requant.src_zero);
        *d = requant.centred(x, site)?;
        non_zero += u64::from(x != 0);
        lost += u64::from(x != 0 && *d == requant.dst_zero);
    }
    Ok((non_zero, lost))
}

/// SGD's step on codes; `most` as in [`requant`]. Equals `kernels::sgd_update` and `sgd_update_wide`.
pub(crate) fn sgd<T: Lane>(
    level: Level,
    master: &mut [i32],
    (gradient, most): (&[T], Option<u64>),
    step: &Step,
    update: &mut Site,
    store_site: &mut Site,
) -> Result<StepCount, OverflowError> {
    let bound = (level.fused(), most.unwrap_or(T::LARGEST));
    let route = Route::new::<T>(step.factor, update.rounder.mode(), bound, (step.lo, step.hi));
    let Some(route) = route else { return sgd_plainly(master, gradient, step, update, store_site) };
    let grid = Grid { route, src_zero: step.src_zero, dst_zero: 0, lo: step.lo, hi: step.hi };
    let found = blocks((gradient, &mut *master), |gradient, master| {
        let mut new = [0i32; BLOCK];
        let new = &mut new[..master.len()];
        let counted = T::sgd(level, master, gradient, &grid, new);
        if counted.is_some() {
            master.copy_from_slice(new);
        }
        counted
    });
    let mut count = StepCount { non_zero: found.non_zero, vanished: found.lost };
    let mut plain = 0;
    for at in found.left_of(gradient.len()) {
        plain += at.len();
        count = count.plus(sgd_plainly(&mut master[at.clone()], &gradient[at], step, update, store_site)?);
    }
    store_site.count.total += u64::try_from(gradient.len() - plain).unwrap_or(u64::MAX);
    Ok(count)
}

fn sgd_plainly<T: Lane>(
    master: &mut [i32],
    gradient: &[T],
    step: &Step,
    update: &mut Site,
    store_site: &mut Site,
) -> Result<StepCount, OverflowError> {
    let mut count = StepCount::default();
    for (w, &g) in master.iter_mut().zip(gradient) {
        let x = g.into() - i64::from(step.src_zero);
        *w = stepped(*w, x, step, update, store_site, &mut count)?;
    }
    Ok(count)
}

/// Smallest and largest code, 0 inside.
#[inline(always)]
pub(super) fn range_of(codes: &[i32], zero: i32) -> (i32, i32) {
    codes.iter().fold((zero, zero), |(lo, hi), &c| (lo.min(c), hi.max(c)))
}

/// [`range_of`] at the machine's level.
pub(crate) fn range(level: Level, codes: &[i32], zero: i32) -> (i32, i32) {
    #[cfg(target_arch = "x86_64")]
    if level != Level::Plain {
        return super::simd::range_level(level, codes, zero);
    }
    let _ = level;
    range_of(codes, zero)
}
