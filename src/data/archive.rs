//! Chosen files out of folders, tar.gz and zip archives, with their sizes bounded before they are read.

use super::DataError;
use flate2::read::MultiGzDecoder;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file and its name without folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Last component.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io { path: path.clone(), source }
}

fn broken(path: &Path, problem: String) -> DataError {
    DataError::Broken { path: path.to_owned(), problem }
}

/// Everything in `reader`, refusing more than `largest` bytes.
fn bounded(path: &Path, reader: impl Read, largest: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    reader.take(largest + 1).read_to_end(&mut bytes).map_err(io_error(path))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > largest {
        return Err(broken(path, format!("is larger than {largest} bytes; no data set has such a file")));
    }
    Ok(bytes)
}

/// A whole file of at most `largest` bytes.
///
/// # Errors
/// [`DataError`] naming it.
pub fn file(path: &Path, largest: u64) -> Result<Vec<u8>, DataError> {
    let file = fs::File::open(path).map_err(io_error(path))?;
    bounded(path, file, largest)
}

/// The files of a folder whose names are wanted, by name.
///
/// # Errors
/// [`DataError`] naming the file that cannot be read.
pub fn folder(path: &Path, wanted: &dyn Fn(&str) -> bool, largest: u64) -> Result<Vec<File>, DataError> {
    let mut found = Vec::new();
    for at in entries(path)? {
        let name = name_of(&at);
        if wanted(&name) && at.is_file() {
            found.push(File { bytes: file(&at, largest)?, name });
        }
    }
    Ok(found)
}

/// The files of a `.tar.gz` whose last names are wanted, in the archive's order.
///
/// # Errors
/// [`DataError`] if it is cut off or no such archive.
pub fn tar_gz(path: &Path, wanted: &dyn Fn(&str) -> bool, largest: u64) -> Result<Vec<File>, DataError> {
    let cut = |e: io::Error| broken(path, format!("is no whole .tar.gz archive: {e}; fetch it again"));
    let packed = io::BufReader::new(fs::File::open(path).map_err(io_error(path))?);
    let mut archive = tar::Archive::new(MultiGzDecoder::new(packed));
    let mut found = Vec::new();
    for entry in archive.entries().map_err(cut)? {
        let mut entry = entry.map_err(cut)?;
        let name = name_of(&entry.path().map_err(cut)?);
        if !wanted(&name) || !entry.header().entry_type().is_file() {
            continue;
        }
        if entry.size() > largest {
            return Err(broken(path, format!("{name} has {} bytes; at most {largest} are read", entry.size())));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(cut)?;
        found.push(File { name, bytes });
    }
    // The checksum stands at the end.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(cut)?;
    Ok(found)
}

/// Unpacks a zip archive into a folder; names that would lead out of it are refused.
///
/// # Errors
/// [`DataError`] if it is cut off, holds such a name, or the folder cannot be written.
pub fn unzip(path: &Path, into: &Path) -> Result<usize, DataError> {
    let cut = |e: zip::result::ZipError| broken(path, format!("is no whole zip archive: {e}; fetch it again"));
    let packed = io::BufReader::new(fs::File::open(path).map_err(io_error(path))?);
    let mut archive = zip::ZipArchive::new(packed).map_err(cut)?;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(cut)?;
        let Some(name) = entry.enclosed_name() else {
            return Err(broken(path, format!("holds an entry (number {at}) whose name leads out of the folder")));
        };
        let target = into.join(name);
        if entry.is_dir() {
            fs::create_dir_all(&target).map_err(io_error(&target))?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(io_error(parent))?;
        }
        let mut file = fs::File::create(&target).map_err(io_error(&target))?;
        io::copy(&mut entry, &mut file)
            .map_err(|e| broken(path, format!("{}: {e}; fetch it again", target.display())))?;
    }
    Ok(archive.len())
}

/// Paths in a folder, by name.
///
/// # Errors
/// [`DataError::Io`] naming the folder.
pub fn entries(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(io_error(path))? {
        found.push(entry.map_err(io_error(path))?.path());
    }
    found.sort_unstable();
    Ok(found)
}

/// The last component of a path as text.
pub fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}
