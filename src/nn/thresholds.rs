//! Batch normalisation of integer sums whose sign alone is read, as thresholds on the sums: the very same bits.

use super::{Graph, Kind, Layer, NnError, Node, OutputTransform, Source, Thresholds};

impl Graph {
    /// The same network with integer thresholds in the place of a batch normalisation (or output transform) of sums whose signs
    /// alone are read: a device then needs neither floats nor factors there.
    ///
    /// * Formula: the decision is `value(sum) < 0` in f32, each operation rounded. Conversion, product and sum are monotone when
    ///   rounded, so the decision changes once at most, and that sum is the threshold: found by bisection over all sums that the
    ///   layer can give. Equal for every sum, not within a tolerance.
    /// * A negative factor gives a flipped threshold (−1 iff the sum is above it).
    ///
    /// # Errors
    /// As [`Graph::new`].
    pub fn with_thresholds(&self) -> Result<Self, NnError> {
        let spec = self.spec();
        let mut nodes: Vec<Node> = Vec::with_capacity(spec.nodes.len());
        let mut places = Vec::with_capacity(spec.nodes.len());
        for (i, node) in spec.nodes.iter().enumerate() {
            if self.folds(i) {
                places.push(None);
                continue;
            }
            let mut node = node.clone();
            if let (Layer::Sign, [Source::Node(n)]) = (&node.layer, node.inputs.as_slice())
                && self.folds(*n)
            {
                node.layer = Layer::Threshold(self.threshold(*n)?);
                node.inputs.clone_from(&spec.nodes[*n].inputs);
            }
            for source in &mut node.inputs {
                if let Source::Node(n) = source {
                    *n = places[*n].expect("a folded layer is read by signs alone");
                }
            }
            places.push(Some(nodes.len()));
            nodes.push(node);
        }
        Self::new(super::GraphSpec { nodes, ..spec.clone() })
    }

    /// Whether a node scales sums for nothing but signs.
    fn folds(&self, node: usize) -> bool {
        let spec = self.spec();
        let scales = matches!(spec.nodes[node].layer, Layer::OutputTransform(_) | Layer::Affine { .. });
        let reads = |n: &&Node| n.inputs.contains(&Source::Node(node));
        let signs = spec.nodes.iter().filter(reads).filter(|n| matches!(n.layer, Layer::Sign)).count();
        scales
            && self.source_type(spec.nodes[node].inputs[0]).kind == Kind::I32
            && signs > 0
            && signs == self.readers(node)
    }

    /// The sums at which a folding node's sign changes.
    fn threshold(&self, node: usize) -> Result<Thresholds, NnError> {
        let Node { name, layer, inputs, .. } = &self.spec().nodes[node];
        let (channels, bound) = (self.source_type(inputs[0]).shape.c, self.bound(inputs[0]));
        let found: Vec<(i32, bool)> = (0..channels).map(|c| change(bound, |sum| value(layer, c, sum))).collect();
        let (values, flip): (Vec<i32>, Vec<bool>) = found.into_iter().unzip();
        let flip = if flip.contains(&true) { flip } else { Vec::new() };
        Thresholds::new(1, values, flip, name)
    }
}

/// What a layer makes of one sum.
#[allow(clippy::cast_precision_loss, reason = "rounding to nearest even is what the layers document")]
fn value(layer: &Layer, channel: usize, sum: i32) -> f32 {
    match layer {
        Layer::OutputTransform(transform) => OutputTransform::value(transform, channel, sum),
        Layer::Affine { mul, add } => sum as f32 * mul[channel] + add[channel],
        other => unreachable!("`{}` does not scale sums", other.op()),
    }
}

/// Threshold and flip of a monotone function over −bound…bound: −1 iff the sum is below it, flipped iff it is above.
fn change(bound: i32, value: impl Fn(i32) -> f32) -> (i32, bool) {
    let falls = value(bound) < value(-bound);
    // Of a rising function the first sum that is not negative, of a falling one the last: −bound − 1 or bound + 1 where none is.
    let negative = |sum: i32| if falls { value(-sum) < 0.0 } else { value(sum) < 0.0 };
    let (mut low, mut high) = (-bound, bound + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if negative(middle) { low = middle + 1 } else { high = middle }
    }
    if falls { (-low, true) } else { (low, false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_is_that_of_the_float_for_every_sum() {
        for mul in [0.0f32, -0.0, 1e-30, 0.1, -0.1, 3.7, -2.5, 1e38, -1e38, f32::MIN_POSITIVE] {
            for add in [0.0f32, -0.0, 0.05, -0.3, 0.3, 7.4, -7.4, 1e9, -1e9, 1e-38] {
                let value = |sum: i32| f32::from(i16::try_from(sum).unwrap()) * mul + add;
                let (t, flip) = change(100, value);
                for sum in -100..=100 {
                    let bit = if flip { sum > t } else { sum < t };
                    assert_eq!(bit, value(sum) < 0.0, "{sum}·{mul} + {add}");
                }
            }
        }
    }
}
