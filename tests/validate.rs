//! The published measurements are readable, whole and consistent.

use std::path::Path;
use std::process::{Command, Output};
use tinyprec::validate::{
    COLUMNS, Measurement, Refusal, SoftwareClass, predict, published, published_layers, read_measurements, score,
};

#[test]
fn every_published_row_has_a_public_source_and_a_layer_list_that_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_profiles/measurements");
    let path = folder.join("published.csv");
    let text = std::fs::read_to_string(&path).expect("the published set is committed");
    let rows = read_measurements("published.csv", &text).unwrap_or_else(|e| panic!("{e}"));
    assert!(rows.len() > 800, "{} rows", rows.len());
    for row in &rows {
        let public = ["github:", "http", "arXiv"].iter().any(|p| row.source.contains(p));
        assert!(public, "{}: {} names no public place", row.id, row.source);
        let list = row.layers.strip_prefix("program:").is_none() && !row.layers.is_empty();
        assert!(!list || folder.join(&row.layers).is_file(), "{}: {} is missing", row.id, row.layers);
    }
    let class = |c| rows.iter().filter(|r| r.class == c && !r.profile.is_empty()).count();
    assert!(class(SoftwareClass::CmsisNn) >= 50 && class(SoftwareClass::BitSerial) >= 70);
}

#[test]
fn every_prediction_is_the_sum_of_its_causes_and_every_other_row_says_why_not() {
    let rows = published().expect("the published set");
    let predicted = predict(&rows, &|name| published_layers(name).map(str::to_owned));
    assert_eq!(rows.len(), predicted.len());
    let mut n = 0;
    for (row, prediction) in rows.iter().zip(&predicted) {
        match prediction {
            Ok(p) => {
                let (sum, mid) = (p.terms.total(), p.cycles.mid);
                assert!((sum / mid - 1.0).abs() < 1e-9, "{}: {sum} of {mid} cycles", row.id);
                assert!(p.cycles.low <= mid && mid <= p.cycles.high, "{}", row.id);
                n += 1;
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
    assert!(n >= 180, "{n} rows are priced");
}

fn lists(name: &str) -> Option<String> {
    published_layers(name).map(str::to_owned)
}

const HEADER: &str =
    "id,source,board,profile,core,clock_mhz,software,class,workload,layers,dtype,threads,latency_ms,notes";
const SHAPE: &str = "kernel:fc in_c=128 out_c=64";

fn rows(lines: &[&str]) -> Vec<Measurement> {
    read_measurements("m.csv", &format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_published_layer_list_is_part_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_profiles/measurements/geometry");
    for entry in std::fs::read_dir(folder).expect("there is the folder").flatten() {
        let name = format!("geometry/{}", entry.file_name().to_string_lossy());
        assert!(published_layers(&name).is_some(), "{name}");
    }
}

#[test]
fn layer_lists_have_the_multiply_accumulates_that_their_rows_state() {
    let rows = published().expect("the published set");
    for (row, predicted) in rows.iter().zip(predict(&rows, &lists)) {
        let (Ok(p), Some(macs)) = (predicted, row.macs.filter(|n| *n > 0)) else { continue };
        if p.software == "last-layer training" {
            continue;
        }
        // Sources count biases, activations or pooling besides; planes of bits are counted once.
        let stated = macs as f64 * if p.kind == "binary convolution" { 2.0 } else { 1.0 };
        assert!((0.9..=1.11).contains(&(p.macs / stated)), "{}: {} of {stated}", row.id, p.macs);
    }
}

#[test]
fn a_row_measured_by_the_model_itself_is_predicted_exactly() {
    let row = format!("a,lab,L4R5,,cortex-m4,120,CMSIS-NN,cmsis-nn,fc,{SHAPE},int8,1,1,");
    let first = predict(&rows(&[&row]), &lists).remove(0).expect("it is priced");
    let again = format!("a,lab,L4R5,,cortex-m4,120,CMSIS-NN,cmsis-nn,fc,{SHAPE},int8,1,{},", first.latency_ms.mid);
    let compared = score(&rows(&[&again]), &lists);
    assert!(compared.rows[0].latency_error().expect("both are there").abs() < 1e-12);
    assert!(compared.groups[0].stats.max_ape < 1e-12 && compared.groups[0].findings.is_empty());
    assert_eq!((first.profile.as_str(), first.macs, first.kind), ("stm32l4r5", 8192.0, "dense"));
}

#[test]
fn a_closed_engine_has_a_factor_for_each_family_of_layers() {
    let layers = [
        ("kernel:fc in_c=128 out_c=64", 0.964),
        ("kernel:conv in_h=8 in_w=8 in_c=16 out_h=8 out_w=8 out_c=16 kh=3 kw=3", 0.504),
        // DS-CNN's and MobileNet's factors, geometric mean.
        ("kernel:conv in_h=8 in_w=8 in_c=16 out_h=8 out_w=8 out_c=16 kh=1 kw=1", (0.630_f64 * 0.383).sqrt()),
    ];
    for (layers, factor) in layers {
        let row = |software: &str, class: &str| {
            let line = format!("a,lab,L4R5,,cortex-m4,120,{software},{class},w,{layers},int8,1,1,");
            predict(&rows(&[&line]), &lists).remove(0).expect("it is priced")
        };
        let (open, closed) = (row("microTVM + CMSIS-NN", "cmsis-nn"), row("X-CUBE-AI 8.1.0", "closed"));
        assert!((closed.cycles.mid / open.cycles.mid / factor - 1.0).abs() < 1e-9, "{layers}: {:?}", closed.factor);
        assert!(closed.factor.low < factor && factor < closed.factor.high, "{:?}", closed.factor);
    }
}

#[test]
fn rows_in_another_configuration_are_refused_with_their_reason() {
    let base = |id: &str, core: &str, mhz: &str, class: &str, layers: &str, threads: &str, profile: &str| {
        format!("{id},lab,board,{profile},{core},{mhz},x,{class},w,{layers},int8,{threads},1,")
    };
    let lines = [
        base("a", "cortex-m55", "100", "cmsis-nn", SHAPE, "1", ""),
        base("b", "cortex-m4", "100", "other", SHAPE, "1", ""),
        base("c", "cortex-m4", "100", "cmsis-nn", SHAPE, "4", ""),
        base("d", "cortex-m4", "100", "cmsis-nn", "", "1", ""),
        base("e", "cortex-m4", "100", "bit-serial", SHAPE, "1", ""),
        base("f", "cortex-m4", "900", "cmsis-nn", SHAPE, "1", "stm32f401"),
        base("g", "cortex-m7", "100", "cmsis-nn", SHAPE, "1", "stm32f401"),
        base("h", "cortex-m4", "100", "cmsis-nn", "kernel:fc in_q=1", "1", ""),
        base("i", "cortex-m4", "100", "cmsis-nn", "geometry/none.csv", "1", ""),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let reasons: Vec<&str> =
        predict(&rows(&lines), &lists).iter().map(|p| p.as_ref().err().map_or("priced", Refusal::reason)).collect();
    let want = ["core", "software", "threads", "workload", "software", "clock", "core", "workload", "workload"];
    assert_eq!(reasons, want);
    // Another board of a known core is priced with a stand-in, and says so.
    let stand_in = base("j", "cortex-m4", "64", "cmsis-nn", SHAPE, "1", "");
    let flags = predict(&rows(&[&stand_in]), &lists).remove(0).expect("priced").flags;
    assert!(flags[0].contains("stand in"), "{flags:?}");
}

#[test]
fn boards_on_many_desks_have_their_own_profile_and_the_exponential_of_their_c_library() {
    let wide = "gcc12-os-tflm-ref-wide-exp";
    for (board, core, mhz, profile, set) in [
        ("Arduino Nano 33 BLE", "cortex-m4", "64", "nrf52840", wide),
        ("Adafruit Feather M4 (SAMD51)", "cortex-m4", "120", "samd51", "gcc12-os-tflm-ref"),
        ("Teensy 4.0", "cortex-m7", "600", "imxrt1062", "gcc12-os-tflm-ref"),
        ("STM32F767ZI", "cortex-m7", "216", "stm32f767", wide),
        ("NUCLEO-F746ZG", "cortex-m7", "216", "stm32f746", "gcc12-os-tflm-ref"),
    ] {
        let line = format!("a,lab,{board},,{core},{mhz},TFLM for Arduino,interpreter,w,{SHAPE},float32,1,1,");
        let priced = predict(&rows(&[&line]), &lists).remove(0).unwrap_or_else(|e| panic!("{board}: {e}"));
        assert_eq!((priced.profile.as_str(), priced.kernel_set.as_str()), (profile, set), "{board}");
        assert!(priced.flags.is_empty(), "{board}: {:?}", priced.flags);
    }
}

/// The clock of Mbed OS and of STM32duino on these boards, not the parts' highest; other software may reach it.
#[test]
fn an_arduino_core_sets_the_clock_of_its_boards() {
    let priced = |board: &str, software: &str, profile: &str| {
        let line = format!("a,lab,{board},{profile},cortex-m7,480,{software},interpreter,w,{SHAPE},float32,1,1,");
        predict(&rows(&[&line]), &lists).remove(0).unwrap_or_else(|e| panic!("{board}: {e}"))
    };
    for (board, profile) in [("Arduino Portenta H7", "stm32h747"), ("NUCLEO-H743ZI2", "stm32h743")] {
        let lower = priced(board, "TFLM for Arduino", "");
        assert_eq!(lower.profile, format!("{profile},clock_mhz=400"));
        assert!(lower.flags.len() == 1 && lower.flags[0].contains("400 MHz"), "{board}: {:?}", lower.flags);
        let other = priced(board, "TFLM", "");
        assert_eq!((other.profile.as_str(), other.flags.len()), (profile, 0), "{board}: {:?}", other.flags);
        assert!(
            lower.latency_ms.mid > 1.05 * other.latency_ms.mid,
            "{board}: {:?} and {:?}",
            lower.latency_ms,
            other.latency_ms
        );
    }
    let named = priced("NUCLEO-H743ZI2", "TFLM for Arduino", "\"stm32h743,clock_mhz=480\"");
    assert_eq!((named.profile.as_str(), named.flags.len()), ("stm32h743,clock_mhz=480", 0));
}

fn validate(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tinyprec"))
        .args(["validate"])
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("it starts")
}

#[test]
fn the_command_names_file_line_and_key_of_bad_input() {
    let dir = tempfile::tempdir().expect("a folder");
    let good = format!("a,lab,L4R5,,cortex-m4,120,CMSIS-NN,cmsis-nn,fc,{SHAPE},int8,1,0.2,");
    let cases = [
        ("column.csv", HEADER.replace("core,", "kore,"), good.clone(), "column.csv:1: there is no column `kore`"),
        ("missing.csv", HEADER.replace("core,", ""), good.clone(), "missing.csv:1: the column `core` is missing"),
        ("number.csv", HEADER.to_owned(), good.replace("0.2", "soon"), "number.csv:2: latency_ms = \"soon\""),
        (
            "board.csv",
            HEADER.to_owned(),
            good.replace(",,cortex", ",stm32x,cortex"),
            "board.csv:2: profile = \"stm32x\"",
        ),
    ];
    for (name, header, row, want) in cases {
        std::fs::write(dir.path().join(name), format!("{header}\n{row}\n")).expect("written");
        let output = validate(dir.path(), &[name]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {message}");
        assert!(message.contains(want) && output.stdout.is_empty(), "`{want}` is not in:\n{message}");
    }
    std::fs::write(dir.path().join("good.csv"), format!("{HEADER}\n{good}\n")).expect("written");
    let output = validate(dir.path(), &["good.csv", "--json", "--out", "report"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["rows"][0]["prediction"]["profile"], "stm32l4r5");
    for name in ["index.html", "README.md", "rows.csv"] {
        assert!(dir.path().join("report").join(name).is_file(), "{name}");
    }
    assert!(!validate(dir.path(), &["good.csv", "--class", "fast"]).status.success());
}

#[test]
fn the_schema_and_the_page_name_every_column() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let text = |name: &str| std::fs::read_to_string(docs.join(name)).expect("committed");
    let schema: serde_json::Value = serde_json::from_str(&text("measurement.schema.json")).expect("JSON");
    let row = &schema["properties"]["measurement"]["items"];
    let keys: Vec<&String> = row["properties"].as_object().expect("an object").keys().collect();
    assert_eq!(keys.len(), COLUMNS.len());
    let page = text("validation.md");
    for column in COLUMNS {
        assert!(keys.iter().any(|k| *k == column) && page.contains(&format!("`{column}`")), "{column}");
    }
    let classes: Vec<&str> =
        row["properties"]["class"]["enum"].as_array().expect("a list").iter().filter_map(|c| c.as_str()).collect();
    assert_eq!(classes, SoftwareClass::ALL.map(SoftwareClass::name));
}

#[test]
fn open_software_on_microcontrollers_is_predicted_as_well_as_the_report_says() {
    let rows = published().expect("the published set");
    let compared = score(&rows, &lists);
    let headline = &compared.headlines[0];
    let rank = headline.stats.spearman.expect("many rows").value;
    assert_eq!((headline.core.as_str(), headline.scope), ("cortex-m4 + cortex-m7", "network"));
    assert!(headline.stats.n >= 100 && headline.stats.median_ape.value < 0.15 && rank > 0.97, "{:?}", headline.stats);
    assert!(headline.baseline.as_ref().expect("it is priced").median_ape.value > 0.4);
    // Layers measured one by one: the unsigned library on the M7 and bit planes on the A53, whose sources the twins follow.
    for (core, most) in [("cortex-m7", 0.08), ("cortex-a53", 0.2)] {
        let layers = compared.headlines.iter().find(|h| h.core == core && h.scope == "layer").expect("it has layers");
        assert!(layers.stats.median_ape.value < most, "{core}: {:?}", layers.stats);
    }
    let csv = tinyprec::report::validation::csv(&compared, &[]);
    let cells = |line: &str| line.split('"').step_by(2).map(|part| part.matches(',').count()).sum::<usize>();
    let header = csv.lines().next().expect("a header");
    assert!(csv.lines().count() == rows.len() + 1 && csv.lines().all(|line| cells(line) == cells(header)));
    let refused: usize = compared.refused().iter().map(|(_, n, _)| n).sum();
    let priced = compared.rows.iter().filter(|s| s.outcome.is_ok()).count();
    assert_eq!(refused + priced, rows.len());
    assert!((450..=540).contains(&refused), "{refused} rows are refused");
}
