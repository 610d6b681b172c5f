//! Seconds that the head needs for a stream of the size of CIFAR-100's stored features, without backbone or tests.
//!
//! 10 experiences of 10 classes, 1,000 samples of 512 features each, 10 epochs in the first and 5 in each later one, CWR* around them; the same loop as
//! `tests/peers/head_speed.py`, which runs both in turn. Prints one JSON line. Run: `cargo run --release --example head_stream -- [preset] [batch] [repeat] [threads]`.

use std::time::{Duration, Instant};
use tinyprec::learn::*;
use tinyprec::trace::NullSink;

const CLASSES: usize = 100;
const FEATURES: usize = 512;
const EXPERIENCES: usize = 10;
const SAMPLES: usize = 1000;

/// Noise with a lean by class, from a linear congruential generator.
fn features(labels: &[usize]) -> Vec<i32> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i32::try_from(state >> 23).unwrap_or(0) - 256
    };
    labels
        .iter()
        .flat_map(|y| (0..FEATURES).map(|k| next() + if k % CLASSES == *y { 200 } else { 0 }).collect::<Vec<_>>())
        .collect()
}

fn stream(config: &HeadConfig, table: &FeatureTable, labels: &[usize], threads: usize) -> Result<Duration, LearnError> {
    let start = Instant::now();
    let mut cwr = CwrStar::new(config.clone(), CLASSES, FEATURES, 1)?;
    cwr.head_mut().side_by_side(threads > 1);
    for experience in 0..EXPERIENCES {
        let rows: Vec<usize> = (experience * SAMPLES..(experience + 1) * SAMPLES).collect();
        let plan = (experience, if experience == 0 { 10 } else { 5 }, EpochOrder::new(1));
        let samples = TrainingSamples::new(table, labels, &rows)?;
        train_experience(&mut cwr, samples, plan, &mut NullSink, &mut |_, _| {})?;
    }
    Ok(start.elapsed())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let preset = given.next().unwrap_or("hybrid-8".to_owned());
    let batch = given.next().map_or(Ok(32), |b| b.parse())?;
    let repeat: usize = given.next().map_or(Ok(3), |r| r.parse())?;
    let labels: Vec<usize> = (0..EXPERIENCES * SAMPLES).map(|i| i / (EXPERIENCES * SAMPLES / CLASSES)).collect();
    let raw = features(&labels);
    let mut config = HeadConfig::new(Precision::preset(&preset)?, 0.01);
    config.batch = batch;
    let raw = RawFeatures::Ints(&raw);
    let table = FeatureStage::calibrate(&config.precision, raw, FEATURES, Standardise::PerFeature, 1)?.prepare(raw)?;
    let threads: usize = given.next().map_or(Ok(1), |t| t.parse())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut best = Duration::MAX;
    // With no repeat it only makes the data: what a comparison of processor times takes off.
    for _ in 0..repeat {
        best = best.min(pool.install(|| stream(&config, &table, &labels, threads))?);
    }
    println!(
        "{{\"preset\": \"{preset}\", \"batch\": {batch}, \"threads\": {threads}, \"seconds\": {:.4}}}",
        best.as_secs_f64()
    );
    Ok(())
}
