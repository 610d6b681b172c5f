//! The head against the same algorithms written again in Python (tests/peers/README.md).

use serde::Deserialize;
use std::fs;
use tinyprec::learn::*;
use tinyprec::numeric::{Format, QParams, Values};
use tinyprec::trace::NullSink;

struct Lcg(u32);

impl Lcg {
    fn next(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) % n
    }

    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.next(u32::try_from(n).unwrap())).unwrap()
    }
}

fn golden<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let path = format!("{}/tests/peers/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

const CLASSES: usize = 5;
const FEATURES: usize = 13;
const BATCH: usize = 8;
const SAMPLES: usize = 24;

/// What the integer scripts draw: three experiences of codes from −127 to 127.
struct Drawn {
    features: Vec<i32>,
    labels: Vec<usize>,
}

fn drawn() -> Drawn {
    let experiences: [&[usize]; 3] = [&[0, 1, 2], &[2, 3, 4], &[0, 1, 2, 3, 4]];
    let mut rng = Lcg(2026);
    let mut drawn = Drawn { features: Vec::new(), labels: Vec::new() };
    for current in experiences {
        for _ in 0..SAMPLES {
            let label = current[rng.index(current.len())];
            for k in 0..FEATURES {
                let lean = if k % CLASSES == label { 40 } else { 0 };
                drawn.features.push((i32::try_from(rng.next(161)).unwrap() - 80 + lean).clamp(-127, 127));
            }
            drawn.labels.push(label);
        }
    }
    drawn
}

#[derive(Deserialize)]
struct IntegerCase {
    preset: String,
    steps: Vec<Vec<i32>>,
    consolidated: Vec<Vec<i32>>,
}

fn codes(values: &Values) -> &[i32] {
    values.codes().expect("an integer tensor")
}

#[test]
fn integer_steps_and_merges_are_equal_to_the_last_code() {
    let drawn = drawn();
    for case in golden::<Vec<IntegerCase>>("head_integer") {
        let precision = Precision::preset(&case.preset).unwrap();
        let format = precision.slot(SlotName::Features).number().unwrap();
        let params = QParams::of_format(&format).unwrap();
        let table =
            FeatureTable::new(FEATURES, format, Values::Codes { codes: drawn.features.clone(), params }).unwrap();
        let mut config = HeadConfig::new(precision, 0.25);
        config.batch = BATCH;
        let mut cwr = CwrStar::new(config, CLASSES, FEATURES, 0).unwrap();
        let mut expected = case.steps.iter();
        for (i, merged) in case.consolidated.iter().enumerate() {
            let rows: Vec<usize> = (i * SAMPLES..(i + 1) * SAMPLES).collect();
            let samples = TrainingSamples::new(&table, &drawn.labels, &rows).unwrap();
            cwr.begin_experience(&samples.class_counts(CLASSES).unwrap(), &mut NullSink).unwrap();
            for _ in 0..2 {
                for b in samples.batches(BATCH) {
                    let report = cwr.observe(b, &mut NullSink).unwrap();
                    let step = report.step;
                    assert_eq!(codes(cwr.head().master()), expected.next().unwrap(), "{} step {step}", case.preset);
                }
            }
            cwr.end_experience(samples, &mut NullSink).unwrap();
            assert_eq!(codes(cwr.head().consolidated()), merged, "{} experience {i}", case.preset);
        }
        assert!(expected.next().is_none());
    }
}

#[derive(Deserialize)]
struct PaperCase {
    preset: String,
    base: UpdateBase,
    feature_range: [f64; 2],
    steps: Vec<Vec<i32>>,
    scales: Vec<f64>,
    consolidated: Vec<Vec<f32>>,
}

/// The authors' own step: codes, the drifting scale, and the float32 merge, bit for bit.
#[test]
fn the_papers_steps_are_equal_to_the_last_code() {
    let drawn = drawn();
    for case in golden::<Vec<PaperCase>>("paper_integer") {
        let mut precision = Precision::preset(&case.preset).unwrap();
        precision.update_base = case.base;
        let Some(format @ Format::Int(int)) = precision.slot(SlotName::Features).number() else { panic!() };
        let params = QParams::from_range(&int, case.feature_range[0], case.feature_range[1]).unwrap();
        let table =
            FeatureTable::new(FEATURES, format, Values::Codes { codes: drawn.features.clone(), params }).unwrap();
        let mut config = HeadConfig::new(precision, 0.25);
        config.batch = BATCH;
        let mut cwr = CwrStar::new(config, CLASSES, FEATURES, 0).unwrap();
        let (mut expected, mut scales) = (case.steps.iter(), case.scales.iter());
        for (i, merged) in case.consolidated.iter().enumerate() {
            let rows: Vec<usize> = (i * SAMPLES..(i + 1) * SAMPLES).collect();
            let samples = TrainingSamples::new(&table, &drawn.labels, &rows).unwrap();
            cwr.begin_experience(&samples.class_counts(CLASSES).unwrap(), &mut NullSink).unwrap();
            for _ in 0..3 {
                for b in samples.batches(BATCH) {
                    let step = cwr.observe(b, &mut NullSink).unwrap().step;
                    let Values::Codes { codes, params } = cwr.head().master() else { panic!() };
                    assert_eq!(codes, expected.next().unwrap(), "{} {:?} step {step}", case.preset, case.base);
                    assert_eq!(params.scale.to_f64(), *scales.next().unwrap(), "{} step {step}", case.preset);
                }
            }
            cwr.end_experience(samples, &mut NullSink).unwrap();
            let Values::Real(reals) = cwr.head().consolidated() else { panic!() };
            assert_eq!(reals, merged, "{} {:?} experience {i}", case.preset, case.base);
        }
        assert!(expected.next().is_none());
    }
}

#[derive(Deserialize)]
struct FloatCase {
    name: String,
    rate: f64,
    momentum: f64,
    decay: f64,
    unseen: UnseenRows,
    epochs: usize,
    matrix: Vec<Vec<f64>>,
    consolidated: Vec<Vec<f64>>,
}

#[test]
fn float_preset_is_avalanches_cwr_star() {
    let (classes, features, batch, train, test) = (6usize, 9usize, 10, 40, 60);
    let experiences: [&[usize]; 4] = [&[0, 1], &[2, 3], &[1, 4], &[0, 5]];
    let mut rng = Lcg(7);
    let (mut x, mut labels) = (Vec::new(), Vec::new());
    for current in experiences {
        for _ in 0..train + test {
            let y = current[rng.index(current.len())];
            for k in 0..features {
                let lean = if k % classes == y { 14 } else { 0 };
                x.push((f64::from(rng.next(33)) - 16.0 + f64::from(lean)) / 16.0);
            }
            labels.push(y);
        }
    }
    let x: Vec<f32> = x.into_iter().map(|v| v as f32).collect();
    let table = FeatureTable::new(features, Format::F32, Values::Real(x)).unwrap();
    for case in golden::<Vec<FloatCase>>("cwr_float") {
        let mut config = HeadConfig::new(Precision::preset("float").unwrap(), case.rate);
        (config.momentum, config.weight_decay, config.batch, config.unseen) =
            (case.momentum, case.decay, batch, case.unseen);
        let mut cwr = CwrStar::new(config, classes, features, 0).unwrap();
        for i in 0..experiences.len() {
            let start = i * (train + test);
            let rows: Vec<usize> = (start..start + train).collect();
            let samples = TrainingSamples::new(&table, &labels, &rows).unwrap();
            cwr.begin_experience(&samples.class_counts(classes).unwrap(), &mut NullSink).unwrap();
            for _ in 0..case.epochs {
                for b in samples.batches(batch) {
                    cwr.observe(b, &mut NullSink).unwrap();
                }
            }
            cwr.end_experience(samples, &mut NullSink).unwrap();
            let weights = cwr.head().consolidated().to_f64();
            for (k, (ours, theirs)) in weights.iter().zip(&case.consolidated[i]).enumerate() {
                assert!((ours - theirs).abs() < 1e-5, "{} experience {i} weight {k}: {ours} and {theirs}", case.name);
            }
            for (j, theirs) in case.matrix[i].iter().enumerate() {
                let tests = j * (train + test) + train..(j + 1) * (train + test);
                let hits = tests.filter(|&row| cwr.predict(&table, row, &mut NullSink).unwrap() == labels[row]).count();
                let ours = hits as f64 / test as f64;
                assert!((ours - theirs).abs() < 1e-6, "{} R[{i}][{j}]: {ours} and {theirs}", case.name);
            }
        }
    }
}

#[derive(Deserialize)]
struct AvalancheCase {
    name: String,
    matrix: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

/// Avalanche itself (0.6, torch): accuracy within 0.2 points after each experience on each test set, CWR* weights within 1e-5.
#[test]
fn strategies_in_float_are_avalanches() {
    let (classes, features, batch, train, test) = (6usize, 9usize, 10, 60, 500);
    let experiences: [&[usize]; 4] = [&[0, 1], &[2, 3], &[1, 4], &[0, 5]];
    let mut rng = Lcg(11);
    let (mut x, mut labels) = (Vec::new(), Vec::new());
    for current in experiences {
        for _ in 0..train + test {
            let y = current[rng.index(current.len())];
            for k in 0..features {
                let lean = if k % classes == y { 14 } else { 0 };
                x.push(((f64::from(rng.next(33)) - 16.0 + f64::from(lean)) / 16.0) as f32);
            }
            labels.push(y);
        }
    }
    let table = FeatureTable::new(features, Format::F32, Values::Real(x)).unwrap();
    for case in golden::<Vec<AvalancheCase>>("avalanche_peers") {
        let kind = match case.name.parse().unwrap() {
            StrategyKind::Anchored { importance: Importance::Sensitivity { alpha }, .. } => {
                StrategyKind::Anchored { lambda: 0.2, importance: Importance::Sensitivity { alpha } }
            }
            StrategyKind::Anchored { importance: Importance::Online { .. }, .. } => {
                StrategyKind::Anchored { lambda: 8.0, importance: Importance::Online { decay: 0.5 } }
            }
            StrategyKind::Anchored { importance, .. } => StrategyKind::Anchored { lambda: 8.0, importance },
            kind => kind,
        };
        let mut config = HeadConfig::new(Precision::preset("float").unwrap(), 0.1);
        (config.batch, config.unseen) = (batch, UnseenRows::AsTrained);
        let mut strategy = kind.build(&config, classes, features, 0).unwrap();
        for (i, row) in case.matrix.iter().enumerate() {
            let start = i * (train + test);
            let rows: Vec<usize> = (start..start + train).collect();
            let samples = TrainingSamples::new(&table, &labels, &rows).unwrap();
            strategy.begin_experience(&samples.class_counts(classes).unwrap(), &mut NullSink).unwrap();
            for _ in 0..if kind.single_pass() { 1 } else { 4 } {
                for b in samples.batches(batch) {
                    strategy.observe(b, &mut NullSink).unwrap();
                }
            }
            strategy.end_experience(samples, &mut NullSink).unwrap();
            for (j, theirs) in row.iter().enumerate() {
                let tests: Vec<usize> = (j * (train + test) + train..(j + 1) * (train + test)).collect();
                let found = strategy.predict_rows(&table, &tests).unwrap();
                let hits = found.iter().zip(&tests).filter(|(class, row)| **class == labels[**row]).count();
                let ours = hits as f64 / test as f64;
                assert!((ours - theirs).abs() <= 0.0021, "{} R[{i}][{j}]: {ours} and {theirs}", case.name);
            }
        }
        if !kind.single_pass() {
            let weights = strategy.head().master().to_f64();
            for (k, (ours, theirs)) in weights.iter().zip(&case.weights).enumerate() {
                assert!((ours - theirs).abs() < 1e-5, "{} weight {k}: {ours} and {theirs}", case.name);
            }
        }
    }
}
