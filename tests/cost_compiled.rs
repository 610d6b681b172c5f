//! The compiled evaluator against the interpreter, on every board with kernels, over shapes.

#[path = "cost_support/quicknet.rs"]
mod quicknet;

use quicknet::{calls, head};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::slice::from_ref;
use tinyprec::cost::{self, Cost, CostError, Estimator, Kernel, KernelSet, Range};
use tinyprec::nn::{Graph, networks};
use tinyprec::profile;
use tinyprec::trace::{BufferKind, BufferUse, Dims, KernelCall, Phase};

const BOARDS: [&str; 4] = ["stm32l4r5", "stm32f746", "rpi3b-plus", "esp32-c3"];

fn board_of(core: &str) -> profile::Profile {
    let found = BOARDS.iter().map(|b| profile::load(b).expect("built in")).find(|b| b.core.core == core);
    found.unwrap_or_else(|| panic!("no board with {core}"))
}

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

/// Both ways to price a list agree in every phase and number, or both refuse it.
fn assert_agree(estimator: &Estimator, pattern: &[KernelCall], list: &[KernelCall], what: &str) -> bool {
    let mut compiled = estimator.compile(pattern).unwrap_or_else(|e| panic!("{what}: {e}"));
    match (compiled.price(list), estimator.estimate(list)) {
        (Ok(point), Ok(table)) => {
            assert!(equal(&point.total, &table.total), "{what}: {:?} {:?}", point.total, table.total);
            for phase in &table.phases {
                assert!(equal(point.phase(phase.phase), &phase.cost), "{what} {:?}", phase.phase);
            }
            assert_eq!(point.memory.arena_bytes, table.memory.arena.bytes, "{what}");
            true
        }
        // Where a shape asks for another kernel, only the list compiled for it has a price.
        (Err(CostError::OtherShape { .. }), Ok(_)) => {
            let same = |call: &KernelCall, old: &KernelCall| {
                estimator.kernel(call).expect("priced").key() == estimator.kernel(old).expect("compiled").key()
            };
            let is_other = list.iter().zip(pattern).any(|(call, old)| !same(call, old));
            assert!(is_other, "{what}: refused");
            false
        }
        (Err(_), Err(_)) => false,
        (point, table) => panic!("{what}: {point:?}\n{:?}", table.map(|t| t.total)),
    }
}

/// Dimensions that the kernel's numbers and conditions name.
fn dims_of(kernel: &Kernel) -> BTreeSet<String> {
    let levels = kernel.levels.iter().flat_map(|l| [&l.trips, &l.trips_low, &l.trips_high]);
    let traffic = kernel.traffic.iter().flat_map(|t| std::iter::once(&t.bytes).chain(&t.reuse_bytes));
    let exprs = levels.chain(traffic).chain(&kernel.scratch_bytes);
    let mut names: BTreeSet<String> = exprs.flat_map(|e| e.dims().map(str::to_owned).collect::<Vec<_>>()).collect();
    let words = kernel.when.iter().flat_map(|when| when.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic()) && !["min", "max"].contains(word);
    names.extend(words.filter(is_name).map(str::to_owned));
    names
}

/// A call of the kernel with sizes of its own, about the widths at which loops change: `None` where chance found none that it runs.
fn random_call(set: &KernelSet, kernel: &Kernel, rng: &mut StdRng) -> Option<KernelCall> {
    let names = dims_of(kernel);
    let conditions = kernel.when.iter().flat_map(|when| when.split_whitespace());
    let fixed: Vec<(&str, u64)> =
        conditions.filter_map(|c| c.split_once('=').map(|(n, v)| (n, v.parse().unwrap_or(0)))).collect();
    let mut size = |name: &str| match fixed.iter().find(|(n, _)| *n == name) {
        Some((_, value)) => *value,
        None if name.starts_with("pad") => rng.random_range(0..3),
        None if rng.random_bool(0.3) => rng.random_range(1..5),
        None if rng.random_bool(0.5) => 4 * rng.random_range(1..20),
        None => rng.random_range(1..80),
    };
    (0..60).find_map(|_| {
        let dims = names.iter().fold(Dims::new(), |dims, name| dims.with(name, size(name)));
        let call = KernelCall::new(kernel.op, Phase::Inference, "call").dims(dims).elems(&kernel.elems);
        let found = set.find_call(&call).map(|at| &set.kernels()[at]);
        let kinds = [BufferKind::Weights, BufferKind::Activation, BufferKind::State];
        let buffer = |kind: BufferKind| {
            BufferUse::new(&format!("{kind:?}"), size("bytes") * 100, kind, tinyprec::trace::Access::Read)
        };
        found
            .filter(|found| found.key() == kernel.key())
            .map(|_| kinds.into_iter().map(buffer).fold(call, KernelCall::buffer))
    })
}

/// Loops that a shape never enters, kernels that another shape asks for, borders of no width.
fn check_every_kernel(sets: impl Iterator<Item = (&'static str, &'static str)>) {
    let mut rng = StdRng::seed_from_u64(4);
    let (mut shapes, mut kernels, mut unreached) = (0, 0, 0);
    for (core, name) in sets {
        let board = board_of(core);
        let set = cost::kernel_set(core, name).unwrap_or_else(|e| panic!("{e}"));
        let base = cost::kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        let is_in_base = |kernel: &Kernel| {
            let found = base.find_when(kernel.op, &kernel.elems, kernel.when.as_deref());
            name != "gcc12-o2" && found.is_some_and(|at| base.kernels()[at] == *kernel)
        };
        let estimator = Estimator::new(&board, &set).unwrap_or_else(|e| panic!("{e}"));
        for kernel in set.kernels().iter().filter(|kernel| !is_in_base(kernel)) {
            kernels += 1;
            let calls: Vec<KernelCall> = (0..5).filter_map(|_| random_call(&set, kernel, &mut rng)).collect();
            let Some(pattern) = calls.iter().find(|call| estimator.compile(from_ref(*call)).is_ok()) else {
                unreached += 1;
                continue;
            };
            for call in &calls {
                let what = format!("{core} {name} {} {:?}", kernel.symbol, call.dims);
                let agree = assert_agree(&estimator, from_ref(pattern), from_ref(call), &what);
                shapes += usize::from(agree);
            }
        }
    }
    println!("{kernels} kernels, {shapes} shapes; {unreached} kernels without a shape");
    assert!(unreached * 20 < kernels, "{unreached} of {kernels}");
}

#[test]
fn every_kernel_of_two_cores_costs_the_same_compiled_for_any_shape() {
    let is_fast =
        |(core, name): &(&str, &str)| ["cortex-m4", "cortex-a53"].contains(core) && name.starts_with("gcc12-o2");
    check_every_kernel(cost::kernel_sets().into_iter().filter(is_fast));
}

#[test]
#[ignore = "a minute: every kernel of every set"]
fn every_kernel_costs_the_same_compiled_for_any_shape() {
    check_every_kernel(cost::kernel_sets().into_iter());
}

/// Whole networks, int8 and binary, and heads of odd sizes, in every kernel set of every core.
#[test]
fn networks_and_heads_cost_the_same_compiled_in_every_set() {
    let mut rng = StdRng::seed_from_u64(5);
    let names = ["ResNet-8", "DS-CNN"];
    let found: Vec<Vec<KernelCall>> = networks::ARCHITECTURES
        .iter()
        .filter(|a| names.contains(&a.name))
        .map(|a| a.build(a.options(), &mut networks::Shapes).expect("it builds"))
        .map(|built| Graph::new(built.spec).expect("valid").calls())
        .collect();
    assert_eq!(found.len(), names.len());
    for (core, name) in cost::kernel_sets() {
        let board = board_of(core);
        let set = cost::kernel_set(core, name).unwrap_or_else(|e| panic!("{e}"));
        let estimator = Estimator::new(&board, &set).unwrap_or_else(|e| panic!("{e}"));
        for network in &found {
            if estimator.compile(network).is_err() {
                continue;
            }
            for _ in 0..3 {
                let mut other = network.clone();
                for call in &mut other {
                    let resized: Vec<(String, u64)> = call.dims.sizes().to_vec();
                    for (name, value) in resized
                        .iter()
                        .filter(|(n, _)| ["oh", "ow", "oc", "channels", "rows", "pixels"].contains(&n.as_str()))
                    {
                        call.dims.set(name, (value + rng.random_range(0..8)).saturating_sub(3).max(1));
                    }
                }
                assert_agree(&estimator, network, &other, &format!("{core} {name}"));
            }
        }
        for preset in ["hybrid-8", "hybrid-16", "float"] {
            let shapes: Vec<Vec<KernelCall>> = (0..3)
                .map(|_| {
                    let (image, width, classes) =
                        (rng.random_range(20..200), 16 * rng.random_range(1..9), rng.random_range(2..90));
                    calls(image, width, 2, &head(preset, rng.random_range(1..40)), classes)
                })
                .collect();
            if estimator.compile(&shapes[0]).is_err() {
                continue;
            }
            shapes.iter().for_each(|list| {
                assert_agree(&estimator, &shapes[0], list, &format!("{core} {name} {preset}"));
            });
        }
    }
}
