//! Twins of float convolutions and of pools; the references are networks that make floats from an image, then run the layer.

use tinyprec::nn::{BitFilters, Fill, FilterSize, Layer, Pad, Shape, Tensor, Window};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{B1, F32, I32};
use tinyprec::trace::{Dims, Op};

use super::bits::{bits, call_dims, device_filters, image, run, signs, sums};
use super::layers::{f32s, floats, reals};
use super::small;
use crate::cases::{Arg, Case, Random, Spec, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const CONV: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "rows_in*ow*oc",
    "rows_in*cols_in*oc",
    "rows_in*cols_in*oc*ic",
    "rows_in*cols_in*oc*ceil_div(ic,32)",
];
const POOL: &[&str] = &["oh", "oh*ow", "oh*ow*channels", "rows_in*ow*channels", "rows_in*cols_in*channels"];
const BITS: &[&str] = &["oh", "oh*ow", "oh*ow*words", "rows_in*ow*words", "rows_in*cols_in*words"];
const DENSE: &[&str] = &["rows", "rows*columns"];

/// Twins of layers with a window.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::FloatConv, &[F32, F32, F32], "tp_conv_f32", CONV, &[A, W, W, A, None], conv),
        spec(Op::SignConv, &[F32, B1, F32], "tp_sign_conv_f32", CONV, &[A, W, A, None], sign_conv),
        spec(Op::DepthwiseConv, &[F32, F32, F32], "tp_depthwise_f32", POOL, &[A, W, W, A, None], depthwise),
        spec(Op::FloatDense, &[F32, F32, F32], "tp_dense_f32", DENSE, &[A, W, W, A], dense),
        spec(Op::MaxPool, &[I32, I32], "tp_max_pool_i32", POOL, &[A, A, None], max_pool_i32),
        spec(Op::MaxPool, &[F32, F32], "tp_max_pool_f32", POOL, &[A, A, None], max_pool),
        spec(Op::AvgPool, &[F32, F32], "tp_avg_pool_f32", POOL, &[A, A, None], avg_pool),
        spec(Op::MaxPoolBits, &[B1, B1], "tp_max_pool_bits", BITS, &[A, A, None], max_pool_bits),
    ]
}

/// Map, output channels and window of a case.
pub(super) struct Case2 {
    pub shape: Shape,
    pub oc: usize,
    pub window: Window,
}

/// Windows with and without padding, odd strides and kernels, all kinds of borders.
pub(super) fn windows() -> Vec<Case2> {
    let case = |h, w, c, oc, kernel: [usize; 2], stride: usize, pad| Case2 {
        shape: Shape::new(h, w, c),
        oc,
        window: Window { kernel, stride: [stride; 2], pad, fill: Fill::Zero },
    };
    vec![
        case(1, 1, 1, 1, [1, 1], 1, Pad::Valid),
        case(5, 4, 3, 5, [3, 3], 1, Pad::Same),
        case(6, 7, 4, 2, [3, 2], 2, Pad::Same),
        case(4, 4, 2, 7, [2, 2], 2, Pad::Valid),
        case(3, 8, 5, 3, [3, 5], 1, Pad::Same),
        case(7, 5, 1, 4, [5, 3], 2, Pad::Explicit([2, 1, 2, 1])),
        case(5, 5, 3, 6, [3, 3], 3, Pad::Same),
        case(2, 6, 6, 1, [1, 4], 1, Pad::Explicit([0, 3, 0, 0])),
        case(8, 3, 2, 3, [4, 1], 3, Pad::Explicit([1, 0, 2, 0])),
        case(4, 6, 33, 2, [2, 3], 1, Pad::Valid),
        case(6, 6, 2, 5, [3, 3], 2, Pad::Same),
        case(3, 3, 40, 3, [3, 3], 1, Pad::Same),
        case(9, 4, 1, 2, [3, 4], 2, Pad::Same),
    ]
}

/// The C twins' block of sizes from a call's dimensions; `fill` as [`Window`] has it, or a byte.
pub(super) fn window_block(dims: &Dims, ic: usize, words: usize, fill: i32) -> Arg {
    let get = |name: &str| dims.get(name).map_or(0, |v| i32::try_from(v).expect("small"));
    let number = |n: usize| i32::try_from(n).expect("small");
    let oc = dims.get("oc").or(dims.get("channels")).map_or(0, |v| i32::try_from(v).expect("small"));
    let kernel = ["kh", "kw"].map(|k| if dims.get(k).is_some() { get(k) } else { get("k") });
    let [kh, kw] = kernel;
    let fields = [get("iw"), get("oh"), get("ow"), oc, kh, kw, number(words), get("stride"), number(ic), get("ih")];
    let all: Vec<i32> = fields.into_iter().chain([get("pad_top"), get("pad_left"), fill]).collect();
    input(&all)
}

fn each(random: &mut Random, case: impl Fn(&mut Random, &Case2) -> Case) -> Vec<Case> {
    windows().iter().map(|c| case(random, c)).collect()
}

pub(super) fn conv(random: &mut Random) -> Vec<Case> {
    each(random, |random, c| {
        let (spec, image, x) = floats(random, c.shape);
        let weights = reals(random, c.oc * c.window.taps() * c.shape.c);
        let bias = reals(random, c.oc);
        let layer = Layer::FloatConv { weights: weights.clone(), out: c.oc, bias: bias.clone(), window: c.window };
        let spec = spec.then("conv", layer);
        let dims = call_dims(&spec, 1);
        let block = window_block(&dims, c.shape.c, 0, 0);
        let args = vec![input(&x), input(&weights), input(&bias), output(&f32s(&run(spec, &image))), block];
        Case { dims, args }
    })
}

fn sign_conv(random: &mut Random) -> Vec<Case> {
    each(random, |random, c| {
        let (spec, image, x) = floats(random, c.shape);
        let size = FilterSize { out: c.oc, taps: c.window.taps(), ic: c.shape.c };
        let weights = BitFilters::from_values(size, &signs(random, c.oc * size.fan_in()), "w").expect("±1");
        let spec = spec.then("conv", Layer::SignConv { weights: weights.clone(), window: c.window });
        let dims = call_dims(&spec, 1);
        let block = window_block(&dims, c.shape.c, c.shape.c.div_ceil(32), 0);
        let args = vec![input(&x), input(&device_filters(&weights)), output(&f32s(&run(spec, &image))), block];
        Case { dims, args }
    })
}

fn depthwise(random: &mut Random) -> Vec<Case> {
    each(random, |random, c| {
        let (spec, image, x) = floats(random, c.shape);
        let weights = reals(random, c.window.taps() * c.shape.c);
        let bias = reals(random, c.shape.c);
        let layer = Layer::DepthwiseConv { weights: weights.clone(), bias: bias.clone(), window: c.window };
        let spec = spec.then("conv", layer);
        let dims = call_dims(&spec, 1);
        let block = window_block(&dims, c.shape.c, 0, 0);
        let args = vec![input(&x), input(&weights), input(&bias), output(&f32s(&run(spec, &image))), block];
        Case { dims, args }
    })
}

fn dense(random: &mut Random) -> Vec<Case> {
    let shapes = [(1, 1), (3, 7), (10, 33), (5, 1), (2, 100), (7, 12), (4, 64), (9, 5), (1, 50), (6, 17), (12, 3)];
    let case = |random: &mut Random, (rows, columns): (usize, usize)| {
        let (spec, image, x) = floats(random, Shape::new(1, 1, columns));
        let (weights, bias) = (reals(random, rows * columns), reals(random, rows));
        let layer = Layer::FloatDense { weights: weights.clone(), out: rows, bias: bias.clone() };
        let spec = spec.then("dense", layer);
        let dims = call_dims(&spec, 1);
        let y = f32s(&run(spec, &image));
        let args =
            vec![input(&x), input(&weights), input(&bias), output(&y), value(small(rows)), value(small(columns))];
        Case { dims, args }
    };
    shapes.iter().map(|s| case(random, *s)).collect()
}

fn max_pool(random: &mut Random) -> Vec<Case> {
    each(random, |random, c| {
        let (spec, image, x) = floats(random, c.shape);
        let spec = spec.then("pool", Layer::MaxPool { window: c.window });
        let dims = call_dims(&spec, 1);
        let block = window_block(&dims, c.shape.c, 0, 0);
        Case { dims, args: vec![input(&x), output(&f32s(&run(spec, &image))), block] }
    })
}

fn avg_pool(random: &mut Random) -> Vec<Case> {
    each(random, |random, c| {
        let (spec, image, x) = floats(random, c.shape);
        let spec = spec.then("pool", Layer::AvgPool { window: c.window });
        let dims = call_dims(&spec, 1);
        let block = window_block(&dims, c.shape.c, 0, 0);
        Case { dims, args: vec![input(&x), output(&f32s(&run(spec, &image))), block] }
    })
}

fn max_pool_i32(random: &mut Random) -> Vec<Case> {
    each(random, |random, c| {
        let (spec, image, x) = super::layers::integers(random, c.shape);
        let spec = spec.then("pool", Layer::MaxPool { window: c.window });
        let dims = call_dims(&spec, 1);
        let block = window_block(&dims, c.shape.c, 0, 0);
        Case { dims, args: vec![input(&x), output(&sums(&run(spec, &image))), block] }
    })
}

fn max_pool_bits(random: &mut Random) -> Vec<Case> {
    let mut cases = each(random, |random, c| bit_pool(random, c.shape, c.window));
    cases.push(bit_pool(random, Shape::new(8, 8, 128), Window::valid(4, 4)));
    cases.push(bit_pool(random, Shape::new(6, 6, 65), Window::valid(2, 2)));
    cases
}

fn bit_pool(random: &mut Random, shape: Shape, window: Window) -> Case {
    let (_, image): (_, Tensor) = image(random, shape);
    let pack = Layer::PackInput { threshold: 200, flatten: false };
    let packed = tinyprec::nn::GraphSpec::new("t", shape).then("pack", pack);
    let x = bits(&run(packed.clone(), &image));
    let spec = packed.then("pool", Layer::MaxPoolBits { window });
    let dims = call_dims(&spec, 1).with("kh", window.kernel[0] as u64).with("kw", window.kernel[1] as u64);
    let block = window_block(&dims, shape.c, shape.c.div_ceil(32), 0);
    Case { dims, args: vec![input(&x), output(&bits(&run(spec, &image))), block] }
}
