//! Number formats and their text.

use super::pack::packed_bytes;
use super::text::serde_as_text;
use super::{FixedFormat, FormatError, Granularity, IntFormat, Range, ScaleKind, Scheme};
use std::fmt;
use std::str::FromStr;

/// How one tensor's values are held.
///
/// Text (`Display`, `FromStr`, serde): `binary`, `int2` … `int32` with options after `:` in any order, `q7.8`, `f32`, `f16`, `bf16`.
/// Options: `symmetric`|`affine`, `per-tensor`|`per-channel`, `real`|`pow2`, `dynamic`|`frozen`|`static(lo,hi)`;
/// the first of each group is the default, and only others are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// ±1, one bit each.
    Binary,
    /// Integer codes with a scale.
    Int(IntFormat),
    /// Fixed point.
    Fixed(FixedFormat),
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    Bf16,
}

impl Format {
    /// Bits of one value.
    pub fn bits(&self) -> u32 {
        match self {
            Format::Binary => 1,
            Format::Int(int) => int.bits(),
            Format::Fixed(fixed) => fixed.bits(),
            Format::F32 => 32,
            Format::F16 | Format::Bf16 => 16,
        }
    }

    /// Are values integer codes (binary, intN, qI.F)?
    pub fn is_integer(&self) -> bool {
        self.qmax().is_some()
    }

    /// Bytes of `n` values as a device stores them: packed bit to bit below 8 bits, else in 1, 2 or 4 whole bytes (N21).
    pub fn storage_bytes(&self, n: usize) -> usize {
        match self.bits() {
            bits @ 1..8 => packed_bytes(n, bits),
            8 => n,
            9..=16 => 2 * n,
            _ => 4 * n,
        }
    }

    /// Smallest code; `None` for reals.
    pub fn qmin(&self) -> Option<i64> {
        match self {
            Format::Binary => Some(-1),
            Format::Int(int) => Some(int.qmin()),
            Format::Fixed(fixed) => Some(fixed.qmin()),
            Format::F32 | Format::F16 | Format::Bf16 => None,
        }
    }

    /// Largest code; `None` for reals.
    pub fn qmax(&self) -> Option<i64> {
        match self {
            Format::Binary => Some(1),
            Format::Int(int) => Some(int.qmax()),
            Format::Fixed(fixed) => Some(fixed.qmax()),
            Format::F32 | Format::F16 | Format::Bf16 => None,
        }
    }
}

impl From<IntFormat> for Format {
    fn from(int: IntFormat) -> Self {
        Format::Int(int)
    }
}

impl From<FixedFormat> for Format {
    fn from(fixed: FixedFormat) -> Self {
        Format::Fixed(fixed)
    }
}

impl fmt::Display for IntFormat {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "int{}", self.bits())?;
        if self.scheme() != Scheme::default() {
            write!(to, ":{}", self.scheme())?;
        }
        if self.granularity() != Granularity::default() {
            write!(to, ":{}", self.granularity())?;
        }
        if self.scale_kind() != ScaleKind::default() {
            write!(to, ":{}", self.scale_kind())?;
        }
        if self.range() != Range::default() {
            write!(to, ":{}", self.range())?;
        }
        Ok(())
    }
}

impl fmt::Display for FixedFormat {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "q{}.{}", self.integer_bits(), self.fraction_bits())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Format::Binary => to.write_str("binary"),
            Format::Int(int) => int.fmt(to),
            Format::Fixed(fixed) => fixed.fmt(to),
            Format::F32 => to.write_str("f32"),
            Format::F16 => to.write_str("f16"),
            Format::Bf16 => to.write_str("bf16"),
        }
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let text = text.trim();
        let (bare, options) = match text.split_once(':') {
            Some((bare, options)) => (bare.trim(), Some(options)),
            None => (text, None),
        };
        if let Some(bits) = bare.strip_prefix("int").and_then(digits) {
            return int_from_text(bits, options, text).map(Format::Int);
        }
        let format = match bare {
            "binary" => Format::Binary,
            "f32" => Format::F32,
            "f16" => Format::F16,
            "bf16" => Format::Bf16,
            _ => fixed_from_text(bare, text)?,
        };
        match options {
            None => Ok(format),
            Some(_) => Err(FormatError::NoOptions { text: text.to_owned(), bare: bare.to_owned() }),
        }
    }
}

serde_as_text!(Format);

/// A decimal number of plain digits; one too long for u64 becomes the largest.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u64::MAX))
}

fn fixed_from_text(bare: &str, text: &str) -> Result<Format, FormatError> {
    let parts = bare.strip_prefix('q').and_then(|rest| rest.split_once('.'));
    let Some((Some(integer), Some(fraction))) = parts.map(|(i, f)| (digits(i), digits(f))) else {
        return Err(FormatError::Unknown { text: text.to_owned() });
    };
    let (integer, fraction) = (integer.min(1 << 20), fraction.min(1 << 20));
    match (u32::try_from(integer), u32::try_from(fraction)) {
        (Ok(i), Ok(f)) => FixedFormat::new(i, f).map(Format::Fixed),
        _ => Err(FormatError::Fixed { integer, fraction }),
    }
}

fn int_from_text(bits: u64, options: Option<&str>, text: &str) -> Result<IntFormat, FormatError> {
    let mut format = IntFormat::new(u32::try_from(bits).map_err(|_| FormatError::Bits { bits })?)?;
    let (mut scheme, mut granularity, mut scale_kind, mut range) = (None, None, None, None);
    for option in options.into_iter().flat_map(|o| o.split(':')) {
        let option = option.trim();
        if let Ok(found) = option.parse::<Scheme>() {
            set_once(&mut scheme, found, "scheme", text)?;
        } else if let Ok(found) = option.parse::<Granularity>() {
            set_once(&mut granularity, found, "granularity", text)?;
        } else if let Ok(found) = option.parse::<ScaleKind>() {
            set_once(&mut scale_kind, found, "scale kind", text)?;
        } else if let Some(found) = range_from_text(option) {
            set_once(&mut range, found, "range", text)?;
        } else {
            return Err(FormatError::Option { option: option.to_owned(), text: text.to_owned() });
        }
    }
    format = format.with_scheme(scheme.unwrap_or_default())?;
    format = format.with_granularity(granularity.unwrap_or_default());
    format = format.with_scale_kind(scale_kind.unwrap_or_default());
    format.with_range(range.unwrap_or_default())
}

fn set_once<T>(slot: &mut Option<T>, value: T, what: &'static str, text: &str) -> Result<(), FormatError> {
    if slot.replace(value).is_some() {
        return Err(FormatError::Twice { what, text: text.to_owned() });
    }
    Ok(())
}

fn range_from_text(option: &str) -> Option<Range> {
    match option {
        "dynamic" => return Some(Range::Dynamic),
        "frozen" => return Some(Range::Frozen),
        _ => {}
    }
    let ends = option.strip_prefix("static(")?.strip_suffix(')')?;
    let (lo, hi) = ends.split_once(',')?;
    Some(Range::Static { lo: lo.trim().parse().ok()?, hi: hi.trim().parse().ok()? })
}
