//! Twins of the layers around the binary ones; the references are networks that make floats from an image, then run the layer.

use tinyprec::nn::{GraphSpec, Layer, Map, NO_CLAMP, OutputTransform, Shape, Source, Tensor};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{B1, F32, I8, I32, U8};
use tinyprec::trace::{Dims, Op};

use super::bits::{call_dims, image, run, sums};
use super::maps::MAPS;
use super::small;
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, real as real_value, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const N: &[&str] = super::N;
/// Trip counts over pixels and channels.
const PIXELS: &[&str] = &["pixels", "channels", "pixels*channels", "pixels*ceil_div(channels,32)"];

/// Twins of element-wise layers.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::OutputTransform, &[I32, F32], "tp_output_transform", PIXELS, &[A, W, W, A, None], transform),
        spec(Op::CombineBases, &[I32, F32], "tp_combine_bases", BASES, &[A, W, A], bases),
        spec(Op::Affine, &[F32, F32], "tp_affine_f32", PIXELS, &[A, W, W, A], affine_f32),
        spec(Op::Affine, &[I32, F32], "tp_affine_i32", PIXELS, &[A, W, W, A], affine_i32),
        spec(Op::Affine, &[U8, F32], "tp_affine_u8", PIXELS, &[A, W, W, A], affine_u8),
        spec(Op::Bias, &[F32, F32], "tp_bias_f32", PIXELS, &[A, W, A], bias),
        spec(Op::Relu, &[F32, F32], "tp_relu_f32", N, &[A, A], relu),
        spec(Op::Relu, &[I32, I32], "tp_relu_i32", N, &[A, A], relu_i32),
        spec(Op::PRelu, &[F32, F32], "tp_prelu_f32", PIXELS, &[A, W, A], prelu),
        spec(Op::Sigmoid, &[F32, F32], "tp_sigmoid_f32", N, &[A, A], sigmoid),
        spec(Op::Sign, &[F32, B1], "tp_sign_f32", PIXELS, &[A, A], sign),
        spec(Op::Gate, &[F32, F32, F32], "tp_gate_f32", PIXELS, &[A, A, A], gate),
        spec(Op::Concat, &[F32, F32], "tp_concat_f32", CONCAT, &[A, None, A], concat),
        spec(Op::Slice, &[F32, F32], "tp_slice_f32", PIXELS, &[A, A], slice),
        spec(Op::AddLast, &[F32, F32, F32], "tp_add_last_f32", TAIL, &[A, A, A], add_last),
        spec(Op::Add, &[I32, I32, I32], "tp_add_i32", N, &[A, A, A], add_i32),
        spec(Op::Add, &[F32, F32, F32], "tp_add_f32", N, &[A, A, A], add),
        spec(Op::Lookup, &[U8, I8], "tp_lookup_u8_i8", N, &[A, W, A], lookup),
        spec(Op::OffsetShift, &[I32, I32], "tp_offset_shift_i32", PIXELS, &[A, W, A], offset_shift),
        spec(Op::Clamp, &[F32, F32], "tp_clamp_f32", N, &[A, A], clamp),
        spec(Op::FloatSoftmax, &[F32, F32], "tp_channel_softmax_f32", SOFTMAX, &[A, A], softmax),
        spec(Op::GlobalAvgPool, &[F32, F32], "tp_global_avg_pool_f32", PIXELS, &[A, A], global_avg_pool),
    ]
}

const SOFTMAX: &[&str] =
    &["pixels", "pixels*channels", "pixels*min(1,channels-1)", "min(1,channels-1)", "pixels*(1-min(1,channels-1))"];
const BASES: &[&str] = &["pixels", "pixels*channels", "pixels*channels*bases"];
const CONCAT: &[&str] = &["pixels", "pixels*inputs", "pixels*channels"];
const TAIL: &[&str] = &["pixels", "pixels*channels", "pixels*tail", "pixels*min(1,channels-tail)"];

/// Reals of all sizes: every sixteenth is zero or huge or tiny.
pub(super) fn real(random: &mut Random) -> f32 {
    match random.next() % 24 {
        0 => 0.0,
        1 => random.unit() * 1e-30,
        2 => random.unit() * 1e9,
        _ => random.unit() * 4.0,
    }
}

pub(super) fn reals(random: &mut Random, n: usize) -> Vec<f32> {
    (0..n).map(|_| real(random)).collect()
}

/// A network whose first layer makes floats of an image, its image, and those floats.
pub(super) fn floats(random: &mut Random, shape: Shape) -> (GraphSpec, Tensor, Vec<f32>) {
    let (_, image) = image(random, shape);
    let mul = (0..shape.c).map(|_| real(random) / 64.0).collect();
    let add = (0..shape.c).map(|_| if random.next().is_multiple_of(3) { 0.0 } else { random.unit() * 2.0 }).collect();
    let spec = GraphSpec::new("t", shape).then("floats", Layer::Affine { mul, add });
    let values = f32s(&run(spec.clone(), &image));
    (spec, image, values)
}

pub(super) fn f32s(tensor: &Tensor) -> Vec<f32> {
    let Tensor::F32(map) = tensor else { panic!("the network ends in floats") };
    let map: &Map<f32> = map;
    map.data().to_vec()
}

/// A case of a layer on floats: its output, and the call's dimensions.
fn after(spec: GraphSpec, image: &Tensor, layer: Layer) -> (Tensor, Dims) {
    let spec = spec.then("layer", layer);
    let dims = call_dims(&spec, 1);
    (run(spec, image), dims)
}

fn per_map(random: &mut Random, case: impl Fn(&mut Random, Shape) -> Case) -> Vec<Case> {
    MAPS.iter().map(|&(h, w, c)| case(random, Shape::new(h, w, c))).collect()
}

fn dim(dims: &Dims, name: &str) -> Arg {
    value(i64::try_from(dims.get(name).expect("nn gives it")).expect("small"))
}

fn channelwise(dims: &Dims) -> [Arg; 2] {
    [dim(dims, "pixels"), dim(dims, "channels")]
}

/// Sums of a convolution of one tap, as an image makes them.
pub(super) fn integers(random: &mut Random, shape: Shape) -> (GraphSpec, Tensor, Vec<i32>) {
    let (_, image) = image(random, shape);
    let size = tinyprec::nn::FilterSize { out: shape.c, taps: 1, ic: shape.c };
    let values = (0..shape.c * shape.c).map(|_| i8::try_from(random.integer(-127, 127)).expect("8 bits")).collect();
    let weights = tinyprec::nn::SmallFilters::new(size, values, "w").expect("sized");
    let window = tinyprec::nn::Window::valid(1, 1);
    let spec = GraphSpec::new("t", shape).then("conv", Layer::InputConv { weights, window, offset: 100 });
    let values = sums(&run(spec.clone(), &image));
    (spec, image, values)
}

/// A transform with or without a clamp; values of every size pass it.
pub(super) fn some_transform(random: &mut Random, channels: usize) -> OutputTransform {
    let clamp = if random.next().is_multiple_of(2) { NO_CLAMP } else { [0, 4000] };
    let base = i32::try_from(random.integer(-1000, 1000)).expect("small");
    OutputTransform { clamp, base, mul: reals(random, channels), add: reals(random, channels) }
}

pub(super) fn transform_block(t: &OutputTransform) -> Arg {
    input(&[t.clamp[0], t.clamp[1], t.base])
}

fn transform(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (_, _, x) = integers(random, shape);
        let t = some_transform(random, shape.c);
        let y: Vec<f32> = x.iter().enumerate().map(|(i, v)| t.value(i % shape.c, *v)).collect();
        let dims = dims(&[("pixels", shape.pixels()), ("channels", shape.c)]);
        let [p, c] = channelwise(&dims);
        let args = vec![input(&x), input(&t.mul), input(&t.add), output(&y), transform_block(&t), p, c];
        Case { dims, args }
    })
}

fn bases(random: &mut Random) -> Vec<Case> {
    let shapes = [(1, 1, 1, 1), (2, 2, 6, 3), (3, 1, 8, 2), (1, 4, 10, 5), (2, 3, 4, 1), (5, 2, 9, 3), (1, 1, 24, 4)];
    let more = [(4, 4, 2, 2), (2, 5, 12, 3), (3, 3, 10, 2), (1, 7, 15, 5)];
    let case = |random: &mut Random, (h, w, c, bases): (usize, usize, usize, usize)| {
        let (spec, image, x) = integers(random, Shape::new(h, w, c));
        let coefficients = reals(random, c);
        let (y, dims) = after(spec, &image, Layer::CombineBases { bases, coefficients: coefficients.clone() });
        let [p, channels] = channelwise(&dims);
        let args = vec![input(&x), input(&coefficients), output(&f32s(&y)), p, channels, value(small(bases))];
        Case { dims, args }
    };
    shapes.iter().chain(&more).map(|s| case(random, *s)).collect()
}

fn affine_f32(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (mul, add) = (reals(random, shape.c), reals(random, shape.c));
        let (y, dims) = after(spec, &image, Layer::Affine { mul: mul.clone(), add: add.clone() });
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), input(&mul), input(&add), output(&f32s(&y)), p, c] }
    })
}

fn affine_i32(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = integers(random, shape);
        let (mul, add) = (reals(random, shape.c), reals(random, shape.c));
        let (y, dims) = after(spec, &image, Layer::Affine { mul: mul.clone(), add: add.clone() });
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), input(&mul), input(&add), output(&f32s(&y)), p, c] }
    })
}

fn affine_u8(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (pixels, image) = image(random, shape);
        let (mul, add) = (reals(random, shape.c), reals(random, shape.c));
        let spec = GraphSpec::new("t", shape).then("a", Layer::Affine { mul: mul.clone(), add: add.clone() });
        let dims = call_dims(&spec, 0);
        let y = f32s(&run(spec, &image));
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&pixels), input(&mul), input(&add), output(&y), p, c] }
    })
}

fn bias(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let bias = reals(random, shape.c);
        let (y, dims) = after(spec, &image, Layer::Bias { bias: bias.clone() });
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), input(&bias), output(&f32s(&y)), p, c] }
    })
}

pub(super) fn relu(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (y, dims) = after(spec, &image, Layer::Relu);
        let n = dim(&dims, "n");
        Case { dims, args: vec![input(&x), output(&f32s(&y)), n] }
    })
}

fn relu_i32(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = integers(random, shape);
        let (y, dims) = after(spec, &image, Layer::Relu);
        let n = dim(&dims, "n");
        Case { dims, args: vec![input(&x), output(&sums(&y)), n] }
    })
}

fn prelu(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let alpha = reals(random, shape.c);
        let (y, dims) = after(spec, &image, Layer::PRelu { alpha: alpha.clone() });
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), input(&alpha), output(&f32s(&y)), p, c] }
    })
}

fn sigmoid(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (y, dims) = after(spec, &image, Layer::Sigmoid);
        let n = dim(&dims, "n");
        Case { dims, args: vec![input(&x), output(&f32s(&y)), n] }
    })
}

fn sign(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (y, dims) = after(spec, &image, Layer::Sign);
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), output(&super::bits::bits(&y)), p, c] }
    })
}

/// The first map's pooled pixels gate it.
fn gate(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let spec = spec.then("pool", Layer::GlobalAvgPool);
        let by = f32s(&run(spec.clone(), &image));
        let spec = spec.node("gate", Layer::Gate, &[Source::Node(0), Source::Node(1)]);
        let dims = call_dims(&spec, 2);
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), input(&by), output(&f32s(&run(spec, &image))), p, c] }
    })
}

fn concat(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, ((h, w, c), inputs): ((usize, usize, usize), usize)| {
        let (mut spec, image, first) = floats(random, Shape::new(h, w, c));
        let (mut maps, mut widths, mut sources) = (first, vec![small(c)], vec![Source::Node(0)]);
        for i in 1..inputs {
            let len = usize::try_from(random.integer(1, small(c))).expect("positive");
            spec = spec.node(&format!("s{i}"), Layer::Slice { start: c - len, len }, &[Source::Node(0)]);
            maps.extend(f32s(&run(spec.clone(), &image)));
            widths.push(small(len));
            sources.push(Source::Node(i));
        }
        let spec = spec.node("all", Layer::Concat, &sources);
        let dims = call_dims(&spec, inputs);
        let widths: Vec<i32> = widths.into_iter().map(super::w32).collect();
        let y = f32s(&run(spec, &image));
        let args = vec![input(&maps), input(&widths), output(&y), dim(&dims, "pixels"), value(small(inputs))];
        Case { dims, args }
    };
    let shapes = MAPS.iter().copied().zip([2, 3, 4, 2, 5, 3, 2, 4, 3, 2, 6, 2, 3]);
    shapes.map(|s| case(random, s)).collect()
}

pub(super) fn slice(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let len = usize::try_from(random.integer(1, small(shape.c))).expect("positive");
        let start = usize::try_from(random.integer(0, small(shape.c - len))).expect("not negative");
        let (y, dims) = after(spec, &image, Layer::Slice { start, len });
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), output(&f32s(&y)), value(small(start)), p, c, value(small(shape.c))] }
    })
}

fn add_last(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let len = usize::try_from(random.integer(1, small(shape.c))).expect("positive");
        let spec = spec.then("tail", Layer::Slice { start: 0, len });
        let tail = f32s(&run(spec.clone(), &image));
        let spec = spec.node("add", Layer::AddLast, &[Source::Node(0), Source::Node(1)]);
        let dims = call_dims(&spec, 2);
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), input(&tail), output(&f32s(&run(spec, &image))), p, c, value(small(len))] }
    })
}

fn add_i32(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, a) = integers(random, shape);
        let spec = spec.then("relu", Layer::Relu);
        let b = sums(&run(spec.clone(), &image));
        let spec = spec.node("add", Layer::Add, &[Source::Node(0), Source::Node(1)]);
        let dims = call_dims(&spec, 2);
        let n = dim(&dims, "n");
        Case { dims, args: vec![input(&a), input(&b), output(&sums(&run(spec, &image))), n] }
    })
}

pub(super) fn add(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, a) = floats(random, shape);
        let spec = spec.then("bias", Layer::Bias { bias: reals(random, shape.c) });
        let b = f32s(&run(spec.clone(), &image));
        let spec = spec.node("add", Layer::Add, &[Source::Node(0), Source::Node(1)]);
        let dims = call_dims(&spec, 2);
        let n = dim(&dims, "n");
        Case { dims, args: vec![input(&a), input(&b), output(&f32s(&run(spec, &image))), n] }
    })
}

fn lookup(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (pixels, image) = image(random, shape);
        let table: Vec<i8> = (0..256).map(|_| i8::try_from(random.integer(-128, 127)).expect("8 bits")).collect();
        let spec = GraphSpec::new("t", shape).then("t", Layer::Lookup { table: table.clone() });
        let dims = call_dims(&spec, 0);
        let Tensor::I8(map) = run(spec, &image) else { panic!("codes") };
        let n = dim(&dims, "n");
        Case { dims, args: vec![input(&pixels), input(&table), output(map.data()), n] }
    })
}

fn offset_shift(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = integers(random, shape);
        let offset: Vec<i32> = (0..shape.c).map(|_| super::w32(random.integer(-5000, 5000))).collect();
        let shift = u32::try_from(random.integer(0, 12)).expect("small");
        let (y, _) = after(spec, &image, Layer::OffsetShift { offset: offset.clone(), shift });
        let dims = dims(&[("n", shape.len()), ("pixels", shape.pixels()), ("channels", shape.c)]);
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), input(&offset), output(&sums(&y)), value(shift.into()), p, c] }
    })
}

fn global_avg_pool(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (y, dims) = after(spec, &image, Layer::GlobalAvgPool);
        let [p, c] = channelwise(&dims);
        Case { dims, args: vec![input(&x), output(&f32s(&y)), p, c] }
    })
}

fn clamp(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (low, high) = if random.next().is_multiple_of(2) { (0.0, 6.0) } else { (-1.0, 1.0) };
        let (y, dims) = after(spec, &image, Layer::Clamp { low, high });
        let args = vec![input(&x), output(&f32s(&y)), real_value(low), real_value(high), dim(&dims, "n")];
        Case { dims, args }
    })
}

fn softmax(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (y, dims) = after(spec, &image, Layer::Softmax);
        let [pixels, channels] = channelwise(&dims);
        Case { dims, args: vec![input(&x), output(&f32s(&y)), pixels, channels] }
    })
}
