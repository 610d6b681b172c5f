//! Depthwise convolution by products of bytes, four taps at a time.
//!
//! A row of outputs is a row of (pixel, channel) values, and under each tap lies such a row of the map: so 64 values are taken at
//! once, whatever share of them one pixel is. For a stride over columns the map's columns are laid apart first, those of one
//! remainder beside one another.

use super::super::dot::Layer8;
use super::super::requant::Codes;
use super::super::window::WindowScratch;
use super::{bound, simd};
use crate::bits::Isa;
use crate::nn::{Geometry, Map, Requant};

/// Bytes in a vector.
pub(super) const WIDTH: usize = 64;
/// Taps that are summed by one product.
pub(super) const QUAD: usize = 4;
/// What turns a code into the unsigned byte that products want.
const FLIP: u8 = 0x80;
/// A larger map with its border is left to the plain loops.
const LARGEST: usize = 1 << 28;

/// A layer, laid out for vectors of 64 values.
#[derive(Debug, Clone)]
pub(super) struct Bytes {
    g: Geometry,
    channels: usize,
    /// Columns of one remainder, border included; bytes of a row of all remainders.
    columns: usize,
    row: usize,
    /// Bytes of the whole map and of what the last vectors read past it.
    size: usize,
    border: u8,
    /// Values that begin at a new place together: 64 where pixels fill a vector evenly, else one pixel.
    pub(super) unit: usize,
    /// Units of a row of outputs, and vectors of a unit.
    pub(super) units: usize,
    pub(super) chunks: usize,
    /// Where each tap lies, from the output's place on; whole quads, filled up with the first.
    pub(super) offsets: Vec<usize>,
    /// By chunk and quad, in the order that [`order`] gives, four taps of a lane side by side.
    pub(super) weights: Vec<i8>,
    /// What sums begin with, by chunk, in that order.
    pub(super) start: Vec<i32>,
    to: Codes,
}

/// The value of a vector that is summed at each of 64 places: bytes of four rows are woven into one another in each 16 bytes.
fn order(place: usize) -> usize {
    place % 16 / 4 * 16 + place / 16 * 4 + place % 4
}

impl Bytes {
    /// `None` where the border makes the map absurdly large.
    pub(super) fn new(layer: &Layer8<'_>, g: &Geometry) -> Option<Self> {
        let channels = layer.bias.len();
        let ([kh, kw], [sy, sx]) = (g.window.kernel, g.window.stride);
        let height = ((g.oh - 1) * sy + kh).max(g.ih + g.top);
        let columns = ((g.ow - 1) * sx + kw).max(g.iw + g.left).div_ceil(sx);
        let row = columns.checked_mul(sx)?.checked_mul(channels)?;
        let even = channels > 0 && WIDTH.is_multiple_of(channels);
        let (unit, units) = if even { (WIDTH, (g.ow * channels).div_ceil(WIDTH)) } else { (channels, g.ow) };
        let chunks = unit.div_ceil(WIDTH);
        let taps = (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx)));
        let mut offsets: Vec<usize> =
            taps.map(|(ky, kx)| ky * row + (kx % sx * columns + kx / sx) * channels).collect();
        let last = offsets.iter().max()? + (g.oh - 1) * sy * row + (units - 1) * unit + chunks * WIDTH;
        let size = height.checked_mul(row)?.max(last);
        let quads = offsets.len().div_ceil(QUAD);
        offsets.resize(quads * QUAD, 0);
        let mut this = Self {
            g: *g,
            channels,
            columns,
            row,
            size,
            border: u8::try_from(layer.zero + i32::from(FLIP)).ok()?,
            unit,
            units,
            chunks,
            offsets,
            weights: vec![0; chunks * quads * QUAD * WIDTH],
            start: vec![0; chunks * WIDTH],
            to: Codes::new(&repeated(layer.to, unit), unit, bound(layer)),
        };
        this.fill(layer, quads);
        (size <= LARGEST).then_some(this)
    }

    fn fill(&mut self, layer: &Layer8<'_>, quads: usize) {
        let channels = self.channels;
        for at in 0..self.start.len() {
            let value = at / WIDTH * WIDTH + order(at % WIDTH);
            if value >= self.unit {
                continue;
            }
            let c = value % channels;
            let mut sum = 0i32;
            for (tap, row) in layer.weights.chunks_exact(channels).enumerate() {
                let quad = at / WIDTH * quads + tap / QUAD;
                self.weights[(quad * WIDTH + at % WIDTH) * QUAD + tap % QUAD] = row[c];
                sum = sum.wrapping_add(i32::from(row[c]));
            }
            // Σ w·(x − zero) = Σ w·(x + 128) − (zero + 128)·Σ w; what wraps on the way is right at the end.
            self.start[at] = layer.bias[c].wrapping_sub(sum.wrapping_mul(i32::from(self.border)));
        }
    }

    /// Codes of the whole map.
    pub(super) fn run(&self, isa: Isa, x: &Map<i8>, scratch: &mut WindowScratch, out: &mut Map<i8>) {
        let WindowScratch { bytes, sums, .. } = scratch;
        self.spread(x.data(), bytes);
        let stride = self.chunks * WIDTH;
        sums.resize(sums.len().max(self.units * stride), 0);
        let sums = &mut sums[..self.units * stride];
        let wide = self.g.ow * self.channels;
        let whole = wide / self.unit;
        for (y, codes) in out.data_mut().chunks_exact_mut(wide).enumerate() {
            simd::taps(self, &bytes[y * self.g.window.stride[0] * self.row..], sums);
            let (codes, rest) = codes.split_at_mut(whole * self.unit);
            self.to.run(isa, &sums[..whole * stride], stride, self.unit, codes);
            if !rest.is_empty() {
                self.to.run(isa, &sums[whole * stride..], stride, rest.len(), rest);
            }
        }
    }

    /// The map as unsigned bytes with its border, columns laid apart.
    fn spread(&self, x: &[i8], to: &mut Vec<u8>) {
        let (g, channels, sx) = (&self.g, self.channels, self.g.window.stride[1]);
        if to.len() < self.size {
            to.resize(self.size, 0);
        }
        let to = &mut to[..self.size];
        to[..g.top * self.row].fill(self.border);
        to[(g.top + g.ih) * self.row..].fill(self.border);
        let rows = to[g.top * self.row..].chunks_exact_mut(self.row);
        for (row, x) in rows.zip(x.chunks_exact(g.iw * channels)) {
            row.fill(self.border);
            if sx == 1 {
                flip::<1>(x, &mut row[g.left * channels..]);
                continue;
            }
            for (i, pixel) in x.chunks_exact(channels).enumerate() {
                let column = g.left + i;
                let to = &mut row[(column % sx * self.columns + column / sx) * channels..][..channels];
                match channels % 16 {
                    0 => flip::<16>(pixel, to),
                    8 => flip::<8>(pixel, to),
                    _ => flip::<1>(pixel, to),
                }
            }
        }
    }
}

/// Codes as unsigned bytes, `N` at a time, which divides their number.
#[inline(always)]
fn flip<const N: usize>(x: &[i8], to: &mut [u8]) {
    for (to, x) in to.as_chunks_mut::<N>().0.iter_mut().zip(x.as_chunks::<N>().0) {
        *to = x.map(|x| x.cast_unsigned() ^ FLIP);
    }
}

/// Factors of the channels of a unit.
fn repeated(to: &Requant, unit: usize) -> Requant {
    Requant { factors: to.factors.iter().copied().cycle().take(unit.max(to.factors.len())).collect(), ..to.clone() }
}
