//! From a gradient's sums to the step of the weights in one pass: a sum becomes a code, and the code moves its weight, without leaving
//! the registers in between.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod simd;

use super::super::kernels::{Requant, Site, Step, StepCount, product, stepped};
use super::blocks::{Counted, Found, blocks};
use super::elementwise::{Grid, Lane, grid_of, grid_of_step, requant, sgd};
use super::rounding::{Route, low_bits};
use super::{Level, Way};
use crate::numeric::{Overflow, OverflowError, Rounder, Rounding};

/// Values of one block: a weight out of range is rare here.
const BLOCK: usize = 1024;

/// What [`requant_and_step`] did.
pub(crate) struct Descent {
    /// Sums other than zero, and those among them that moved no weight.
    pub count: StepCount,
    /// The codes are there; else they went from register to register.
    pub kept: bool,
}

/// [`requant`] of a gradient's sums, all of which lie in `range`, and [`sgd`] with its codes, of which none is farther than `farthest` from
/// zero.
pub(crate) fn requant_and_step<T: Lane>(
    way: Way,
    (sums, range): (&[T], Option<(i64, i64)>),
    (to, site): (&Requant, &mut Site),
    codes: &mut [i32],
    (master, step, farthest): (&mut [i32], &Step, Option<u64>),
    (update, store): (&mut Site, &mut Site),
) -> Result<Descent, OverflowError> {
    let most = range.map(|(lo, hi)| lo.unsigned_abs().max(hi.unsigned_abs()));
    let grids = grid_of::<T>(way, most, to, site).zip(grid_of_step::<i32>(way, farthest, step, update));
    let pass = grids.zip(range).and_then(|((grid, of_step), range)| {
        let ends = ends(to, range)?;
        Pass::new::<T>(way.level, (&grid, &of_step, farthest), ends, ends != range)
    });
    let Some(pass) = pass else {
        let (non_zero, lost) = requant(way, (sums, most), to, site, codes)?;
        let moved = sgd(way, master, (&*codes, farthest), step, (update, store))?;
        return Ok(Descent { count: StepCount { non_zero, vanished: lost + moved.vanished }, kept: true });
    };
    let [quantised, moved] = blocks(way, (sums, &mut *master, BLOCK), |sums, master| pass.step(sums, master));
    note_beyond(&quantised, sums, to, site)?;
    Ok(Descent { count: rest(&moved, (sums, to), master, step, (update, store))?, kept: false })
}

/// The sums of a range whose codes are in range; those beyond them become the first and the last code. `None` where the rule is another.
///
/// Rounding is monotonic, so only the ends of the range need be looked at.
fn ends(to: &Requant, (lo, hi): (i64, i64)) -> Option<(i64, i64)> {
    let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
    let mut fits = |x| to.within(x, &mut rounder).is_some();
    if lo > 0 || hi < 0 || !fits(0) {
        return None;
    }
    let mut end = |far: i64| {
        let (mut inside, mut outside) = (0i64, far);
        if fits(far) {
            return far;
        }
        while inside.abs_diff(outside) > 1 {
            let middle = inside + (outside - inside) / 2;
            if fits(middle) { inside = middle } else { outside = middle }
        }
        inside
    };
    let found = (end(lo), end(hi));
    (found == (lo, hi) || to.overflow == Overflow::Saturate).then_some(found)
}

/// How a block goes: factors of both roundings, and the limits of what comes of them.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
struct Pass {
    /// From a sum to its code less its zero.
    factor: f64,
    /// From there to the weight's step.
    step: f64,
    /// Sums beyond are taken for these.
    ends: (i64, i64),
    clamps: bool,
    master: (i32, i32),
    once: Option<Once>,
}

/// Both roundings as one, in 32-bit floats, where that is as good.
///
/// A code is within a half of the exact product, so the step from it is within `step / 2` of the sum's own, which floats miss by little
/// more. Where that comes no nearer to a tie than both together, the nearest whole number is the same.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
struct Once {
    factor: f32,
    /// Farther from a whole number the two roundings are made one by one.
    sure: f32,
}

impl Once {
    /// `None` where too many values would come near a tie.
    fn new(factor: f64, step: f64, most: u64) -> Option<Self> {
        let largest = most as f64 * factor * step;
        let miss = step / 2.0 + largest * f64::from(2f32.powi(-22)) + f64::from(2f32.powi(-20));
        let by = factor * step;
        (miss < 1.0 / 256.0 && by > 1e-30 && largest < f64::from(1 << 20))
            .then_some(Self { factor: by as f32, sure: (0.5 - miss) as f32 })
    }
}

impl Pass {
    /// `None` unless both grids round by floats on this level, zero is the sums' zero, the step starts from the codes' zero, and all results
    /// fit 32 bits.
    fn new<T: Lane>(
        level: Level,
        (grid, step, farthest): (&Grid, &Grid, Option<u64>),
        ends: (i64, i64),
        clamps: bool,
    ) -> Option<Self> {
        let float = |route| match route {
            Route::Narrow(x) => Some((x, true)),
            Route::Fused(x) => Some((x, false)),
            Route::Integer(_) => None,
        };
        let ((factor, short), (by, short_step)) = (float(grid.route)?, float(step.route)?);
        let fits = T::WIDE || short && short_step;
        let small = farthest? as f64 * by < f64::from(i32::MAX);
        let same = grid.src_zero == 0 && step.src_zero == grid.dst_zero;
        let most = ends.0.unsigned_abs().max(ends.1.unsigned_abs());
        (level == Level::Avx512 && fits && small && same).then(|| Self {
            factor,
            step: by,
            ends,
            clamps,
            master: (step.lo, step.hi),
            once: Once::new(factor, by, most).filter(|_| !T::WIDE),
        })
    }

    /// `master −= round(code · step)`, modulo 2^32, of the sums' codes. Gives whether all codes were in range, and, if all weights are, the
    /// sums other than zero and how many of those moved nothing.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    fn step<T: Lane>(&self, sums: &[T], master: &mut [i32]) -> [Counted; 2] {
        #[cfg(target_arch = "x86_64")]
        match (T::in_32(sums), T::in_64(sums)) {
            (Some(sums), _) => return simd::step_short(self, sums, master),
            (_, Some(sums)) => return simd::step_long(self, sums, master),
            _ => {}
        }
        [None; 2]
    }
}

/// Counts the codes, block by block where all are in range, else one by one: an overflow is kept with its place.
fn note_beyond<T: Lane>(found: &Found, sums: &[T], to: &Requant, site: &mut Site) -> Result<(), OverflowError> {
    found.each_left(sums.len(), site, |at, site| {
        sums[at].iter().try_for_each(|&x| to.centred(x.into(), site).map(|_| ()))
    })
}

/// The blocks with a weight out of range: steps modulo 2^32 are taken back, then the plain kernel makes them in order.
fn rest<T: Lane>(
    found: &Found,
    (sums, to): (&[T], &Requant),
    master: &mut [i32],
    step: &Step,
    (update, store): (&mut Site, &mut Site),
) -> Result<StepCount, OverflowError> {
    let mut count = StepCount { non_zero: found.non_zero, vanished: found.lost };
    // The codes have been counted.
    let mut unseen = Site::new("", Rounding::TiesEven, 0, 0);
    found.each_left(sums.len(), store, |at, store| {
        let mut code_of = |x: T| to.centred(x.into(), &mut unseen).map(|code| i64::from(code) - i64::from(to.dst_zero));
        for (w, &x) in master[at.clone()].iter_mut().zip(&sums[at.clone()]) {
            let moved = product(code_of(x)?, step.factor, &mut update.rounder);
            *w = w.wrapping_add(low_bits(moved.cast_unsigned()));
        }
        for (w, &x) in master[at.clone()].iter_mut().zip(&sums[at]) {
            let mut one = StepCount::default();
            *w = stepped(*w, code_of(x)?, step, update, store, &mut one)?;
            let some = !x.is(0);
            let moved = one.non_zero > one.vanished;
            count = count.plus(StepCount { non_zero: some.into(), vanished: (some && !moved).into() });
        }
        Ok(())
    })?;
    Ok(count)
}
