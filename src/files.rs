//! Files that are the old one or the new one whole, never half of it. Knows nothing of what is in them.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("a.txt");
//! tinyprec::files::replace(&path, b"one")?;
//! tinyprec::files::replace_with(&path, |out| writeln!(out, "two"))?;
//! assert_eq!(std::fs::read_to_string(&path)?, "two\n");
//! # Ok(())
//! # }
//! ```

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Replaces a file by these bytes, as [`replace_with`].
///
/// # Errors
/// What the system says; the old file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, |out| out.write_all(bytes))
}

/// Replaces a file by what `write` writes: to `<name>.<process>.tmp` beside it, synced to the disk, then renamed. A pipe or a device is
/// written to and stays what it is.
///
/// # Errors
/// What the system says or `write` gives; the old file is then as it was, and none lies beside it.
pub fn replace_with<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        let mut out = BufWriter::new(File::options().write(true).open(path)?);
        let done = write(&mut out)?;
        out.flush()?;
        return Ok(done);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Two programs may write one file at once, each a whole one.
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = (|| {
        let mut out = BufWriter::new(File::create(&beside)?);
        let done = write(&mut out)?;
        out.into_inner().map_err(|e| E::from(e.into_error()))?.sync_all()?;
        fs::rename(&beside, path)?;
        Ok(done)
    })();
    if written.is_err() {
        // What stopped the writing is what the caller wants to know.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        replace(&path, b"old").unwrap();
        replace(&path, b"abc").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        let half = replace_with(&path, |out| {
            out.write_all(b"ha")?;
            Err::<(), _>(io::Error::other("cut off"))
        });
        assert_eq!(half.unwrap_err().to_string(), "cut off");
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(replace(&dir.path().join("none/a.json"), b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        replace(&link, b"abc").unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink() && !link.metadata().unwrap().is_file());
    }
}
