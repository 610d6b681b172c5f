//! Network files.
