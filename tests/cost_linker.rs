//! The memory plan against a linker: a program built from the C twins, the planned arena, state and constants, byte for byte.
//!
//! Needs arm-none-eabi-gcc; without it the test says that it was skipped, except under `CI=true`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tinyprec::cost::{self, Estimator, KernelSet, MemoryPlan};
use tinyprec::learn::{HeadConfig, HeadUnit, Precision, head_calls};
use tinyprec::profile::{self, Profile};
use tinyprec::trace::{BufferKind, CallLog, KernelCall, Sink};
use tinyprec::{export, import};

const GCC: &str = "arm-none-eabi-gcc";

/// A head's preset, momentum, minibatch and classes on a board with a kernel set.
const CONFIGURATIONS: [(&str, &str, &str, f64, usize, usize); 8] = [
    ("stm32l4r5", "gcc12-o2", "hybrid-8", 0.0, 32, 10),
    ("stm32l4r5", "gcc12-o2", "hybrid-16", 0.9, 8, 10),
    ("stm32f446", "gcc12-o2", "hybrid-32", 0.0, 1, 50),
    ("stm32f401", "gcc12-o2", "float", 0.9, 16, 3),
    ("stm32f746", "gcc12-o2", "hybrid-8", 0.9, 64, 7),
    ("stm32h743", "gcc12-o2", "hybrid-16", 0.0, 32, 100),
    ("stm32h7a3", "gcc12-o2", "float", 0.0, 4, 10),
    ("stm32f746,weights=ram", "gcc12-o2", "hybrid-32", 0.9, 5, 12),
];

/// Backbone and head: one image, one step, one consolidation.
fn calls(preset: &str, momentum: f64, batch: usize, classes: usize) -> Vec<KernelCall> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let graph =
        import::load(&root.join("experiments/backbones/mnist-bcnn.safetensors")).unwrap_or_else(|e| panic!("{e}"));
    let mut head = HeadConfig::new(Precision::preset(preset).expect("a preset"), 0.01);
    (head.momentum, head.batch) = (momentum, batch);
    let mut log = CallLog::default();
    graph.calls().into_iter().for_each(|call| log.record(call));
    let features = graph.feature_type().shape.len();
    for unit in [HeadUnit::Forward, HeadUnit::Step { batch }, HeadUnit::Begin, HeadUnit::Consolidation { current: 2 }] {
        head_calls(&head, classes, features, unit).expect("valid").into_iter().for_each(|call| log.record(call));
    }
    log.into_calls()
}

/// A C program with every buffer of the plan at its place, that keeps the kernels in use.
fn program(plan: &MemoryPlan, symbols: &[&str], align: u64, in_ram: bool) -> String {
    let mut text = String::from("#include \"tinyprec.h\"\n");
    // The linker drops what nothing names, so every array is named in `kept`.
    let mut names = Vec::new();
    let mut array = |kind: &str, name: String, bytes: u64| {
        let padded = bytes.next_multiple_of(align);
        writeln!(text, "{kind} unsigned char {name}[{padded}] __attribute__((aligned({align}), used)) = {{1}};")
            .expect("a string");
        names.push(name);
    };
    array("", "plan_arena".to_owned(), plan.arena.bytes);
    for (at, (_, kind, bytes)) in plan.permanent.iter().enumerate() {
        match kind {
            BufferKind::State => array("", format!("plan_state_{at}"), *bytes),
            _ if in_ram => array("", format!("plan_constant_{at}"), *bytes),
            _ => array("const", format!("plan_constant_{at}"), *bytes),
        }
    }
    for (at, placed) in plan.arena.placements.iter().enumerate() {
        let (end, offset) = (placed.offset + placed.buffer.bytes, placed.offset);
        writeln!(text, "_Static_assert({end} <= sizeof plan_arena && {offset} % {align} == 0, \"buffer {at}\");")
            .expect("a string");
    }
    let kept = symbols.iter().copied().map(str::to_owned).chain(names);
    let list = kept.map(|s| format!("(const void *){s}")).collect::<Vec<_>>().join(", ");
    writeln!(text, "const void *const volatile kept[] __attribute__((used, section(\".kept\"))) = {{ {list} }};")
        .expect("a string");
    text.push_str("void tp_start(void) { for (;;) (void)kept[0]; }\n");
    text
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Compiles the twins with a kernel set's flags, two at a time; objects and the stack usage files lie in `dir`.
fn objects(dir: &Path, flags: &[&str]) -> Vec<PathBuf> {
    fs::create_dir_all(dir).expect("scratch");
    for (name, text) in export::C_SOURCES {
        fs::write(dir.join(name), text).expect("scratch");
    }
    let names: Vec<&str> = export::C_SOURCES.iter().map(|(name, _)| *name).filter(|n| n.ends_with(".c")).collect();
    let object = |name: &str| dir.join(name).with_extension("o");
    let compile = |names: &[&str]| {
        for name in names {
            run(Command::new(GCC)
                .args(flags)
                .args(["-ffunction-sections", "-fdata-sections", "-fstack-usage", "-c"])
                .arg(dir.join(name))
                .arg("-o")
                .arg(object(name)));
        }
    };
    std::thread::scope(|scope| {
        let (first, second) = names.split_at(names.len() / 2);
        scope.spawn(|| compile(first));
        compile(second);
    });
    names.into_iter().map(object).collect()
}

/// Input sections of a linker map with their sizes: `.text.tp_x`, `.data.plan_arena`.
fn sections(map: &str) -> BTreeMap<String, u64> {
    let kept = map.split("Linker script and memory map").nth(1).expect("a map");
    let words: Vec<&str> = kept.split_whitespace().collect();
    let mut found = BTreeMap::new();
    for three in words.windows(3) {
        let hex = |text: &str| text.strip_prefix("0x").and_then(|h| u64::from_str_radix(h, 16).ok());
        if let (true, Some(_), Some(size)) =
            (three[0].starts_with('.') && three[0].len() > 5, hex(three[1]), hex(three[2]))
        {
            found.insert(three[0].to_owned(), size);
        }
    }
    found
}

/// Objects by the flags that made them.
type Made = BTreeMap<String, Vec<PathBuf>>;

fn check(board: &Profile, kernels: &KernelSet, list: &[KernelCall], what: &str, (dir, made): (&Path, &mut Made)) {
    let estimator = Estimator::new(board, kernels).unwrap_or_else(|e| panic!("{e}"));
    let plan = estimator.estimate(list).unwrap_or_else(|e| panic!("{what}: {e}")).memory;
    let mut symbols: Vec<&str> =
        list.iter().map(|call| estimator.kernel(call).expect("priced").symbol.as_str()).collect();
    symbols.sort_unstable();
    symbols.dedup();
    let flags: Vec<&str> = kernels.flags().split_whitespace().collect();
    let of_flags = dir.with_file_name(format!("linker-objects-{}", made.len()));
    let objects = made.entry(kernels.flags().to_owned()).or_insert_with(|| objects(&of_flags, &flags));
    let in_ram = board.constants_in_ram();
    fs::create_dir_all(dir).expect("scratch");
    fs::write(dir.join("plan.c"), program(&plan, &symbols, board.ram.align_bytes, in_ram)).expect("scratch");
    let map = dir.join("plan.map");
    run(Command::new(GCC)
        .args(&flags)
        .args([
            "-fdata-sections",
            "-nostdlib",
            "-nostartfiles",
            "-Wl,--gc-sections",
            "-Wl,-e,tp_start",
            "-Wl,--undefined=tp_start",
        ])
        .arg(format!("-Wl,-Map={}", map.display()))
        .arg("-I")
        .arg(objects[0].parent().expect("beside the headers"))
        .arg(dir.join("plan.c"))
        .args(&*objects)
        .arg("-lgcc")
        .arg("-o")
        .arg(dir.join("plan.elf")));
    let found = sections(&fs::read_to_string(&map).expect("the linker writes a map"));
    let sum =
        |prefix: &str| found.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, size)| size).sum::<u64>();
    assert_eq!(sum(".data.plan_arena"), plan.arena.bytes, "{what}: arena");
    assert_eq!(sum(".data.plan_state"), plan.state_bytes, "{what}: state");
    let constants = if in_ram { ".data.plan_constant" } else { ".rodata.plan_constant" };
    assert_eq!(sum(constants), plan.constant_bytes, "{what}: constants");
    assert_eq!(sum(".text.tp_") - found.get(".text.tp_start").copied().unwrap_or(0), plan.code_bytes, "{what}: code");
    assert_eq!(sum(".rodata.tp_") + sum(".rodata.cst"), plan.table_bytes, "{what}: tables");
    let mut stack = 0;
    for object in objects {
        for line in fs::read_to_string(object.with_extension("su")).unwrap_or_default().lines() {
            let mut cells = line.split('\t');
            let symbol = cells.next().and_then(|place| place.rsplit(':').next()).unwrap_or("");
            let bytes = cells.next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
            if symbols.contains(&symbol) {
                stack = stack.max(bytes);
            }
        }
    }
    assert_eq!(stack, plan.stack_bytes, "{what}: stack");
    println!(
        "{what}: arena {}, state {}, constants {}, code {}, tables {}, stack {} bytes, as linked",
        plan.arena.bytes, plan.state_bytes, plan.constant_bytes, plan.code_bytes, plan.table_bytes, plan.stack_bytes
    );
}

#[test]
fn the_plan_is_what_the_linker_makes_of_it() {
    if Command::new(GCC).arg("--version").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must have {GCC}");
        println!("skipped: {GCC} not found; apt-get install gcc-arm-none-eabi");
        return;
    }
    let mut made = Made::new();
    for (at, (spec, set, preset, momentum, batch, classes)) in CONFIGURATIONS.into_iter().enumerate() {
        let board = profile::load(spec).unwrap_or_else(|e| panic!("{e}"));
        let kernels = cost::kernel_set(&board.core.core, set).unwrap_or_else(|e| panic!("{e}"));
        let what = format!("{spec} {set} {preset} momentum {momentum} batch {batch} classes {classes}");
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("linker-{at}"));
        check(&board, &kernels, &calls(preset, momentum, batch, classes), &what, (&dir, &mut made));
    }
}
