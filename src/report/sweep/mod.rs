//! Sweeps rendered: text for a terminal, one interactive HTML page without network, Markdown, CSV.

mod csv;
mod data;
mod files;
mod page;
#[cfg(feature = "parquet")]
mod parquet;
mod plot;
#[cfg(feature = "png")]
mod png;
mod tables;
mod text;
mod verdict;

#[cfg(feature = "parquet")]
pub use self::parquet::write_parquet;
pub use csv::csv;
pub use files::{is_sweep, read, write};
pub use page::html;
#[cfg(feature = "png")]
pub use png::pngs;
pub use text::{markdown, text};
