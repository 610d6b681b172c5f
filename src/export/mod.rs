//! C twins of the operations.
