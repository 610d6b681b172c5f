//! Finished experiences on disk: one file for each precision and seed, to which a line is added after every experience.
//!
//! Learning is deterministic, so a job that was cut off is learnt again from its first experience, and each experience that is
//! on disk must come out as it lies there: a resumed run proves itself equal to the one that was killed. Finished jobs are not
//! learnt again. A line without its end is one that was being written when the run was killed, and counts for nothing.

use super::job::Measured;
use super::{RunError, files};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// First line of a part: whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    /// Hash of everything that decides the numbers: version, inputs, stream, training, precision.
    key: String,
    seed: u64,
}

/// The file of one job, and what it held when the run began.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    file: File,
    experiences: Vec<Measured>,
}

impl PartFile {
    /// Opens the part of a job: what is on disk with `resume`, else empty.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that belongs to something else.
    pub fn open(dir: &Path, (precision, seed): (usize, u64), key: &str, resume: bool) -> Result<Self, RunError> {
        let path = dir.join(format!("{precision:03}-{seed}.jsonl"));
        let owner = Owner { key: key.to_owned(), seed };
        let text = match fs::read_to_string(&path) {
            Ok(text) if resume => text,
            Ok(_) => String::new(),
            Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
            Err(e) => return Err(RunError::Part { path, source: Box::new(e) }),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let bad = |e: serde_json::Error| RunError::Part { path: path.clone(), source: Box::new(e) };
        let mut lines = text[..whole].lines();
        let found = lines.next().map(serde_json::from_str::<Owner>).transpose().map_err(bad)?;
        if found.as_ref().is_some_and(|found| *found != owner) {
            return Err(RunError::OtherPart { path });
        }
        let experiences = lines.map(serde_json::from_str).collect::<Result<_, _>>().map_err(bad)?;
        let failed = |source| RunError::Write { path: path.clone(), source };
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        file.set_len(u64::try_from(whole).unwrap_or(u64::MAX)).map_err(failed)?;
        let mut part = Self { file, experiences, path };
        if found.is_none() {
            part.add(&owner)?;
        }
        Ok(part)
    }

    /// The finished experiences.
    pub fn experiences(&self) -> &[Measured] {
        &self.experiences
    }

    /// Keeps a finished experience: compares it with what is on disk, or writes it there.
    ///
    /// # Errors
    /// The folder cannot be written, or the disk holds another result for this experience.
    pub fn keep(&mut self, experience: usize, measured: &Measured) -> Result<(), RunError> {
        match self.experiences.get(experience) {
            Some(kept) if kept == measured => return Ok(()),
            Some(_) => return Err(RunError::OtherPart { path: self.path.clone() }),
            None => self.experiences.push(measured.clone()),
        }
        self.add(measured)
    }

    fn add(&mut self, value: &impl Serialize) -> Result<(), RunError> {
        let mut write = || {
            let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
            line.push(b'\n');
            self.file.write_all(&line)?;
            self.file.sync_data()
        };
        write().map_err(|source| RunError::Write { path: self.path.clone(), source })
    }
}

/// An empty folder for parts, or with `resume` the folder as it is.
pub fn folder(out: &Path, resume: bool) -> Result<PathBuf, RunError> {
    let dir = out.join("parts");
    let failed = |source| RunError::Write { path: dir.clone(), source };
    if !resume && dir.exists() {
        fs::remove_dir_all(&dir).map_err(failed)?;
    }
    fs::create_dir_all(&dir).map_err(failed)?;
    // Rather now than after an hour of learning.
    let probe = dir.join("probe");
    files::replace(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(failed)?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(updates: u64) -> Measured {
        Measured {
            accuracy: vec![0.5, 0.25],
            initial_accuracy: Vec::new(),
            stream_accuracy: 0.375,
            mean_class_accuracy: 0.375,
            confusion: vec![vec![1, 2], vec![3, 4]],
            fidelity: Vec::new(),
            gradient_by_epoch: Vec::new(),
            updates,
            vanished: 0,
            overflows: Vec::new(),
            accumulators: Vec::new(),
        }
    }

    #[test]
    fn a_killed_job_keeps_whole_lines_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let open = |key: &str, resume| PartFile::open(dir.path(), (0, 7), key, resume);
        let mut part = open("a", false).unwrap();
        let bytes = |part: &PartFile| fs::read(&part.path).unwrap();
        let mut sizes = Vec::new();
        for i in 0..3 {
            part.keep(i, &measured(10)).unwrap();
            sizes.push(bytes(&part).len());
        }
        // Each experience adds its own line and nothing else.
        assert_eq!(sizes[2] - sizes[1], sizes[1] - sizes[0]);
        let all = bytes(&part);
        fs::write(&part.path, &all[..sizes[1] + 20]).unwrap();
        let mut part = open("a", true).unwrap();
        assert_eq!(part.experiences(), [measured(10), measured(10)]);
        part.keep(0, &measured(10)).unwrap();
        assert!(matches!(part.keep(1, &measured(11)), Err(RunError::OtherPart { .. })));
        part.keep(2, &measured(10)).unwrap();
        assert_eq!(bytes(&part), all);
        assert!(matches!(open("b", true), Err(RunError::OtherPart { .. })));
        assert!(open("b", false).unwrap().experiences().is_empty());
    }
}
