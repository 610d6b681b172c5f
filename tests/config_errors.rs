//! Experiment files that are wrong: each error names the place, what was expected and the way out.

use std::fs;
use std::path::PathBuf;
use tinyprec::config;
use tinyprec::data::Samples;

const GOOD: &str = r#"[experiment]
name = "test"
seeds = [1, 2]

[data]
kind = "idx"
path = "data"

[backbone]
file = "net.safetensors"

[stream]
scenario = "nc"
experiences = [[0, 1], [2, 3]]

[training]
learning_rate = 0.01

[[precision]]
preset = "float"

[[precision]]
preset = "hybrid-8"
slots = { "weights.master" = "int12:static(-1,1)" }

[boards]
profiles = ["stm32l4r5"]
"#;

/// A folder where the files that GOOD names are there.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("net.safetensors"), b"").unwrap();
    let file = dir.path().join("x.toml");
    (dir, file)
}

/// Replaces `from` by `to` in the good file and expects an error at the first `at` of the result with all `words`.
fn check(from: &str, to: &str, at: &str, words: &[&str]) {
    let (_dir, file) = folder();
    assert!(GOOD.contains(from), "{from}");
    let text = GOOD.replacen(from, to, 1);
    let message = config::parse(&file.display().to_string(), &text).unwrap_err().to_string();
    let offset = text.find(at).unwrap_or_else(|| panic!("`{at}` is not in the file"));
    let line = text[..offset].matches('\n').count() + 1;
    let column = offset - text[..offset].rfind('\n').map_or(0, |n| n + 1) + 1;
    let place = format!("x.toml:{line}:{column}: ");
    assert!(message.contains(&place), "expected `{place}` in:\n{message}");
    assert!(message.contains("| ") && message.contains('^'), "no caret in:\n{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in:\n{message}");
    }
}

#[test]
fn keys_of_other_data_are_refused() {
    let idx = "kind = \"idx\"\npath = \"data\"";
    let wrong = |text: &str, at: &str, words: &[&str]| check(idx, text, at, words);
    wrong("kind = \"idx\"\npath = \"data\"\ntrain = \"data\"", "\"data\"\n\n[back", &["`train` has no place here"]);
    wrong("kind = \"idx\"\npath = \"data\"\nrun = 3", "3\n\n[back", &["key of kind `core50`"]);
    wrong("kind = \"core50\"\npath = \"data\"\nrun = 3", "3\n\n[back", &["`run` without `lists`"]);
    wrong(
        "kind = \"core50\"\npath = \"data\"\nlists = \"nicv2_80\"",
        "\"nicv2_80",
        &["did you mean `nicv2_", "ni, nc"],
    );
    wrong("kind = \"folder\"\npath = \"data\"", "\"data\"\n\n[back", &["`path` has no place here"]);
}

#[test]
fn streams_say_what_is_wrong_with_them() {
    let lists = "scenario = \"nc\"\nexperiences = [[0, 1], [2, 3]]";
    let wrong = |text: &str, at: &str, words: &[&str]| check(lists, text, at, words);
    wrong("scenario = \"nic\"\nn_experiences = 9", "\"nic", &["first_classes"]);
    wrong("scenario = \"ni\"\nn_experiences = 9\ndegrees = [1]", "[1]", &["no `degrees`", "split_seed"]);
    wrong("scenario = \"rotated\"\ndegrees = [nan]", "[nan]", &["counterclockwise"]);
    wrong("scenario = \"nc\"\norder = \"vorabi-cifar10\"", "\"vor", &["did you mean `vorabbi-cifar10`", "natural"]);
    wrong("scenario = \"nc\"\norder = \"numpy\"\nclasses_per_experience = 2", "\"nc\"", &["order_seed = 42"]);
    wrong("scenario = \"nc\"\norder = [1, 0]", "\"nc\"", &["classes_per_experience"]);
    wrong("scenario = \"nc\"\nexperiences = [[0]]\norder = [1, 0]", "[1, 0]", &["drop one"]);
    wrong("scenario = \"listed\"\ntest = \"grows\"", "\"grows", &["fixed, growing"]);
}

#[test]
fn transforms_say_what_is_wrong_with_them() {
    let with = |text: &str| format!("[transform]\n{text}\n\n[backbone]");
    let wrong = |text: &str, at: &str, words: &[&str]| check("[backbone]", &with(text), at, words);
    wrong("resize = 0", "0\n\n[back", &["a side of 0", "from 1 to 4096"]);
    wrong("resize = [128, 5000]", "[128", &["5000"]);
    wrong("resize = \"big\"", "\"big", &["[height, width]"]);
    wrong("resize = 9\nresize_short = 8", "8\n\n[back", &["drop one"]);
    wrong("filter = \"cubic\"\nresize = 9", "\"cubic", &["nearest, area, bilinear, bicubic"]);
    wrong("filter = \"area\"", "\"area", &["without a size"]);
    wrong("channels = 2", "2\n\n[back", &["1 is grey"]);
    wrong("mean = [1, 2]", "[1, 2]\n\n[back", &["2 numbers"]);
    wrong("mean = [nan]", "[nan]", &["pixels are 0 to 255"]);
    wrong("crop = 8\nsize = 3", "size", &["unknown key `size`", "resize_short"]);
}

#[test]
fn a_good_file_is_read_whole() {
    let (dir, file) = folder();
    let experiment = config::parse(&file.display().to_string(), GOOD).unwrap();
    assert_eq!(experiment.name, "test");
    assert_eq!(experiment.seeds, [1, 2]);
    assert_eq!(experiment.data.train.path, dir.path().join("data"));
    assert_eq!(experiment.training.epochs_first, 10);
    let names: Vec<&str> = experiment.heads.iter().map(|h| h.precision.name.as_str()).collect();
    assert_eq!(names, ["float", "hybrid-8"]);
    assert!(experiment.heads[1].precision.to_text().iter().any(|(_, t)| t.starts_with("int12")));
    assert_eq!(experiment.kernel_set, "gcc12-o2");
}

#[test]
fn keys() {
    check(
        "learning_rate",
        "learnin_rate",
        "learnin_rate",
        &["unknown key", "did you mean `learning_rate`?", "momentum"],
    );
    check("[boards]", "[bords]", "bords", &["unknown key `bords`", "did you mean `boards`?"]);
    check("name = \"test\"\n", "", "[experiment]", &["`name` is missing"]);
    check("seeds = [1, 2]", "seeds = \"1\"", "\"1\"", &["invalid type"]);
    check("[experiment]", "[experiment", "\nname", &["expected"]);
    check("kind = \"idx\"", "kind = \"idz\"", "\"idz\"", &["did you mean `idx`?", "cifar10"]);
}

#[test]
fn formats() {
    check("int12:static(-1,1)", "int1", "\"int1\"", &["2 to 32 bits"]);
    check("int12:static(-1,1)", "q40.2", "\"q40.2\"", &["from 1 to 31"]);
    check("int12:static(-1,1)", "int12:per-channel:static(-1,1)", "\"int12", &["weights.master", "per-channel"]);
    check("weights.master", "weights.mater", "\"weights.mater\"", &["did you mean `weights.master`?"]);
    check("hybrid-8", "hybird-8", "\"hybird-8\"", &["did you mean `hybrid-8`?"]);
    check(
        "preset = \"hybrid-8\"\n",
        "preset = \"float\"\n",
        "\"float\"\nslots",
        &["two precisions are called `float`"],
    );
    check("slots =", "rounding = { update = \"nearest\" }\nslots =", "\"nearest\"", &["ties-even", "stochastic"]);
    check("slots =", "accumulators = { logit = \"acc32\" }\nslots =", "logit =", &["did you mean `logits`?"]);
}

#[test]
fn streams() {
    check("[[0, 1], [2, 3]]", "[]", "[]", &["without experiences"]);
    check("[[0, 1], [2, 3]]", "[[0, 1], []]", "[]]", &["zero classes"]);
    check("[[0, 1], [2, 3]]", "[[0, 1], [2, 0]]", "0]]", &["class 0 is listed twice"]);
    check("[[0, 1], [2, 3]]", "[[0, 1], [2, -3]]", "-3", &["out of range"]);
    let ni = "scenario = \"ni\"";
    check("scenario = \"nc\"\nexperiences = [[0, 1], [2, 3]]", ni, "\"ni\"", &["n_experiences = 8"]);
    check("scenario = \"nc\"", ni, "[[0", &["no `experiences`"]);
}

#[test]
fn numbers() {
    check("0.01", "nan", "nan", &["learning_rate = NaN is out of range"]);
    check("0.01", "inf", "inf", &["out of range"]);
    check("0.01", "-0.01", "-0.01", &["out of range"]);
    check("learning_rate = 0.01", "momentum = 1.0", "1.0", &["0 to 0.999"]);
    check("learning_rate = 0.01", "batch = 0", "0\n\n[[", &["batch = 0 is out of range"]);
    check("[1, 2]", "[]", "[]", &["no seeds"]);
    check("[1, 2]", "[1, 1]", "1]", &["listed twice"]);
}

#[test]
fn files() {
    check("path = \"data\"", "path = \"dta\"", "\"dta\"", &["there is no", "relative to"]);
    check("net.safetensors", "nett.safetensors", "\"nett", &["there is no"]);
    check("[\"stm32l4r5\"]", "[\"mine.toml\"]", "\"mine.toml\"", &["there is no"]);
    check(
        "kind = \"idx\"\npath = \"data\"",
        "kind = \"cifar10\"",
        "\"cifar10\"",
        &["`train`", "or `train` and `test`"],
    );
    let missing = config::load(&folder().1).unwrap_err().to_string();
    assert!(missing.contains("x.toml") && missing.contains("quickstart.toml"), "{missing}");
}

#[test]
fn classes_that_the_data_lacks_are_shown_in_the_file() {
    let (_dir, file) = folder();
    let experiment = config::parse(&file.display().to_string(), GOOD).unwrap();
    let labels = [0, 1, 2, 0, 1, 2];
    let message =
        experiment.stream(&Samples::labelled(&labels), &Samples::labelled(&labels), 3).unwrap_err().to_string();
    assert!(message.contains("x.toml:14:28: experience 1 asks for class 3"), "{message}");
    assert!(experiment.stream(&Samples::labelled(&[0, 1, 2, 3]), &Samples::labelled(&[3, 2, 1, 0]), 4).is_ok());
}
