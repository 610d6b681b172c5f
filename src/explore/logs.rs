//! The logs of a sweep's folder: one for each process that appends, all of them read together.

use super::SweepError;
use super::log::{self, Log};
use super::sweep::Part;
use crate::record::{PointResult, SweepHeader};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A finished point.
    Point(Box<PointResult>),
    /// A finished baseline: hash of its experiment and final accuracy of each seed.
    Baseline {
        /// Hash.
        key: String,
        /// By seed.
        finals: Vec<f64>,
    },
}

/// Where finished points lie: log and byte, by index and rung. Some dozens of bytes a point; the points stay on the disk.
#[derive(Debug, Default)]
pub struct Finished {
    /// Final accuracies of baselines.
    pub baselines: HashMap<String, Vec<f64>>,
    points: BTreeMap<(usize, Option<usize>), (usize, u64)>,
    paths: Vec<PathBuf>,
}

fn folder(out: &Path) -> PathBuf {
    out.join("log")
}

fn name(part: Part) -> String {
    match part {
        Part::All => "all.log".to_owned(),
        Part::Shard { k, n } => format!("shard-{k}-of-{n}.log"),
        Part::Index(i) => format!("index-{i}.log"),
    }
}

/// All logs of a folder, by name.
fn all(out: &Path) -> Result<Vec<PathBuf>, SweepError> {
    let dir = folder(out);
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(SweepError::Io { path: dir, source }),
    };
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "log")).collect();
    paths.sort();
    Ok(paths)
}

/// Are there logs in the folder?
pub fn any(out: &Path) -> Result<bool, SweepError> {
    Ok(!all(out)?.is_empty())
}

/// Deletes the logs of a folder.
///
/// # Errors
/// One cannot be deleted.
pub fn clear(out: &Path) -> Result<(), SweepError> {
    for path in all(out)? {
        fs::remove_file(&path).map_err(|source| SweepError::Io { path, source })?;
    }
    Ok(())
}

/// Opens the log of a part for appending; what any log of the folder holds is finished.
///
/// # Errors
/// A log is of another sweep, damaged, or in use by another process.
pub fn open(out: &Path, header: &SweepHeader, part: Part) -> Result<(Log, Finished), SweepError> {
    let dir = folder(out);
    fs::create_dir_all(&dir).map_err(|source| SweepError::Io { path: dir.clone(), source })?;
    let own = dir.join(name(part));
    let log = Log::open(&own, header, |_, _: Entry| {})?;
    let finished = read(&[out.to_owned()], header)?;
    Ok((log, finished))
}

/// What the logs of some folders hold.
///
/// # Errors
/// A log is of another sweep or damaged, or two logs differ on a point.
pub fn read(outs: &[PathBuf], header: &SweepHeader) -> Result<Finished, SweepError> {
    let mut finished = Finished::default();
    for out in outs {
        for path in all(out)? {
            finished.add(path, header)?;
        }
    }
    Ok(finished)
}

impl Finished {
    fn add(&mut self, path: PathBuf, header: &SweepHeader) -> Result<(), SweepError> {
        let number = self.paths.len();
        let io = |source| SweepError::Io { path: path.clone(), source };
        let mut file = File::open(&path).map_err(io)?;
        let mut twice = Vec::new();
        let found = log::read::<SweepHeader, Entry>(&path, &mut file, |at, entry| match entry {
            Entry::Baseline { key, finals } => {
                self.baselines.insert(key, finals);
            }
            Entry::Point(point) => {
                let id = (point.index, point.rung);
                match self.points.entry(id) {
                    std::collections::btree_map::Entry::Occupied(_) => twice.push((id, *point)),
                    std::collections::btree_map::Entry::Vacant(empty) => {
                        empty.insert((number, at));
                    }
                }
            }
        })?;
        if found.header.as_ref().is_some_and(|h| h != header) {
            return Err(SweepError::OtherSweep { path });
        }
        self.paths.push(path);
        for (id, point) in twice {
            // Run twice, by two shards or a requeued task: that is no harm as long as the results are equal.
            if self.get(id.0, id.1)?.as_ref() != Some(&point) {
                let (first, _) = self.points[&id];
                let (a, b) = (self.paths[first].clone(), self.paths[number].clone());
                return Err(SweepError::Conflict { index: id.0, a, b });
            }
        }
        Ok(())
    }

    /// Is the point finished?
    pub fn has(&self, index: usize, rung: Option<usize>) -> bool {
        self.points.contains_key(&(index, rung))
    }

    /// Reads a finished point from its log.
    ///
    /// # Errors
    /// The log changed since.
    pub fn get(&self, index: usize, rung: Option<usize>) -> Result<Option<PointResult>, SweepError> {
        let Some(&(number, at)) = self.points.get(&(index, rung)) else { return Ok(None) };
        let path = &self.paths[number];
        let mut file = File::open(path).map_err(|source| SweepError::Io { path: path.clone(), source })?;
        match log::read_at(path, &mut file, at)? {
            Entry::Point(point) => Ok(Some(*point)),
            Entry::Baseline { .. } => Err(SweepError::Damaged {
                path: path.clone(),
                line: 0,
                why: "a baseline lies where a point was".to_owned(),
            }),
        }
    }

    /// Index and rung of every finished point, by index.
    pub fn ids(&self) -> impl Iterator<Item = (usize, Option<usize>)> + '_ {
        self.points.keys().copied()
    }
}
