//! The compiled evaluator against the interpreter, on every board with kernels, over shapes.

#[path = "cost_support/quicknet.rs"]
mod quicknet;

use quicknet::{calls, head};
use tinyprec::cost::{self, Cost, CostError, Estimator, Range};
use tinyprec::profile;
use tinyprec::trace::Phase;

fn near(a: Range, b: Range) -> bool {
    [(a.low, b.low), (a.mid, b.mid), (a.high, b.high)].iter().all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs() + 1e-6)
}

fn equal(a: &Cost, b: &Cost) -> bool {
    near(a.cycles, b.cycles) && near(a.latency_ms, b.latency_ms) && near(a.energy_uj, b.energy_uj)
}

#[test]
fn a_compiled_list_costs_what_the_interpreter_says_for_every_shape() {
    for name in ["stm32l4r5", "stm32f446,cache=off", "stm32h743", "stm32f746,weights=ram", "rpi3b-plus", "rpi-zero-2w"]
    {
        let board = profile::load(name).unwrap_or_else(|e| panic!("{e}"));
        let kernels = cost::kernel_set(&board.core.core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        let estimator = Estimator::new(&board, &kernels).unwrap_or_else(|e| panic!("{e}"));
        for preset in ["hybrid-8", "float"] {
            let mut compiled = estimator.compile(&calls(96, 64, 2, &head(preset, 8), 10)).expect("compiled");
            for (image, width, batch, classes) in
                [(96, 64, 8, 10), (224, 32, 32, 100), (33, 128, 1, 3), (64, 96, 7, 50)]
            {
                let list = calls(image, width, 2, &head(preset, batch), classes);
                let (point, table) =
                    (compiled.price(&list).expect("priced"), estimator.estimate(&list).expect("priced"));
                assert!(equal(&point.total, &table.total), "{name}: {:?} {:?}", point.total, table.total);
                for phase in &table.phases {
                    assert!(equal(point.phase(phase.phase), &phase.cost), "{name} {:?}", phase.phase);
                }
                let (memory, plan) = (point.memory, &table.memory);
                assert_eq!((memory.ram_bytes, memory.flash_bytes), (plan.ram_bytes, plan.flash_bytes), "{name}");
                assert_eq!(memory.arena_bytes, plan.arena.bytes, "{name}");
            }
        }
    }
}

#[test]
fn another_structure_is_refused() {
    let board = profile::load("stm32l4r5").expect("built in");
    let kernels = cost::kernel_set("cortex-m4", "gcc12-o2").expect("built in");
    let estimator = Estimator::new(&board, &kernels).expect("timed");
    let list = calls(96, 64, 2, &head("hybrid-8", 8), 10);
    let mut compiled = estimator.compile(&list).expect("compiled");
    let other = compiled.price(&calls(96, 64, 2, &head("hybrid-16", 8), 10)).expect_err("other element types");
    assert!(matches!(other, CostError::OtherShape { .. }), "{other}");
    assert!(compiled.price(&list[1..]).is_err(), "a call less");
    let mut renamed = list.clone();
    renamed[3].buffers[0].name.push('x');
    assert!(compiled.price(&renamed).is_err(), "another buffer");
    let point = compiled.price(&list).expect("the same list");
    assert!(point.phase(Phase::Update).cycles.mid > 0.0);
}
