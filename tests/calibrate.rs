//! Calibration against rows that the model made itself, and probes: they compile with the flags of the kernel sets they measure.
//!
//! The probes need the cross compilers; without them a test says that it was skipped, except under `CI=true`.

use std::fs;
use std::path::Path;
use std::process::Command;
use tinyprec::validate::{
    BoardModel, Measurement, Model, PowerModel, at_priors, calibrate, error_stats, leave_one_out, read_measurements,
};
use tinyprec::{cost, export, profile, validate};

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
            share("ram-small") > share("long-rows"),
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

/// Published rows of one core. Their times are replaced by made ones, so nothing about them is doubtful.
fn rows_of(core: &str) -> Vec<Measurement> {
    let rows = validate::published().unwrap_or_else(|e| panic!("{e}")).into_iter().filter(|row| row.core == core);
    rows.map(|row| Measurement { notes: String::new(), ..row }).collect()
}

fn layers(name: &str) -> Option<String> {
    validate::published_layers(name).map(str::to_owned)
}

#[test]
fn measurements_made_by_the_model_with_other_numbers_bring_those_numbers_back() {
    let model = BoardModel::new(&rows_of("cortex-m4"), &layers, None);
    let all: Vec<usize> = (0..model.rows().len()).collect();
    let at = |key: &str| model.parameters().iter().position(|p| p.key == key).unwrap_or_else(|| panic!("{key}"));
    let (bubble, software) =
        (at("cortex-m4 core.branch.taken_extra"), at("cortex-m4 software.cmsis-nn-8-bit-fixed-point"));
    let mut truth: Vec<f64> = model.parameters().iter().map(|p| p.value).collect();
    let before = truth.clone();
    truth[bubble] = 1.3;
    truth[software] = 0.85;
    let made = model.predict(&all, &truth).unwrap_or_else(|e| panic!("{e}"));
    let rows: Vec<Measurement> = model
        .rows()
        .iter()
        .zip(made)
        .map(|(row, ms)| Measurement { latency_ms: Some(ms), cycles: None, ..row.clone() })
        .collect();
    let again = BoardModel::new(&rows, &layers, None);
    assert_eq!(again.parameters(), model.parameters());
    let first = at_priors(&again, &all, again.parameters()).unwrap_or_else(|e| panic!("{e}"));
    let fit = calibrate(&again, again.evidence(), again.parameters(), &first).unwrap_or_else(|e| panic!("{e}"));
    for k in [bubble, software] {
        let (found, was) = ((fit.parameters[k].value - truth[k]).abs(), (before[k] - truth[k]).abs());
        assert!(found < 0.5 * was, "{:?} of {}", fit.parameters[k], truth[k]);
    }
    // Exact data: what is left is far below the noise that the model allows itself.
    assert!(fit.fitted.iter().all(|(row, _, after)| (after / again.evidence()[*row].measured - 1.0).abs() < 0.03));
}

#[test]
fn a_filled_in_proposal_calibrates_its_profile_and_the_new_file_is_a_profile() {
    let dir = tempfile::tempdir().expect("scratch");
    let next = dir.path().join("next");
    let tinyprec = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tinyprec")).current_dir(dir.path()).args(arguments).output();
        let output = output.expect("it runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    // Few rows keep it quick: the layers of one network.
    let few: Vec<String> = include_str!("../hw_profiles/measurements/published.csv")
        .lines()
        .filter(|l| l.starts_with("id,") || l.starts_with("EEES"))
        .map(str::to_owned)
        .collect();
    fs::write(dir.path().join("few.csv"), few.join("\n")).expect("scratch");
    let (status, said) = tinyprec(&["calibrate", "few.csv", "--profile", "stm32h743", "--propose", "next"]);
    assert!(status == Some(0) && said.contains("Next measurement on stm32h743"), "{said}");
    let row = fs::read_to_string(next.join("measurement.csv")).expect("written");
    let cycles = validate::COLUMNS.iter().position(|c| *c == "cycles").expect("a column");
    let mut reader = csv::Reader::from_reader(row.as_bytes());
    let header = reader.headers().expect("good").clone();
    let mut cells: Vec<String> =
        reader.records().next().expect("one").expect("good").iter().map(str::to_owned).collect();
    cells[cycles] = "30000".to_owned();
    let mut writer = csv::Writer::from_path(dir.path().join("mine.csv")).expect("scratch");
    writer.write_record(&header).expect("scratch");
    writer.write_record(&cells).expect("scratch");
    writer.flush().expect("scratch");
    let arguments = ["calibrate", "few.csv", "mine.csv", "--profile", "stm32h743", "--out", "."];
    let (status, said) = tinyprec(&arguments);
    assert!(status == Some(0) && said.contains("stm32h743-calibrated.toml"), "{said}");
    let (status, said) = tinyprec(&["profile", "check", "stm32h743-calibrated.toml"]);
    assert!(status == Some(0) && said.contains("good"), "{said}");
    let text = fs::read_to_string(dir.path().join("stm32h743-calibrated.toml")).expect("written");
    assert!(text.contains("calibrated on") && text.contains("Rows: "), "{text}");
    // Never over a file that is there.
    let (status, said) = tinyprec(&arguments);
    assert!(status == Some(1) && said.contains("stm32h743-calibrated.toml"), "{said}");
    // A profile from a file, though it has a built-in's name within: that file is what is calibrated and written.
    let own = include_str!("../hw_profiles/stm32h743.toml").replacen("wait_states = ", "# Ours.\nwait_states = ", 1);
    fs::write(dir.path().join("mine.toml"), own).expect("scratch");
    let (status, said) = tinyprec(&["calibrate", "few.csv", "--profile", "mine.toml,wait_states=3", "--out", "own"]);
    assert!(status == Some(0) && said.contains("mine-calibrated.toml"), "{said}");
    let names: Vec<_> =
        fs::read_dir(dir.path().join("own")).expect("written").map(|e| e.expect("good").file_name()).collect();
    assert_eq!(names, ["mine-calibrated.toml"]);
    assert!(fs::read_to_string(dir.path().join("own/mine-calibrated.toml")).expect("written").contains("# Ours."));
}

/// The boards whose energy is published, by the runner of MLPerf Tiny.
#[test]
fn power_of_networks_that_no_fit_saw_is_within_six_percent() {
    let rows = validate::published().unwrap_or_else(|e| panic!("{e}"));
    for core in ["cortex-m4", "cortex-m7"] {
        let mine: Vec<Measurement> = rows.iter().filter(|row| row.core == core).cloned().collect();
        let power = PowerModel::new(&mine);
        let all: Vec<usize> = (0..power.evidence().len()).collect();
        let Ok(first) = at_priors(&power, &all, power.parameters());
        let Ok(left) = leave_one_out(&power, power.evidence(), power.parameters(), &first, 0);
        let pairs: Vec<(f64, f64)> = left.iter().map(|(row, mw)| (*mw, power.evidence()[*row].measured)).collect();
        let found = error_stats(&pairs, 1).expect("rows");
        println!("{core}: median {:.1} % of {} rows", 100.0 * found.median_ape.value, found.n);
        assert!(found.n >= 15 && found.median_ape.value < 0.06 && found.hits_10.value > 0.9, "{core}: {found:?}");
    }
}

/// Two firmwares on two supplies: each network's power is the product of numbers that the other networks fix.
#[test]
fn power_is_a_supply_s_number_times_a_firmware_s_factor() {
    let row = |supply: &str, firmware: &str, network: &str, mw: f64| {
        format!(
            "{firmware}-{network}-{mw:.0},lab,NUCLEO-L4R5ZI,\"stm32l4r5{supply}\",cortex-m4,120,cmsis-nn,{firmware},{network},int8,{mw}\n"
        )
    };
    let mut text = "id,source,board,profile,core,clock_mhz,class,software,workload,dtype,power_mw\n".to_owned();
    for network in ["a", "b", "c", "d", "e", "f"] {
        for (supply, watts) in [("", 46.0), (",supply=3v0-ldo", 76.0)] {
            text += &row(supply, "quiet", network, watts);
            text += &row(supply, "busy", network, watts * 1.2);
        }
    }
    let rows = read_measurements("rows.csv", &text).unwrap_or_else(|e| panic!("{e}"));
    let power = PowerModel::new(&rows);
    let all: Vec<usize> = (0..power.evidence().len()).collect();
    let Ok(first) = at_priors(&power, &all, power.parameters());
    let Ok(left) = leave_one_out(&power, power.evidence(), power.parameters(), &first, 0);
    assert_eq!((left.len(), power.parameters().len()), (24, 4));
    for (row, mw) in left {
        let measured = power.evidence()[row].measured;
        assert!((mw / measured - 1.0).abs() < 0.01, "{mw} for {measured}");
    }
}
