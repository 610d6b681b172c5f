//! Every operation of the presets' head and of the networks that the pipeline can run has a compiled kernel on every core, and its
//! closed forms evaluate on the call's dimensions.

use tinyprec::cost::{KernelSet, kernel_set};
use tinyprec::learn::{HeadConfig, HeadUnit, Precision, head_calls};
use tinyprec::nn::{Graph, networks};
use tinyprec::trace::{Elem, KernelCall};

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
    let presets = ["float", "hybrid-8", "hybrid-16", "hybrid-32", "paper-8", "paper-16"];
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
