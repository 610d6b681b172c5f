//! Fetching data sets: what there is to fetch, downloads that go on where they broke off, and checks of what is there.
//!
//! Knows addresses, sizes and checksums; the readers of this room know what is inside. Nothing is trusted before its checksum
//! matches: a file is downloaded as `NAME.part` and renamed when it is whole.
//!
//! ```
//! use tinyprec::data::fetch::{CATALOGUE, Presence, check};
//! let mnist = CATALOGUE.iter().find(|s| s.name == "mnist").unwrap();
//! let nothing = check(mnist, std::path::Path::new("no-such-folder"));
//! assert!(nothing.iter().all(|f| f.presence == Presence::Missing));
//! ```

mod catalogue;
mod download;

pub use catalogue::{CATALOGUE, Remote, RemoteSet};
pub use download::{Patience, download};

use super::{DataError, archive};
use md5::{Digest, Md5};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A download that did not come to its end.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The server cannot be reached, or says no.
    #[error("{url}: {message}; try again, give another server with --mirror, or put the file there by hand: {}", path.display())]
    Server {
        /// Address.
        url: String,
        /// What happened.
        message: String,
        /// Where the file belongs.
        path: PathBuf,
    },
    /// An https address in a build that speaks only http.
    #[error(
        "{url}: this build speaks no https (it was made without the feature `https`, which is on by default); give an http server with --mirror, or fetch the file with another program, for example `curl -L -o '{}' {url}`, then run the command again: it checks what is there", path.display()
    )]
    NoHttps {
        /// Address.
        url: String,
        /// Where the file belongs.
        path: PathBuf,
    },
    /// Nothing more arrived.
    #[error(
        "{url}: stopped after {got} bytes, {attempts} attempts brought nothing more; run the command again, it goes on from there"
    )]
    Stalled {
        /// Address.
        url: String,
        /// Bytes that are kept.
        got: u64,
        /// Attempts without progress.
        attempts: u32,
    },
    /// Another file than announced.
    #[error(
        "{url}: the file that arrived has the MD5 {found}, announced is {expected}; it was removed; try again or give another server with --mirror"
    )]
    Corrupt {
        /// Address.
        url: String,
        /// Published checksum.
        expected: String,
        /// Checksum of what arrived.
        found: String,
    },
    /// The disk.
    #[error("{}: {source}", path.display())]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An archive that cannot be unpacked.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Whether a file is there and whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// There, with the published checksum.
    Whole,
    /// Not there.
    Missing,
    /// A part of so many bytes; `fetch` goes on with it.
    Partial(u64),
    /// There, but with another checksum.
    Corrupt(String),
    /// There, but it cannot be read.
    Unreadable(String),
}

/// A file of a set and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// How it is.
    pub presence: Presence,
}

/// Looks at every file of a set below a folder; reads them whole.
pub fn check(set: &RemoteSet, folder: &Path) -> Vec<FileState> {
    let one = |remote: &Remote| {
        let path = folder.join(remote.name);
        let presence = match md5_of(&path) {
            Ok(found) if found == remote.md5 => Presence::Whole,
            Ok(found) => Presence::Corrupt(found),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                std::fs::metadata(download::part(&path)).map_or(Presence::Missing, |m| Presence::Partial(m.len()))
            }
            Err(e) => Presence::Unreadable(e.to_string()),
        };
        FileState { path, presence }
    };
    set.files.iter().map(one).collect()
}

/// Fetches what is missing of a set into a folder and unpacks what the readers need unpacked. `mirror` takes the place of every
/// file's folder on its server. `progress` hears file, bytes so far, and bytes in all where they are known.
///
/// # Errors
/// [`FetchError`]; what arrived before stays.
pub fn fetch(
    set: &RemoteSet,
    folder: &Path,
    mirror: Option<&str>,
    patience: &Patience,
    progress: &mut dyn FnMut(&str, u64, Option<u64>),
) -> Result<Vec<PathBuf>, FetchError> {
    std::fs::create_dir_all(folder).map_err(|source| FetchError::Disk { path: folder.to_owned(), source })?;
    let mut fetched = Vec::new();
    for (remote, state) in set.files.iter().zip(check(set, folder)) {
        if state.presence == Presence::Whole {
            continue;
        }
        let url = match mirror {
            Some(base) => format!("{}/{}", base.trim_end_matches('/'), remote.name),
            None => remote.url.to_owned(),
        };
        download(&url, remote.md5, &state.path, patience, &mut |got, of| progress(remote.name, got, of))?;
        if remote.unpack {
            archive::unzip(&state.path, folder)?;
        }
        fetched.push(state.path);
    }
    Ok(fetched)
}

/// MD5 of a file in lower-case hex: the checksum that these sets' publishers give.
fn md5_of(path: &Path) -> io::Result<String> {
    let (mut file, mut digest, mut buffer) = (File::open(path)?, Md5::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    Ok(digest.finalize().iter().map(|b| format!("{b:02x}")).collect())
}
