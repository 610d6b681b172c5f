//! TensorFlow Lite files against TensorFlow Lite's reference kernels and Larq Compute Engine, bit for bit.

use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tinyprec::import;
use tinyprec::nn::{Engine, Graph, Kind, Layer, Map, Pass, Tensor};
use tinyprec::trace::NullSink;

const ENGINES: [fn() -> Engine; 2] = [|| Engine::Reference, Engine::best];

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
    }
    path.exists().then_some(path)
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |b: u8| u8::try_from(char::from(b).to_digit(16).unwrap()).unwrap();
    text.as_bytes().chunks_exact(2).map(|p| digit(p[0]) << 4 | digit(p[1])).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// An image of the graph's type from raw bytes.
fn image(graph: &Graph, bytes: &[u8]) -> Tensor {
    let shape = graph.input().shape;
    match graph.input().kind {
        Kind::F32 => Tensor::F32(Map::new(shape, floats(bytes)).unwrap()),
        Kind::I8 => Tensor::I8(Map::new(shape, bytes.iter().map(|b| b.cast_signed()).collect()).unwrap()),
        other => panic!("an input of {other}"),
    }
}

/// A tensor's raw bytes, the sign of zero left out.
fn raw(tensor: &Tensor) -> Vec<u8> {
    match tensor {
        Tensor::F32(m) => m.data().iter().flat_map(|v| (v + 0.0).to_le_bytes()).collect(),
        Tensor::I8(m) => m.data().iter().map(|v| v.cast_unsigned()).collect(),
        other => panic!("an output of {}", other.ty()),
    }
}

fn pass(graph: &Graph, image: &Tensor, engine: Engine) -> Pass {
    graph.pass(image, engine, &mut NullSink).unwrap()
}

#[test]
fn every_operator_equals_the_reference_kernels() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tflite_ops.json"));
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text.unwrap()).unwrap();
    assert!(cases.len() > 90, "{}", cases.len());
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("case.tflite");
    let again = scratch.path().join("again.safetensors");
    let mut wrong = Vec::new();
    for case in &cases {
        let field = |name: &str| hex(case[name].as_str().unwrap());
        let name = case["name"].as_str().unwrap();
        std::fs::write(&file, field("model")).unwrap();
        let graph = match import::load(&file) {
            Ok(graph) => graph,
            Err(e) => {
                wrong.push(format!("{name}: {e}"));
                continue;
            }
        };
        import::save_graph(&graph, &again).unwrap();
        assert_eq!(import::load(&again).unwrap().spec(), graph.spec(), "{name}: our own format gives it back");
        for engine in ENGINES {
            let output = pass(&graph, &image(&graph, &field("input")), engine()).output;
            let expected = match &output {
                Tensor::F32(m) => raw(&Tensor::F32(Map::new(m.shape(), floats(&field("output"))).unwrap())),
                _ => field("output"),
            };
            let found = raw(&output);
            let differ = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
            if differ > 0 || found.len() != expected.len() {
                wrong.push(format!("{name} ({:?}): {differ} of {} differ", engine(), found.len()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Features and the sums before the scores of a converted network, as the engine itself gave them.
fn lce(net: &str) -> Option<()> {
    let file = shared(&format!("larq/lce_{net}_exact_224x224.tflite"))?;
    let (stored, input) = (
        std::fs::read(shared(&format!("larq/lce_{net}_exact_224x224.safetensors"))?).unwrap(),
        std::fs::read(shared(&format!("larq/case_{net}_exact_224x224_io.safetensors"))?).unwrap(),
    );
    let (stored, input) = (SafeTensors::deserialize(&stored).unwrap(), SafeTensors::deserialize(&input).unwrap());
    let graph = import::load(&file).unwrap();
    let convolutions = graph.spec().nodes.iter().filter(|n| matches!(n.layer, Layer::BinaryConv { .. })).count();
    assert_eq!(convolutions, 16);
    let found = pass(&graph, &image(&graph, input.tensor("input").unwrap().data()), Engine::best());
    let zeroed = |bytes: &[u8]| floats(bytes).into_iter().flat_map(|v| (v + 0.0).to_le_bytes()).collect::<Vec<u8>>();
    for engine in ["reference", "bgemm", "indirect"] {
        let features = stored.tensor(&format!("{engine}/feature")).unwrap();
        assert_eq!(raw(&found.features), zeroed(features.data()), "{net}: features of {engine}");
    }
    let logits = floats(stored.tensor("reference/logits").unwrap().data());
    let range = logits.iter().fold(0f32, |m, v| m.max(v.abs()));
    let Tensor::F32(output) = &found.output else { panic!("scores are floats") };
    for (a, b) in output.data().iter().zip(&logits) {
        assert!((a - b).abs() <= 1e-6 * range, "{net}: score {a}, the engine's {b}");
    }
    Some(())
}

#[test]
fn quicknet_small_from_its_tflite_file_gives_the_engines_features() {
    lce("QuickNetSmall");
}

#[test]
fn birealnet_from_its_tflite_file_gives_the_engines_features() {
    lce("BiRealNet");
}

#[test]
fn stored_thresholds_and_flipped_filters_give_the_engines_maps() {
    let (Some(file), Some(stored)) = (shared("larq/toy_thresholds.tflite"), shared("larq/toy_thresholds.safetensors"))
    else {
        return;
    };
    let stored = std::fs::read(stored).unwrap();
    let stored = SafeTensors::deserialize(&stored).unwrap();
    let graph = import::load(&file).unwrap();
    let x = image(&graph, stored.tensor("input").unwrap().data());
    // Signs after each batch normalisation, by cutting the network there.
    for (threshold, map) in [
        ("lcebconv2d_1", "batch_normalization"),
        ("lcebconv2d_2", "batch_normalization_1"),
        ("lcebmaxpool2d_3", "max_pooling2d"),
        ("lcebconv2d_4", "batch_normalization_2"),
    ] {
        let mut spec = graph.spec().clone();
        let end = spec.nodes.iter().position(|n| n.name == threshold).unwrap();
        spec.nodes.truncate(end + 1);
        spec.classifier = None;
        let expected = floats(stored.tensor(&format!("{map}/out")).unwrap().data());
        let expected: Vec<i32> = expected.into_iter().map(|v| if v < 0.0 { -1 } else { 1 }).collect();
        let cut = Graph::new(spec).unwrap();
        for engine in ENGINES {
            assert_eq!(pass(&cut, &x, engine()).output.integers().unwrap(), expected, "{map}");
        }
    }
    for name in ["out_ref", "out_bgemm", "out_indirect", "batch_normalization_3/out"] {
        assert_eq!(raw(&pass(&graph, &x, Engine::best()).output), stored.tensor(name).unwrap().data(), "{name}");
    }
}

/// Runs images and gives the hash of all outputs and how many labels were found.
fn digest(graph: &Graph, images: impl Iterator<Item = (Vec<u8>, u8)>) -> (usize, String, usize) {
    let (mut hash, mut correct, mut n) = (Sha256::new(), 0, 0);
    for (codes, label) in images {
        let scores = raw(&graph.run(&image(graph, &codes)).unwrap());
        let largest = (0..scores.len()).rev().max_by_key(|i| scores[*i].cast_signed());
        correct += usize::from(largest == Some(usize::from(label)));
        hash.update(&scores);
        n += 1;
    }
    (n, hash.finalize().iter().map(|b| format!("{b:02x}")).collect(), correct)
}

/// Holds a network to what `tests/peers/tflite_models.py` found.
fn published(model: &str, golden: &str, images: impl Iterator<Item = (Vec<u8>, u8)>) {
    let Some(file) = shared(&format!("mlperf_tiny/{model}")) else { return };
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tflite_models.json"));
    let found: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
    let expected = &found[golden];
    let (n, hash, correct) = digest(&import::load(&file).unwrap(), images);
    assert_eq!(n as u64, expected["images"].as_u64().unwrap());
    assert_eq!(hash, expected["sha256"].as_str().unwrap(), "{golden}");
    if expected["correct"] != 0 {
        assert_eq!(correct as u64, expected["correct"].as_u64().unwrap(), "{golden}");
    }
}

fn records(name: &str, size: usize) -> Vec<Vec<u8>> {
    let bytes = shared(name).map(|path| std::fs::read(path).unwrap()).unwrap_or_default();
    bytes.chunks_exact(size).map(<[u8]>::to_vec).collect()
}

#[test]
fn keyword_spotting_gives_the_reference_kernels_scores_on_all_records() {
    let records = records("mlperf_tiny/kws01_994.bin", 491);
    published("kws_ref_model.tflite", "kws_ref_model.tflite", records.into_iter().map(|r| (r[1..].to_vec(), r[0])));
}

/// Planes of bytes to pixels of codes.
fn cifar(n: usize) -> impl Iterator<Item = (Vec<u8>, u8)> {
    let codes = |r: Vec<u8>| ((0..3072).map(|i| r[1 + i % 3 * 1024 + i / 3] ^ 0x80).collect(), r[0]);
    records("cifar10/test_10000.bin", 3073).into_iter().take(n).map(codes)
}

#[test]
fn resnet_8_gives_the_reference_kernels_scores() {
    let model = "pretrainedResnet_quant.tflite";
    published(model, &format!("{model}, first 200"), cifar(200));
}

#[test]
#[ignore = "all 10 000 images: a minute"]
fn resnet_8_gives_the_reference_kernels_scores_on_the_whole_test_set() {
    published("pretrainedResnet_quant.tflite", "pretrainedResnet_quant.tflite", cifar(10_000));
}

#[test]
fn person_detection_gives_the_reference_kernels_scores() {
    let mut x = 1u32;
    let mut byte = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x.to_le_bytes()[2]
    };
    let images: Vec<_> = (0..8).map(|_| ((0..96 * 96 * 3).map(|_| byte()).collect(), 0)).collect();
    published("vww_96_int8.tflite", "vww_96_int8.tflite", images.into_iter());
}

/// Counted by hand: multiply-accumulates are: output pixels · outputs · taps of the file's filters · channels of a group.
#[test]
fn zeros_of_dilated_and_grouped_filters_count_nothing() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tflite_ops.json"));
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text.unwrap()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let (file, again) = (scratch.path().join("case.tflite"), scratch.path().join("again.safetensors"));
    for (name, macs, weights) in [
        ("conv of 1 groups, dilation 2", 9 * 8 * 3 * 9 * 4, 3 * 9 * 4),
        ("conv of 1 groups, dilation 3", 3 * 2 * 3 * 9 * 4, 3 * 9 * 4),
        ("conv of 3 groups, dilation 1", 9 * 8 * 9 * 9 * 4, 9 * 9 * 4),
        ("conv of 2 groups, dilation 2", 9 * 8 * 6 * 9 * 4, 6 * 9 * 4),
        ("depthwise, dilation 2", 9 * 8 * 5 * 9, 5 * 9),
    ] {
        let case = cases.iter().find(|c| c["name"] == name).unwrap();
        std::fs::write(&file, hex(case["model"].as_str().unwrap())).unwrap();
        let graph = import::load(&file).unwrap();
        import::save_graph(&graph, &again).unwrap();
        for counts in [graph.counts(), import::load(&again).unwrap().counts()] {
            assert_eq!((counts.macs()[&8], counts.weights()[&8]), (macs, weights), "{name}");
        }
    }
    // A constant of an addition is a map of its codes: a bias of four and no product.
    let case = cases.iter().find(|c| c["name"] == "add act0 of 4 constants").unwrap();
    std::fs::write(&file, hex(case["model"].as_str().unwrap())).unwrap();
    let counts = import::load(&file).unwrap().counts();
    assert_eq!((counts.macs(), counts.weights()), ([].into(), [(32, 4)].into()));
}
