//! One experiment end to end.

pub mod evaluate;
