//! Design spaces.
