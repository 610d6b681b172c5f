//! TensorFlow Lite files against TensorFlow Lite's reference kernels and Larq Compute Engine, bit for bit.

use safetensors::SafeTensors;
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
    assert!(cases.len() > 60);
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
            let found = raw(&pass(&graph, &image(&graph, &field("input")), engine()).output);
            let differ = found.iter().zip(field("output")).filter(|(a, b)| **a != *b).count();
            if differ > 0 || found.len() != field("output").len() {
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
