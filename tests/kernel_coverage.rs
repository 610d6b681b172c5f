//! Every operation of the presets' head and of the networks that the pipeline can run has a compiled kernel on every core, and its
//! closed forms evaluate on the call's dimensions.

use tinyprec::cost::{KernelSet, kernel_set};
use tinyprec::learn::{HeadConfig, HeadUnit, Moment, Precision, SlotName, StrategyKind, head_calls};
use tinyprec::nn::{Graph, networks};
use tinyprec::numeric::Rounding;
use tinyprec::trace::{Elem, KernelCall};

/// Strategies beside CWR*, and the presets whose formats they have twins for: the `paper` ones have none of EWC's and MAS's pulls.
const STRATEGIES: [&str; 10] =
    ["cwr-plus", "naive", "joint", "lwf", "ewc", "ewc-online", "mas", "slda", "nearest-mean", "replay"];
const STRATEGY_PRESETS: [&str; 4] = ["float", "hybrid-8", "hybrid-16", "hybrid-32"];
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
        let [low, mid, high] =
            [&level.trips_low, &level.trips, &level.trips_high].map(|e| e.eval(&call.dims).unwrap_or_else(|e| at(&e)));
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
    let presets = ["float", "hybrid-8", "hybrid-16", "hybrid-32", "paper-8", "paper-16", "paper-32"];
    for core in CORES {
        let set = kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        for (preset, momentum) in presets.into_iter().flat_map(|p| [(p, 0.0), (p, 0.9)]) {
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

#[test]
fn every_call_of_every_strategy_has_a_kernel_on_every_core() {
    for core in CORES {
        let set = kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        for (preset, name) in STRATEGIES.into_iter().flat_map(|s| STRATEGY_PRESETS.map(|p| (p, s))) {
            let kind: StrategyKind = name.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
            let config = HeadConfig::new(Precision::preset(preset).expect("a preset"), 0.01);
            let units = [
                HeadUnit::Forward,
                HeadUnit::Step { batch: 16 },
                HeadUnit::Begin,
                HeadUnit::Consolidation { current: 2 },
            ];
            let moment = Moment { experience: 2, samples: 40, held: 100 };
            for unit in units {
                let calls = kind.calls(&config, (10, 504), unit, moment).unwrap_or_else(|e| panic!("{name}: {e}"));
                calls.iter().for_each(|call| price(&set, &format!("{name} {preset}"), call));
            }
        }
    }
}

#[test]
fn every_call_of_the_published_one_bit_networks_has_a_kernel_on_every_core() {
    let sets = CORES.map(|core| kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}")));
    let mut networks_priced = 0;
    for architecture in networks::ARCHITECTURES {
        let built = architecture.build(architecture.options(), &mut networks::Shapes).expect("it builds");
        let calls = Graph::new(built.spec).expect("a valid network").calls();
        // Maps or weights of two planes, and first layers on signed codes, have no twin yet.
        if calls.iter().any(|call| call.elems.contains(&Elem::B2) || call.elems.starts_with(&[Elem::I8, Elem::B1])) {
            continue;
        }
        // Nor has every operation: CNV's 8-bit first layer with its threshold is one.
        if calls.iter().any(|call| sets.iter().any(|set| set.find_call(call).is_none())) {
            continue;
        }
        networks_priced += 1;
        for (set, call) in sets.iter().flat_map(|set| calls.iter().map(move |call| (set, call))) {
            price(set, architecture.name, call);
        }
    }
    assert!(networks_priced >= 10, "{networks_priced} networks");
}
