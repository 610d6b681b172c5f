//! Reading MNIST's idx files, plain or gzip-compressed.
//!
//! The format (LeCun's page): two zero bytes, a type byte (8 = unsigned byte), the number of dimensions, each
//! dimension as a big-endian `u32`, then the values in row-major order.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

/// What these programs answer with: they are run by hand, so any error is simply shown.
pub type Res<T> = Result<T, Box<dyn Error>>;

/// One half (training or test) of MNIST: `labels.len()` images of 28 × 28 bytes, 0 = background, 255 = ink.
pub struct Digits {
    pub pixels: Vec<u8>,
    pub labels: Vec<u8>,
}

/// Side of an image, pixels.
pub const SIDE: usize = 28;
/// Bytes of an image.
pub const AREA: usize = SIDE * SIDE;

impl Digits {
    /// Reads `<prefix>-images-idx3-ubyte` and `<prefix>-labels-idx1-ubyte` in `folder`, each plain or with `.gz`.
    pub fn read(folder: &Path, prefix: &str) -> Res<Self> {
        let (dims, pixels) = parse(&bytes(folder, &format!("{prefix}-images-idx3-ubyte"))?)?;
        let (label_dims, labels) = parse(&bytes(folder, &format!("{prefix}-labels-idx1-ubyte"))?)?;
        if dims.len() != 3 || dims[1..] != [SIDE, SIDE] || label_dims != [dims[0]] {
            return Err(format!("{prefix}: images {dims:?} and labels {label_dims:?} are not MNIST's shapes").into());
        }
        Ok(Self { pixels, labels })
    }

    /// The 28 × 28 bytes of image `i`.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * AREA..(i + 1) * AREA]
    }

    /// The images at `indices`, in that order.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            pixels: indices.iter().flat_map(|&i| self.image(i)).copied().collect(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
        }
    }
}

/// The unpacked bytes of `folder/name` or `folder/name.gz`.
pub fn bytes(folder: &Path, name: &str) -> Res<Vec<u8>> {
    let plain = folder.join(name);
    if plain.exists() {
        return Ok(fs::read(plain)?);
    }
    let packed = folder.join(format!("{name}.gz"));
    let file = fs::File::open(&packed).map_err(|e| format!("{} (nor without .gz): {e}", packed.display()))?;
    let mut unpacked = Vec::new();
    GzDecoder::new(file).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// Splits an idx file of unsigned bytes into its dimensions and values.
fn parse(file: &[u8]) -> Res<(Vec<usize>, Vec<u8>)> {
    let [0, 0, 8, rank, rest @ ..] = file else { return Err("not an idx file of unsigned bytes".into()) };
    let rank = usize::from(*rank);
    if rest.len() < 4 * rank {
        return Err("idx file ends inside its dimensions".into());
    }
    let (head, values) = rest.split_at(4 * rank);
    let dims: Vec<usize> = head
        .chunks_exact(4)
        .map(|b| usize::try_from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
        .collect::<Result<_, _>>()?;
    if dims.iter().product::<usize>() != values.len() {
        return Err(format!("idx file says {dims:?} but holds {} bytes", values.len()).into());
    }
    Ok((dims, values.to_vec()))
}
