//! idx files as MNIST has them: big-endian header, unsigned bytes, gzip or not.

use super::{DataError, Dataset};
use flate2::read::MultiGzDecoder;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Nothing larger is unpacked.
const LARGEST: u64 = 1 << 30;
const UNSIGNED_BYTE: u8 = 8;

/// Which part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `train-…`.
    Train,
    /// `t10k-…` or `test-…`.
    Test,
}

impl Split {
    fn of(name: &str) -> Option<Self> {
        if name.contains("t10k") || name.contains("test") {
            Some(Split::Test)
        } else if name.contains("train") {
            Some(Split::Train)
        } else {
            None
        }
    }
}

/// Reads a directory's pair of one split: `…images-idx3-ubyte` and `…labels-idx1-ubyte`, each with `.gz` or without (`.` in the
/// place of the last dash is accepted). The split is told by `train`, `t10k` or `test` in the name; of several, the first name.
///
/// # Errors
/// [`DataError::NoPair`] if it is not there, else what is wrong with the files.
pub fn read_split(directory: &Path, split: Split) -> Result<Dataset, DataError> {
    let found = pairs(directory)?.into_iter().find(|p| p.split == Some(split));
    let prefix = if split == Split::Train { "train" } else { "t10k" };
    found.map_or_else(|| Err(no_pair(directory, prefix)), |pair| read_pair(&pair.images, &pair.labels))
}

/// Reads a directory's test pair, or whatever pair it has.
///
/// # Errors
/// As [`read_split`].
pub fn read_directory(directory: &Path) -> Result<Dataset, DataError> {
    let mut pairs = pairs(directory)?;
    pairs.sort_by_key(|p| p.split != Some(Split::Test));
    pairs.first().map_or_else(|| Err(no_pair(directory, "t10k")), |pair| read_pair(&pair.images, &pair.labels))
}

fn no_pair(directory: &Path, prefix: &str) -> DataError {
    let expected = format!("{prefix}-images-idx3-ubyte and {prefix}-labels-idx1-ubyte (each may end in .gz)");
    DataError::NoPair { path: directory.to_owned(), expected }
}

struct Pair {
    split: Option<Split>,
    images: PathBuf,
    labels: PathBuf,
}

/// Every pair of a directory, in the order of their names.
fn pairs(directory: &Path) -> Result<Vec<Pair>, DataError> {
    let io = |source| DataError::Io { path: directory.to_owned(), source };
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        names.extend(entry.map_err(io)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    let plain = |name: &str| name.strip_suffix(".gz").unwrap_or(name).replace(".idx", "-idx");
    let labels_of = |images: &str| {
        let stem = plain(images).strip_suffix("images-idx3-ubyte").map(|stem| format!("{stem}labels-idx1-ubyte"))?;
        names.iter().find(|name| plain(name) == stem)
    };
    let pair = |images: &String| {
        let labels = labels_of(images)?;
        Some(Pair { split: Split::of(images), images: directory.join(images), labels: directory.join(labels) })
    };
    Ok(names.iter().filter_map(pair).collect())
}

/// Reads an image file and its label file. Images have one channel; the classes are 0..=the largest label, at least 10.
///
/// # Errors
/// [`DataError`] naming the file.
pub fn read_pair(images: &Path, labels: &Path) -> Result<Dataset, DataError> {
    let (dims, pixels) = idx(images, 3)?;
    let (count, label_bytes) = idx(labels, 1)?;
    if dims[0] != count[0] {
        let problem = format!("has {} labels for the {} images of {}", count[0], dims[0], images.display());
        return Err(DataError::Broken { path: labels.to_owned(), problem });
    }
    let largest = label_bytes.iter().max().copied().unwrap_or(0);
    let name =
        images.parent().and_then(Path::file_name).map_or_else(|| "idx".into(), |n| n.to_string_lossy().into_owned());
    let n_classes = (usize::from(largest) + 1).max(10);
    Dataset::new(&name, [dims[1], dims[2], 1], n_classes, pixels, label_bytes.into_iter().map(u16::from).collect())
}

/// Dimensions and values of one file.
fn idx(path: &Path, n_dims: usize) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let bytes = unpacked(path)?;
    let header_len = 4 + 4 * n_dims;
    if bytes.len() < header_len {
        return Err(broken(format!("is {} bytes long, shorter than an idx header of {header_len}", bytes.len())));
    }
    let (header, values) = bytes.split_at(header_len);
    if header[..3] != [0, 0, UNSIGNED_BYTE] || usize::from(header[3]) != n_dims {
        let expected = format!("[0, 0, {UNSIGNED_BYTE}, {n_dims}] (unsigned bytes, {n_dims} dimensions)");
        return Err(broken(format!("starts with {:?}, expected {expected}", &header[..4])));
    }
    let size = |b: &[u8; 4]| usize::try_from(u32::from_be_bytes(*b)).unwrap_or(usize::MAX);
    let dims: Vec<usize> = header[4..].as_chunks().0.iter().map(size).collect();
    let product = dims.iter().try_fold(1usize, |p, d| p.checked_mul(*d));
    if product != Some(values.len()) {
        return Err(broken(format!(
            "holds {} values, its header says {dims:?}; it is truncated or too long",
            values.len()
        )));
    }
    Ok((dims, values.to_vec()))
}

/// The file's bytes, unpacked if it is gzip.
fn unpacked(path: &Path) -> Result<Vec<u8>, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(io)?;
    if bytes.get(..2) != Some(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    MultiGzDecoder::new(bytes.as_slice()).take(LARGEST).read_to_end(&mut out).map_err(io)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, name: &str, header: &[u8], dims: &[u32], values: &[u8]) {
        let sizes = dims.iter().flat_map(|d| d.to_be_bytes());
        let bytes: Vec<u8> = header.iter().copied().chain(sizes).chain(values.iter().copied()).collect();
        fs::write(directory.join(name), bytes).unwrap();
    }

    #[test]
    fn the_test_pair_is_found_and_read() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "t10k-images-idx3-ubyte", &[0, 0, 8, 3], &[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        write(dir.path(), "t10k-labels-idx1-ubyte", &[0, 0, 8, 1], &[2], &[7, 3]);
        let set = read_split(dir.path(), Split::Test).unwrap();
        assert_eq!((set.shape(), set.labels(), set.image(1).unwrap().pixels), ([1, 3, 1], &[7, 3][..], vec![4, 5, 6]));
        assert!(matches!(read_split(dir.path(), Split::Train), Err(DataError::NoPair { .. })));
    }

    #[test]
    fn broken_files_say_what_and_where() {
        let dir = tempfile::tempdir().unwrap();
        let labels = |header: &[u8], dims: &[u32], values: &[u8]| {
            write(dir.path(), "t10k-labels-idx1-ubyte", header, dims, values);
            read_split(dir.path(), Split::Test).unwrap_err().to_string()
        };
        write(dir.path(), "t10k-images-idx3-ubyte", &[0, 0, 8, 3], &[2, 1, 1], &[1, 2]);
        assert!(labels(&[0, 0, 8, 1], &[3], &[7, 3, 1]).contains("3 labels for the 2 images"));
        assert!(labels(&[0, 0, 8, 1], &[u32::MAX], &[7]).contains("truncated"));
        assert!(labels(&[0, 0, 13, 1], &[2], &[7, 1]).contains("unsigned bytes"));
        assert!(labels(&[0, 0], &[], &[]).contains("shorter than"));
        assert!(labels(&[0x1f, 0x8b, 8], &[], &[]).contains("t10k-labels"));
    }
}
