//! SGD on weights whose range is taken anew: over a fixed fine grid, on to codes of the new range.

use super::LearnError;
use super::kernels::{self, StepCount, WIDE_FRACTION};
use super::lanes::{self, Codes, Twice, Way};
use super::param::{Base, Source};
use super::slot_state::SlotState;
use crate::numeric::{QParams, Rounder, Rounding, Scale, Values};

/// From base codes one step to the fine grid: all at once, or value by value.
pub(super) fn step_fine(
    way: Way,
    (codes, params, farthest): (&[i32], QParams, u64),
    source: &Source<'_>,
    rate: Scale,
    (rounder, wide): (&mut Rounder, &mut [i64]),
) -> (StepCount, (i64, i64)) {
    let fine = rate.mul(Scale::pow2(WIDE_FRACTION));
    let base = (codes, params.zero_point, params.scale.mul(Scale::pow2(WIDE_FRACTION)), farthest);
    let mode = rounder.mode();
    let stepped = match *source {
        Source::Codes(g, p, Some(most)) => {
            lanes::step_fine(way, base, (g, p.zero_point, fine.mul(p.scale), most), mode, wide)
        }
        Source::Wide(g, unit, Some(most)) => lanes::step_fine(way, base, (g, 0, fine.mul(unit), most), mode, wide),
        _ => None,
    };
    if let Some((non_zero, range)) = stepped {
        return (StepCount { non_zero, vanished: 0 }, range);
    }
    kernels::widen(codes, params.zero_point, params.scale, wide);
    let count = step_wide(wide, source, rate, rounder);
    (count, kernels::gradient_range_wide(wide))
}

/// Updates, and the smallest and largest of the new codes where they are known.
type Landed = (StepCount, Option<(i32, i32)>);

/// From base codes of 32-bit sums over the fine grid to the master's codes, without the fine grid in memory; `None`, and nothing done, where
/// [`step_fine`] and [`store_fine`] must do it. Gives the codes' range too, that of zero inside, where none was out of range.
pub(super) fn step_twice(
    way: Way,
    base: Base<'_>,
    source: &Source<'_>,
    (rate, mode): (Scale, Rounding),
    (slot, codes, params): (&mut SlotState, &mut [i32], &mut QParams),
) -> Option<Result<Landed, LearnError>> {
    let (Values::Codes { codes: from, params: of_base }, Source::Codes(g, of_g, Some(most))) = (base.values, source)
    else {
        return None;
    };
    if of_g.zero_point != 0 {
        return None;
    }
    let gradient = (*g, rate.mul(Scale::pow2(WIDE_FRACTION)).mul(of_g.scale), *most);
    let from = base.bytes.map_or(Codes::Words(from), Codes::Bytes);
    let factor = of_base.scale.mul(Scale::pow2(WIDE_FRACTION));
    let twice = Twice::new(way, (from, of_base.zero_point, factor, base.farthest), gradient, mode)?;
    let (non_zero, range) = twice.found;
    let to = slot.grid(range, Scale::pow2(-WIDE_FRACTION));
    let (requant, limit) = (slot.requant(0, &to), half_code(rate, of_g.scale.to_f64(), to.params.scale));
    let below = twice.store(&requant, limit, &mut slot.site, codes)?;
    *params = to.params;
    // Rounding is monotonic: the ends of the range are the ends of the codes.
    let mut end = |x| requant.within(x, &mut slot.site.rounder);
    let ends = end(range.0).zip(end(range.1));
    Some(below.map(|vanished| (StepCount { non_zero, vanished }, ends)).map_err(LearnError::from))
}

pub(super) fn step_wide(wide: &mut [i64], source: &Source<'_>, rate: Scale, rounder: &mut Rounder) -> StepCount {
    let fine = rate.mul(Scale::pow2(WIDE_FRACTION));
    match *source {
        Source::Codes(g, p, _) => {
            let zero = i64::from(p.zero_point);
            kernels::subtract_step_wide(wide, g.iter().map(|&g| i64::from(g) - zero), fine.mul(p.scale), rounder)
        }
        Source::Wide(g, unit, _) => kernels::subtract_step_wide(wide, g.iter().copied(), fine.mul(unit), rounder),
        Source::Reals(g) => {
            let (fine, mut count) = (fine.to_f64(), StepCount::default());
            for (w, &g) in wide.iter_mut().zip(g) {
                let moved = rounder.real(f64::from(g) * fine);
                count.non_zero += u64::from(g != 0.0);
                count.vanished += u64::from(g != 0.0 && moved == 0);
                *w = w.saturating_sub(moved);
            }
            count
        }
    }
}

/// The gradient, in units of `unit`, whose step is half of one code `lsb`.
fn half_code(rate: Scale, unit: f64, lsb: Scale) -> f64 {
    lsb.to_f64() / (2.0 * rate.to_f64() * unit)
}

/// Non-zero gradients whose step is below half of one code `lsb`: counted in f64, since no device needs the number.
pub(super) fn below_half(way: Way, source: &Source<'_>, rate: Scale, lsb: Scale) -> u64 {
    let limit = |unit: f64| half_code(rate, unit, lsb);
    match *source {
        Source::Codes(g, p, _) => lanes::count_below(way, g, p.zero_point, limit(p.scale.to_f64())),
        Source::Wide(g, unit, _) => lanes::count_below(way, g, 0, limit(unit.to_f64())),
        Source::Reals(g) => {
            let limit = limit(1.0);
            let below = g.iter().filter(|&&g| g != 0.0 && f64::from(g).abs() < limit).count();
            u64::try_from(below).unwrap_or(u64::MAX)
        }
    }
}

/// Fine grid → codes of a slot, with the fixed grid or the values' own range.
pub(crate) fn store_wide(wide: &[i64], slot: &mut SlotState, codes: &mut [i32]) -> Result<QParams, LearnError> {
    store_fine((Way::best(), wide, kernels::gradient_range_wide(wide)), slot, codes)
}

/// As [`store_wide`] where the range is known.
pub(super) fn store_fine(
    (way, wide, range): (Way, &[i64], (i64, i64)),
    slot: &mut SlotState,
    codes: &mut [i32],
) -> Result<QParams, LearnError> {
    let to = slot.grid(range, Scale::pow2(-WIDE_FRACTION));
    let requant = slot.requant(0, &to);
    let most = Some(range.0.unsigned_abs().max(range.1.unsigned_abs()));
    lanes::requant(way, (wide, most), &requant, &mut slot.site, codes)?;
    Ok(to.params)
}
