//! Packed ±1 rows.
