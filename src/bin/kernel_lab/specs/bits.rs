//! Twins of the binary backbone's operations; the references are networks of one or two layers, run by the plain kernels.

use tinyprec::nn::{
    BitFilters, BitMap, Engine, FilterSize, Graph, GraphSpec, Layer, Shape, SmallFilters, Tensor, Thresholds, Window,
};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{B1, F32, I32, U8};
use tinyprec::trace::{Dims, NullSink, Op};

use super::maps::{global_sum, global_sum_bits, pack_input, threshold};
use super::windows::window_block;
use crate::cases::{Arg, Case, Random, Spec, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const S: Option<BufferKind> = Some(BufferKind::Scratch);

/// The binary backbone's twins.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::InputConv, &[U8, B1, I32], "tp_input_conv", INPUT_CONV, &[A, W, A, S, None], |r| input_conv(r, false)),
        spec(Op::InputConvThreshold, &[U8, B1, B1], "tp_input_conv_threshold", INPUT_CONV, INPUT_BITS, |r| {
            input_conv(r, true)
        }),
        spec(Op::BinaryConv, &[B1, B1, I32], "tp_binary_conv", CONV, &[A, W, A, None], |r| {
            conv(r, Fused::Nothing, false)
        }),
        spec(Op::BinaryConvThreshold, &[B1, B1, B1], "tp_binary_conv_threshold", CONV, &[A, W, W, A, None], |r| {
            conv(r, Fused::Threshold, false)
        }),
        spec(
            Op::BinaryConvTransform,
            &[B1, B1, F32],
            "tp_binary_conv_transform",
            CONV,
            &[A, W, W, W, A, None, None],
            |r| conv(r, Fused::Transform, false),
        ),
        spec(Op::BinaryDense, &[B1, B1, I32], "tp_binary_dense", DENSE, &[A, W, A], |r| dense(r, Fused::Nothing)),
        spec(Op::BinaryDenseThreshold, &[B1, B1, B1], "tp_binary_dense_threshold", DENSE, &[A, W, W, A], |r| {
            dense(r, Fused::Threshold)
        }),
        spec(
            Op::BinaryDenseTransform,
            &[B1, B1, F32],
            "tp_binary_dense_transform",
            DENSE,
            &[A, W, W, W, A, None],
            |r| dense(r, Fused::Transform),
        ),
        spec(Op::Threshold, &[I32, B1], "tp_threshold", PIXELS, &[A, W, A], threshold),
        spec(Op::GlobalSumBits, &[B1, I32], "tp_global_sum_bits", PIXELS, &[A, A], global_sum_bits),
        spec(Op::GlobalSum, &[I32, I32], "tp_global_sum", PIXELS, &[A, A], global_sum),
        spec(Op::PackInput, &[U8, B1], "tp_pack_input", &["n", "ceil_div(n,32)"], &[A, A], pack_input),
    ]
}

/// What stands behind a binary layer's sums.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fused {
    Nothing,
    Threshold,
    Transform,
}

const INPUT_BITS: &[Option<BufferKind>] = &[A, W, W, A, S, None];
const INPUT_CONV: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*kh",
    "oh*ow*terms",
    "oh*ow*oc*terms",
    "oh*ow*oc*ceil_div(terms,32)",
];
pub(super) const CONV: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*oc*kh",
    "oh*ow*oc*kh*kw*words",
    "oh*ow*oc*kh*(kw*words/4)",
    "oh*ow*oc*kh*(kw*words%4)",
    "oh*ow*oc*kh*min(1,kw*words/4)",
    "oh*ow*oc*kh*min(1,kw*words%4)",
];
pub(super) const DENSE: &[&str] = &[
    "rows",
    "rows*words",
    "ceil_div(rows,32)",
    "rows*(words/4)",
    "rows*(words%4)",
    "rows*min(1,words/4)",
    "rows*min(1,words%4)",
];
const PIXELS: &[&str] = &["pixels", "channels", "pixels*channels", "pixels*ceil_div(channels,32)"];

/// Sizes of a convolution case: map height and width, input and output channels, kernel, stride.
struct Conv(usize, usize, usize, usize, [usize; 2], usize);

const CONVS: [Conv; 14] = [
    Conv(1, 1, 1, 1, [1, 1], 1),
    Conv(5, 4, 3, 33, [2, 3], 1),
    Conv(6, 6, 64, 10, [3, 3], 1),
    Conv(7, 5, 32, 32, [3, 1], 2),
    Conv(4, 9, 65, 40, [1, 2], 1),
    Conv(8, 8, 1, 32, [5, 5], 2),
    Conv(3, 3, 200, 5, [3, 3], 1),
    Conv(6, 3, 128, 7, [4, 1], 1),
    Conv(5, 5, 31, 64, [2, 2], 3),
    Conv(4, 4, 96, 65, [2, 2], 1),
    Conv(5, 7, 160, 3, [1, 1], 2),
    Conv(3, 4, 260, 33, [3, 2], 1),
    Conv(4, 5, 40, 31, [3, 4], 1),
    Conv(10, 4, 2, 70, [4, 3], 2),
];

pub(super) fn image(random: &mut Random, shape: Shape) -> (Vec<u8>, Tensor) {
    let pixels: Vec<u8> = (0..shape.len()).map(|_| u8::try_from(random.integer(0, 255)).expect("a byte")).collect();
    let tensor = Tensor::image(shape, &pixels).expect("the right number of pixels");
    (pixels, tensor)
}

pub(super) fn signs(random: &mut Random, count: usize) -> Vec<i8> {
    let same = random.next().is_multiple_of(4);
    (0..count).map(|_| if same || random.next().is_multiple_of(2) { -1 } else { 1 }).collect()
}

pub(super) fn run(spec: GraphSpec, image: &Tensor) -> Tensor {
    let graph = Graph::new(spec).expect("a valid test network");
    graph.pass(image, Engine::Reference, &mut NullSink).expect("the image fits").output
}

pub(super) fn sums(tensor: &Tensor) -> Vec<i32> {
    tensor.integers().expect("sums are integers")
}

pub(super) fn bits(tensor: &Tensor) -> Vec<u32> {
    let Tensor::Bits(map) = tensor else { panic!("the network ends in bits") };
    device_map(map)
}

pub(super) fn halves(words: &[u64], n: usize) -> impl Iterator<Item = u32> {
    let low = |word: u64| u32::try_from(word & 0xffff_ffff).expect("masked to 32 bits");
    words.iter().flat_map(move |w| [low(*w), low(*w >> 32)]).take(n.div_ceil(32))
}

fn device_map(map: &BitMap) -> Vec<u32> {
    let shape = map.shape();
    (0..shape.pixels()).flat_map(|p| halves(map.pixel(p / shape.w, p % shape.w), shape.c)).collect()
}

pub(super) fn device_filters(weights: &BitFilters) -> Vec<u32> {
    let FilterSize { out, taps, ic } = weights.size();
    (0..out * taps).flat_map(|i| halves(weights.tap(i / taps, i % taps, 0), ic)).collect()
}

/// Thresholds near the sums, so that every comparison is close.
pub(super) fn near(random: &mut Random, sums: &[i32], channels: usize) -> Vec<i32> {
    let limit = 1 << 30;
    (0..channels)
        .map(|c| (sums[c] + i32::try_from(random.integer(-2, 2)).expect("small")).clamp(1 - limit, limit))
        .collect()
}

fn thresholds(values: &[i32]) -> Layer {
    Layer::Threshold(Thresholds::new(1, values.to_vec(), Vec::new(), "t").expect("one plane"))
}

/// Dimensions as `nn` emits them, from the network's own list of calls.
pub(super) fn call_dims(spec: &GraphSpec, index: usize) -> Dims {
    Graph::new(spec.clone()).expect("a valid test network").calls()[index].dims.clone()
}

fn window(conv: &Conv) -> Window {
    Window { kernel: conv.4, stride: [conv.5; 2], ..Window::valid(1, 1) }
}

fn input_conv(random: &mut Random, fused: bool) -> Vec<Case> {
    let case = |random: &mut Random, conv: &Conv| {
        let Conv(ih, iw, ic, oc, [kh, kw], _) = *conv;
        let (pixels, image) = image(random, Shape::new(ih, iw, ic));
        let size = FilterSize { out: oc, taps: kh * kw, ic };
        let values = signs(random, oc * size.fan_in());
        let packed =
            BitFilters::from_values(FilterSize { out: oc, taps: 1, ic: size.fan_in() }, &values, "w").expect("±1");
        // The threshold twin is tested with a subtracted offset, folded as the header says.
        let offset = if fused { i32::try_from(random.integer(0, 255)).expect("a byte") } else { 0 };
        let weights = SmallFilters::new(size, values.clone(), "w").expect("sized");
        let plain = GraphSpec::new("t", Shape::new(ih, iw, ic))
            .then("conv", Layer::InputConv { weights, window: window(conv), offset });
        let acc = sums(&run(plain.clone(), &image));
        let mut args = vec![input(&pixels), input(&device_filters(&packed))];
        let spec = if fused {
            let t = near(random, &acc, oc);
            let total =
                |c: usize| values[c * size.fan_in()..][..size.fan_in()].iter().map(|v| i32::from(*v)).sum::<i32>();
            let folded: Vec<i32> = t.iter().enumerate().map(|(c, t)| t + offset * total(c)).collect();
            let spec = plain.then("t", thresholds(&t));
            args.extend([input(&folded), output(&bits(&run(spec.clone(), &image)))]);
            spec
        } else {
            args.push(output(&acc));
            plain
        };
        let dims = call_dims(&spec, 0);
        args.extend([Arg::Scratch(size.fan_in()), window_block(&dims, ic, 0, offset)]);
        Case { dims, args }
    };
    CONVS.iter().map(|conv| case(random, conv)).collect()
}

pub(super) fn conv(random: &mut Random, fused: Fused, patch: bool) -> Vec<Case> {
    let case = |random: &mut Random, conv: &Conv| {
        let Conv(ih, iw, ic, oc, [kh, kw], _) = *conv;
        let scratch = if patch { Some(4 * kh * kw * ic.div_ceil(32)) } else { None };
        binary_conv(random, Shape::new(ih, iw, ic), oc, window(conv), fused, scratch)
    };
    CONVS.iter().map(|conv| case(random, conv)).collect()
}

/// One binary convolution with its working space, if it has any.
pub(super) fn binary_conv(
    random: &mut Random,
    shape: Shape,
    oc: usize,
    window: Window,
    fused: Fused,
    scratch: Option<usize>,
) -> Case {
    let (_, image) = image(random, shape);
    let size = FilterSize { out: oc, taps: window.taps(), ic: shape.c };
    let weights = BitFilters::from_values(size, &signs(random, oc * size.fan_in()), "w").expect("±1");
    let packed = GraphSpec::new("t", shape).then("pack", Layer::PackInput { threshold: 128, flatten: false });
    let plain = packed.clone().then("conv", Layer::BinaryConv { weights: weights.clone(), window });
    let mut args = vec![input(&bits(&run(packed, &image))), input(&device_filters(&weights))];
    let (spec, block) = finish(random, plain, oc, &image, &mut args, fused);
    args.extend(scratch.map(Arg::Scratch));
    args.extend(block);
    let dims = call_dims(&spec, 1);
    let fill = i32::from(window.fill == tinyprec::nn::Fill::One);
    args.push(window_block(&dims, shape.c, shape.c.div_ceil(32), fill));
    Case { dims, args }
}

/// Adds constants and output of what is fused; gives the network that was tested, and the transform's block.
fn finish(
    random: &mut Random,
    plain: GraphSpec,
    oc: usize,
    image: &Tensor,
    args: &mut Vec<Arg>,
    fused: Fused,
) -> (GraphSpec, Option<Arg>) {
    let acc = sums(&run(plain.clone(), image));
    match fused {
        Fused::Nothing => {
            args.push(output(&acc));
            (plain, None)
        }
        Fused::Threshold => {
            let t = near(random, &acc, oc);
            let spec = plain.then("t", thresholds(&t));
            args.extend([input(&t), output(&bits(&run(spec.clone(), image)))]);
            (spec, None)
        }
        Fused::Transform => {
            let t = super::layers::some_transform(random, oc);
            let spec = plain.then("t", Layer::OutputTransform(t.clone()));
            args.extend([input(&t.mul), input(&t.add), output(&super::layers::f32s(&run(spec.clone(), image)))]);
            (spec, Some(super::layers::transform_block(&t)))
        }
    }
}

pub(super) fn dense(random: &mut Random, fused: Fused) -> Vec<Case> {
    let shapes = [
        (1, 1),
        (3, 31),
        (5, 300),
        (31, 33),
        (32, 64),
        (33, 65),
        (40, 127),
        (64, 128),
        (10, 160),
        (65, 257),
        (7, 1000),
        (100, 96),
        (2, 2000),
        (70, 600),
    ];
    let case = |random: &mut Random, (out, n): (usize, usize)| {
        let shape = Shape::new(1, 1, n);
        let (_, image) = image(random, shape);
        let weights =
            BitFilters::from_values(FilterSize { out, taps: 1, ic: n }, &signs(random, out * n), "w").expect("±1");
        let packed = GraphSpec::new("t", shape).then("pack", Layer::PackInput { threshold: 128, flatten: false });
        let plain = packed.clone().then("dense", Layer::BinaryDense { weights: weights.clone() });
        let mut args = vec![input(&bits(&run(packed, &image))), input(&device_filters(&weights))];
        let (spec, block) = finish(random, plain, out, &image, &mut args, fused);
        args.extend(block);
        args.extend([n, out, n.div_ceil(32)].map(|v| value(i64::try_from(v).expect("small"))));
        Case { dims: call_dims(&spec, 1), args }
    };
    shapes.iter().map(|shape| case(random, *shape)).collect()
}
