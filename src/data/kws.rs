//! MLPerf Tiny's keyword records: a label byte, then 49 frames of 10 MFCC codes (int8, scale 0.58470, zero point 83).

use super::{DataError, Dataset};
use std::path::Path;

/// Frames, coefficients, one channel.
const SHAPE: [usize; 3] = [49, 10, 1];
const RECORD: usize = 1 + 490;
const CLASSES: u8 = 12;

/// Whether the bytes are whole records with labels 0 to 11.
pub(super) fn matches(bytes: &[u8]) -> bool {
    let whole = !bytes.is_empty() && bytes.len().is_multiple_of(RECORD);
    whole && bytes.chunks_exact(RECORD).all(|r| r[0] < CLASSES)
}

/// Reads records. Data sets hold unsigned bytes, so a code q is kept as q + 128; networks that read int8 take the 128 off again.
///
/// # Errors
/// [`DataError::Inconsistent`] if there are none.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Dataset, DataError> {
    let records = bytes.chunks_exact(RECORD);
    let labels = records.clone().map(|r| u16::from(r[0])).collect();
    let pixels = records.flat_map(|r| r[1..].iter().map(|code| code ^ 0x80)).collect();
    let name = path.file_stem().map_or_else(|| "kws".into(), |s| s.to_string_lossy());
    Dataset::new(&name, SHAPE, usize::from(CLASSES), pixels, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_by_length_and_label() {
        let mut bytes = vec![0x80; 2 * RECORD];
        (bytes[0], bytes[RECORD], bytes[RECORD + 1]) = (11, 0, 0x7f);
        assert!(matches(&bytes) && !matches(&bytes[1..]) && !matches(&[]));
        let set = read(Path::new("kws01.bin"), &bytes).unwrap();
        assert_eq!((set.name(), set.labels(), set.shape()), ("kws01", &[11, 0][..], SHAPE));
        assert_eq!((set.image(0).unwrap().pixels[0], set.image(1).unwrap().pixels[0]), (0, 255));
        bytes[0] = 12;
        assert!(!matches(&bytes));
    }
}
