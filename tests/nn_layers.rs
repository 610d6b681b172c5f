//! Layers that join, scale and sum floats: values by hand, the same from every engine, the same again from a saved file.

use std::path::PathBuf;
use tinyprec::bits::Isa;
use tinyprec::import;
use tinyprec::nn::{
    BitFilters, Engine, FilterSize, Graph, GraphSpec, Kind, Layer, Map, NnError, OutputTransform, RELU_CLAMP, Shape,
    Source, Tensor, TensorType, Window,
};
use tinyprec::trace::{CallLog, NullSink, Op};

fn floats(shape: Shape, values: &[f32]) -> Tensor {
    Tensor::F32(Map::new(shape, values.to_vec()).unwrap())
}

fn over(shape: Shape) -> GraphSpec {
    let mut spec = GraphSpec::new("t", shape);
    spec.input = TensorType::new(shape, Kind::F32);
    spec
}

/// Runs on every engine, through a file and back, and gives the values.
fn values(spec: GraphSpec, image: &Tensor) -> Vec<f64> {
    let graph = Graph::new(spec).unwrap();
    let plain = graph.pass(image, Engine::Reference, &mut NullSink).unwrap();
    for isa in Isa::available() {
        let mut log = CallLog::default();
        assert_eq!(graph.pass(image, Engine::Fast(isa), &mut log).unwrap(), plain, "{isa:?}");
        assert_eq!(log.calls(), graph.calls(), "{isa:?}");
    }
    let file: PathBuf = std::env::temp_dir().join(format!(
        "tinyprec-nn-layers-{}-{:?}.safetensors",
        std::process::id(),
        std::thread::current().id()
    ));
    import::save_graph(&graph, &file).unwrap();
    assert_eq!(import::load(&file).unwrap().spec(), graph.spec());
    std::fs::remove_file(file).unwrap();
    plain.output.reals()
}

#[test]
fn channels_are_shifted_gated_joined_cut_and_added() {
    let shape = Shape::new(1, 2, 2);
    let image = floats(shape, &[1.0, -2.0, 3.0, 0.5]);
    let at = Source::Node;
    let spec = over(shape)
        .then("shift", Layer::Bias { bias: vec![0.5, -1.0] })
        .then("mean", Layer::GlobalAvgPool)
        .node("gate", Layer::Gate, &[at(0), at(1)])
        .node("join", Layer::Concat, &[at(2), at(0), Source::Image])
        .then("cut", Layer::Slice { start: 1, len: 3 })
        .node("tail", Layer::AddLast, &[at(4), at(2)]);
    // shift: (1.5, −3) (3.5, −0.5); mean: 2.5, −1.75; gate: (3.75, 5.25) (8.75, 0.875).
    let expected = [5.25, 1.5 + 3.75, -3.0 + 5.25, 0.875, 3.5 + 8.75, -0.5 + 0.875];
    assert_eq!(values(spec, &image), expected);
}

#[test]
fn sigmoid_is_exact_where_it_must_be_and_monotone() {
    let xs: Vec<f32> = (-200..=200).map(|i| i as f32 / 2.0).collect();
    let image = floats(Shape::new(1, 1, xs.len()), &xs);
    let found = values(over(image.shape()).then("s", Layer::Sigmoid), &image);
    assert_eq!((found[0], found[200], found[400]), (0.0, 0.5, 1.0));
    assert!(found.windows(2).all(|w| w[0] <= w[1]));
    for (x, y) in xs.iter().zip(&found) {
        let exact = 1.0 / (1.0 + (-f64::from(*x)).exp());
        assert!((y - exact).abs() <= 2e-7 * exact.max(1e-30), "sigmoid({x}) = {y}, exactly {exact}");
    }
}

#[test]
fn tanh_is_odd_and_close_and_hard_swish_is_its_formula() {
    let xs: Vec<f32> = (-200..=200).map(|i| i as f32 / 20.0).collect();
    let image = floats(Shape::new(1, 1, xs.len()), &xs);
    let found = values(over(image.shape()).then("t", Layer::Tanh), &image);
    assert_eq!((found[0], found[200], found[400]), (-1.0, 0.0, 1.0));
    for (x, y) in xs.iter().zip(&found) {
        assert!((y - f64::from(*x).tanh()).abs() <= 2f64.powi(-22), "tanh({x}) = {y}");
    }
    let found = values(over(image.shape()).then("h", Layer::HardSwish), &image);
    assert_eq!([found[0], found[140], found[200], found[260], found[400]], [0.0, 0.0, 0.0, 3.0, 10.0]);
    // −1·2/6 and 1·4/6, rounded to f32 once each.
    assert_eq!([found[180], found[220]], [f64::from(-2f32 / 6.0), f64::from(4f32 / 6.0)]);
}

#[test]
fn bases_of_filters_add_up_with_their_coefficients_and_transforms_fuse() {
    // One pixel of two signs under two banks of two filters: sums (2, 0 | 0, −2).
    let size = FilterSize { out: 4, taps: 1, ic: 2 };
    let weights = BitFilters::from_values(size, &[1, 1, 1, -1, -1, 1, -1, -1], "w").unwrap();
    let conv = || {
        over(Shape::new(1, 1, 2))
            .then("sign", Layer::Sign)
            .then("conv", Layer::BinaryConv { weights: weights.clone(), window: Window::valid(1, 1) })
    };
    let image = floats(Shape::new(1, 1, 2), &[0.0, -0.0]);
    let banks = Layer::CombineBases { bases: 2, coefficients: vec![0.5, 3.0, 0.25, -1.5] };
    assert_eq!(values(conv().then("sum", banks), &image), [1.0, 3.0]);

    let relu = OutputTransform { clamp: RELU_CLAMP, base: 1, mul: vec![0.5; 4], add: vec![0.0, 1.0, 2.0, 3.0] };
    let spec = conv().then("transform", Layer::OutputTransform(relu));
    let graph = Graph::new(spec.clone()).unwrap();
    assert_eq!(graph.calls().iter().map(|c| c.op).collect::<Vec<_>>(), [Op::Sign, Op::BinaryConvTransform]);
    assert_eq!(values(spec, &image), [0.5, 0.5, 1.5, 2.5]);

    let pooled = conv().then("max", Layer::MaxPool { window: Window::valid(1, 1) });
    assert_eq!(values(pooled, &image), [2.0, 0.0, 0.0, -2.0]);
    let signs = over(Shape::new(1, 1, 2)).then("c", Layer::SignConv { weights, window: Window::valid(1, 1) });
    assert_eq!(values(signs, &floats(Shape::new(1, 1, 2), &[0.5, 2.0])), [2.5, -1.5, 1.5, -2.5]);
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_layer() {
    let shape = Shape::new(2, 2, 3);
    let wrong = |spec: GraphSpec| Graph::new(spec).unwrap_err().to_string();
    let gate = over(shape).node("g", Layer::Gate, &[Source::Image, Source::Image]);
    assert!(wrong(gate).contains("layer `g` (gate) cannot read f32 of 2x2x3; it reads f32 of 1x1x3 as its gate"));
    let slice = over(shape).then("s", Layer::Slice { start: 2, len: usize::MAX });
    assert!(wrong(slice).contains("a range within 3 channels"));
    assert!(wrong(over(shape).then("c", Layer::Concat)).contains("has 1 inputs, expected 2"));
    let transform = OutputTransform { clamp: [1, 0], base: 0, mul: vec![1.0; 3], add: vec![0.0; 3] };
    let mut spec = GraphSpec::new("t", shape);
    spec.input = TensorType::new(shape, Kind::F32);
    let weights = BitFilters::from_values(FilterSize { out: 3, taps: 1, ic: 3 }, &[1; 9], "w").unwrap();
    let spec = spec
        .then("sign", Layer::Sign)
        .then("conv", Layer::BinaryConv { weights, window: Window::valid(1, 1) })
        .then("t", Layer::OutputTransform(transform));
    assert!(wrong(spec).contains("low at most high"));
}

#[test]
fn a_network_of_shapes_counts_but_does_not_run() {
    let shape = Shape::new(1, 1, 2);
    let mut spec = over(shape).then("b", Layer::Bias { bias: vec![0.0; 2] });
    spec.shapes_only = true;
    let graph = Graph::new(spec).unwrap();
    assert_eq!(graph.weight_bytes(), 8);
    assert_eq!(graph.run(&floats(shape, &[0.0; 2])), Err(NnError::NoWeights("t".into())));
    let nowhere = std::env::temp_dir().join("tinyprec-never-written.safetensors");
    assert!(import::save_graph(&graph, &nowhere).is_err() && !nowhere.exists());
}
