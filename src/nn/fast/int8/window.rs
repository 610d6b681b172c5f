//! 8-bit pools and means: lanes are channels.

use super::requant::Codes;
use crate::bits::Isa;
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Geometry, Map, Requant};

/// Buffers of one call.
#[derive(Debug, Default)]
pub(super) struct WindowScratch {
    pub padded: Vec<i16>,
    pub bytes: Vec<u8>,
    pub sums: Vec<i32>,
}

/// A pool over a window.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub g: Geometry,
    /// The mean, or the maximum.
    pub mean: bool,
    pub range: [i8; 2],
}

impl Pool {
    /// Codes of the whole map.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut WindowScratch, out: &mut Map<i8>) {
        let sums = &mut scratch.sums;
        sums.resize(sums.len().max(x.shape().c), 0);
        let sums = &mut sums[..x.shape().c];
        vectorised(isa, Pixels { pool: self, x, sums, out: out.data_mut() });
    }
}

struct Pixels<'a> {
    pool: &'a Pool,
    x: &'a Map<i8>,
    sums: &'a mut [i32],
    out: &'a mut [i8],
}

impl Loop for Pixels<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pool: Pool { g, mean, range: [low, high] }, x, sums, out } = self;
        let ([sy, sx], channels) = (g.window.stride, sums.len());
        for (place, out) in out.chunks_exact_mut(channels).enumerate() {
            let (oy, ox) = (place / g.ow, place % g.ow);
            let (rows, columns) = (g.rows().taps(oy), g.columns().taps(ox));
            let taps = rows.len() * columns.len();
            out.fill(i8::MIN);
            sums.fill(0);
            for ky in rows {
                for kx in columns.clone() {
                    let pixel = x.pixel(oy * sy + ky - g.top, ox * sx + kx - g.left);
                    if *mean {
                        sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += i32::from(*x));
                    } else {
                        out.iter_mut().zip(pixel).for_each(|(most, x)| *most = (*most).max(*x));
                    }
                }
            }
            if *mean {
                let n = i32::try_from(taps).expect("a window has at most 2^24 taps");
                for (out, sum) in out.iter_mut().zip(sums.iter()) {
                    *out = crate::nn::int8::rounded_mean(*sum, n);
                }
            }
            for code in out {
                *code = (*code).max(*low).min(*high);
            }
        }
    }
}

/// The mean of all pixels.
#[derive(Debug, Clone)]
pub(super) struct Mean {
    zero: i32,
    to: Codes,
}

impl Mean {
    pub(super) fn new(zero: i32, to: &Requant, pixels: usize, channels: usize) -> Self {
        let bound = u64::try_from(pixels).unwrap_or(u64::MAX).saturating_mul(255);
        Self { zero, to: Codes::new(to, channels, bound) }
    }

    /// Codes of the one pixel.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut WindowScratch, out: &mut Map<i8>) {
        let channels = x.shape().c;
        let sums = &mut scratch.sums;
        sums.clear();
        sums.resize(channels, 0);
        vectorised(isa, Total { x: x.data(), zero: self.zero, sums });
        self.to.run(isa, sums, channels, channels, out.data_mut());
    }
}

struct Total<'a> {
    x: &'a [i8],
    zero: i32,
    sums: &'a mut [i32],
}

impl Loop for Total<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { x, zero, sums } = self;
        for pixel in x.chunks_exact(sums.len()) {
            sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += i32::from(*x) - zero);
        }
    }
}
