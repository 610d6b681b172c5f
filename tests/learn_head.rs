//! The head by hand, by symmetry and against its float self.

mod learn_support;

use learn_support::{Toy, train};
use tinyprec::learn::kernels::{Requant, Site, consolidate_rows, mean_rows, past_weight, sum_rows};
use tinyprec::learn::*;
use tinyprec::numeric::{Format, Overflow, QParams, Rounding, Scale, Values};
use tinyprec::trace::NullSink;

fn hand_table() -> FeatureTable {
    let format: Format = "int8:static(-4,4)".parse().unwrap();
    let params = QParams::of_format(&format).unwrap();
    FeatureTable::new(3, format, Values::Codes { codes: vec![127, 0, -64, 0, 64, 32], params }).unwrap()
}

/// 2 classes × 3 features, batch 2, hybrid-8, weights zero, worked by hand:
/// * logits 0, so both probabilities are 2^29; d = ∓2^29, span 2^30, factor 255/2^30.
/// * zero point −128 + 127.5 → (ties up) 0; error codes −127.5 → −128 (ties even), 127.5 → 128 → 127 (saturated).
/// * acc[0] = −128·(127,0,−64) + 127·(0,64,32) = (−16256, 8128, 12256); acc[1] = (16129, −8192, −12224).
/// * span 32385 = 255·127, so codes are acc/127: zero point −128 + 128 = 0; (−128, 64, 96.5→97), (127, −64.5→−65, −96.25→−96).
/// * scales: s_e = 1/255, s_g = s_e·(4/127)/2·127 = 2/255, step factor η·s_g/s_m = η·254/255.
/// * η = 1/4: ×0.249: (−31.9, 15.9, 24.2), (31.6, −16.2, −23.9), subtracted from 0.
#[test]
fn one_step_by_hand() {
    let mut config = HeadConfig::new(Precision::preset("hybrid-8").unwrap(), 0.25);
    config.batch = 2;
    let mut head = Head::new(config, 2, 3, 0).unwrap();
    let table = hand_table();
    let batch = TrainingSamples::new(&table, &[0, 1], &[0, 1]).unwrap();
    let report = head.step(batch, &mut NullSink).unwrap();
    assert_eq!(head.master().codes().unwrap(), [32, -16, -24, -32, 16, 24]);
    assert_eq!(report.updates, StepCount { non_zero: 6, vanished: 0 });
    let error = head.overflows().into_iter().find(|n| n.site == "head.error").unwrap();
    assert_eq!((error.total, error.overflowed, error.first[0].value), (4, 2, 128));
    let sums = &head.accumulators()[1];
    assert_eq!((sums.used_bits, sums.seen_bits), (32, 15)); // 16129 and −16256 need 15 bits
}

/// As above with η = 1/1000: the largest step is 128·0.001·254/255 = 0.127 of an LSB, so every update vanishes.
#[test]
fn small_steps_vanish() {
    let mut config = HeadConfig::new(Precision::preset("hybrid-8").unwrap(), 0.001);
    config.batch = 2;
    let mut head = Head::new(config, 2, 3, 0).unwrap();
    let table = hand_table();
    let batch = TrainingSamples::new(&table, &[0, 1], &[0, 1]).unwrap();
    let report = head.step(batch, &mut NullSink).unwrap();
    assert_eq!(report.updates, StepCount { non_zero: 6, vanished: 6 });
    assert_eq!(head.master().codes().unwrap(), [0; 6]);
}

/// past 9, current 4: √2.25 = 1.5 = 98304 in UQ16.16. tw = (5, −3, 10): mean 4.
/// cw = (10, 0, −7): (15 + 1)/2.5 = 6.4 → 6; −7/2.5 = −2.8 → −3; (−10.5 + 6)/2.5 = −1.8 → −2.
#[test]
fn consolidation_by_hand() {
    let tw = [5, -3, 10];
    let mean = mean_rows(sum_rows(&tw, 3, &[true], 0), 16);
    assert_eq!(mean, 4 << 16);
    let wp = past_weight(9, 4, 16, Rounding::Floor);
    assert_eq!(wp, 98_304);
    let mut cw = [10, 0, -7];
    let same =
        Requant { src_zero: 0, factor: Scale::ONE, dst_zero: 0, lo: -127, hi: 127, overflow: Overflow::Saturate };
    consolidate_rows(&mut cw, &tw, (mean, wp, 16), &same, &mut Site::new("cw", Rounding::TiesEven, 0, 0)).unwrap();
    assert_eq!(cw, [6, -3, -2]);
}

/// New instances of one size: after n experiences the past weighs √(n−1) against 1.
#[test]
fn the_past_weighs_sqrt_n_minus_one() {
    for n in 1..200u32 {
        let exact = f64::from(n - 1).sqrt() * 65_536.0;
        let floor = f64::from(past_weight(50 * (n - 1), 50, 16, Rounding::Floor));
        assert!(floor <= exact + 1e-6 && exact - floor < 1.0, "n = {n}: {floor} of {exact}");
        let nearest = f64::from(past_weight(50 * (n - 1), 50, 16, Rounding::TiesEven));
        assert!((nearest - exact).abs() <= 0.5 + 1e-6, "n = {n}: {nearest} of {exact}");
    }
    assert_eq!(past_weight(7, 0, 16, Rounding::Floor), 0);
}

#[test]
fn permuting_classes_permutes_rows() {
    for preset in ["hybrid-8", "hybrid-16", "hybrid-32", "paper-8"] {
        let config = HeadConfig::new(Precision::preset(preset).unwrap(), 0.1);
        let toy = Toy::new(4, 7, 64);
        let order = [2usize, 0, 3, 1];
        let mut swapped = Toy::new(4, 7, 64);
        swapped.labels.iter_mut().for_each(|y| *y = order[*y]);
        let (a, b) = (train(&config, &toy, 2), train(&config, &swapped, 2));
        let (a, b) = (a.head().consolidated().to_f64(), b.head().consolidated().to_f64());
        for (class, &to) in order.iter().enumerate() {
            for (k, (x, y)) in a[class * 7..class * 7 + 7].iter().zip(&b[to * 7..to * 7 + 7]).enumerate() {
                // paper-8 consolidates in f32, whose mean is a sum in storage order.
                let slack = if preset == "paper-8" { 1e-6 } else { 0.0 };
                assert!((x - y).abs() <= slack, "{preset}: class {class} weight {k}: {x} and {y}");
            }
        }
    }
}

/// With wide formats the integer head is the float head up to their resolution.
#[test]
fn wide_integers_track_float() {
    let toy = Toy::new(5, 11, 80);
    let wide = Precision::preset("hybrid-32").unwrap().with_format("weights.forward", "int20:static(-1,1)").unwrap();
    let float = Precision::preset("float").unwrap().with_format("features", "int8:static(-4,4)").unwrap();
    for momentum in [0.0, 0.8] {
        let with = |p: &Precision| {
            let mut config = HeadConfig::new(p.clone(), 0.05);
            config.momentum = momentum;
            train(&config, &toy, 3).head().consolidated().to_f64()
        };
        let (ours, theirs) = (with(&wide), with(&float));
        let norm: f64 = theirs.iter().map(|x| x * x).sum();
        let off: f64 = ours.iter().zip(&theirs).map(|(a, b)| (a - b) * (a - b)).sum();
        assert!(norm > 0.01 && (off / norm).sqrt() < 1e-4, "momentum {momentum}: {}", (off / norm).sqrt());
    }
}

#[test]
fn same_seed_same_bits_and_another_seed_other_bits() {
    let toy = Toy::new(3, 6, 48);
    let stochastic = Precision::preset("hybrid-8").unwrap().with_rounding_everywhere(Rounding::Stochastic);
    let mut precision = stochastic;
    precision.slot_mut(SlotName::Past).rounding = Rounding::Floor;
    let config = HeadConfig::new(precision, 0.02);
    let run = |seed| {
        let mut toy = toy.clone();
        toy.seed = seed;
        train(&config, &toy, 2).head().master().clone()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// A 64-bit and a 32-bit accumulator that both suffice give one result; one that does not is counted, not silent.
#[test]
fn narrow_accumulators_overflow_in_the_open() {
    let toy = Toy::new(3, 40, 60);
    let with = |logits: &str, gradient: &str| {
        let mut spec = PrecisionSpec::preset("hybrid-8");
        spec.accumulators.insert("logits".into(), logits.parse().unwrap());
        spec.accumulators.insert("gradient".into(), gradient.parse().unwrap());
        train(&HeadConfig::new(spec.resolve().unwrap(), 0.2), &toy, 2)
    };
    let (safe, wide, narrow) = (with("acc32", "acc32"), with("acc32", "acc64"), with("acc12", "acc16"));
    assert_eq!(safe.head().master(), wide.head().master());
    let lost: u64 =
        narrow.head().overflows().iter().filter(|n| n.site.contains("accumulator")).map(|n| n.overflowed).sum();
    assert!(lost > 0);
    for a in narrow.head().accumulators() {
        assert!(a.used_bits < a.safe_bits && a.seen_bits <= a.used_bits, "{a:?}");
    }
    let mut spec = PrecisionSpec::preset("hybrid-8");
    spec.accumulators.insert("gradient".into(), "acc12:error".parse().unwrap());
    let mut head = Head::new(HeadConfig::new(spec.resolve().unwrap(), 0.2), 3, 40, 0).unwrap();
    let rows: Vec<usize> = (0..16).collect();
    let table = toy.table(head.config());
    let error = head.step(toy.samples(&table, &rows), &mut NullSink).unwrap_err();
    assert!(matches!(error, LearnError::Overflow(_)), "{error}");
}

/// Weights, copies and overflow counts of a head large enough to be cut in two, on one thread and on two, in every preset; the
/// overflows are there, so blocks that go back to the plain kernel are too.
#[test]
fn two_threads_give_the_bytes_of_one() {
    let (classes, features) = (37, 450);
    let toy = Toy::new(classes, features, 80);
    let rows: Vec<usize> = (0..80).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let mut overflowed = 0;
    let mut precisions: Vec<Precision> =
        Precision::PRESETS.iter().map(|preset| Precision::preset(preset).unwrap()).collect();
    precisions.push(Precision::preset("hybrid-8").unwrap().with_format("weights.master", "int4:static(-1,1)").unwrap());
    for precision in precisions {
        let mut config = HeadConfig::new(precision, 0.9);
        config.batch = 33;
        let run = |two: bool| {
            let mut cwr = CwrStar::new(config.clone(), classes, features, 5).unwrap();
            cwr.head_mut().side_by_side(two);
            let table = toy.table(&config);
            let plan = (0, 3, EpochOrder::new(1));
            let mut reports = Vec::new();
            let mut note = |_: &CwrStar, report| reports.push(report);
            train_experience(&mut cwr, toy.samples(&table, &rows), plan, &mut NullSink, &mut note).unwrap();
            let head = cwr.head();
            let predicted = head.clone().predict_rows(&table, &rows).unwrap();
            (
                head.master().clone(),
                head.consolidated().clone(),
                head.forward_copy().into_owned(),
                head.overflows(),
                reports,
                predicted,
            )
        };
        let (one, two) = (pool.install(|| run(false)), pool.install(|| run(true)));
        overflowed += one.3.iter().map(|n| n.overflowed).sum::<u64>();
        assert!(one == two, "{}", config.precision.name);
    }
    assert!(overflowed > 0);
}
