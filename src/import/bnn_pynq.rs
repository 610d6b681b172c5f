//! BNN-PYNQ networks (Xilinx/FINN: CNV and LFC, W1A1, W1A2, W2A2) as safetensors with a `spec` in the metadata.
//!
//! Layer list with `name`, `kind` (`conv`: 3×3 valid, stride 1; `fc`), `inp`, `out`, optional `fan_in` and `maxpool2_after`.
//! Weights are packed rows whose bit 1 is +1 (flipped here), or I8 in −1, 0, 1. How sums become signs:
//!
//! * Activations are ±1 unless a threshold has two columns; then they are −1 + (acc > T₀) + (acc > T₁) everywhere.
//! * A first convolution reads q = clamp(⌊(p/255·2 − 1)·128 + ½⌋, −128, 127) and compares 2·acc > T (8 bits hold 7 of fraction).
//! * With ±1 activations later layers compare pop > T, pop = (acc + K)/2; with three-valued ones acc > T.
//! * A first dense layer reads signs, +1 iff p ≥ 128.
//!
//! "bit iff acc > T" is "sign −1 iff acc < T + 1" here; each conversion is exact. Scores: pop of the last layer (±1), acc
//! (three-valued); where the last layer has thresholds, less them (pop − T, acc − T), so that the first largest one wins.

use super::ImportError;
use super::container::{Container, Tensors};
use crate::nn::networks::input_table;
use crate::nn::{BitFilters, FilterSize, Graph, GraphSpec, Layer, Shape, SmallFilters, Thresholds, Window};
use safetensors::Dtype;
use serde::Deserialize;

/// The family's convolutional networks read 32 × 32 pixels.
const CONV_INPUT: usize = 32;
const KERNEL: usize = 3;

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    source: String,
    #[serde(default)]
    licence: String,
    layers: Vec<LayerSpec>,
}

#[derive(Deserialize)]
struct LayerSpec {
    name: String,
    kind: KindSpec,
    inp: usize,
    out: usize,
    #[serde(default)]
    fan_in: Option<usize>,
    #[serde(default)]
    maxpool2_after: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum KindSpec {
    Conv,
    Fc,
}

/// Whether the file has the family's metadata.
pub(super) fn matches(file: &Container) -> bool {
    file.metadata("spec").is_some()
}

/// Reads the network.
pub(super) fn load(file: &Container) -> Result<Graph, ImportError> {
    let wrong = |problem: String| ImportError::Metadata { path: file.path().to_owned(), key: "spec", problem };
    let spec: Spec =
        serde_json::from_str(file.metadata("spec").unwrap_or_default()).map_err(|e| wrong(e.to_string()))?;
    let tensors = file.tensors()?;
    let (Some(first), Some(last)) = (spec.layers.first(), spec.layers.last()) else {
        return Err(wrong("has no layers".to_owned()));
    };
    if last.out < 2 || last.kind != KindSpec::Fc {
        return Err(wrong(format!("the last layer `{}` must be `fc` with at least two classes", last.name)));
    }
    let input = input_shape(first).map_err(&wrong)?;
    let name = file.path().file_stem().map_or_else(|| "network".into(), |s| s.to_string_lossy().into_owned());
    let mut graph = GraphSpec::new(&name, input);
    graph.notes = format!("{} ({})", spec.source, spec.licence);
    graph = match first.kind {
        KindSpec::Conv => graph.then("quantise", Layer::Lookup { table: input_table() }),
        KindSpec::Fc => graph.then("pack", Layer::PackInput { threshold: 128, flatten: true }),
    };
    let mut shape = if first.kind == KindSpec::Fc { Shape::new(1, 1, input.len()) } else { input };
    let family = Family { tensors: &tensors, three_valued: three_valued(&tensors, &spec.layers)? };
    for (i, layer) in spec.layers.iter().enumerate() {
        let place = Place { first: i == 0, last: i + 1 == spec.layers.len() };
        let window = family.check(layer, &mut shape).map_err(&wrong)?;
        graph = family.layer(graph, layer, window, place)?;
        if layer.maxpool2_after {
            if shape.h < 2 || shape.w < 2 || place.last {
                return Err(wrong(format!("there is nothing to pool after layer `{}`", layer.name)));
            }
            shape = Shape::new(shape.h / 2, shape.w / 2, shape.c);
            graph = graph.then(&format!("{}_pool", layer.name), Layer::MaxPoolBits { window: Window::valid(2, 2) });
        }
    }
    graph.classifier = Some(last.name.clone());
    Graph::new(graph).map_err(|source| ImportError::Network { path: file.path().to_owned(), source })
}

fn input_shape(first: &LayerSpec) -> Result<Shape, String> {
    match first.kind {
        KindSpec::Conv => Ok(Shape::new(CONV_INPUT, CONV_INPUT, first.inp)),
        KindSpec::Fc => {
            let side = first.inp.isqrt();
            // Images are square; a length that is no square is read as one row.
            Ok(if side * side == first.inp { Shape::new(side, side, 1) } else { Shape::new(1, first.inp, 1) })
        }
    }
}

/// Whether any layer has two thresholds a neuron.
fn three_valued(tensors: &Tensors<'_>, layers: &[LayerSpec]) -> Result<bool, ImportError> {
    let mut found = false;
    for layer in layers {
        let name = format!("{}.threshold", layer.name);
        let Some(raw) = tensors.get(&name) else { continue };
        match (raw.dtype, raw.shape.as_slice()) {
            (Dtype::I32, [_] | [_, 1]) => {}
            (Dtype::I32, [_, 2]) => found = true,
            (dtype, shape) => {
                let problem = format!("is {dtype:?} {shape:?}, expected I32 [out], [out, 1] or [out, 2]");
                return Err(tensors.error(&name, problem));
            }
        }
    }
    Ok(found)
}

#[derive(Clone, Copy)]
struct Place {
    first: bool,
    last: bool,
}

struct Family<'a> {
    tensors: &'a Tensors<'a>,
    three_valued: bool,
}

impl Family<'_> {
    /// Checks a layer against the map it reads, moves `shape` on, and gives the convolution's window.
    fn check(&self, layer: &LayerSpec, shape: &mut Shape) -> Result<Option<Window>, String> {
        let name = &layer.name;
        let LayerSpec { inp, out, .. } = *layer;
        if inp == 0 || out == 0 || inp > 1 << 20 || out > 1 << 20 {
            return Err(format!("layer `{name}` has {inp} inputs and {out} outputs, allowed: 1 to 2^20"));
        }
        let (given, window) = match layer.kind {
            KindSpec::Conv => (shape.c, Some(Window::valid(KERNEL, 1))),
            KindSpec::Fc => (shape.len(), None),
        };
        if inp != given {
            return Err(format!("layer `{name}` reads {inp} values, but the map before it is {shape} ({given})"));
        }
        let fan_in = if window.is_some() { inp * KERNEL * KERNEL } else { inp };
        if layer.fan_in.is_some_and(|f| f != fan_in) {
            return Err(format!("layer `{name}` has fan_in {:?}, expected {fan_in}", layer.fan_in));
        }
        *shape = match window {
            None => Shape::new(1, 1, out),
            Some(_) if shape.h < KERNEL || shape.w < KERNEL => {
                return Err(format!("layer `{name}`: a 3x3 kernel does not fit a map of {shape}"));
            }
            Some(_) => Shape::new(shape.h - KERNEL + 1, shape.w - KERNEL + 1, out),
        };
        Ok(window)
    }

    fn layer(
        &self,
        g: GraphSpec,
        layer: &LayerSpec,
        window: Option<Window>,
        place: Place,
    ) -> Result<GraphSpec, ImportError> {
        let taps = window.map_or(1, |w| w.taps());
        // A dense layer over a map reads it in order (y, x, channel): its pixels are taps.
        let (taps, ic) = if window.is_some() { (taps, layer.inp) } else { dense_taps(&g, layer) };
        let size = FilterSize { out: layer.out, taps, ic };
        let weights = self.weights(layer, size)?;
        let g = match (window, place.first) {
            (Some(window), true) => {
                let small = SmallFilters::new(size, weights.values(), &layer.name);
                let weights =
                    small.map_err(|e| self.tensors.error(&format!("{}.weight", layer.name), e.to_string()))?;
                g.then(&layer.name, Layer::InputConv { weights, window, offset: 0 })
            }
            (Some(window), false) => g.then(&layer.name, Layer::BinaryConv { weights, window }),
            (None, _) => g.then(&layer.name, Layer::BinaryDense { weights }),
        };
        if place.last { self.scores(g, layer) } else { self.thresholds(g, layer, place.first) }
    }

    fn weights(&self, layer: &LayerSpec, size: FilterSize) -> Result<BitFilters, ImportError> {
        let name = format!("{}.weight", layer.name);
        let raw = self.tensors.typed(&name, &[Dtype::U8, Dtype::I8], 2)?;
        let columns = if raw.dtype == Dtype::U8 { size.fan_in().div_ceil(8) } else { size.fan_in() };
        if raw.shape != [size.out, columns] {
            let problem = format!("is {:?} {:?}, expected [{}, {columns}]", raw.dtype, raw.shape, size.out);
            return Err(self.tensors.error(&name, problem));
        }
        let filters = match raw.dtype {
            Dtype::U8 => BitFilters::from_packed(size, raw.u8s(), 1, &name),
            _ => BitFilters::from_values(size, &raw.i8s(), &name),
        };
        filters.map_err(|e| self.tensors.error(&name, e.to_string()))
    }

    /// The file's thresholds of a layer, (neuron, column).
    fn raw_thresholds(&self, layer: &LayerSpec, planes: usize) -> Result<Vec<i32>, ImportError> {
        let name = format!("{}.threshold", layer.name);
        let raw = self.tensors.need(&name)?;
        let columns = raw.shape.get(1).copied().unwrap_or(1);
        if raw.shape.first() != Some(&layer.out) || columns != planes {
            let found = format!("has shape {:?}, expected [{}, {planes}]", raw.shape, layer.out);
            return Err(self.tensors.error(&name, found));
        }
        Ok(raw.i32s())
    }

    /// Smallest sum that gives the upper value, for each T: from `acc > T`, `2·acc > T` or `2·pop = acc + K > 2·T`.
    fn thresholds(&self, g: GraphSpec, layer: &LayerSpec, first: bool) -> Result<GraphSpec, ImportError> {
        let planes = if self.three_valued { 2 } else { 1 };
        let fan_in = self.fan_in(layer);
        let least = |t: i32| {
            let t = i64::from(t);
            match (first && layer.kind == KindSpec::Conv, self.three_valued) {
                (true, _) => t.div_euclid(2) + 1,
                (false, true) => t + 1,
                (false, false) => 2 * t - fan_in + 1,
            }
        };
        // Sums stay within ±2^30, so what lies beyond 32 bits compares like the nearest 32-bit number.
        let saturated = |t: i64| i32::try_from(t.clamp(i64::from(i32::MIN), i64::from(i32::MAX))).expect("clamped");
        let values = self.raw_thresholds(layer, planes)?.into_iter().map(|t| saturated(least(t))).collect();
        let name = format!("{}_threshold", layer.name);
        let thresholds = Thresholds::new(planes, values, Vec::new(), &name);
        let thresholds = thresholds.map_err(|e| self.tensors.error(&name, e.to_string()))?;
        Ok(g.then(&name, Layer::Threshold(thresholds)))
    }

    /// pop − T = (acc + K − 2·T)/2 for ±1 activations, acc − T for three-valued ones; T is 0 where there is none.
    fn scores(&self, g: GraphSpec, layer: &LayerSpec) -> Result<GraphSpec, ImportError> {
        let name = format!("{}.threshold", layer.name);
        let t = if self.tensors.get(&name).is_some() { self.raw_thresholds(layer, 1)? } else { vec![0; layer.out] };
        if self.three_valued && t.iter().all(|t| *t == 0) {
            return Ok(g);
        }
        let fan_in = self.fan_in(layer);
        let offset = |t: &i32| if self.three_valued { -i64::from(*t) } else { fan_in - 2 * i64::from(*t) };
        let offsets: Result<Vec<i32>, _> = t.iter().map(offset).map(i32::try_from).collect();
        let offset = offsets.map_err(|_| self.tensors.error(&name, "has values beyond what 32-bit scores can hold"))?;
        let shift = if self.three_valued { 0 } else { 1 };
        Ok(g.then("scores", Layer::OffsetShift { offset, shift }))
    }

    fn fan_in(&self, layer: &LayerSpec) -> i64 {
        let taps = if layer.kind == KindSpec::Conv { KERNEL * KERNEL } else { 1 };
        i64::try_from(layer.inp * taps).expect("both were checked to be small")
    }
}

/// How a dense layer's inputs split into pixels and channels.
fn dense_taps(g: &GraphSpec, layer: &LayerSpec) -> (usize, usize) {
    let channels = g.nodes.iter().rev().find_map(|n| match &n.layer {
        Layer::BinaryConv { weights, .. } | Layer::BinaryDense { weights } => Some(weights.size().out),
        Layer::InputConv { weights, .. } => Some(weights.size().out),
        _ => None,
    });
    let ic = channels.unwrap_or(layer.inp);
    (layer.inp / ic, ic)
}
