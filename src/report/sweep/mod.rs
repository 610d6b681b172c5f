//! Sweeps rendered: text for a terminal, one interactive HTML page without network, Markdown, CSV.

mod csv;
mod data;
mod files;
pub(super) mod page;
#[cfg(feature = "parquet")]
mod parquet;
pub(super) mod plot;
mod tables;
mod text;
mod verdict;

#[cfg(feature = "parquet")]
pub use self::parquet::write_parquet;
pub use csv::csv;
pub use files::{is_sweep, read, write};
pub use page::html;
pub use text::{markdown, text};
