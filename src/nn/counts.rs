//! What a network is made of: weights and multiply-accumulates by their bits, layer by layer, from shapes alone.

use super::calls::constants;
use super::{Graph, Int8, Kind, Layer, Shape, Source};
use std::collections::BTreeMap;

/// Numbers by the bits of their operands, e.g. `{1: 11980800, 32: 674888}`.
pub type ByBits = BTreeMap<u32, u64>;

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerCount {
    /// Its name.
    pub name: String,
    /// Its operation.
    pub op: &'static str,
    /// Bits of each value it reads.
    pub input_bits: u32,
    /// What it gives.
    pub output: Shape,
    /// Weights by bits; zeros that a dilated or grouped filter is written out with are none. Batch normalisation counts a factor and an addend a channel; constants that a framework does not
    /// train (input scaling, offsets that turn sums into matches) count nothing.
    pub weights: ByBits,
    /// Multiply-accumulates by the wider operand's bits, taps in the padding included. As in Larq's summary, additions,
    /// pooling, normalisation and activations count none.
    pub macs: ByBits,
    /// Bytes of all its constants as a device stores them: bits in 32-bit words.
    pub packed_bytes: u64,
    /// Bytes of them that only fill words up.
    pub padding_bytes: u64,
}

/// A whole network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Layer by layer, in order.
    pub layers: Vec<LayerCount>,
}

impl Counts {
    /// All weights by bits.
    pub fn weights(&self) -> ByBits {
        total(self.layers.iter().map(|l| &l.weights))
    }

    /// All multiply-accumulates by bits.
    pub fn macs(&self) -> ByBits {
        total(self.layers.iter().map(|l| &l.macs))
    }

    /// All weights, whatever their bits.
    pub fn parameters(&self) -> u64 {
        self.weights().values().sum()
    }

    /// Bits of all weights, those of more than `most` bits taken as `most`.
    pub fn weight_bits(&self, most: u32) -> u64 {
        self.weights().iter().map(|(bits, n)| u64::from(*bits.min(&most)) * n).sum()
    }

    /// Bytes of all constants as a device stores them.
    pub fn packed_bytes(&self) -> u64 {
        self.layers.iter().map(|l| l.packed_bytes).sum()
    }

    /// Bytes of them that only fill words up.
    pub fn padding_bytes(&self) -> u64 {
        self.layers.iter().map(|l| l.padding_bytes).sum()
    }
}

fn total<'a>(each: impl Iterator<Item = &'a ByBits>) -> ByBits {
    let mut sum = ByBits::new();
    for (bits, n) in each.flatten() {
        *sum.entry(*bits).or_default() += n;
    }
    sum
}

impl Graph {
    /// Weights and multiply-accumulates of every layer, from shapes alone.
    pub fn counts(&self) -> Counts {
        let layers = self.spec().nodes.iter().enumerate().map(|(i, node)| {
            let input = self.source_type(node.inputs[0]);
            let output = self.node_type(i);
            let preprocessing = node.inputs[0] == Source::Image && input.kind != Kind::F32;
            // Filters that an earlier layer holds already are counted there.
            let shared = self.spec().filters_of(i) != i;
            let mut weights = weights(&node.layer, preprocessing);
            let stored = weights.first().copied().unwrap_or((32, 0)).1;
            if let (Some(first), Some(own)) = (weights.first_mut(), node.products) {
                first.1 -= output.shape.c * (products(&node.layer, input.shape) - own);
            }
            let bits = weights.first().map_or(32, |(bits, _)| *bits);
            let input_bits = bits_of(input.kind);
            let packed: usize = if shared { 0 } else { constants(&node.layer).iter().map(|(_, bytes)| bytes).sum() };
            LayerCount {
                name: node.name.clone(),
                op: node.layer.op(),
                input_bits,
                output: output.shape,
                macs: by_bits(&[(
                    bits.max(input_bits),
                    output.shape.len() * node.products.unwrap_or(products(&node.layer, input.shape)),
                )]),
                weights: if shared { ByBits::new() } else { by_bits(&weights) },
                packed_bytes: wide(packed),
                padding_bytes: wide(packed.saturating_sub((stored * usize_of(bits)).div_ceil(8))) * u64::from(bits < 8),
            }
        });
        Counts { layers: layers.collect() }
    }
}

fn by_bits(entries: &[(u32, usize)]) -> ByBits {
    entries.iter().filter(|(_, n)| *n > 0).map(|(bits, n)| (*bits, wide(*n))).collect()
}

fn bits_of(kind: Kind) -> u32 {
    match kind {
        Kind::Bits { planes: 1 } => 1,
        Kind::Bits { .. } => 2,
        Kind::U8 | Kind::I8 => 8,
        Kind::I32 | Kind::F32 => 32,
    }
}

/// Bits and number of a layer's weights, those that it multiplies with first.
fn weights(layer: &Layer, preprocessing: bool) -> Vec<(u32, usize)> {
    if let Layer::Int8(Int8::Conv { weights, bias, .. } | Int8::Dense { weights, bias, .. }) = layer {
        return vec![(8, weights.values().len()), (32, bias.len())];
    }
    if let Layer::Int8(Int8::Depthwise { weights, bias, .. }) = layer {
        return vec![(8, weights.len()), (32, bias.len())];
    }
    vec![match layer {
        Layer::BinaryConv { weights, .. } | Layer::BinaryDense { weights } | Layer::SignConv { weights, .. } => {
            (if weights.planes() == 1 { 1 } else { 2 }, weights.size().out * weights.size().fan_in())
        }
        Layer::InputConv { weights, .. } => (if weights.binary() { 1 } else { 8 }, weights.values().len()),
        Layer::Affine { .. } if preprocessing => (32, 0),
        Layer::Affine { mul, add } => (32, mul.len() + add.len()),
        Layer::OutputTransform(t) => (32, t.mul.len() + t.add.len()),
        Layer::Threshold(t) => (32, t.values().len()),
        Layer::Standardise(s) => (32, 2 * s.channels()),
        Layer::CombineBases { coefficients, .. } => (32, coefficients.len()),
        Layer::Bias { bias } => (32, bias.len()),
        Layer::PRelu { alpha } => (32, alpha.len()),
        Layer::FloatConv { weights, bias, .. }
        | Layer::DepthwiseConv { weights, bias, .. }
        | Layer::FloatDense { weights, bias, .. } => (32, weights.len() + bias.len()),
        _ => (32, 0),
    }]
}

/// Multiply-accumulates of one output value.
pub(super) fn products(layer: &Layer, from: Shape) -> usize {
    match layer {
        Layer::Int8(Int8::Conv { window, .. })
        | Layer::BinaryConv { window, .. }
        | Layer::SignConv { window, .. }
        | Layer::InputConv { window, .. }
        | Layer::FloatConv { window, .. } => window.taps() * from.c,
        Layer::Int8(Int8::Depthwise { window, .. }) | Layer::DepthwiseConv { window, .. } => window.taps(),
        Layer::BinaryDense { .. } | Layer::FloatDense { .. } | Layer::Int8(Int8::Dense { .. }) => from.len(),
        _ => 0,
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).expect("a usize fits 64 bits")
}

fn usize_of(bits: u32) -> usize {
    usize::try_from(bits).expect("at most 32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{BitFilters, Fill, FilterSize, GraphSpec, Window};

    #[test]
    fn words_are_filled_up_and_both_operands_decide_the_bits() {
        let size = FilterSize { out: 3, taps: 9, ic: 33 };
        let conv = Layer::BinaryConv { weights: BitFilters::ones(size, 1), window: Window::same(3, 1, Fill::One) };
        let spec = GraphSpec::new("t", Shape::new(4, 4, 33))
            .then("scale", Layer::Affine { mul: vec![1.0; 33], add: vec![0.0; 33] })
            .then("sign", Layer::Sign)
            .then("conv", conv);
        let counts = Graph::new(spec).unwrap().counts();
        let conv = &counts.layers[2];
        assert_eq!((conv.input_bits, &conv.macs), (1, &ByBits::from([(1, 16 * 3 * 9 * 33)])));
        // 27 taps of 2 words; 891 bits fill 112 bytes.
        assert_eq!((conv.packed_bytes, conv.padding_bytes), (27 * 8, 27 * 8 - 112));
        assert_eq!(counts.weights(), ByBits::from([(1, 891)]), "input scaling is not a weight");
        assert_eq!(counts.packed_bytes(), 27 * 8 + 33 * 8);
    }
}
