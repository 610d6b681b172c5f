//! CIFAR-10 and CIFAR-100 binary files: label bytes, then 3072 bytes of R, G and B planes, row by row.

use super::{DataError, Dataset};
use std::path::Path;

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const PIXELS: usize = 3 * PLANE;
/// CIFAR-100 has coarse labels first.
const COARSE_CLASSES: u8 = 20;

/// Reads either kind; which one it is follows from the file's length, and from the label bytes where both lengths fit.
///
/// # Errors
/// [`DataError`] naming the file.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Dataset, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let ten = whole(bytes, 1).filter(|b| b.iter().all(|r| r[0] < 10));
    let hundred = whole(bytes, 2).filter(|b| b.iter().all(|r| r[0] < COARSE_CLASSES && r[1] < 100));
    let (name, n_classes, records) = match (ten, hundred) {
        (Some(records), _) => ("cifar10", 10, records),
        (None, Some(records)) => ("cifar100", 100, records),
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
    let mut images = Vec::with_capacity(records.len() * PIXELS);
    for record in &records {
        let planes = &record[record.len() - PIXELS..];
        images.extend((0..PLANE).flat_map(|i| [planes[i], planes[PLANE + i], planes[2 * PLANE + i]]));
    }
    Dataset::new(name, [SIDE, SIDE, 3], n_classes, images, labels)
}

/// Records with that many label bytes, if the file is whole ones.
fn whole(bytes: &[u8], labels: usize) -> Option<Vec<&[u8]>> {
    let size = PIXELS + labels;
    (!bytes.is_empty() && bytes.len().is_multiple_of(size)).then(|| bytes.chunks_exact(size).collect())
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
