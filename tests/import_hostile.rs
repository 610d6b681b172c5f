//! Broken and hostile network files: each is an error that names the file, none panics.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tinyprec::import::{self, Data, TensorMap};

fn file(dir: &Path, metadata: &[(&str, &str)], tensors: TensorMap) -> PathBuf {
    let metadata: BTreeMap<String, String> = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let path = dir.join("model.safetensors");
    import::write(&path, &metadata, &tensors).unwrap();
    path
}

fn refused(path: &Path) -> String {
    let error = import::load(path).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(path.file_name().unwrap().to_str().unwrap()), "names the file: {text}");
    text
}

/// A graph over 4×4×1 pixels with one input convolution of two outputs.
fn graph(nodes: &str, weight: Data, shape: Vec<usize>) -> (String, TensorMap) {
    let json = format!(r#"{{"name":"t","input":{{"h":4,"w":4,"c":1}},"nodes":[{nodes}]}}"#);
    (json, TensorMap::from([("c.weight".to_owned(), (shape, weight))]))
}

#[test]
fn wrong_descriptions_say_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let good = r#"{"name":"c","op":"input_conv","k":3}"#;
    let rows = || (Data::U8(vec![0; 4]), vec![2, 2]);
    for (nodes, expected) in [
        ("", "no layers"),
        (r#"{"name":"c","op":"input_konv","k":3}"#, "input_konv"),
        (r#"{"name":"c","op":"input_conv","k":3,"colour":1}"#, "colour"),
        (r#"{"name":"c","op":"input_conv","k":3,"shift":1}"#, "shift"),
        (r#"{"name":"c","op":"input_conv"}"#, "needs `k`"),
        (r#"{"name":"c","op":"input_conv","k":0}"#, "columns"),
        (r#"{"name":"c","op":"input_conv","k":9000000000000000000}"#, "columns"),
        (r#"{"name":"c","op":"input_conv","k":3,"pad":"two"}"#, "valid, one, zero"),
        (r#"{"name":"c","op":"input_conv","k":3,"inputs":["d"]}"#, "earlier node"),
        (r#"{"name":"c","op":"input_conv","k":3,"offset":2147483647}"#, "-32768"),
        (r#"{"name":"c","op":"input_conv","k":3},{"name":"c","op":"relu"}"#, "twice"),
        (r#"{"name":"c","op":"input_conv","k":3},{"name":"d","op":"binary_dense"}"#, "d.weight"),
        (r#"{"name":"c","op":"input_conv","k":3},{"name":"d","op":"add"}"#, "inputs"),
    ] {
        let (weight, shape) = rows();
        let (json, tensors) = graph(nodes, weight, shape);
        let text = refused(&file(dir.path(), &[("format", "tinyprec-graph-1"), ("graph", &json)], tensors));
        assert!(text.contains(expected), "{nodes}: {text}");
    }
    for (weight, shape, expected) in [
        (Data::U8(vec![0; 2]), vec![2, 1], "columns"),
        (Data::F32(vec![0.0; 4]), vec![2, 2], "F32"),
        (Data::U8(vec![]), vec![0, 2], "no elements"),
    ] {
        let (json, tensors) = graph(good, weight, shape);
        let text = refused(&file(dir.path(), &[("format", "tinyprec-graph-1"), ("graph", &json)], tensors));
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn nan_weights_and_zero_classes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let json = r#"{"name":"t","input":{"h":1,"w":1,"c":2},"nodes":[{"name":"a","op":"affine"}]}"#;
    let tensors = TensorMap::from([
        ("a.mul".to_owned(), (vec![2], Data::F32(vec![1.0, f32::NAN]))),
        ("a.add".to_owned(), (vec![2], Data::F32(vec![0.0, 0.0]))),
    ]);
    let text = refused(&file(dir.path(), &[("format", "tinyprec-graph-1"), ("graph", json)], tensors));
    assert!(text.contains("a.mul[1] is NaN"), "{text}");
    let spec = |out: usize| format!(r#"{{"layers":[{{"name":"l0","kind":"fc","inp":16,"out":{out}}}]}}"#);
    let text = refused(&file(dir.path(), &[("spec", &spec(0))], TensorMap::new()));
    assert!(text.contains("at least two classes"), "{text}");
    let text = refused(&file(dir.path(), &[("spec", &spec(3))], TensorMap::new()));
    assert!(text.contains("l0.weight"), "{text}");
    refused(&file(dir.path(), &[("spec", &spec(usize::MAX))], TensorMap::new()));
    refused(&file(dir.path(), &[("spec", "{")], TensorMap::new()));
    let text = refused(&file(dir.path(), &[], TensorMap::new()));
    assert!(text.contains("docs/backbone-format.md"), "{text}");
}

#[test]
fn truncated_and_overwritten_bytes_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (json, tensors) = graph(r#"{"name":"c","op":"input_conv","k":3}"#, Data::U8(vec![0; 4]), vec![2, 2]);
    let path = file(dir.path(), &[("format", "tinyprec-graph-1"), ("graph", &json)], tensors);
    let bytes = fs::read(&path).unwrap();
    assert!(import::load(&path).is_ok());
    for n in 0..bytes.len() {
        fs::write(&path, &bytes[..n]).unwrap();
        refused(&path);
        let mut changed = bytes.clone();
        changed[n] ^= 0xff;
        fs::write(&path, changed).unwrap();
        // A changed weight is still a network; anything else is an error. Neither may panic.
        let _ = import::load(&path);
    }
    assert!(refused(dir.path()).contains("directory"));
    assert!(refused(&dir.path().join("none.safetensors")).contains("none.safetensors"));
}
