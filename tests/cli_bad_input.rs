//! Bad input through the real binary: exit status 1, the place, the way out, never a panic.

#[path = "support/small_run.rs"]
mod small_run;

use small_run::{run, small, tinyprec, write};
use std::fs;
use std::path::Path;
use tinyprec::import;
use tinyprec::nn::{Graph, networks};

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

/// A network with random weights and images for it, in this folder.
fn network_and_images(dir: &Path, images: usize) {
    let a = networks::find("BMXNet-ResNet18-CIFAR10").unwrap();
    let graph = Graph::new(a.build(a.options(), &mut networks::Random::new(1)).unwrap().spec).unwrap();
    import::save_graph(&graph, &dir.join("net.safetensors")).unwrap();
    let record: Vec<u8> = (0..3073usize).map(|at| if at == 0 { 3 } else { (at * 7).to_le_bytes()[0] }).collect();
    fs::write(dir.join("images.bin"), record.repeat(images)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_eval_leaves_no_file_behind() {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().unwrap();
    network_and_images(dir.path(), 20_000);
    let before = fs::read_dir(dir.path()).unwrap().count();
    let arguments = ["eval", "net.safetensors", "images.bin", "--scores", "s.csv", "--features", "f.safetensors"];
    // Whatever runs the tests may ignore the signal, and what it starts would ignore it too.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_tinyprec")]).args(arguments).current_dir(dir.path());
    command.env("TINYPREC_CACHE", dir.path().join("features")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "20 000 images take longer");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    // A shell calls this status 130.
    assert!(status.signal() == Some(2) || status.code() == Some(130), "{status:?}");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    // The folder of kept features may be there, empty.
    assert!(left.len() <= before + 1 && !left.iter().any(|n| n == "s.csv" || n == "f.safetensors"), "{left:?}");
    assert!(fs::read_dir(dir.path().join("features")).map_or(0, Iterator::count) == 0, "kept features of half a run");
}

#[test]
fn a_closed_pipe_ends_eval_quietly() {
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    network_and_images(dir.path(), 20);
    let arguments = ["eval", "net.safetensors", "images.bin", "--json", "--scores", "s.csv"];
    let mut child = tinyprec(dir.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!message.contains("panicked") && !message.contains("error"), "{message}");
    assert_eq!(output.status.code(), Some(0), "{message}");
    assert_eq!(fs::read_to_string(dir.path().join("s.csv")).unwrap().lines().count(), 21);
}

#[test]
fn a_model_table_fits_a_narrow_terminal() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["QuickNet", "ReActNet-A", "ResNet-8", "CNV-W1A2"] {
        for columns in ["40", "60"] {
            let output = tinyprec(dir.path(), &["model", name]).env("COLUMNS", columns).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
            assert!(widest.chars().count() <= columns.parse().unwrap(), "{columns}: {widest}");
            assert!(text.contains("total") && text.contains("parameters deployed"), "{text}");
        }
    }
}
