//! The published measurements, part of the program.

use super::measurement::Measurement;
use super::read::{MeasurementError, read_measurements};

/// Name of the published set in messages.
pub const PUBLISHED: &str = "hw_profiles/measurements/published.csv";

const LAYERS: &[(&str, &str)] = &{
    macro_rules! lists {
        ($($name:literal,)*) => {
            [$(
                (concat!("geometry/", $name, ".csv"),
                include_str!(concat!("../../hw_profiles/measurements/geometry/", $name, ".csv"))),
            )*]
        };
    }
    lists! {
        "cgo20_resnet18_layers",
        "cwrm4_frozen",
        "fcb_13_10_10_10_10_10_10_10_10_10_10_11",
        "fcb_13_10_10_10_10_10_10_10_10_10_10_3",
        "fcb_13_10_11",
        "fcb_13_10_3",
        "fcb_13_10_50_11",
        "fcb_13_10_50_3",
        "fcb_16_10_10",
        "fcb_18_10_4",
        "fcb_18_10_50_4",
        "fcb_22_10_8",
        "fcb_30_10_10_10_10_10_10_10_10_10_10_2",
        "fcb_30_10_2",
        "fcb_30_10_50_2",
        "fcb_40_10_11",
        "fcb_40_10_50_11",
        "fcb_48_10_10_10_10_10_10_10_10_10_10_11",
        "fcb_48_10_11",
        "fcb_48_10_50_11",
        "fcb_4_10_10_10_10_10_10_10_10_10_10_3",
        "fcb_4_10_3",
        "fcb_4_10_50_3",
        "fcb_64_10_10",
        "fcb_64_10_10_10_10_10_10_10_10_10_10_10",
        "fcb_64_10_50_10",
        "fcb_6_10_10_10_10_10_10_10_10_10_10_7",
        "fcb_6_10_50_7",
        "fcb_6_10_7",
        "fcb_74_10_10_10_10_10_10_10_10_10_10_6",
        "fcb_74_10_50_6",
        "mlperf_ad_fcae",
        "mlperf_ic_resnet8",
        "mlperf_kws_dscnn",
        "mlperf_sww_1dcnn",
        "mlperf_vww_mobilenetv1_025_96",
        "mobilenetv1_025_160",
        "ncnn_alexnet",
        "ncnn_googlenet",
        "ncnn_mnasnet",
        "ncnn_mobilenet",
        "ncnn_mobilenet_v2",
        "ncnn_mobilenet_v3",
        "ncnn_proxylessnasnet",
        "ncnn_resnet18",
        "ncnn_resnet50",
        "ncnn_shufflenet",
        "ncnn_shufflenet_v2",
        "ncnn_squeezenet",
        "nnom_kws",
        "smallcifar",
        "tinymaix_cifar",
        "tinymaix_mbnet128",
        "tinymaix_mnist",
        "tinymaix_vww96",
        "xcubeai_har",
        "xcubeai_rps",
    }
};

/// Every published row.
///
/// # Errors
/// Only where the file that the program was built from is broken.
pub fn published() -> Result<Vec<Measurement>, MeasurementError> {
    read_measurements(PUBLISHED, include_str!("../../hw_profiles/measurements/published.csv"))
}

/// A published layer list by the name that rows use (`geometry/….csv`).
pub fn published_layers(name: &str) -> Option<&'static str> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
