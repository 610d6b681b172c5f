//! Packed ±1 rows: packing, xor-popcount, and the fast versions that only ever equal the plain one.
//!
//! **The convention, stated once:** bit 1 means −1 and bit 0 means +1; element `i` of a row is bit `i % 64` of word `i / 64`
//! (least significant first); bits past the end of a row are 0. A device holds 32-bit words: the two halves of a `u64`,
//! little-endian, are the same bytes. For rows of `n` elements, `dot = n − 2·popcount(a xor b)`, and since the tail is 0 in
//! both rows it adds nothing.
//!
//! Knows nothing of layers, images or boards.
//!
//! Flow: signs → [`pack`] → rows of `u64` → [`popcount_reference`] (plain) or [`Panels`] + [`Isa`] (fast, equal bit for bit).
//!
//! ```
//! use tinyprec::bits::{dot, pack, unpack};
//! let a = pack(&[1, -1, -1]);
//! let b = pack(&[1, 1, -1]);
//! assert_eq!(a, [0b110]);
//! assert_eq!(dot(&a, &b, 3), 1); // 1 − 1 + 1
//! assert_eq!(unpack(&a, 3), [1, -1, -1]);
//! ```

mod dot;
mod isa;
mod less;
mod panel;
mod portable;
mod row;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod simd;
#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code)]
#[path = "neon/simd.rs"]
mod simd;

pub use dot::{dot, popcount_reference, popcount_words};
pub use isa::Isa;
pub use less::{pack_less, pack_negative};
pub use panel::{LANES, Panels, Sixteen, Tile, Walk};
pub use row::{BITS, device_words, pack, pack_bytes, tail_is_zero, unpack, words};
