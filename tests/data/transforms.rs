//! Transforms against images that Pillow made: equal in every byte. `tests/peers/resize.py` is the script.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tinyprec::data::transform::{Filter, Transform, resize};
use tinyprec::data::{Domain, Image};

#[derive(Deserialize)]
struct Golden {
    resized: Vec<Resized>,
    rotated: Vec<Rotated>,
    grey_64: String,
}

#[derive(Deserialize)]
struct Resized {
    from: [usize; 3],
    to: [usize; 2],
    filter: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Rotated {
    from: [usize; 3],
    degrees: f64,
    sha256: String,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/resize.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The script's generator.
fn image(shape: [usize; 3]) -> Image {
    let mut state = u32::try_from(shape[0] * 1000 + shape[1]).unwrap();
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match state.to_be_bytes()[0] {
            v if v < 40 => 0,
            v if v > 215 => 255,
            v => v,
        }
    };
    Image { shape, pixels: (0..shape.iter().product()).map(|_| next()).collect() }
}

fn digest(image: &Image) -> String {
    Sha256::digest(&image.pixels).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn resized_images_equal_pillows() {
    let cases = golden().resized;
    assert!(cases.len() > 90);
    for case in cases {
        let filter = Filter::NAMES.iter().find(|(n, _)| *n == case.filter).unwrap().1;
        let new = resize(&image(case.from), case.to[0], case.to[1], filter);
        assert_eq!(digest(&new), case.sha256, "{:?} to {:?} with {}", case.from, case.to, case.filter);
    }
}

#[test]
fn turned_images_equal_pillows() {
    for case in golden().rotated {
        let turned = Domain::rotated(case.degrees).apply(image(case.from));
        assert_eq!(digest(&turned), case.sha256, "{:?} by {}°", case.from, case.degrees);
    }
}

#[test]
fn grey_equals_pillows() {
    let grey = Transform { channels: Some(1), ..Transform::default() };
    assert_eq!(digest(&grey.apply(image([64, 64, 3])).unwrap()), golden().grey_64);
}
