//! From the master weights to the forward copy, in every pair of formats.

use super::LearnError;
use super::kernels;
use super::lanes::{self, Way};
use super::slot_state::{SlotState, real_range};
use crate::numeric::{Format, QParams, Requantiser, Scale, Values};

/// A tensor into a slot's format; `margin_percent` widens a dynamic range on both sides.
pub(crate) fn convert(
    way: Way,
    src: &Values,
    slot: &mut SlotState,
    margin_percent: i64,
    scratch: &mut Vec<f64>,
    dst: &mut Values,
) -> Result<(), LearnError> {
    match (src, &mut *dst) {
        (Values::Codes { codes, params }, Values::Codes { codes: out, params: out_params }) => {
            if slot.format == Format::Binary {
                *out_params = binary(codes, *params, out);
                return Ok(());
            }
            let (to, range) = grid_of_copy(way, (codes, *params, None), slot, margin_percent);
            let zero = params.zero_point;
            let most = range.map(|(lo, hi)| lo.abs_diff(zero).max(hi.abs_diff(zero)).into());
            *out_params = to.params;
            let requant = slot.requant(params.zero_point, &to);
            lanes::requant(way, (codes, most), &requant, &mut slot.site, out)?;
            Ok(())
        }
        (Values::Codes { codes, params }, Values::Real(_)) => {
            scratch.clear();
            scratch.extend(codes.iter().map(|&c| params.real(c)));
            slot.fill_from_reals(scratch, dst, "weights")
        }
        (Values::Real(reals), Values::Codes { codes: out, params: out_params }) => {
            if slot.format == Format::Binary {
                *out_params = binary_of_reals(reals, out)?;
                return Ok(());
            }
            scratch.clear();
            scratch.extend(reals.iter().map(|&x| f64::from(x)));
            let (lo, hi) = real_range(scratch, "weights")?;
            let margin = (hi - lo) * margin_percent as f64 / 100.0;
            *out_params = slot.real_grid(lo - margin, hi + margin)?;
            for (d, &x) in out.iter_mut().zip(&*scratch) {
                *d = slot.code_of(x, *out_params)?;
            }
            Ok(())
        }
        (Values::Real(reals), Values::Real(out)) => {
            for (d, &x) in out.iter_mut().zip(reals) {
                *d = kernels::round_to_format(x, slot.format);
            }
            slot.settle(out)
        }
    }
}

/// The grid of a slot's copy of codes, and the codes' range, that of zero inside, where it is asked for; it is looked
/// for where it is not known.
pub(crate) fn grid_of_copy(
    way: Way,
    (codes, params, known): (&[i32], QParams, Option<(i32, i32)>),
    slot: &SlotState,
    margin_percent: i64,
) -> (Requantiser, Option<(i32, i32)>) {
    let zero = params.zero_point;
    // A fixed grid does without.
    let range = slot.is_dynamic().then(|| known.unwrap_or_else(|| lanes::range(way, codes, zero)));
    let to = integer_grid(range.unwrap_or((zero, zero)), params, slot, margin_percent);
    (to, range)
}

/// `range`: the smallest and largest code, that of zero inside.
fn integer_grid(range: (i32, i32), params: QParams, slot: &SlotState, margin_percent: i64) -> Requantiser {
    if !slot.is_dynamic() {
        return slot.grid((0, 0), params.scale);
    }
    let zero = i64::from(params.zero_point);
    let (lo, hi) = (i64::from(range.0) - zero, i64::from(range.1) - zero);
    if margin_percent == 0 || lo == hi {
        return slot.grid((lo, hi), params.scale);
    }
    // In hundredths of a code, so that the margin is exact.
    let margin = (hi - lo) * margin_percent;
    let hundredth = params.scale.mul(Scale::ratio(1, 100).unwrap_or(Scale::ONE));
    let to = slot.grid((lo * 100 - margin, hi * 100 + margin), hundredth);
    Requantiser { params: to.params, factor: params.scale.div(to.params.scale) }
}

/// Signs (zero counts as +1), with the mean magnitude as their scale.
fn binary(codes: &[i32], params: QParams, out: &mut [i32]) -> QParams {
    let mut magnitude = 0u64;
    for (d, &c) in out.iter_mut().zip(codes) {
        let c = i64::from(c) - i64::from(params.zero_point);
        magnitude += c.unsigned_abs();
        *d = if c < 0 { -1 } else { 1 };
    }
    let n = u64::try_from(codes.len()).unwrap_or(u64::MAX);
    let mean = Scale::ratio(magnitude.max(1), n.max(1)).unwrap_or(Scale::ONE);
    QParams::symmetric(params.scale.mul(mean))
}

fn binary_of_reals(reals: &[f32], out: &mut [i32]) -> Result<QParams, LearnError> {
    let mut magnitude = 0f64;
    for (d, &x) in out.iter_mut().zip(reals) {
        magnitude += f64::from(x.abs());
        *d = if x < 0.0 { -1 } else { 1 };
    }
    let mean = magnitude / reals.len().max(1) as f64;
    Ok(QParams::symmetric(if mean > 0.0 { Scale::from_f64(mean)? } else { Scale::pow2(-20) }))
}
