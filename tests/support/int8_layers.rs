//! 8-bit layers of every kind, odd sizes, zero points and factors: fast and plain kernels agree.

use super::{agreed as agreed_on, small, windows};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tinyprec::nn::{
    Fill, FilterSize, GraphSpec, Int8, Kind, Layer, Map, Multiplier, Requant, Roundings, Shape, SmallFilters, Softmax,
    Source, Tensor, TensorType, Window,
};

const CHANNELS: [usize; 11] = [1, 2, 3, 5, 15, 16, 17, 31, 33, 64, 72];

fn codes(rng: &mut ChaCha8Rng, n: usize) -> Vec<i8> {
    (0..n).map(|_| small(rng, -128, 127)).collect()
}

fn spec(shape: Shape) -> GraphSpec {
    GraphSpec { input: TensorType::new(shape, Kind::I8), ..GraphSpec::new("t", shape) }
}

/// Runs it on all engines; gives the codes.
fn agreed(rng: &mut ChaCha8Rng, spec: GraphSpec) -> Vec<i32> {
    let shape = spec.input.shape;
    let image = Tensor::I8(Map::new(shape, codes(rng, shape.len())).unwrap());
    agreed_on(spec, &image).integers().unwrap_or_default()
}

/// Factors near 2^−`down`, one in eight of them odd.
fn requant(rng: &mut ChaCha8Rng, n: usize, down: i32) -> Requant {
    let factor = |rng: &mut ChaCha8Rng| {
        let exponent = if rng.random_range(0..8) == 0 { rng.random_range(-31..=2) } else { -down };
        Multiplier::from_parts(rng.random_range(1 << 30..=i32::MAX), exponent).unwrap()
    };
    let (a, b) = (small(rng, -128, 127), small(rng, -128, 127));
    let (low, high) = if rng.random() { (-128, 127) } else { (a.min(b), a.max(b)) };
    Requant {
        factors: (0..n).map(|_| factor(rng)).collect(),
        roundings: if rng.random() { Roundings::One } else { Roundings::Two },
        zero: rng.random_range(-128..=127),
        low,
        high,
    }
}

fn bias(rng: &mut ChaCha8Rng, n: usize) -> Vec<i32> {
    (0..n).map(|_| rng.random_range(-9000..9000)).collect()
}

#[test]
fn int8_layers_with_weights() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for (i, c) in CHANNELS.into_iter().enumerate() {
        let shape = Shape::new(6, 5 + i % 4, c);
        for (k, stride) in [(1, 1), (3, 1), (3, 2), (2, 1)] {
            for window in windows(k, stride).into_iter().filter(|w| w.fill == Fill::Zero) {
                let out = [1, 7, 16, 17, 33, 70][(i + k) % 6];
                let size = FilterSize { out, taps: window.taps(), ic: c };
                let weights = SmallFilters::new(size, codes(&mut rng, out * size.fan_in()), "w").unwrap();
                let input_zero = rng.random_range(-128..=127);
                let to = requant(&mut rng, if i % 2 == 0 { out } else { 1 }, 8);
                let conv = Int8::Conv { weights, bias: bias(&mut rng, out), window, input_zero, to };
                agreed(&mut rng, spec(shape).then("conv", Layer::Int8(conv)));
                let multiplier = 1 + usize::from(c == 3);
                let weights = codes(&mut rng, window.taps() * c * multiplier);
                let (bias, to) = (bias(&mut rng, c * multiplier), requant(&mut rng, c * multiplier, 6));
                let depthwise = Int8::Depthwise { weights, multiplier, bias, window, input_zero, to };
                agreed(&mut rng, spec(shape).then("dw", Layer::Int8(depthwise)));
            }
        }
        let out = [1, 10, 64, 65, 130][i % 5];
        let size = FilterSize { out, taps: shape.pixels(), ic: c };
        let weights = SmallFilters::new(size, codes(&mut rng, out * size.fan_in()), "w").unwrap();
        let (bias, to) = (bias(&mut rng, out), requant(&mut rng, out, 10));
        let dense = Int8::Dense { weights, bias, input_zero: rng.random_range(-128..=127), to };
        agreed(&mut rng, spec(shape).then("fc", Layer::Int8(dense)));
    }
}

/// A sum that needs all its 32 bits on the way: the extremes of codes and weights.
#[test]
fn int8_sums_of_extreme_codes() {
    for (x, w, zero) in [(-128, -128, 127), (127, -128, -128), (-128, 127, 127), (127, 127, -128)] {
        let shape = Shape::new(3, 3, 64);
        let size = FilterSize { out: 16, taps: 9, ic: 64 };
        let weights = SmallFilters::new(size, vec![w; 16 * size.fan_in()], "w").unwrap();
        let to = Requant {
            factors: vec![Multiplier::from_parts(1 << 30, -17).unwrap()],
            roundings: Roundings::Two,
            zero: 0,
            low: -128,
            high: 127,
        };
        let window = Window::same(3, 1, Fill::Zero);
        let conv = Int8::Conv { weights, bias: vec![1 << 20; 16], window, input_zero: zero, to };
        let image = Tensor::I8(Map::new(shape, vec![x; shape.len()]).unwrap());
        let found = agreed_on(spec(shape).then("conv", Layer::Int8(conv)), &image).integers().unwrap();
        // The middle pixel sees all taps.
        let sum = f64::from(576 * i32::from(w) * (i32::from(x) - zero) + (1 << 20));
        assert_eq!(f64::from(found[4 * 16]), (sum / 262_144.0).round().clamp(-128.0, 127.0), "{x} {w} {zero}");
    }
}

#[test]
fn int8_pools_and_means() {
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    for (i, c) in CHANNELS.into_iter().enumerate() {
        let shape = Shape::new(7, 5 + i % 3, c);
        let (a, b) = (small(&mut rng, -128, 127), small(&mut rng, -128, 127));
        let range = if i % 2 == 0 { [-128, 127] } else { [a.min(b), a.max(b)] };
        for window in windows(2 + i % 2, 1 + i % 2).into_iter().filter(|w| w.fill == Fill::Zero) {
            agreed(&mut rng, spec(shape).then("max", Layer::Int8(Int8::MaxPool { window, range })));
            agreed(&mut rng, spec(shape).then("mean", Layer::Int8(Int8::AvgPool { window, range })));
        }
        let mean = Int8::Mean { input_zero: rng.random_range(-128..=127), to: requant(&mut rng, 1, 5) };
        agreed(&mut rng, spec(shape).then("all", Layer::Int8(mean)));
    }
}

#[test]
fn int8_elementwise_layers() {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    for c in CHANNELS {
        let shape = Shape::new(5, 9, c);
        let zero = |rng: &mut ChaCha8Rng| rng.random_range(-128..=127);
        let factor = |rng: &mut ChaCha8Rng, exponent| {
            Multiplier::from_parts(rng.random_range(1 << 30..=i32::MAX), exponent).unwrap()
        };
        let rescale = Layer::Int8(Int8::Rescale { input_zero: zero(&mut rng), to: requant(&mut rng, 1, 0) });
        let base = spec(shape).then("other", rescale);
        let both = [Source::Image, Source::Node(0)];
        let factors = [factor(&mut rng, 0), factor(&mut rng, -1)];
        let add = Int8::Add { zeros: [zero(&mut rng), zero(&mut rng)], factors, to: requant(&mut rng, 1, 19) };
        agreed(&mut rng, base.clone().node("add", Layer::Int8(add), &both));
        let mul =
            |rng: &mut ChaCha8Rng| Layer::Int8(Int8::Mul { zeros: [zero(rng), zero(rng)], to: requant(rng, 1, 7) });
        let layer = mul(&mut rng);
        agreed(&mut rng, base.clone().node("mul", layer, &both));
        let mean = Int8::Mean { input_zero: zero(&mut rng), to: requant(&mut rng, 1, 5) };
        let gate = spec(shape).then("mean", Layer::Int8(mean));
        let layer = mul(&mut rng);
        agreed(&mut rng, gate.node("gate", layer, &both));
        let table = Int8::Table { table: codes(&mut rng, 256) };
        agreed(&mut rng, base.clone().then("table", Layer::Int8(table)));
        let softmax = Softmax::new(f64::from(rng.random_range(1..200)) / 100.0).unwrap();
        agreed(&mut rng, base.clone().then("softmax", Layer::Int8(Int8::Softmax(softmax))));
        let (positive, negative) = (factor(&mut rng, 0), factor(&mut rng, -7));
        let alpha = (0..c).map(|_| rng.random_range(-255..=255)).collect();
        let (input_zero, out_zero) = (zero(&mut rng), zero(&mut rng));
        let prelu = Int8::PRelu { input_zero, alpha, positive, negative, zero: out_zero };
        agreed(&mut rng, base.clone().then("prelu", Layer::Int8(prelu)));
        let (scale, zero) = (0.037, zero(&mut rng));
        let float = base.then("float", Layer::Int8(Int8::Dequantise { scale, zero }));
        agreed(&mut rng, float.clone());
        agreed(&mut rng, float.then("codes", Layer::Int8(Int8::Quantise { scale: 0.05, zero: 3 })));
    }
}
