//! BMXNet's published binary ResNet-18 (`../shared/data/README.md`): CIFAR-10 by its pretrained weights, ImageNet's at any
//! size. Skipped where the data are absent.

use std::path::{Path, PathBuf};
use tinyprec::data::{self, Dataset};
use tinyprec::import::{self, LoadOptions};
use tinyprec::nn::{Graph, Tensor, networks};
use tinyprec::run::evaluate::evaluate;

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

fn cifar10() -> Option<(Graph, Dataset)> {
    let (model, set) = (shared("weights/cifar10__bmxnet_resnet18.safetensors")?, shared("cifar10/test_10000.bin")?);
    Some((import::load(&model).unwrap(), data::load(&set).unwrap()))
}

fn correct(graph: &Graph, set: &Dataset, every: usize) -> usize {
    let kept: Vec<usize> = (0..set.len()).step_by(every).collect();
    evaluate(graph, &set.select(&kept).unwrap(), false, |_| {}).unwrap().correct.unwrap()
}

#[test]
fn a_hundred_cifar10_images_are_told_apart() {
    let Some((graph, set)) = cifar10() else { return };
    let found = correct(&graph, &set, 100);
    assert!((78..=92).contains(&found), "{found} of 100; 85 % of every fifth are right");
}

#[test]
#[ignore = "2000 images"]
fn every_fifth_cifar10_image_gives_the_published_weights_accuracy() {
    let Some((graph, set)) = cifar10() else { return };
    // The count of tests/peers/bmxnet_resnet18.py in f64.
    assert_eq!(correct(&graph, &set, 5), 1699);
}

#[test]
fn the_file_is_the_network_of_the_list() {
    for (file, name) in [
        ("weights/cifar10__bmxnet_resnet18.safetensors", "BMXNet-ResNet18-CIFAR10"),
        ("weights/imagenet__bmxnet_resnet18_fp_stage1.safetensors", "BMXNet-ResNet18"),
    ] {
        let Some(path) = shared(file) else { return };
        let a = networks::find(name).unwrap();
        let listed = Graph::new(a.build(a.options(), &mut networks::Shapes).unwrap().spec).unwrap();
        assert_eq!(import::load(&path).unwrap().calls(), listed.calls(), "{name}");
    }
}

#[test]
fn imagenets_network_gives_features_of_images_of_128_pixels() {
    let Some(path) = shared("weights/imagenet__bmxnet_resnet18_fp_stage1.safetensors") else { return };
    let wanted = LoadOptions { input: Some([128, 128]), ..LoadOptions::default() };
    let graph = import::load_with(&path, &wanted).unwrap();
    let shape = graph.input().shape;
    let image = Tensor::image(shape, &vec![100; shape.len()]).unwrap();
    assert_eq!(graph.features(&image).unwrap().shape().len(), 512);
}

/// Published weights, not random ones: batch normalisations of trained layers have negative factors and thresholds beyond every sum.
#[test]
fn published_weights_give_the_same_bits_behind_thresholds() {
    let graph = |file, input| {
        Some(import::load_with(&shared(file)?, &LoadOptions { input, ..LoadOptions::default() }).unwrap())
    };
    let small = graph("weights/cifar10__bmxnet_resnet18.safetensors", None).map(|g| (g, 15, 10));
    let large = graph("weights/imagenet__bmxnet_resnet18_fp_stage1.safetensors", Some([64, 64])).map(|g| (g, 11, 2));
    for (graph, layers, images) in small.into_iter().chain(large) {
        let folded = graph.with_thresholds().unwrap();
        assert_eq!(graph.spec().nodes.len() - folded.spec().nodes.len(), layers);
        let shape = graph.input().shape;
        for seed in 0..images {
            let pixels: Vec<u8> =
                (0..shape.len()).map(|i| (i * (2 * seed + 37) + i / 96 * 11).to_le_bytes()[0]).collect();
            let image = [Tensor::image(shape, &pixels).unwrap()];
            let (one, other) = (graph.passes(&image).unwrap(), folded.passes(&image).unwrap());
            let bits = |t: &Tensor| t.reals().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one[0].output), bits(&other[0].output), "scores of image {seed}");
            assert_eq!(bits(&one[0].features), bits(&other[0].features), "features of image {seed}");
        }
    }
    let Some((graph, set)) = cifar10() else { return };
    let folded = graph.with_thresholds().unwrap();
    assert_eq!(correct(&folded, &set, 100), correct(&graph, &set, 100), "of a hundred photographs");
}
