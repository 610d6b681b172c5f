//! Convolutions and dense layers over plain values, floats or integers: lanes are outputs, each output's sum is sequential.
//!
//! The order of a float sum is that of [`crate::nn::float`], for every tile size and instruction set: vectors run over outputs
//! and tiles over pixels, never over terms. A tap in the border multiplies a zero, which changes no sum (see there).

use super::pad::Patches;
use crate::bits::{Isa, Walk};
use crate::nn::Geometry;
use crate::nn::simd::{Loop, vectorised};
use std::ops::Range;

/// Outputs in a panel.
const LANES: usize = 16;
/// Values of a block of output: they stay in the first-level cache.
const BLOCK_VALUES: usize = 4096;

/// What is summed.
pub(super) trait Term: Copy + Default {
    /// `self + x·w`: floats with two roundings; of integers the caller has made sure that no sum overflows.
    fn plus(self, x: Self, w: Self) -> Self;
    /// `self + bias`.
    fn biased(self, bias: Self) -> Self;
}

impl Term for f32 {
    #[inline(always)]
    fn plus(self, x: Self, w: Self) -> Self {
        self + x * w
    }
    #[inline(always)]
    fn biased(self, bias: Self) -> Self {
        self + bias
    }
}

macro_rules! integer_term {
    ($t:ty) => {
        impl Term for $t {
            #[inline(always)]
            fn plus(self, x: Self, w: Self) -> Self {
                self.wrapping_add(x.wrapping_mul(w))
            }
            #[inline(always)]
            fn biased(self, bias: Self) -> Self {
                self.wrapping_add(bias)
            }
        }
    };
}
integer_term!(i16);
integer_term!(i32);

/// Weights in panels of 16 outputs: term `k` of output `o` is at `(o / 16 · terms + k) · 16 + o % 16`.
#[derive(Debug, Clone)]
pub(super) struct Conv<T> {
    panels: Vec<T>,
    /// One an output, padded to whole panels; 0 where there is none.
    bias: Vec<T>,
    out: usize,
    patches: Patches,
}

/// What a convolution reads.
pub(super) enum Input<'a, T> {
    /// A map that is there.
    Map(&'a [T]),
    /// A map that is made row by row where it is read: the place of a row's first value, and where the row goes.
    Rows(&'a dyn Fn(usize, &mut [T])),
}

/// Buffers of one call.
#[derive(Debug, Default)]
pub(super) struct ConvScratch<T> {
    padded: Vec<T>,
    block: Vec<T>,
}

impl<T: Term> Conv<T> {
    /// `weights` in order (output, ky, kx, channel); `None` where the layer is too odd to be worth a kernel.
    pub(super) fn new(weights: &[T], out: usize, bias: &[T], ic: usize, g: &Geometry) -> Option<Self> {
        let patches = Patches::new(g, ic)?;
        let (k, padded) = (patches.k(), out.div_ceil(LANES) * LANES);
        let mut panels = vec![T::default(); padded * k];
        for (o, row) in weights.chunks_exact(k).enumerate() {
            for (j, w) in row.iter().enumerate() {
                panels[(o / LANES * k + j) * LANES + o % LANES] = *w;
            }
        }
        let mut padded_bias = vec![T::default(); padded];
        padded_bias[..bias.len()].copy_from_slice(bias);
        Some(Self { panels, bias: padded_bias, out, patches })
    }

    /// Sums of every block of output pixels, written to `out` where there is such a map, and handed to `finish`.
    pub(super) fn run(
        &self,
        isa: Isa,
        input: &Input<'_, T>,
        scratch: &mut ConvScratch<T>,
        mut out: Option<&mut [T]>,
        mut finish: impl FnMut(Range<usize>, &mut [T]),
    ) {
        let ConvScratch { padded, block } = scratch;
        let map = match input {
            Input::Map(x) => self.patches.map(x, padded),
            Input::Rows(row) => self.patches.rows(padded, T::default(), row),
        };
        let n = (BLOCK_VALUES / self.out / 8 * 8).max(8);
        block.resize(block.len().max(n * self.out), T::default());
        for start in (0..self.patches.pixels()).step_by(n) {
            let range = start..(start + n).min(self.patches.pixels());
            let block = match &mut out {
                Some(map) => &mut map[range.start * self.out..range.end * self.out],
                None => &mut block[..range.len() * self.out],
            };
            let walk = self.patches.walk(range.clone());
            vectorised(isa, Tiles { conv: self, x: map, walk, tile: tile(isa), block });
            finish(range, block);
        }
    }
}

/// Pixels whose sums fit the registers together.
fn tile(isa: Isa) -> usize {
    match isa {
        Isa::Avx512 => 8,
        Isa::Avx2 | Isa::Neon => 4,
        Isa::Portable | Isa::Popcnt => 2,
    }
}

struct Tiles<'a, T> {
    conv: &'a Conv<T>,
    x: &'a [T],
    walk: Walk<'a>,
    tile: usize,
    block: &'a mut [T],
}

impl<T: Term> Loop for Tiles<'_, T> {
    #[inline(always)]
    fn run(mut self) {
        let k = self.conv.patches.k();
        if self.walk.starts.len() == 1 {
            return self.pixel(k);
        }
        for (i, panel) in self.conv.panels.chunks_exact(k * LANES).enumerate() {
            let first = i * LANES;
            let mut p = 0;
            while p < self.walk.starts.len() {
                let left = self.walk.starts.len() - p;
                match self.tile.min(left) {
                    8.. => p += self.tile::<8>(panel, first, p),
                    4.. => p += self.tile::<4>(panel, first, p),
                    2.. => p += self.tile::<2>(panel, first, p),
                    _ => p += self.tile::<1>(panel, first, p),
                }
            }
        }
    }
}

/// `sums += x·w`, lane by lane. A counted loop over arrays, not iterators: this is what becomes one vector instruction.
#[inline(always)]
fn plus<T: Term>(sums: &mut [T; LANES], x: T, w: &[T; LANES]) {
    for i in 0..LANES {
        sums[i] = sums[i].plus(x, w[i]);
    }
}

impl<T: Term> Tiles<'_, T> {
    /// `N` pixels from `p` on against one panel.
    #[inline(always)]
    fn tile<const N: usize>(&mut self, panel: &[T], first: usize, p: usize) -> usize {
        let walk = &self.walk;
        let mut sums = [[T::default(); LANES]; N];
        let n = walk.run_words;
        for run in 0..walk.runs {
            let mut patches: [&[T]; N] = [&[]; N];
            for i in 0..N {
                let start = walk.place(walk.starts[p + i]) + run * walk.run_stride;
                patches[i] = &self.x[start..start + n];
            }
            let rows = panel[run * n * LANES..(run + 1) * n * LANES].as_chunks::<LANES>().0;
            for j in 0..n {
                let w = rows[j];
                for i in 0..N {
                    plus(&mut sums[i], patches[i][j], &w);
                }
            }
        }
        for i in 0..N {
            self.store(p + i, first, &sums[i]);
        }
        N
    }

    /// Sums of one pixel and panel, with their bias.
    #[inline(always)]
    fn store(&mut self, p: usize, first: usize, sums: &[T; LANES]) {
        let out = self.conv.out;
        let bias = self.conv.bias[first..].first_chunk::<LANES>().expect("padded to whole panels");
        let mut biased = [T::default(); LANES];
        for l in 0..LANES {
            biased[l] = sums[l].biased(bias[l]);
        }
        let to = &mut self.block[p * out + first..];
        match to.first_chunk_mut::<LANES>() {
            Some(to) if first + LANES <= out => *to = biased,
            _ => to[..out - first].copy_from_slice(&biased[..out - first]),
        }
    }

    /// A single pixel (a dense layer): tiles are panels, for one sum alone would wait for each addition.
    #[inline(always)]
    fn pixel(&mut self, k: usize) {
        let panels = self.conv.panels.len() / (k * LANES);
        let mut i = 0;
        while i < panels {
            match panels - i {
                4.. => i += self.panels::<4>(k, i),
                _ => i += self.panels::<1>(k, i),
            }
        }
    }

    /// One pixel against `M` panels from the `i`th on.
    #[inline(always)]
    fn panels<const M: usize>(&mut self, k: usize, i: usize) -> usize {
        let (walk, weights) = (&self.walk, &self.conv.panels);
        let mut sums = [[T::default(); LANES]; M];
        let n = walk.run_words;
        for run in 0..walk.runs {
            let start = walk.place(walk.starts[0]) + run * walk.run_stride;
            let x = &self.x[start..start + n];
            let mut rows: [&[[T; LANES]]; M] = [&[]; M];
            for m in 0..M {
                rows[m] = weights[((i + m) * k + run * n) * LANES..][..n * LANES].as_chunks::<LANES>().0;
            }
            for j in 0..n {
                for m in 0..M {
                    plus(&mut sums[m], x[j], &rows[m][j]);
                }
            }
        }
        for m in 0..M {
            self.store(0, (i + m) * LANES, &sums[m]);
        }
        M
    }
}
