//! Twins of 2-bit networks (maps and weights of two planes) and of first layers on signed codes; the references are networks of one
//! or two layers, run by the plain kernels.

use tinyprec::nn::{BitFilters, BitMap, FilterSize, GraphSpec, Layer, Shape, SmallFilters, Tensor, Thresholds, Window};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, B1, B2, I8, I32};
use tinyprec::trace::Op;

use super::bits::{call_dims, device_filters, halves, image, near, run, signs, sums};
use super::windows::{BITS, window_block, windows};
use super::{small, w32};
use crate::cases::{Arg, Case, Random, Spec, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const FUSED: &[Option<BufferKind>] = &[A, W, W, A];
const CONV: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*oc*kh",
    "oh*ow*oc*kh*kw",
    "oh*ow*oc*kh*kw*words",
    "oh*ow*oc*kh*kw*(words/4)",
    "oh*ow*oc*kh*kw*(words%4)",
    "oh*ow*oc*kh*kw*min(1,words/4)",
    "oh*ow*oc*kh*kw*min(1,words%4)",
];
/// Those after the first twelve are of taps outside, which packed zeros must leave out again.
const PADDED: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*kh",
    "oh*ow*kh*kw",
    "oh*ow*kh*kw*words",
    "oh*ow*oc*kh*kw",
    "oh*ow*oc*kh*kw*words",
    "oh*ow*oc*kh*kw*(words/4)",
    "oh*ow*oc*kh*kw*(words%4)",
    "oh*ow*oc*kh*kw*min(1,words/4)",
    "oh*ow*oc*kh*kw*min(1,words%4)",
    "(1-pad_value)*(oh*ow-rows_full*cols_full)*oc",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*words",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*(words/4)",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*(words%4)",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*min(1,words/4)",
    "(1-pad_value)*(oh*ow*kh*kw-rows_in*cols_in)*oc*min(1,words%4)",
];
const DENSE: &[&str] = &[
    "rows",
    "rows*words",
    "ceil_div(rows,32)",
    "rows*(words/4)",
    "rows*(words%4)",
    "rows*min(1,words/4)",
    "rows*min(1,words%4)",
    "min(1,words/4)",
    "min(1,words%4)",
    "rows*(words/4)*min(1,words%4)",
    "(words/4)*min(1,words%4)",
    "rows*(words/4+1)*min(1,words%4)",
    "(words/4+1)*min(1,words%4)",
    "rows*(words/4+1)*(1-min(1,words%4))",
];
const INPUT: &[&str] = &[
    "oh",
    "oh*ow",
    "oh*ow*oc",
    "oh*ow*ceil_div(oc,32)",
    "oh*ow*kh",
    "oh*ow*terms",
    "oh*ow*oc*terms",
    "oh*ow*oc*ceil_div(terms,32)",
];

/// Two planes, and signed images.
pub fn specs() -> Vec<Spec> {
    let conv =
        |elems, symbol, cases| Spec::new(Op::BinaryConvThreshold, elems, symbol, CONV, &[A, W, W, A, None], cases);
    let dense = |elems, symbol, cases| Spec::new(Op::BinaryDense, elems, symbol, DENSE, &[A, W, A], cases);
    let fused = |elems, symbol, cases| Spec::new(Op::BinaryDenseThreshold, elems, symbol, DENSE, FUSED, cases);
    let padded = |elems, symbol, cases| {
        Spec::new(Op::BinaryConvThreshold, elems, symbol, PADDED, &[A, W, W, A, S, None], cases).when("pad_top")
    };
    let first =
        |elems, symbol, cases| Spec::new(Op::InputConvThreshold, elems, symbol, INPUT, &[A, W, W, A, S, None], cases);
    vec![
        conv(&[B2, B1, B2], "tp_binary_conv_threshold_b2_b1", |r| conv_cases(r, B1)),
        conv(&[B2, B2, B2], "tp_binary_conv_threshold_b2_b2", |r| conv_cases(r, B2)),
        dense(&[B1, B2, I32], "tp_binary_dense_b1_b2", |r| dense_cases(r, [B1, B2], false)),
        dense(&[B2, B1, I32], "tp_binary_dense_b2_b1", |r| dense_cases(r, [B2, B1], false)),
        dense(&[B2, B2, I32], "tp_binary_dense_b2_b2", |r| dense_cases(r, [B2, B2], false)),
        fused(&[B1, B1, B2], "tp_binary_dense_threshold_b1_b1_b2", |r| dense_cases(r, [B1, B1], true)),
        fused(&[B1, B2, B2], "tp_binary_dense_threshold_b1_b2", |r| dense_cases(r, [B1, B2], true)),
        fused(&[B2, B1, B2], "tp_binary_dense_threshold_b2_b1", |r| dense_cases(r, [B2, B1], true)),
        fused(&[B2, B2, B2], "tp_binary_dense_threshold_b2_b2", |r| dense_cases(r, [B2, B2], true)),
        first(&[I8, B1, B1], "tp_input_conv_threshold_i8", |r| first_cases(r, [B1, B1])),
        first(&[I8, B1, B2], "tp_input_conv_threshold_i8_b2", |r| first_cases(r, [B1, B2])),
        first(&[I8, I8, B2], "tp_input_conv_threshold_i8_i8_b2", |r| first_cases(r, [I8, B2])),
        padded(&[B2, B1, B2], "tp_binary_conv_threshold_padded_b2_b1", |r| padded_cases(r, B1)),
        padded(&[B2, B2, B2], "tp_binary_conv_threshold_padded_b2_b2", |r| padded_cases(r, B2)),
        Spec::new(Op::MaxPoolBits, &[B2, B2], "tp_max_pool_bits_b2", BITS, &[A, A, None], pool_cases),
    ]
}

/// Words of a map on the device: a pixel's planes one after the other.
fn map_words(map: &BitMap) -> Vec<u32> {
    let shape = map.shape();
    let word = |p: usize, plane: usize, w: usize| {
        let bit = |b: usize| {
            let c = 32 * w + b;
            let minus = c < shape.c && map.sign(p / shape.w, p % shape.w, c, plane) < 0;
            u32::from(minus) << b
        };
        (0..32).map(bit).sum::<u32>()
    };
    let planes = map.planes();
    let places = (0..shape.pixels()).flat_map(|p| (0..planes).map(move |plane| (p, plane)));
    places
        .flat_map(|(p, plane)| (0..shape.c.div_ceil(32)).map(move |w| (p, plane, w)))
        .map(|(p, plane, w)| word(p, plane, w))
        .collect()
}

fn bits_of(tensor: &Tensor) -> Vec<u32> {
    let Tensor::Bits(map) = tensor else { panic!("the network ends in bits") };
    map_words(map)
}

fn filter_words(weights: &BitFilters) -> Vec<u32> {
    let FilterSize { out, taps, ic } = weights.size();
    let planes = weights.planes();
    let places = (0..out * taps).flat_map(|i| (0..planes).map(move |plane| (i, plane)));
    places.flat_map(|(i, plane)| halves(weights.tap(i / taps, i % taps, plane), ic)).collect()
}

/// ±1, or −1, 0 and +1 with at least one 0, so that they take two planes.
fn weights(random: &mut Random, size: FilterSize, elem: Elem) -> BitFilters {
    let mut values = signs(random, size.out * size.fan_in());
    if elem == B2 {
        values.iter_mut().for_each(|v| *v = if random.next().is_multiple_of(3) { 0 } else { *v });
        values[0] = 0;
    }
    BitFilters::from_values(size, &values, "w").expect("ternary")
}

/// Thresholds near the sums, `planes` a channel.
fn thresholds(random: &mut Random, acc: &[i32], channels: usize, planes: usize) -> (Vec<i32>, Layer) {
    let mut all = Vec::new();
    for t in near(random, acc, channels) {
        all.extend((0..planes).map(|p| t + w32(small(p)) * w32(random.integer(0, 3))));
    }
    let t = Thresholds::new(planes, all, Vec::new(), "t").expect("one or two planes");
    (t.values().to_vec(), Layer::Threshold(t))
}

/// A network that turns a random image into a map of one or two planes.
fn packed(random: &mut Random, shape: Shape, elem: Elem) -> (GraphSpec, Tensor) {
    let (_, image) = image(random, shape);
    let spec = GraphSpec::new("t", shape);
    if elem == B1 {
        return (spec.then("pack", Layer::PackInput { threshold: 128, flatten: false }), image);
    }
    let size = FilterSize { out: shape.c, taps: 1, ic: shape.c };
    let identity = (0..shape.c * shape.c).map(|i| i8::from(i % shape.c == i / shape.c)).collect();
    let weights = SmallFilters::new(size, identity, "w").expect("sized");
    let spec = spec.then("pixels", Layer::InputConv { weights, window: Window::valid(1, 1), offset: 0 });
    let t = Thresholds::new(2, (0..shape.c).flat_map(|_| [80, 170]).collect(), Vec::new(), "t").expect("two planes");
    (spec.then("bits", Layer::Threshold(t)), image)
}

fn valid(shape: Shape, oc: usize, kernel: [usize; 2], stride: usize) -> (Shape, usize, Window) {
    (shape, oc, Window { kernel, stride: [stride; 2], ..Window::valid(1, 1) })
}

fn convs() -> Vec<(Shape, usize, Window)> {
    vec![
        valid(Shape::new(1, 1, 1), 1, [1, 1], 1),
        valid(Shape::new(5, 4, 3), 33, [2, 3], 1),
        valid(Shape::new(6, 6, 64), 10, [3, 3], 1),
        valid(Shape::new(7, 5, 32), 32, [3, 1], 2),
        valid(Shape::new(4, 9, 65), 40, [1, 2], 1),
        valid(Shape::new(8, 8, 2), 31, [5, 5], 2),
        valid(Shape::new(3, 3, 200), 5, [3, 3], 1),
        valid(Shape::new(6, 3, 128), 7, [4, 1], 1),
        valid(Shape::new(5, 5, 31), 64, [2, 2], 3),
        valid(Shape::new(3, 4, 260), 34, [3, 2], 1),
        valid(Shape::new(5, 7, 160), 3, [1, 1], 2),
        valid(Shape::new(4, 4, 96), 65, [2, 2], 1),
    ]
}

fn conv_cases(random: &mut Random, elem: Elem) -> Vec<Case> {
    convs().into_iter().map(|(shape, oc, window)| conv_case(random, (shape, oc, window), elem, None)).collect()
}

fn padded_cases(random: &mut Random, elem: Elem) -> Vec<Case> {
    super::padded::cases(random, true, |random, shape, oc, window| {
        let (taps, words) = (window.taps(), shape.c.div_ceil(32));
        conv_case(random, (shape, oc, window), elem, Some(4 * (taps * words * 2 + taps + 1)))
    })
}

/// With working space of so many bytes, if any.
fn conv_case(
    random: &mut Random,
    (shape, oc, window): (Shape, usize, Window),
    elem: Elem,
    scratch: Option<usize>,
) -> Case {
    let (packed, image) = packed(random, shape, B2);
    let weights = weights(random, FilterSize { out: oc, taps: window.taps(), ic: shape.c }, elem);
    let plain = packed.clone().then("conv", Layer::BinaryConv { weights: weights.clone(), window });
    let (t, layer) = thresholds(random, &sums(&run(plain.clone(), &image)), oc, 2);
    let spec = plain.then("t", layer);
    let dims = call_dims(&spec, 1);
    let fill = i32::from(window.fill == tinyprec::nn::Fill::One);
    let mut args = vec![
        input(&bits_of(&run(packed, &image))),
        input(&filter_words(&weights)),
        input(&t),
        output(&bits_of(&run(spec, &image))),
    ];
    args.extend(scratch.map(Arg::Scratch));
    args.push(window_block(&dims, shape.c, shape.c.div_ceil(32), fill));
    Case { dims, args }
}

fn dense_cases(random: &mut Random, [from, elem]: [Elem; 2], fused: bool) -> Vec<Case> {
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
        (7, 600),
        // Whole vectors of words.
        (20, 256),
        (12, 384),
        (35, 512),
    ];
    let case = |random: &mut Random, (out, n): (usize, usize)| {
        let (packed, image) = packed(random, Shape::new(1, 1, n), from);
        let weights = weights(random, FilterSize { out, taps: 1, ic: n }, elem);
        let plain = packed.clone().then("dense", Layer::BinaryDense { weights: weights.clone() });
        let mut args = vec![input(&bits_of(&run(packed, &image))), input(&filter_words(&weights))];
        let acc = sums(&run(plain.clone(), &image));
        let spec = if fused {
            let (t, layer) = thresholds(random, &acc, out, 2);
            let spec = plain.then("t", layer);
            args.extend([input(&t), output(&bits_of(&run(spec.clone(), &image)))]);
            spec
        } else {
            args.push(output(&acc));
            plain
        };
        args.extend([n, out, n.div_ceil(32)].map(|v| value(small(v))));
        Case { dims: call_dims(&spec, 1), args }
    };
    shapes.iter().map(|shape| case(random, *shape)).collect()
}

fn first_cases(random: &mut Random, [weight, to]: [Elem; 2]) -> Vec<Case> {
    let case = |random: &mut Random, (shape, oc, window): (Shape, usize, Window)| {
        let (pixels, image) = image(random, shape);
        let table: Vec<i8> = (0..256).map(|_| i8::try_from(random.integer(-128, 127)).expect("a code")).collect();
        let signed: Vec<u8> = pixels.iter().map(|p| table[usize::from(*p)].to_le_bytes()[0]).collect();
        let size = FilterSize { out: oc, taps: window.taps(), ic: shape.c };
        let mut values = signs(random, oc * size.fan_in());
        let stored = if weight == B1 {
            let flat = FilterSize { out: oc, taps: 1, ic: size.fan_in() };
            input(&device_filters(&BitFilters::from_values(flat, &values, "w").expect("±1")))
        } else {
            values.iter_mut().for_each(|v| *v = if random.next().is_multiple_of(3) { 0 } else { *v });
            values[0] = 0;
            Arg::In(values.iter().map(|v| v.to_le_bytes()[0]).collect())
        };
        let weights = SmallFilters::new(size, values, "w").expect("sized");
        let plain = GraphSpec::new("t", shape)
            .then("codes", Layer::Lookup { table })
            .then("conv", Layer::InputConv { weights, window, offset: 0 });
        let planes = if to == B2 { 2 } else { 1 };
        let (t, layer) = thresholds(random, &sums(&run(plain.clone(), &image)), oc, planes);
        let spec = plain.then("t", layer);
        let dims = call_dims(&spec, 1);
        let args = vec![
            Arg::In(signed),
            stored,
            input(&t),
            output(&bits_of(&run(spec, &image))),
            Arg::Scratch(size.fan_in()),
            window_block(&dims, shape.c, 0, 0),
        ];
        Case { dims, args }
    };
    convs().into_iter().map(|conv| case(random, conv)).collect()
}

fn pool_cases(random: &mut Random) -> Vec<Case> {
    let mut case = |shape: Shape, window: Window| {
        let (packed, image) = packed(random, shape, B2);
        let spec = packed.clone().then("pool", Layer::MaxPoolBits { window });
        let dims = call_dims(&spec, 1).with("kh", window.kernel[0] as u64).with("kw", window.kernel[1] as u64);
        let block = window_block(&dims, shape.c, shape.c.div_ceil(32), 0);
        let args = vec![input(&bits_of(&run(packed, &image))), output(&bits_of(&run(spec, &image))), block];
        Case { dims, args }
    };
    windows().iter().map(|c| case(c.shape, c.window)).collect()
}
