//! Formats and exact arithmetic.
