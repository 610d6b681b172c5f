//! Features kept on disk under the hash of what they depend on: computed once, found by every later run and sweep.
//!
//! A file is written beside and renamed, carries its key and a checksum, and is computed anew where anything about it is
//! wrong: a store can be deleted, cut or shared between programs at any time without changing a result.
//!
//! ```
//! use tinyprec::{data::Dataset, run::{FeatureKey, FeatureStore, Features, Origin}};
//! # use tinyprec::nn::{Graph, GraphSpec, Layer, Shape};
//! # let graph = Graph::new(GraphSpec::new("g", Shape::new(1, 1, 4)).then("x", Layer::PackInput { threshold: 9, flatten: true }))?;
//! # let dir = std::env::temp_dir().join(format!("tinyprec-store-doc-{}", std::process::id()));
//! let set = Dataset::new("two", [1, 1, 4], 2, vec![0, 9, 9, 0, 9, 9, 0, 0], vec![0, 1])?;
//! let store = FeatureStore::open(&dir)?;
//! let key = FeatureKey::new("hash of the model's file", &set, "")?;
//! let compute = || Features::of(&graph, &set, &|_| ());
//! let (computed, how) = store.get_or(&key, compute)?;
//! assert_eq!(how, Origin::Computed);
//! let (found, how) = store.get_or(&key, compute)?;
//! assert_eq!((found, how), (computed, Origin::Found));
//! # std::fs::remove_dir_all(dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{Features, RunError, feature_file, files};
use crate::data::{DataError, Dataset};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Raised whenever the same network could give other features than before.
const KERNELS: &str = "features-1";

/// What features depend on, as a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FeatureKey([u8; 32]);

impl FeatureKey {
    /// `model` is the content hash of the network's file; of the images their bytes, shape and order count, not where they
    /// came from, and their transforms; `settings` is whatever else changes the features, in one stable text.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub fn new(model: &str, images: &Dataset, settings: &str) -> Result<Self, DataError> {
        let mut digest = Sha256::new();
        for text in [KERNELS, env!("CARGO_PKG_VERSION"), model, settings, &images.treatment()] {
            digest.update(text.len().to_le_bytes());
            digest.update(text);
        }
        digest.update(format!("{:?} {}", images.shape(), images.len()));
        for image in 0..images.len() {
            let stored = images.stored(image)?;
            digest.update(format!("{:?}", stored.shape));
            digest.update(stored.pixels);
        }
        Ok(Self(digest.finalize().into()))
    }

    /// As lower-case hex: the name of the file.
    pub fn hex(&self) -> String {
        files::hex(&self.0)
    }
}

/// How features were come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the store.
    Found,
    /// Computed and stored.
    Computed,
    /// What the store held was broken; computed and stored anew.
    Repaired(String),
    /// Computed, but the store could not be written; nothing is lost but time.
    NotKept(String),
}

/// A folder of features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureStore {
    dir: PathBuf,
}

impl FeatureStore {
    /// The store in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`RunError::Write`] if the folder cannot be made.
    pub fn open(dir: &Path) -> Result<Self, RunError> {
        fs::create_dir_all(dir).map_err(|source| RunError::Write { path: dir.to_owned(), source })?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Where the features of a key lie, or would.
    pub fn path(&self, key: &FeatureKey) -> PathBuf {
        self.dir.join(format!("{}.features", key.hex()))
    }

    /// The features of a key, `None` if there are none.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn find(&self, key: &FeatureKey) -> Result<Option<Features>, String> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => feature_file::decode(&key.0, &bytes).map(Some).map_err(|e| format!("{}: {e}", path.display())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(format!("{}: {e}", path.display())),
        }
    }

    /// Keeps features under a key, in place of what was there.
    ///
    /// # Errors
    /// [`RunError::Write`] if the file cannot be written.
    pub fn keep(&self, key: &FeatureKey, features: &Features) -> Result<(), RunError> {
        let path = self.path(key);
        let bytes = feature_file::encode(&key.0, features);
        crate::files::replace(&path, &bytes).map_err(|source| RunError::Write { path, source })
    }

    /// The features of a key: those of the store if it has them whole, else computed and kept.
    ///
    /// # Errors
    /// Those of `compute` only; a store that cannot be read or written costs time and shows in [`Origin`].
    pub fn get_or(
        &self,
        key: &FeatureKey,
        compute: impl FnOnce() -> Result<Features, RunError>,
    ) -> Result<(Features, Origin), RunError> {
        let broken = match self.find(key) {
            Ok(Some(features)) => return Ok((features, Origin::Found)),
            Ok(None) => None,
            Err(why) => Some(why),
        };
        let features = compute()?;
        let origin = match (self.keep(key, &features), broken) {
            (Err(e), _) => Origin::NotKept(e.to_string()),
            (Ok(()), Some(why)) => Origin::Repaired(why),
            (Ok(()), None) => Origin::Computed,
        };
        Ok((features, origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Graph, GraphSpec, Layer, Shape};

    #[test]
    fn broken_files_are_computed_anew_and_other_inputs_have_other_keys() {
        let shape = Shape::new(1, 2, 3);
        let spec = GraphSpec::new("g", shape).then("x", Layer::PackInput { threshold: 9, flatten: false });
        let graph = Graph::new(spec).unwrap();
        let set = Dataset::new("s", [1, 2, 3], 2, vec![8, 9, 10, 7, 11, 200, 0, 0, 0, 1, 2, 3], vec![0, 1]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let store = FeatureStore::open(&dir.path().join("a/b")).unwrap();
        let key = FeatureKey::new("m", &set, "").unwrap();
        let get = || store.get_or(&key, || Features::of(&graph, &set, &|_| ())).unwrap();
        let (first, how) = get();
        assert_eq!(how, Origin::Computed);
        let path = store.path(&key);
        let good = fs::read(&path).unwrap();
        for bad in [&good[..good.len() - 1], b"", b"TPFEATS1 rubbish"] {
            fs::write(&path, bad).unwrap();
            let (again, how) = get();
            assert_eq!(again, first);
            assert!(matches!(how, Origin::Repaired(_)), "{how:?}");
            assert_eq!(fs::read(&path).unwrap(), good);
        }
        assert_eq!(get().1, Origin::Found);
        let other_settings = FeatureKey::new("m", &set, "x").unwrap();
        let other_images = FeatureKey::new("m", &set.select(&[1, 0]).unwrap(), "").unwrap();
        let other_model = FeatureKey::new("n", &set, "").unwrap();
        for other in [other_settings, other_images, other_model] {
            assert_ne!(other, key);
            assert_eq!(store.find(&other), Ok(None));
        }
        // A store that cannot be written still gives the features.
        fs::remove_dir_all(dir.path()).unwrap();
        let (again, how) = get();
        assert!(again == first && matches!(how, Origin::NotKept(_)), "{how:?}");
    }
}
