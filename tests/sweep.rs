//! Sweeps through the real binary: the same bytes on any number of threads, in any shards, killed at any moment.

#[path = "sweep_more/cluster.rs"]
mod cluster;
#[path = "sweep_more/page.rs"]
mod page;
#[path = "support/small_run.rs"]
mod small_run;
#[path = "sweep_more/tools.rs"]
mod tools;

use small_run::{SMALL, run, tinyprec};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

/// Twelve points on few samples.
fn space() -> String {
    let base = SMALL.split("[[precision]]").next().unwrap().replace("ROOT", env!("CARGO_MANIFEST_DIR"));
    base + r#"
[[precision]]
preset = "hybrid-16"

[boards]
profiles = ["stm32l4r5", "stm32f746"]

[space]
constraints = ["weights.forward.bits <= backward"]
battery = { capacity_j = 2400, lifetime_days = 365 }

[space.axes]
backward = [{ label = 8, set = { preset = "hybrid-8" } }, { label = 16, set = { preset = "hybrid-16" } }]
forward = { values = [2, 4, 8], set = { "slots.weights.forward" = "int{}:static(-1,1)" } }
"rounding.update" = ["ties-even", "stochastic"]
"#
}

fn write(dir: &Path) {
    fs::write(dir.join("x.toml"), space()).unwrap();
}

fn succeeds(dir: &Path, arguments: &[&str]) {
    let mut all = arguments.to_vec();
    all.extend(["--cache", "features"]);
    let output = run(dir, &all);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn fails(dir: &Path, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Record and points of a finished sweep.
fn results(dir: &Path, out: &str) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| fs::read(dir.join(out).join(name)).unwrap();
    (read("sweep.json"), read("results.jsonl"))
}

#[test]
fn threads_and_shards_do_not_show() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "one", "--jobs", "1"]);
    let one = results(dir.path(), "one");
    assert_eq!(one.1.iter().filter(|b| **b == b'\n').count(), 12);
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "three", "--jobs", "3"]);
    assert!(one == results(dir.path(), "three"), "the sweep depends on the number of threads");

    succeeds(dir.path(), &["sweep", "run", "x.toml", "--out", "a", "--shard", "1/3"]);
    succeeds(dir.path(), &["sweep", "run", "x.toml", "--out", "a", "--shard", "2/3"]);
    let missing = fails(dir.path(), &["sweep", "merge", "x.toml", "a", "--out", "all"]);
    assert!(missing.contains("4 of 12 points are missing: 2, 5, 8, 11"), "{missing}");
    // The third shard on another machine, one point of it twice, as a requeued task would.
    succeeds(dir.path(), &["sweep", "run", "x.toml", "--out", "b", "--index", "5"]);
    succeeds(dir.path(), &["sweep", "run", "x.toml", "--out", "b", "--shard", "3/3"]);
    succeeds(dir.path(), &["sweep", "run", "x.toml", "--out", "b", "--shard", "3/3"]);
    succeeds(dir.path(), &["sweep", "run", "x.toml", "--out", "c", "--index", "5"]);
    succeeds(dir.path(), &["sweep", "merge", "x.toml", "a", "b", "c", "--out", "all"]);
    assert!(one == results(dir.path(), "all"), "merged shards differ from the run on one machine");

    // A budget asks for one point a board that keeps every limit; the closest one is named where there is none.
    let budget = |text: &str| {
        fs::write(dir.path().join("b.toml"), text).unwrap();
        let output = run(dir.path(), &["report", "one/sweep.json", "--budget", "b.toml"]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, error) = budget("step_latency_ms = 1e6\naccuracy_drop = 1\n[boards.stm32f746]\nram_kib = 1e6\n");
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("12 of 12 points keep the budget on stm32f746"), "{error}");
    let (code, error) = budget("accuracy_drop = 1\n[boards.stm32l4r5]\nstep_latency_ms = 0.01\n");
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("b.toml:3:1: step_latency_ms: point ") && error.contains(" on stm32l4r5 has "), "{error}");
    assert!(error.contains("12 of 12 points keep the budget on stm32f746"), "{error}");
    for (text, code, needle) in [
        ("[boards.stm32f7]\nram_kib = 1e9", 2, "ram_kib: no point of the sweep can be checked on stm32f7"),
        ("precisions = [\"a\"]\nram_kib = 1e9", 1, "leave it out"),
    ] {
        let (found, error) = budget(text);
        assert_eq!(found, Some(code), "{error}");
        assert!(error.contains(needle), "{error}");
    }
}

/// Index → line of every whole line of a log; panics where an index comes twice.
fn finished(log: &Path) -> BTreeMap<u64, String> {
    let mut points = BTreeMap::new();
    let bytes = fs::read(log).unwrap_or_default();
    for line in String::from_utf8_lossy(&bytes).split_inclusive('\n').filter(|l| l.ends_with('\n')).skip(1) {
        let value: serde_json::Value = serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        if let Some(point) = value.get("point") {
            let twice = points.insert(point["index"].as_u64().unwrap(), line.to_owned());
            assert!(twice.is_none(), "a finished point was run again");
        }
    }
    points
}

#[test]
fn killed_at_random_a_sweep_loses_and_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "whole"]);
    let log = dir.path().join("out/log/all.log");
    let (mut before, mut random, mut kills) = (BTreeMap::new(), 12_345_u64, 0_u64);
    while before.len() < 12 && kills < 80 {
        let arguments = ["sweep", "x.toml", "--out", "out", "--resume", "--jobs", "2", "--cache", "features"];
        let mut command = tinyprec(dir.path(), &arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Knuth's multiplier; the delays grow, so that a fast machine is killed often and a slow one gets through.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        sleep(Duration::from_millis(10 + (random >> 33) % (40 + 20 * kills)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let after = finished(&log);
        assert!(before.iter().all(|(i, line)| after.get(i) == Some(line)), "kill {kills}: a finished point is gone");
        before = after;
    }
    assert!(kills >= 3, "the sweep was through before it could be killed often enough");
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "out", "--resume"]);
    assert!(finished(&log).len() == 12);
    assert!(results(dir.path(), "out") == results(dir.path(), "whole"), "the resumed sweep is another one");
}

#[test]
fn a_torn_tail_is_dropped_and_damage_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "out"]);
    let whole = results(dir.path(), "out");
    let log = dir.path().join("out/log/all.log");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 7]).unwrap();
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "out", "--resume"]);
    assert!(whole == results(dir.path(), "out"));
    let again = fails(dir.path(), &["sweep", "x.toml", "--out", "out"]);
    assert!(again.contains("--resume"), "{again}");

    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    fs::write(&log, damaged).unwrap();
    let message = fails(dir.path(), &["sweep", "x.toml", "--out", "out", "--resume"]);
    assert!(message.contains("all.log:") && message.contains("damaged"), "{message}");

    fs::write(&log, bytes).unwrap();
    fs::write(dir.path().join("x.toml"), space().replace("0.02", "0.03")).unwrap();
    let message = fails(dir.path(), &["sweep", "x.toml", "--out", "out", "--resume"]);
    assert!(message.contains("of another sweep file"), "{message}");
}

#[test]
fn a_search_spends_less_and_ends_the_same_on_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let text = space() + "\n[space.search]\nmethod = \"halving\"\neta = 3\nrungs = 2\n";
    fs::write(dir.path().join("x.toml"), text).unwrap();
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "one", "--jobs", "1"]);
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "two", "--jobs", "2"]);
    let one = results(dir.path(), "one");
    assert!(one == results(dir.path(), "two"));
    let full = String::from_utf8_lossy(&one.1).lines().filter(|l| !l.contains("\"rung\"")).count();
    assert_eq!(full, 4, "a third of the points is run in full");
    let refused = fails(dir.path(), &["sweep", "run", "x.toml", "--out", "one", "--shard", "1/2"]);
    assert!(refused.contains("[space.search]"), "{refused}");
}

#[test]
fn mistakes_in_a_space_are_found_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    // What is changed to what, where the error must point (the line that starts like this), what it must say.
    for (from, to, line, needle) in [
        (
            "weights.forward.bits <= backward",
            "weights.forwrad.bits <= backward",
            "constraints",
            "did you mean `weights.forward.bits`",
        ),
        ("weights.forward.bits <= backward", "1 > 2", "[experiment]", "no point meets the constraints"),
        ("int{}:static(-1,1)", "int{}:static(1,-1)", "forward = ", "forward = 2"),
        ("\"rounding.update\"", "\"rounding.updat\"", "\"rounding.updat\"", "`updat` is not a precision slot"),
        ("ties-even\"", "ties-evn\"", "\"rounding.update\"", "ties-evn"),
        ("battery =", "batery =", "batery =", "did you mean `battery`"),
        ("[space]\n", "[space]\nsampling = \"sobol\"\n", "sampling", "needs `points`"),
        ("capacity_j = 2400", "capacity_j = -1", "battery", "negative"),
        ("[2, 4, 8]", "[]", "forward = ", "without choices"),
        ("[\"stm32l4r5\", \"stm32f746\"]", "[\"stm32l4r5\", \"stm32f747\"]", "profiles", "stm32f747"),
    ] {
        let text = space();
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        let number = text.lines().position(|l| l.starts_with(line)).unwrap() + 1;
        fs::write(dir.path().join("x.toml"), text).unwrap();
        let message = fails(dir.path(), &["sweep", "x.toml", "--out", "out"]);
        let place = format!("x.toml:{number}:");
        assert!(
            message.contains(&place) && message.contains(needle),
            "{to}: expected {place} and {needle} in\n{message}"
        );
        assert!(!dir.path().join("out").exists(), "{to}: something was written");
    }
}

#[test]
fn a_plan_lists_every_point_and_a_dry_run_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "out", "--dry-run"]);
    assert!(!dir.path().join("out").exists());
    let output = run(dir.path(), &["sweep", "plan", "x.toml", "--out", "out"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan = fs::read_to_string(dir.path().join("out/points.jsonl")).unwrap();
    let points: Vec<serde_json::Value> = plan.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(points.len(), 12);
    // Each point's own text is an experiment that runs by itself.
    fs::write(dir.path().join("p.toml"), points[7]["experiment_toml"].as_str().unwrap()).unwrap();
    succeeds(dir.path(), &["run", "p.toml", "--out", "p"]);
}
