//! Sweeps rendered: text for a terminal, one interactive HTML page without network, Markdown, CSV.

mod csv;
mod data;
mod files;
mod page;
mod plot;
mod tables;
mod text;
mod verdict;

pub use csv::csv;
pub use files::{is_sweep, read, write};
pub use page::html;
pub use text::{markdown, text};
