//! Elementary functions: integer exp, ln, reciprocal, square root and softmax, and their f32 forms.
//!
//! All of them are fixed sequences of 32- and 64-bit operations, so a C twin gives the same bits.

mod exp;
mod float;
mod log;
mod root;
mod softmax;

pub use exp::{Exponent, exp_neg, exp2_neg};
pub use float::{exp_f32, softmax_f32};
pub use log::{LOG_FRACTION, ln, log2};
pub use root::{isqrt, sqrt_ratio};
pub use softmax::{PROBABILITY_FRACTION, Reciprocal, nll, reciprocal, softmax};
