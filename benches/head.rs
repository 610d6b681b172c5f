//! Training steps of the integer head beside the float head: `cargo bench --bench head`.
//!
//! 100 classes × 512 features, batch 32. Besides criterion's times it prints each precision's steps per second over float's,
//! measured interleaved in this one run: the ratio travels better between machines than a time does.

use criterion::Criterion;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tinyprec::learn::*;
use tinyprec::trace::NullSink;

const CLASSES: usize = 100;
const FEATURES: usize = 512;
const BATCH: usize = 32;
const PRESETS: [&str; 7] = ["float", "hybrid-8", "hybrid-16", "hybrid-32", "paper-8", "paper-16", "paper-32"];

struct Case {
    head: Head,
    table: FeatureTable,
    labels: Vec<usize>,
    rows: Vec<usize>,
}

impl Case {
    fn new(preset: &str) -> Result<Self, LearnError> {
        let samples = 8 * BATCH;
        let labels: Vec<usize> = (0..samples).map(|i| i % CLASSES).collect();
        let raw: Vec<i32> = (0..samples * FEATURES)
            .map(|i| {
                let noise = i32::try_from(i * 7919 % 251).unwrap_or(0) - 125;
                if i % FEATURES % CLASSES == labels[i / FEATURES] { noise + 60 } else { noise }
            })
            .collect();
        let mut config = HeadConfig::new(Precision::preset(preset)?, 0.01);
        config.batch = BATCH;
        let raw = RawFeatures::Ints(&raw);
        let mut stage = FeatureStage::calibrate(&config.precision, raw, FEATURES, Standardise::PerFeature, 0)?;
        let table = stage.prepare(raw)?;
        Ok(Self { head: Head::new(config, CLASSES, FEATURES, 0)?, table, labels, rows: (0..BATCH).collect() })
    }

    fn step(&mut self) -> Result<StepReport, LearnError> {
        self.head.step(TrainingSamples::new(&self.table, &self.labels, &self.rows)?, &mut NullSink)
    }
}

/// Steps per second over float's: the best of ten interleaved rounds of 20 steps each.
fn ratios(cases: &mut [Case]) -> Result<Vec<f64>, LearnError> {
    let mut best = vec![Duration::MAX; cases.len()];
    for _ in 0..10 {
        for (case, best) in cases.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..20 {
                black_box(case.step()?);
            }
            *best = start.elapsed().min(*best);
        }
    }
    Ok(best.iter().map(|b| best[0].as_secs_f64() / b.as_secs_f64()).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut cases = PRESETS.map(Case::new).into_iter().collect::<Result<Vec<_>, _>>()?;
    for (preset, ratio) in PRESETS.iter().zip(ratios(&mut cases)?) {
        println!("{preset}: {ratio:.2} × float's steps per second");
    }
    let mut criterion = Criterion::default().configure_from_args();
    for (preset, case) in PRESETS.iter().zip(&mut cases) {
        criterion.bench_function(&format!("head step/{preset}"), |b| b.iter(|| black_box(case.step())));
    }
    criterion.final_summary();
    Ok(())
}
