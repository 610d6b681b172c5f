//! Fast kernels against plain loops, and plain loops against sums written out here: shapes around the word width, every
//! padding, stride, plane count and instruction set. Seeds are fixed.

#[path = "support/int8_layers.rs"]
mod int8_layers;
#[path = "support/whole_networks.rs"]
mod whole_networks;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tinyprec::bits::Isa;
use tinyprec::nn::{
    BitFilters, Engine, Fill, FilterSize, Graph, GraphSpec, Layer, NO_CLAMP, OutputTransform, Pad, Runner, Shape,
    SmallFilters, Source, Tensor, Thresholds, Window, networks,
};
use tinyprec::trace::{CallLog, NullSink};

const CHANNELS: [usize; 14] = [1, 3, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 256, 512];

fn small(rng: &mut ChaCha8Rng, low: i8, high: i8) -> i8 {
    i8::try_from(rng.random_range(i32::from(low)..=i32::from(high))).unwrap()
}

fn sign(rng: &mut ChaCha8Rng) -> i8 {
    if rng.random() { 1 } else { -1 }
}

/// Every padding that fits a kernel of `k`.
fn windows(k: usize, stride: usize) -> Vec<Window> {
    let mut all =
        vec![Window::valid(k, stride), Window::same(k, stride, Fill::One), Window::same(k, stride, Fill::Zero)];
    if k > 1 {
        all.push(Window { pad: Pad::Explicit([1, 0, 0, 1]), ..Window::same(k, stride, Fill::Zero) });
        all.push(Window { pad: Pad::Explicit([1; 4]), ..Window::same(k, stride, Fill::One) });
    }
    all
}

fn image(rng: &mut ChaCha8Rng, shape: Shape) -> Tensor {
    Tensor::image(shape, &(0..shape.len()).map(|_| rng.random()).collect::<Vec<u8>>()).unwrap()
}

/// An image as ±1 (one plane) or −1, 0, 1 (two planes) by thresholds on single pixels.
fn packed(rng: &mut ChaCha8Rng, shape: Shape, planes: usize) -> GraphSpec {
    let spec = GraphSpec::new("t", shape);
    if planes == 1 {
        return spec.then("x", Layer::PackInput { threshold: 120, flatten: false });
    }
    // One 1×1 filter a channel that passes the pixel on, then two thresholds a channel, some flipped.
    let eye = (0..shape.c * shape.c).map(|i| i8::from(i / shape.c == i % shape.c)).collect();
    let size = FilterSize { out: shape.c, taps: 1, ic: shape.c };
    let weights = SmallFilters::new(size, eye, "eye").unwrap();
    let t = (0..2 * shape.c).map(|_| rng.random_range(20..230)).collect();
    let flip = (0..shape.c).map(|_| rng.random()).collect();
    spec.then("eye", Layer::InputConv { weights, window: Window::valid(1, 1), offset: 0 })
        .then("x", Layer::Threshold(Thresholds::new(2, t, flip, "t").unwrap()))
}

/// Runs a graph on all engines, checks that they and the two lists of calls agree, and gives the output.
fn agreed(spec: GraphSpec, image: &Tensor) -> Tensor {
    let graph = Graph::new(spec).unwrap();
    let mut log = CallLog::default();
    let plain = graph.pass(image, Engine::Reference, &mut log).unwrap();
    assert_eq!(log.calls(), graph.calls());
    let bits = |t: &Tensor| t.reals().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for isa in Isa::ALL {
        if !isa.supported() {
            eprintln!("skipped: this machine has no {isa:?}");
            continue;
        }
        let mut log = CallLog::default();
        let pass = graph.pass(image, Engine::Fast(isa), &mut log).unwrap();
        assert_eq!((&pass, bits(&pass.output)), (&plain, bits(&plain.output)), "{isa:?}");
        assert_eq!(bits(&pass.features), bits(&plain.features), "{isa:?}");
        assert_eq!(log.calls(), graph.calls(), "{isa:?}");
    }
    plain.output
}

/// The sum of a convolution, from values only.
fn exact(x: &[i32], shape: Shape, w: &[i8], out: usize, window: Window, outside: i32) -> Vec<i32> {
    let g = window.over(shape, "t").unwrap();
    let [kh, kw] = window.kernel;
    let mut sums = Vec::new();
    for (oy, ox, o) in (0..g.oh).flat_map(|y| (0..g.ow).flat_map(move |x| (0..out).map(move |o| (y, x, o)))) {
        let mut acc = 0;
        for (ky, kx, c) in (0..kh).flat_map(|y| (0..kw).flat_map(move |x| (0..shape.c).map(move |c| (y, x, c)))) {
            let (y, xx) = (oy * window.stride[0] + ky, ox * window.stride[1] + kx);
            let inside = y >= g.top && y - g.top < shape.h && xx >= g.left && xx - g.left < shape.w;
            let v = if inside { x[((y - g.top) * shape.w + xx - g.left) * shape.c + c] } else { outside };
            acc += v * i32::from(w[((o * kh + ky) * kw + kx) * shape.c + c]);
        }
        sums.push(acc);
    }
    sums
}

#[test]
fn binary_convolutions_of_every_width_padding_stride_and_plane_count() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (i, c) in CHANNELS.into_iter().enumerate() {
        let shape = Shape::new(5, 6, c);
        let (a_planes, w_planes) = (1 + i % 2, 1 + i / 2 % 2);
        let image = image(&mut rng, shape);
        for window in windows(1 + i % 3, 1 + i % 2) {
            let out = [1, 7, 8, 65][i % 4];
            let size = FilterSize { out, taps: window.taps(), ic: c };
            let low = if w_planes == 1 { 1 } else { 0 };
            let value = |rng: &mut ChaCha8Rng| if rng.random() { sign(rng) } else { low * sign(rng) };
            let values: Vec<i8> = (0..out * size.fan_in()).map(|_| value(&mut rng)).collect();
            let weights = BitFilters::from_values(size, &values, "w").unwrap();
            let base = packed(&mut rng, shape, a_planes);
            let x = Graph::new(base.clone()).unwrap().run(&image).unwrap().integers().unwrap();
            let conv = base.then("conv", Layer::BinaryConv { weights, window });
            let sums = agreed(conv.clone(), &image).integers().unwrap();
            let outside = if window.fill == Fill::One { 1 } else { 0 };
            assert_eq!(sums, exact(&x, shape, &values, out, window, outside), "{c} channels, {window:?}");

            let planes = 1 + i % 2;
            let t: Vec<i32> =
                (0..out * planes).map(|k| sums[(k * 37) % sums.len()] + rng.random_range(-1..=1)).collect();
            let flip: Vec<bool> = (0..out).map(|_| rng.random()).collect();
            let thresholds = Thresholds::new(planes, t.clone(), flip.clone(), "t").unwrap();
            let signs = agreed(conv.then("t", Layer::Threshold(thresholds)), &image).integers().unwrap();
            for (k, (acc, value)) in sums.iter().zip(&signs).enumerate() {
                let o = k % out;
                let below = |p: usize| if flip[o] { *acc > t[o * planes + p] } else { *acc < t[o * planes + p] };
                let negative = (0..planes).filter(|p| below(*p)).count();
                let expected = if planes == 1 { [1, -1][negative] } else { [1, 0, -1][negative] };
                assert_eq!(*value, expected, "output {k} of {window:?}");
            }
        }
    }
}

#[test]
fn first_layers_over_pixels_in_16_and_32_bits() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for (c, k, out, offset, limit) in [
        (1, 3, 5, 128, 1),
        (3, 3, 64, 0, 1),
        (3, 5, 65, 77, 1),
        (3, 3, 130, 128, 127),
        (16, 3, 9, -3, 1),
        (40, 2, 7, 200, 127),
    ] {
        let shape = Shape::new(7, 6, c);
        let image = image(&mut rng, shape);
        let x: Vec<i32> = image.integers().unwrap().into_iter().map(|v| v - offset).collect();
        for window in windows(k, 1 + k % 2).into_iter().filter(|w| w.fill == Fill::Zero) {
            let size = FilterSize { out, taps: window.taps(), ic: c };
            let values: Vec<i8> = (0..out * size.fan_in())
                .map(|_| if limit == 1 { sign(&mut rng) } else { small(&mut rng, -127, 127) })
                .collect();
            let weights = SmallFilters::new(size, values.clone(), "w").unwrap();
            let spec = GraphSpec::new("t", shape).then("conv", Layer::InputConv { weights, window, offset });
            let sums = agreed(spec.clone(), &image).integers().unwrap();
            assert_eq!(sums, exact(&x, shape, &values, out, window, 0), "{c} channels, {window:?}");
            let t = Thresholds::new(1, sums[..out].to_vec(), Vec::new(), "t").unwrap();
            agreed(spec.then("t", Layer::Threshold(t)), &image);
        }
    }
}

#[test]
fn dense_layers_read_whole_maps() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for c in CHANNELS {
        let shape = Shape::new(2, 3, c);
        let image = image(&mut rng, shape);
        let base = packed(&mut rng, shape, 1 + c % 2);
        let x = Graph::new(base.clone()).unwrap().run(&image).unwrap().integers().unwrap();
        let values: Vec<i8> = (0..9 * shape.len()).map(|_| sign(&mut rng)).collect();
        let weights = BitFilters::from_values(FilterSize { out: 9, taps: 6, ic: c }, &values, "w").unwrap();
        let sums = agreed(base.then("fc", Layer::BinaryDense { weights }), &image).integers().unwrap();
        let dot = |row: &[i8]| x.iter().zip(row).map(|(x, w)| x * i32::from(*w)).sum::<i32>();
        assert_eq!(sums, values.chunks_exact(shape.len()).map(dot).collect::<Vec<_>>());
    }
}

#[test]
fn pools_and_sums_of_packed_maps() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (i, c) in CHANNELS.into_iter().enumerate() {
        let shape = Shape::new(5, 7, c);
        let image = image(&mut rng, shape);
        let base = packed(&mut rng, shape, 1 + i % 2);
        let x = Graph::new(base.clone()).unwrap().run(&image).unwrap().integers().unwrap();
        for window in windows(2 + i % 2, 2) {
            let pooled = agreed(base.clone().then("p", Layer::MaxPoolBits { window }), &image).integers().unwrap();
            let g = window.over(shape, "t").unwrap();
            for (k, value) in pooled.iter().enumerate() {
                let (oy, ox, ch) = (k / c / g.ow, k / c % g.ow, k % c);
                let taps =
                    (0..window.taps()).filter_map(|t| g.source(oy, ox, t / window.kernel[1], t % window.kernel[1]));
                assert_eq!(Some(*value), taps.map(|(y, xx)| x[(y * shape.w + xx) * c + ch]).max());
            }
        }
        if i % 2 == 0 {
            let ones = agreed(base.then("s", Layer::GlobalSumBits), &image).integers().unwrap();
            let count = |ch: usize| i32::try_from(x.iter().skip(ch).step_by(c).filter(|v| **v > 0).count()).unwrap();
            assert_eq!(ones, (0..c).map(count).collect::<Vec<_>>());
        }
    }
}

#[test]
fn residual_sums_thresholds_and_shifts_of_a_branching_network() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let shape = Shape::new(4, 4, 33);
    let image = image(&mut rng, shape);
    let mut conv = || {
        let size = FilterSize { out: 33, taps: 9, ic: 33 };
        let values: Vec<i8> = (0..33 * 297).map(|_| sign(&mut rng)).collect();
        let weights = BitFilters::from_values(size, &values, "w").unwrap();
        Layer::BinaryConv { weights, window: Window::same(3, 1, Fill::Zero) }
    };
    let spec = GraphSpec::new("t", shape)
        .then("x", Layer::PackInput { threshold: 99, flatten: false })
        .then("a", conv())
        .then("a.t", Layer::Threshold(Thresholds::new(1, vec![3; 33], vec![], "t").unwrap()))
        .then("b", conv())
        .node("sum", Layer::Add, &[Source::Node(1), Source::Node(3)])
        .then("relu", Layer::Relu)
        .then("global", Layer::GlobalSum)
        .then("shift", Layer::OffsetShift { offset: (0..33).collect(), shift: 2 });
    let graph = Graph::new(spec.clone()).unwrap();
    let found = agreed(spec.clone(), &image).integers().unwrap();
    let part = |n: usize| {
        let spec = GraphSpec { nodes: spec.nodes[..n].to_vec(), ..spec.clone() };
        Graph::new(spec).unwrap().run(&image).unwrap().integers().unwrap()
    };
    let (a, b) = (part(2), part(4));
    let total = |c: usize| (0..16).map(|p| (a[p * 33 + c] + b[p * 33 + c]).max(0)).sum::<i32>();
    assert_eq!(found, (0..33).map(|c| (total(c) + i32::try_from(c).unwrap()) >> 2).collect::<Vec<_>>());
    // `a` is read twice, so its threshold stays an operation of its own.
    assert!(graph.calls().iter().any(|c| c.op == tinyprec::trace::Op::Threshold));
}

#[test]
fn a_batch_gives_the_same_on_any_number_of_threads() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let shape = Shape::new(6, 6, 3);
    let images: Vec<Tensor> = (0..40).map(|_| image(&mut rng, shape)).collect();
    let graph =
        Graph::new(GraphSpec::new("t", shape).then("x", Layer::PackInput { threshold: 99, flatten: true })).unwrap();
    let one =
        rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| graph.passes(&images).unwrap());
    let many =
        rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap().install(|| graph.passes(&images).unwrap());
    assert_eq!(one, many);
}

fn floats(rng: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// An image as floats of both signs.
fn real(rng: &mut ChaCha8Rng, shape: Shape) -> GraphSpec {
    let (mul, add) = (floats(rng, shape.c), floats(rng, shape.c).iter().map(|v| v * 40.0).collect());
    GraphSpec::new("t", shape).then("x", Layer::Affine { mul, add })
}

#[test]
fn float_layers_of_every_width_padding_and_stride_keep_the_order_of_their_sums() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (i, c) in [1, 2, 3, 15, 16, 17, 31, 33, 48, 64, 65].into_iter().enumerate() {
        let shape = Shape::new(7, 5 + i % 3, c);
        let image = image(&mut rng, shape);
        for (k, stride) in [(1, 1), (3, 2), (2 + i % 2, 1)] {
            for window in windows(k, stride).into_iter().filter(|w| w.fill == Fill::Zero) {
                let out = [1, 15, 16, 17, 33, 64][(i + k) % 6];
                let weights = floats(&mut rng, out * window.taps() * c);
                let bias = if i % 2 == 0 { floats(&mut rng, out) } else { Vec::new() };
                let conv = Layer::FloatConv { weights, out, bias, window };
                agreed(real(&mut rng, shape).then("conv", conv), &image);
                let (weights, bias) = (floats(&mut rng, window.taps() * c), floats(&mut rng, c));
                let depthwise = Layer::DepthwiseConv { weights, bias, window };
                agreed(real(&mut rng, shape).then("dw", depthwise), &image);
                agreed(real(&mut rng, shape).then("max", Layer::MaxPool { window }), &image);
                agreed(real(&mut rng, shape).then("mean", Layer::AvgPool { window }), &image);
            }
        }
        let dense =
            Layer::FloatDense { weights: floats(&mut rng, 37 * shape.len()), out: 37, bias: floats(&mut rng, 37) };
        agreed(real(&mut rng, shape).then("fc", dense), &image);
        agreed(real(&mut rng, shape).then("pool", Layer::GlobalAvgPool), &image);
        let elementwise = real(&mut rng, shape)
            .then("relu", Layer::Relu)
            .then("bias", Layer::Bias { bias: floats(&mut rng, c) })
            .then("prelu", Layer::PRelu { alpha: floats(&mut rng, c) })
            .then("bn", Layer::Affine { mul: floats(&mut rng, c), add: floats(&mut rng, c) });
        agreed(elementwise.clone(), &image);
        agreed(elementwise.then("sign", Layer::Sign), &image);
    }
}

#[test]
fn fused_residual_blocks_give_what_their_layers_give() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for (i, c) in [1, 31, 33, 64, 65, 128, 200].into_iter().enumerate() {
        let shape = Shape::new(6, 5, c);
        let image = image(&mut rng, shape);
        let mut spec = real(&mut rng, shape);
        let mut x = 0;
        for block in 0..3 {
            let window = Window::same(3, 1, if (i + block) % 2 == 0 { Fill::One } else { Fill::Zero });
            let size = FilterSize { out: c, taps: 9, ic: c };
            let values: Vec<i8> = (0..c * size.fan_in()).map(|_| sign(&mut rng)).collect();
            let weights = BitFilters::from_values(size, &values, "w").unwrap();
            let bn = Layer::Affine { mul: floats(&mut rng, c), add: floats(&mut rng, c) };
            spec = spec
                .node(&format!("sign{block}"), Layer::Sign, &[Source::Node(x)])
                .then(&format!("conv{block}"), Layer::BinaryConv { weights, window });
            // With a ReLU on the sum, without, and with something else that reads the sum.
            if block < 2 {
                spec = spec.then(&format!("relu{block}"), Layer::Relu);
            }
            spec = spec.then(&format!("bn{block}"), bn);
            let y = spec.nodes.len() - 1;
            let order = if block == 1 { [x, y] } else { [y, x] };
            spec = spec.node(&format!("add{block}"), Layer::Add, &order.map(Source::Node));
            x = spec.nodes.len() - 1;
        }
        // The first block's result is read again at the very end, so its place must not be reused.
        let first = spec.nodes.iter().position(|n| n.name == "add0").unwrap();
        let last = spec.nodes.len() - 1;
        let spec = spec.node("again", Layer::Add, &[Source::Node(last), Source::Node(first)]);
        agreed(spec.clone(), &image);
        let classified = spec
            .then("pool", Layer::GlobalAvgPool)
            .then("fc", Layer::FloatDense { weights: floats(&mut rng, 10 * c), out: 10, bias: vec![] });
        agreed(GraphSpec { classifier: Some("fc".to_owned()), ..classified }, &image);
    }
}

#[test]
fn sums_that_are_only_converted_stay_sums() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    for c in [3, 16, 40] {
        let shape = Shape::new(5, 4, c);
        let size = FilterSize { out: c, taps: 9, ic: c };
        let values: Vec<i8> = (0..c * size.fan_in()).map(|_| sign(&mut rng)).collect();
        let weights = BitFilters::from_values(size, &values, "w").unwrap();
        let conv = Layer::BinaryConv { weights, window: Window::same(3, 1, Fill::Zero) };
        for clamp in [NO_CLAMP, [-1, 4]] {
            let convert = Layer::OutputTransform(OutputTransform { clamp, ..OutputTransform::convert() });
            let spec = packed(&mut rng, shape, 1).then("conv", conv.clone()).then("float", convert);
            agreed(spec.clone(), &image(&mut rng, shape));
            let behind = spec.then("slope", Layer::PRelu { alpha: floats(&mut rng, c) }).then("sign", Layer::Sign);
            agreed(behind, &image(&mut rng, shape));
        }
    }
}

#[test]
fn a_runner_gives_the_same_image_after_image() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let network = networks::find("QuickNetSmall").unwrap();
    let options = networks::Options { input: [64, 64, 3], ..network.options() };
    let graph = Graph::new(network.build(options, &mut networks::Random::new(3)).unwrap().spec).unwrap();
    let mut runner = Runner::new(&graph).unwrap();
    let images: Vec<Tensor> = (0..2).map(|_| image(&mut rng, graph.input().shape)).collect();
    let plain: Vec<Tensor> =
        images.iter().map(|x| graph.pass(x, Engine::Reference, &mut NullSink).unwrap().features).collect();
    for (image, expected) in images.iter().zip(&plain).chain(images.iter().zip(&plain)) {
        assert_eq!(runner.run(image).unwrap().features, expected);
    }
    let mut parts = Vec::new();
    runner.run_parts(&images[0], |node| parts.push(node)).unwrap();
    assert!(parts.len() < graph.spec().nodes.len() / 2, "{} parts: nothing ran together", parts.len());
    assert!(parts.is_sorted());
}
