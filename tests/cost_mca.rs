//! The scoreboard engine against llvm-mca 19: with LLVM's own tables (tests/golden/mca/) and in-order write-back, over every
//! innermost loop of the committed kernel files, at -O2 and at -Os.
//!
//! Needs llvm-mca-19; without it the test says that it was skipped, except under `CI=true`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use tinyprec::cost::{self, Instr, Level, body_time};
use tinyprec::profile::{Class, CoreTable, Operand, Width};

const MCA: &str = "llvm-mca-19";

/// As GNU's disassembler wrote it → as LLVM's assembler reads it.
fn assembly(instr: &Instr, number: usize) -> String {
    let text = instr.assembly.trim();
    let (mnemonic, operands) = text.split_once(' ').unwrap_or((text, ""));
    let bare = mnemonic.trim_end_matches(".w");
    let narrow_names =
        ["ldr", "str", "ldrb", "strb", "ldrh", "strh", "ldrsb", "ldrsh", "adc", "adcs", "sbc", "sbcs", "mul"];
    let mnemonic = if narrow_names.contains(&bare) { bare } else { mnemonic };
    let forward = bare.starts_with("cbz") || bare.starts_with("cbnz");
    let operands = match operands.rfind("+0x") {
        Some(at) => {
            format!("{}{}", &operands[..at], if forward { format!(".Lz{number}") } else { format!(".La{number}") })
        }
        None if bare == "vmov.f32" && operands.contains(", #") => {
            format!("{}, #1.0", operands.split(',').next().unwrap_or(""))
        }
        None => operands.to_owned(),
    };
    format!("{mnemonic} {operands}")
}

/// Total cycles of so many iterations of each loop, all in one run of llvm-mca.
fn totals(core: &str, loops: &[&Level], iterations: u32) -> Vec<f64> {
    let (triple, head) = match core {
        "cortex-a53" => ("aarch64", ""),
        _ => ("thumbv7em-none-eabihf", ".syntax unified\n.thumb\n"),
    };
    let mut text = head.to_owned();
    for (n, level) in loops.iter().enumerate() {
        let body: Vec<String> = level.body.iter().map(|i| assembly(i, n)).collect();
        let begin = format!("# LLVM-MCA-BEGIN {n}\n.La{n}:\n");
        text.push_str(&format!("{begin}{}\n.Lz{n}:\n# LLVM-MCA-END\n", body.join("\n")));
    }
    let mut child = Command::new(MCA)
        .args([&format!("-mtriple={triple}"), &format!("-mcpu={core}"), &format!("-iterations={iterations}")])
        .arg("-skip-unsupported-instructions=lack-sched")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is there");
    let mut input = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it does not panic").expect("it reads");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let totals: Vec<f64> =
        said.lines().filter_map(|l| l.strip_prefix("Total Cycles:").and_then(|n| n.trim().parse().ok())).collect();
    assert_eq!(totals.len(), loops.len(), "{core}: {errors}");
    totals
}

/// What llvm-mca skips, and what its tables tell apart below our classes.
fn for_llvm(core: &str, level: &Level) -> Level {
    let mut level = level.clone();
    if core == "cortex-m7" {
        level.body.retain(|i| i.class != Class::It && !i.assembly.starts_with("vcmpe"));
        level.body.iter_mut().for_each(for_m7);
    }
    for instr in &mut level.body {
        let mnemonic = instr.assembly.split_whitespace().next().unwrap_or("").to_owned();
        if core == "cortex-m4" && mnemonic == "vmrs" {
            instr.class = Class::Alu;
        }
        // Dual products have a row of their own, with another latency than MLA.
        if core == "cortex-m4" && mnemonic.starts_with("smla") {
            instr.class = Class::Mul;
        }
        let is_move = mnemonic.starts_with("mov") && mnemonic != "mov" && mnemonic != "movs";
        let is_conditional = is_move && instr.reads.iter().any(|r| r.operand == Operand::Flag);
        // Both sources of a double-word extract are wanted early; a rotation by a constant is one.
        let extracts = mnemonic == "extr" || (mnemonic == "ror" && instr.assembly.contains('#'));
        if core == "cortex-a53" && extracts {
            instr.reads.iter_mut().for_each(|r| r.operand = Operand::Addr);
            (instr.class, instr.width) = (Class::Bitfield, Some(Width::H));
        }
        drop_old_value(instr);
        // A 16-bit one has a place for flags that it does not write.
        if is_conditional && instr.assembly.contains(", #") && !mnemonic.contains('.') && instr.writes.len() == 1 {
            instr.writes.push(u16::MAX - 1);
        }
    }
    level
}

/// LLVM has a predicated instruction write its register without reading the value that stays where the condition fails.
fn drop_old_value(instr: &mut Instr) {
    let (mnemonic, operands) = instr.assembly.split_once(' ').unwrap_or((&instr.assembly, ""));
    let names: Vec<&str> = operands.split(',').map(str::trim).collect();
    let is_source = names[1..].iter().any(|n| *n == names[0]) || (names.len() == 2 && !mnemonic.starts_with('m'));
    let is_predicated = instr.reads.iter().any(|r| r.operand == Operand::Flag) && !instr.class.redirects();
    if let ([to], true, false) = (&instr.writes[..], is_predicated, is_source) {
        instr.reads.retain(|r| r.register != *to);
    }
}

/// The classes and operand kinds of tests/golden/mca/cortex-m7.toml.
fn for_m7(instr: &mut Instr) {
    let mnemonic = instr.assembly.split_whitespace().next().unwrap_or("").to_owned();
    let is = |prefixes: &[&str]| prefixes.iter().any(|p| mnemonic.starts_with(p));
    let n_operands = instr.assembly.split(',').count();
    (instr.class, instr.width) = match instr.class {
        Class::AluShift if is(&["and"]) => (Class::Shift, None),
        Class::Bitfield if is(&["uxt", "sxt"]) => (Class::Dsp, None),
        Class::Bitfield if is(&["rbit", "rev"]) => (Class::Bitfield, Some(Width::W)),
        Class::Bitfield if is(&["bf"]) => (Class::Bitfield, Some(Width::H)),
        Class::Dsp if is(&["clz"]) => (Class::Dsp, Some(Width::W)),
        Class::Dsp if is(&["pkh", "uxta", "sxta"]) => (Class::Dsp, Some(Width::H)),
        Class::Sat if is(&["q"]) => (Class::Sat, Some(Width::H)),
        Class::Fmov if is(&["vmrs"]) => (Class::Fcmp, Some(Width::S)),
        Class::Fmov if is(&["vsel"]) => (Class::Fmov, Some(Width::S)),
        Class::Fmov if n_operands > 2 => (Class::Fmov, Some(Width::D)),
        Class::Fcvt if !is(&["vcvt.f32.f64"]) => (Class::Fcvt, None),
        class => (class, instr.width),
    };
    for read in &mut instr.reads {
        read.operand = match (read.operand, instr.class) {
            (Operand::Mul, _) => Operand::Data,
            (Operand::Data, Class::StMulti) => Operand::Flag,
            (Operand::Data, Class::Fst) if is(&["vstm"]) => Operand::Flag,
            (Operand::Data, Class::Fst) => Operand::Branch,
            (operand, _) => operand,
        };
    }
}

/// A loop that calls another function is no straight line: LLVM gives the call a made-up latency of a hundred cycles, we
/// count the callee's own blocks.
fn calls(level: &Level) -> bool {
    level.body.iter().any(|i| matches!(i.assembly.split_whitespace().next(), Some("bl" | "blx" | "blr")))
}

#[test]
#[ignore = "needs llvm-mca-19: about 10 s"]
fn the_engine_with_llvms_tables_agrees_with_llvm_mca_on_every_loop() {
    if Command::new(MCA).arg("--version").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must have {MCA}");
        println!("skipped: {MCA} not found; apt-get install llvm-19");
        return;
    }
    for core in ["cortex-m4", "cortex-m7", "cortex-a53"] {
        let file = format!("{}/tests/golden/mca/{core}.toml", env!("CARGO_MANIFEST_DIR"));
        let table = CoreTable::parse(&file, &std::fs::read_to_string(&file).expect("committed"))
            .unwrap_or_else(|e| panic!("{e}"));
        let mut loops: BTreeMap<String, (String, Level)> = BTreeMap::new();
        for set in ["gcc12-o2", "gcc12-os"] {
            let kernels = cost::kernel_set(core, set).unwrap_or_else(|e| panic!("{e}"));
            for kernel in kernels.kernels() {
                for level in kernel.levels.iter().filter(|l| l.steady && !calls(l)) {
                    let key = level.body.iter().map(|i| i.assembly.as_str()).collect::<Vec<_>>().join("\n");
                    let name = || format!("{set} {} {}", kernel.symbol, level.name);
                    loops.entry(key).or_insert_with(|| (name(), level.clone()));
                }
            }
        }
        let bodies: Vec<&Level> = loops.values().map(|(_, level)| level).collect();
        let (short, long) = (totals(core, &bodies, 100), totals(core, &bodies, 300));
        let mut errors = Vec::new();
        for ((name, level), (short, long)) in loops.values().zip(short.iter().zip(&long)) {
            let (theirs, ours) = ((long - short) / 200.0, body_time(&for_llvm(core, level), &table));
            let ours = ours.unwrap_or_else(|e| panic!("{core} {name}: {e:?}")).cycles.mid;
            errors.push(((ours / theirs - 1.0).abs(), name.as_str(), ours, theirs));
        }
        errors.sort_by(|a, b| b.0.total_cmp(&a.0));
        let median = errors[errors.len() / 2].0;
        let within = errors.iter().filter(|e| e.0 <= 0.05).count();
        let worst = &errors[0];
        println!(
            "{core}: {} loops, median {:.1} %, {within} within 5 %, largest {:.1} % ({}: {} against {})",
            errors.len(),
            100.0 * median,
            100.0 * worst.0,
            worst.1,
            worst.2,
            worst.3
        );
        for (error, name, ours, theirs) in errors.iter().filter(|e| e.0 > 0.05) {
            println!("  {:.1} % {name}: {ours} against {theirs}", 100.0 * error);
        }
        assert!(errors.len() > 150, "{core}: {} loops", errors.len());
        assert!(median <= 0.02 && within == errors.len(), "{core}: {:?}", &errors[..5.min(errors.len())]);
    }
}
