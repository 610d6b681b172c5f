//! Data sets of 32-bit floats: contiguous, compact, or in chunks that may be shuffled and deflated.

use super::bytes::{Bytes, Wrong};
use super::header::{DATASPACE, DATATYPE, FILTERS, LAYOUT, Message, find};
use flate2::read::ZlibDecoder;
use std::io::Read;

const MOST_DIMS: usize = 6;
/// Elements of one data set; the largest published layer has 38 million.
const MOST_ELEMENTS: u64 = 1 << 28;
/// Chunks and tree nodes of one data set.
const MOST_CHUNKS: usize = 65_536;
/// Filters of one data set.
const MOST_FILTERS: u8 = 4;
const UNDEFINED: u64 = u64::MAX;

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;

/// Shape and values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Floats {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Reads one; `None` if it does not hold 32-bit little-endian floats.
///
/// `left` counts down the bytes that may still be made, so that many small compressed data sets cannot fill the memory.
pub(super) fn read(file: Bytes<'_>, messages: &[Message], left: &mut u64) -> Result<Option<Floats>, Wrong> {
    let need = |kind, what| find(messages, kind).ok_or_else(|| format!("has no {what}"));
    if !is_f32(file, need(DATATYPE, "data type")?)? {
        return Ok(None);
    }
    let shape = dims(file, need(DATASPACE, "shape")?)?;
    let elements = shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| *n <= MOST_ELEMENTS);
    let elements = elements.ok_or_else(|| format!("has shape {shape:?}, at most {MOST_ELEMENTS} elements are read"))?;
    let bytes = elements * 4;
    *left =
        left.checked_sub(bytes).ok_or("and those before it are larger than what is read from a file of its size")?;
    let layout = need(LAYOUT, "layout")?;
    let raw = match (file.u8(layout.at)?, file.u8(layout.at + 1)?) {
        (3, 0) => {
            let size = u64::from(file.u16(layout.at + 2)?);
            whole(file.slice(layout.at + 4, size)?, bytes)?.to_vec()
        }
        (3, 1) => {
            let (at, size) = (file.u64(layout.at + 2)?, file.u64(layout.at + 10)?);
            if at == UNDEFINED { zeros(bytes)? } else { whole(file.slice(at, size)?, bytes)?.to_vec() }
        }
        (3, 2) => Chunked::of(file, layout, &shape, find(messages, FILTERS))?.read(bytes)?,
        (version, class) => return Err(format!("has layout {class} of version {version}, which is not read")),
    };
    let values = raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let shape = shape.iter().map(|d| usize::try_from(*d).expect("checked to be small")).collect();
    Ok(Some(Floats { shape, values }))
}

fn is_f32(file: Bytes<'_>, at: Message) -> Result<bool, Wrong> {
    let (class, bits, size) = (file.u8(at.at)?, file.u8(at.at + 1)?, file.u32(at.at + 4)?);
    // Class 1 in the lower four bits; bit 0 of the flags is the byte order.
    Ok(class & 0x0f == 1 && bits & 1 == 0 && size == 4)
}

fn dims(file: Bytes<'_>, at: Message) -> Result<Vec<u64>, Wrong> {
    let (version, rank) = (file.u8(at.at)?, usize::from(file.u8(at.at + 1)?));
    let start = match version {
        1 => at.at + 8,
        2 => at.at + 4,
        other => return Err(format!("has a shape of version {other}, which is not read")),
    };
    if rank > MOST_DIMS {
        return Err(format!("has {rank} dimensions, at most {MOST_DIMS} are read"));
    }
    (0..rank).map(|i| file.u64(start + 8 * u64::try_from(i).map_err(|e| e.to_string())?)).collect()
}

fn zeros(bytes: u64) -> Result<Vec<u8>, Wrong> {
    Ok(vec![0; usize::try_from(bytes).map_err(|e| e.to_string())?])
}

fn whole(raw: &[u8], bytes: u64) -> Result<&[u8], Wrong> {
    let found = u64::try_from(raw.len()).unwrap_or(u64::MAX);
    if found == bytes { Ok(raw) } else { Err(format!("holds {found} bytes, its shape needs {bytes}")) }
}

/// A data set in chunks.
struct Chunked<'a> {
    file: Bytes<'a>,
    tree: u64,
    shape: Vec<u64>,
    chunk: Vec<u64>,
    filters: Vec<u16>,
}

impl<'a> Chunked<'a> {
    fn of(file: Bytes<'a>, layout: Message, shape: &[u64], filters: Option<Message>) -> Result<Self, Wrong> {
        // Dimensions of a chunk, then the size of an element.
        let rank = usize::from(file.u8(layout.at + 2)?);
        let tree = file.u64(layout.at + 3)?;
        let at = |i: usize| Ok::<u64, Wrong>(layout.at + 11 + 4 * u64::try_from(i).map_err(|e| e.to_string())?);
        if rank != shape.len() + 1 || file.u32(at(shape.len())?)? != 4 {
            return Err(format!("has chunks of {rank} dimensions for the shape {shape:?}"));
        }
        let chunk: Vec<u64> = (0..shape.len()).map(|i| file.u32(at(i)?).map(u64::from)).collect::<Result<_, _>>()?;
        let size = chunk.iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| (1..=MOST_ELEMENTS).contains(n));
        if size.is_none() {
            return Err(format!("has chunks of {chunk:?}"));
        }
        let filters = filters.map_or(Ok(Vec::new()), |m| filter_pipeline(file, m))?;
        Ok(Self { file, tree, shape: shape.to_vec(), chunk, filters })
    }

    fn read(&self, bytes: u64) -> Result<Vec<u8>, Wrong> {
        let mut out = zeros(bytes)?;
        let chunk_bytes = self.chunk.iter().product::<u64>() * 4;
        // No more is unpacked than chunks that cover the shape hold.
        let cover =
            self.shape.iter().zip(&self.chunk).map(|(s, c)| s.div_ceil(*c)).try_fold(1u64, |n, d| n.checked_mul(d));
        let mut left =
            cover.filter(|n| n.saturating_mul(chunk_bytes) <= bytes.saturating_mul(64).saturating_add(1 << 20));
        let (mut nodes, mut seen) = (vec![self.tree], 0);
        while let Some(at) = nodes.pop().filter(|at| *at != UNDEFINED) {
            seen += 1;
            if seen > MOST_CHUNKS || nodes.len() > MOST_CHUNKS {
                return Err(format!("has more than {MOST_CHUNKS} tree nodes"));
            }
            self.file.expect(at, b"TREE")?;
            let (kind, level, children) = (self.file.u8(at + 4)?, self.file.u8(at + 5)?, self.file.u16(at + 6)?);
            if kind != 1 {
                return Err(format!("the tree at byte {at} is not one of chunks"));
            }
            // Key: stored bytes, filter mask, an offset a dimension and one for the element; then the child.
            let key = 8 + 8 * (u64::try_from(self.shape.len()).map_err(|e| e.to_string())? + 1);
            for i in 0..u64::from(children) {
                let place = at + 24 + i * (key + 8);
                let child = self.file.u64(place + key)?;
                if level > 0 {
                    nodes.push(child);
                    continue;
                }
                left = left.and_then(|n| n.checked_sub(1));
                if left.is_none() {
                    return Err("has more chunks than cover its shape".to_owned());
                }
                let packed = self.file.slice(child, u64::from(self.file.u32(place)?))?;
                let raw = self.unpack(packed, self.file.u32(place + 4)?, chunk_bytes)?;
                self.place(place + 8, &raw, &mut out)?;
            }
        }
        Ok(out)
    }

    /// Undoes the filters, the last one first; bit i of the mask says that filter i was left out.
    fn unpack(&self, packed: &[u8], mask: u32, bytes: u64) -> Result<Vec<u8>, Wrong> {
        let mut raw = packed.to_vec();
        for (i, filter) in self.filters.iter().enumerate().rev() {
            if mask >> i & 1 == 1 {
                continue;
            }
            raw = match *filter {
                SHUFFLE => unshuffle(&raw),
                _ => {
                    let mut out = Vec::new();
                    ZlibDecoder::new(raw.as_slice())
                        .take(bytes + 1)
                        .read_to_end(&mut out)
                        .map_err(|e| e.to_string())?;
                    out
                }
            };
        }
        whole(&raw, bytes)?;
        Ok(raw)
    }

    /// Copies a chunk's rows to their places; what lies beyond the shape is padding.
    fn place(&self, offsets: u64, raw: &[u8], out: &mut [u8]) -> Result<(), Wrong> {
        let rank = self.shape.len();
        let mut start = Vec::with_capacity(rank);
        for i in 0..rank {
            let offset = self.file.u64(offsets + 8 * u64::try_from(i).map_err(|e| e.to_string())?)?;
            if offset >= self.shape[i] || offset % self.chunk[i] != 0 {
                return Err(format!("has a chunk at {offset} of a dimension of {}", self.shape[i]));
            }
            start.push(offset);
        }
        let row = self.chunk.last().copied().unwrap_or(1);
        let rows = self.chunk.iter().rev().skip(1).product::<u64>();
        for r in 0..rows {
            // The row's index in each dimension but the last, slowest first.
            let (mut rest, mut place, mut inside) = (r, 0u64, true);
            let mut index = vec![0; rank.saturating_sub(1)];
            for (i, v) in index.iter_mut().enumerate().rev() {
                *v = rest % self.chunk[i];
                rest /= self.chunk[i];
            }
            for (i, v) in index.iter().enumerate() {
                inside &= start[i] + v < self.shape[i];
                place = place * self.shape[i] + start[i] + v;
            }
            let Some((last, from)) = self.shape.last().zip(start.last()).filter(|_| inside) else { continue };
            let n = row.min(last - from);
            let size = |v: u64| usize::try_from(v * 4).map_err(|e| e.to_string());
            let (to, source, n) = (size(place * last + from)?, size(r * row)?, size(n)?);
            out[to..to + n].copy_from_slice(&raw[source..source + n]);
        }
        Ok(())
    }
}

/// Bytes of all elements' first, second, … byte, back to elements of 4.
fn unshuffle(raw: &[u8]) -> Vec<u8> {
    let n = raw.len() / 4;
    let mut out = raw.to_vec();
    for (i, element) in out.chunks_exact_mut(4).enumerate() {
        element.iter_mut().enumerate().for_each(|(b, v)| *v = raw[b * n + i]);
    }
    out
}

/// The filters in the order they were applied.
fn filter_pipeline(file: Bytes<'_>, m: Message) -> Result<Vec<u16>, Wrong> {
    let (version, count) = (file.u8(m.at)?, file.u8(m.at + 1)?);
    if version != 1 || count > MOST_FILTERS {
        return Err(format!("has {count} filters of version {version}; up to {MOST_FILTERS} of version 1 are read"));
    }
    let mut at = m.at + 8;
    let mut filters = Vec::new();
    for _ in 0..count {
        let (id, name, values) = (file.u16(at)?, u64::from(file.u16(at + 2)?), u64::from(file.u16(at + 6)?));
        if id != DEFLATE && id != SHUFFLE {
            return Err(format!("is packed with filter {id}; deflate (1) and shuffle (2) are read"));
        }
        filters.push(id);
        // Names are padded to 8 bytes, an odd number of values to an even one.
        at += 8 + name.next_multiple_of(8) + 4 * values.next_multiple_of(2);
    }
    Ok(filters)
}
