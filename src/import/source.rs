//! A file's bytes, with a limit on how many.

use super::ImportError;
use std::fs;
use std::path::Path;

/// Larger files are refused before they are read.
const LARGEST_FILE: u64 = 1 << 30;

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    let io = |source| ImportError::Io { path: path.to_owned(), source };
    let info = fs::metadata(path).map_err(io)?;
    let problem = if info.is_dir() {
        Some("is a directory; name the model's file in it".to_owned())
    } else if info.len() > LARGEST_FILE {
        Some(format!("is {} bytes long; a network file has at most {LARGEST_FILE}", info.len()))
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(ImportError::NotAFile { path: path.to_owned(), problem });
    }
    fs::read(path).map_err(io)
}

/// The file's name without its ending, for networks that have none of their own.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "network".into(), |s| s.to_string_lossy().into_owned())
}
