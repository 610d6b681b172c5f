//! Running a network: one image, or many at once.

use super::graph::{Graph, Source};
use super::runner::{Runner, Seen};
use super::{Geometry, Layer, Map, NnError, Node, Shape, Tensor, TensorType, Window};
use super::{float, int8, reference};
use crate::bits::Isa;
use crate::trace::{NullSink, Sink};
use rayon::prelude::*;

/// Which kernels run. All give the same values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Plain loops.
    Reference,
    /// Packed kernels with these instructions.
    Fast(Isa),
}

impl Engine {
    /// The fastest this machine has.
    pub fn best() -> Self {
        Self::Fast(Isa::best())
    }
}

/// Images that are worth a set of maps of their own.
const LEAST_PART: usize = 4;

/// What a pass over one image gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// The last layer's output.
    pub output: Tensor,
    /// The classifier's input; the same as the output where there is no classifier.
    pub features: Tensor,
}

impl Graph {
    /// Output for one image, with the fastest kernels.
    ///
    /// # Errors
    /// As [`Graph::pass`].
    pub fn run(&self, image: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.pass(image, Engine::best(), &mut NullSink)?.output)
    }

    /// Features for one image, with the fastest kernels.
    ///
    /// # Errors
    /// As [`Graph::pass`].
    pub fn features(&self, image: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.pass(image, Engine::best(), &mut NullSink)?.features)
    }

    /// Output and features for one image; `sink` hears every operation as a device would run it.
    ///
    /// A [`Runner`] does the same again and again without allocating.
    ///
    /// # Errors
    /// [`NnError::Image`] if the image is not what the network reads, [`NnError::NoWeights`] if it was built from shapes.
    pub fn pass(&self, image: &Tensor, engine: Engine, sink: &mut dyn Sink) -> Result<Pass, NnError> {
        let Engine::Fast(isa) = engine else { return self.plain_pass(image, sink) };
        let mut runner = Runner::with(self, isa)?;
        let seen = runner.run(image)?;
        let pass = Pass { output: seen.output.clone(), features: seen.features.clone() };
        if sink.listening() {
            self.calls().into_iter().for_each(|call| sink.record(call));
        }
        Ok(pass)
    }

    /// [`Graph::pass`] over many images on all threads; results in the images' order, whatever the number of threads.
    ///
    /// # Errors
    /// That of the first image in order that has one.
    pub fn passes(&self, images: &[Tensor]) -> Result<Vec<Pass>, NnError> {
        let some = |images: &[Tensor]| -> Result<Vec<Pass>, NnError> {
            let mut runner = Runner::new(self)?;
            let mut one = |image| {
                let Seen { output, features } = runner.run(image)?;
                Ok(Pass { output: output.clone(), features: features.clone() })
            };
            images.iter().map(&mut one).collect()
        };
        // Each part pays for one set of maps; more parts than threads, so that a thread that is held up holds up little.
        let part = images.len().div_ceil(4 * rayon::current_num_threads()).max(LEAST_PART);
        let parts: Vec<Result<Vec<Pass>, NnError>> = images.par_chunks(part).map(some).collect();
        Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Refuses other images than the network reads, and networks that cannot run.
    pub(super) fn check_image(&self, image: &Tensor) -> Result<(), NnError> {
        let (found, expected) = (image.ty(), self.input());
        if found != expected {
            let (expected, expected_kind) = (expected.shape, expected.kind);
            return Err(NnError::Image { expected, expected_kind, found: found.shape, found_kind: found.kind });
        }
        Ok(())
    }

    /// By the reference kernels, one operation of the device after the other.
    fn plain_pass(&self, image: &Tensor, sink: &mut dyn Sink) -> Result<Pass, NnError> {
        self.check_image(image)?;
        if self.spec.shapes_only {
            return Err(NnError::NoWeights(self.spec.name.clone()));
        }
        let mut values: Vec<Option<Tensor>> = vec![None; self.spec.nodes.len()];
        let mut left = self.readers.clone();
        for step in &self.steps {
            let node = &self.spec.nodes[step.node];
            let inputs: Vec<&Tensor> = node.inputs.iter().map(|s| value(image, &values, *s)).collect();
            let mut output = single(node, &inputs);
            if let Some(next) = step.fused {
                output = single(&self.spec.nodes[next], &[&output]);
            }
            if sink.listening() {
                let inputs: Vec<TensorType> = inputs.iter().map(|x| x.ty()).collect();
                sink.record(self.call(*step, &inputs, output.ty()));
            }
            for source in &node.inputs {
                if let Source::Node(n) = source {
                    left[*n] -= 1;
                    if left[*n] == 0 {
                        values[*n] = None;
                    }
                }
            }
            values[step.output()] = Some(output);
        }
        let features = value(image, &values, self.feature_source()).clone();
        let output = values.pop().flatten().expect("the last step writes the last node");
        Ok(Pass { output, features })
    }
}

fn value<'a>(image: &'a Tensor, values: &'a [Option<Tensor>], source: Source) -> &'a Tensor {
    match source {
        Source::Image => image,
        Source::Node(n) => values[n].as_ref().expect("inputs come before their readers and stay until the last one"),
    }
}

/// Shapes were checked when the network was built.
pub(super) fn geometry(window: Window, shape: Shape) -> Geometry {
    window.over(shape, "").expect("checked when the network was built")
}

/// A dense layer's window: the whole map at once.
pub(super) fn whole(shape: Shape) -> Geometry {
    geometry(Window { kernel: [shape.h, shape.w], ..Window::valid(1, 1) }, shape)
}

/// 8-bit values less the offset.
fn centred(x: &Tensor, offset: i32) -> Map<i32> {
    let values = x.integers().unwrap_or_default().into_iter().map(|v| v - offset).collect();
    Map::new(x.shape(), values).expect("as many values as the map has")
}

/// Values as f32: integers below 2^24 exactly, larger ones rounded to nearest even.
#[allow(clippy::cast_precision_loss, reason = "rounding to nearest even is what the layer documents")]
fn reals(x: &Tensor) -> Vec<f32> {
    match x {
        Tensor::F32(m) => m.data().to_vec(),
        other => other.integers().unwrap_or_default().into_iter().map(|v| v as f32).collect(),
    }
}

/// One layer by the reference kernels.
pub(super) fn single(node: &Node, inputs: &[&Tensor]) -> Tensor {
    let x = inputs[0];
    let shape = x.shape();
    match (&node.layer, x) {
        (Layer::PackInput { threshold, flatten }, Tensor::U8(x)) => {
            let shape = if *flatten { Shape::new(1, 1, shape.len()) } else { shape };
            Tensor::Bits(reference::pack_input(x, *threshold, shape))
        }
        (Layer::Lookup { table }, Tensor::U8(x)) => {
            let codes = x.data().iter().map(|v| table[usize::from(*v)]).collect();
            Tensor::I8(Map::new(shape, codes).expect("one code a pixel"))
        }
        (Layer::InputConv { weights, window, offset }, x) => {
            Tensor::I32(reference::input_conv(&centred(x, *offset), weights, &geometry(*window, shape)))
        }
        (Layer::BinaryConv { weights, window }, Tensor::Bits(x)) => {
            Tensor::I32(reference::binary_conv(x, weights, &geometry(*window, shape)))
        }
        (Layer::BinaryDense { weights }, Tensor::Bits(x)) => {
            Tensor::I32(reference::binary_conv(x, weights, &whole(shape)))
        }
        (Layer::Threshold(t), Tensor::I32(x)) => Tensor::Bits(reference::threshold(x, t)),
        (Layer::MaxPoolBits { window }, Tensor::Bits(x)) => {
            Tensor::Bits(reference::max_pool_bits(x, &geometry(*window, shape)))
        }
        (Layer::GlobalSumBits, Tensor::Bits(x)) => Tensor::I32(reference::global_sum_bits(x)),
        (Layer::GlobalSum, Tensor::I32(x)) => Tensor::I32(reference::global_sum(x)),
        (Layer::Add, x) => add(x, inputs[1]),
        (Layer::OffsetShift { offset, shift }, Tensor::I32(x)) => {
            let sums = x.data().iter().enumerate().map(|(i, v)| (v + offset[i % shape.c]) >> shift).collect();
            Tensor::I32(Map::new(shape, sums).expect("one sum a value"))
        }
        (Layer::Standardise(s), Tensor::I32(x)) => {
            let codes = x.data().iter().enumerate().map(|(i, v)| s.code(i % shape.c, *v)).collect();
            Tensor::I8(Map::new(shape, codes).expect("one code a value"))
        }
        (Layer::OutputTransform(t), Tensor::I32(x)) => Tensor::F32(t.map(x)),
        (Layer::CombineBases { bases, coefficients }, Tensor::I32(x)) => {
            Tensor::F32(float::combine_bases(x, *bases, coefficients))
        }
        (Layer::MaxPool { window }, Tensor::I32(x)) => Tensor::I32(reference::max_pool(x, &geometry(*window, shape))),
        (Layer::Affine { mul, add }, x) => Tensor::F32(float::affine(reals(x), shape, mul, add)),
        (Layer::Relu, Tensor::I32(x)) => {
            Tensor::I32(Map::new(shape, x.data().iter().map(|v| *v.max(&0)).collect()).expect("one a value"))
        }
        (Layer::Int8(layer), x) => int8::run(layer, x, inputs.get(1).copied()),
        (Layer::Gate, Tensor::F32(x)) => Tensor::F32(float::gate(x.clone(), floats(inputs[1]))),
        (Layer::AddLast, Tensor::F32(x)) => Tensor::F32(float::add_last(x.clone(), floats(inputs[1]))),
        (Layer::Concat, Tensor::I8(_)) => {
            Tensor::I8(float::concat(&inputs.iter().filter_map(|i| codes(i)).collect::<Vec<_>>()))
        }
        (Layer::Concat, _) => Tensor::F32(float::concat(&inputs.iter().map(|i| floats(i)).collect::<Vec<_>>())),
        (_, Tensor::F32(x)) => float_layer(&node.layer, x),
        _ => unreachable!("types were checked when the network was built"),
    }
}

fn codes(x: &Tensor) -> Option<&Map<i8>> {
    if let Tensor::I8(m) = x { Some(m) } else { None }
}

fn floats(x: &Tensor) -> &Map<f32> {
    match x {
        Tensor::F32(m) => m,
        _ => unreachable!("types were checked when the network was built"),
    }
}

fn float_layer(layer: &Layer, x: &Map<f32>) -> Tensor {
    let shape = x.shape();
    Tensor::F32(match layer {
        Layer::Sign => return Tensor::Bits(float::sign(x)),
        Layer::Relu => float::relu(x.clone()),
        Layer::PRelu { alpha } => float::prelu(x.clone(), alpha),
        Layer::Bias { bias } => float::bias(x.clone(), bias),
        Layer::Sigmoid => float::sigmoid(x.clone()),
        Layer::Tanh => float::tanh(x.clone()),
        Layer::HardSwish => float::hard_swish(x.clone()),
        Layer::Clamp { low, high } => float::clamp(x.clone(), *low, *high),
        Layer::Softmax => float::softmax(x),
        Layer::Slice { start, len } => float::slice(x, *start, *len),
        Layer::SignConv { weights, window } => float::sign_conv(x, weights, &geometry(*window, shape)),
        Layer::FloatConv { weights, out, bias, window } => {
            float::conv(x, weights, *out, bias, &geometry(*window, shape))
        }
        Layer::DepthwiseConv { weights, bias, window } => float::depthwise(x, weights, bias, &geometry(*window, shape)),
        Layer::FloatDense { weights, out, bias } => float::dense(x, weights, *out, bias),
        Layer::MaxPool { window } => float::max_pool(x, &geometry(*window, shape)),
        Layer::AvgPool { window } => float::avg_pool(x, &geometry(*window, shape)),
        Layer::GlobalAvgPool => float::global_avg_pool(x),
        _ => unreachable!("types were checked when the network was built"),
    })
}

fn add(a: &Tensor, b: &Tensor) -> Tensor {
    match (a, b) {
        (Tensor::I32(a), Tensor::I32(b)) => {
            let sums = a.data().iter().zip(b.data()).map(|(a, b)| a + b).collect();
            Tensor::I32(Map::new(a.shape(), sums).expect("one sum a value"))
        }
        (Tensor::F32(a), Tensor::F32(b)) => {
            let sums = a.data().iter().zip(b.data()).map(|(a, b)| a + b).collect();
            Tensor::F32(Map::new(a.shape(), sums).expect("one sum a value"))
        }
        _ => unreachable!("types were checked when the network was built"),
    }
}
