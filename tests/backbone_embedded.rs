//! The committed backbone on the committed data: what it is, how large, and exactly what it says.

use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::io::Read;
use tinyprec::import;
use tinyprec::nn::{Graph, Shape, Tensor};

const AREA: usize = 28 * 28;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The values of a gzip-compressed idx file behind its `header` bytes.
fn idx(name: &str, header: usize) -> Vec<u8> {
    let path = root("experiments/data/mnist").join(name);
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes.split_off(header)
}

fn backbone() -> Graph {
    import::load(&root("experiments/backbones/mnist-bcnn.safetensors")).unwrap()
}

/// ±1 features of all images of a part, and their labels.
fn features(graph: &Graph, part: &str) -> (Vec<Vec<i32>>, Vec<u8>) {
    let pixels = idx(&format!("{part}-images-idx3-ubyte.gz"), 16);
    let labels = idx(&format!("{part}-labels-idx1-ubyte.gz"), 8);
    let one = |image: &[u8]| {
        let image = Tensor::image(Shape::new(28, 28, 1), image).unwrap();
        graph.features(&image).unwrap().integers().unwrap()
    };
    (pixels.par_chunks_exact(AREA).map(one).collect(), labels)
}

#[test]
fn is_small_and_names_the_classes_that_it_saw() {
    let path = root("experiments/backbones/mnist-bcnn.safetensors");
    assert!(std::fs::metadata(path).unwrap().len() <= 60_000);
    let graph = backbone();
    assert_eq!(graph.input().shape, Shape::new(28, 28, 1));
    assert_eq!(graph.feature_type().shape, Shape::new(3, 3, 64));
    assert_eq!(graph.spec().trained_classes, [0, 1, 2, 3]);
    assert!(graph.spec().notes.contains("seed 1"), "{}", graph.spec().notes);
}

#[test]
fn the_data_are_the_original_test_set_and_a_balanced_training_set() {
    let digest = |bytes: Vec<u8>| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let test = digest(idx("t10k-images-idx3-ubyte.gz", 0));
    assert_eq!(test, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7");
    let labels = idx("train-labels-idx1-ubyte.gz", 8);
    assert!((0..10).all(|digit| labels.iter().filter(|&&l| l == digit).count() == 800));
    assert_eq!(idx("train-images-idx3-ubyte.gz", 16).len(), 8000 * AREA);
}

/// Nearest class mean in exact integers, on all ten digits, six of which the backbone never saw.
#[test]
fn a_nearest_mean_classifier_on_its_features_gives_the_recorded_count() {
    let graph = backbone();
    let (train, labels) = features(&graph, "train");
    let mut sums = vec![vec![0i64; train[0].len()]; 10];
    for (x, &label) in train.iter().zip(&labels) {
        for (sum, &v) in sums[usize::from(label)].iter_mut().zip(x) {
            *sum += i64::from(v);
        }
    }
    // |x − s/n|² is least where 2n·x·s − |s|² is greatest; n = 800 for every class.
    let squares: Vec<i64> = sums.iter().map(|s| s.iter().map(|v| v * v).sum()).collect();
    let score = |x: &[i32], c: usize| {
        let dot: i64 = sums[c].iter().zip(x).map(|(s, &v)| s * i64::from(v)).sum();
        1600 * dot - squares[c]
    };
    let (test, labels) = features(&graph, "t10k");
    let right = test.iter().zip(&labels).filter(|(x, label)| {
        let best = (0..10).rev().max_by_key(|&c| score(x, c)).unwrap();
        best == usize::from(**label)
    });
    assert_eq!(right.count(), RIGHT);
    let bits: Vec<u8> = test.iter().flatten().map(|&v| u8::from(v < 0)).collect();
    let digest: String = Sha256::digest(bits).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(digest, DIGEST);
}

/// Test images of 10,000 that the nearest-mean classifier gets right.
const RIGHT: usize = 9_216;
/// SHA-256 of all test features, one byte a feature (1 = −1), image by image, (y, x, channel).
const DIGEST: &str = "8100119da66c5afa321b18aeeb6e9c9c50dc5d361ff0f92380e3b2acc0043346";
