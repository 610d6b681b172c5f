//! Records rendered.
