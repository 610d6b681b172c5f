//! Filters with zeros between their taps (dilation) and for the channels of other groups, as plain filters.
//!
//! A weight of 0 adds nothing to a sum of integers, and nothing to one of finite floats, so the plain filters give the same.
//! The zeros are run, and stored, but not counted: the layer's node says how many products are left.

use super::flatbuffer::Wrong;

/// Filters (row, ky, kx, channel) as a file has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub rows: usize,
    pub taps: [usize; 2],
    /// Channels that a row has weights for.
    pub own: usize,
    /// Groups of rows, each with channels of its own.
    pub groups: usize,
    /// Channels that one output value sums over.
    pub products: usize,
    /// Pixels from tap to tap, down and right.
    pub dilation: [usize; 2],
}

impl Spread {
    /// Rows and columns of the plain filters.
    pub(super) fn kernel(&self) -> [usize; 2] {
        let axis = |i: usize| (self.taps[i] - 1).saturating_mul(self.dilation[i]) + 1;
        [axis(0), axis(1)]
    }

    /// Whether the plain filters have more weights than these.
    pub(super) fn has_zeros(&self) -> bool {
        self.groups > 1 || self.kernel() != self.taps
    }

    /// Weights of the plain filters.
    pub(super) fn len(&self) -> Result<usize, Wrong> {
        let [h, w] = self.kernel();
        let sizes = [h, w, self.own, self.groups];
        let len = sizes.into_iter().try_fold(self.rows, |n, size| n.checked_mul(size));
        len.ok_or_else(|| "has absurdly large filters".to_owned())
    }

    /// The plain filters.
    pub(super) fn of<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let ([_, w], ic) = (self.kernel(), self.own * self.groups);
        let [kh, kw] = self.taps;
        let row = self.kernel()[0] * w * ic;
        let mut plain = vec![T::default(); self.rows * row];
        for (i, channels) in values.chunks_exact(self.own).enumerate().take(self.rows * kh * kw) {
            let (o, ky, kx) = (i / (kh * kw), i / kw % kh, i % kw);
            let group = o * self.groups / self.rows;
            let tap = ky * self.dilation[0] * w + kx * self.dilation[1];
            plain[o * row + tap * ic + group * self.own..][..self.own].copy_from_slice(channels);
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_lie_between_taps_and_under_other_groups() {
        let dilated = Spread { rows: 1, taps: [2, 2], own: 1, groups: 1, products: 1, dilation: [2, 1] };
        assert_eq!((dilated.kernel(), dilated.of(&[1, 2, 3, 4])), ([3, 2], vec![1, 2, 0, 0, 3, 4]));
        let grouped = Spread { rows: 2, taps: [1, 1], own: 2, groups: 2, products: 2, dilation: [1, 1] };
        assert_eq!((grouped.len(), grouped.of(&[1, 2, 3, 4])), (Ok(8), vec![1, 2, 0, 0, 0, 0, 3, 4]));
    }
}
