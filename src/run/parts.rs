//! Finished experiences on disk: one file for each precision and seed, rewritten whole after every experience.
//!
//! Learning is deterministic, so a job that was cut off is learnt again from its first experience, and each experience that is
//! on disk must come out as it lies there: a resumed run proves itself equal to the one that was killed. Finished jobs are not
//! learnt again.

use super::job::Measured;
use super::{RunError, files};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What one job has finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// Hash of everything that decides the numbers: version, inputs, stream, training, precision.
    key: String,
    seed: u64,
    experiences: Vec<Measured>,
}

/// The file of one job, and what it held when the run began.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    part: Part,
}

impl PartFile {
    /// Opens the part of a job: what is on disk with `resume`, else empty.
    ///
    /// # Errors
    /// A file that cannot be read, or that belongs to something else.
    pub fn open(dir: &Path, (precision, seed): (usize, u64), key: &str, resume: bool) -> Result<Self, RunError> {
        let path = dir.join(format!("{precision:03}-{seed}.json"));
        let empty = Part { key: key.to_owned(), seed, experiences: Vec::new() };
        if !resume {
            return Ok(Self { path, part: empty });
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Self { path, part: empty }),
            Err(e) => return Err(RunError::Part { path, source: Box::new(e) }),
        };
        let part: Part = match serde_json::from_str(&text) {
            Ok(part) => part,
            Err(e) => return Err(RunError::Part { path, source: Box::new(e) }),
        };
        if part.key != key || part.seed != seed {
            return Err(RunError::OtherPart { path });
        }
        Ok(Self { path, part })
    }

    /// The finished experiences.
    pub fn experiences(&self) -> &[Measured] {
        &self.part.experiences
    }

    /// Keeps a finished experience: compares it with what is on disk, or writes it there.
    ///
    /// # Errors
    /// The folder cannot be written, or the disk holds another result for this experience.
    pub fn keep(&mut self, experience: usize, measured: &Measured) -> Result<(), RunError> {
        match self.part.experiences.get(experience) {
            Some(kept) if kept == measured => return Ok(()),
            Some(_) => return Err(RunError::OtherPart { path: self.path.clone() }),
            None => self.part.experiences.push(measured.clone()),
        }
        let bytes = serde_json::to_vec(&self.part)
            .map_err(|e| RunError::Part { path: self.path.clone(), source: Box::new(e) })?;
        files::replace(&self.path, &bytes).map_err(|source| RunError::Write { path: self.path.clone(), source })
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
