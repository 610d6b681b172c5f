//! Where a network's weights come from: a file, a seed, or nowhere at all.

use crate::nn::{BitFilters, FilterSize, NnError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Order of a kernel's dimensions in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelOrder {
    /// Rows, columns, inputs, outputs (Keras).
    Hwio,
    /// Outputs, inputs, rows, columns (PyTorch, MXNet).
    Oihw,
}

/// Dimensions of a convolution's kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelShape {
    /// Order in the file.
    pub order: KernelOrder,
    /// Rows and columns.
    pub taps: [usize; 2],
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
}

impl KernelShape {
    /// Dimensions as the file has them.
    pub fn dims(&self) -> [usize; 4] {
        let [h, w] = self.taps;
        match self.order {
            KernelOrder::Hwio => [h, w, self.inputs, self.outputs],
            KernelOrder::Oihw => [self.outputs, self.inputs, h, w],
        }
    }

    /// Sizes of the filter bank.
    pub fn size(&self) -> FilterSize {
        FilterSize { out: self.outputs, taps: self.taps[0] * self.taps[1], ic: self.inputs }
    }

    /// Place in the file of weight `c` of tap `tap` of output `o`.
    pub fn position(&self, o: usize, tap: usize, c: usize) -> usize {
        match self.order {
            KernelOrder::Hwio => (tap * self.inputs + c) * self.outputs + o,
            KernelOrder::Oihw => (o * self.inputs + c) * self.taps[0] * self.taps[1] + tap,
        }
    }

    /// The file's values in order (output, tap, channel).
    pub fn rearrange<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let FilterSize { out, taps, ic } = self.size();
        let mut ordered = Vec::with_capacity(values.len());
        for (o, tap) in (0..out).flat_map(|o| (0..taps).map(move |t| (o, t))) {
            ordered.extend((0..ic).map(|c| values[self.position(o, tap, c)]));
        }
        ordered
    }
}

/// A binary layer's filters, and what quantisers that scale by magnitude want to know.
#[derive(Debug, Clone, PartialEq)]
pub struct SignKernel {
    /// −1 iff the latent weight is below zero.
    pub filters: BitFilters,
    /// Mean of the latent weights' magnitudes, one an output, summed in f64 and rounded once.
    pub magnitude: Vec<f32>,
}

/// A source of weights. Networks ask for each tensor once, by the name and dimensions that their files use.
pub trait Parameters {
    /// A float tensor, in the file's order.
    ///
    /// # Errors
    /// [`NnError::Parameter`] if there is none of that name and those dimensions.
    fn floats(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, NnError>;

    /// Signs of a kernel of latent weights.
    ///
    /// # Errors
    /// As [`Parameters::floats`].
    fn signs(&mut self, name: &str, kernel: KernelShape) -> Result<SignKernel, NnError> {
        let latent = kernel.rearrange(&self.floats(name, &kernel.dims())?);
        let signs: Vec<i8> = latent.iter().map(|w| if *w < 0.0 { -1 } else { 1 }).collect();
        let magnitude = latent.chunks_exact(kernel.size().fan_in()).map(mean_magnitude).collect();
        Ok(SignKernel { filters: BitFilters::from_values(kernel.size(), &signs, name)?, magnitude })
    }

    /// Weights −1, 0 and +1 of a kernel.
    ///
    /// # Errors
    /// As [`Parameters::floats`].
    fn ternary(&mut self, name: &str, kernel: KernelShape) -> Result<BitFilters, NnError> {
        let values = kernel.rearrange(&self.floats(name, &kernel.dims())?);
        let values: Vec<i8> = values.iter().map(|w| i8::from(*w > 0.0) - i8::from(*w < 0.0)).collect();
        BitFilters::from_values(kernel.size(), &values, name)
    }

    /// Integers: thresholds.
    ///
    /// # Errors
    /// As [`Parameters::floats`].
    fn integers(&mut self, name: &str, n: usize) -> Result<Vec<i32>, NnError>;

    /// Whether the weights only stand in for real ones.
    fn stand_ins(&self) -> bool {
        false
    }
}

/// Mean of |w|: exact sum as far as f64 goes, one division, one rounding to f32.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "one rounding to nearest even, as documented"
)]
pub(crate) fn mean_magnitude(weights: &[f32]) -> f32 {
    let sum: f64 = weights.iter().map(|w| f64::from(w.abs())).sum();
    (sum / weights.len() as f64) as f32
}

/// No weights: zeros of the right sizes, cheap to make. Networks built with it are [`GraphSpec::shapes_only`].
///
/// [`GraphSpec::shapes_only`]: crate::nn::GraphSpec::shapes_only
#[derive(Debug, Clone, Copy, Default)]
pub struct Shapes;

impl Parameters for Shapes {
    fn floats(&mut self, _: &str, dims: &[usize]) -> Result<Vec<f32>, NnError> {
        Ok(vec![0.0; dims.iter().product()])
    }

    fn signs(&mut self, _: &str, kernel: KernelShape) -> Result<SignKernel, NnError> {
        Ok(SignKernel { filters: BitFilters::ones(kernel.size(), 1), magnitude: vec![0.0; kernel.outputs] })
    }

    fn ternary(&mut self, _: &str, kernel: KernelShape) -> Result<BitFilters, NnError> {
        Ok(BitFilters::ones(kernel.size(), 2))
    }

    fn integers(&mut self, _: &str, n: usize) -> Result<Vec<i32>, NnError> {
        Ok(vec![0; n])
    }

    fn stand_ins(&self) -> bool {
        true
    }
}

/// Weights drawn from a seed: for timing, where values do not matter but must be ordinary ones.
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The same seed gives the same weights on every machine.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in [0, 1) in steps of 2^−16.
    fn unit(&mut self) -> f32 {
        f32::from(self.0.next_u32().to_le_bytes().first_chunk::<2>().map_or(0, |b| u16::from_le_bytes(*b))) / 65_536.0
    }
}

impl Parameters for Random {
    /// Variances in [0.5, 1.5), all else in [−0.5, 0.5).
    fn floats(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, NnError> {
        let low = if name.contains("var") { 0.5 } else { -0.5 };
        Ok((0..dims.iter().product()).map(|_| low + self.unit()).collect())
    }

    fn signs(&mut self, name: &str, kernel: KernelShape) -> Result<SignKernel, NnError> {
        let size = kernel.size();
        let mut bytes = vec![0; size.out * size.fan_in().div_ceil(8)];
        self.0.fill_bytes(&mut bytes);
        let filters = BitFilters::from_packed(size, &bytes, -1, name)?;
        Ok(SignKernel { filters, magnitude: (0..size.out).map(|_| 0.5 * self.unit()).collect() })
    }

    /// −8 … 7.
    fn integers(&mut self, _: &str, n: usize) -> Result<Vec<i32>, NnError> {
        Ok((0..n).map(|_| i32::from(self.0.next_u32().to_le_bytes()[0] >> 4) - 8).collect())
    }
}

/// Passes another source through and keeps what was asked for.
pub(crate) struct Asked<'a> {
    pub from: &'a mut dyn Parameters,
    /// Names and dimensions, in the order of asking.
    pub tensors: Vec<(String, Vec<usize>)>,
}

impl Parameters for Asked<'_> {
    fn floats(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, NnError> {
        self.tensors.push((name.to_owned(), dims.to_vec()));
        self.from.floats(name, dims)
    }

    fn signs(&mut self, name: &str, kernel: KernelShape) -> Result<SignKernel, NnError> {
        self.tensors.push((name.to_owned(), kernel.dims().to_vec()));
        self.from.signs(name, kernel)
    }

    fn ternary(&mut self, name: &str, kernel: KernelShape) -> Result<BitFilters, NnError> {
        self.tensors.push((name.to_owned(), kernel.dims().to_vec()));
        self.from.ternary(name, kernel)
    }

    fn integers(&mut self, name: &str, n: usize) -> Result<Vec<i32>, NnError> {
        self.tensors.push((name.to_owned(), vec![n]));
        self.from.integers(name, n)
    }

    fn stand_ins(&self) -> bool {
        self.from.stand_ins()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(Vec<f32>);

    impl Parameters for Given {
        fn floats(&mut self, _: &str, _: &[usize]) -> Result<Vec<f32>, NnError> {
            Ok(self.0.clone())
        }
        fn integers(&mut self, _: &str, _: usize) -> Result<Vec<i32>, NnError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn both_orders_give_the_same_filters_and_zero_counts_as_plus_one() {
        let hwio = KernelShape { order: KernelOrder::Hwio, taps: [1, 2], inputs: 2, outputs: 3 };
        let oihw = KernelShape { order: KernelOrder::Oihw, ..hwio };
        // Value 100·o + 10·tap + c, one of them negative and one zero.
        let mut values = vec![0.0; 12];
        let mut other = values.clone();
        for (o, tap, c) in (0..3).flat_map(|o| (0..2).flat_map(move |t| (0..2).map(move |c| (o, t, c)))) {
            let v = if (o, tap, c) == (1, 1, 0) {
                -110.0
            } else {
                f32::from(u8::try_from(100 * o + 10 * tap + c).unwrap())
            };
            values[hwio.position(o, tap, c)] = v;
            other[oihw.position(o, tap, c)] = v;
        }
        let (a, b) = (Given(values).signs("w", hwio).unwrap(), Given(other).signs("w", oihw).unwrap());
        assert_eq!(a, b);
        assert_eq!(a.filters.values(), [1, 1, 1, 1, 1, 1, -1, 1, 1, 1, 1, 1]);
        assert_eq!(a.magnitude, [(1.0 + 10.0 + 11.0) / 4.0, 105.5, 205.5]);
        assert_eq!(Shapes.signs("w", hwio).unwrap().filters.size(), hwio.size());
    }

    #[test]
    fn a_seed_gives_the_same_weights_again() {
        let kernel = KernelShape { order: KernelOrder::Hwio, taps: [3, 3], inputs: 5, outputs: 7 };
        let draw = |seed| {
            (Random::new(seed).signs("w", kernel).unwrap(), Random::new(seed).floats("x/moving_variance:0", &[9]))
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert!(draw(3).1.unwrap().iter().all(|v| (0.5..1.5).contains(v)));
    }
}
