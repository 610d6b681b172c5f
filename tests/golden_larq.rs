//! Binary convolutions of two published networks against TensorFlow's sums, layer by layer (`../shared/data/larq/README.md`):
//! same_one and same_zero padding, stride 2 on even and odd maps. Skipped where the data are absent.

use safetensors::SafeTensors;
use std::path::Path;
use tinyprec::nn::{
    BitFilters, Engine, Fill, FilterSize, Graph, GraphSpec, Kind, Layer, Map, Shape, Tensor, TensorType, Window,
};
use tinyprec::trace::NullSink;

fn read(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/larq").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: {} is not here", path.display());
    }
    bytes
}

/// Checks every binary convolution of a case and gives how many there were.
fn check(net: &str, case: &str, fill: Fill) -> Option<usize> {
    let (weights, case) = (read(&format!("weights_{net}_exact.safetensors"))?, read(case)?);
    let (weights, case) = (SafeTensors::deserialize(&weights).unwrap(), SafeTensors::deserialize(&case).unwrap());
    let layers: Vec<String> =
        case.names().iter().filter_map(|n| n.strip_suffix("/in_bits")).map(str::to_owned).collect();
    for layer in &layers {
        let (bits, acc) =
            (case.tensor(&format!("{layer}/in_bits")).unwrap(), case.tensor(&format!("{layer}/acc")).unwrap());
        let kernel = weights.tensor(&format!("{layer}/kernel:0")).unwrap();
        let [kh, kw, ic, out] = kernel.shape().try_into().unwrap();
        let shape = Shape::new(bits.shape()[0], bits.shape()[1], ic);
        let words: Vec<u32> = bits.data().as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        let negative = |pixel: usize, c: usize| words[pixel * bits.shape()[2] + c / 32] >> (c % 32) & 1 == 1;
        let signs: Vec<f32> = (0..shape.len()).map(|i| if negative(i / ic, i % ic) { -1.0 } else { 1.0 }).collect();
        // HWIO latent values, 0 counts as +1 → (output, tap, channel) signs.
        let latent = |o: usize, i: usize| kernel.data()[i * out + o].cast_signed();
        let values: Vec<i8> = (0..out * kh * kw * ic)
            .map(|i| if latent(i / (kh * kw * ic), i % (kh * kw * ic)) < 0 { -1 } else { 1 })
            .collect();
        let filters = BitFilters::from_values(FilterSize { out, taps: kh * kw, ic }, &values, layer).unwrap();
        let stride = shape.h.div_ceil(acc.shape()[0]);
        let window = Window::same(kh, stride, fill);
        let mut spec = GraphSpec::new(layer, shape)
            .then("sign", Layer::Sign)
            .then("conv", Layer::BinaryConv { weights: filters, window });
        spec.input = TensorType::new(shape, Kind::F32);
        let expected: Vec<i32> = acc.data().as_chunks().0.iter().map(|b| i32::from(i16::from_le_bytes(*b))).collect();
        let image = Tensor::F32(Map::new(shape, signs).unwrap());
        let found = Graph::new(spec).unwrap().pass(&image, Engine::best(), &mut NullSink).unwrap().output;
        assert_eq!(found.integers().unwrap(), expected, "{net} {layer}");
    }
    Some(layers.len())
}

#[test]
fn same_one_padding_on_odd_maps_equals_tensorflow() {
    let Some(n) = check("QuickNetSmall", "case_QuickNetSmall_exact_75x106.safetensors", Fill::One) else { return };
    assert_eq!(n, 16);
}

#[test]
fn same_zero_padding_with_stride_2_equals_tensorflow() {
    let Some(n) = check("BiRealNet", "case_BiRealNet_exact_64x64.safetensors", Fill::Zero) else { return };
    assert_eq!(n, 16);
}
