//! Whole networks on one core, as a ratio to what the machine could do at most: `cargo bench --bench backbone`.
//!
//! The limit of a network is its binary multiply-accumulates at the rate of xor, popcount and add on registers, plus its 8-bit
//! ones at the rate of 8-bit products summed in 32 bits, plus its float ones at that of fused multiply-add. All rates are measured between the runs of the network, in the same
//! seconds, so that another program on the machine slows all: the ratio is what to compare, not the milliseconds.
//!
//! `-- NAME…` picks networks, `--isa portable|popcnt|avx2|avx512` forces instructions, `--rounds N` sets how often,
//! `--layers` times each layer.

#[cfg(target_arch = "x86_64")]
#[path = "peak/simd.rs"]
mod peak;

use std::hint::black_box;
use std::time::Instant;
use tinyprec::bits::Isa;
use tinyprec::nn::networks::{Random, find};
use tinyprec::nn::{Graph, Kind, Map, Runner, Tensor, TensorType};

const NETWORKS: [&str; 9] = [
    "QuickNetSmall",
    "QuickNet",
    "QuickNetLarge",
    "BiRealNet",
    "RealToBinaryNet",
    "ResNet-8",
    "DS-CNN",
    "MobileNetV1-0.25",
    "AD-Autoencoder",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let (mut names, mut isa, mut rounds, mut layers) = (Vec::new(), Isa::best(), 60, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--isa" => {
                let name = arguments.next().unwrap_or_default();
                isa =
                    Isa::ALL.into_iter().find(|i| format!("{i:?}").eq_ignore_ascii_case(&name)).ok_or("which isa?")?;
            }
            "--rounds" => rounds = arguments.next().ok_or("how many?")?.parse()?,
            "--layers" => layers = true,
            _ => names.push(argument),
        }
    }
    let batches = names.is_empty();
    if batches {
        names = NETWORKS.map(str::to_owned).to_vec();
    }
    println!("{isa:?}: best of {rounds} interleaved rounds, one thread, batch 1");
    println!(
        "network            latency_ms  median  limit_ms  ratio   limit = multiply-accumulates by bits and rate a second"
    );
    for name in names {
        measure(&name, isa, rounds, layers)?;
    }
    if batches { batch() } else { Ok(()) }
}

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

fn graph(name: &str) -> Result<(Graph, Tensor), Box<dyn std::error::Error>> {
    let network = find(name).ok_or("no such network")?;
    let graph = Graph::new(network.build(network.options(), &mut Random::new(1))?.spec)?;
    let TensorType { shape, kind } = graph.input();
    let pixels: Vec<u8> = (0..shape.len()).map(|i| (i * 37 % 251).to_le_bytes()[0]).collect();
    let image = match kind {
        Kind::I8 => Tensor::I8(Map::new(shape, pixels.iter().map(|v| (v ^ 0x80).cast_signed()).collect())?),
        _ => Tensor::image(shape, &pixels)?,
    };
    Ok((graph, image))
}

fn measure(name: &str, isa: Isa, rounds: usize, layers: bool) -> Result<(), Box<dyn std::error::Error>> {
    let (graph, image) = graph(name)?;
    let mut runner = Runner::with(&graph, isa)?;
    runner.run(&image)?;
    let (mut times, mut popcounts, mut bytes, mut fused) = (Vec::new(), f64::INFINITY, f64::INFINITY, f64::INFINITY);
    for _ in 0..rounds {
        popcounts = popcounts.min(seconds(|| peak::popcounts(isa, 4096)) / (4096.0 * peak::BINARY_MACS));
        bytes = bytes.min(seconds(|| peak::bytes(isa, 4096)) / (4096.0 * peak::byte_macs(isa)));
        fused = fused.min(seconds(|| peak::fused(isa, 4096)) / (4096.0 * peak::float_macs(isa)));
        times.push(seconds(|| runner.run(&image).is_ok()));
    }
    times.sort_by(f64::total_cmp);
    let (best, median) = (times[0] * 1e3, times[times.len() / 2] * 1e3);
    let rates: Vec<(u32, f64, f64)> = graph
        .counts()
        .macs()
        .into_iter()
        .map(|(bits, macs)| {
            (
                bits,
                macs as f64,
                if bits <= 2 {
                    popcounts
                } else if bits <= 8 {
                    bytes
                } else {
                    fused
                },
            )
        })
        .collect();
    let limit = rates.iter().map(|(_, macs, each)| macs * each * 1e3).sum::<f64>();
    let terms: Vec<String> = rates
        .iter()
        .map(|(bits, macs, each)| format!("{:.1} M of {bits} bits at {:.0} G/s", macs / 1e6, 1e-9 / each))
        .collect();
    println!("{name:18} {best:10.3} {median:7.3} {limit:9.3} {:6.2}   {}", best / limit, terms.join(" + "));
    if layers {
        parts(&graph, &image, isa, rounds)?;
    }
    Ok(())
}

/// Best time of each layer with what runs behind it, and its rate.
fn parts(graph: &Graph, image: &Tensor, isa: Isa, rounds: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut runner = Runner::with(graph, isa)?;
    let mut best = vec![f64::INFINITY; graph.spec().nodes.len()];
    for _ in 0..rounds {
        let mut last = Instant::now();
        runner.run_parts(image, |node| {
            best[node] = best[node].min(last.elapsed().as_secs_f64());
            last = Instant::now();
        })?;
    }
    for (node, count) in graph.spec().nodes.iter().zip(graph.counts().layers) {
        let at = graph.spec().nodes.iter().position(|n| n.name == node.name).unwrap_or(0);
        if best[at].is_finite() {
            let macs = count.macs.values().sum::<u64>() as f64;
            println!(
                "  {:28} {:18} {:8.1} us {:8.1} G/s",
                node.name,
                node.layer.op(),
                best[at] * 1e6,
                macs / best[at] / 1e9
            );
        }
    }
    Ok(())
}

/// QuickNet, batch 32: images a second on two threads over one.
fn batch() -> Result<(), Box<dyn std::error::Error>> {
    let (graph, image) = graph("QuickNet")?;
    let images = vec![image; 32];
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build();
    let (one, two) = (pool(1)?, pool(2)?);
    let mut best = [f64::INFINITY; 2];
    for _ in 0..8 {
        best[0] = best[0].min(seconds(|| one.install(|| graph.passes(&images).is_ok())));
        best[1] = best[1].min(seconds(|| two.install(|| graph.passes(&images).is_ok())));
    }
    let rate = best.map(|s| 32.0 / s);
    println!(
        "QuickNet batch 32: {:.0} images/s on one thread, {:.0} on two: ratio {:.2}",
        rate[0],
        rate[1],
        rate[1] / rate[0]
    );
    Ok(())
}
