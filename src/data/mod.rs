//! Data sets and streams.
