//! The append-only log of finished points.
//!
//! One line an entry: sixteen hex digits of the SHA-256 of the rest, a blank, the entry as JSON, a line feed. The first line
//! is the header. A process killed in the middle of a write leaves a torn last line: it is detected by its checksum or its missing
//! line feed and cut off when the log is opened again. A bad line anywhere else is damage, and an error that names it.

use super::SweepError;
use crate::run::hash_bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Hex digits of a line's checksum.
const DIGITS: usize = 16;

/// How often a log that is held is asked for: a task that a scheduler stops and starts again at once may meet its own log before
/// the old process is gone.
const TRIES: u32 = 16;

/// Pause before each further time.
const PAUSE: Duration = Duration::from_millis(250);

/// A log opened for appending; no other process can append meanwhile.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

fn line(entry: &impl Serialize) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(entry)?;
    Ok(format!("{} {json}\n", &hash_bytes(json.as_bytes())[..DIGITS]))
}

/// The JSON of a whole, undamaged line.
fn checked(line: &[u8]) -> Option<&str> {
    let (sum, json) = std::str::from_utf8(line).ok()?.strip_suffix('\n')?.split_once(' ')?;
    (sum.len() == DIGITS && hash_bytes(json.as_bytes()).starts_with(sum)).then_some(json)
}

impl Log {
    /// Opens the log at `path`, cutting a torn tail, or makes it with `header` as its first line. `each` sees every entry in it
    /// with the byte where its line begins.
    ///
    /// # Errors
    /// The file cannot be used, belongs to another sweep, is damaged, or another process is appending to it.
    pub fn open<H, E>(path: &Path, header: &H, each: impl FnMut(u64, E)) -> Result<Self, SweepError>
    where
        H: Serialize + DeserializeOwned + PartialEq,
        E: DeserializeOwned,
    {
        let io = |source| SweepError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        let is_free = |at: u32| {
            if at > 0 {
                std::thread::sleep(PAUSE);
            }
            file.try_lock().is_ok()
        };
        if !(0..TRIES).any(is_free) {
            return Err(SweepError::Busy { path: path.to_owned() });
        }
        let found = read::<H, E>(path, &mut file, each)?;
        match found.header {
            Some(there) if there != *header => return Err(SweepError::OtherSweep { path: path.to_owned() }),
            Some(_) => {
                file.set_len(found.good).map_err(io)?;
            }
            None => {
                file.set_len(0).map_err(io)?;
                let bad = |e: serde_json::Error| io(e.into());
                file.write_all(line(header).map_err(bad)?.as_bytes()).map_err(io)?;
                file.sync_data().map_err(io)?;
            }
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends an entry and waits until the disk has it.
    ///
    /// # Errors
    /// The disk is full or gone; the entry is then cut off again where that is possible.
    pub fn append(&mut self, entry: &impl Serialize) -> Result<(), SweepError> {
        let io = |source| SweepError::Io { path: self.path.clone(), source };
        let text = line(entry).map_err(|e| io(e.into()))?;
        self.file.write_all(text.as_bytes()).map_err(io)?;
        self.file.sync_data().map_err(io)
    }
}

/// What reading a log found.
#[derive(Debug)]
pub struct Found<H> {
    /// Its header; `None` in an empty or torn file.
    pub header: Option<H>,
    /// Bytes up to the end of the last good line.
    pub good: u64,
}

/// Reads a log from its start: the header, then each entry with the byte where its line begins.
///
/// # Errors
/// The file cannot be read, or a line before the last is damaged.
pub fn read<H: DeserializeOwned, E: DeserializeOwned>(
    path: &Path,
    file: &mut File,
    mut each: impl FnMut(u64, E),
) -> Result<Found<H>, SweepError> {
    let io = |source| SweepError::Io { path: path.to_owned(), source };
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut lines = BufReader::new(file);
    let mut found = Found { header: None, good: 0 };
    let (mut number, mut text) = (0, Vec::new());
    loop {
        text.clear();
        number += 1;
        let n = match lines.read_until(b'\n', &mut text) {
            Ok(0) => return Ok(found),
            Ok(n) => n,
            Err(source) => return Err(io(source)),
        };
        let damaged = |why: &str| SweepError::Damaged { path: path.to_owned(), line: number, why: why.to_owned() };
        let Some(json) = checked(&text) else {
            return match lines.fill_buf().map_err(io)? {
                [] => Ok(found),
                _ => Err(damaged("its checksum is wrong")),
            };
        };
        if found.header.is_none() {
            found.header = Some(serde_json::from_str(json).map_err(|e| damaged(&e.to_string()))?);
        } else {
            each(found.good, serde_json::from_str(json).map_err(|e| damaged(&e.to_string()))?);
        }
        found.good += u64::try_from(n).unwrap_or(0);
    }
}

/// Reads the entry whose line begins at a byte of the file.
///
/// # Errors
/// As [`read`].
pub fn read_at<E: DeserializeOwned>(path: &Path, file: &mut File, at: u64) -> Result<E, SweepError> {
    let io = |source| SweepError::Io { path: path.to_owned(), source };
    file.seek(SeekFrom::Start(at)).map_err(io)?;
    let mut text = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut text).map_err(io)?;
    let json = checked(&text).and_then(|json| serde_json::from_str(json).ok());
    json.ok_or_else(|| SweepError::Damaged {
        path: path.to_owned(),
        line: 0,
        why: format!("the line at byte {at} changed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn open(path: &Path, header: &str) -> Result<(Log, Vec<String>), SweepError> {
        let mut seen = Vec::new();
        Log::open(path, &header.to_owned(), |_, e: String| seen.push(e)).map(|log| (log, seen))
    }

    #[test]
    fn a_log_cut_at_any_byte_keeps_every_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let (mut log, _) = open(&path, "header").unwrap();
        // Letters of two bytes: a cut within one is no text at all.
        ["8 · 8", "é", "", "·"].iter().for_each(|e| log.append(e).unwrap());
        drop(log);
        let whole = fs::read(&path).unwrap();
        let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let expected = ends.iter().filter(|&&e| e <= cut).count().saturating_sub(1);
            assert_eq!(open(&path, "header").unwrap().1.len(), expected, "cut at {cut}");
            let left = fs::read(&path).unwrap();
            assert!(whole.starts_with(&left) && left.ends_with(b"\n"), "cut at {cut}: the tail was not dropped");
        }
    }

    #[test]
    fn a_log_that_is_let_go_of_soon_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let (log, _) = open(&path, "header").unwrap();
        let holder = std::thread::spawn(move || {
            std::thread::sleep(2 * PAUSE);
            drop(log);
        });
        assert!(open(&path, "header").is_ok());
        holder.join().unwrap();
    }

    #[test]
    fn damage_before_the_end_another_header_and_a_second_writer_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let (mut log, _) = open(&path, "header").unwrap();
        (0..3).for_each(|i| log.append(&i.to_string()).unwrap());
        assert!(matches!(open(&path, "header"), Err(SweepError::Busy { .. })));
        drop(log);
        assert!(matches!(open(&path, "other"), Err(SweepError::OtherSweep { .. })));
        let mut bytes = fs::read(&path).unwrap();
        let second = bytes.iter().position(|b| *b == b'\n').unwrap() + 18;
        bytes[second] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(open(&path, "header"), Err(SweepError::Damaged { line: 2, .. })));
    }
}
