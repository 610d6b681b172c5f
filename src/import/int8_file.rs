//! 8-bit layers in a `tinyprec-graph-1` file: numbers in the node's `int8`, weights as tensors.

use super::ImportError;
use super::container::{Data, Tensors};
use crate::nn::{FilterSize, Int8, Multiplier, Requant, Roundings, Shape, SmallFilters, Softmax, Window};
use safetensors::Dtype;
use serde::{Deserialize, Serialize};

/// The attribute `int8`; which of its numbers an op has is in docs/backbone-format.md.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Int8Json {
    /// Codes of zero: of each input, then of the output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    zeros: Vec<i32>,
    /// Multiplier and shift of each factor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    factors: Vec<[i32; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<[i8; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    least: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth_multiplier: Option<usize>,
    /// 1 or 2 (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roundings: Option<u8>,
}

/// Writes a layer's numbers and hands its tensors to `put`.
pub(super) fn save(layer: &Int8, put: &mut impl FnMut(&str, Vec<usize>, Data)) -> Int8Json {
    let mut linear = |shape: Vec<usize>, weights: &[i8], bias: &[i32], input_zero: i32, to: &Requant| {
        put("weight", shape, Data::I8(weights.to_vec()));
        put("bias", vec![bias.len()], Data::I32(bias.to_vec()));
        let parts: Vec<(i32, i32)> = to.factors.iter().map(|f| f.parts()).collect();
        put("multiplier", vec![parts.len()], Data::I32(parts.iter().map(|p| p.0).collect()));
        put("shift", vec![parts.len()], Data::I32(parts.iter().map(|p| p.1).collect()));
        let roundings = (to.roundings == Roundings::One).then_some(1);
        let range = Some([to.low, to.high]);
        Int8Json { zeros: vec![input_zero, to.zero], range, roundings, ..Int8Json::default() }
    };
    let one = |zeros: Vec<i32>, factors: &[Multiplier], to: &Requant| {
        let zeros = zeros.into_iter().chain([to.zero]).collect();
        let factors = factors.iter().chain(&to.factors).map(|f| f.parts().into()).collect();
        let roundings = (to.roundings == Roundings::One).then_some(1);
        Int8Json { zeros, factors, range: Some([to.low, to.high]), roundings, ..Int8Json::default() }
    };
    match layer {
        Int8::Conv { weights, bias, input_zero, to, .. } | Int8::Dense { weights, bias, input_zero, to } => {
            let size = weights.size();
            linear(vec![size.out, size.fan_in()], weights.values(), bias, *input_zero, to)
        }
        Int8::Depthwise { weights, multiplier, bias, input_zero, to, .. } => {
            let shape = vec![weights.len() / bias.len().max(1), bias.len()];
            Int8Json { depth_multiplier: Some(*multiplier), ..linear(shape, weights, bias, *input_zero, to) }
        }
        Int8::Add { zeros, factors, to } => one(zeros.to_vec(), factors, to),
        Int8::Mul { zeros, to } => one(zeros.to_vec(), &[], to),
        Int8::Mean { input_zero, to } | Int8::Rescale { input_zero, to } => one(vec![*input_zero], &[], to),
        Int8::MaxPool { range, .. } | Int8::AvgPool { range, .. } => {
            Int8Json { range: Some(*range), ..Int8Json::default() }
        }
        Int8::Softmax(softmax) => {
            let (multiplier, shift, least) = softmax.parts();
            Int8Json { factors: vec![[multiplier, shift]], least: Some(least), ..Int8Json::default() }
        }
        Int8::Table { table } => {
            put("table", vec![256], Data::I8(table.clone()));
            Int8Json::default()
        }
        Int8::PRelu { input_zero, alpha, positive, negative, zero } => {
            put("alpha", vec![alpha.len()], Data::I32(alpha.clone()));
            let factors = [*positive, *negative].map(|f| f.parts().into()).to_vec();
            Int8Json { zeros: vec![*input_zero, *zero], factors, ..Int8Json::default() }
        }
        Int8::Quantise { scale, zero } | Int8::Dequantise { scale, zero } => {
            Int8Json { zeros: vec![*zero], scale: Some(*scale), ..Int8Json::default() }
        }
    }
}

/// Reads one layer back.
pub(super) struct Reader<'a> {
    /// Node name.
    pub node: &'a str,
    pub op: &'a str,
    pub json: &'a Int8Json,
    /// Shape of what it reads.
    pub from: Shape,
    pub tensors: &'a Tensors<'a>,
    pub wrong: &'a dyn Fn(String) -> ImportError,
}

impl Reader<'_> {
    /// The layer; `window` is asked for where the op has one.
    pub(super) fn layer(&self, window: impl Fn(bool) -> Result<Window, ImportError>) -> Result<Int8, ImportError> {
        Ok(match self.op {
            "int8_conv" => {
                let window = window(false)?;
                let (weights, bias, to) = self.linear(window.taps(), self.from.c)?;
                Int8::Conv { weights, bias, window, input_zero: self.zeros::<2>()?[0], to }
            }
            "int8_dense" => {
                let (weights, bias, to) = self.linear(self.from.pixels(), self.from.c)?;
                Int8::Dense { weights, bias, input_zero: self.zeros::<2>()?[0], to }
            }
            "int8_depthwise_conv" => {
                let weights = self.tensors.typed(&self.name("weight"), &[Dtype::I8], 2)?.i8s();
                let (bias, to) = self.bias()?;
                let multiplier = self.need("depth_multiplier", self.json.depth_multiplier)?;
                let input_zero = self.zeros::<2>()?[0];
                Int8::Depthwise { weights, multiplier, bias, window: window(false)?, input_zero, to }
            }
            "int8_add" => {
                let ([a, b, _], [f, g, h]) = (self.zeros::<3>()?, self.factors::<3>()?);
                Int8::Add { zeros: [a, b], factors: [f, g], to: self.to(vec![h])? }
            }
            "int8_mul" => {
                let ([a, b, _], [f]) = (self.zeros::<3>()?, self.factors::<1>()?);
                Int8::Mul { zeros: [a, b], to: self.to(vec![f])? }
            }
            "int8_mean" => {
                Int8::Mean { input_zero: self.zeros::<2>()?[0], to: self.to(self.factors::<1>()?.to_vec())? }
            }
            "int8_rescale" => {
                Int8::Rescale { input_zero: self.zeros::<2>()?[0], to: self.to(self.factors::<1>()?.to_vec())? }
            }
            "int8_max_pool" => Int8::MaxPool { window: window(true)?, range: self.range()? },
            "int8_avg_pool" => Int8::AvgPool { window: window(true)?, range: self.range()? },
            _ => self.rest()?,
        })
    }

    fn rest(&self) -> Result<Int8, ImportError> {
        Ok(match self.op {
            "int8_softmax" => {
                let [multiplier, shift] = self.array::<1, [i32; 2]>("factors", &self.json.factors)?[0];
                let least = self.need("least", self.json.least)?;
                let softmax = Softmax::from_parts(multiplier, shift, least);
                Int8::Softmax(softmax.ok_or_else(|| self.error("has a factor or `least` that no softmax has"))?)
            }
            "int8_table" => Int8::Table { table: self.tensors.vector(&self.name("table"), Dtype::I8, 256)?.i8s() },
            "int8_prelu" => {
                let ([input_zero, zero], [positive, negative]) = (self.zeros::<2>()?, self.factors::<2>()?);
                let alpha = self.tensors.vector(&self.name("alpha"), Dtype::I32, self.from.c)?.i32s();
                Int8::PRelu { input_zero, alpha, positive, negative, zero }
            }
            "quantise_int8" => {
                Int8::Quantise { scale: self.need("scale", self.json.scale)?, zero: self.zeros::<1>()?[0] }
            }
            "dequantise_int8" => {
                Int8::Dequantise { scale: self.need("scale", self.json.scale)?, zero: self.zeros::<1>()?[0] }
            }
            other => {
                return Err(self.error(&format!(
                    "has op `{other}`, which is unknown; docs/backbone-format.md lists the operations"
                )));
            }
        })
    }

    fn linear(&self, taps: usize, ic: usize) -> Result<(SmallFilters, Vec<i32>, Requant), ImportError> {
        let name = self.name("weight");
        let raw = self.tensors.typed(&name, &[Dtype::I8], 2)?;
        let size = FilterSize { out: raw.shape[0], taps, ic };
        let weights = SmallFilters::new(size, raw.i8s(), &name).map_err(|e| (self.wrong)(e.to_string()))?;
        let (bias, to) = self.bias()?;
        Ok((weights, bias, to))
    }

    fn bias(&self) -> Result<(Vec<i32>, Requant), ImportError> {
        let i32s = |name: &str| Ok::<_, ImportError>(self.tensors.typed(&self.name(name), &[Dtype::I32], 1)?.i32s());
        let (multipliers, shifts) = (i32s("multiplier")?, i32s("shift")?);
        if multipliers.len() != shifts.len() {
            return Err(self.error("has another number of shifts than of multipliers"));
        }
        let factors: Option<Vec<Multiplier>> =
            multipliers.iter().zip(&shifts).map(|(m, s)| Multiplier::from_parts(*m, *s)).collect();
        let factors = factors.ok_or_else(|| self.error(NO_FACTOR))?;
        Ok((i32s("bias")?, self.to(factors)?))
    }

    fn to(&self, factors: Vec<Multiplier>) -> Result<Requant, ImportError> {
        let zero = *self.json.zeros.last().ok_or_else(|| self.error("needs `zeros`"))?;
        let [low, high] = self.range()?;
        let roundings = match self.json.roundings {
            Some(1) => Roundings::One,
            None | Some(2) => Roundings::Two,
            Some(other) => return Err(self.error(&format!("has {other} `roundings`, allowed: 1, 2"))),
        };
        Ok(Requant { factors, roundings, zero, low, high })
    }

    fn range(&self) -> Result<[i8; 2], ImportError> {
        self.need("range", self.json.range)
    }

    fn zeros<const N: usize>(&self) -> Result<[i32; N], ImportError> {
        self.array("zeros", &self.json.zeros)
    }

    fn factors<const N: usize>(&self) -> Result<[Multiplier; N], ImportError> {
        let parts: [[i32; 2]; N] = self.array("factors", &self.json.factors)?;
        let mut factors = [Multiplier::ZERO; N];
        for (factor, [multiplier, shift]) in factors.iter_mut().zip(parts) {
            *factor = Multiplier::from_parts(multiplier, shift).ok_or_else(|| self.error(NO_FACTOR))?;
        }
        Ok(factors)
    }

    fn array<const N: usize, T: Copy>(&self, what: &str, values: &[T]) -> Result<[T; N], ImportError> {
        let found = values.len();
        values.try_into().map_err(|_| self.error(&format!("has {found} `{what}`, expected {N}")))
    }

    fn need<T>(&self, what: &str, value: Option<T>) -> Result<T, ImportError> {
        value.ok_or_else(|| self.error(&format!("needs `{what}`")))
    }

    fn name(&self, tensor: &str) -> String {
        format!("{}.{tensor}", self.node)
    }

    fn error(&self, problem: &str) -> ImportError {
        (self.wrong)(format!("node `{}` ({}) {problem}", self.node, self.op))
    }
}

const NO_FACTOR: &str = "has a factor whose multiplier is negative or whose shift is not -31 to 31";
