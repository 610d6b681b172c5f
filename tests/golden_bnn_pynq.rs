//! Networks that nobody here trained, over complete test sets: counts and scores as published and as an independent numpy
//! implementation computed them (`../shared/data/README.md`). Skipped where the data are absent.

use std::path::{Path, PathBuf};
use tinyprec::nn::{Engine, Graph, Shape, Tensor};
use tinyprec::run::evaluate::{Evaluation, evaluate};
use tinyprec::trace::{CallLog, NullSink, Op};
use tinyprec::{data, import};

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

fn load(model: &str, set: &str) -> Option<(Graph, data::Dataset)> {
    let (model, set) = (shared(&format!("weights/{model}.safetensors"))?, shared(set)?);
    Some((import::load(&model).unwrap(), data::load(&set).unwrap()))
}

fn eval(model: &str, set: &str) -> Option<Evaluation> {
    let (graph, data) = load(model, set)?;
    Some(evaluate(&graph, &data, false, |_| {}).unwrap())
}

#[test]
fn cnv_w1a1_gets_7922_of_10000_and_the_golden_scores() {
    let Some(found) = eval("cifar10__cnvW1A1", "cifar10/test_10000.bin") else { return };
    assert_eq!((found.correct, found.total), (Some(7922), 10000));
    let golden = std::fs::read_to_string(shared("weights/golden_cnvW1A1_first100.csv").unwrap()).unwrap();
    let rows: Vec<Vec<f64>> =
        golden.lines().skip(1).map(|l| l.split(',').map(|v| v.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 100);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(&row[1..], found.image_scores(i), "image {i}");
    }
}

#[test]
fn cnv_w1a2_gets_8266_of_10000() {
    let Some(found) = eval("cifar10__cnvW1A2", "cifar10/test_10000.bin") else { return };
    assert_eq!((found.correct, found.total), (Some(8266), 10000));
}

#[test]
fn lfc_w1a1_gets_9834_of_10000_by_the_largest_margin() {
    let Some(found) = eval("mnist__lfcW1A1", "mnist") else { return };
    assert_eq!((found.correct, found.total), (Some(9834), 10000));
}

#[test]
fn plain_loops_and_every_instruction_set_agree_on_real_networks() {
    for (model, set, n) in [
        ("cifar10__cnvW1A1", "cifar10/test_10000.bin", 1),
        ("cifar10__cnvW1A2", "cifar10/test_10000.bin", 1),
        ("mnist__lfcW1A1", "mnist", 2),
    ] {
        let Some((graph, data)) = load(model, set) else { return };
        let [h, w, c] = data.shape();
        for i in 0..n {
            let image = Tensor::image(Shape::new(h, w, c), &data.image(i).unwrap().pixels).unwrap();
            let plain = graph.pass(&image, Engine::Reference, &mut NullSink).unwrap();
            for isa in tinyprec::bits::Isa::available() {
                assert_eq!(graph.pass(&image, Engine::Fast(isa), &mut NullSink).unwrap(), plain, "{model} {isa:?}");
            }
        }
    }
}

#[test]
fn calls_from_shapes_and_from_execution_are_equal_and_fused() {
    let Some((graph, data)) = load("cifar10__cnvW1A2", "cifar10/test_10000.bin") else { return };
    let image = Tensor::image(Shape::new(32, 32, 3), &data.image(0).unwrap().pixels).unwrap();
    let mut log = CallLog::default();
    graph.pass(&image, Engine::best(), &mut log).unwrap();
    assert_eq!(log.calls(), graph.calls());
    let ops: Vec<Op> = graph.calls().iter().map(|c| c.op).collect();
    assert_eq!(ops[..4], [Op::Lookup, Op::InputConvThreshold, Op::BinaryConvThreshold, Op::MaxPoolBits]);
    assert!(!ops.contains(&Op::Threshold), "every threshold is fused: {ops:?}");
}

#[test]
fn saved_as_our_own_format_the_networks_stay_the_same_and_so_do_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    for model in ["cifar10__cnvW1A1", "cifar10__cnvW1A2", "mnist__lfcW1A1"] {
        let Some(path) = shared(&format!("weights/{model}.safetensors")) else { return };
        let graph = import::load(&path).unwrap();
        let (a, b) = (dir.path().join("a.safetensors"), dir.path().join("b.safetensors"));
        import::save_graph(&graph, &a).unwrap();
        let again = import::load(&a).unwrap();
        assert_eq!(again.spec(), graph.spec());
        import::save_graph(&again, &b).unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    }
}
