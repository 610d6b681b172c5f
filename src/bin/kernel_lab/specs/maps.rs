//! Cases of the twins that work on whole maps: thresholds, pooling, sums and packing.

use super::bits::{bits, call_dims, halves, image, near, run, sums};
use super::small;
use crate::cases::{Case, Random, dims, input, output, value};
use tinyprec::nn::{FilterSize, GraphSpec, Layer, Map, Shape, SmallFilters, Tensor, Thresholds, Window};

/// Pixels (as height and width) and channels.
pub(super) const MAPS: [(usize, usize, usize); 13] = [
    (1, 1, 1),
    (1, 2, 31),
    (3, 3, 32),
    (2, 2, 33),
    (5, 1, 64),
    (1, 7, 65),
    (4, 4, 8),
    (3, 5, 100),
    (2, 3, 128),
    (6, 6, 3),
    (1, 1, 160),
    (3, 2, 56),
    (7, 2, 40),
];

pub(super) fn threshold(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (h, w, c): (usize, usize, usize)| {
        let values: Vec<i32> = (0..h * w * c)
            .map(|_| i32::try_from(random.integer(1 - (1 << 30), (1 << 30) - 1)).expect("31 bits"))
            .collect();
        let t = near(random, &values, c);
        let layer = Thresholds::new(1, t.clone(), Vec::new(), "t").expect("one plane");
        let map = negative(h * w, c, |i| layer.negative(i % c, 0, values[i]));
        let args = vec![input(&values), input(&t), output(&map), value(small(h * w)), value(small(c))];
        Case { dims: dims(&[("pixels", h * w), ("channels", c)]), args }
    };
    MAPS.iter().map(|map| case(random, *map)).collect()
}

/// Device words of a map whose value `i` (pixel by pixel, channels fastest) is −1 where `minus` says so.
fn negative(pixels: usize, channels: usize, minus: impl Fn(usize) -> bool) -> Vec<u32> {
    let pixel =
        |p: usize| -> Vec<i32> { (0..channels).map(|c| if minus(p * channels + c) { -1 } else { 1 }).collect() };
    (0..pixels).flat_map(|p| halves(&tinyprec::bits::pack(&pixel(p)), channels).collect::<Vec<u32>>()).collect()
}

pub(super) fn global_sum_bits(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (h, w, c): (usize, usize, usize)| {
        let shape = Shape::new(h, w, c);
        let (_, image) = image(random, shape);
        let packed = GraphSpec::new("t", shape).then("pack", Layer::PackInput { threshold: 100, flatten: false });
        let spec = packed.clone().then("sum", Layer::GlobalSumBits);
        let out = sums(&run(spec.clone(), &image));
        let args = vec![input(&bits(&run(packed, &image))), output(&out), value(small(h * w)), value(small(c))];
        Case { dims: call_dims(&spec, 1), args }
    };
    MAPS.iter().map(|map| case(random, *map)).collect()
}

pub(super) fn global_sum(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, (h, w, c): (usize, usize, usize)| {
        let shape = Shape::new(h, w, c);
        let (_, image) = image(random, shape);
        // A random 1 × 1 convolution makes the integers to sum.
        let values = (0..c * c).map(|_| i8::try_from(random.integer(-128, 127)).expect("8 bits")).collect();
        let weights = SmallFilters::new(FilterSize { out: c, taps: 1, ic: c }, values, "w").expect("sized");
        let conv = GraphSpec::new("t", shape)
            .then("conv", Layer::InputConv { weights, window: Window::valid(1, 1), offset: 0 });
        let spec = conv.clone().then("sum", Layer::GlobalSum);
        let Tensor::I32(map) = run(conv, &image) else { panic!("a convolution gives sums") };
        let from: &Map<i32> = &map;
        let args =
            vec![input(from.data()), output(&sums(&run(spec.clone(), &image))), value(small(h * w)), value(small(c))];
        Case { dims: call_dims(&spec, 1), args }
    };
    MAPS.iter().map(|map| case(random, *map)).collect()
}

pub(super) fn pack_input(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, n: usize| {
        let shape = Shape::new(1, 1, n);
        let (pixels, image) = image(random, shape);
        let threshold = u8::try_from(random.integer(0, 255)).expect("a byte");
        let spec = GraphSpec::new("t", shape).then("pack", Layer::PackInput { threshold, flatten: false });
        let args = vec![
            input(&pixels),
            output(&bits(&run(spec.clone(), &image))),
            value(i64::from(threshold)),
            value(small(n)),
        ];
        Case { dims: call_dims(&spec, 0), args }
    };
    [1, 31, 32, 33, 64, 65, 784, 100, 256, 5, 1000, 63].iter().map(|n| case(random, *n)).collect()
}
