//! Probes compile with the flags of the kernel sets they measure, and are priced by every board.
//!
//! Needs the cross compilers; without them a test says that it was skipped, except under `CI=true`.

use std::fs;
use std::path::Path;
use std::process::Command;
use tinyprec::{cost, export, profile};

/// Whether `tool` can be started; in CI it must.
fn have(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    assert!(found || std::env::var("CI").as_deref() != Ok("true"), "CI must have {tool}");
    if !found {
        println!("skipped: {tool} not found");
    }
    found
}

/// Writes everything a probe needs into `dir` and compiles it there with `arguments`.
fn compile(probe: &export::Probe, dir: &Path, compiler: &str, arguments: &[&str]) {
    for (name, text) in export::C_SOURCES.iter().chain(export::PROBE_SOURCES) {
        fs::write(dir.join(name), text).expect("scratch");
    }
    fs::write(dir.join("probe.c"), probe.program()).expect("scratch");
    let output = Command::new(compiler)
        .current_dir(dir)
        .args(["-Wall", "-Wextra", "-Wno-unused-function", "-Werror"])
        .args(arguments)
        .output()
        .expect("it is there");
    assert!(output.status.success(), "{}\n{}", probe.name, String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_probe_is_priced_on_every_board_and_rests_on_what_it_shows() {
    for board in profile::board_names() {
        let board = profile::load(board).unwrap_or_else(|e| panic!("{e}"));
        let kernels = cost::kernel_set(&board.core.core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        let cycles = |probe: &export::Probe, board: &profile::Profile| {
            let table =
                cost::estimate(&[probe.call()], board, &kernels).unwrap_or_else(|e| panic!("{}: {e}", probe.name));
            table.total.cycles.mid
        };
        let mut bubble = board.clone();
        let taken = &board.core.branch.taken_extra;
        assert!(bubble.set("core.branch.taken_extra", profile::Quantity::given(taken.value + 1.0, "one more")));
        let share = |name: &str| {
            let all = export::probes();
            let probe = all.iter().find(|p| p.name == name).expect("a probe");
            cycles(probe, &bubble) / cycles(probe, &board) - 1.0
        };
        assert!(export::probes().iter().all(|p| cycles(p, &board) > 100.0));
        assert!(
            share("ram-small") > 1.5 * share("long-rows"),
            "{} {} {}",
            board.name,
            share("ram-small"),
            share("long-rows")
        );
    }
}

#[test]
fn every_probe_compiles_for_cortex_m() {
    if !have("arm-none-eabi-gcc") {
        return;
    }
    let dir = tempfile::tempdir().expect("scratch");
    for (core, fpu) in [("cortex-m4", "fpv4-sp-d16"), ("cortex-m7", "fpv5-sp-d16")] {
        let cpu = [format!("-mcpu={core}"), format!("-mfpu={fpu}")];
        let flags =
            ["-O2", "-mthumb", "-mfloat-abi=hard", &cpu[0], &cpu[1], "-std=c11", "-ffreestanding", "-c", "probe.c"];
        for probe in export::probes() {
            compile(&probe, dir.path(), "arm-none-eabi-gcc", &flags);
        }
    }
}

#[test]
fn a_probe_links_and_says_where_cycles_cannot_be_counted_on_linux() {
    if !have("aarch64-linux-gnu-gcc") || !have("qemu-aarch64") {
        return;
    }
    let dir = tempfile::tempdir().expect("scratch");
    let probe = &export::probes()[0];
    let mut sources: Vec<&str> =
        export::C_SOURCES.iter().map(|(name, _)| *name).filter(|n| n.ends_with(".c")).collect();
    sources.push("probe.c");
    let flags = ["-O0", "-static", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-o", "probe"];
    compile(probe, dir.path(), "aarch64-linux-gnu-gcc", &[&flags[..], &sources].concat());
    let output = Command::new("qemu-aarch64").arg(dir.path().join("probe")).output().expect("it is there");
    let said = String::from_utf8_lossy(&output.stderr);
    // The emulator has no counters: the program says so instead of printing a made-up number.
    assert!(!output.status.success() && said.contains("perf_event_paranoid"), "{said}");
}
