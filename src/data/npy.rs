//! numpy's `.npy` files, and arrays that lie uncompressed in a `.npz`: headers read at once, items when they are asked for.

use super::DataError;
use super::archive;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// No header is longer.
const LARGEST_HEADER: usize = 1 << 16;

/// An array in a file: row-major, little-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayFile {
    path: PathBuf,
    offset: u64,
    /// Kind (`u`, `i`, `f`, `b`) and bytes an item.
    pub item: (char, usize),
    /// Dimensions; the first counts rows.
    pub shape: Vec<usize>,
}

impl ArrayFile {
    /// Opens a `.npy` file.
    ///
    /// # Errors
    /// [`DataError`] if it is no such file, in Fortran order, big-endian, or shorter than its shape.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let len = std::fs::metadata(path).map_err(io)?.len();
        Self::at(path, 0, len)
    }

    /// Opens an array of a `.npz` that lies there uncompressed (as `numpy.savez` writes it).
    ///
    /// # Errors
    /// As [`Self::open`]; an array that is not there or is compressed, with the way out.
    pub fn open_in(path: &Path, name: &str) -> Result<Self, DataError> {
        let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let mut zip = zip::ZipArchive::new(File::open(path).map_err(io)?)
            .map_err(|e| broken(format!("is no whole .npz: {e}; fetch it again")))?;
        let member = format!("{name}.npy");
        let entry = zip.by_name(&member).map_err(|e| broken(format!("has no array `{name}`: {e}")))?;
        if entry.compression() != zip::CompressionMethod::Stored {
            let folder = path.parent().unwrap_or(Path::new("")).display();
            return Err(broken(format!(
                "holds `{name}` compressed; unpack it once with `unzip {} {member} -d {folder}` (the file is then read from there)",
                path.display()
            )));
        }
        let start = entry.data_start().ok_or_else(|| broken(format!("does not say where `{name}` starts")))?;
        let size = entry.size();
        drop(entry);
        Self::at(path, start, size)
    }

    fn at(path: &Path, start: u64, len: u64) -> Result<Self, DataError> {
        let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        let mut head = Vec::new();
        file.take(12).read_to_end(&mut head).map_err(io)?;
        let (before, header_len) = match head.get(..12) {
            Some([0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..]) => {
                (10, usize::from(u16::from_le_bytes([*a, *b])))
            }
            Some([0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d]) => {
                (12, usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX))
            }
            _ => return Err(broken("does not start as a .npy array of version 1 to 3".to_owned())),
        };
        if header_len > LARGEST_HEADER {
            return Err(broken(format!("announces a header of {header_len} bytes; that is no array")));
        }
        let mut file = File::open(path).map_err(io)?;
        file.seek(SeekFrom::Start(start + before)).map_err(io)?;
        let mut header = vec![0; header_len];
        file.read_exact(&mut header).map_err(io)?;
        let header = String::from_utf8_lossy(&header).into_owned();
        let (item, shape) =
            parse(&header).map_err(|problem| broken(format!("{problem} in its header {}", header.trim())))?;
        let offset = start + before + u64::try_from(header_len).unwrap_or(u64::MAX);
        let bytes = shape.iter().try_fold(item.1, |n, d| n.checked_mul(*d)).and_then(|n| u64::try_from(n).ok());
        if bytes.is_none_or(|n| offset.checked_add(n).is_none_or(|end| end > start + len)) {
            return Err(broken(format!(
                "is shorter than its shape {shape:?} of {} bytes an item; it is truncated",
                item.1
            )));
        }
        Ok(Self { path: path.to_owned(), offset, item, shape })
    }

    /// Rows, 0 of an array without dimensions.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.shape.iter().skip(1).product::<usize>() * self.item.1
    }

    /// The bytes of some rows.
    ///
    /// # Errors
    /// [`DataError::Io`] if the file cannot be read there.
    pub fn read(&self, first: usize, rows: usize) -> Result<Vec<u8>, DataError> {
        let io = |source| DataError::Io { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(io)?;
        let start = u64::try_from(first * self.row_bytes()).unwrap_or(u64::MAX);
        file.seek(SeekFrom::Start(self.offset.saturating_add(start))).map_err(io)?;
        let mut bytes = vec![0; rows * self.row_bytes()];
        file.read_exact(&mut bytes).map_err(io)?;
        Ok(bytes)
    }

    /// All items of an integer array as 64-bit integers.
    ///
    /// # Errors
    /// [`DataError`] if it holds no integers, or cannot be read.
    pub fn integers(&self) -> Result<Vec<i64>, DataError> {
        let (kind, size) = self.item;
        if !"uib".contains(kind) {
            let problem = format!("holds items of kind `{kind}{size}`, not integers");
            return Err(DataError::Broken { path: self.path.clone(), problem });
        }
        let bytes = self.read(0, self.rows())?;
        let one = |item: &[u8]| {
            let negative = kind == 'i' && item.last().is_some_and(|b| b & 0x80 != 0);
            let mut whole = [if negative { 0xff } else { 0 }; 8];
            whole[..size].copy_from_slice(item);
            i64::from_le_bytes(whole)
        };
        Ok(bytes.chunks_exact(size).map(one).collect())
    }

    /// All items of a float array as f32; f64 rounds once.
    ///
    /// # Errors
    /// [`DataError`] if it holds no f32 or f64, or cannot be read.
    #[allow(clippy::cast_possible_truncation, reason = "the one rounding that is documented")]
    pub fn reals(&self) -> Result<Vec<f32>, DataError> {
        let bytes = self.read(0, self.rows())?;
        match self.item {
            ('f', 4) => Ok(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            ('f', 8) => Ok(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect()),
            (kind, size) => {
                let problem = format!("holds items of kind `{kind}{size}`, not f4 or f8");
                Err(DataError::Broken { path: self.path.clone(), problem })
            }
        }
    }
}

/// Item and shape of a header such as `{'descr': '|u1', 'fortran_order': False, 'shape': (10, 3), }`.
fn parse(header: &str) -> Result<((char, usize), Vec<usize>), String> {
    let value = |key: &str| {
        let rest = header.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        rest.ok_or_else(|| format!("there is no `{key}`"))
    };
    let descr = value("descr")?.strip_prefix('\'').and_then(|r| r.split('\'').next()).unwrap_or_default();
    let mut letters = descr.chars();
    let (order, kind) = (letters.next().unwrap_or(' '), letters.next().unwrap_or(' '));
    let size: usize = letters.as_str().parse().unwrap_or(0);
    if !"uifb".contains(kind) || ![1, 2, 4, 8].contains(&size) {
        return Err(format!("items of kind `{descr}` are not read (u1 … i8, f4, f8 are)"));
    }
    if order == '>' {
        return Err("items are big-endian".to_owned());
    }
    let shape = value("shape")?.strip_prefix('(').and_then(|r| r.split(')').next()).unwrap_or_default();
    let dims: Result<Vec<usize>, _> =
        shape.split(',').map(str::trim).filter(|d| !d.is_empty()).map(str::parse).collect();
    let dims = dims.map_err(|_| format!("`({shape})` is no shape"))?;
    if value("fortran_order")?.starts_with("True") && dims.len() > 1 {
        return Err("the array is in Fortran order; save it with numpy.ascontiguousarray".to_owned());
    }
    Ok(((kind, size), dims))
}

/// The array `name` of `archive.npz`, or of `name.npy` beside it where it was unpacked.
///
/// # Errors
/// As [`ArrayFile::open_in`].
pub fn member(archive: &Path, name: &str) -> Result<ArrayFile, DataError> {
    let beside = archive.with_file_name(format!("{name}.npy"));
    if beside.is_file() { ArrayFile::open(&beside) } else { ArrayFile::open_in(archive, name) }
}

/// A `.npy` of labels 0 … 65535.
///
/// # Errors
/// [`DataError`] naming the file.
pub fn labels(path: &Path) -> Result<Vec<u16>, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let values = ArrayFile::open(path)?.integers()?;
    let label = |&l: &i64| u16::try_from(l).map_err(|_| broken(format!("{l} is no class, 0 to 65535")));
    values.iter().map(label).collect()
}

/// The folder's name, for messages and reports.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| archive::name_of(path), |n| n.to_string_lossy().into_owned())
}
