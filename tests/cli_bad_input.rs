//! Bad input through the real binary: exit status 1, the place, the way out, never a panic.

#[path = "support/small_run.rs"]
mod small_run;

use small_run::{run, small, write};
use std::fs;
use std::path::Path;

/// Runs the experiment `text` and expects status 1 with all `words` on stderr, and nothing on stdout.
fn refused(text: &str, words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    refused_in(dir.path(), text, words);
}

fn refused_in(dir: &Path, text: &str, words: &[&str]) {
    write(dir, text);
    expect(dir, &["run", "x.toml", "--out", "out"], words);
    assert!(!dir.join("out/record.json").exists());
}

fn expect(dir: &Path, arguments: &[&str], words: &[&str]) {
    let output = run(dir, arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
    assert!(!message.contains("panicked"), "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in:\n{message}");
    }
}

fn with(from: &str, to: &str) -> String {
    let text = small();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn experiment_files() {
    refused(&with("learning_rate", "learnin_rate"), &["x.toml:20:1:", "did you mean `learning_rate`?", "^^^^^"]);
    let slots =
        |format: &str| with("rounding =", &format!("slots = {{ \"weights.master\" = \"{format}\" }}\nrounding ="));
    refused(&slots("int1"), &["x.toml:30:30:", "`int1` does not exist", "2 to 32 bits"]);
    refused(&slots("q40.2"), &["x.toml:30:30:", "from 1 to 31"]);
    refused(&with("[[0, 1, 2, 3], [4, 5], [6, 7]]", "[[0, 1], []]"), &["x.toml:16:", "zero classes"]);
    refused(&with("[6, 7]]", "[6, 11]]"), &["x.toml:16:", "class 11", "classes 0 to 9"]);
    refused(&with("0.02", "nan"), &["x.toml:20:17:", "NaN is out of range"]);
    refused(&with("\"stm32l4r5\"", "\"stm32l4r6\""), &["x.toml:33:", "stm32l4r6"]);
    refused("\u{0}", &["x.toml:1:"]);
}

#[test]
fn missing_and_truncated_files() {
    refused(&with("mnist-bcnn", "mnist-bcnm"), &["x.toml:12:8:", "there is no"]);
    let root = env!("CARGO_MANIFEST_DIR");
    let network = fs::read(format!("{root}/experiments/backbones/mnist-bcnn.safetensors")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let text = with(&format!("{root}/experiments/backbones/mnist-bcnn.safetensors"), "net.safetensors");
    for length in [0, 7, 100, network.len() / 2, network.len() - 1] {
        fs::write(dir.path().join("net.safetensors"), &network[..length]).unwrap();
        refused_in(dir.path(), &text, &["x.toml:12:8:", "net.safetensors"]);
    }

    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let text = with(&format!("{root}/experiments/data/mnist"), "data");
    refused_in(dir.path(), &text, &["x.toml:7:8:", "expected train-images-idx3-ubyte"]);
    for entry in fs::read_dir(format!("{root}/experiments/data/mnist")).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap();
        fs::write(data.join(entry.file_name()), &bytes[..bytes.len() / 2]).unwrap();
    }
    refused_in(dir.path(), &text, &["x.toml:7:8:", "data"]);
}

#[test]
fn weights_that_are_no_numbers() {
    use tinyprec::import;
    use tinyprec::nn::{Graph, GraphSpec, Layer, Shape};
    let dir = tempfile::tempdir().unwrap();
    // Made valid, then spoilt in the file: the library itself refuses to write such a network.
    let affine = Layer::Affine { mul: vec![1.5; 1], add: vec![0.25; 1] };
    let spec = GraphSpec::new("spoilt", Shape::new(28, 28, 1)).then("scale", affine);
    let file = dir.path().join("net.safetensors");
    import::save_graph(&Graph::new(spec).unwrap(), &file).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(4).rposition(|w| w == 1.5f32.to_le_bytes()).expect("the weight is in the file");
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&file, &bytes).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let text = with(&format!("{root}/experiments/backbones/mnist-bcnn.safetensors"), "net.safetensors");
    refused_in(dir.path(), &text, &["x.toml:12:8:", "scale"]);
}

#[test]
fn a_profile_without_a_needed_number() {
    let dir = tempfile::tempdir().unwrap();
    let profile = fs::read_to_string(format!("{}/hw_profiles/stm32l4r5.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    // The table [clock] up to the next one.
    let start = profile.find("[clock]").expect("the profile has a clock");
    let end = start + 1 + profile[start + 1..].find("\n[").expect("other tables follow");
    let without = [&profile[..start], &profile[end..]].concat();
    fs::write(dir.path().join("mine.toml"), &without).unwrap();
    refused_in(dir.path(), &with("\"stm32l4r5\"", "\"mine.toml\""), &["x.toml:33:", "mine.toml:", "clock"]);
}

#[test]
fn output_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("out"), b"a file stands where the folder should be").unwrap();
    refused_in(dir.path(), &small(), &["out", "cannot be written", "--out"]);
}

#[test]
fn arguments_and_records() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &small());
    expect(dir.path(), &["run"], &["EXPERIMENT"]);
    expect(dir.path(), &["run", "nothere.toml"], &["nothere.toml", "quickstart.toml"]);
    expect(dir.path(), &["run", "x.toml", "--jobs", "0"], &["--jobs"]);
    expect(dir.path(), &["run", "x.toml", "--seeds", "1,1"], &["twice"]);
    expect(dir.path(), &["report", "x.toml"], &["x.toml:1:", "not a record"]);
    expect(dir.path(), &["report", "nothere.json"], &["nothere.json"]);
}
