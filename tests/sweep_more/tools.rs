//! Budgets, comparisons, divergences and replays through the real binary.

use super::small_run::{SMALL, run};
use std::fs;
use std::path::Path;

fn write(dir: &Path, text: &str) {
    fs::write(dir.join("x.toml"), text).unwrap();
}

/// Two integer precisions of the small experiment.
fn small() -> String {
    let text = SMALL.replace("ROOT", env!("CARGO_MANIFEST_DIR"));
    text + "\n[[precision]]\npreset = \"hybrid-16\"\n"
}

fn call(dir: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(dir, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_broken_budget_ends_with_status_2_and_names_the_term() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &small());
    fs::write(dir.path().join("b.toml"), "step_latency_ms = 1e6\n\naccuracy_drop = \"<= 1\"\n").unwrap();
    let cached = ["--cache", "features"];
    let first = ["run", "x.toml", "--out", "a", "--budget", "b.toml"];
    let (code, _, error) = call(dir.path(), &[&first[..], &cached[..]].concat());
    assert_eq!(code, Some(0), "{error}");

    fs::write(dir.path().join("b.toml"), "precisions = [\"hybrid-16\"]\n[boards.stm32l4r5]\nstep_latency_ms = 0.5\n")
        .unwrap();
    let (code, _, error) = call(dir.path(), &["report", "a/record.json", "--budget", "b.toml"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("b.toml:3:1: step_latency_ms: hybrid-16 on stm32l4r5"), "{error}");
    assert!(error.contains("the largest part is"), "{error}");
    assert!(!error.contains("hybrid-8"), "{error}");

    // A budget that checks nothing must not pass.
    fs::write(dir.path().join("b.toml"), "precisions = [\"hybrid-64\"]\nram_kib = 1e9\n").unwrap();
    assert_eq!(call(dir.path(), &["report", "a/record.json", "--budget", "b.toml"]).0, Some(2));
    for (text, needle) in [
        ("step_latency_m = 1", "did you mean `step_latency_ms`"),
        ("ram_kib = true", "<= number"),
        ("", "without limits"),
    ] {
        fs::write(dir.path().join("b.toml"), text).unwrap();
        let (code, _, error) = call(dir.path(), &["report", "a/record.json", "--budget", "b.toml"]);
        assert_eq!(code, Some(1), "{text}: {error}");
        assert!(error.contains("b.toml:1:1") || error.contains("b.toml:1:11"), "{error}");
        assert!(error.contains(needle), "{text}: {error}");
    }

    write(dir.path(), &small().replace("batch = 16", "batch = 8"));
    let (code, _, error) = call(dir.path(), &[&["run", "x.toml", "--out", "b"][..], &cached[..]].concat());
    assert_eq!(code, Some(0), "{error}");
    let (_, json, _) = call(dir.path(), &["compare", "a/record.json", "b/record.json", "--json"]);
    let compared: serde_json::Value = serde_json::from_str(&json).unwrap();
    let change = |name: &str| {
        let all = compared["changes"].as_array().unwrap();
        all.iter().find(|c| c["figure"] == name).unwrap_or_else(|| panic!("no {name}"))["change"].as_f64().unwrap()
    };
    assert!(change("hybrid-16 on stm32l4r5: step_latency_ms") < 0.0, "half the batch takes less time");
    assert_eq!(change("hybrid-16 on stm32l4r5: inference_latency_ms"), 0.0);
    let (_, markdown, _) = call(dir.path(), &["compare", "a/record.json", "b/record.json", "--markdown"]);
    assert!(markdown.contains("| hybrid-16 on stm32l4r5: step_latency_ms |"), "{markdown}");
    let (_, same, _) = call(dir.path(), &["compare", "a/record.json", "a/record.json"]);
    assert!(same.contains("figures are equal"), "{same}");
}

#[test]
fn two_precisions_part_at_a_named_step_and_element() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &small());
    let json = |arguments: &[&str]| -> serde_json::Value {
        let mut all = vec!["diff"];
        all.extend(arguments);
        all.extend(["--json", "--cache", "features"]);
        let (code, out, error) = call(dir.path(), &all);
        assert_eq!(code, Some(0), "{error}");
        serde_json::from_str(&out).unwrap()
    };
    assert!(json(&["x.toml:hybrid-16", "x.toml:hybrid-16"])["first"].is_null(), "a precision parts from itself");
    let found = json(&["x.toml:hybrid-8", "x.toml:hybrid-16"]);
    assert_eq!(found["first"]["step"], 0);
    // Both start from zero weights and share features, logits and softmax: the error's format is the first that differs.
    assert_eq!(found["first"]["role"], "error", "{found}");
    let tensors = found["first"]["tensors"].as_array().unwrap();
    for tensor in tensors {
        let sum: u64 = tensor["histogram"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(tensor["elements"], sum, "{tensor}");
    }
    assert_eq!(found["changed_decisions"].as_array().unwrap().len(), 3);

    // A dump of the run equals the run; one changed element is found where it is, in either layout.
    let dump = dir.path().join("d.safetensors");
    let write = ["diff", "x.toml:hybrid-16", "--write-dump", "d.safetensors", "--steps", "0,3", "--cache", "features"];
    assert_eq!(call(dir.path(), &write).0, Some(0));
    assert!(json(&["x.toml:hybrid-16", "d.safetensors"])["first"].is_null());
    let bytes = fs::read(&dump).unwrap();
    let header_len = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_len]).unwrap();
    let entry = &header["3.weights.master"];
    let (start, columns) = (entry["data_offsets"][0].as_u64().unwrap(), entry["shape"][1].as_u64().unwrap());
    let element = 2 * columns + 5;
    let at = 8 + header_len + usize::try_from(start + 4 * element).unwrap();
    let mut changed = bytes.clone();
    changed[at..at + 4].copy_from_slice(&9.0f32.to_le_bytes());
    fs::write(&dump, changed).unwrap();
    let found = json(&["x.toml:hybrid-16", "d.safetensors"]);
    assert_eq!(found["first"]["step"], 3);
    assert_eq!(found["first"]["role"], "weights.master");
    assert_eq!(found["first"]["element"], serde_json::json!([2, 5]));
    assert_eq!(found["first"]["tensors"].as_array().unwrap().last().unwrap()["different"], 1);
}

#[test]
fn the_first_overflow_is_replayed_in_wide_arithmetic() {
    let dir = tempfile::tempdir().unwrap();
    let narrow =
        "\n[[precision]]\nname = \"narrow\"\npreset = \"hybrid-16\"\naccumulators = { logits = \"acc12:each-add\" }\n";
    write(dir.path(), &(small() + narrow));
    let arguments = ["diff", "x.toml:narrow", "--replay-overflow", "--json", "--cache", "features"];
    let (code, out, error) = call(dir.path(), &arguments);
    assert_eq!(code, Some(0), "{error}");
    let replay: serde_json::Value = serde_json::from_str(&out).unwrap();
    let sites = replay["event"]["sites"].as_array().unwrap();
    assert!(sites.iter().any(|s| s[0].as_str().unwrap().contains("logits")), "{out}");
    let logits = &replay["event"]["tensors"][0];
    assert_eq!(logits["role"], "logits");
    assert!(logits["relative_l2"].as_f64().unwrap() > 0.01, "{out}");
    let quiet = ["diff", "x.toml:hybrid-16", "--replay-overflow", "--seed", "1", "--cache", "features"];
    assert_eq!(call(dir.path(), &quiet).0, Some(0));
}

#[test]
fn other_strategies_are_compared_step_by_step_too() {
    let dir = tempfile::tempdir().unwrap();
    let with = |strategy: &str| {
        write(dir.path(), &small().replace("batch = 16", &format!("batch = 16\nstrategy = \"{strategy}\"")));
        let arguments = ["diff", "x.toml:hybrid-8", "x.toml:hybrid-16", "--json", "--cache", "features"];
        let (code, out, error) = call(dir.path(), &arguments);
        assert_eq!(code, Some(0), "{strategy}: {error}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    // The accuracies beside the comparison are those of the run that learns alone.
    for strategy in ["naive", "lwf", "replay"] {
        let found = with(strategy);
        assert_eq!(found["first"]["role"], "error", "{strategy}: {found}");
        let learnt = ["run", "x.toml", "--out", strategy, "--seeds", "1", "--cache", "features", "--json"];
        let (code, out, error) = call(dir.path(), &learnt);
        assert_eq!(code, Some(0), "{strategy}: {error}");
        let record: serde_json::Value = serde_json::from_str(&out).unwrap();
        let alone = &record["precisions"][2]["seeds"][0]["stream_accuracy"];
        let beside: Vec<&serde_json::Value> =
            found["accuracy"].as_array().unwrap().iter().map(|pair| &pair[1]).collect();
        assert_eq!(alone.as_array().unwrap().iter().collect::<Vec<_>>(), beside, "{strategy}");
    }
    // One that takes no gradient steps parts in the weights that it writes.
    let found = with("nearest-mean");
    assert_eq!(found["first"]["role"], "weights.master", "{found}");
    assert_eq!(found["changed_decisions"].as_array().unwrap().len(), 3);
    with("lwf");
    let replay = ["diff", "x.toml:hybrid-8", "--replay-overflow", "--cache", "features"];
    let (code, _, error) = call(dir.path(), &replay);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("`lwf`") && error.contains("naive"), "{error}");
}
