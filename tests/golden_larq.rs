//! Networks with TensorFlow's and Larq Compute Engine's own numbers (`../shared/data/larq/README.md`), every case that is there:
//! each binary convolution's input bits give the very sums; with dyadic weights (mode `exact`) every map and the features are
//! bit-identical from the image on. Skipped where the data are absent.

use safetensors::SafeTensors;
use std::path::{Path, PathBuf};
use tinyprec::import::{self, LoadOptions};
use tinyprec::nn::{Engine, Graph, GraphSpec, Kind, Layer, Map, Shape, Source, Tensor, TensorType};
use tinyprec::trace::NullSink;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/larq")
}

/// The case's floats.
fn floats(case: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    case.tensor(name).unwrap().data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

struct Case {
    name: String,
    exact: bool,
    bytes: Vec<u8>,
    graph: Graph,
}

/// All cases whose weights are there too, loaded as float networks of the case's size.
fn cases() -> Vec<Case> {
    let Ok(entries) = std::fs::read_dir(folder()) else {
        eprintln!("skipped: {} is not here", folder().display());
        return Vec::new();
    };
    let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let mut cases = Vec::new();
    for name in names.iter().filter(|n| n.starts_with("case_")) {
        let parts: Vec<&str> = name.trim_end_matches(".safetensors").split('_').collect();
        let (network, mode) = (parts[1], parts[2]);
        let weights = folder().join(format!("weights_{network}_{mode}.safetensors"));
        if !weights.exists() {
            eprintln!("skipped: {} is not here", weights.display());
            continue;
        }
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let case = SafeTensors::deserialize(&bytes).unwrap();
        let shape = case.tensor("input").unwrap().shape().to_vec();
        let wanted = LoadOptions { input: Some([shape[1], shape[2]]), pixels: false };
        let graph = import::load_with(&weights, &wanted).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(graph.name(), network);
        cases.push(Case { name: name.clone(), exact: mode == "exact", bytes, graph });
    }
    cases
}

/// The node of that name, alone, reading a map of signs.
fn alone(graph: &Graph, name: &str, shape: Shape) -> Graph {
    let node = graph.spec().nodes.iter().find(|n| n.name == name).unwrap_or_else(|| panic!("no layer `{name}`"));
    let mut spec = GraphSpec::new(name, shape).then("sign", Layer::Sign).then("layer", node.layer.clone());
    spec.input = TensorType::new(shape, Kind::F32);
    Graph::new(spec).unwrap()
}

#[test]
fn input_bits_of_every_binary_convolution_give_the_sums() {
    for Case { name, bytes, graph, .. } in cases() {
        let case = SafeTensors::deserialize(&bytes).unwrap();
        let layers: Vec<&str> = case.names().iter().filter_map(|n| n.strip_suffix("/in_bits")).collect();
        for layer in &layers {
            let bits = case.tensor(&format!("{layer}/in_bits")).unwrap();
            let acc = case.tensor(&format!("{layer}/acc")).unwrap();
            let Some(Layer::BinaryConv { weights, .. }) =
                graph.spec().nodes.iter().find(|n| n.name == *layer).map(|n| &n.layer)
            else {
                panic!("{name}: `{layer}` is no binary convolution here");
            };
            let ic = weights.size().ic;
            let shape = Shape::new(bits.shape()[0], bits.shape()[1], ic);
            let words: Vec<u32> = bits.data().as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
            let negative = |i: usize| words[i / ic * bits.shape()[2] + i % ic / 32] >> (i % ic % 32) & 1 == 1;
            let signs = (0..shape.len()).map(|i| if negative(i) { -1.0 } else { 1.0 }).collect();
            let image = Tensor::F32(Map::new(shape, signs).unwrap());
            let expected: Vec<i32> =
                acc.data().as_chunks().0.iter().map(|b| i32::from(i16::from_le_bytes(*b))).collect();
            let found = alone(&graph, layer, shape).run(&image).unwrap();
            assert_eq!(found.integers().unwrap(), expected, "{name}: {layer}");
        }
        eprintln!("{name}: {} binary convolutions equal", layers.len());
    }
}

#[test]
fn exact_cases_are_bit_identical_end_to_end() {
    for Case { name, exact, bytes, graph } in cases() {
        let case = SafeTensors::deserialize(&bytes).unwrap();
        let shape = graph.input().shape;
        let image = Tensor::F32(Map::new(shape, floats(&case, "input")).unwrap());
        let pass = graph.pass(&image, Engine::best(), &mut NullSink).unwrap();
        let (features, expected) = (pass.features.reals(), floats(&case, "feature"));
        if exact {
            assert!(features.iter().zip(&expected).all(|(a, b)| *a == f64::from(*b)), "{name}: features");
            check_maps(&name, &case, &graph, &image);
        }
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let wide: Vec<f64> = expected.iter().map(|v| f64::from(*v)).collect();
        let cosine = dot(&features, &wide) / (dot(&features, &features) * dot(&wide, &wide)).sqrt();
        // Real weights: values near zero flip between any two engines that add in another order.
        assert!(cosine > 0.99, "{name}: cosine of the features {cosine}");
        let logits: Vec<f64> = floats(&case, "logits").iter().map(|v| f64::from(*v)).collect();
        let spread = logits.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        if exact {
            for (a, b) in pass.output.reals().iter().zip(&logits) {
                assert!((a - b).abs() <= 1e-5 * spread, "{name}: logits {a} and {b}");
            }
        }
        eprintln!("{name}: {} features, exact: {exact}, cosine {cosine:.9}", features.len());
    }
}

/// Every float map that the case has, from a network cut off after it.
fn check_maps(name: &str, case: &SafeTensors<'_>, graph: &Graph, image: &Tensor) {
    for layer in case.names().iter().filter_map(|n| n.strip_suffix("/out")) {
        let Some(at) = graph.spec().nodes.iter().position(|n| n.name == layer) else { continue };
        let mut spec = graph.spec().clone();
        spec.nodes.truncate(at + 1);
        spec.classifier = None;
        let found = Graph::new(spec).unwrap().run(image).unwrap();
        let expected: Vec<f64> = floats(case, &format!("{layer}/out")).iter().map(|v| f64::from(*v)).collect();
        assert_eq!(found.reals(), expected, "{name}: {layer}");
        eprintln!("{name}: map `{layer}` equal");
    }
}

#[test]
fn a_network_loaded_for_pixels_scales_them_first() {
    let path = folder().join("weights_QuickNetSmall_exact.safetensors");
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return;
    }
    let wanted = LoadOptions { input: Some([64, 64]), ..LoadOptions::default() };
    let graph = import::load_with(&path, &wanted).unwrap();
    let first = &graph.spec().nodes[0];
    assert_eq!((first.name.as_str(), first.inputs[0]), ("preprocess", Source::Image));
    let image = Tensor::image(graph.input().shape, &vec![128; graph.input().shape.len()]).unwrap();
    assert_eq!(graph.features(&image).unwrap().shape().len(), 512);
    let small = import::load_with(&path, &LoadOptions { input: Some([8, 8]), ..wanted }).unwrap_err().to_string();
    assert!(small.contains("sides that work"), "{small}");
}
