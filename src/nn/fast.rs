//! Fast kernels: a row of patches gathered, counted against interleaved weights, and thresholded without a map of sums.
//!
//! Each gives exactly what [`super::reference`] gives; `tests/kernels_fast.rs` holds them together.

use super::int8::PreparedInt8;
use super::simd::{accumulate_i16, accumulate_i32};
use super::{
    BitFilters, BitMap, Fill, Geometry, Kind, Layer, Map, Node, Shape, SmallFilters, Tensor, TensorType, Thresholds,
};
use crate::bits::{Isa, Panels, pack_less, words};

/// What a node's fast kernel keeps beside its plain weights.
#[derive(Debug, Clone)]
pub(crate) enum Prepared {
    /// Nothing.
    Plain,
    /// Binary convolution or dense layer.
    Binary(PreparedBinary),
    /// First layer over 8-bit values.
    Input(PreparedInput),
    /// Thresholds by plane.
    Threshold(PreparedThreshold),
    /// 8-bit layer with weights.
    Int8(PreparedInt8),
}

impl Prepared {
    pub(crate) fn new(node: &Node, input: TensorType) -> Self {
        let planes = if let Kind::Bits { planes } = input.kind { planes } else { 1 };
        match &node.layer {
            Layer::BinaryConv { weights, .. } | Layer::BinaryDense { weights } => {
                Self::Binary(PreparedBinary::new(weights, planes))
            }
            Layer::InputConv { weights, offset, .. } => {
                let widest = if input.kind == Kind::U8 { 255 } else { 128 };
                Self::Input(PreparedInput::new(weights, widest + offset.abs()))
            }
            Layer::Threshold(t) => Self::Threshold(PreparedThreshold::new(t)),
            Layer::Int8(layer) => PreparedInt8::new(layer).map_or(Self::Plain, Self::Int8),
            _ => Self::Plain,
        }
    }
}

/// Weights in panels, each tap repeated for every pair of activation plane and weight plane.
#[derive(Debug, Clone)]
pub(crate) struct PreparedBinary {
    panels: Panels,
    fan_in: i32,
    a_planes: usize,
    w_planes: usize,
    tap_words: usize,
    /// Sum of each tap's weights, (tap, output): what a tap filled with +1 adds and one filled with 0 must not.
    tap_sums: Vec<i32>,
}

impl PreparedBinary {
    fn new(weights: &BitFilters, a_planes: usize) -> Self {
        let size = weights.size();
        let w_planes = weights.planes();
        let mut rows = Vec::new();
        for (o, tap) in (0..size.out).flat_map(|o| (0..size.taps).map(move |t| (o, t))) {
            for _ in 0..a_planes {
                for plane in 0..w_planes {
                    rows.extend_from_slice(weights.tap(o, tap, plane));
                }
            }
        }
        let tap_words = a_planes * w_planes * words(size.ic);
        let tap_sum = |tap: usize, o: usize| (0..size.ic).map(|c| i32::from(weights.value(o, tap, c))).sum();
        let tap_sums =
            (0..size.taps).flat_map(|t| (0..size.out).map(move |o| (t, o))).map(|(t, o)| tap_sum(t, o)).collect();
        Self {
            panels: Panels::new(&rows, size.out, size.taps * tap_words),
            fan_in: i32::try_from(size.fan_in()).expect("checked to be at most 2^30"),
            a_planes,
            w_planes,
            tap_words,
            tap_sums,
        }
    }

    /// Signed sums of one output row: `ow · out` values.
    fn row(&self, isa: Isa, x: &BitMap, g: &Geometry, oy: usize, scratch: &mut Scratch) {
        let k = self.panels.k();
        scratch.patches.resize(g.ow * k, 0);
        scratch.counts.resize(g.ow * self.panels.padded_rows(), 0);
        for (ox, patch) in scratch.patches.chunks_exact_mut(k).enumerate() {
            self.gather(x, g, oy, ox, patch);
        }
        self.panels.popcounts(isa, &scratch.patches, &mut scratch.counts);
        scratch.acc.clear();
        // 1, 2 or 4 pairs of planes: K − 2·pop/pairs, and the pairs' pops add up so that the division is exact.
        let shift = (self.a_planes * self.w_planes).trailing_zeros();
        for counts in scratch.counts.chunks_exact(self.panels.padded_rows()) {
            let sums = counts[..self.panels.rows()].iter().map(|n| self.fan_in - ((2 * n) >> shift).cast_signed());
            scratch.acc.extend(sums);
        }
        if g.window.fill == Fill::Zero && g.padded() {
            self.take_back_missing(g, oy, &mut scratch.acc);
        }
    }

    /// One patch, taps outside +1 (zero bits). Neighbouring pixels are neighbouring words, so a kernel row is one copy.
    fn gather(&self, x: &BitMap, g: &Geometry, oy: usize, ox: usize, patch: &mut [u64]) {
        let (kw, n) = (g.window.kernel[1], x.pixel_words());
        for (ky, slot) in patch.chunks_exact_mut(kw * self.tap_words).enumerate() {
            let Some(run) = g.run(oy, ox, ky) else {
                slot.fill(0);
                continue;
            };
            if run.len < kw {
                slot.fill(0);
            }
            let pixels = &x.words()[(run.y * g.iw + run.x) * n..][..run.len * n];
            let slot = &mut slot[run.first * self.tap_words..][..run.len * self.tap_words];
            if self.w_planes == 1 {
                slot.copy_from_slice(pixels);
                continue;
            }
            let w = words(x.shape().c);
            for (copies, plane) in slot.chunks_exact_mut(self.w_planes * w).zip(pixels.chunks_exact(w)) {
                copies.chunks_exact_mut(w).for_each(|copy| copy.copy_from_slice(plane));
            }
        }
    }

    fn take_back_missing(&self, g: &Geometry, oy: usize, acc: &mut [i32]) {
        let out = self.panels.rows();
        for (ox, sums) in acc.chunks_exact_mut(out).enumerate() {
            for (tap, missing) in self.tap_sums.chunks_exact(out).enumerate() {
                if g.source(oy, ox, tap / g.window.kernel[1], tap % g.window.kernel[1]).is_none() {
                    sums.iter_mut().zip(missing).for_each(|(s, m)| *s -= m);
                }
            }
        }
    }
}

/// First-layer weights, output fastest, in 16 bits where every sum fits 16 bits.
#[derive(Debug, Clone)]
pub(crate) struct PreparedInput {
    out: usize,
    narrow: Option<Vec<i16>>,
    wide: Vec<i32>,
}

impl PreparedInput {
    fn new(weights: &SmallFilters, largest_input: i32) -> Self {
        let size = weights.size();
        let (out, fan_in) = (size.out, size.fan_in());
        let widest = weights.values().iter().map(|v| i64::from(*v).abs()).max().unwrap_or(0).max(1);
        let terms = i64::try_from(fan_in).unwrap_or(i64::MAX);
        let fits = terms.saturating_mul(widest * i64::from(largest_input)) <= i64::from(i16::MAX);
        let at = |i: usize| weights.values()[i % out * fan_in + i / out];
        let narrow = fits.then(|| (0..out * fan_in).map(|i| i16::from(at(i))).collect());
        let wide = if fits { Vec::new() } else { (0..out * fan_in).map(|i| i32::from(at(i))).collect() };
        Self { out, narrow, wide }
    }

    /// Values less the offset, in the width that the weights are in.
    pub(crate) fn values(&self, x: &Tensor, offset: i32) -> InputValues {
        let shape = x.shape();
        let centred = x.integers().unwrap_or_default().into_iter().map(|v| v - offset);
        let sized = "as many values as the map has";
        if self.narrow.is_none() {
            return InputValues::Wide(Map::new(shape, centred.collect()).expect(sized));
        }
        let narrow = |v| i16::try_from(v).expect("every sum of products was checked to fit 16 bits");
        InputValues::Narrow(Map::new(shape, centred.map(narrow).collect()).expect(sized))
    }

    fn row(&self, isa: Isa, x: &InputValues, g: &Geometry, oy: usize, scratch: &mut Scratch) {
        scratch.acc.clear();
        for ox in 0..g.ow {
            match (x, &self.narrow) {
                (InputValues::Narrow(x), Some(weights)) => {
                    gather_values(x, g, oy, ox, &mut scratch.narrow);
                    scratch.narrow_acc.clear();
                    scratch.narrow_acc.resize(self.out, 0);
                    accumulate_i16(isa, &scratch.narrow, weights, &mut scratch.narrow_acc);
                    scratch.acc.extend(scratch.narrow_acc.iter().map(|v| i32::from(*v)));
                }
                (InputValues::Wide(x), _) => {
                    gather_values(x, g, oy, ox, &mut scratch.wide);
                    let start = scratch.acc.len();
                    scratch.acc.resize(start + self.out, 0);
                    accumulate_i32(isa, &scratch.wide, &self.wide, &mut scratch.acc[start..]);
                }
                (InputValues::Narrow(_), None) => unreachable!("values are made in the width of the weights"),
            }
        }
    }
}

/// First-layer values, 16 bits wide where every sum fits.
pub(crate) enum InputValues {
    Narrow(Map<i16>),
    Wide(Map<i32>),
}

/// One patch in order (ky, kx, channel), taps outside 0.
fn gather_values<T: Copy + Default>(x: &Map<T>, g: &Geometry, oy: usize, ox: usize, patch: &mut Vec<T>) {
    let (kw, ic) = (g.window.kernel[1], x.shape().c);
    patch.clear();
    for ky in 0..g.window.kernel[0] {
        let end = (ky + 1) * kw * ic;
        if let Some(run) = g.run(oy, ox, ky) {
            patch.resize((ky * kw + run.first) * ic, T::default());
            patch.extend_from_slice(&x.data()[(run.y * g.iw + run.x) * ic..][..run.len * ic]);
        }
        patch.resize(end, T::default());
    }
}

/// Thresholds by plane, in the form `acc < t`, and the channels to flip afterwards.
#[derive(Debug, Clone)]
pub(crate) struct PreparedThreshold {
    planes: Vec<Vec<i32>>,
    flip: Vec<u64>,
}

impl PreparedThreshold {
    fn new(t: &Thresholds) -> Self {
        let flipped = |c: usize| t.flips().get(c) == Some(&true);
        // acc > t is not (acc < t + 1); sums stay below 2^30, so saturation at i32::MAX changes nothing.
        let bound = |c: usize, p: usize| t.values()[c * t.planes() + p].saturating_add(i32::from(flipped(c)));
        let planes = (0..t.planes()).map(|p| (0..t.channels()).map(|c| bound(c, p)).collect()).collect();
        let signs: Vec<i32> = (0..t.channels()).map(|c| if flipped(c) { -1 } else { 1 }).collect();
        Self { planes, flip: crate::bits::pack(&signs) }
    }

    fn pixel(&self, isa: Isa, acc: &[i32], out: &mut [u64]) {
        let w = self.flip.len();
        for (plane, bits) in self.planes.iter().zip(out.chunks_exact_mut(w)) {
            pack_less(isa, acc, plane, bits);
            bits.iter_mut().zip(&self.flip).for_each(|(b, f)| *b ^= f);
        }
    }

    /// Thresholds of a whole map.
    pub(crate) fn map(&self, isa: Isa, x: &Map<i32>) -> BitMap {
        let mut bits = BitMap::ones(x.shape(), self.planes.len());
        let n = bits.pixel_words();
        for (acc, out) in x.data().chunks_exact(x.shape().c).zip(bits.words_mut().chunks_exact_mut(n)) {
            self.pixel(isa, acc, out);
        }
        bits
    }
}

/// Buffers of one call, reused from row to row.
#[derive(Debug, Default)]
struct Scratch {
    patches: Vec<u64>,
    counts: Vec<u32>,
    wide: Vec<i32>,
    narrow: Vec<i16>,
    narrow_acc: Vec<i16>,
    acc: Vec<i32>,
}

/// What a convolution slides over, with its prepared weights.
pub(crate) enum Conv<'a> {
    Binary(&'a PreparedBinary, &'a BitMap),
    Input(&'a PreparedInput, &'a InputValues),
}

impl Conv<'_> {
    fn out(&self) -> usize {
        match self {
            Conv::Binary(p, _) => p.panels.rows(),
            Conv::Input(p, _) => p.out,
        }
    }

    fn row(&self, isa: Isa, g: &Geometry, oy: usize, scratch: &mut Scratch) {
        match self {
            Conv::Binary(p, x) => p.row(isa, x, g, oy, scratch),
            Conv::Input(p, x) => p.row(isa, x, g, oy, scratch),
        }
    }

    /// The map of sums.
    pub(crate) fn sums(&self, isa: Isa, g: &Geometry) -> Map<i32> {
        let mut map = Map::zeros(Shape::new(g.oh, g.ow, self.out()));
        let mut scratch = Scratch::default();
        for (oy, row) in map.data_mut().chunks_exact_mut(g.ow * self.out()).enumerate() {
            self.row(isa, g, oy, &mut scratch);
            row.copy_from_slice(&scratch.acc);
        }
        map
    }

    /// Sums thresholded row by row.
    pub(crate) fn bits(&self, isa: Isa, g: &Geometry, t: &PreparedThreshold) -> BitMap {
        let mut map = BitMap::ones(Shape::new(g.oh, g.ow, self.out()), t.planes.len());
        let mut scratch = Scratch::default();
        let pixel_words = map.pixel_words();
        for (oy, row) in map.words_mut().chunks_exact_mut(g.ow * pixel_words).enumerate() {
            self.row(isa, g, oy, &mut scratch);
            for (acc, out) in scratch.acc.chunks_exact(self.out()).zip(row.chunks_exact_mut(pixel_words)) {
                t.pixel(isa, acc, out);
            }
        }
        map
    }
}

/// Maximum of packed values by AND of words: bit 0 is +1, and planes nest.
pub(crate) fn max_pool_bits(x: &BitMap, g: &Geometry) -> BitMap {
    let mut map = BitMap::ones(Shape::new(g.oh, g.ow, x.shape().c), x.planes());
    let n = map.pixel_words();
    for (pixel_idx, out) in map.words_mut().chunks_exact_mut(n).enumerate() {
        let (oy, ox) = (pixel_idx / g.ow, pixel_idx % g.ow);
        let taps = (0..g.window.taps()).map(|t| (t / g.window.kernel[1], t % g.window.kernel[1]));
        let mut inside = taps.filter_map(|(ky, kx)| g.source(oy, ox, ky, kx));
        let (y, x_) = inside.next().expect("padding is smaller than the kernel");
        out.copy_from_slice(x.pixel(y, x_));
        for (y, x_) in inside {
            out.iter_mut().zip(x.pixel(y, x_)).for_each(|(o, v)| *o &= v);
        }
    }
    map
}
