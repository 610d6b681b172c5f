//! Every strategy in every preset: it learns, keeps what it says, and its calls are one list from execution and from shapes.

mod learn_support;

use learn_support::Toy;
use tinyprec::learn::*;
use tinyprec::numeric::{Format, Values};
use tinyprec::trace::{CallLog, NullSink, Sink};

const BATCH: usize = 8;

fn kinds() -> impl Iterator<Item = StrategyKind> {
    StrategyKind::NAMES.into_iter().map(|name| name.parse().unwrap())
}

fn config(preset: &str) -> HeadConfig {
    let mut config = HeadConfig::new(Precision::preset(preset).unwrap(), 0.1);
    config.batch = BATCH;
    config
}

/// Classes 0, 1 first, then 2, 3; what the strategy's plan says it trains on.
fn learn(kind: StrategyKind, config: &HeadConfig, toy: &Toy) -> (Box<dyn Strategy>, Vec<f64>) {
    let mut strategy = kind.build(config, 4, toy.features, 3).unwrap();
    let table = toy.table(config);
    let of =
        |classes: [usize; 2]| (0..toy.labels.len()).filter(|&i| classes.contains(&toy.labels[i])).collect::<Vec<_>>();
    let own = [of([0, 1]), of([2, 3])];
    for i in 0..2 {
        let all: Vec<usize> = own.iter().flatten().copied().collect();
        let rows = match kind.train_on() {
            TrainOn::Own => own[i].clone(),
            TrainOn::SoFar if i == 0 => own[0].clone(),
            TrainOn::AllAtOnce if i == 1 => Vec::new(),
            _ => all,
        };
        let plan = (i, if kind.single_pass() { 1 } else { 10 }, EpochOrder::new(1));
        train_experience(strategy.as_mut(), toy.samples(&table, &rows), plan, &mut NullSink, &mut |_, _| {}).unwrap();
    }
    let every: Vec<usize> = (0..table.len()).collect();
    let found = strategy.predict_rows(&table, &every).unwrap();
    for row in (0..table.len()).step_by(7) {
        assert_eq!(strategy.predict(&table, row, &mut NullSink).unwrap(), found[row], "{kind}: one by one");
    }
    let share = |rows: &[usize]| rows.iter().filter(|&&r| found[r] == toy.labels[r]).count() as f64 / rows.len() as f64;
    let shares = own.iter().map(|rows| share(rows)).collect();
    (strategy, shares)
}

#[test]
fn every_strategy_learns_in_every_preset() {
    let toy = Toy::new(4, 24, 320);
    for kind in kinds() {
        for preset in Precision::PRESETS {
            let (strategy, shares) = learn(kind, &config(preset), &toy);
            let (old, new) = (shares[0], shares[1]);
            assert!(new > 0.8, "{kind} {preset}: {shares:?}");
            let keeps = !matches!(kind.name(), "naive" | "lwf" | "ewc" | "ewc-online" | "mas");
            assert!(!keeps || old > 0.7, "{kind} {preset}: {shares:?}");
            assert!(strategy.head().master().to_f64().iter().all(|w| w.is_finite()), "{kind} {preset}");
        }
    }
}

/// Distillation or a buffer holds what plain SGD forgets (penalties on a single-headed classifier hardly do; tests/peers has them).
#[test]
fn remedies_against_forgetting_remedy_it() {
    let toy = Toy::new(4, 6, 320);
    for preset in ["float", "hybrid-16"] {
        let old = |kind: StrategyKind| learn(kind, &config(preset), &toy).1[0];
        let naive = old(StrategyKind::Naive);
        for kind in [
            StrategyKind::Lwf { alpha: 4.0, temperature: 2.0 },
            StrategyKind::Replay { buffer: 60, per_step: 8, stored: StoredLatent::OneBit, balanced: true },
            StrategyKind::Replay { buffer: 60, per_step: 8, stored: StoredLatent::Features, balanced: false },
        ] {
            assert!(old(kind) > naive + 0.05, "{kind} {preset}: {} against {naive}", old(kind));
        }
    }
}

#[test]
fn calls_from_execution_equal_calls_from_shapes() {
    let toy = Toy::new(4, 10, 48);
    for kind in kinds() {
        for preset in ["float", "hybrid-8", "hybrid-32", "paper-8"] {
            let config = config(preset);
            let table = toy.table(&config);
            let mut strategy = kind.build(&config, 4, 10, 1).unwrap();
            for experience in 0..3 {
                let rows: Vec<usize> = (experience * 12..experience * 12 + 12).collect();
                let known: std::collections::BTreeSet<_> = toy.labels[..12 * experience].iter().collect();
                let moment = Moment { experience, samples: rows.len(), held: 12 * experience, known: known.len() };
                let listed = |unit| {
                    let mut log = CallLog::default();
                    kind.calls(&config, (4, 10), unit, moment).unwrap().into_iter().for_each(|c| log.record(c));
                    log
                };
                let mut ran = CallLog::default();
                let samples = toy.samples(&table, &rows);
                strategy.begin_experience(&samples.class_counts(4).unwrap(), &mut ran).unwrap();
                assert_eq!(ran, listed(HeadUnit::Begin), "{kind} {preset} begin {experience}");
                for batch in [8, 4] {
                    let mut ran = CallLog::default();
                    strategy.observe(toy.samples(&table, &rows[..batch]), &mut ran).unwrap();
                    assert_eq!(ran, listed(HeadUnit::Step { batch }), "{kind} {preset} step {experience}");
                }
                let mut ran = CallLog::default();
                strategy.end_experience(samples, &mut ran).unwrap();
                assert_eq!(ran, listed(HeadUnit::Consolidation { current: 4 }), "{kind} {preset} end {experience}");
            }
        }
    }
}

/// Bytes worked by hand: 4 classes × 24 features.
#[test]
fn learning_state_is_counted_to_the_byte() {
    let toy = Toy::new(4, 24, 64);
    let bytes = |kind: StrategyKind, preset: &str| learn(kind, &config(preset), &toy).0.state_bytes();
    let n = 4 * 24;
    // hybrid-8: the master is its own forward copy.
    assert_eq!(bytes(StrategyKind::Naive, "hybrid-8"), 2 * n);
    assert_eq!(bytes(StrategyKind::CwrStar, "hybrid-16"), 2 * n + 2 * n + n + 4 * 4);
    assert_eq!(bytes(StrategyKind::Lwf { alpha: 1.0, temperature: 2.0 }, "hybrid-8"), 2 * n + n);
    // Two experiences, each an 8-bit anchor and a 32-bit pull.
    let ewc = StrategyKind::Anchored { lambda: 1.0, importance: Importance::Separate };
    assert_eq!(bytes(ewc, "hybrid-8"), 2 * n + 2 * (n + 4 * n));
    let replay = |stored| StrategyKind::Replay { buffer: 50, per_step: 8, stored, balanced: true };
    assert_eq!(bytes(replay(StoredLatent::OneBit), "hybrid-8"), 2 * n + 50 * (3 + 2));
    assert_eq!(bytes(replay(StoredLatent::Features), "hybrid-8"), 2 * n + 50 * (24 + 2));
    // 32-bit offsets twice (kept and in the dot products' unit), sums and counts.
    assert_eq!(bytes(StrategyKind::NearestMean, "hybrid-8"), 2 * n + (4 + 4 + 4) * 4 + 4 * (n + 4));
}

/// As above with a 24 × 24 layer: latent weights, their signs, two f32 sums, and after an experience an anchor and a 32-bit pull.
#[test]
fn the_layers_state_is_counted_to_the_byte() {
    let toy = Toy::new(4, 24, 64);
    let kind: StrategyKind = "ar1-star".parse().unwrap();
    let config = config("hybrid-8");
    let (head, layer) = (2 * 4 * 24 + 4 * 4, 24 * 24);
    let fresh = kind.build(&config, 4, 24, 1).unwrap();
    assert_eq!(fresh.state_bytes(), head + layer + layer / 8 + 8 * layer);
    assert_eq!(learn(kind, &config, &toy).0.state_bytes(), head + layer + layer / 8 + 8 * layer + layer + 4 * layer);
}

/// Stored latents that are one bit already (the features of a fully binary network) come back as they were.
#[test]
fn one_bit_latents_of_binary_features_are_lossless() {
    let toy = Toy::new(4, 24, 160);
    let mut config = config("hybrid-8");
    config.precision = config.precision.with_format("features", "binary").unwrap();
    let replay = |stored| StrategyKind::Replay { buffer: 40, per_step: 8, stored, balanced: true };
    let (a, b) =
        (learn(replay(StoredLatent::OneBit), &config, &toy), learn(replay(StoredLatent::Features), &config, &toy));
    assert_eq!(a.0.head().master(), b.0.head().master());
}

/// 65504 is the largest f16: more is limited and counted, and 1 + 2^-11 + 2^-30 rounds up once, not down by way of f32.
#[test]
fn half_precision_overflows_in_the_open_and_rounds_once() {
    let precision = Precision::preset("float").unwrap().with_format("features", "f16").unwrap();
    let x = [1e6f32, -3.0, 70_000.0, 2.0];
    let mut stage =
        FeatureStage::calibrate(&precision, RawFeatures::Reals(&[0.0, 1.0]), 1, Standardise::No, 0).unwrap();
    let table = stage.prepare(RawFeatures::Reals(&x)).unwrap();
    assert_eq!(table.values(), &Values::Real(vec![65_504.0, -3.0, 65_504.0, 2.0]));
    assert_eq!((stage.count().total, stage.count().overflowed), (4, 2));
    // (x − mean) / deviation in f64 is just above the tie of f16 and on it in f32.
    let raw = [3i32, 1];
    let mut stage =
        FeatureStage::calibrate(&precision, RawFeatures::Ints(&[0, 0, 3, 3]), 1, Standardise::PerFeature, 0).unwrap();
    let FeatureTableValues(values) = stage.prepare(RawFeatures::Ints(&raw)).unwrap().into();
    let exact = (1.0f64 - 1.5) / 1.5;
    assert_eq!(
        f64::from(values[1]),
        f64::from(tinyprec::numeric::half_float::f16_to_f32(tinyprec::numeric::half_float::f64_to_f16(exact)))
    );
}

struct FeatureTableValues(Vec<f32>);

impl From<FeatureTable> for FeatureTableValues {
    fn from(table: FeatureTable) -> Self {
        assert_eq!(table.format(), Format::F16);
        Self(table.values().to_f64().into_iter().map(|x| x as f32).collect())
    }
}

#[test]
fn wide_affine_probabilities_are_refused_with_the_way_out() {
    for slot in ["logits", "probabilities"] {
        let format = "int32:affine:static(0,1)";
        let precision = Precision::preset("hybrid-8").unwrap().with_format(slot, format).unwrap();
        let error = HeadConfig::new(precision, 0.1).validate().unwrap_err().to_string();
        assert!(error.contains("int30:affine"), "{error}");
    }
}

/// A penalty too strong for its rate says so and names the way out; it does not go on with garbage.
#[test]
fn a_pull_that_overshoots_is_an_error() {
    let toy = Toy::new(4, 24, 320);
    let config = config("paper-8");
    let kind = StrategyKind::Anchored { lambda: 1e9, importance: Importance::Separate };
    let mut strategy = kind.build(&config, 4, 24, 3).unwrap();
    let table = toy.table(&config);
    let rows: Vec<usize> = (0..320).collect();
    let mut experience = |i: usize| {
        let plan = (i, 40, EpochOrder::new(1));
        let of_classes: Vec<usize> = rows.iter().copied().filter(|&r| toy.labels[r] / 2 == i).collect();
        train_experience(strategy.as_mut(), toy.samples(&table, &of_classes), plan, &mut NullSink, &mut |_, _| {})
    };
    experience(0).unwrap();
    let error = experience(1).unwrap_err();
    assert!(matches!(error, LearnError::Diverged) && error.to_string().contains("lower `lambda`"), "{error}");
}
