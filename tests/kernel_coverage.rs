//! Every operation of the presets' head and of the networks that the pipeline can run has a compiled kernel on every core, and its
//! closed forms evaluate on the call's dimensions.

use std::collections::{BTreeMap, BTreeSet};
use tinyprec::cost::{KernelSet, kernel_set, kernel_set_for};
use tinyprec::learn::{HeadConfig, HeadUnit, Moment, Precision, SlotName, StrategyKind, head_calls};
use tinyprec::nn::{Graph, networks};
use tinyprec::numeric::Rounding;
use tinyprec::trace::{Elem, KernelCall, Op};

const PRESETS: [&str; 7] = ["float", "hybrid-8", "hybrid-16", "hybrid-32", "paper-8", "paper-16", "paper-32"];
const CORES: [&str; 4] = ["cortex-m4", "cortex-m7", "cortex-a53", "rv32imc"];

/// The kernel of a call has instructions, and none of its expressions fails.
fn price(set: &KernelSet, what: &str, call: &KernelCall) {
    let core = set.core();
    let found = set.find_call(call).unwrap_or_else(|| {
        panic!("{core} {what}: no kernel for {:?} {:?} at {}", call.op, call.elems, call.site);
    });
    let kernel = &set.kernels()[found];
    let at = |e: &dyn std::fmt::Display| -> ! { panic!("{core} {what} {} {}: {e}", call.site, kernel.symbol) };
    let mut trips = 0;
    for level in &kernel.levels {
        let [low, mid, high] = [&level.trips_low, &level.trips, &level.trips_high]
            .map(|e| e.eval_or_zero(&call.dims).unwrap_or_else(|e| at(&e)));
        assert!(low <= mid && mid <= high, "{core} {} {}: {low} {mid} {high}", kernel.symbol, level.name);
        trips += mid;
    }
    assert!(trips > 0, "{core} {}: no instruction", kernel.symbol);
    for traffic in &kernel.traffic {
        traffic.bytes.eval(&call.dims).unwrap_or_else(|e| at(&e));
    }
}

#[test]
fn every_call_of_the_presets_head_has_a_kernel_on_every_core() {
    for core in CORES {
        let set = kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        for (preset, momentum) in PRESETS.into_iter().flat_map(|p| [(p, 0.0), (p, 0.9)]) {
            let mut config = HeadConfig::new(Precision::preset(preset).expect("a preset"), 0.01);
            config.momentum = momentum;
            let units = [
                HeadUnit::Forward,
                HeadUnit::Step { batch: 32 },
                HeadUnit::Begin,
                HeadUnit::Consolidation { current: 2 },
            ];
            for call in units.into_iter().flat_map(|unit| head_calls(&config, 10, 504, unit).expect("valid")) {
                price(&set, preset, &call);
            }
        }
    }
}

/// Formats of one slot, beside a preset's others.
#[test]
fn every_call_of_the_heads_other_formats_has_a_kernel_on_every_core() {
    let changed = |preset: &str, slot: SlotName, format: &str| {
        let mut precision = Precision::preset(preset).expect("a preset");
        precision.slot_mut(slot).format = format.parse().expect("a format");
        precision
    };
    let stochastic = |preset: &str| {
        let mut precision = Precision::preset(preset).expect("a preset");
        precision.slot_mut(SlotName::Update).rounding = Rounding::Stochastic;
        precision
    };
    let mut list = vec![
        changed("float", SlotName::WeightsForward, "f16"),
        changed("float", SlotName::WeightsForward, "bf16"),
        stochastic("hybrid-8"),
        stochastic("hybrid-16"),
        stochastic("hybrid-32"),
    ];
    for preset in ["hybrid-8", "hybrid-16", "hybrid-32"] {
        for format in ["binary", "int2:static(-1,1)", "int4:static(-1,1)", "int7:static(-1,1)"] {
            list.push(changed(preset, SlotName::WeightsForward, format));
        }
        list.push(changed(preset, SlotName::Features, "binary"));
    }
    for core in CORES {
        let set = kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        for precision in &list {
            let config = HeadConfig::new(precision.clone(), 0.01);
            let what = format!("{precision:?}");
            for unit in [HeadUnit::Forward, HeadUnit::Step { batch: 32 }] {
                head_calls(&config, 10, 504, unit).expect("valid").iter().for_each(|call| price(&set, &what, call));
            }
        }
    }
}

/// Formats, roundings and hyper-parameters that a step can be priced with beside the presets', one change each.
#[test]
fn every_call_of_a_changed_slot_has_a_kernel_on_every_core() {
    let with = |preset: &str, changes: &[(SlotName, &str)]| {
        let mut precision = Precision::preset(preset).expect("a preset");
        for (slot, format) in changes {
            precision.slot_mut(*slot).format = format.parse().expect("a format");
        }
        HeadConfig::new(precision, 0.01)
    };
    let random = |mut config: HeadConfig, slot: SlotName, momentum: f64, decay: f64| {
        config.precision.slot_mut(slot).rounding = Rounding::Stochastic;
        (config.momentum, config.weight_decay) = (momentum, decay);
        config
    };
    use SlotName::{Bias, Consolidated, Error, Features, Gradient, Logits, Update, WeightsForward, WeightsMaster};
    let of_rows = |format| [(WeightsMaster, format), (Consolidated, format), (Bias, format)];
    let mut list = vec![
        with("float", &[(Features, "f16")]),
        random(with("paper-8", &[]), Update, 0.0, 0.0),
        random(with("hybrid-8", &[(WeightsForward, "int16:static(-1,1)")]), WeightsForward, 0.0, 0.0),
    ];
    for preset in ["hybrid-8", "hybrid-16", "hybrid-32"] {
        list.push(with(preset, &[(WeightsForward, "int16:static(-1,1)")]));
        list.push(with(preset, &[(Features, "int16:static(-4,4)")]));
        list.push(with(preset, &[(Features, "int8:affine:static(-1,4)")]));
        list.push(with(preset, &[(Logits, "int8:static(-16,16)")]));
        for (momentum, decay) in [(0.0, 0.0), (0.9, 0.0), (0.9, 1e-4), (0.0, 1e-4)] {
            list.push(random(with(preset, &[]), Update, momentum, decay));
        }
        list.push(random(with(preset, &[]), Error, 0.0, 0.0));
    }
    list.push(random(with("hybrid-16", &[]), Gradient, 0.0, 0.0));
    let two = |bits: u32| format!("int{bits}:pow2:static(-1,1)");
    for bits in [8, 16] {
        let all =
            [WeightsMaster, Consolidated, WeightsForward, Error, Gradient, Features].map(|slot| (slot, two(bits)));
        let all: Vec<(SlotName, &str)> = all.iter().map(|(slot, format)| (*slot, format.as_str())).collect();
        list.push(with("hybrid-8", &all));
        list.push(with("hybrid-16", &all));
    }
    for format in ["int4:static(-1,1)", "int6:static(-1,1)"] {
        list.push(with("hybrid-8", &[(WeightsMaster, format), (Consolidated, format)]));
    }
    let narrow = [(Error, "int12:affine"), (Gradient, "int12:affine")];
    list.push(with("hybrid-16", &[&of_rows("int12:static(-1,1)")[..], &narrow].concat()));
    for core in CORES {
        let set = kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        for config in &list {
            let what = format!("{:?} {} {}", config.precision, config.momentum, config.weight_decay);
            for unit in [HeadUnit::Forward, HeadUnit::Step { batch: 32 }, HeadUnit::Consolidation { current: 2 }] {
                head_calls(config, 10, 504, unit).expect("valid").iter().for_each(|call| price(&set, &what, call));
            }
        }
    }
}

/// Every format of every slot, every rule of rounding of every slot, one change of a preset each.
fn one_change_each() -> Vec<(String, HeadConfig)> {
    let formats = [
        "f32",
        "f16",
        "bf16",
        "int4:static(-1,1)",
        "int8:static(-1,1)",
        "int12:static(-1,1)",
        "int16:static(-1,1)",
        "int32:static(-1,1)",
        "int8",
        "int16",
        "int8:affine",
        "int16:affine",
        "int32:affine",
        "q1.30",
        "q1.14",
    ];
    let rules = [Rounding::Floor, Rounding::TowardZero, Rounding::TiesUp, Rounding::TiesAway, Rounding::Stochastic];
    let mut list = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Precision), preset: &str, (momentum, decay): (f64, f64)| {
        let mut precision = Precision::preset(preset).expect("a preset");
        change(&mut precision);
        let mut config = HeadConfig::new(precision, 0.01);
        (config.momentum, config.weight_decay) = (momentum, decay);
        list.push((what, config));
    };
    for preset in PRESETS {
        for slot in SlotName::ALL {
            for format in formats {
                let change = |p: &mut Precision| p.slot_mut(slot).format = format.parse().expect("a format");
                add(format!("{preset} {slot}={format}"), &change, preset, (0.0, 0.0));
            }
            for rule in rules {
                let change = |p: &mut Precision| p.slot_mut(slot).rounding = rule;
                let hypers = [(0.0, 0.0), (0.9, 0.0), (0.9, 1e-4), (0.0, 1e-4)];
                for hyper in hypers.into_iter().take(if slot == SlotName::Update { 4 } else { 1 }) {
                    add(format!("{preset} {slot} {rule} {hyper:?}"), &change, preset, hyper);
                }
            }
        }
    }
    list
}

/// Slots and formats whose arithmetic no core of ours has an instruction for: products of more than 64 bits, and draws of as many.
fn has_no_kernel(call: &KernelCall) -> bool {
    use Elem::{I8, I32, I64};
    match (call.op, &call.elems[..]) {
        (Op::GradientAccumulate, [I32, I32, I64]) => true,
        (Op::Requantise, [I64, I8] | [I32, _]) => call.dims.get("stochastic").is_some(),
        _ => false,
    }
}

/// A kernel by what its calls ask for.
fn lacking_text(call: &KernelCall) -> String {
    const ASKED: [&str; 9] =
        ["affine", "checked", "packed", "stochastic", "multiplier", "magnitude", "running", "rule", "shift"];
    let asked = ASKED.into_iter().filter_map(|name| call.dims.get(name).map(|value| format!(" {name}={value}")));
    format!("{:?} {:?}{}", call.op, call.elems, asked.collect::<String>())
}

#[test]
fn one_change_of_a_preset_has_a_kernel_or_a_reason() {
    let sets = CORES.map(|core| kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}")));
    let mut priced = 0;
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (what, config) in one_change_each() {
        let units =
            [HeadUnit::Forward, HeadUnit::Step { batch: 32 }, HeadUnit::Begin, HeadUnit::Consolidation { current: 2 }];
        let Ok(calls) = units.into_iter().map(|unit| head_calls(&config, 10, 504, unit)).collect::<Result<Vec<_>, _>>()
        else {
            continue;
        };
        let calls = calls.concat();
        let missing = |set: &KernelSet| calls.iter().any(|call| set.find_call(call).is_none());
        if calls.iter().any(has_no_kernel) && sets.iter().any(missing) {
            let lacking = calls.iter().filter(|call| sets.iter().any(|set| set.find_call(call).is_none()));
            let texts: BTreeSet<String> = lacking.map(lacking_text).collect();
            refused.entry(texts.into_iter().collect::<Vec<_>>().join(", ")).or_default().push(what);
            continue;
        }
        priced += 1;
        sets.iter().for_each(|set| calls.iter().for_each(|call| price(set, &what, call)));
    }
    for (kernels, heads) in &refused {
        println!(
            "{:>4} without {kernels}, e.g. {}",
            heads.len(),
            heads.iter().take(3).cloned().collect::<Vec<_>>().join("; ")
        );
    }
    let n_refused: usize = refused.values().map(Vec::len).sum();
    println!("{priced} heads priced on four cores, {n_refused} refused");
    assert!(n_refused < 5, "{n_refused} refused, {priced} priced");
}

/// A kernel that does less than a call asks for is not its price.
#[test]
fn work_without_a_kernel_is_refused_and_named() {
    let mut precision = Precision::preset("paper-8").expect("a preset");
    precision.slot_mut(SlotName::WeightsMaster).rounding = Rounding::Stochastic;
    let calls = head_calls(&HeadConfig::new(precision, 0.01), 10, 64, HeadUnit::Step { batch: 1 }).expect("valid");
    let drawn = calls.iter().find(|call| call.elems == [Elem::I64, Elem::I8]).expect("the master from the fine grid");
    let profile = tinyprec::profile::load("stm32l4r5").unwrap_or_else(|e| panic!("{e}"));
    let set = kernel_set("cortex-m4", "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
    let estimator = tinyprec::cost::Estimator::owning(profile, set).unwrap_or_else(|e| panic!("{e}"));
    let message = estimator.kernel(drawn).expect_err("draws of more than 64 bits").to_string();
    assert!(message.contains("requantise [i64 i8] with stochastic"), "{message}");
}

#[test]
fn every_call_of_every_strategy_has_a_kernel_on_every_core() {
    for core in CORES {
        let set = kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        for (preset, name) in StrategyKind::NAMES.into_iter().flat_map(|s| PRESETS.map(|p| (p, s))) {
            let kind: StrategyKind = name.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
            let config = HeadConfig::new(Precision::preset(preset).expect("a preset"), 0.01);
            let units = [
                HeadUnit::Forward,
                HeadUnit::Step { batch: 16 },
                HeadUnit::Begin,
                HeadUnit::Consolidation { current: 2 },
            ];
            let moment = Moment { experience: 2, samples: 40, held: 100, known: 6 };
            let calls = units.into_iter().flat_map(|unit| {
                kind.calls(&config, (10, 504), unit, moment).unwrap_or_else(|e| panic!("{name}: {e}"))
            });
            let calls: Vec<KernelCall> = calls.collect();
            calls.iter().for_each(|call| price(&set, &format!("{name} {preset}"), call));
        }
    }
}

#[test]
fn every_call_of_every_network_has_a_kernel_on_every_core() {
    let sets = CORES.map(|core| kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}")));
    for architecture in networks::ARCHITECTURES {
        let built = architecture.build(architecture.options(), &mut networks::Shapes).expect("it builds");
        let calls = Graph::new(built.spec).expect("a valid network").calls();
        for (set, call) in sets.iter().flat_map(|set| calls.iter().map(move |call| (set, call))) {
            price(set, architecture.name, call);
        }
    }
}

/// The STM32F746 has no double precision, the STM32H743 has: what computes in double is the library's there, and nothing else differs.
#[test]
fn a_single_precision_float_unit_has_kernels_of_its_own() {
    let of = |board: &str| {
        let profile = tinyprec::profile::load(board).unwrap_or_else(|e| panic!("{e}"));
        kernel_set_for(&profile, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"))
    };
    let (single, double) = (of("stm32f746"), of("stm32h743"));
    assert_eq!((single.name(), double.name()), ("gcc12-o2", "gcc12-o2"));
    let pairs = single.kernels().iter().zip(double.kernels()).filter(|(s, d)| s != d);
    let differ: Vec<&str> = pairs.map(|(s, _)| s.symbol.as_str()).collect();
    assert!(differ.contains(&"tp_load_rows_f32_i8") && differ.len() < 30, "{differ:?}");
    assert!(!differ.contains(&"tp_head_forward_f32"), "{differ:?}");
}
