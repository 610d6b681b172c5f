//! Features that were computed elsewhere or before: a matrix of numbers and the labels, in safetensors or numpy files.

use super::npy::{self, ArrayFile};
use super::{DataError, archive};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::path::Path;

const LARGEST: u64 = 1 << 32;

/// A matrix, row-major, as it was stored: integers stay integers.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix {
    /// Integers of up to 32 bits.
    Ints(Vec<i32>),
    /// Reals.
    Reals(Vec<f32>),
}

/// Features of some samples, with their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Features a sample.
    pub width: usize,
    /// `samples × width`.
    pub matrix: Matrix,
    /// Class of each sample.
    pub labels: Vec<u16>,
}

/// Reads a `.safetensors` file with `features` [samples, width] and `labels` [samples] (what `tinyprec eval --features` writes), or a
/// `.npy` matrix whose labels lie beside it in `NAME_labels.npy`.
///
/// # Errors
/// [`DataError`] naming the file and what does not fit.
pub fn read(path: &Path) -> Result<Stored, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let stored = if path.extension().is_some_and(|e| e == "npy") { numpy(path)? } else { safetensors(path)? };
    let numbers = match &stored.matrix {
        Matrix::Ints(x) => x.len(),
        Matrix::Reals(x) => {
            if let Some(at) = x.iter().position(|v| !v.is_finite()) {
                return Err(broken(format!("number {at} of the features is not finite")));
            }
            x.len()
        }
    };
    let wanted = stored.labels.len().checked_mul(stored.width);
    if wanted != Some(numbers) || numbers == 0 {
        let (labels, width) = (stored.labels.len(), stored.width);
        return Err(broken(format!("has {numbers} features, but {labels} labels for rows of {width}")));
    }
    Ok(stored)
}

fn numpy(path: &Path) -> Result<Stored, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let array = ArrayFile::open(path)?;
    let [_, width] = array.shape[..] else {
        return Err(broken(format!("has the shape {:?}; wanted is [samples, features]", array.shape)));
    };
    let matrix = if array.item.0 == 'f' {
        Matrix::Reals(array.reals()?)
    } else {
        let int = |&v: &i64| i32::try_from(v).map_err(|_| broken(format!("{v} is beyond 32 bits")));
        Matrix::Ints(array.integers()?.iter().map(int).collect::<Result<_, _>>()?)
    };
    let labels = npy::labels(&path.with_file_name(format!("{}_labels.npy", npy::stem(path))))?;
    Ok(Stored { width, matrix, labels })
}

fn safetensors(path: &Path) -> Result<Stored, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let bytes = archive::file(path, LARGEST)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| broken(format!("is no safetensors file: {e}")))?;
    let tensor = |name: &str| file.tensor(name).map_err(|_| broken(format!("has no tensor `{name}`")));
    let (features, labels) = (tensor("features")?, tensor("labels")?);
    let &[_, width] = features.shape() else {
        return Err(broken(format!("`features` has the shape {:?}; wanted is [samples, features]", features.shape())));
    };
    let unread =
        |t: &TensorView<'_>| broken(format!("holds items of type {:?}; read are U8, I8, I32 and F32", t.dtype()));
    let matrix = match features.dtype() {
        Dtype::F32 => Matrix::Reals(features.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        _ => Matrix::Ints(integers(&features).ok_or_else(|| unread(&features))?),
    };
    let label = |&l: &i32| u16::try_from(l).map_err(|_| broken(format!("{l} is no class, 0 to 65535")));
    let labels = integers(&labels).ok_or_else(|| unread(&labels))?;
    Ok(Stored { width, matrix, labels: labels.iter().map(label).collect::<Result<_, _>>()? })
}

fn integers(tensor: &TensorView<'_>) -> Option<Vec<i32>> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::U8 => Some(data.iter().map(|b| i32::from(*b)).collect()),
        Dtype::I8 => Some(data.iter().map(|b| i32::from(i8::from_le_bytes([*b]))).collect()),
        Dtype::I32 => Some(data.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b)).collect()),
        _ => None,
    }
}
