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
