//! CWR*'s rows of one parameter tensor: loading, sums, weighted merging.

use super::LearnError;
use super::forward::dequantise;
use super::kernels::{self, WIDE_FRACTION};
use super::param::Param;
use super::param_fine::store_wide;
use super::slot_state::SlotState;
use crate::numeric::{Format, QParams, Scale, Values};

/// Sum of rows in one of the arithmetics, and how many values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RowSum {
    /// In units of the scale.
    Codes(i64, Scale, i64),
    Real(f32, usize),
}

/// Which arithmetic one merge runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeKind {
    /// Codes on fixed grids, `past` in fixed point of so many fraction bits.
    Codes(u32),
    /// As `Codes` on the fine grid, since a range is taken anew.
    Fine(u32),
    /// f32.
    Real,
}

/// Temporary and consolidated rows as codes.
struct Codes<'a> {
    tw: &'a [i32],
    tp: QParams,
    cw: &'a mut [i32],
    cp: &'a mut QParams,
    slot: &'a mut SlotState,
}

impl Param {
    pub fn merge_kind(&self, past: Format) -> MergeKind {
        let fraction = match past {
            Format::Fixed(fixed) => fixed.fraction_bits().min(16),
            _ => return MergeKind::Real,
        };
        if !(self.master_slot.is_integer() && self.consolidated_slot.is_integer()) {
            MergeKind::Real
        } else if self.master_slot.is_dynamic() || self.consolidated_slot.is_dynamic() {
            MergeKind::Fine(fraction)
        } else {
            MergeKind::Codes(fraction)
        }
    }

    /// Master rows: consolidated where `take`, as they are where `keep`, else zero (LoadRows).
    pub fn load(&mut self, take: &[bool], keep: &[bool], scratch: &mut Vec<f64>) -> Result<(), LearnError> {
        let none_kept = !keep.iter().any(|&k| k);
        let fixed = !self.master_slot.is_dynamic();
        if let (Values::Codes { codes: m, params: mp }, Values::Codes { codes: c, params: cp }) =
            (&mut *self.master, &self.consolidated)
            && self.master_slot.format == self.consolidated_slot.format
            && (fixed || none_kept)
        {
            *mp = *cp;
            for (row, ((m, c), &t)) in
                m.chunks_exact_mut(self.columns).zip(c.chunks_exact(self.columns)).zip(take).enumerate()
            {
                if t || !keep[row] {
                    kernels::load_rows(m, c, self.columns, &[t], cp.zero_point);
                }
            }
            return Ok(());
        }
        scratch.clear();
        let columns = self.columns;
        for (row, &t) in take.iter().enumerate() {
            let at = row * columns..(row + 1) * columns;
            match (t, keep[row]) {
                (true, _) => extend(scratch, &self.consolidated, at),
                (false, true) => extend(scratch, &self.master, at),
                (false, false) => scratch.extend(std::iter::repeat_n(0.0, columns)),
            }
        }
        self.master_slot.fill_from_reals(scratch, &mut self.master, "loaded rows")
    }

    /// Sum of the current classes' rows (MeanRows).
    pub fn sum(&mut self, rows: &[bool], kind: MergeKind) -> RowSum {
        match (&*self.master, kind) {
            (Values::Codes { codes, params }, MergeKind::Codes(_) | MergeKind::Fine(_)) => {
                let (sum, n) = kernels::sum_rows(codes, self.columns, rows, params.zero_point);
                RowSum::Codes(sum, params.scale, n)
            }
            (Values::Codes { codes, params }, MergeKind::Real) => {
                let mut reals = vec![0.0; codes.len()];
                dequantise(codes, *params, &mut reals);
                let (sum, n) = kernels::sum_rows_f32(&reals, self.columns, rows);
                RowSum::Real(sum, n)
            }
            (Values::Real(reals), _) => {
                let (sum, n) = kernels::sum_rows_f32(reals, self.columns, rows);
                RowSum::Real(sum, n)
            }
        }
    }

    /// Merges the current classes' rows (ConsolidateRows); `mean` is the real mean's parts, `weights` the past weights.
    pub fn merge(&mut self, rows: &[bool], mean: Mean, weights: &PastWeights) -> Result<(), LearnError> {
        match (mean, weights) {
            (Mean::Codes(mean, unit, fraction), PastWeights::Codes(w)) if !self.is_any_dynamic() => {
                self.merge_codes(rows, (mean, unit, fraction), w)
            }
            (Mean::Codes(mean, unit, fraction), PastWeights::Codes(w)) => {
                self.merge_fine(rows, (mean, unit, fraction), w)
            }
            (Mean::Real(mean), PastWeights::Reals(w)) => self.merge_real(rows, mean, w),
            _ => Err(LearnError::NotFinite { what: "a consolidation of mixed arithmetic" }),
        }
    }

    fn is_any_dynamic(&self) -> bool {
        self.master_slot.is_dynamic() || self.consolidated_slot.is_dynamic()
    }

    /// What an integer merge reads and writes.
    fn codes(&mut self) -> Result<Codes<'_>, LearnError> {
        match (&*self.master, &mut self.consolidated) {
            (Values::Codes { codes: tw, params: tp }, Values::Codes { codes: cw, params: cp }) => {
                Ok(Codes { tw, tp: *tp, cw, cp, slot: &mut self.consolidated_slot })
            }
            _ => Err(LearnError::NotFinite { what: "an integer consolidation of reals" }),
        }
    }

    fn merge_codes(
        &mut self,
        rows: &[bool],
        (mean, unit, fraction): (i64, Scale, u32),
        weights: &[u32],
    ) -> Result<(), LearnError> {
        let columns = self.columns;
        let Codes { tw, tp, cw, cp, slot } = self.codes()?;
        let mean =
            if unit == tp.scale { mean } else { kernels::product(mean, unit.div(tp.scale), &mut slot.site.rounder) };
        let to = slot.grid((0, 0), tp.scale);
        let requant = slot.requant(tp.zero_point, &to);
        *cp = to.params;
        let row_pairs = cw.chunks_exact_mut(columns).zip(tw.chunks_exact(columns));
        for ((cw, tw), (_, &w)) in row_pairs.zip(rows.iter().zip(weights)).filter(|(_, (take, _))| **take) {
            kernels::consolidate_rows(cw, tw, (mean, w, fraction), &requant, &mut slot.site)?;
        }
        Ok(())
    }

    fn merge_fine(
        &mut self,
        rows: &[bool],
        (mean, unit, fraction): (i64, Scale, u32),
        weights: &[u32],
    ) -> Result<(), LearnError> {
        let columns = self.columns;
        let Codes { tw, tp, cw, cp, slot } = self.codes()?;
        let fine = Scale::pow2(-WIDE_FRACTION);
        let (mut new, mut old) = (vec![0; tw.len()], vec![0; cw.len()]);
        kernels::widen(tw, tp.zero_point, tp.scale, &mut new);
        kernels::widen(cw, cp.zero_point, cp.scale, &mut old);
        // The mean's fraction bits go first: the fine grid has enough of its own.
        let mean = kernels::product(
            mean,
            unit.div(fine).mul(Scale::pow2(-i32::try_from(fraction).unwrap_or(0))),
            &mut slot.site.rounder,
        );
        let one = 1i64 << fraction;
        for (row, _) in rows.iter().enumerate().filter(|(_, take)| **take) {
            let w = i64::from(weights[row]);
            for i in row * columns..(row + 1) * columns {
                let sum = i128::from(old[i]) * i128::from(w) + i128::from(new[i] - mean) * i128::from(one);
                let merged = nearest(sum, i128::from(w + one));
                old[i] = crate::numeric::narrow::saturate_i64(merged);
            }
        }
        *cp = store_wide(&old, slot, cw)?;
        Ok(())
    }

    fn merge_real(&mut self, rows: &[bool], mean: f32, weights: &[f32]) -> Result<(), LearnError> {
        let n = self.columns * rows.len();
        let (mut tw, mut cw) = (vec![0.0; n], vec![0.0; n]);
        to_reals(&self.master, &mut tw);
        to_reals(&self.consolidated, &mut cw);
        let format = self.consolidated_slot.format;
        for (row, _) in rows.iter().enumerate().filter(|(_, take)| **take) {
            let at = row * self.columns..(row + 1) * self.columns;
            kernels::consolidate_rows_f32(&mut cw[at.clone()], &tw[at], mean, weights[row], format);
        }
        match &mut self.consolidated {
            Values::Real(out) => {
                out.copy_from_slice(&cw);
                self.consolidated_slot.settle(out)?;
            }
            Values::Codes { .. } => {
                let cw: Vec<f64> = cw.iter().map(|&x| f64::from(x)).collect();
                self.store_consolidated(&cw)?;
            }
        }
        Ok(())
    }

    fn store_consolidated(&mut self, reals: &[f64]) -> Result<(), LearnError> {
        let slot: &mut SlotState = &mut self.consolidated_slot;
        slot.fill_from_reals(reals, &mut self.consolidated, "consolidated rows")
    }
}

/// `num / den` to the nearest, ties to even (N8); `den` is positive.
fn nearest(num: i128, den: i128) -> i128 {
    let (floor, rest) = (num.div_euclid(den), num.rem_euclid(den));
    floor + i128::from(2 * rest > den || (2 * rest == den && floor % 2 != 0))
}

/// CWR*'s scalar mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mean {
    /// With so many fraction bits, in units of the scale.
    Codes(i64, Scale, u32),
    Real(f32),
}

/// √(past/current) of every class; 0 where it is not current.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PastWeights {
    Codes(Vec<u32>),
    Reals(Vec<f32>),
}

fn extend(out: &mut Vec<f64>, values: &Values, at: std::ops::Range<usize>) {
    match values {
        Values::Codes { codes, params } => out.extend(codes[at].iter().map(|&c| params.real(c))),
        Values::Real(reals) => out.extend(reals[at].iter().map(|&x| f64::from(x))),
    }
}

fn to_reals(values: &Values, out: &mut [f32]) {
    match values {
        Values::Codes { codes, params } => dequantise(codes, *params, out),
        Values::Real(reals) => out.copy_from_slice(reals),
    }
}

/// The mean of several tensors' rows, weights first: one scalar.
pub(crate) fn mean_of(sums: &[RowSum], kind: MergeKind) -> Mean {
    match kind {
        MergeKind::Codes(fraction) | MergeKind::Fine(fraction) => {
            let mut rounder = crate::numeric::Rounder::new(crate::numeric::Rounding::TiesEven, 0, 0);
            let mut unit = None;
            let (mut sum, mut n) = (0i64, 0);
            for s in sums {
                if let RowSum::Codes(part, scale, count) = *s {
                    let unit = *unit.get_or_insert(scale);
                    sum += if unit == scale { part } else { kernels::product(part, scale.div(unit), &mut rounder) };
                    n += count;
                }
            }
            Mean::Codes(kernels::mean_rows((sum, n), fraction), unit.unwrap_or(Scale::ONE), fraction)
        }
        MergeKind::Real => {
            let (mut sum, mut n) = (0.0, 0);
            for s in sums {
                if let RowSum::Real(part, count) = *s {
                    sum += part;
                    n += count;
                }
            }
            Mean::Real(kernels::mean_rows_f32((sum, n)))
        }
    }
}

/// The counts as a device holds them.
pub(crate) fn past_weights(
    (past, current): (&[u32], &[u32]),
    (format, rounding): (Format, crate::numeric::Rounding),
    kind: MergeKind,
) -> PastWeights {
    let pairs = past.iter().zip(current);
    match kind {
        MergeKind::Codes(fraction) | MergeKind::Fine(fraction) => {
            let most = format.qmax().and_then(|m| u32::try_from(m).ok()).unwrap_or(u32::MAX);
            PastWeights::Codes(pairs.map(|(&p, &c)| kernels::past_weight(p, c, fraction, rounding).min(most)).collect())
        }
        MergeKind::Real => PastWeights::Reals(
            pairs.map(|(&p, &c)| kernels::round_to_format(kernels::past_weight_f32(p, c), format)).collect(),
        ),
    }
}

/// f64 of a tensor as the device holds it.
pub(crate) fn reals_of(values: &Values, out: &mut Vec<f64>) {
    out.clear();
    extend(out, values, 0..values.len());
}
