//! The published networks: counts to the unit against Larq's own summaries and the authors' code.

use std::path::Path;
use std::process::Command;
use tinyprec::import;
use tinyprec::nn::{Graph, GraphSpec, Layer, Shape, networks};

/// Name; parameters as the framework counts them; with two vectors a batch normalisation; 1-bit and other weights; MiB, and
/// MiB with the others at 8 bits; binary and other multiply-accumulates. Rows of larq-zoo: `larq.models.summary` of larq 0.14.
type Row = (&'static str, u64, u64, u64, u64, &'static str, &'static str, u64, u64);

#[rustfmt::skip]
const TABLE: [Row; 14] = [
    ("QuickNetSmall", 12_664_344, 12_655_688, 11_980_800, 674_888, "4.003", "2.072", 1_156_055_040, 15_941_120),
    ("QuickNet", 13_243_720, 13_234_088, 12_533_760, 700_328, "4.166", "2.162", 1_849_688_064, 29_651_712),
    ("QuickNetLarge", 23_359_304, 23_342_248, 22_634_496, 707_752, "5.398", "3.373", 3_699_376_128, 29_651_712),
    ("BiRealNet", 11_699_112, 11_689_512, 10_985_472, 704_040, "3.995", "1.981", 1_676_279_808, 137_793_536),
    ("RealToBinaryNet", 11_995_624, 11_986_920, 10_985_472, 1_001_448, "5.130", "2.265", 1_676_279_808, 138_087_936),
    ("XNORNet", 62_396_768, 62_387_104, 58_236_928, 4_150_176, "22.774", "10.900", 1_025_744_896, 113_379_328),
    ("BinaryResNetE18", 11_699_368, 11_689_640, 10_985_472, 704_168, "3.996", "1.981", 1_676_279_808, 137_793_536),
    ("BinaryDenseNet28", 5_150_504, 5_131_496, 4_202_496, 929_000, "4.045", "1.387", 3_587_383_296, 202_484_224),
    ("BinaryDenseNet37", 8_734_120, 8_702_248, 7_593_984, 1_108_264, "5.133", "1.962", 4_506_808_320, 199_738_368),
    ("BinaryDenseNet45", 13_939_240, 13_889_512, 12_349_440, 1_540_072, "7.347", "2.941", 6_430_556_160, 244_103_424),
    ("MeliusNet22", 6_969_672, 6_944_584, 6_119_424, 825_160, "3.877", "1.516", 4_624_220_160, 136_388_608),
    ("BinaryAlexNet", 61_859_192, 61_848_720, 61_827_776, 20_944, "7.450", "7.390", 768_512_000, 72_855_552),
    ("ReActNet-A", 29_343_592 + 21_888, 29_343_592, 28_253_184, 1_090_408, "7.528", "4.408", 4_816_896_000, 11_862_016),
    ("ReActNet-ResNet18", 11_704_424 + 9_600, 11_704_424, 10_985_472, 718_952, "4.052", "1.995", 1_676_279_808, 137_793_536),
];

#[allow(clippy::cast_precision_loss)]
fn mib(bits: u64) -> String {
    format!("{:.3}", bits as f64 / 8.0 / f64::from(1 << 20))
}

#[test]
fn counts_equal_the_published_ones_to_the_unit() {
    for (name, framework, deployed, binary, float, size, size_int8, binary_macs, macs) in TABLE {
        let a = networks::find(name).unwrap();
        let built = a.build(a.options(), &mut networks::Shapes).unwrap();
        assert_eq!(built.parameters(), framework, "{name}: parameters");
        let counts = Graph::new(built.spec).unwrap().counts();
        assert_eq!(counts.parameters(), deployed, "{name}: deployed parameters");
        let (weights, all) = (counts.weights(), counts.macs());
        assert_eq!((weights[&1], weights[&32]), (binary, float), "{name}: weights");
        assert_eq!((all[&1], all[&32]), (binary_macs, macs), "{name}: multiply-accumulates");
        assert_eq!(mib(counts.weight_bits(32)), size, "{name}: MiB");
        assert_eq!(mib(counts.weight_bits(8)), size_int8, "{name}: MiB with 8-bit rest");
    }
}

#[test]
fn mlperf_tinys_networks_have_the_work_of_their_published_files() {
    let files = [
        ("ResNet-8", "pretrainedResnet_quant.tflite"),
        ("DS-CNN", "kws_ref_model.tflite"),
        ("MobileNetV1-0.25", "vww_96_int8.tflite"),
    ];
    for (name, file) in files {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mlperf_tiny").join(file);
        if !path.exists() {
            eprintln!("skipped: {} is not here", path.display());
            return;
        }
        let a = networks::find(name).unwrap();
        let ours = Graph::new(a.build(a.options(), &mut networks::Shapes).unwrap().spec).unwrap();
        let theirs = import::load(&path).unwrap();
        assert_eq!(ours.input(), theirs.input(), "{name}");
        let (ours, theirs) = (ours.counts(), theirs.counts());
        assert_eq!((ours.weights(), ours.macs()), (theirs.weights(), theirs.macs()), "{name}");
    }
}

#[test]
fn each_binary_layer_of_quicknet_has_the_published_work() {
    let each = |name: &str| -> Vec<u64> {
        let a = networks::find(name).unwrap();
        let graph = Graph::new(a.build(a.options(), &mut networks::Shapes).unwrap().spec).unwrap();
        graph.counts().layers.iter().filter_map(|l| l.macs.get(&1).copied()).collect()
    };
    assert_eq!(each("QuickNet"), [115_605_504; 16]);
    assert_eq!(each("QuickNetSmall"), [[28_901_376; 8], [115_605_504; 8]].concat());
}

/// Exit status, results and messages of the program.
fn tinyprec(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tinyprec")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_table_of_a_network_needs_no_file() {
    let (status, json, _) = tinyprec(&["model", "quicknet_small", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &value["parameters_of_the_framework"]), (Some(0), &12_664_344.into()));
    assert_eq!((&value["binary_macs"], &value["other_macs"]), (&1_156_055_040.into(), &15_941_120.into()));
    assert_eq!((&value["input"], &value["has_weights"]), (&serde_json::json!([224, 224, 3]), &false.into()));
    let (_, text, _) = tinyprec(&["model", "QuickNetSmall", "--input", "75,106"]);
    for part in ["u8 of 75x106x3", "quant_conv2d_2", "1-bit w", "12 664 344", "4.003 MiB", "padding"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let (_, list, _) = tinyprec(&["model", "list"]);
    assert!(networks::ARCHITECTURES.iter().all(|a| list.contains(a.name)), "{list}");
}

#[test]
fn timing_runs_on_seeded_weights_and_says_where_the_time_goes() {
    let (status, json, _) = tinyprec(&["model", "LFC-W1A1", "--time", "--threads", "2", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (median, min) = (value["latency_ms"]["median"].as_f64().unwrap(), value["latency_ms"]["min"].as_f64().unwrap());
    assert!(status == Some(0) && min > 0.0 && median >= min, "{json}");
    let shares: f64 = value["parts"].as_array().unwrap().iter().map(|p| p["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
}

#[test]
fn what_cannot_be_is_said_with_the_way_out() {
    for (arguments, parts) in [
        (&["model", "QuickNat"][..], &["QuickNat", "tinyprec model list"][..]),
        (&["model", "QuickNet", "--input", "8"], &["QuickNet does not take 8x8 images", "sides that work"]),
        (&["model", "XNORNet", "--input", "200"], &["217"]),
        (&["model", "QuickNet", "--time", "--threads", "0"], &["at least 1"]),
        (&["eval", "QuickNet", "none.bin"], &["none.bin"]),
    ] {
        let (status, result, message) = tinyprec(arguments);
        assert_eq!((status, result.as_str()), (Some(1), ""), "{message}");
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: `{part}` is not in: {message}");
        }
    }
}

#[test]
fn an_evaluation_keeps_features_and_finds_them_again() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let weights = (0..40_i16).map(|i| f32::from(i * 7 % 11) - 5.0).collect();
    let spec = GraphSpec::new("small", Shape::new(32, 32, 3))
        .then("scale", Layer::Affine { mul: vec![0.125; 3], add: vec![-9.0; 3] })
        .then(
            "conv",
            Layer::FloatConv {
                weights: vec![0.5; 12],
                out: 4,
                bias: vec![0.0, 1.0, 2.0, 3.0],
                window: tinyprec::nn::Window::valid(1, 1),
            },
        )
        .then("pool", Layer::GlobalAvgPool)
        .then("fc", Layer::FloatDense { weights, out: 10, bias: vec![] })
        .then("softmax", Layer::Softmax);
    let graph = Graph::new(GraphSpec { classifier: Some("fc".to_owned()), ..spec }).unwrap();
    import::save_graph(&graph, Path::new(&at("net.safetensors"))).unwrap();
    // CIFAR-10 records: a label and 3072 pixels.
    let record =
        |i: u8| (0..3073_u32).map(move |j| if j == 0 { i % 10 } else { (j % 199).to_le_bytes()[0].wrapping_mul(i) });
    std::fs::write(at("data.bin"), (0..30).flat_map(record).collect::<Vec<u8>>()).unwrap();
    let run = |more: &[&str]| {
        let (net, data) = (at("net.safetensors"), at("data.bin"));
        let (status, out, err) = tinyprec(&[&["eval", &net, &data, "--json"], more].concat());
        assert_eq!(status, Some(0), "{err}");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        (json["correct"].clone(), json["total"].clone(), err)
    };
    let scores = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    let (plain, first, cache) = (at("plain.csv"), at("first.csv"), at("cache"));
    let computed = run(&["--no-cache", "--scores", &plain]);
    let kept = run(&["--cache", &cache, "--scores", &first]);
    assert_eq!((&kept.0, &kept.1), (&computed.0, &computed.1));
    assert!(!kept.2.contains("found"), "{}", kept.2);
    let again = run(&["--cache", &cache, "--scores", &at("again.csv")]);
    assert_eq!((&again.0, &again.1), (&computed.0, &computed.1));
    assert!(again.2.contains("features of 30 images found"), "{}", again.2);
    assert_eq!((scores("first.csv"), scores("again.csv")), (scores("plain.csv"), scores("plain.csv")));
    // Other images are not those.
    assert!(!run(&["--cache", &cache, "--limit", "20"]).2.contains("found"));
}
