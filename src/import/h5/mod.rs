//! Keras weights in HDF5, as h5py writes them by default and Larq Zoo publishes them.
//!
//! A reader of the part of the format that such files use, and of nothing else: superblock 0 or 1, version 1 object headers,
//! groups as symbol tables, 32-bit floats that are contiguous, compact or in deflated chunks. Every place is checked against the
//! file's end, everything that can be counted has a limit, and what is unpacked is bounded by the file's size. A general reader
//! is tens of thousands of lines that hostile files would have to be tried on; this one is tried whole (`tests/import_fuzz.rs`).
//!
//! Flow: bytes → [`group`] (all data sets by path) → [`dataset`] (floats) → weights by Keras name.

mod bytes;
mod dataset;
mod group;
mod header;

use super::ImportError;
use super::weights::FloatTensors;
use bytes::{Bytes, Wrong};
pub(super) use dataset::Floats;
use std::collections::BTreeMap;
use std::path::Path;

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Whether the bytes are an HDF5 file.
pub(super) fn matches(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}

/// All 32-bit float weights by the names that Keras gives them, such as `quant_conv2d/kernel:0`.
pub(super) fn weights(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Floats>, ImportError> {
    read(Bytes(bytes)).map_err(|problem| ImportError::Hdf5 { path: path.to_owned(), problem })
}

fn read(file: Bytes<'_>) -> Result<BTreeMap<String, Floats>, Wrong> {
    let shift = match file.u8(8)? {
        0 => 0,
        1 => 4,
        other => return Err(format!("has superblock {other}; save it with h5py's default settings (no libver)")),
    };
    if (file.u8(13)?, file.u8(14)?, file.u64(24 + shift)?) != (8, 8, 0) {
        return Err("has offsets that are not 8 bytes wide, or a user block".to_owned());
    }
    let size = u64::try_from(file.0.len()).map_err(|e| e.to_string())?;
    let mut left = size.saturating_mul(64).saturating_add(1 << 20);
    let mut weights = BTreeMap::new();
    for object in group::datasets(file, file.u64(64 + shift)?)? {
        let Some(name) = weight_name(&object.path) else { continue };
        let of = |problem: Wrong| format!("data set `{}` {problem}", object.path);
        if let Some(floats) = dataset::read(file, &object.messages, &mut left).map_err(of)?
            && weights.insert(name.to_owned(), floats).is_some()
        {
            return Err(format!("has two weights named `{name}`"));
        }
    }
    Ok(weights)
}

/// `<layer>/<weight name>` → the weight's name; whole models keep their weights under `model_weights`.
fn weight_name(path: &str) -> Option<&str> {
    if path.starts_with("optimizer_weights/") {
        return None;
    }
    let path = path.strip_prefix("model_weights/").unwrap_or(path);
    path.split_once('/').map(|(_, name)| name)
}

impl FloatTensors for BTreeMap<String, Floats> {
    fn list(&self) -> BTreeMap<String, Vec<usize>> {
        self.iter().map(|(name, floats)| (name.clone(), floats.shape.clone())).collect()
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, String> {
        self.get(name).map(|floats| floats.values.clone()).ok_or_else(|| "is missing".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &[u8] = include_bytes!("../../../tests/fixtures/keras_small.h5");

    /// What `tests/peers/keras_h5.py` wrote: value i is ((37·i mod 101) − 50)/16.
    fn value(i: usize) -> f32 {
        (f32::from(u8::try_from(37 * i % 101).unwrap()) - 50.0) / 16.0
    }

    #[test]
    fn every_layout_gives_its_values_and_only_float_weights_are_there() {
        let weights = weights(Path::new("small.h5"), SMALL).unwrap();
        assert_eq!(weights.len(), 5 + 13);
        for (name, floats) in &weights {
            let n: usize = floats.shape.iter().product();
            assert_eq!(floats.values, (0..n).map(value).collect::<Vec<_>>(), "{name}");
        }
        assert_eq!(weights["quant_conv2d/kernel:0"].shape, [3, 3, 2, 5]);
        assert_eq!(weights["dense/kernel:0"].shape, [13, 7]);
        assert_eq!(weights["r2b_bnn_block_1_prelu/alpha:0"].shape, [1, 1, 9]);
    }

    #[test]
    fn cut_files_are_errors_or_whole() {
        let whole = weights(Path::new("small.h5"), SMALL).unwrap();
        for n in (0..SMALL.len()).step_by(97) {
            match weights(Path::new("small.h5"), &SMALL[..n]) {
                Ok(found) => assert_eq!(found, whole),
                Err(e) => assert!(e.to_string().starts_with("small.h5: HDF5 file: "), "{e}"),
            }
        }
    }

    /// Up to four bytes changed to awkward values, then perhaps a cut; a linear congruential generator, so always the same files.
    #[test]
    fn changed_files_are_errors_or_floats() {
        let mut x = 1u64;
        let mut draw = |below: usize| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(x >> 33).unwrap() % below
        };
        let mut whole = 0;
        for _ in 0..3000 {
            let mut bytes = SMALL.to_vec();
            for _ in 0..=draw(4) {
                // Structure fills the file's first part, data its last.
                let end = if draw(4) == 0 { bytes.len() } else { 24_000 };
                let at = draw(end);
                bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xff, 8, 64][draw(8)];
            }
            if draw(8) == 0 {
                let end = draw(SMALL.len());
                bytes.truncate(end);
            }
            whole += usize::from(weights(Path::new("small.h5"), &bytes).is_ok());
        }
        assert!((100..2900).contains(&whole), "{whole} of 3000 were read");
    }
}
