//! Any data set this program knows, by path.

use super::{DataError, Dataset, cifar, idx, kws};
use std::fs;
use std::path::Path;

/// Larger files are refused before they are read.
const LARGEST: u64 = 1 << 31;

/// Reads a CIFAR-10 or CIFAR-100 binary file, MLPerf Tiny keyword records, or a directory with an idx pair (the test pair, if there are several).
///
/// # Errors
/// [`DataError`], naming the file and what to do.
pub fn load(path: &Path) -> Result<Dataset, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let info = fs::metadata(path).map_err(io)?;
    if info.is_dir() {
        return idx::read_directory(path);
    }
    if info.len() > LARGEST {
        let problem = format!("is {} bytes long; a data file has at most {LARGEST}", info.len());
        return Err(DataError::Broken { path: path.to_owned(), problem });
    }
    let bytes = fs::read(path).map_err(io)?;
    if kws::matches(&bytes) {
        return kws::read(path, &bytes);
    }
    cifar::read(path, &bytes).map_err(|error| {
        if !bytes.starts_with(&[0x1f, 0x8b]) && !bytes.starts_with(&[0, 0, 8]) {
            return error;
        }
        let problem = "is a single idx or gzip file; give the directory that holds the pair of images and labels";
        DataError::Broken { path: path.to_owned(), problem: problem.to_owned() }
    })
}
