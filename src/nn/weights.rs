//! Weights: packed ±1 filters, small integer filters of first layers, thresholds.

use super::error::{NnError, check_len};
use crate::bits::{BITS, device_words, words};
use std::sync::Arc;

/// Packed ±1 or two-plane (−1, 0, +1) filters. Row of output `o`: for each tap, for each plane, `words(ic)` words, tails zero.
///
/// A clone is the same filters in the same memory: layers that hold clones share them on a device too ([`BitFilters::is_same`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitFilters {
    out: usize,
    taps: usize,
    ic: usize,
    planes: usize,
    rows: Arc<Vec<u64>>,
}

/// Sizes of a filter bank: outputs, taps (ky · kx), input channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterSize {
    /// Output channels.
    pub out: usize,
    /// Taps of the kernel.
    pub taps: usize,
    /// Input channels.
    pub ic: usize,
}

impl FilterSize {
    /// Weights of one output.
    pub const fn fan_in(&self) -> usize {
        self.taps.saturating_mul(self.ic)
    }
}

/// How the rows of packed filters lie.
#[derive(Clone, Copy)]
struct Frame {
    size: FilterSize,
    planes: usize,
}

impl Frame {
    fn blank(self) -> Vec<u64> {
        let FilterSize { out, taps, ic } = self.size;
        vec![0; out * taps * self.planes * words(ic)]
    }

    fn set_negative(self, rows: &mut [u64], [o, tap, plane]: [usize; 3], c: usize) {
        let w = words(self.size.ic);
        rows[((o * self.size.taps + tap) * self.planes + plane) * w + c / BITS] |= 1 << (c % BITS);
    }

    fn filled(self, rows: Vec<u64>) -> BitFilters {
        let FilterSize { out, taps, ic } = self.size;
        BitFilters { out, taps, ic, planes: self.planes, rows: Arc::new(rows) }
    }
}

impl BitFilters {
    /// From values in order (output, tap, channel): ±1 give one plane, a 0 anywhere makes it two.
    ///
    /// # Errors
    /// [`NnError::Size`] for another number of values, [`NnError::OutOfRange`] for one beyond −1, 0, 1.
    pub fn from_values(size: FilterSize, values: &[i8], what: &str) -> Result<Self, NnError> {
        check_len(what, values.len(), size.out.saturating_mul(size.fan_in()))?;
        if let Some(v) = values.iter().find(|v| !(-1..=1).contains(*v)) {
            return Err(NnError::OutOfRange {
                what: what.to_owned(),
                value: v.to_string(),
                allowed: "-1, 0, 1".into(),
            });
        }
        let planes = if values.contains(&0) { 2 } else { 1 };
        let frame = Frame { size, planes };
        let mut rows = frame.blank();
        for (i, v) in values.iter().enumerate() {
            let (o, tap, c) = (i / size.fan_in(), i % size.fan_in() / size.ic, i % size.ic);
            // (s₀ + s₁)/2: −1 is (−, −), 0 is (+, −), +1 is (+, +).
            for plane in 0..planes {
                if *v == -1 || (*v == 0 && plane == 1) {
                    frame.set_negative(&mut rows, [o, tap, plane], c);
                }
            }
        }
        Ok(frame.filled(rows))
    }

    /// From rows packed as files hold them: bit `i` of a row (byte i/8, bit i%8) is weight `i` in order (tap, channel);
    /// `one_is` says whether bit 1 is −1 (this project) or +1 (BNN-PYNQ, BMXNet).
    ///
    /// # Errors
    /// [`NnError::Size`] for another number of bytes.
    pub fn from_packed(size: FilterSize, bytes: &[u8], one_is: i8, what: &str) -> Result<Self, NnError> {
        let row_bytes = size.fan_in().div_ceil(8);
        check_len(what, bytes.len(), size.out.saturating_mul(row_bytes))?;
        let frame = Frame { size, planes: 1 };
        let mut rows = frame.blank();
        for o in 0..size.out {
            let row = &bytes[o * row_bytes..][..row_bytes];
            for i in 0..size.fan_in() {
                let one = row[i / 8] >> (i % 8) & 1 == 1;
                if one == (one_is < 0) {
                    frame.set_negative(&mut rows, [o, i / size.ic, 0], i % size.ic);
                }
            }
        }
        Ok(frame.filled(rows))
    }

    /// All weights +1: stand-ins where only the sizes matter.
    pub fn ones(size: FilterSize, planes: usize) -> Self {
        let frame = Frame { size, planes };
        frame.filled(frame.blank())
    }

    /// Whether these are the other's filters themselves and not only equal ones: a device stores them once.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows) && self.size() == other.size()
    }

    /// The same rows split into another number of taps: a dense layer's row over a map of as many pixels.
    ///
    /// # Errors
    /// [`NnError::Size`] unless `taps` divides the row.
    pub fn regrouped(self, taps: usize, what: &str) -> Result<Self, NnError> {
        let size = self.size();
        let ic = size.fan_in() / taps.max(1);
        check_len(what, taps.saturating_mul(ic), size.fan_in())?;
        if ic.is_multiple_of(BITS) && size.ic.is_multiple_of(BITS) && self.planes == 1 {
            return Ok(Self { taps, ic, ..self });
        }
        Self::from_values(FilterSize { out: size.out, taps, ic }, &self.values(), what)
    }

    /// The outputs of several banks of one size, one bank after the other.
    ///
    /// # Errors
    /// [`NnError::Size`] for no bank, or for banks of other taps, channels or planes than the first.
    pub fn stacked(banks: &[Self], what: &str) -> Result<Self, NnError> {
        let none = || NnError::Size { what: what.to_owned(), found: 0, expected: 1 };
        let first = banks.first().ok_or_else(none)?;
        for bank in banks {
            check_len(
                &format!("{what} row"),
                bank.size().fan_in() * bank.planes,
                first.size().fan_in() * first.planes,
            )?;
            check_len(&format!("{what} taps"), bank.taps, first.taps)?;
        }
        let rows = banks.iter().flat_map(|b| b.rows.iter()).copied().collect();
        Ok(Self { out: banks.iter().map(|b| b.out).sum(), rows: Arc::new(rows), ..first.clone() })
    }

    /// Its sizes.
    pub fn size(&self) -> FilterSize {
        FilterSize { out: self.out, taps: self.taps, ic: self.ic }
    }

    /// Planes a weight: 1 for ±1, 2 where zeros occur.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Words of one tap's plane of one output.
    pub fn tap(&self, o: usize, tap: usize, plane: usize) -> &[u64] {
        let w = words(self.ic);
        &self.rows[((o * self.taps + tap) * self.planes + plane) * w..][..w]
    }

    /// One weight: ±1, or −1, 0, 1 with two planes.
    pub fn value(&self, o: usize, tap: usize, c: usize) -> i8 {
        let negative = |plane| self.tap(o, tap, plane)[c / BITS] >> (c % BITS) & 1 == 1;
        match (negative(0), self.planes == 2 && negative(1)) {
            (true, _) => -1,
            (false, true) => 0,
            (false, false) => 1,
        }
    }

    /// All weights in order (output, tap, channel).
    pub fn values(&self) -> Vec<i8> {
        let FilterSize { out, taps, ic } = self.size();
        let row = |o| (0..taps).flat_map(move |t| (0..ic).map(move |c| (o, t, c)));
        (0..out).flat_map(row).map(|(o, t, c)| self.value(o, t, c)).collect()
    }

    /// Bytes on a device: 32-bit words, each plane of each tap starting a new word.
    pub fn device_bytes(&self) -> usize {
        self.out * self.taps * self.planes * device_words(self.ic) * 4
    }
}

/// Filters of a first layer over 8-bit values, in order (output, tap, channel).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallFilters {
    size: FilterSize,
    values: Vec<i8>,
}

impl SmallFilters {
    /// Any 8-bit weights.
    ///
    /// # Errors
    /// [`NnError::Size`] for another number of values.
    pub fn new(size: FilterSize, values: Vec<i8>, what: &str) -> Result<Self, NnError> {
        check_len(what, values.len(), size.out.saturating_mul(size.fan_in()))?;
        Ok(Self { size, values })
    }

    /// Its sizes.
    pub fn size(&self) -> FilterSize {
        self.size
    }

    /// All weights.
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// Weights of one output, (tap, channel).
    pub fn row(&self, o: usize) -> &[i8] {
        &self.values[o * self.size.fan_in()..][..self.size.fan_in()]
    }

    /// Whether all weights are ±1, so that a device stores one bit each.
    pub fn binary(&self) -> bool {
        self.values.iter().all(|v| v.unsigned_abs() == 1)
    }

    /// Bytes on a device: ±1 rows packed in 32-bit words over (tap, channel), other weights a byte each.
    pub fn device_bytes(&self) -> usize {
        if self.binary() { self.size.out * device_words(self.size.fan_in()) * 4 } else { self.values.len() }
    }
}

/// Per-channel thresholds that turn sums into signs.
///
/// Plane `p` of channel `c` is −1 iff `acc < t[c][p]`, or iff `acc > t[c][p]` where the channel is flipped. With two planes
/// the value is (s₀ + s₁)/2; the planes of a channel are kept ordered so that s₀ ≥ s₁, which makes pooling by plane a maximum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    planes: usize,
    values: Vec<i32>,
    flip: Vec<bool>,
}

impl Thresholds {
    /// `values` in order (channel, plane); `flip` empty or one a channel.
    ///
    /// # Errors
    /// [`NnError::Size`] if the lengths do not fit, [`NnError::OutOfRange`] unless `planes` is 1 or 2.
    pub fn new(planes: usize, mut values: Vec<i32>, flip: Vec<bool>, what: &str) -> Result<Self, NnError> {
        if !(1..=2).contains(&planes) {
            let what = format!("{what}: thresholds a channel");
            return Err(NnError::OutOfRange { what, value: planes.to_string(), allowed: "1 or 2".into() });
        }
        let channels = values.len() / planes;
        check_len(what, values.len(), channels * planes)?;
        if !flip.is_empty() {
            check_len(&format!("{what} flip"), flip.len(), channels)?;
        }
        for (c, t) in values.chunks_exact_mut(planes).enumerate() {
            t.sort_unstable();
            if flip.get(c) == Some(&true) {
                t.reverse();
            }
        }
        Ok(Self { planes, values, flip })
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.values.len() / self.planes
    }

    /// Thresholds (and output planes) a channel.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// All thresholds, (channel, plane).
    pub fn values(&self) -> &[i32] {
        &self.values
    }

    /// Flags of flipped channels; empty if there is none.
    pub fn flips(&self) -> &[bool] {
        &self.flip
    }

    /// Whether a sum makes the sign −1.
    pub fn negative(&self, channel: usize, plane: usize, acc: i32) -> bool {
        let t = self.values[channel * self.planes + plane];
        if self.flip.get(channel) == Some(&true) { acc > t } else { acc < t }
    }

    /// Bytes on a device: an i32 each (a flip negates the channel's weights and threshold instead).
    pub fn device_bytes(&self) -> usize {
        self.values.len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: FilterSize = FilterSize { out: 2, taps: 2, ic: 3 };

    #[test]
    fn packed_and_plain_values_give_the_same_filters() {
        let values = [1, -1, 1, -1, 1, 1, -1, -1, -1, 1, 1, 1];
        let plain = BitFilters::from_values(SIZE, &values, "w").unwrap();
        let ours = BitFilters::from_packed(SIZE, &[0b001010, 0b000111], -1, "w").unwrap();
        let theirs = BitFilters::from_packed(SIZE, &[0b110101, 0b111000], 1, "w").unwrap();
        assert_eq!(plain, ours);
        assert_eq!(plain, theirs);
        assert_eq!(plain.values(), values);
        let ternary = [1, 0, -1, 0, 1, 1, -1, -1, -1, 1, 1, 0];
        let filters = BitFilters::from_values(SIZE, &ternary, "w").unwrap();
        assert_eq!((filters.planes(), filters.values()), (2, ternary.to_vec()));
        assert!(BitFilters::from_values(SIZE, &[2; 12], "w").is_err());
        assert!(BitFilters::from_packed(SIZE, &[0; 3], -1, "w").is_err());
    }

    #[test]
    fn rows_are_split_and_banks_stacked_without_changing_a_weight() {
        let values = [1, -1, 1, -1, 1, 1, -1, -1, -1, 1, 1, 1];
        let filters = BitFilters::from_values(SIZE, &values, "w").unwrap();
        let split = filters.clone().regrouped(3, "w").unwrap();
        assert_eq!((split.size().taps, split.values()), (3, values.to_vec()));
        assert!(filters.clone().regrouped(4, "w").is_err());
        let wide = BitFilters::ones(FilterSize { out: 2, taps: 1, ic: 128 }, 1).regrouped(2, "w").unwrap();
        assert_eq!((wide.size().ic, wide.values()), (64, vec![1; 256]));
        let both = BitFilters::stacked(&[filters.clone(), filters.clone()], "w").unwrap();
        assert_eq!((both.size().out, both.values()), (4, [values, values].concat()));
        assert!(BitFilters::stacked(&[filters, split], "w").is_err());
        assert!(BitFilters::stacked(&[], "w").is_err());
    }

    #[test]
    fn two_thresholds_are_ordered_so_that_planes_nest() {
        let t = Thresholds::new(2, vec![5, -5, 5, -5], vec![false, true], "t").unwrap();
        for (channel, acc) in (0..2).flat_map(|c| (-7..8).map(move |a| (c, a))) {
            assert!(!t.negative(channel, 0, acc) || t.negative(channel, 1, acc), "s0 >= s1 at {acc}");
        }
        assert!(Thresholds::new(3, vec![0; 3], vec![], "t").is_err());
        assert!(Thresholds::new(1, vec![0; 3], vec![true], "t").is_err());
    }
}
