//! The network while it is trained: real latent weights, binarised on the way.
//!
//! ```text
//! 28×28×1 u8 ─ conv 5×5/2, ±1 weights ─ 12×12×32 ─ conv 3×3 ─ 10×10×64 ─ max 2×2 ─ 5×5×64 ─ conv 3×3 ─ 3×3×64 features
//! ```
//!
//! Every convolution (and its pooling) is followed by batch normalisation without gain (a sign undoes any positive gain) and by a sign.
//! Tensors are batch × height × width × channel; rows of patches run (ky, kx, channel), as the exported rows do.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;

use crate::augment::uniform;
use crate::idx::{AREA, SIDE};
use crate::ste;

/// Shape of one convolution block.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    pub kernel: usize,
    pub stride: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// 2×2 max pooling follows.
    pub pool: bool,
}

/// The blocks, in order.
pub const BLOCKS: [Shape; 3] = [
    Shape { name: "conv1", kernel: 5, stride: 2, inputs: 1, outputs: 32, pool: false },
    Shape { name: "conv2", kernel: 3, stride: 1, inputs: 32, outputs: 64, pool: true },
    Shape { name: "conv3", kernel: 3, stride: 1, inputs: 64, outputs: 64, pool: false },
];

/// Share of the old value that a running statistic keeps at each step.
const KEEP: f64 = 0.98;
/// Added to variances.
pub const EPSILON: f64 = 1e-3;

/// One convolution with its batch normalisation.
pub struct Block {
    pub shape: Shape,
    /// Latent weights, outputs × (kernel² · inputs), in [−1, 1].
    pub latent: Var,
    /// Offset after normalisation, per output.
    pub beta: Var,
    /// Running mean and variance of the sums, per output.
    pub mean: Tensor,
    pub variance: Tensor,
}

/// The blocks and the pretext classifier, which is dropped after training.
pub struct Net {
    pub blocks: Vec<Block>,
    head: Var,
    head_bias: Var,
}

impl Net {
    /// Random weights from `rng`, for a pretext task of `classes` classes.
    pub fn new(classes: usize, rng: &mut ChaCha8Rng) -> Result<Self> {
        let device = &Device::Cpu;
        let mut side = SIDE;
        let mut blocks = Vec::new();
        for shape in BLOCKS {
            let fan_in = shape.kernel * shape.kernel * shape.inputs;
            blocks.push(Block {
                latent: random(shape.outputs, fan_in, 0.3, rng)?,
                beta: Var::zeros(shape.outputs, DType::F32, device)?,
                mean: Tensor::zeros(shape.outputs, DType::F32, device)?,
                variance: Tensor::ones(shape.outputs, DType::F32, device)?,
                shape,
            });
            side = shape.side_after(side);
        }
        let features = side * side * BLOCKS[BLOCKS.len() - 1].outputs;
        let head = random(classes, features, 0.02, rng)?;
        Ok(Self { blocks, head, head_bias: Var::zeros(classes, DType::F32, device)? })
    }

    /// Everything that is trained, with the mark that says "latent binary weights".
    pub fn vars(&self) -> Vec<(Var, bool)> {
        let mut vars = vec![(self.head.clone(), false), (self.head_bias.clone(), false)];
        for block in &self.blocks {
            vars.push((block.latent.clone(), true));
            vars.push((block.beta.clone(), false));
        }
        vars
    }

    /// Pretext logits of a batch of images in training: batch statistics, gradients, running statistics updated.
    pub fn train(&mut self, images: &[u8]) -> Result<Tensor> {
        let mut x = first_patches(images, BLOCKS[0])?;
        for (i, block) in self.blocks.iter_mut().enumerate() {
            let rows = if i == 0 { x } else { patches(&x, block.shape)? };
            let sums = convolve(&rows, &ste::sign(&block.latent)?)?;
            let sums = if block.shape.pool { max_pool(&sums)? } else { sums };
            x = ste::sign(&block.normalise(&sums)?)?;
        }
        let logits = x.flatten_from(1)?.matmul(&self.head.t()?)?;
        logits.broadcast_add(&self.head_bias)
    }

    /// ±1 features of a batch of images as the trained float network sees them: running statistics, no gradients.
    pub fn features(&self, images: &[u8]) -> Result<Tensor> {
        let mut x = first_patches(images, BLOCKS[0])?;
        for (i, block) in self.blocks.iter().enumerate() {
            let rows = if i == 0 { x } else { patches(&x, block.shape)? };
            let sums = convolve(&rows, &ste::hard_sign(&block.latent)?)?;
            let sums = if block.shape.pool { max_pool(&sums)? } else { sums };
            x = ste::hard_sign(&block.apply(&sums)?)?;
        }
        x.flatten_from(1)
    }
}

impl Shape {
    /// Side of the output for an input of `side`.
    pub fn side_after(&self, side: usize) -> usize {
        let out = (side - self.kernel) / self.stride + 1;
        if self.pool { out / 2 } else { out }
    }
}

impl Block {
    /// Normalises by the batch's statistics and remembers them.
    fn normalise(&mut self, sums: &Tensor) -> Result<Tensor> {
        let mean = channel_mean(sums)?;
        let centred = sums.broadcast_sub(&mean)?;
        let variance = channel_mean(&centred.sqr()?)?;
        self.mean = ((&self.mean * KEEP)? + (mean.detach() * (1.0 - KEEP))?)?;
        self.variance = ((&self.variance * KEEP)? + (variance.detach() * (1.0 - KEEP))?)?;
        let deviation = (variance + EPSILON)?.sqrt()?;
        centred.broadcast_div(&deviation)?.broadcast_add(&self.beta)
    }

    /// Normalises by the running statistics: (sum − mean) / deviation + beta, each operation rounded to f32.
    fn apply(&self, sums: &Tensor) -> Result<Tensor> {
        let deviation = (&self.variance + EPSILON)?.sqrt()?;
        sums.broadcast_sub(&self.mean)?.broadcast_div(&deviation)?.broadcast_add(&self.beta.detach())
    }
}

/// Uniform in ±`bound`, `rows` × `columns`.
fn random(rows: usize, columns: usize, bound: f32, rng: &mut ChaCha8Rng) -> Result<Var> {
    let values: Vec<f32> = (0..rows * columns).map(|_| uniform(rng, -bound, bound)).collect();
    Var::from_vec(values, (rows, columns), &Device::Cpu)
}

/// Rows of patches of the input images: batch × height × width × kernel², pixels 0…255.
fn first_patches(images: &[u8], shape: Shape) -> Result<Tensor> {
    let (k, count, out) = (shape.kernel, images.len() / AREA, (SIDE - shape.kernel) / shape.stride + 1);
    let mut rows = Vec::with_capacity(count * out * out * k * k);
    for image in images.chunks_exact(AREA) {
        for oy in 0..out {
            for ox in 0..out {
                for ky in 0..k {
                    let start = (oy * shape.stride + ky) * SIDE + ox * shape.stride;
                    rows.extend(image[start..start + k].iter().map(|&p| f32::from(p)));
                }
            }
        }
    }
    Tensor::from_vec(rows, (count, out, out, k * k), &Device::Cpu)
}

/// Rows of patches of an activation map, stride 1, no padding.
fn patches(x: &Tensor, shape: Shape) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    let (k, oh, ow) = (shape.kernel, height - shape.kernel + 1, width - shape.kernel + 1);
    let taps: Vec<Tensor> =
        (0..k * k).map(|tap| x.narrow(1, tap / k, oh)?.narrow(2, tap % k, ow)).collect::<Result<_>>()?;
    Tensor::cat(&taps, 3)
}

/// Sums of products of patch rows with weight rows: batch × height × width × outputs.
fn convolve(rows: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let (batch, height, width, fan_in) = rows.dims4()?;
    let flat = rows.reshape((batch * height * width, fan_in))?.matmul(&weights.t()?)?;
    flat.reshape((batch, height, width, weights.dim(0)?))
}

/// Mean of each channel, as a product with a row of ones: candle's sum over leading dimensions is many times slower.
fn channel_mean(x: &Tensor) -> Result<Tensor> {
    let flat = x.flatten_to(2)?;
    let count = flat.dim(0)?;
    let ones = Tensor::ones((1, count), DType::F32, &Device::Cpu)?;
    ones.matmul(&flat)?.squeeze(0)? / count as f64
}

/// 2×2 maximum, stride 2; sides are even.
fn max_pool(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    let rows = x.reshape((b, h / 2, 2, w, c))?;
    let rows = rows.narrow(2, 0, 1)?.maximum(&rows.narrow(2, 1, 1)?)?;
    let columns = rows.reshape((b, h / 2, w / 2, 2, c))?;
    columns.narrow(3, 0, 1)?.maximum(&columns.narrow(3, 1, 1)?)?.reshape((b, h / 2, w / 2, c))
}
