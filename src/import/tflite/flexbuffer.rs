//! FlexBuffers, as far as LCE's custom options need them: one map from names to integers.
//!
//! The last byte is the width of the root, the one before it the root's type (upper six bits) and the width of what it points
//! to (lower two). A map is a vector of values (each of the map's width) with its length before it, and before that the offset
//! and width of the vector of keys, which are zero-terminated strings. One type byte a value follows the values.

use super::flatbuffer::Wrong;
use std::collections::BTreeMap;

const INT: u8 = 1;
const UINT: u8 = 2;
const INDIRECT_INT: u8 = 6;
const INDIRECT_UINT: u8 = 7;
const MAP: u8 = 9;
const BOOL: u8 = 26;

/// Longest map and longest key that are read; LCE's have eight keys of at most 26 letters.
const MOST: usize = 64;

/// The integers of the root map, by name; values of other types are left out.
pub(super) fn integers(bytes: &[u8]) -> Result<BTreeMap<String, i64>, Wrong> {
    let [.., packed, width] = bytes else { return Err("custom options of fewer than 2 bytes".to_owned()) };
    let (kind, child) = (packed >> 2, 1 << (packed & 3));
    if kind != MAP {
        return Err(format!("custom options are of FlexBuffer type {kind}, expected a map"));
    }
    let root = bytes.len() - 2;
    let root = root.checked_sub(usize::from(*width)).ok_or("custom options shorter than their root")?;
    let values = back(bytes, root, usize::from(*width))?;
    let len = length(bytes, values, child)?;
    let keys_at = values.checked_sub(3 * child).ok_or("a map without keys")?;
    let keys = back(bytes, keys_at, child)?;
    let key_width = usize::try_from(uint(bytes, keys_at + child, child)?).map_err(|e| e.to_string())?;
    if !matches!(key_width, 1 | 2 | 4 | 8) || length(bytes, keys, key_width)? != len {
        return Err("a map with other keys than values".to_owned());
    }
    let mut map = BTreeMap::new();
    for i in 0..len {
        let name = key(bytes, back(bytes, keys + i * key_width, key_width)?)?;
        let packed = *bytes.get(values + len * child + i).ok_or("a map without types")?;
        let at = values + i * child;
        let value = match packed >> 2 {
            INT => int(bytes, at, child)?,
            UINT | BOOL => i64::try_from(uint(bytes, at, child)?).map_err(|e| e.to_string())?,
            INDIRECT_INT => int(bytes, back(bytes, at, child)?, 1 << (packed & 3))?,
            INDIRECT_UINT => {
                i64::try_from(uint(bytes, back(bytes, at, child)?, 1 << (packed & 3))?).map_err(|e| e.to_string())?
            }
            _ => continue,
        };
        map.insert(name, value);
    }
    Ok(map)
}

fn length(bytes: &[u8], vector: usize, width: usize) -> Result<usize, Wrong> {
    let at = vector.checked_sub(width).ok_or("a vector without a length")?;
    let len = uint(bytes, at, width)?;
    usize::try_from(len)
        .ok()
        .filter(|n| *n <= MOST)
        .ok_or_else(|| format!("a map of {len} keys, at most {MOST} are read"))
}

/// Offsets point back from where they stand.
fn back(bytes: &[u8], at: usize, width: usize) -> Result<usize, Wrong> {
    let offset = usize::try_from(uint(bytes, at, width)?).ok();
    offset.and_then(|o| at.checked_sub(o)).ok_or_else(|| format!("the offset at option byte {at} points outside"))
}

fn uint(bytes: &[u8], at: usize, width: usize) -> Result<u64, Wrong> {
    let end = at.checked_add(width).filter(|end| *end <= bytes.len() && matches!(width, 1 | 2 | 4 | 8));
    let end = end.ok_or_else(|| format!("option byte {at} lies beyond the options' end"))?;
    Ok(bytes[at..end].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

fn int(bytes: &[u8], at: usize, width: usize) -> Result<i64, Wrong> {
    let raw = uint(bytes, at, width)?;
    // Moves the sign bit to bit 63 and back.
    let spare = 64 - 8 * u32::try_from(width).map_err(|e| e.to_string())?;
    Ok((raw << spare).cast_signed() >> spare)
}

fn key(bytes: &[u8], at: usize) -> Result<String, Wrong> {
    let rest = bytes.get(at..).ok_or("a key outside of the options")?;
    let end = rest.iter().take(MOST + 1).position(|b| *b == 0).ok_or("a key without an end")?;
    Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{'a': -3, 'b': 300}` as the flatbuffers package writes it.
    const SMALL: [u8; 22] = [97, 0, 98, 0, 2, 0, 6, 0, 5, 0, 4, 0, 2, 0, 2, 0, 253, 255, 44, 1, 5, 5];

    #[test]
    fn maps_and_their_cuts() {
        let whole: Vec<u8> = SMALL.iter().copied().chain([6, 37, 1]).collect();
        let cuts = (0..whole.len()).map(|n| integers(&whole[..n]));
        assert!(cuts.into_iter().filter(Result::is_ok).count() <= 1);
        assert_eq!(int(&[253, 255], 0, 2), Ok(-3));
        assert_eq!(uint(&[44, 1], 0, 2), Ok(300));
    }
}
