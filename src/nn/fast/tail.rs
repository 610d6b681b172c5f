//! What follows a layer's sums while they are still in the first-level cache: output transform, elementwise layers, signs.

use super::binary::Sums;
use super::elementwise::{PerChannel, Unary};
use crate::bits::{Isa, Sixteen, Tile, pack, pack_less, pack_negative, words};
use crate::nn::simd::{Loop, vectorised};
use crate::nn::{Layer, OutputTransform, RELU_CLAMP, Thresholds};

/// Sums to floats.
#[derive(Debug, Clone)]
pub(super) struct Scale(OutputTransform);

impl Scale {
    /// An output transform, or batch normalisation of sums with or without a ReLU before it, over so many channels.
    pub(super) fn of(layer: &Layer, relu: bool, channels: usize) -> Option<Self> {
        let clamp = if relu { RELU_CLAMP } else { crate::nn::NO_CLAMP };
        match layer {
            Layer::Affine { mul, add } => {
                Some(Self(OutputTransform { clamp, base: 0, mul: mul.clone(), add: add.clone() }))
            }
            Layer::OutputTransform(t) => {
                let clamp = if relu { [t.clamp[0].max(0), t.clamp[1].max(0)] } else { t.clamp };
                // Without factors a sum is only converted, which ·1 + 0 does to the bit: no sum is −0.
                let or =
                    |values: &[f32], one: f32| if t.mul.is_empty() { vec![one; channels] } else { values.to_vec() };
                Some(Self(OutputTransform { clamp, base: t.base, mul: or(&t.mul, 1.0), add: or(&t.add, 0.0) }))
            }
            _ => None,
        }
    }

    /// What turns counts into `out = value(sum)`, or `out += value(sum)`.
    pub(super) fn tile<'a>(&'a self, sums: &'a Sums<'a>, add: bool, out: &'a mut [f32]) -> ScaleTile<'a> {
        ScaleTile { scale: &self.0, sums, onto: add, out }
    }

    /// `out = value(sum)` of sums.
    pub(super) fn sums(&self, isa: Isa, sums: &[i32], out: &mut [f32]) {
        vectorised(isa, ScaleSums { scale: &self.0, sums, out });
    }
}

/// Channels in a vector.
const LANES: usize = 16;

/// Counts to floats, sixteen channels of a pixel at a time.
pub(super) struct ScaleTile<'a> {
    scale: &'a OutputTransform,
    sums: &'a Sums<'a>,
    onto: bool,
    out: &'a mut [f32],
}

impl ScaleTile<'_> {
    /// All counts of a block, pixel by pixel.
    pub(super) fn run(&mut self, isa: Isa, counts: &[u32]) {
        struct All<'a, 'b>(&'a mut ScaleTile<'b>, &'a [u32]);
        impl Loop for All<'_, '_> {
            #[inline(always)]
            fn run(self) {
                let Self(tile, counts) = self;
                let stride = tile.sums.stride;
                for p in 0..tile.sums.class.len() {
                    let (whole, rest) = counts[p * stride..][..stride].as_chunks::<LANES>();
                    for i in 0..whole.len() {
                        tile.counts(p, i * LANES, &[Sixteen(whole[i])]);
                    }
                    if !rest.is_empty() {
                        let mut last = [0; LANES];
                        last[..rest.len()].copy_from_slice(rest);
                        tile.counts(p, whole.len() * LANES, &[Sixteen(last)]);
                    }
                }
            }
        }
        vectorised(isa, All(self, counts));
    }
}

impl Tile for ScaleTile<'_> {
    #[inline(always)]
    fn counts<const N: usize>(&mut self, p: usize, first: usize, counts: &[Sixteen; N]) {
        // Two loops, so that neither asks for each pixel what it is to do.
        if self.onto { self.values::<N, true>(p, first, counts) } else { self.values::<N, false>(p, first, counts) }
    }
}

impl ScaleTile<'_> {
    #[inline(always)]
    fn values<const N: usize, const ONTO: bool>(&mut self, p: usize, first: usize, counts: &[Sixteen; N]) {
        let Self { scale: OutputTransform { clamp, base, mul, add }, sums, out, .. } = self;
        let (n, stride, shift, clamp, base) = (mul.len(), sums.stride, sums.shift, *clamp, *base);
        let (mul, add) = (&mul[first..], &add[first..]);
        if let (Some(mul), Some(add)) = (mul.first_chunk::<LANES>(), add.first_chunk::<LANES>()) {
            let (mul, add) = (*mul, *add);
            for i in 0..N {
                let whole = &sums.bases[sums.class[p + i] * stride + first..][..LANES];
                let out = &mut out[(p + i) * n + first..][..LANES];
                let mut values = [0.0; LANES];
                for l in 0..LANES {
                    let sum = whole[l] - ((2 * counts[i].0[l]) >> shift).cast_signed();
                    let value = scaled(sum, clamp, base, mul[l], add[l]);
                    values[l] = if ONTO { out[l] + value } else { value };
                }
                out.copy_from_slice(&values);
            }
            return;
        }
        for i in 0..N {
            let whole = &sums.bases[sums.class[p + i] * stride + first..];
            let out = &mut out[(p + i) * n + first..][..n - first];
            for l in 0..out.len() {
                let sum = whole[l] - ((2 * counts[i].0[l]) >> shift).cast_signed();
                let value = scaled(sum, clamp, base, mul[l], add[l]);
                out[l] = if ONTO { out[l] + value } else { value };
            }
        }
    }
}

struct ScaleSums<'a> {
    scale: &'a OutputTransform,
    sums: &'a [i32],
    out: &'a mut [f32],
}

impl Loop for ScaleSums<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { scale: OutputTransform { clamp, base, mul, add }, sums, out } = self;
        let n = mul.len();
        for (out, sums) in out.chunks_exact_mut(n).zip(sums.chunks_exact(n)) {
            let (out, sums, mul, add) = (&mut out[..n], &sums[..n], &mul[..n], &add[..n]);
            for c in 0..n {
                out[c] = scaled(sums[c], *clamp, *base, mul[c], add[c]);
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::cast_precision_loss, reason = "rounding to nearest even is what OutputTransform documents")]
fn scaled(sum: i32, clamp: [i32; 2], base: i32, mul: f32, add: f32) -> f32 {
    // Not `clamp`: it checks its limits, which were checked when the network was built.
    (sum.max(clamp[0]).min(clamp[1]) - base) as f32 * mul + add
}

/// Signed sums of a block of counts, pixel by pixel without the padding of the last panel.
pub(super) fn sums(isa: Isa, counts: &[u32], sums: &Sums<'_>, n: usize, out: &mut [i32]) {
    struct Signed<'a>(&'a [u32], &'a Sums<'a>, usize, &'a mut [i32]);
    impl Loop for Signed<'_> {
        #[inline(always)]
        fn run(self) {
            let Self(counts, sums, n, out) = self;
            for (p, class) in sums.class.iter().enumerate() {
                let pops = &counts[p * sums.stride..][..n];
                let whole = &sums.bases[class * sums.stride..][..n];
                let out = &mut out[p * n..][..n];
                for c in 0..n {
                    out[c] = whole[c] - ((2 * pops[c]) >> sums.shift).cast_signed();
                }
            }
        }
    }
    vectorised(isa, Signed(counts, sums, n, out));
}

/// Thresholds by plane, in the form `acc < t`, and the channels to flip afterwards.
#[derive(Debug, Clone)]
pub(super) struct Signs {
    planes: Vec<Vec<i32>>,
    flip: Vec<u64>,
}

impl Signs {
    pub(super) fn new(t: &Thresholds) -> Self {
        let flipped = |c: usize| t.flips().get(c) == Some(&true);
        // acc > t is not (acc < t + 1); sums stay below 2^30, so saturation at i32::MAX changes nothing.
        let bound = |c: usize, p: usize| t.values()[c * t.planes() + p].saturating_add(i32::from(flipped(c)));
        let planes = (0..t.planes()).map(|p| (0..t.channels()).map(|c| bound(c, p)).collect()).collect();
        let signs: Vec<i32> = (0..t.channels()).map(|c| if flipped(c) { -1 } else { 1 }).collect();
        Self { planes, flip: pack(&signs) }
    }

    /// Signs of whole pixels of sums.
    pub(super) fn sums(&self, isa: Isa, sums: &[i32], out: &mut [u64]) {
        let (w, n) = (self.flip.len(), self.planes[0].len());
        for (sums, out) in sums.chunks_exact(n).zip(out.chunks_exact_mut(w * self.planes.len())) {
            for (plane, bits) in self.planes.iter().zip(out.chunks_exact_mut(w)) {
                pack_less(isa, sums, plane, bits);
                bits.iter_mut().zip(&self.flip).for_each(|(b, f)| *b ^= f);
            }
        }
    }
}

/// Signs of whole pixels of `channels` floats.
pub(super) fn signs(isa: Isa, x: &[f32], channels: usize, out: &mut [u64]) {
    if channels.is_multiple_of(crate::bits::BITS) {
        return pack_negative(isa, x, out);
    }
    for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(words(channels))) {
        pack_negative(isa, x, out);
    }
}

/// An elementwise layer on a block of floats.
#[derive(Debug, Clone)]
pub(super) enum Post {
    /// Of each value alone.
    Unary(Unary),
    /// Adds the same pixels of another map.
    Add(super::plan::Operand),
    /// Adds what the output's place holds already: a residual that nobody reads afterwards. Only as the first one.
    AddInPlace,
}

impl Post {
    /// A layer of one input that works value by value.
    pub(super) fn unary(layer: &Layer) -> Option<Self> {
        Some(Self::Unary(match layer {
            Layer::Affine { mul, add } => Unary::Affine(PerChannel::new(mul), PerChannel::new(add)),
            Layer::Relu => Unary::Relu,
            Layer::PRelu { alpha } => Unary::PRelu(PerChannel::new(alpha)),
            Layer::Bias { bias } => Unary::Bias(PerChannel::new(bias)),
            _ => return None,
        }))
    }
}
