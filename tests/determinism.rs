//! The same experiment gives the same bytes: on any number of threads, and killed in the middle and resumed.

#[path = "support/small_run.rs"]
mod small_run;

use small_run::{run, small, tinyprec, write};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn record(dir: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut all = vec!["run", "x.toml", "--out", "out"];
    all.extend(arguments);
    let output = run(dir, &all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(dir.join("out/record.json")).unwrap()
}

#[test]
fn the_number_of_threads_does_not_show() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &small());
    let one = record(dir.path(), &["--jobs", "1"]);
    let three = record(dir.path(), &["--jobs", "3"]);
    assert!(one == three, "the record depends on the number of threads");
    let other = record(dir.path(), &["--seeds", "1,3"]);
    assert!(one != other, "seeds change nothing");
}

#[test]
fn stored_features_give_the_same_record_and_broken_ones_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &small());
    let without = record(dir.path(), &["--no-cache"]);
    assert!(!dir.path().join("features").exists(), "--no-cache kept features");
    assert!(without == record(dir.path(), &[]), "keeping features changes the record");
    let files: Vec<_> = fs::read_dir(dir.path().join("features")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "one file a set: {files:?}");
    let again = || {
        let output = run(dir.path(), &["run", "x.toml", "--out", "out"]);
        assert!(without == fs::read(dir.path().join("out/record.json")).unwrap(), "stored features change the record");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(again().matches("images found in").count(), 2);
    let mut bytes = fs::read(&files[0]).unwrap();
    bytes[100] ^= 4;
    fs::write(&files[0], bytes).unwrap();
    let message = again();
    assert!(message.contains("checksum") && message.contains("computed anew"), "{message}");
    assert_eq!(again().matches("images found in").count(), 2);
}

#[test]
fn a_killed_run_is_resumed_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    // Enough epochs that the kill comes in the middle on any machine.
    write(dir.path(), &small().replace("epochs_later = 2", "epochs_later = 60"));
    let mut child = tinyprec(dir.path(), &["run", "x.toml", "--out", "out", "--jobs", "1"]).spawn().unwrap();
    let parts = dir.path().join("out/parts");
    // A part's first line says whose it is; each other one is a finished experience.
    let lines = |path: &Path| fs::read_to_string(path).map_or(0, |text| text.matches('\n').count());
    let saved = || fs::read_dir(&parts).map_or(0, |d| d.flatten().filter(|e| lines(&e.path()) > 1).count());
    let start = Instant::now();
    while saved() == 0 {
        assert!(start.elapsed() < Duration::from_secs(300), "nothing was saved");
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be killed");
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!dir.path().join("out/record.json").exists(), "the run was through before it was killed");
    let kept: Vec<_> = fs::read_dir(&parts).unwrap().flatten().map(|e| fs::read(e.path()).unwrap()).collect();
    assert!(!kept.is_empty());

    let resumed = record(dir.path(), &["--resume"]);
    let whole = record(dir.path(), &[]);
    assert!(resumed == whole, "the resumed record is another one");
}

#[test]
fn parts_of_another_experiment_or_damaged_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &small());
    let first = record(dir.path(), &[]);
    assert!(first == record(dir.path(), &["--resume"]), "resuming a finished run changes it");

    write(dir.path(), &small().replace("0.02", "0.03"));
    let output = run(dir.path(), &["run", "x.toml", "--out", "out", "--resume"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("of another experiment") && message.contains("without --resume"), "{message}");

    write(dir.path(), &small());
    let part = dir.path().join("out/parts/000-1.jsonl");
    let text = fs::read_to_string(&part).unwrap();
    // Cut off in the middle of a line, as a killed run leaves it.
    fs::write(&part, &text[..text.len() * 3 / 4]).unwrap();
    assert!(first == record(dir.path(), &["--resume"]), "resuming a run that was killed while it wrote changes it");
    assert!(fs::read_to_string(&part).unwrap() == text);

    fs::write(&part, text.replacen("\"accuracy\"", "\"acuracy\"", 1)).unwrap();
    let output = run(dir.path(), &["run", "x.toml", "--out", "out", "--resume"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("000-1.jsonl") && message.contains("delete the file"), "{message}");
}
