//! Dot products of a whole batch at once, where that is exact.

use super::features::Packed;
use super::forward::Forward;
use super::forward_copy::grid_of_copy;
use super::lanes::Halves;
use super::lanes::bytes::{Made, Weights};
use super::param::Stored;
use super::{FeatureTable, LearnError};
use crate::numeric::{Format, Scale, Values};

impl Forward {
    /// Dot products of the samples `rows`, all at once where that is exact; then [`Self::take`] gives each sample's.
    pub fn dots(&mut self, master: &Values, table: &FeatureTable, rows: &[usize]) -> Option<Scale> {
        if !self.narrow || self.bits() > self.accumulator.bits().min(32) {
            return None;
        }
        let (Values::Codes { params: w, .. }, Values::Codes { params: a, .. }) =
            (if self.identical { master } else { &self.copy }, table.values())
        else {
            return None;
        };
        let (w, a) = (*w, *a);
        let (classes, columns) = (self.sums.len(), table.n_features());
        let packed = table.packed();
        let features = packed.rows(a.zero_point)?;
        let weights = match if self.identical { master } else { &self.copy } {
            Values::Codes { codes, .. } if !self.laid => Some(&codes[..]),
            _ => None,
        };
        self.laid = true;
        self.batch_sums.resize(rows.len() * classes, 0);
        self.batch_halves = Halves { samples: rows.len(), classes, first: self.way.half(classes) };
        if let (true, Packed::Bytes(bytes)) = (self.in_bytes, packed) {
            let weights = (weights.map_or(Weights::Laid, Weights::Codes), w, classes);
            let features = (bytes, rows, a);
            self.weight_bytes.dots(self.way, weights, features, &mut self.batch_sums);
            return Some(w.scale.mul(a.scale));
        }
        let (features, weights) = ((features, rows), (weights, w.zero_point));
        self.weight_lanes.dots(self.way, weights, features, (classes, columns), &mut self.batch_sums);
        Some(w.scale.mul(a.scale))
    }

    /// [`Self::refresh`] and [`Self::dots`], in one pass over the weights where both are of 8 bits.
    pub fn refresh_and_dots(
        &mut self,
        master: &Stored,
        (table, rows): (&FeatureTable, &[usize]),
        scratch: &mut Vec<f64>,
    ) -> Result<Option<Scale>, LearnError> {
        if let Some(unit) = self.dots_of_master(master, table, rows) {
            return Ok(Some(unit));
        }
        self.refresh(master, scratch)?;
        Ok(self.dots(master, table, rows))
    }

    /// `None`, and nothing done, where that is not possible or a weight could be out of range.
    fn dots_of_master(&mut self, master: &Stored, table: &FeatureTable, rows: &[usize]) -> Option<Scale> {
        let fits = self.narrow && self.bits() <= self.accumulator.bits().min(32);
        if !fits || !self.in_bytes || self.identical || self.slot.format == Format::Binary {
            return None;
        }
        let (Values::Codes { codes: from, params: of }, Values::Codes { codes, params }) = (&**master, &mut self.copy)
        else {
            return None;
        };
        let (Values::Codes { params: a, .. }, Packed::Bytes(bytes)) = (table.values(), table.packed()) else {
            return None;
        };
        let (to, range) = grid_of_copy(self.way, (from, *of, master.range()), &self.slot, self.margin_percent);
        let requant = self.slot.requant(of.zero_point, &to);
        let by = Made::new(self.way.level, &requant, &self.slot.site, range.unwrap_or(self.master_codes))?;
        let classes = self.sums.len();
        self.batch_sums.resize(rows.len() * classes, 0);
        self.batch_halves = Halves { samples: rows.len(), classes, first: self.way.half(classes) };
        // Rows without padding serve as the copy themselves.
        self.bare = table.n_features().is_multiple_of(64);
        let codes = if self.bare { &mut [][..] } else { codes };
        let weights = (Weights::Made { from, codes, by }, to.params, classes);
        self.weight_bytes.dots(self.way, weights, (bytes, rows, *a), &mut self.batch_sums);
        self.laid = true;
        *params = to.params;
        self.slot.site.count.total += u64::try_from(from.len()).unwrap_or(u64::MAX);
        Some(to.params.scale.mul(a.scale))
    }

    /// Sample `b` of the last [`Self::dots`] into `sums`.
    pub fn take(&mut self, b: usize) {
        let (mut lo, mut hi) = self.seen;
        let sums = self.batch_halves.of(&self.batch_sums, b).into_iter().flatten();
        for ((sum, &z), &bias) in self.sums.iter_mut().zip(sums).zip(&self.bias_sums) {
            *sum = bias + i64::from(z);
            lo = lo.min(*sum);
            hi = hi.max(*sum);
        }
        self.seen = (lo, hi);
    }

    /// The last [`Self::dots`] as they are, where they are the logits: no bias, no format of their own, in 32 bits.
    pub fn logits_of_batch(&self) -> Option<(&[i32], Halves)> {
        let as_they_are = self.logits_slot.is_none() && self.accumulator.bits() <= 32;
        (as_they_are && self.bias_sums.iter().all(|&b| b == 0)).then_some((&self.batch_sums, self.batch_halves))
    }
}
