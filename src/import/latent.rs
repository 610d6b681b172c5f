//! Weights as PyTorch keeps them, in a `tinyprec-graph-1` file: F32 in its own dimension order, latent ones of binary layers too.
//!
//! The order of values is found from the number of dimensions: four are (output, input, ky, kx), two are (output, input).

use super::ImportError;
use super::container::Tensors;
use super::schema::NodeJson;
use crate::nn::networks::{KernelOrder, KernelShape};
use crate::nn::{BitFilters, Kind, Layer, NO_CLAMP, OutputTransform, Shape, TensorType};
use safetensors::Dtype;

/// PyTorch's default for batch normalisation.
const EPS: f32 = 1e-5;

/// One node's float tensors.
pub(super) struct Latent<'a> {
    pub node: &'a NodeJson,
    /// What the node reads.
    pub from: TensorType,
    pub tensors: &'a Tensors<'a>,
    pub wrong: &'a dyn Fn(String) -> ImportError,
}

/// A binary layer's filters, and what its sums are multiplied by and added to, if anything.
pub(super) struct Filters {
    pub filters: BitFilters,
    pub after: Option<Layer>,
}

impl Latent<'_> {
    /// Whether the node's weights are floats.
    pub(super) fn is_float(&self) -> bool {
        self.tensors.get(&self.name("weight")).is_some_and(|raw| raw.dtype == Dtype::F32)
    }

    fn name(&self, tensor: &str) -> String {
        format!("{}.{tensor}", self.node.name)
    }

    /// Values in order (output, tap, channel) from (output, input, ky, kx), or as they are from (output, …).
    pub(super) fn kernel(&self, taps: [usize; 2]) -> Result<(usize, Vec<f32>), ImportError> {
        let name = self.name("weight");
        let raw = self.tensors.need(&name)?;
        let ic = self.from.shape.c;
        match (raw.dtype, raw.shape.as_slice()) {
            (Dtype::F32, [out, _]) if *out > 0 => Ok((*out, raw.f32s())),
            (Dtype::F32, [out, i, h, w]) if *out > 0 && [*i, *h, *w] == [ic, taps[0], taps[1]] => {
                let kernel = KernelShape { order: KernelOrder::Oihw, taps, inputs: ic, outputs: *out };
                Ok((*out, kernel.rearrange(&raw.f32s())))
            }
            (dtype, shape) => {
                let expected =
                    format!("expected F32 [out, {ic}, {}, {}] (PyTorch's order) or [out, K]", taps[0], taps[1]);
                Err(self.tensors.error(&name, format!("is {dtype:?} {shape:?}, {expected}")))
            }
        }
    }

    /// Depthwise weights in order (tap, channel) from (channel, 1, ky, kx).
    pub(super) fn depthwise(&self, taps: [usize; 2]) -> Result<Option<Vec<f32>>, ImportError> {
        let name = self.name("weight");
        let raw = self.tensors.need(&name)?;
        let n = taps[0].saturating_mul(taps[1]);
        match (raw.dtype, raw.shape.as_slice()) {
            (Dtype::F32, [c, 1, h, w]) if [*c, *h, *w] == [self.from.shape.c, taps[0], taps[1]] => {
                let values = raw.f32s();
                Ok(Some((0..values.len()).map(|i| values[i % c * n + i / c]).collect()))
            }
            (_, [_, _]) => Ok(None),
            (dtype, shape) => Err(self
                .tensors
                .error(&name, format!("is {dtype:?} {shape:?}, expected F32 [c, 1, ky, kx] or [ky·kx, c]"))),
        }
    }

    /// Dense weights in order (output, y, x, channel), from (output, channel, y, x) where the node says `order: chw`.
    pub(super) fn dense(&self) -> Result<(usize, Vec<f32>), ImportError> {
        let raw = self.tensors.typed(&self.name("weight"), &[Dtype::F32], 2)?;
        let (out, values) = (raw.shape[0], raw.f32s());
        let Shape { h, w, c } = self.from.shape;
        match self.node.order.as_deref() {
            None | Some("hwc") => Ok((out, values)),
            Some("chw") if values.len() == out.saturating_mul(self.from.shape.len()) => {
                let kernel = KernelShape { order: KernelOrder::Oihw, taps: [h, w], inputs: c, outputs: out };
                Ok((out, kernel.rearrange(&values)))
            }
            Some("chw") => Err(self
                .tensors
                .error(&self.name("weight"), format!("has shape {:?} over {}", raw.shape, self.from.shape))),
            Some(other) => {
                Err((self.wrong)(format!("node `{}` has order `{other}`, allowed: hwc, chw", self.node.name)))
            }
        }
    }

    /// Signs of latent weights, −1 iff below zero; `scaled` multiplies the sums by each filter's mean magnitude, a `bias` is added.
    pub(super) fn binary(&self, taps: [usize; 2], dense: bool) -> Result<Filters, ImportError> {
        let (out, latent) = if dense { self.dense()? } else { self.kernel(taps)? };
        let size = crate::nn::FilterSize { out, taps: taps[0].saturating_mul(taps[1]), ic: self.from.shape.c };
        let name = self.name("weight");
        if let Some(i) = latent.iter().position(|w| w.is_nan()) {
            return Err(self.tensors.error(&name, format!("[{i}] is NaN, which has no sign")));
        }
        let signs: Vec<i8> = latent.iter().map(|w| if *w < 0.0 { -1 } else { 1 }).collect();
        let filters = BitFilters::from_values(size, &signs, &name);
        let filters = filters.map_err(|e| self.tensors.error(&name, e.to_string()))?;
        let bias =
            self.tensors.get(&self.name("bias")).map(|_| self.tensors.f32s(&self.name("bias"), out)).transpose()?;
        let scaled = self.node.scaled.unwrap_or(false);
        let after = (scaled || bias.is_some()).then(|| {
            let mul = if scaled {
                latent.chunks_exact(size.fan_in().max(1)).map(crate::nn::networks::mean_magnitude).collect()
            } else {
                vec![1.0; out]
            };
            let add = bias.unwrap_or_else(|| vec![0.0; out]);
            Layer::OutputTransform(OutputTransform { clamp: NO_CLAMP, base: 0, mul, add })
        });
        Ok(Filters { filters, after })
    }

    /// Batch normalisation at inference from `weight`, `bias`, `running_mean`, `running_var` (the first two may be missing) and `eps`.
    pub(super) fn batch_norm(&self) -> Result<Layer, ImportError> {
        let c = self.from.shape.c;
        let optional = |tensor: &str| {
            let name = self.name(tensor);
            self.tensors.get(&name).map(|_| self.tensors.f32s(&name, c)).transpose()
        };
        let (gamma, beta) = (optional("weight")?, optional("bias")?);
        let (mean, variance) =
            (self.tensors.f32s(&self.name("running_mean"), c)?, self.tensors.f32s(&self.name("running_var"), c)?);
        let eps = self.node.eps.unwrap_or(EPS);
        if let Some(v) = variance.iter().find(|v| (**v + eps).is_nan() || **v + eps <= 0.0) {
            return Err(self
                .tensors
                .error(&self.name("running_var"), format!("has {v}, which with eps {eps} is not above 0")));
        }
        let scale = crate::nn::networks::batch_norm(gamma.as_deref(), beta.as_deref(), &mean, &variance, eps);
        Ok(match self.from.kind {
            Kind::I32 => {
                Layer::OutputTransform(OutputTransform { clamp: NO_CLAMP, base: 0, mul: scale.mul, add: scale.add })
            }
            _ => Layer::Affine { mul: scale.mul, add: scale.add },
        })
    }

    /// Slopes: `alpha`, or PyTorch's `weight`; one stands for all channels.
    pub(super) fn slopes(&self) -> Result<Vec<f32>, ImportError> {
        let name = if self.tensors.get(&self.name("alpha")).is_some() { "alpha" } else { "weight" };
        let raw = self.tensors.typed(&self.name(name), &[Dtype::F32], 1)?;
        let values = raw.f32s();
        Ok(if values.len() == 1 { vec![values[0]; self.from.shape.c] } else { values })
    }
}
