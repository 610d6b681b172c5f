//! Formats and exact arithmetic: what the integers on the device are.
//!
//! For everything that holds or computes numbers at a stated precision. It knows nothing of layers, learning, boards or files,
//! and does no I/O. `docs/numerics.md` numbers the equations (N1…); each function here cites its own.
//!
//! Flow: reals or accumulators → [`QParams`] from a range → [`Rounder`] → [`narrow()`] with a [`Narrow`] counter → codes.
//!
//! ```
//! use tinyprec::numeric::{Format, Narrow, Overflow, Rounder, Rounding, quantise};
//! let format: Format = "int8:symmetric:static(-1,1)".parse()?;
//! let mut count = Narrow::new("example");
//! let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
//! let values = quantise(&[0.5, -1.0, 3.0], &format, &mut rounder, Overflow::Saturate, &mut count)?;
//! assert_eq!(values.codes(), Some(&[64, -127, 127][..])); // 0.5 · 127 = 63.5, a tie
//! assert_eq!(count.overflowed, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod accumulate;
pub mod elementary;
mod error;
mod format;
pub mod half_float;
mod int_format;
pub mod narrow;
pub mod pack;
pub mod requant;
mod round;
mod scale;
mod slices;
pub mod tensor;
mod text;

pub use accumulate::{Accumulator, AccumulatorFormat, Check, dot, max_abs, safe_bits};
pub use error::{FormatError, OverflowError, ScaleError, TensorError};
pub use format::Format;
pub use int_format::{FixedFormat, Granularity, IntFormat, Range, ScaleKind, Scheme};
pub use narrow::{Narrow, Overflow, Overflowed, narrow, narrow_range};
pub use requant::{multiply_double, requantise_double, requantise_single};
pub use round::{Rounder, Rounding};
pub use scale::Scale;
pub use slices::{Target, narrow_slice, requantise_narrow_slice, requantise_slice};
pub use tensor::{
    QParams, Requantiser, Values, params_for, quantise, quantise_channels, range_of, range_of_integers,
    requantise_tensor, to_codes,
};
