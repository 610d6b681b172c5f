//! The safetensors container: named tensors in, named tensors out, the same bytes each time.

use super::ImportError;
use safetensors::tensor::{Dtype, SafeTensors};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A file's bytes and its metadata.
pub(crate) struct Container {
    path: PathBuf,
    bytes: Vec<u8>,
    metadata: HashMap<String, String>,
}

impl Container {
    /// Takes a whole file's bytes and checks that the header covers them.
    pub(crate) fn new(path: &Path, bytes: Vec<u8>) -> Result<Self, ImportError> {
        let broken =
            |e: safetensors::SafeTensorError| ImportError::Container { path: path.to_owned(), problem: e.to_string() };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        SafeTensors::deserialize(&bytes).map_err(broken)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        Ok(Self { path: path.to_owned(), bytes, metadata })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The tensors, for lookups.
    pub(crate) fn tensors(&self) -> Result<Tensors<'_>, ImportError> {
        let broken = |e: safetensors::SafeTensorError| ImportError::Container {
            path: self.path.clone(),
            problem: e.to_string(),
        };
        let inner = SafeTensors::deserialize(&self.bytes).map_err(broken)?;
        Ok(Tensors { path: &self.path, inner, read: RefCell::default() })
    }
}

/// The tensors of a file.
pub(crate) struct Tensors<'a> {
    path: &'a Path,
    inner: SafeTensors<'a>,
    /// Names of the tensors that were asked for and found.
    read: RefCell<BTreeSet<String>>,
}

/// One tensor's type, shape and little-endian bytes.
pub(crate) struct Raw<'a> {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    bytes: &'a [u8],
}

impl Tensors<'_> {
    pub(crate) fn error(&self, tensor: &str, problem: impl Into<String>) -> ImportError {
        ImportError::Tensor { path: self.path.to_owned(), tensor: tensor.to_owned(), problem: problem.into() }
    }

    /// Names of all tensors, in no particular order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.inner.names()
    }

    /// The first tensor that nobody asked for; PyTorch's counters of batches are no weights.
    pub(crate) fn unread(&self) -> Option<String> {
        let read = self.read.borrow();
        let weights = self.inner.names().into_iter().filter(|n| !n.ends_with("num_batches_tracked"));
        weights.filter(|n| !read.contains(*n)).min().map(str::to_owned)
    }

    /// A tensor that may be absent.
    pub(crate) fn get(&self, name: &str) -> Option<Raw<'_>> {
        let view = self.inner.tensor(name).ok()?;
        self.read.borrow_mut().insert(name.to_owned());
        Some(Raw { dtype: view.dtype(), shape: view.shape().to_vec(), bytes: view.data() })
    }

    /// A tensor that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<Raw<'_>, ImportError> {
        self.get(name).ok_or_else(|| self.error(name, "is missing"))
    }

    /// A tensor of one of these types and any shape of `dims` dimensions.
    pub(crate) fn typed(&self, name: &str, dtypes: &[Dtype], dims: usize) -> Result<Raw<'_>, ImportError> {
        let raw = self.need(name)?;
        if !dtypes.contains(&raw.dtype) || raw.shape.len() != dims {
            let found = format!("is {:?} {:?}", raw.dtype, raw.shape);
            return Err(self.error(name, format!("{found}, expected {dtypes:?} with {dims} dimensions")));
        }
        if raw.shape.contains(&0) {
            return Err(self.error(name, format!("has no elements: {:?}", raw.shape)));
        }
        Ok(raw)
    }

    /// A vector of that many f32.
    pub(crate) fn f32s(&self, name: &str, n: usize) -> Result<Vec<f32>, ImportError> {
        Ok(self.vector(name, Dtype::F32, n)?.f32s())
    }

    /// A vector of `n` elements.
    pub(crate) fn vector(&self, name: &str, dtype: Dtype, n: usize) -> Result<Raw<'_>, ImportError> {
        let raw = self.typed(name, &[dtype], 1)?;
        if raw.shape != [n] {
            return Err(self.error(name, format!("has shape {:?}, expected [{n}]", raw.shape)));
        }
        Ok(raw)
    }
}

impl Raw<'_> {
    pub(crate) fn u8s(&self) -> &[u8] {
        self.bytes
    }

    pub(crate) fn i8s(&self) -> Vec<i8> {
        self.bytes.iter().map(|b| b.cast_signed()).collect()
    }

    pub(crate) fn i32s(&self) -> Vec<i32> {
        self.bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b)).collect()
    }

    pub(crate) fn i64s(&self) -> Vec<i64> {
        self.bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
    }

    pub(crate) fn f32s(&self) -> Vec<f32> {
        self.bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }
}

/// Values of a tensor to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Unsigned bytes.
    U8(Vec<u8>),
    /// Signed bytes.
    I8(Vec<i8>),
    /// 32-bit integers.
    I32(Vec<i32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Floats.
    F32(Vec<f32>),
}

impl Data {
    fn parts(&self) -> (&'static str, Vec<u8>) {
        match self {
            Data::U8(v) => ("U8", v.clone()),
            Data::I8(v) => ("I8", v.iter().map(|b| b.cast_unsigned()).collect()),
            Data::I32(v) => ("I32", v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Data::I64(v) => ("I64", v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Data::F32(v) => ("F32", v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        }
    }
}

/// Named tensors with their shapes.
pub type TensorMap = BTreeMap<String, (Vec<usize>, Data)>;

/// Writes a safetensors file: keys sorted, header padded to 8 bytes, so equal content gives equal bytes. The file appears whole
/// or not at all: it is written beside its place and then renamed.
///
/// # Errors
/// [`ImportError::Io`] with the path.
pub fn write(path: &Path, metadata: &BTreeMap<String, String>, tensors: &TensorMap) -> Result<(), ImportError> {
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_owned(), serde_json::json!(metadata));
    let mut body: Vec<u8> = Vec::new();
    // Tensors of wide elements first would align them; readers copy, so names in order are enough.
    for (name, (shape, data)) in tensors {
        let (dtype, bytes) = data.parts();
        let start = body.len();
        body.extend(bytes);
        let entry = serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [start, body.len()]});
        header.insert(name.clone(), entry);
    }
    let mut text = serde_json::Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let length = u64::try_from(text.len()).expect("a header in memory has fewer than 2^64 bytes");
    let bytes: Vec<u8> = length.to_le_bytes().into_iter().chain(text).chain(body).collect();

    crate::files::replace(path, &bytes).map_err(|source| ImportError::Io { path: path.to_owned(), source })
}

/// Every tensor of a safetensors file, in the element types that [`write`] knows.
///
/// # Errors
/// [`ImportError`] names the file, and the tensor whose type is another one.
pub fn read(path: &Path) -> Result<TensorMap, ImportError> {
    let container = Container::new(path, super::source::read(path)?)?;
    let tensors = container.tensors()?;
    let mut all = TensorMap::new();
    for (name, view) in tensors.inner.tensors() {
        let bytes = view.data();
        let words = || bytes.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
        let data = match view.dtype() {
            Dtype::U8 => Data::U8(bytes.to_vec()),
            Dtype::I8 => Data::I8(bytes.iter().map(|&b| i8::from_le_bytes([b])).collect()),
            Dtype::I32 => Data::I32(words().map(i32::from_le_bytes).collect()),
            Dtype::I64 => Data::I64(bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
            Dtype::F32 => Data::F32(words().map(f32::from_le_bytes).collect()),
            other => {
                let problem =
                    format!("tensor `{name}` has elements of type {other:?}; U8, I8, I32, I64 and F32 are read");
                return Err(ImportError::Container { path: path.to_owned(), problem });
            }
        };
        all.insert(name, (view.shape().to_vec(), data));
    }
    Ok(all)
}
