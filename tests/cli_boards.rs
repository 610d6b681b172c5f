//! `profile` and `cost` through the real binary.

#[path = "support/small_run.rs"]
mod small_run;

use serde_json::Value;
use small_run::run;
use std::path::Path;

fn json(arguments: &[&str]) -> Value {
    let output = run(Path::new(env!("CARGO_MANIFEST_DIR")), arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn boards_are_listed_shown_and_checked() {
    let list = json(&["profile", "list", "--json"]);
    assert!(list.as_array().unwrap().iter().any(|p| p["profile"] == "stm32l4r5" && p["clock_mhz"] == 120.0), "{list}");
    let shown = json(&["profile", "show", "stm32f746", "--json"]);
    assert!(shown["quantities"].as_array().unwrap().iter().all(|q| q["source"] != "" && q["kind"] != ""), "{shown}");
    assert_eq!(json(&["profile", "check", "hw_profiles/rpi3b-plus.toml", "--json"])["profile"], "rpi3b-plus");
}

#[test]
fn a_new_profile_starts_from_another_and_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["profile", "new", "mine", "--like", "stm32h743"]).status.code(), Some(0));
    let again = run(folder.path(), &["profile", "new", "mine", "--like", "stm32h743"]);
    assert_eq!(again.status.code(), Some(1), "never over a file that is there");
    let text = std::fs::read_to_string(folder.path().join("mine.toml")).unwrap();
    assert!(text.starts_with("# Your board.") && text.contains("based_on = \"stm32h743\""), "{text}");
    let checked = run(folder.path(), &["profile", "check", "mine.toml"]);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(0), "{said}");
    assert!(said.contains("copied: line ") && said.contains("ram.kib: still stm32h743's 992"), "{said}");
    assert!(said.contains("assumed: constants.l1d.over_wait_states = 12 (6 to 20)"), "{said}");
    std::fs::write(
        folder.path().join("mine.toml"),
        text.replace("wait_states = { value = 4, low = 3", "wait_states = { value = 0, low = 0"),
    )
    .unwrap();
    let wrong = run(folder.path(), &["profile", "check", "mine.toml"]);
    assert_eq!(wrong.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("inconsistent: line "));
}

#[test]
fn a_network_is_priced_on_every_board_asked_for() {
    let network = "experiments/backbones/mnist-bcnn.safetensors";
    let costs = json(&["cost", network, "--profile", "stm32l4r5", "--profile", "stm32f746", "--json"]);
    let ms = |i: usize, end: &str| costs[i]["latency_ms"][end].as_f64().unwrap();
    for board in 0..2 {
        assert!(
            0.0 < ms(board, "low") && ms(board, "low") <= ms(board, "mid") && ms(board, "mid") <= ms(board, "high")
        );
        let sites = costs[board]["sites"].as_array().unwrap();
        let sum: f64 = sites.iter().map(|s| s["latency_ms"]["mid"].as_f64().unwrap()).sum();
        assert!((sum / ms(board, "mid") - 1.0).abs() < 1e-9, "the sites do not add up");
    }
    assert!(ms(1, "mid") < ms(0, "mid"), "216 MHz of an M7 are slower than 120 MHz of an M4");
}

#[test]
fn experiments_layer_lists_and_published_networks_are_priced() {
    let costs =
        json(&["cost", "experiments/quickstart.toml", "--profile", "stm32l4r5,supply=3v0-ldo", "--audit", "--json"]);
    let list = costs.as_array().unwrap();
    assert_eq!(list.len(), 4, "one a precision");
    for cost in list {
        let units: Vec<_> = cost["units"].as_array().unwrap().iter().map(|u| u["unit"].as_str().unwrap()).collect();
        assert_eq!(units, ["image", "step", "consolidation"]);
        let sum: f64 = cost["layers"].as_array().unwrap().iter().map(|l| l["share"].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "shares add up");
        assert!(cost["largest"]["batch"].as_u64().unwrap() >= 32 && cost["fits"] == true, "{cost}");
        let audit = &cost["audit"];
        let parts: f64 = audit["shares"].as_array().unwrap().iter().map(|s| s["cycles"].as_f64().unwrap()).sum();
        assert!((parts / cost["cycles"]["mid"].as_f64().unwrap() - 1.0).abs() < 1e-9, "the audit's parts add up");
        assert!(audit["attained"].as_f64().unwrap() > 1.0 && audit["attained"].as_f64().unwrap() < 32.0);
    }
    let alerts = list[1]["alerts"].to_string();
    assert!(list[1]["name"] == "hybrid-8" && alerts.contains("sgd_update [i8 i8] takes"), "{alerts}");
    let layers = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    let text = "idx,op,in_h,in_w,in_c,out_h,out_w,out_c,kh,kw,stride\n\
                0,CONV_2D,32,32,3,32,32,64,3,3,1x1\n1,CONV_2D,32,32,64,32,32,64,3,3,1x1\n2,FULLY_CONNECTED,1,1,65536,1,1,10,,,\n";
    std::fs::write(layers.path(), text).unwrap();
    let file = layers.path().to_str().unwrap();
    let priced = json(&["cost", file, "--dtype", "b1", "--profile", "stm32f407", "--json"]);
    let second = &priced[0]["layers"][1];
    assert_eq!(second["macs"].as_f64(), Some(32.0 * 32.0 * 64.0 * 9.0 * 64.0), "{second}");
    assert!(second["cycles_per_mac"].as_f64().unwrap() < 2.0);
}

#[test]
fn a_site_is_explained_down_to_the_lines_of_its_numbers() {
    let told = json(&[
        "explain",
        "experiments/quickstart.toml",
        "--profile",
        "stm32h743",
        "--site",
        "head.gradient",
        "--json",
    ]);
    let call = &told["calls"][0];
    let mid = |l: &Value, key: &str| l[key]["mid"].as_f64().unwrap();
    let levels = call["levels"].as_array().unwrap().iter();
    let sum: f64 = levels.map(|l| mid(l, "cycles") + mid(l, "mispredicted_cycles")).sum();
    let pipeline = call["pipeline_cycles"]["mid"].as_f64().unwrap() / call["times"].as_f64().unwrap();
    assert!((sum / pipeline - 1.0).abs() < 1e-9, "levels {sum}, pipeline {pipeline}");
    let has_place = |c: &Value| c["place"].as_str().unwrap().contains(".toml:") && c["kind"] != "" && c["source"] != "";
    assert!(call["coefficients"].as_array().unwrap().iter().all(has_place));
    let moves = told["uncertainty"].as_array().unwrap();
    assert!(!moves.is_empty() && moves.iter().all(has_place), "{told}");
    let shares: f64 = moves.iter().map(|m| m["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9);
}
