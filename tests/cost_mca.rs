//! The scoreboard engine against llvm-mca 19: with LLVM's own tables (tests/golden/mca/) and in-order write-back, over every
//! innermost loop of the committed kernel files.
//!
//! Needs llvm-mca-19; without it the test says that it was skipped, except under `CI=true`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use tinyprec::cost::{self, Instr, Level, body_time};
use tinyprec::profile::{Class, CoreTable};

const MCA: &str = "llvm-mca-19";

/// As GNU's disassembler wrote it → as LLVM's assembler reads it.
fn assembly(instr: &Instr) -> String {
    let text = instr.assembly.trim();
    let (mnemonic, operands) = text.split_once(' ').unwrap_or((text, ""));
    let bare = mnemonic.trim_end_matches(".w");
    let narrow_names =
        ["ldr", "str", "ldrb", "strb", "ldrh", "strh", "ldrsb", "ldrsh", "adc", "adcs", "sbc", "sbcs", "mul"];
    let mnemonic = if narrow_names.contains(&bare) { bare } else { mnemonic };
    let forward = bare.starts_with("cbz") || bare.starts_with("cbnz");
    let operands = match operands.rfind("+0x") {
        Some(at) => format!("{}{}", &operands[..at], if forward { ".Lz" } else { ".La" }),
        None if bare == "vmov.f32" && operands.contains(", #") => {
            format!("{}, #1.0", operands.split(',').next().unwrap_or(""))
        }
        None => operands.to_owned(),
    };
    format!("{mnemonic} {operands}")
}

/// Total cycles of `iterations`; `None` where LLVM cannot read the loop.
fn total(core: &str, lines: &[String], iterations: u32) -> Option<f64> {
    let (triple, head) = match core {
        "cortex-a53" => ("aarch64", ""),
        _ => ("thumbv7em-none-eabihf", ".syntax unified\n.thumb\n"),
    };
    let mut child = Command::new(MCA)
        .args([&format!("-mtriple={triple}"), &format!("-mcpu={core}"), &format!("-iterations={iterations}")])
        .arg("-skip-unsupported-instructions=lack-sched")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is there");
    let text = format!("{head}.La:\n{}\n.Lz:\n", lines.join("\n"));
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().find_map(|l| l.strip_prefix("Total Cycles:").and_then(|n| n.trim().parse().ok()))
}

/// What llvm-mca skips, and what its tables tell apart below our classes.
fn for_llvm(core: &str, level: &Level) -> Level {
    let mut level = level.clone();
    for instr in &mut level.body {
        if instr.assembly.starts_with("vmrs") {
            instr.class = Class::Alu;
        }
        // A 16-bit conditional move has a place for flags that it does not write.
        let is_move =
            instr.assembly.starts_with("mov") && !instr.assembly.starts_with("mov ") && instr.assembly.contains(", #");
        let is_narrow = !instr.assembly.split_whitespace().next().unwrap_or("").contains('.');
        if is_move && is_narrow && instr.writes.len() == 1 && !instr.assembly.starts_with("movs") {
            instr.writes.push(u16::MAX - 1);
        }
    }
    if core == "cortex-m7" {
        level.body.retain(|i| !matches!(i.class, Class::It | Class::Fcmp));
    }
    level
}

/// A loop that calls another function is no straight line: LLVM gives the call a made-up latency of a hundred cycles, we
/// count the callee's own blocks.
fn calls(level: &Level) -> bool {
    level.body.iter().any(|i| matches!(i.assembly.split_whitespace().next(), Some("bl" | "blx" | "blr")))
}

#[test]
#[ignore = "some 600 runs of llvm-mca: about 20 s"]
fn the_engine_with_llvms_tables_agrees_with_llvm_mca_on_every_loop() {
    if Command::new(MCA).arg("--version").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must have {MCA}");
        println!("skipped: {MCA} not found; apt-get install llvm-19");
        return;
    }
    // Largest deviation allowed: one cycle of the M7's shortest loops, whose flags LLVM times by encoding.
    for (core, largest) in [("cortex-m4", 0.052), ("cortex-m7", 0.084), ("cortex-a53", 0.05)] {
        let file = format!("{}/tests/golden/mca/{core}.toml", env!("CARGO_MANIFEST_DIR"));
        let table = CoreTable::parse(&file, &std::fs::read_to_string(&file).expect("committed"))
            .unwrap_or_else(|e| panic!("{e}"));
        let kernels = cost::kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        let mut loops: BTreeMap<String, (String, Level)> = BTreeMap::new();
        for kernel in kernels.kernels() {
            for level in kernel.levels.iter().filter(|l| l.steady && !calls(l)) {
                let key = level.body.iter().map(|i| i.assembly.as_str()).collect::<Vec<_>>().join("\n");
                loops.entry(key).or_insert_with(|| (format!("{} {}", kernel.symbol, level.name), level.clone()));
            }
        }
        let (mut errors, mut unread) = (Vec::new(), Vec::new());
        for (name, level) in loops.values() {
            let lines: Vec<String> = level.body.iter().map(assembly).collect();
            let (Some(short), Some(long)) = (total(core, &lines, 100), total(core, &lines, 300)) else {
                unread.push(name.as_str());
                continue;
            };
            let (theirs, ours) = ((long - short) / 200.0, body_time(&for_llvm(core, level), &table));
            let ours = ours.unwrap_or_else(|e| panic!("{core} {name}: {e:?}")).cycles.mid;
            errors.push(((ours / theirs - 1.0).abs(), name.as_str(), ours, theirs));
        }
        errors.sort_by(|a, b| b.0.total_cmp(&a.0));
        let median = errors[errors.len() / 2].0;
        let within = errors.iter().filter(|e| e.0 <= 0.05).count();
        let worst = &errors[0];
        println!(
            "{core}: {} loops, median {:.1} %, {within} within 5 %, largest {:.1} % ({}: {} against {}), {} not read by LLVM",
            errors.len(),
            100.0 * median,
            100.0 * worst.0,
            worst.1,
            worst.2,
            worst.3,
            unread.len()
        );
        assert!(errors.len() > 40 && unread.len() * 10 <= errors.len(), "{core}: {unread:?}");
        assert!(median <= 0.02 && worst.0 <= largest, "{core}: {:?}", &errors[..5.min(errors.len())]);
    }
}
