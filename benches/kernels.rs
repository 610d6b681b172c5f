//! Binary multiply-accumulates a second of the packed kernels, as a ratio to what xor + popcount + add on registers alone
//! reach with the same instructions in the same run.

#[path = "peak/simd.rs"]
#[allow(dead_code, reason = "its float half is for the bench of whole networks")]
mod peak;

use criterion::Criterion;
use std::hint::black_box;
use std::time::Instant;
use tinyprec::bits::{Isa, Panels};
use tinyprec::nn::{BitFilters, Engine, FilterSize, Graph, GraphSpec, Layer, Shape, Tensor, Thresholds, Window};
use tinyprec::trace::NullSink;

/// Best of several runs of `work`, in MACs a second.
fn rate(macs: f64, mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        for _ in 0..8 {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() / 8.0);
    }
    macs / best
}

/// 256 channels in and out, 3 × 3, 12 × 12 pixels: the shape of a CNV's or QuickNet's middle.
fn conv() -> (Graph, Tensor, f64) {
    let shape = Shape::new(12, 12, 256);
    let size = FilterSize { out: 256, taps: 9, ic: 256 };
    let values: Vec<i8> =
        (0..size.out * size.fan_in()).map(|i| if i * 2654435761 % 64 < 32 { 1 } else { -1 }).collect();
    let weights = BitFilters::from_values(size, &values, "w").expect("signs");
    let graph = GraphSpec::new("bench", shape)
        .then("x", Layer::PackInput { threshold: 128, flatten: false })
        .then("conv", Layer::BinaryConv { weights, window: Window::valid(3, 1) })
        .then("t", Layer::Threshold(Thresholds::new(1, vec![0; 256], Vec::new(), "t").expect("one a channel")));
    let pixels: Vec<u8> = (0..shape.len()).map(|i| (i * 37 % 251).to_le_bytes()[0]).collect();
    let image = Tensor::image(shape, &pixels).expect("sized");
    (Graph::new(graph).expect("fits"), image, 10.0 * 10.0 * 256.0 * 2304.0)
}

fn main() {
    // The peak is written for these two; AVX2 without VPOPCNTDQ counts through shuffles and is compared with neither.
    let isa = if Isa::Avx512.supported() { Isa::Avx512 } else { Isa::Popcnt };
    let top = (0..5)
        .map(|_| rate(peak::BINARY_MACS * 1024.0, || _ = black_box(peak::popcounts(isa, 1024))))
        .fold(0.0, f64::max);
    let (rows, k, n) = (256, 36, 100);
    let panels = Panels::new(&vec![0x5555_aaaa_1234_5678; rows * k], rows, k);
    let patches = vec![0x0f0f_1234_5678_9abc; n * k];
    let mut counts = vec![0; n * panels.padded_rows()];
    let macs = 64.0 * 256.0 * 36.0 * 100.0;
    let kernel = rate(macs, || panels.popcounts(isa, black_box(&patches), black_box(&mut counts)));
    let (graph, image, conv_macs) = conv();
    let layer = rate(conv_macs, || drop(black_box(graph.pass(&image, Engine::Fast(isa), &mut NullSink))));
    println!("instructions               {isa:?}");
    println!("peak (registers only)      {:8.1} G binary MAC/s   ratio 1.00", top / 1e9);
    println!("popcount kernel            {:8.1} G binary MAC/s   ratio {:.2}", kernel / 1e9, kernel / top);
    println!("pack + conv + threshold    {:8.1} G binary MAC/s   ratio {:.2}", layer / 1e9, layer / top);

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("popcount_kernel_256x2304x100", |b| {
        b.iter(|| panels.popcounts(isa, black_box(&patches), black_box(&mut counts)));
    });
    criterion.bench_function("binary_conv_3x3_256_12x12", |b| {
        b.iter(|| graph.pass(black_box(&image), Engine::Fast(isa), &mut NullSink));
    });
    criterion.final_summary();
}
