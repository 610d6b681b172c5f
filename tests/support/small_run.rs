//! A small experiment over the embedded data, run through the real binary.
#![allow(dead_code)] // each test file uses its own part

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The experiment: embedded images and backbone, few samples, two precisions, stochastic rounding in one of them.
pub const SMALL: &str = r#"[experiment]
name = "small"
seeds = [1, 2]

[data]
kind = "idx"
path = "ROOT/experiments/data/mnist"
train_per_class = 24
test_per_class = 10

[backbone]
file = "ROOT/experiments/backbones/mnist-bcnn.safetensors"

[stream]
scenario = "nc"
experiences = [[0, 1, 2, 3], [4, 5], [6, 7]]

[training]
batch = 16
learning_rate = 0.02
epochs_first = 4
epochs_later = 2
joint_epochs = 2

[[precision]]
preset = "float"

[[precision]]
preset = "hybrid-8"
rounding = { update = "stochastic" }

[boards]
profiles = ["stm32l4r5"]
"#;

/// SMALL with the project's folder filled in.
pub fn small() -> String {
    SMALL.replace("ROOT", env!("CARGO_MANIFEST_DIR"))
}

/// Writes an experiment into a folder and gives its path.
pub fn write(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("x.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The binary with these arguments, in this folder.
pub fn tinyprec(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyprec"));
    command.current_dir(dir).args(arguments).env_remove("COLUMNS").env_remove("NO_COLOR");
    // Features stay in the test's own folder.
    command.env("TINYPREC_CACHE", dir.join("features"));
    command
}

/// Runs it to its end.
pub fn run(dir: &Path, arguments: &[&str]) -> Output {
    tinyprec(dir, arguments).output().unwrap()
}
