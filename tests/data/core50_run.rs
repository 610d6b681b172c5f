//! A tree of CORe50's layout, made here (the images are not to be had), through the command line.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The first object of each category.
const OBJECTS: [usize; 10] = [1, 6, 11, 16, 21, 26, 31, 36, 41, 46];
const TRAIN: [usize; 4] = [1, 2, 4, 5];
const TEST: usize = 3;
/// So many that 391 experiences have an image each.
const FRAMES: usize = 11;
const TEST_FRAMES: usize = 3;

/// Ten objects in five sessions: a bright square whose place is the object's, shifted a pixel by session and frame.
fn tree(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for session in TRAIN.into_iter().chain([TEST]) {
        for (at, object) in OBJECTS.into_iter().enumerate() {
            for frame in 0..if session == TEST { TEST_FRAMES } else { FRAMES } {
                let name = format!("s{session}/o{object}/C_{session:02}_{object:02}_{frame:03}.png");
                let path = root.join("core50_128x128").join(&name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let corner = [4 + 14 * (at % 5) + session, 8 + 60 * (at / 5) + frame % 5];
                let inside = |p: u32, from: usize| (from..from + 50).contains(&usize::try_from(p).unwrap());
                let image = image::RgbImage::from_fn(128, 128, |x, y| {
                    image::Rgb(if inside(x, corner[0]) && inside(y, corner[1]) { [250, 240, 230] } else { [10, 5, 0] })
                });
                image.save(path).unwrap();
                names.push(name);
            }
        }
    }
    names
}

/// The lists of one NICv2 run: sessions and objects one after the other in `experiences`, the first of two objects.
fn lists(root: &Path, names: &[String], experiences: usize) {
    let run = root.join(format!("batches_filelists/NIC_v2_{experiences}/run0"));
    fs::create_dir_all(&run).unwrap();
    let label = |name: &str| OBJECTS.iter().position(|o| name.contains(&format!("/o{o}/"))).unwrap();
    let write = |file: String, names: &[&String]| {
        let mut text = String::new();
        names.iter().for_each(|n| writeln!(text, "{n} {}", label(n)).unwrap());
        fs::write(run.join(file), text).unwrap();
    };
    let (test, train): (Vec<&String>, Vec<&String>) = names.iter().partition(|n| n.starts_with(&format!("s{TEST}/")));
    let (first, later) = train.split_at(2 * FRAMES);
    write("test_filelist.txt".into(), &test);
    let digits = if experiences > 100 { 3 } else { 2 };
    write(format!("train_batch_{:0digits$}_filelist.txt", 0), first);
    for experience in 1..experiences {
        let at = |i: usize| i * later.len() / (experiences - 1);
        write(format!("train_batch_{experience:0digits$}_filelist.txt"), &later[at(experience - 1)..at(experience)]);
    }
}

fn run(dir: &Path, stream: &str, data: &str) -> Output {
    let project = env!("CARGO_MANIFEST_DIR");
    let text = format!(
        r#"[experiment]
name = "core50"
seeds = [1]

[data]
kind = "core50"
path = "core50"
{data}

[transform]
channels = 1
resize = 28

[backbone]
file = "{project}/experiments/backbones/mnist-bcnn.safetensors"

[stream]
{stream}

[training]
batch = 10
learning_rate = 0.02
epochs_first = 2
epochs_later = 1
joint_epochs = 0

[[precision]]
preset = "hybrid-16"
"#
    );
    fs::write(dir.join("x.toml"), text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_tinyprec"))
        .current_dir(dir)
        .env("TINYPREC_CACHE", dir.join("features"))
        .args(["run", "x.toml", "--out", "out"])
        .output()
        .unwrap()
}

/// One scenario from the images to the record.
fn runs(dir: &Path, (stream, data, experiences): (&str, &str, usize)) {
    let out = run(dir, stream, data);
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{stream}: {error}");
    let record: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(dir.join("out/record.json")).unwrap()).unwrap();
    let seed = &record["precisions"][0]["seeds"][0];
    assert_eq!(seed["accuracy"].as_array().map_or(0, Vec::len), experiences, "{stream}");
    fs::remove_dir_all(dir.join("out")).unwrap();
}

#[test]
#[ignore = "a record of 391 × 391 accuracies takes some ten seconds to write"]
fn the_391_experiences_of_nicv2_run_through() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("core50");
    lists(&root, &tree(&root), 391);
    runs(dir.path(), ("scenario = \"listed\"", "lists = \"nicv2_391\"\nrun = 0", 391));
}

#[test]
fn a_tree_of_core50s_layout_runs_through_every_scenario_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("core50");
    let names = tree(&root);
    for experiences in [79, 196] {
        lists(&root, &names, experiences);
    }
    let cases = [
        ("scenario = \"sessions\"", "labels = \"object\"", 4),
        ("scenario = \"nic\"\nfirst_classes = 2\nn_experiences = 20", "labels = \"category\"", 20),
        ("scenario = \"listed\"", "lists = \"nicv2_79\"\nrun = 0", 79),
        ("scenario = \"listed\"", "lists = \"nicv2_196\"\nrun = 0", 196),
    ];
    cases.into_iter().for_each(|case| runs(dir.path(), case));
    // A run that the lists do not have, and a tree that lost a session's folder.
    let out = run(dir.path(), "scenario = \"listed\"", "lists = \"nicv2_196\"\nrun = 1");
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1));
    assert!(error.contains("NIC_v2_196/run1"), "{error}");
    fs::remove_dir_all(root.join("core50_128x128/s3")).unwrap();
    let out = run(dir.path(), "scenario = \"sessions\"", "");
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stdout));
    // No checksum is known for a tree: `data check` says that it is not the published archive.
    let check = Command::new(env!("CARGO_BIN_EXE_tinyprec"))
        .current_dir(dir.path())
        .args(["data", "check", "core50", "--dir", "."])
        .output()
        .unwrap();
    assert_eq!(check.status.code(), Some(3), "{}", String::from_utf8_lossy(&check.stderr));
    assert!(String::from_utf8_lossy(&check.stdout).contains("core50"));
}
