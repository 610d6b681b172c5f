//! Every slot in every kind of format: it runs, or a typed error says why not; calls and fidelity beside it.

mod learn_support;

use learn_support::{Toy, accuracy, train, try_train};
use tinyprec::learn::*;
use tinyprec::trace::{CallLog, Sink};

const FORMATS: [&str; 14] = [
    "f32",
    "f16",
    "bf16",
    "binary",
    "int4:static(-2,2)",
    "int8:affine",
    "int8:affine:frozen",
    "int12:frozen",
    "int16:affine:static(-3,3)",
    "int16:pow2",
    "int24",
    "q3.12",
    "q1.30",
    "accumulator",
];

/// Each slot of each preset set to each format, with and without momentum and bias: no panic, no silent failure.
#[test]
fn every_slot_takes_every_format_or_says_why_not() {
    let toy = Toy::new(3, 5, 36);
    let (mut ran, mut refused) = (0, 0);
    for (i, preset) in ["float", "hybrid-8", "hybrid-32", "paper-16"].into_iter().enumerate() {
        for (j, slot) in SlotName::ALL.into_iter().enumerate() {
            for (k, format) in FORMATS.into_iter().enumerate() {
                let precision = Precision::preset(preset).unwrap().with_format(slot.name(), format).unwrap();
                let mut config = HeadConfig::new(precision, 0.05);
                config.batch = 5;
                config.momentum = if (i + k) % 2 == 0 { 0.5 } else { 0.0 };
                config.weight_decay = if k % 3 == 0 { 0.01 } else { 0.0 };
                config.bias = [BiasPolicy::None, BiasPolicy::Consolidate, BiasPolicy::AsTrained][(i + j + k) % 3];
                config.unseen = if k % 2 == 0 { UnseenRows::Zero } else { UnseenRows::AsTrained };
                if config.validate().is_err() && slot == SlotName::Features {
                    refused += 1;
                    continue;
                }
                match try_train(&config, &toy, 1) {
                    Ok(cwr) => {
                        ran += 1;
                        let finite = cwr.head().master().to_f64().iter().all(|w| w.is_finite());
                        assert!(finite, "{preset} {slot} = {format}");
                    }
                    Err(LearnError::Impossible { slot: at, .. }) => {
                        refused += 1;
                        assert!(at == slot || at == SlotName::Update, "{preset} {slot} = {format} blames {at}");
                    }
                    Err(other) => panic!("{preset} {slot} = {format}: {other}"),
                }
            }
        }
    }
    assert!(ran > 300 && refused > 100, "{ran} ran, {refused} refused");
}

#[test]
fn every_preset_learns() {
    let toy = Toy::new(4, 16, 200);
    for preset in Precision::PRESETS {
        let config = HeadConfig::new(Precision::preset(preset).unwrap(), 0.05);
        let mut cwr = train(&config, &toy, 5);
        let accuracy = accuracy(&mut cwr, &toy);
        assert!(accuracy > 0.85, "{preset}: {accuracy}");
    }
}

/// What execution records and what shapes alone say are one list.
#[test]
fn calls_from_execution_equal_calls_from_shapes() {
    let toy = Toy::new(3, 10, 24);
    for preset in Precision::PRESETS {
        for bias in [BiasPolicy::None, BiasPolicy::Consolidate, BiasPolicy::AsTrained] {
            for momentum in [0.0, 0.9] {
                let mut config = HeadConfig::new(Precision::preset(preset).unwrap(), 0.1);
                (config.bias, config.momentum, config.batch) = (bias, momentum, 6);
                let listed = |unit| {
                    let mut log = CallLog::default();
                    head_calls(&config, 3, 10, unit).unwrap().into_iter().for_each(|c| log.record(c));
                    log
                };
                let mut cwr = CwrStar::new(config.clone(), 3, 10, 0).unwrap();
                let table = toy.table(&config);
                let rows: Vec<usize> = (0..24).collect();
                let mut ran = CallLog::default();
                cwr.begin_experience(&[8, 0, 8], &mut ran).unwrap();
                assert_eq!(ran, listed(HeadUnit::Begin), "{preset}");
                for batch in [6, 4] {
                    let mut ran = CallLog::default();
                    cwr.observe(toy.samples(&table, &rows[..batch]), &mut ran).unwrap();
                    assert_eq!(ran, listed(HeadUnit::Step { batch }), "{preset}");
                }
                let mut ran = CallLog::default();
                cwr.end_experience(toy.samples(&table, &rows), &mut ran).unwrap();
                assert_eq!(ran, listed(HeadUnit::Consolidation { current: 2 }), "{preset}");
                let mut ran = CallLog::default();
                cwr.predict(&table, 0, &mut ran).unwrap();
                // The feature stage standardises before the head sees the image.
                let after_standardise = listed(HeadUnit::Forward).into_calls().split_off(1);
                assert_eq!(ran.into_calls(), after_standardise, "{preset}");
            }
        }
    }
}

/// The f64 twin: float is exact to f32, and gradient and weight errors fall as bits rise.
#[test]
fn fidelity_improves_with_bits() {
    let toy = Toy::new(4, 12, 64);
    let mean = |preset: &str, role: SlotName| {
        let mut precision = Precision::preset(preset).unwrap();
        precision = precision.with_format("features", "int8:static(-4,4)").unwrap();
        if preset != "float" {
            // hybrid-8's own 8-bit copy is its master, without error; one wide copy for both isolates the backward pass.
            precision = precision.with_format("weights.forward", "int16:static(-1,1)").unwrap();
        }
        let config = HeadConfig::new(precision, 0.05);
        let table = toy.table(&config);
        let mut head = Head::new(config, 4, 12, 0).unwrap();
        let (mut twin, mut points) = (Twin::new(), Vec::new());
        for step in 0..6 {
            let rows: Vec<usize> = (0..10).map(|i| step * 10 + i).collect();
            twin.step(&mut head, toy.samples(&table, &rows), &mut tinyprec::trace::NullSink, &mut points).unwrap();
        }
        assert!(points.iter().filter(|p| p.role == SlotName::Gradient).all(|p| p.mape.is_some()));
        assert!(points.iter().filter(|p| p.role == SlotName::Update).all(|p| p.vanished.is_some()));
        let of: Vec<f64> = points.iter().filter(|p| p.role == role).map(|p| p.relative_l2).collect();
        assert!(of.len() >= 5, "{preset} {role}: {} points", of.len());
        of.iter().sum::<f64>() / of.len() as f64
    };
    for role in [SlotName::Error, SlotName::Gradient, SlotName::Update, SlotName::WeightsMaster] {
        let errors = ["hybrid-8", "hybrid-16", "float"].map(|p| mean(p, role));
        assert!(errors[0] > errors[1] && errors[1] > errors[2] && errors[2] < 1e-5, "{role}: {errors:?}");
    }
    for role in [SlotName::Logits, SlotName::Probabilities, SlotName::WeightsForward] {
        assert!(mean("hybrid-16", role) < 0.2 && mean("float", role) < 1e-5, "{role}");
    }
}

#[test]
fn errors_name_the_slot_and_the_way_out() {
    let refused = |slot: &str, format: &str| {
        let precision = Precision::preset("hybrid-8").unwrap().with_format(slot, format).unwrap();
        HeadConfig::new(precision, 0.1).validate().unwrap_err().to_string()
    };
    assert!(refused("features", "int8").contains("write frozen or static"));
    assert!(refused("weights.master", "binary").contains("at least int2"));
    assert!(refused("error", "accumulator").contains("give a number format"));
    assert!(refused("weights.master", "int8:per-channel:static(-1,1)").contains("drop per-channel"));
    let text = |e: Result<Precision, LearnError>| e.unwrap_err().to_string();
    assert!(text(Precision::preset("hybrid-9")).contains("hybrid-8, hybrid-16"));
    let base = || Precision::preset("float").unwrap();
    assert!(text(base().with_format("weights", "int8")).contains("weights.master"));
    assert!(text(base().with_format("error", "int33")).contains("2 to 32 bits"));
    let spec: Result<PrecisionSpec, _> = toml::from_str("preset = \"float\"\nslot = {}");
    assert!(spec.is_err(), "unknown keys are errors");
    let mut config = HeadConfig::new(base(), 0.1);
    config.momentum = 1.0;
    assert!(config.validate().unwrap_err().to_string().contains("momentum = 1"));
}
