//! The C twins in an emulator, and the committed kernel files.
//!
//! With the cross compilers and QEMU installed, `kernel-lab verify` proves that outputs equal the Rust references and that dynamic
//! instruction counts equal the committed loop nests. Where they are absent that is skipped, except under `CI=true`.

use std::collections::BTreeSet;
use std::process::Command;
use tinyprec::cost::KernelSet;
use tinyprec::trace::{Dims, Elem, Op};

const CORES: [&str; 4] = ["cortex-m4", "cortex-m7", "cortex-a53", "rv32imc"];

fn kernel_set(core: &str) -> KernelSet {
    tinyprec::cost::kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"))
}

/// Counts of these kernels on the M7 differ with and without momentum, which no dimension tells apart; they have no price there.
const M7_LACKS: [&str; 3] = [
    "velocity [i32 i8 i32] when stochastic",
    "velocity [i32 i16 i32] when stochastic",
    "velocity [i32 i32 i32] when stochastic",
];

/// One core at one level of optimisation, all its sets.
fn verify(core: &str, level: &str) {
    let lab = env!("CARGO_BIN_EXE_kernel-lab");
    let work = format!("{}/emulator", env!("CARGO_TARGET_TMPDIR"));
    let arguments = ["verify", "--core", core, "--level", level, "--work", &work];
    let output = Command::new(lab).args(arguments).output().expect("the lab starts");
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stdout));
    } else if let Some(tool) = said.contains(" not found; apt-get install").then(|| said.trim().to_owned()) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must have the tools: {tool}");
        println!("skipped: {tool}");
    } else {
        panic!("{said}");
    }
}

#[test]
fn cortex_m4_twins_equal_the_references_and_their_loop_nests() {
    verify("cortex-m4", "gcc12-o2");
}

#[test]
#[ignore = "the other cores: three times as long"]
fn twins_of_the_other_cores_equal_the_references_and_their_loop_nests() {
    CORES[1..].iter().for_each(|core| verify(core, "gcc12-o2"));
}

#[test]
#[ignore = "the same for size: four times as long"]
fn twins_compiled_for_size_equal_the_references_and_their_loop_nests() {
    for core in CORES {
        verify(core, "gcc12-os");
    }
}

#[test]
fn committed_files_name_their_core_and_compiler() {
    let sources = kernel_set(CORES[0]).source_sha256().to_owned();
    // Sets of measured software's classes are compiled from the same sources and their own.
    let mut class_sources = BTreeSet::new();
    for (core, name) in tinyprec::cost::kernel_sets() {
        let set = tinyprec::cost::kernel_set(core, name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((set.core(), set.name()), (core, name));
        let (compiler, level) = match name.split('-').collect::<Vec<_>>()[..] {
            ["gcc12", "os", ..] => ("gcc 12.2", "-Os"),
            ["gcc12", "o0", ..] => ("gcc 12.2", "-O0"),
            ["clang14", "o3", ..] => ("clang 14.0", "-O3"),
            _ => ("gcc 12.2", "-O2"),
        };
        assert!(set.compiler().contains(compiler), "{core} {name}: {}", set.compiler());
        let machine = if core == "rv32imc" { "-march=rv32imc".to_owned() } else { format!("-mcpu={core}") };
        for flag in [level, &machine, "-ffp-contract=off"] {
            assert!(set.flags().split(' ').any(|f| f == flag), "{core} {name}: {flag} in {}", set.flags());
        }
        if set.source_sha256() != sources {
            class_sources.insert(set.source_sha256().to_owned());
        }
        let keys = |set: &KernelSet| set.kernels().iter().map(|k| k.key()).collect::<BTreeSet<_>>();
        let own = keys(&kernel_set(CORES[0]));
        let all = keys(&set);
        let lacks = |key: &&String| core == "cortex-m7" && M7_LACKS.contains(&key.as_str());
        let missing: Vec<&String> = own.difference(&all).filter(|key| !lacks(key)).collect();
        assert!(missing.is_empty(), "{core} {name}: every set has every kernel: {missing:?}");
    }
    assert!(class_sources.len() <= 1, "sets of classes come from different sources: {class_sources:?}");
}

#[test]
fn closed_forms_evaluate_on_a_large_layer() {
    let fused = Dims::new();
    let sizes = [
        ("oh", 26),
        ("ow", 24),
        ("ih", 28),
        ("iw", 26),
        ("stride", 1),
        ("oc", 70),
        ("kh", 3),
        ("kw", 3),
        ("terms", 270),
        ("words", 1),
        ("owords", 3),
    ];
    let dims = sizes.iter().fold(fused, |dims, (name, n)| dims.with(name, *n));
    for core in CORES {
        let set = kernel_set(core);
        let index = set.find(Op::BinaryConvThreshold, &[Elem::B1, Elem::B1, Elem::B1]).expect("every backbone has it");
        let kernel = &set.kernels()[index];
        let instructions: u64 =
            kernel.levels.iter().map(|l| l.trips.eval(&dims).expect("valid") * l.body.len() as u64).sum();
        // 26·24·70·9 words, each at least a load, an exclusive or and a count on A53's 128-bit path, 17 instructions on M.
        let words = 26 * 24 * 70 * 9;
        assert!(
            instructions > words * 2 && instructions < words * 40,
            "{core}: {instructions} instructions for {words} words"
        );
        let read: u64 = kernel.traffic.iter().map(|t| t.bytes.eval(&dims).expect("valid")).sum();
        assert!(read >= words * 8, "{core}: weights and patch are read once a word");
    }
}

#[test]
fn the_header_declares_every_kernel_of_the_files() {
    let headers = tinyprec::export::C_SOURCES.iter().filter(|(name, _)| name.ends_with(".h"));
    let header: String = headers.map(|(_, text)| *text).collect();
    // Those of the rules of rounding come of one macro, written out for each rule.
    let of = |line: &'_ str| Some(line.trim().strip_prefix("TP_PROTOTYPES_BY(")?.strip_suffix(')')?.to_owned());
    let rules: Vec<String> = header.lines().filter_map(of).collect();
    assert!(rules.len() >= 4, "{rules:?}");
    let has = |symbol: &str| header.contains(&format!("void {symbol}("));
    let by_rule = |symbol: &str, rule: &String| {
        let inside = symbol.replace(&format!("_{rule}_"), "_##rule##_");
        let at_end = inside.strip_suffix(&format!("_{rule}")).map(|stem| format!("{stem}_##rule"));
        inside.contains("##rule") && has(&inside) || at_end.is_some_and(|symbol| has(&symbol))
    };
    for kernel in kernel_set(CORES[0]).kernels() {
        let symbol = kernel.symbol.as_str();
        assert!(has(symbol) || rules.iter().any(|rule| by_rule(symbol, rule)), "{symbol}");
    }
}
