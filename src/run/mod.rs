//! One experiment end to end.
