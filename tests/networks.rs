//! The published networks: counts to the unit against Larq's own summaries and the authors' code.

use tinyprec::nn::{Graph, networks};

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
fn each_binary_layer_of_quicknet_has_the_published_work() {
    let each = |name: &str| -> Vec<u64> {
        let a = networks::find(name).unwrap();
        let graph = Graph::new(a.build(a.options(), &mut networks::Shapes).unwrap().spec).unwrap();
        graph.counts().layers.iter().filter_map(|l| l.macs.get(&1).copied()).collect()
    };
    assert_eq!(each("QuickNet"), [115_605_504; 16]);
    assert_eq!(each("QuickNetSmall"), [[28_901_376; 8], [115_605_504; 8]].concat());
}
