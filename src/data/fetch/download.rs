//! One file over HTTP, from where an earlier attempt broke off.

use super::{FetchError, md5_of};
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Response, StatusCode, header};

/// No file is larger than this, whatever a server says.
const LARGEST: u64 = 1 << 36;

/// How long to wait and how often to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, and for the answer to begin.
    pub answer: Duration,
    /// For one attempt's body; the next attempt goes on from there.
    pub body: Duration,
    /// Attempts in a row that bring no byte.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(20), body: Duration::from_secs(60), attempts: 4 }
    }
}

/// Name of an unfinished file.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// What an attempt brought.
enum Attempt {
    Whole,
    /// It broke off after some more bytes.
    Broke(u64, String),
}

/// Downloads a file and checks it. Goes on from `path.part` if the server can; a body that ends, breaks or stalls early is gone on
/// with as long as each attempt brings more. A file with another checksum is fetched once more from the beginning, then given up.
///
/// # Errors
/// [`FetchError`]; the part is kept unless it is corrupt.
pub fn download(
    url: &str,
    md5: &str,
    path: &Path,
    patience: &Patience,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), FetchError> {
    if cfg!(not(feature = "https")) && url.starts_with("https:") {
        return Err(FetchError::NoHttps { url: url.to_owned(), path: path.to_owned() });
    }
    let config = Agent::config_builder()
        .timeout_connect(Some(patience.answer))
        .timeout_recv_response(Some(patience.answer))
        .timeout_recv_body(Some(patience.body))
        .http_status_as_error(false)
        .build();
    let agent = Agent::new_with_config(config);
    let disk = |source| FetchError::Disk { path: path.to_owned(), source };
    let (mut without, mut corrupt) = (0, false);
    loop {
        match attempt(&agent, url, path, progress)? {
            Attempt::Whole => {
                let found = md5_of(&part(path)).map_err(disk)?;
                if found == md5 {
                    return fs::rename(part(path), path).map_err(disk);
                }
                fs::remove_file(part(path)).map_err(disk)?;
                if std::mem::replace(&mut corrupt, true) {
                    return Err(FetchError::Corrupt { url: url.to_owned(), expected: md5.to_owned(), found });
                }
            }
            Attempt::Broke(more, why) => {
                without = if more > 0 { 0 } else { without + 1 };
                if without >= patience.attempts {
                    let got = fs::metadata(part(path)).map_or(0, |m| m.len());
                    if got == 0 {
                        return Err(FetchError::Server { url: url.to_owned(), message: why, path: path.to_owned() });
                    }
                    return Err(FetchError::Stalled { url: url.to_owned(), got, attempts: without });
                }
            }
        }
    }
}

fn attempt(
    agent: &Agent,
    url: &str,
    path: &Path,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Attempt, FetchError> {
    let disk = |source| FetchError::Disk { path: part(path), source };
    let mut file = OpenOptions::new().create(true).append(true).open(part(path)).map_err(disk)?;
    let have = file.metadata().map_err(disk)?.len();
    let request = agent.get(url).header(header::RANGE, format!("bytes={have}-"));
    let answer = match request.call() {
        Ok(answer) => answer,
        Err(e) => return Ok(Attempt::Broke(0, e.to_string())),
    };
    let server = |message: String| FetchError::Server { url: url.to_owned(), message, path: path.to_owned() };
    let start = match answer.status() {
        StatusCode::PARTIAL_CONTENT if range_start(&answer) == Some(have) => have,
        StatusCode::PARTIAL_CONTENT => {
            // Bytes of another place: begin again.
            file.set_len(0).map_err(disk)?;
            return Ok(Attempt::Broke(0, "the server sent another part than it was asked for".to_owned()));
        }
        StatusCode::OK => {
            // The server cannot go on from the middle.
            file.set_len(0).and_then(|()| file.rewind()).map_err(disk)?;
            0
        }
        StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => return Ok(Attempt::Whole),
        status if status.is_server_error() => return Ok(Attempt::Broke(0, format!("the server answers {status}"))),
        status => return Err(server(format!("the server answers {status}"))),
    };
    let length = number(&answer, header::CONTENT_LENGTH);
    let total = length.map(|n| start.saturating_add(n));
    if total.is_some_and(|n| n > LARGEST) {
        return Err(server(format!("the server announces {} bytes; at most {LARGEST} are taken", total.unwrap_or(0))));
    }
    let mut body = answer.into_body().into_reader().take(LARGEST - start);
    let (mut got, mut buffer) = (start, vec![0; 1 << 16]);
    loop {
        match body.read(&mut buffer) {
            Ok(0) if total.is_some_and(|n| got < n) => {
                return Ok(Attempt::Broke(got - start, "the connection ended early".to_owned()));
            }
            Ok(0) => return file.sync_all().map(|()| Attempt::Whole).map_err(disk),
            Ok(n) => {
                file.write_all(&buffer[..n]).map_err(disk)?;
                got += u64::try_from(n).unwrap_or(0);
                progress(got, total);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Ok(Attempt::Broke(got - start, e.to_string())),
        }
    }
}

fn number<B>(answer: &Response<B>, name: header::HeaderName) -> Option<u64> {
    answer.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The first byte that a partial answer brings.
fn range_start<B>(answer: &Response<B>) -> Option<u64> {
    let text = answer.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
