//! Every operation of the presets' head has a compiled kernel on every core, and its closed form evaluates on the call's dimensions.

use tinyprec::cost::kernel_set;
use tinyprec::learn::{HeadConfig, HeadUnit, Precision, head_calls};

#[test]
fn every_call_of_the_four_presets_has_a_kernel_on_every_core() {
    for core in ["cortex-m4", "cortex-m7", "cortex-a53", "rv32imc"] {
        let set = kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        for (preset, momentum) in
            ["float", "hybrid-8", "hybrid-16", "hybrid-32"].into_iter().flat_map(|p| [(p, 0.0), (p, 0.9)])
        {
            let mut config = HeadConfig::new(Precision::preset(preset).expect("a preset"), 0.01);
            config.momentum = momentum;
            let units = [
                HeadUnit::Forward,
                HeadUnit::Step { batch: 32 },
                HeadUnit::Begin,
                HeadUnit::Consolidation { current: 2 },
            ];
            for call in units.into_iter().flat_map(|unit| head_calls(&config, 10, 504, unit).expect("valid")) {
                let found = set.find(call.op, &call.elems);
                let kernel = &set.kernels()
                    [found.unwrap_or_else(|| panic!("{core} {preset}: no kernel for {:?} {:?}", call.op, call.elems))];
                let trips = kernel
                    .levels
                    .iter()
                    .map(|l| l.trips.eval(&call.dims).unwrap_or_else(|e| panic!("{core} {}: {e}", kernel.symbol)));
                assert!(trips.sum::<u64>() > 0, "{core} {}: no instruction", kernel.symbol);
                for traffic in &kernel.traffic {
                    traffic.bytes.eval(&call.dims).unwrap_or_else(|e| panic!("{core} {}: {e}", kernel.symbol));
                }
            }
        }
    }
}
