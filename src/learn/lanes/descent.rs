//! From a gradient's sums to the step of the weights in one pass.

use super::super::kernels::{Requant, Site, Step, StepCount};
use super::Way;
use super::blocks::blocks;
use super::elementwise::{Lane, grid_of, grid_of_step, requant, rest_of_requant, rest_of_sgd, sgd, sgd_in_place};
use super::narrow::Narrow;
use super::wide::Long;
use crate::numeric::OverflowError;

/// What [`requant_and_step`] did.
pub(crate) struct Descent {
    /// As [`requant`].
    pub quantised: (u64, u64),
    /// As [`sgd`].
    pub step: StepCount,
    /// The codes are there; else they went from register to register.
    pub kept: bool,
}

/// [`requant`] of a gradient's sums and [`sgd`] with its codes, of which none is farther than `farthest` from zero: each block steps
/// while it is in the nearest cache, or in registers.
pub(crate) fn requant_and_step<T: Lane>(
    way: Way,
    (sums, most): (&[T], Option<u64>),
    (to, site): (&Requant, &mut Site),
    codes: &mut [i32],
    (master, step, farthest): (&mut [i32], &Step, Option<u64>),
    (update, store): (&mut Site, &mut Site),
) -> Result<Descent, OverflowError> {
    let grids = grid_of::<T>(way, most, to, site).zip(grid_of_step::<i32>(way, farthest, step, update));
    let Some((grid, of_step)) = grids else {
        let quantised = requant(way, (sums, most), to, site, codes)?;
        let step = sgd(way, master, (&*codes, farthest), step, (update, store))?;
        return Ok(Descent { quantised, step, kept: true });
    };
    let narrow = Narrow::new(way.level, &grid, Some(&of_step)).filter(|_| !T::WIDE);
    let long = Long::new(way.level, &grid, &of_step, farthest).filter(|_| T::WIDE);
    let [quantised, stepped] = blocks(way, (sums, &mut *codes, &mut *master), |sums, codes, master| {
        match (narrow, T::in_32(sums), long, T::in_64(sums)) {
            (Some(narrow), Some(sums), ..) => return narrow.requant_and_step(sums, codes, master),
            (.., Some(long), Some(sums)) => return long.step(sums, master),
            _ => {}
        }
        let quantised = T::requant(way.level, sums, &grid, codes);
        [quantised, quantised.and_then(|_| sgd_in_place(way.level, master, codes, &of_step))]
    });
    let in_registers = narrow.is_some() || long.is_some();
    if in_registers && !stepped.left.is_empty() {
        blocks(way, (sums, &mut *codes, &mut []), |sums, codes, _| [T::requant(way.level, sums, &grid, codes)]);
    }
    let kept = !in_registers || !stepped.left.is_empty();
    let quantised = rest_of_requant(&quantised, sums, to, site, codes)?;
    Ok(Descent { quantised, step: rest_of_sgd(&stepped, master, codes, step, (update, store))?, kept })
}
