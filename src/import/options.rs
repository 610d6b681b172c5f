//! What a loader may choose where the file leaves it open.

use crate::nn::networks::{Architecture, Options};

/// Files of weights alone do not say how large the image is nor who scales its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Rows and columns of the image; `None` is the published size.
    pub input: Option<[usize; 2]>,
    /// Whether the network reads pixels (u8) and applies the mean and scale that it was trained with, or floats prepared so.
    pub pixels: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { input: None, pixels: true }
    }
}

impl LoadOptions {
    /// The same for a network of the list.
    pub(super) fn options(&self, architecture: &Architecture) -> Options {
        let published = architecture.options();
        let [h, w, c] = published.input;
        let [h, w] = self.input.unwrap_or([h, w]);
        Options { input: [h, w, c], pixels: self.pixels, ..published }
    }
}
