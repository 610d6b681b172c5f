//! Whole published networks on random weights: fast and plain kernels agree.

use super::image;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tinyprec::bits::Isa;
use tinyprec::nn::{Engine, Graph, Kind, Map, NnError, Pass, Tensor, networks};
use tinyprec::trace::NullSink;

/// Batch normalisations whose signs alone are read, by network: the others add floats to a residual, or normalise floats.
const THRESHOLDS: [(&str, usize); 4] =
    [("XNORNet", 5), ("BinaryAlexNet", 6), ("BMXNet-ResNet18", 11), ("BMXNet-ResNet18-CIFAR10", 15)];

/// A published network at the smallest size that it allows, on random weights: fast and plain kernels agree.
fn whole_network(a: &networks::Architecture) {
    let own = [a.input[0], a.input[1]];
    // Networks for small maps are run at their own size.
    let sizes = if own[0] < 64 { [own, own, own] } else { [[32, 32], [64, 64], own] };
    let at = |[h, w]: [usize; 2]| networks::Options { input: [h, w, a.input[2]], ..a.options() };
    let built = sizes.into_iter().find_map(|size| a.build(at(size), &mut networks::Random::new(5)).ok());
    let graph = Graph::new(built.unwrap_or_else(|| panic!("{} fits no size", a.name)).spec).unwrap();
    let (image, plain) = agreed(a.name, &graph);
    let folded = graph.with_thresholds().unwrap();
    let fast = folded.pass(&image, Engine::best(), &mut NullSink).unwrap();
    assert!(bits(&fast.output) == bits(&plain.output), "{}: output behind thresholds", a.name);
    let count = |graph: &Graph, op: &str| graph.spec().nodes.iter().filter(|n| n.layer.op() == op).count();
    let gone = graph.spec().nodes.len() - folded.spec().nodes.len();
    let expected = THRESHOLDS.iter().find(|(name, _)| *name == a.name).map_or(0, |(_, n)| *n);
    assert_eq!((gone, count(&folded, "threshold") - count(&graph, "threshold")), (expected, expected), "{}", a.name);
}

fn bits(t: &Tensor) -> Vec<u64> {
    t.reals().iter().map(|v| v.to_bits()).collect()
}

/// An image, and what the plain kernels make of it: every bit is what the fast ones make of it.
fn agreed(name: &str, graph: &Graph) -> (Tensor, Pass) {
    let pixels = image(&mut ChaCha8Rng::seed_from_u64(11), graph.input().shape);
    let image = match graph.input().kind {
        Kind::U8 => pixels,
        Kind::I8 => Tensor::I8(mapped(&pixels, |v| i8::try_from(i16::from(v) - 128).unwrap())),
        _ => Tensor::F32(mapped(&pixels, |v| f32::from(v) / 64.0 - 2.0)),
    };
    let plain = graph.pass(&image, Engine::Reference, &mut NullSink).unwrap();
    for isa in [Isa::best(), Isa::Portable] {
        let fast = graph.pass(&image, Engine::Fast(isa), &mut NullSink).unwrap();
        assert!(bits(&fast.features) == bits(&plain.features), "{name} {isa:?}: features");
        assert!(bits(&fast.output) == bits(&plain.output), "{name} {isa:?}: output");
    }
    (image, plain)
}

/// Of every kind of layer one that is quickly done.
const QUICK: [&str; 7] = [
    "QuickNetSmall",
    "QuickNetLarge",
    "BiRealNet",
    "RealToBinaryNet",
    "BMXNet-ResNet18-CIFAR10",
    "ResNet-8",
    "MobileNetV1-0.25",
];

/// A size of images that each network must take or refuse with the way out; gives how many networks took it.
fn at_size([h, w]: [usize; 2], chosen: impl Fn(&&networks::Architecture) -> bool) -> usize {
    let mut taken = 0;
    for a in networks::ARCHITECTURES.iter().filter(chosen) {
        let options = networks::Options { input: [h, w, a.input[2]], ..a.options() };
        match a.build(options, &mut networks::Random::new(5)).and_then(|built| Graph::new(built.spec)) {
            Ok(graph) => {
                agreed(&format!("{} at {h} × {w}", a.name), &graph);
                taken += 1;
            }
            Err(refused) => assert!(matches!(refused, NnError::InputSize { .. }), "{}, {h} × {w}: {refused}", a.name),
        }
    }
    taken
}

#[test]
fn odd_sizes_of_networks_of_every_kind() {
    assert_eq!(at_size([33, 34], |a| QUICK.contains(&a.name)), QUICK.len());
}

#[test]
#[ignore = "the plain kernels take a minute"]
fn odd_sizes_of_every_network_that_takes_them() {
    assert!(at_size([33, 50], |a| a.input[0] >= 28 && !LARGE.contains(&a.name)) >= 12);
    assert_eq!(at_size([75, 106], |a| QUICK.contains(&a.name)), QUICK.len());
}

fn mapped<T: Copy + Default>(pixels: &Tensor, of: impl Fn(u8) -> T) -> Map<T> {
    let Tensor::U8(map) = pixels else { panic!("an image") };
    Map::new(map.shape(), map.data().iter().map(|v| of(*v)).collect()).unwrap()
}

/// Networks whose dense layers fix their size, with 60 million latent weights each: apart, so that another core takes them.
const LARGE: [&str; 2] = ["XNORNet", "BinaryAlexNet"];

/// Every second of the others, so that two cores take them.
fn every_second(from: usize) {
    networks::ARCHITECTURES.iter().filter(|a| !LARGE.contains(&a.name)).skip(from).step_by(2).for_each(whole_network);
}

#[test]
fn every_network_gives_on_fast_kernels_what_it_gives_on_plain_ones() {
    every_second(0);
}

#[test]
fn every_other_network_gives_on_fast_kernels_what_it_gives_on_plain_ones() {
    every_second(1);
}

#[test]
fn large_networks_give_on_fast_kernels_what_they_give_on_plain_ones() {
    LARGE.iter().filter_map(|name| networks::find(name)).for_each(whole_network);
}
