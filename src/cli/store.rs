//! Where features are kept between runs, and what to say about them.

use super::Terminal;
use clap::Args;
use std::env;
use std::path::{Path, PathBuf};
use tinyprec::run::Origin;

/// The flags of every command that keeps features.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Folder in which backbone features are kept and found again [default: $TINYPREC_CACHE, else the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keeps no features and looks for none
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,
}

impl StoreArgs {
    /// The folder, if features are to be kept.
    pub fn folder(&self) -> Option<PathBuf> {
        if self.no_cache {
            return None;
        }
        let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let of_user =
            || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))).or_else(|| set("LOCALAPPDATA"));
        let cache = self.cache.clone().or_else(|| set("TINYPREC_CACHE"));
        cache.or_else(|| Some(of_user()?.join("tinyprec").join("features")))
    }
}

/// Says on stderr what became of the features of some images; silent where they were computed and kept as usual.
pub fn tell(terminal: &Terminal, images: usize, path: &Path, origin: &Origin) {
    let line = match origin {
        Origin::Found => format!("features of {images} images found in {}", path.display()),
        Origin::Computed => return,
        Origin::Repaired(why) => format!("note: stored features {why}; computed anew"),
        Origin::NotKept(why) => format!("note: features could not be kept: {why}"),
    };
    terminal.status_line("");
    terminal.progress(&line);
}
