//! Accuracy and numeric error.
