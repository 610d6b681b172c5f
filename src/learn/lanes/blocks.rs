//! A tensor in blocks, and in two halves side by side: what was counted, and which blocks the plain kernel must do.

use super::super::kernels::Site;
use super::elementwise::Lane;
use super::{Level, Way};
use crate::numeric::OverflowError;
use std::ops::Range;

/// Values of one block: few enough that one value out of range costs little.
pub(super) const BLOCK: usize = 256;

/// Non-zero values and those among them that came to nothing; `None` if any value of the block is out of range.
pub(crate) type Counted = Option<(u64, u64)>;

/// What the blocks of a tensor gave: counts, and the places that the plain kernel must do, in order.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) non_zero: u64,
    pub(super) lost: u64,
    pub(super) left: Vec<Range<usize>>,
}

impl Found {
    fn note(&mut self, start: usize, n: usize, counted: Counted) {
        match counted {
            Some((n, l)) => (self.non_zero, self.lost) = (self.non_zero + n, self.lost + l),
            None => self.left.push(start..start + n),
        }
    }

    /// `act` on the places that are left of `n` values, in order; the others are counted at `site` as values that fit.
    pub(super) fn each_left(
        &self,
        n: usize,
        site: &mut Site,
        mut act: impl FnMut(Range<usize>, &mut Site) -> Result<(), OverflowError>,
    ) -> Result<(), OverflowError> {
        let mut done = 0;
        for at in self.left.iter().cloned() {
            // An overflow is kept with its place, so what came before is counted first.
            site.count.total += u64::try_from(at.start - done).unwrap_or(u64::MAX);
            done = at.end;
            act(at, site)?;
        }
        site.count.total += u64::try_from(n - done).unwrap_or(u64::MAX);
        Ok(())
    }

    /// With what the blocks after it gave.
    fn and(mut self, later: Self) -> Self {
        self.left.extend(later.left);
        Self { non_zero: self.non_zero + later.non_zero, lost: self.lost + later.lost, left: self.left }
    }
}

/// `one` on each block of `size` values of two tensors, halves of them side by side.
pub(super) fn blocks<T: Lane, const N: usize>(
    way: Way,
    (src, dst, size): (&[T], &mut [i32], usize),
    one: impl Fn(&[T], &mut [i32]) -> [Counted; N] + Sync,
) -> [Found; N] {
    let first = way.half(src.len());
    let (src, dst) = (src.split_at(first), dst.split_at_mut(first));
    let half = |from: usize, src: &[T], dst: &mut [i32]| {
        let mut found = [(); N].map(|()| Found::default());
        for (i, (src, dst)) in src.chunks(size).zip(dst.chunks_mut(size)).enumerate() {
            let counted = one(src, dst);
            found.iter_mut().zip(counted).for_each(|(found, counted)| found.note(from + i * size, src.len(), counted));
        }
        found
    };
    let (a, b) = way.both(|| half(0, src.0, dst.0), || half(first, src.1, dst.1));
    let mut later = b.into_iter();
    a.map(|found| found.and(later.next().unwrap_or_default()))
}

/// Smallest and largest code, 0 inside.
#[inline(always)]
pub(super) fn range_of(codes: &[i32], zero: i32) -> (i32, i32) {
    codes.iter().fold((zero, zero), |(lo, hi), &c| (lo.min(c), hi.max(c)))
}

/// [`range_of`] at the machine's level.
pub(crate) fn range(way: Way, codes: &[i32], zero: i32) -> (i32, i32) {
    let half = |codes: &[i32]| {
        #[cfg(target_arch = "x86_64")]
        if way.level != Level::Plain {
            return super::simd::range_level(way.level, codes, zero);
        }
        range_of(codes, zero)
    };
    let (first, second) = codes.split_at(way.half(codes.len()));
    let (a, b) = way.both(|| half(first), || half(second));
    (a.0.min(b.0), a.1.max(b.1))
}
