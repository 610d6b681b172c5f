//! Checked reads from a file in memory.

/// What is wrong with the bytes.
pub(super) type Wrong = String;

/// A file, read at absolute places.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn slice(self, at: u64, len: u64) -> Result<&'a [u8], Wrong> {
        let bound = |n: u64| usize::try_from(n).ok();
        let end = at.checked_add(len).and_then(bound).filter(|end| *end <= self.0.len());
        let range = bound(at).zip(end).map(|(start, end)| start..end);
        range.map(|r| &self.0[r]).ok_or_else(|| format!("{len} bytes at {at} lie beyond the file's end"))
    }

    fn array<const N: usize>(self, at: u64) -> Result<[u8; N], Wrong> {
        let slice = self.slice(at, u64::try_from(N).map_err(|e| e.to_string())?)?;
        Ok(slice.try_into().expect("N bytes"))
    }

    pub(super) fn u8(self, at: u64) -> Result<u8, Wrong> {
        Ok(self.array::<1>(at)?[0])
    }

    pub(super) fn u16(self, at: u64) -> Result<u16, Wrong> {
        Ok(u16::from_le_bytes(self.array(at)?))
    }

    pub(super) fn u32(self, at: u64) -> Result<u32, Wrong> {
        Ok(u32::from_le_bytes(self.array(at)?))
    }

    pub(super) fn u64(self, at: u64) -> Result<u64, Wrong> {
        Ok(u64::from_le_bytes(self.array(at)?))
    }

    pub(super) fn expect(self, at: u64, magic: &[u8; 4]) -> Result<(), Wrong> {
        let found: [u8; 4] = self.array(at)?;
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        if found == *magic {
            Ok(())
        } else {
            Err(format!("byte {at} should start a {}, it is {:?}", text(magic), text(&found)))
        }
    }

    /// Text up to its zero byte, at most 256 bytes of it.
    pub(super) fn text(self, at: u64, end: u64) -> Result<String, Wrong> {
        let all = self.slice(at, end.saturating_sub(at))?;
        let len =
            all.iter().take(257).position(|b| *b == 0).ok_or("a name without an end, or of more than 256 bytes")?;
        String::from_utf8(all[..len].to_vec()).map_err(|_| "a name that is no UTF-8".to_owned())
    }
}
