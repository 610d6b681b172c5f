//! Files from outside: PyTorch's weights in ten lines, Keras' HDF5, and hostile ones of every format.
//!
//! The mutations are seeded, so the short runs are the same everywhere. The long one takes its time from
//! `TINYPREC_FUZZ_SECONDS` (a reader; default 20): `cargo test --release --test import_files -- --ignored fuzz`.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tinyprec::import::{self, LoadOptions};
use tinyprec::nn::{Engine, Graph, Kind, Map, Tensor};
use tinyprec::trace::NullSink;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn output(graph: &Graph, values: &[f32]) -> Vec<f64> {
    let x = Tensor::F32(Map::new(graph.input().shape, values.to_vec()).unwrap());
    let reference = graph.pass(&x, Engine::Reference, &mut NullSink).unwrap().output;
    assert_eq!(graph.pass(&x, Engine::best(), &mut NullSink).unwrap().output, reference);
    reference.reals()
}

#[test]
fn a_file_written_by_the_ten_lines_gives_what_the_network_gave() {
    let graph = import::load(&root("tests/fixtures/torch_schema.safetensors")).unwrap();
    let text = fs::read_to_string(root("tests/fixtures/torch_schema.json")).unwrap();
    let case: serde_json::Value = serde_json::from_str(&text).unwrap();
    let list = |key: &str| -> Vec<f64> { case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    #[allow(clippy::cast_possible_truncation, reason = "the numbers were f32 when they were written")]
    let image: Vec<f32> = list("input").into_iter().map(|v| v as f32).collect();
    assert_eq!(graph.input().kind, Kind::F32);
    let found = output(&graph, &image);
    for (a, b) in found.iter().zip(list("output")) {
        assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a}, the network gave {b}");
    }
    assert_eq!(found.len(), list("output").len());
    let again = tempfile::tempdir().unwrap();
    let again = again.path().join("again.safetensors");
    import::save_graph(&graph, &again).unwrap();
    assert_eq!(import::load(&again).unwrap().spec(), graph.spec());
}

/// Needs the weights and their HDF5 form: `tests/peers/keras_h5.py`, the file's path in `TINYPREC_H5`.
#[test]
fn keras_weights_in_hdf5_give_the_network_of_the_safetensors() {
    let Some(h5) = std::env::var_os("TINYPREC_H5").map(PathBuf::from) else {
        eprintln!("skipped: TINYPREC_H5 names no file; tests/peers/keras_h5.py writes it");
        return;
    };
    let net = if h5.to_string_lossy().contains("bireal") { "BiRealNet" } else { "QuickNetSmall" };
    let wanted = LoadOptions { input: Some([224, 224]), pixels: false };
    let weights = root(&format!("../shared/data/larq/weights_{net}_exact.safetensors"));
    let (a, b) = (import::load_with(&h5, &wanted).unwrap(), import::load_with(&weights, &wanted).unwrap());
    assert!(a.spec() == b.spec(), "the same layers with the same weights");
    let bytes = fs::read(root(&format!("../shared/data/larq/case_{net}_exact_224x224_io.safetensors"))).unwrap();
    let case = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        case.tensor(name).unwrap().data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    };
    let image = Tensor::F32(Map::new(a.input().shape, floats("input")).unwrap());
    let features = a.features(&image).unwrap().reals();
    let expected: Vec<f64> = floats("feature").into_iter().map(f64::from).collect();
    assert_eq!(features, expected);
}

/// One seed file of each reader.
fn seeds(reader: &str) -> Vec<Vec<u8>> {
    let read = |path: &str| fs::read(root(path)).unwrap();
    match reader {
        "tflite" => operators(&read("tests/peers/tflite_ops.json"), 3, |name| !name.starts_with("Lce")),
        "lce" => {
            let toy = fs::read(root("../shared/data/larq/toy_thresholds.tflite")).ok();
            toy.into_iter()
                .chain(operators(&read("tests/peers/tflite_ops.json"), 1, |name| name.starts_with("Lce")))
                .collect()
        }
        "h5" => {
            // A whole network is large, so only who names one has it among the seeds: `tests/peers/keras_h5.py` writes it.
            let whole = std::env::var_os("TINYPREC_H5").map(|path| fs::read(path).unwrap());
            std::iter::once(read("tests/fixtures/keras_small.h5")).chain(whole).collect()
        }
        "graph" => vec![read("tests/fixtures/torch_schema.safetensors"), saved_int8()],
        other => unreachable!("no reader {other}"),
    }
}

/// Every `step`th of the one-operator models whose name is wanted.
fn operators(cases: &[u8], step: usize, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let cases: Vec<serde_json::Value> = serde_json::from_slice(cases).unwrap();
    let hex = |t: &str| (0..t.len() / 2).map(|i| u8::from_str_radix(&t[2 * i..2 * i + 2], 16).unwrap()).collect();
    let models = cases.iter().filter(|c| wanted(c["name"].as_str().unwrap()));
    models.step_by(step).map(|c| hex(c["model"].as_str().unwrap())).collect()
}

/// An 8-bit network in our own format.
fn saved_int8() -> Vec<u8> {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("a.tflite"), scratch.path().join("a.safetensors"));
    fs::write(&from, &seeds("tflite")[0]).unwrap();
    import::save_graph(&import::load(&from).unwrap(), &to).unwrap();
    fs::read(to).unwrap()
}

/// One to four changes: bytes, words of awkward values, cuts, copies, and for text a repeated or swallowed piece.
fn mutate(seed: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    const AWKWARD: [u64; 12] = [
        0,
        1,
        2,
        0x7f,
        0xff,
        0x7fff,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        u64::MAX,
        i64::MAX.cast_unsigned(),
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        if bytes.len() < 16 {
            break;
        }
        // Structure lies at both ends of the formats, so one place in two is near an end.
        let spread = if rng.random_bool(0.5) { bytes.len() } else { bytes.len().min(512) };
        let at = rng.random_range(0..spread);
        let at = if rng.random_bool(0.5) { at } else { bytes.len() - 1 - at };
        match rng.random_range(0..6) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => {
                let width = 1 << rng.random_range(0..4);
                let value = AWKWARD[rng.random_range(0..AWKWARD.len())].to_le_bytes();
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&value[..end - at]);
            }
            3 => bytes.truncate(at),
            4 => {
                let (n, from) = (rng.random_range(1..=16), rng.random_range(0..bytes.len()));
                let piece: Vec<u8> = bytes[from..(from + n).min(bytes.len())].to_vec();
                let end = (at + piece.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&piece[..end - at]);
            }
            _ => {
                let end = (at + rng.random_range(1..=8)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

/// Reads a file with every reader that may want it; gives whether it was a network. Slow or hungry reads are failures.
fn read(path: &Path, bytes: &[u8]) -> bool {
    fs::write(path, bytes).unwrap();
    let start = Instant::now();
    let found = import::inspect(path, &LoadOptions::default()).is_ok_and(|i| i.graph.is_ok());
    assert!(start.elapsed() < Duration::from_secs(20), "{} bytes took {:?}", bytes.len(), start.elapsed());
    found
}

/// Peak memory of this process, where the system tells.
fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// Mutates the seeds of a reader until `done`; gives how many files were read and how many of them still were networks.
fn fuzz(reader: &str, seed: u64, mut done: impl FnMut(usize) -> bool) -> (usize, usize) {
    let scratch = tempfile::tempdir().unwrap();
    let kept = root("target").join(format!("fuzz-{reader}.bin"));
    let (seeds, mut rng) = (seeds(reader), ChaCha8Rng::seed_from_u64(seed));
    let (mut files, mut networks) = (0, 0);
    while !seeds.is_empty() && !done(files) {
        let pick = rng.random_range(0..seeds.len());
        let bytes = mutate(&seeds[pick], &mut rng);
        let found = std::panic::catch_unwind(|| read(&scratch.path().join("f"), &bytes));
        let Ok(network) = found else {
            fs::write(&kept, &bytes).unwrap();
            panic!("{} breaks the reader", kept.display());
        };
        networks += usize::from(network);
        files += 1;
    }
    (files, networks)
}

const READERS: [&str; 4] = ["tflite", "lce", "h5", "graph"];

#[test]
fn hundreds_of_broken_files_of_each_format_are_errors_or_networks() {
    for reader in READERS {
        let (files, networks) = fuzz(reader, 7, |n| n == 600);
        // Some changes touch weights only: a reader that refuses everything tests nothing. (The HDF5 seed is no whole network.)
        assert!(files == 0 || reader == "h5" || (networks > 0 && networks < files), "{reader}: {networks} of {files}");
    }
    if let Some(peak) = peak_mib() {
        assert!(peak < 512, "files of a few hundred KiB took {peak} MiB");
    }
}

#[test]
fn files_that_once_broke_a_reader_do_not() {
    let scratch = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root("tests/fixtures/hostile")).unwrap() {
        let path = entry.unwrap().path();
        read(&scratch.path().join("f"), &fs::read(&path).unwrap());
    }
}

#[test]
#[ignore = "as long as TINYPREC_FUZZ_SECONDS says, for each reader of TINYPREC_FUZZ_READER"]
fn fuzz_for_a_while() {
    let set = |name: &str| std::env::var(name).ok();
    let seconds = set("TINYPREC_FUZZ_SECONDS").and_then(|s| s.parse().ok()).unwrap_or(10);
    let seed = set("TINYPREC_FUZZ_SEED").and_then(|s| s.parse().ok()).unwrap_or(1);
    let only = set("TINYPREC_FUZZ_READER");
    for reader in READERS.into_iter().filter(|r| only.as_deref().is_none_or(|o| o == *r)) {
        let start = Instant::now();
        let (files, networks) = fuzz(reader, seed, |_| start.elapsed() > Duration::from_secs(seconds));
        eprintln!("{reader}: {files} files, {networks} still networks, peak {:?} MiB", peak_mib());
    }
}
