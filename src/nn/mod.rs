//! Layers and graphs.
