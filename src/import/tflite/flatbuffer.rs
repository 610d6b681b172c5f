//! FlatBuffers, read with every offset checked: tables of optional fields, vectors and strings in one byte buffer.
//!
//! A table starts with a signed offset back to its vtable: its own size, the table's size, then one 16-bit place a field, 0
//! where the field has its default. Offsets to vectors, strings and tables are unsigned and point forward, so nothing can
//! contain itself. Reading costs what the caller asks for: nothing here recurses or allocates.

/// What is wrong with the bytes.
pub(super) type Wrong = String;

/// A table inside the buffer.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    vtable: usize,
    /// Bytes of the vtable.
    vsize: usize,
    /// Bytes of the table.
    size: usize,
}

/// A vector of elements of one size.
#[derive(Clone, Copy)]
pub(super) struct Vector<'a> {
    bytes: &'a [u8],
    /// First element.
    at: usize,
    len: usize,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Wrong> {
    let end = at.checked_add(N).filter(|end| *end <= bytes.len());
    let slice = end.map(|end| &bytes[at..end]).ok_or_else(|| format!("byte {at} lies beyond the file's end"))?;
    Ok(slice.try_into().expect("N bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Wrong> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

/// Follows the unsigned offset at `at`.
fn follow(bytes: &[u8], at: usize) -> Result<usize, Wrong> {
    let offset = usize::try_from(u32_at(bytes, at)?).map_err(|e| e.to_string())?;
    let target = at.checked_add(offset).filter(|t| offset > 0 && *t < bytes.len());
    target.ok_or_else(|| format!("the offset at byte {at} points to byte {at} + {offset}, beyond the file"))
}

impl<'a> Table<'a> {
    /// The root table of a file.
    pub(super) fn root(bytes: &'a [u8]) -> Result<Self, Wrong> {
        Self::at(bytes, follow(bytes, 0)?)
    }

    fn at(bytes: &'a [u8], at: usize) -> Result<Self, Wrong> {
        let back = i64::from(i32::from_le_bytes(array(bytes, at)?));
        let place = i64::try_from(at).ok().and_then(|at| at.checked_sub(back)).and_then(|v| usize::try_from(v).ok());
        let vtable = place.ok_or_else(|| format!("the table at byte {at} has its vtable outside of the file"))?;
        let vsize = usize::from(u16::from_le_bytes(array(bytes, vtable)?));
        let size = usize::from(u16::from_le_bytes(array(bytes, vtable.saturating_add(2))?));
        let fits = |start: usize, n: usize| start.checked_add(n).is_some_and(|end| end <= bytes.len());
        if vsize < 4 || size < 4 || vsize % 2 == 1 || !fits(vtable, vsize) || !fits(at, size) {
            return Err(format!("the table at byte {at} is larger than the file, or too small to be one"));
        }
        Ok(Self { bytes, at, vtable, vsize, size })
    }

    /// Where a field of `n` bytes is, if the table has it.
    fn field(&self, index: usize, n: usize) -> Result<Option<usize>, Wrong> {
        let entry = 4 + 2 * index;
        if entry + 2 > self.vsize {
            return Ok(None);
        }
        let place = usize::from(u16::from_le_bytes(array(self.bytes, self.vtable + entry)?));
        match place {
            0 => Ok(None),
            _ if place < 4 || place + n > self.size => {
                Err(format!("field {index} of the table at byte {} lies outside of it", self.at))
            }
            _ => Ok(Some(self.at + place)),
        }
    }

    fn scalar<const N: usize>(&self, index: usize) -> Result<Option<[u8; N]>, Wrong> {
        self.field(index, N)?.map(|at| array(self.bytes, at)).transpose()
    }

    pub(super) fn u8(&self, index: usize) -> Result<u8, Wrong> {
        Ok(self.scalar(index)?.map_or(0, u8::from_le_bytes))
    }

    pub(super) fn i32(&self, index: usize, default: i32) -> Result<i32, Wrong> {
        Ok(self.scalar(index)?.map_or(default, i32::from_le_bytes))
    }

    pub(super) fn u32(&self, index: usize) -> Result<u32, Wrong> {
        Ok(self.scalar(index)?.map_or(0, u32::from_le_bytes))
    }

    pub(super) fn f32(&self, index: usize) -> Result<f32, Wrong> {
        Ok(self.scalar(index)?.map_or(0.0, f32::from_le_bytes))
    }

    pub(super) fn table(&self, index: usize) -> Result<Option<Table<'a>>, Wrong> {
        let Some(at) = self.field(index, 4)? else { return Ok(None) };
        Self::at(self.bytes, follow(self.bytes, at)?).map(Some)
    }

    /// A vector of elements of `size` bytes, empty if it is absent.
    pub(super) fn vector(&self, index: usize, size: usize) -> Result<Vector<'a>, Wrong> {
        let Some(at) = self.field(index, 4)? else { return Ok(Vector { bytes: self.bytes, at: 0, len: 0 }) };
        let start = follow(self.bytes, at)?;
        let len = usize::try_from(u32_at(self.bytes, start)?).map_err(|e| e.to_string())?;
        let end = len.checked_mul(size).and_then(|n| n.checked_add(start + 4));
        if end.is_none_or(|end| end > self.bytes.len()) {
            return Err(format!("the vector at byte {start} has {len} elements of {size} bytes, beyond the file"));
        }
        Ok(Vector { bytes: self.bytes, at: start + 4, len })
    }

    /// A string, lossy and of at most 256 bytes: names are for people.
    pub(super) fn string(&self, index: usize) -> Result<String, Wrong> {
        let bytes = self.vector(index, 1)?.bytes();
        Ok(String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned())
    }
}

impl<'a> Vector<'a> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The elements of a byte vector.
    pub(super) fn bytes(&self) -> &'a [u8] {
        &self.bytes[self.at..][..self.len]
    }

    /// Refuses vectors of more than `most` elements.
    pub(super) fn at_most(self, most: usize, what: &str) -> Result<Self, Wrong> {
        if self.len <= most { Ok(self) } else { Err(format!("has {} {what}, at most {most} are read", self.len)) }
    }

    fn element<const N: usize>(&self, index: usize) -> [u8; N] {
        array(self.bytes, self.at + index * N).expect("the vector's end was checked")
    }

    pub(super) fn i32s(&self) -> Vec<i32> {
        (0..self.len).map(|i| i32::from_le_bytes(self.element(i))).collect()
    }

    pub(super) fn i64s(&self) -> Vec<i64> {
        (0..self.len).map(|i| i64::from_le_bytes(self.element(i))).collect()
    }

    pub(super) fn f32s(&self) -> Vec<f32> {
        (0..self.len).map(|i| f32::from_le_bytes(self.element(i))).collect()
    }

    /// The tables that a vector of offsets points to.
    pub(super) fn tables(&self) -> Result<Vec<Table<'a>>, Wrong> {
        (0..self.len).map(|i| Table::at(self.bytes, follow(self.bytes, self.at + 4 * i)?)).collect()
    }
}
