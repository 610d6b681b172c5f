//! CIFAR-10 and CIFAR-100: binary records, Python batches, and the archives of either as they are downloaded.
//!
//! A binary record is the label bytes, then 3072 bytes of R, G and B planes, row by row. A Python batch is a pickled dictionary with
//! the same planes as an array `data` and the list `labels` or `fine_labels`.

use super::archive;
use super::idx::Split;
use super::pickle::Pickle;
use super::{DataError, Dataset};
use std::path::Path;

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const PIXELS: usize = 3 * PLANE;
/// CIFAR-100 has coarse labels first.
const COARSE_CLASSES: u8 = 20;
/// No file of a set is larger than this.
const LARGEST: u64 = 1 << 29;

/// Labels and pixels of one file.
struct Batch {
    n_classes: usize,
    labels: Vec<u16>,
    pixels: Vec<u8>,
}

/// Reads either kind of binary file; which one it is follows from the file's length, and from the label bytes where both lengths fit.
///
/// # Errors
/// [`DataError`] naming the file.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Dataset, DataError> {
    joined(path, vec![binary(path, bytes)?])
}

/// Reads one split of a whole set: a folder of binary or Python batches (or one that holds the official folder), or a `.tar.gz` of it.
///
/// # Errors
/// [`DataError`] naming the file, and the batches that were looked for.
pub fn read_split(path: &Path, split: Split) -> Result<Dataset, DataError> {
    let wanted = |name: &str| match (name.strip_suffix(".bin").unwrap_or(name), split) {
        ("train", Split::Train) | ("test" | "test_batch", Split::Test) => true,
        (other, Split::Train) => other.strip_prefix("data_batch_").is_some_and(|n| n.len() == 1 && n != "0"),
        _ => false,
    };
    let mut files = if path.is_dir() {
        const INSIDE: [&str; 5] =
            ["", "cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python"];
        let folders = INSIDE.iter().map(|f| path.join(f)).filter(|f| f.is_dir());
        let mut found = Vec::new();
        for folder in folders {
            found = archive::folder(&folder, &wanted, LARGEST)?;
            if !found.is_empty() {
                break;
            }
        }
        found
    } else {
        archive::tar_gz(path, &wanted, LARGEST)?
    };
    if files.is_empty() {
        let expected = match split {
            Split::Train => "data_batch_1 … data_batch_5 or train (each may end in .bin)",
            Split::Test => "test_batch or test (each may end in .bin)",
        };
        return Err(DataError::NoPair { path: path.to_owned(), expected: expected.to_owned() });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let batch = |file: archive::File| {
        let at = path.join(&file.name);
        if file.bytes.starts_with(b"\x80") && !file.name.ends_with(".bin") {
            python(&at, file.bytes)
        } else {
            binary(&at, &file.bytes)
        }
    };
    joined(path, files.into_iter().map(batch).collect::<Result<_, _>>()?)
}

fn joined(path: &Path, batches: Vec<Batch>) -> Result<Dataset, DataError> {
    let n_classes = batches.first().map_or(0, |b| b.n_classes);
    if batches.iter().any(|b| b.n_classes != n_classes) {
        let problem = "holds batches of CIFAR-10 and of CIFAR-100; keep them apart".to_owned();
        return Err(DataError::Broken { path: path.to_owned(), problem });
    }
    let name = if n_classes == 10 { "cifar10" } else { "cifar100" };
    let (mut labels, mut pixels) = (Vec::new(), Vec::new());
    for batch in batches {
        labels.extend(batch.labels);
        pixels.extend(batch.pixels);
    }
    Dataset::new(name, [SIDE, SIDE, 3], n_classes, pixels, labels)
}

/// Planes of one image after the other → pixels.
fn interleaved(planes: &[u8], pixels: &mut Vec<u8>) {
    pixels.extend((0..PLANE).flat_map(|i| [planes[i], planes[PLANE + i], planes[2 * PLANE + i]]));
}

fn binary(path: &Path, bytes: &[u8]) -> Result<Batch, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let ten = whole(bytes, 1).filter(|b| b.iter().all(|r| r[0] < 10));
    let hundred = whole(bytes, 2).filter(|b| b.iter().all(|r| r[0] < COARSE_CLASSES && r[1] < 100));
    let (n_classes, records) = match (ten, hundred) {
        (Some(records), _) => (10, records),
        (None, Some(records)) => (100, records),
        (None, None) if whole(bytes, 1).is_some() || whole(bytes, 2).is_some() => {
            return Err(broken(
                "has labels beyond CIFAR-10's and CIFAR-100's classes; it is another kind of file".into(),
            ));
        }
        (None, None) => {
            return Err(broken(format!(
                "{} bytes are no whole CIFAR records ({} bytes each for CIFAR-10, {} for CIFAR-100); it is truncated or another kind of file",
                bytes.len(),
                PIXELS + 1,
                PIXELS + 2
            )));
        }
    };
    let labels = records.iter().map(|r| u16::from(r[r.len() - PIXELS - 1])).collect();
    let mut pixels = Vec::with_capacity(records.len() * PIXELS);
    records.iter().for_each(|record| interleaved(&record[record.len() - PIXELS..], &mut pixels));
    Ok(Batch { n_classes, labels, pixels })
}

/// Records with that many label bytes, if the file is whole ones.
fn whole(bytes: &[u8], labels: usize) -> Option<Vec<&[u8]>> {
    let size = PIXELS + labels;
    (!bytes.is_empty() && bytes.len().is_multiple_of(size)).then(|| bytes.chunks_exact(size).collect())
}

fn python(path: &Path, bytes: Vec<u8>) -> Result<Batch, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let pickle = Pickle::parse(bytes).map_err(|e| broken(format!("is no pickle of a data set: {e}")))?;
    let entry = |key| pickle.get(pickle.root(), key);
    let (n_classes, labels) = match (entry("labels"), entry("fine_labels")) {
        (Some(labels), _) => (10u16, pickle.ints(labels)),
        (None, Some(labels)) => (100, pickle.ints(labels)),
        (None, None) => return Err(broken("has neither `labels` nor `fine_labels`; it is no CIFAR batch".into())),
    };
    let labels = labels.ok_or_else(|| broken("its labels are no list of integers".into()))?;
    let label = |&l: &i64| u16::try_from(l).ok().filter(|l| *l < n_classes);
    let labels = labels.iter().map(label).collect::<Option<Vec<u16>>>();
    let labels = labels.ok_or_else(|| broken(format!("has labels beyond {n_classes} classes")))?;
    let data = entry("data").and_then(|d| pickle.array(d)).filter(|a| a.item == ('u', 1));
    let data = data.ok_or_else(|| broken("its `data` is no whole numpy array of unsigned bytes".into()))?;
    if data.shape != [labels.len(), PIXELS] {
        return Err(broken(format!(
            "its data are {:?} bytes for {} labels of {PIXELS} bytes",
            data.shape,
            labels.len()
        )));
    }
    let mut pixels = Vec::with_capacity(data.data.len());
    data.data.chunks_exact(PIXELS).for_each(|planes| interleaved(planes, &mut pixels));
    Ok(Batch { n_classes: usize::from(n_classes), labels, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(labels: &[u8]) -> Vec<u8> {
        let planes = (0..PIXELS).map(|i| u8::try_from(i / PLANE * 100 + i % PLANE % 7).unwrap());
        labels.iter().copied().chain(planes).collect()
    }

    #[test]
    fn planes_become_pixels_and_the_kind_is_found() {
        let ten = read(Path::new("a"), &[record(&[9]), record(&[0])].concat()).unwrap();
        assert_eq!((ten.n_classes(), ten.labels(), ten.shape()), (10, &[9, 0][..], [32, 32, 3]));
        assert_eq!(ten.image(1).unwrap().pixels[..6], [0, 100, 200, 1, 101, 201]);
        let hundred = read(Path::new("a"), &record(&[19, 99])).unwrap();
        assert_eq!((hundred.n_classes(), hundred.labels()), (100, &[99][..]));
    }

    #[test]
    fn broken_files_say_so() {
        for bytes in [vec![], record(&[1])[1..].to_vec(), record(&[10]), record(&[1, 100]), record(&[20, 1])] {
            let error = read(Path::new("some.bin"), &bytes).unwrap_err().to_string();
            assert!(error.starts_with("some.bin: "), "{error}");
        }
    }
}
