//! The quantised head that learns.
