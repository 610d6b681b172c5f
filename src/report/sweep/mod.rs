//! Sweeps rendered: text for a terminal, one interactive HTML page, Markdown, CSV.

mod tables;
mod text;
mod verdict;

pub use text::{markdown, text};
