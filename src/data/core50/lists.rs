//! The official experiences: file lists of text, or the same as numbers of rows in `LUP.pkl` and `labels.pkl`.

use super::OBJECTS;
use super::names::Name;
use crate::data::archive;
use crate::data::pickle::{Pickle, Value};
use crate::data::{DataError, archive::name_of};
use std::path::{Path, PathBuf};

/// Scenarios: name, folder of the lists, experiences.
pub const SCENARIOS: [(&str, &str, usize); 6] = [
    ("ni", "NI_inc", 8),
    ("nc", "NC_inc", 9),
    ("nic", "NIC_inc", 79),
    ("nicv2_79", "NIC_v2_79", 79),
    ("nicv2_196", "NIC_v2_196", 196),
    ("nicv2_391", "NIC_v2_391", 391),
];

const LARGEST: u64 = 1 << 28;

/// One run of one official scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// One of [`SCENARIOS`].
    pub scenario: String,
    /// 0 … 9.
    pub run: usize,
}

/// What a run says: images and labels of each experience, and of the test set.
pub(super) struct Run {
    pub experiences: Vec<Vec<(Name, u16)>>,
    pub test: Vec<(Name, u16)>,
}

impl Lists {
    /// Reads the run's lists where the root has them, else its rows in the pickles. `all` are the images in the pickles' order.
    pub(super) fn read(&self, root: &Path, all: &[Name]) -> Result<Run, DataError> {
        let broken = |problem: String| DataError::Broken { path: root.to_owned(), problem };
        let known = SCENARIOS.iter().find(|s| s.0 == self.scenario);
        let &(_, folder, experiences) =
            known.ok_or_else(|| broken(format!("`{}` is no scenario of CORe50", self.scenario)))?;
        let inside = ["batches_filelists", "batches_filelists_NICv2", ""];
        let places = inside.iter().map(|i| root.join(i).join(folder).join(format!("run{}", self.run)));
        let run = match places.into_iter().find(|p| p.is_dir()) {
            Some(folder) => from_text(&folder)?,
            None if root.join("LUP.pkl").is_file() => self.pickled(root, all)?,
            None => {
                let expected = format!("batches_filelists/{folder}/run{}, or LUP.pkl and labels.pkl", self.run);
                return Err(DataError::NoPair { path: root.to_owned(), expected });
            }
        };
        if run.experiences.len() != experiences {
            let found = run.experiences.len();
            return Err(broken(format!(
                "{} run {} has {found} experiences, not {experiences}",
                self.scenario, self.run
            )));
        }
        consistent(&run).map_err(broken)?;
        Ok(run)
    }

    fn pickled(&self, root: &Path, all: &[Name]) -> Result<Run, DataError> {
        let (rows_at, labels_at) = (root.join("LUP.pkl"), root.join("labels.pkl"));
        let (rows, labels) = (self.run_of(&rows_at)?, self.run_of(&labels_at)?);
        if rows.len() != labels.len() {
            let problem = format!("has {} experiences of {}, LUP.pkl {}", labels.len(), self.scenario, rows.len());
            return Err(DataError::Broken { path: labels_at, problem });
        }
        let mut parts = Vec::with_capacity(rows.len());
        for (rows, labels) in rows.into_iter().zip(labels) {
            let broken = |problem: String| DataError::Broken { path: rows_at.clone(), problem };
            if rows.len() != labels.len() {
                return Err(broken(format!("has {} images where labels.pkl has {}", rows.len(), labels.len())));
            }
            let one = |(row, label): (i64, i64)| {
                let name = usize::try_from(row).ok().and_then(|r| all.get(r));
                let name = name.ok_or_else(|| broken(format!("names row {row} of {}", all.len())))?;
                Ok((name.clone(), checked(label).ok_or_else(|| broken(format!("label {label} is none of {OBJECTS}")))?))
            };
            parts.push(rows.into_iter().zip(labels).map(one).collect::<Result<Vec<_>, DataError>>()?);
        }
        let test = parts.pop().unwrap_or_default();
        Ok(Run { experiences: parts, test })
    }

    /// `pickle[scenario][run]`: lists of integers, the test set's last.
    fn run_of(&self, path: &Path) -> Result<Vec<Vec<i64>>, DataError> {
        let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
        let pickle = load(path)?;
        let runs = pickle.get(pickle.root(), &self.scenario).and_then(|runs| pickle.list(runs));
        let run = runs.and_then(|r| r.get(self.run)).and_then(|run| pickle.list(*run));
        let run = run.ok_or_else(|| broken(format!("has no run {} of `{}`", self.run, self.scenario)))?;
        let ints = |v: &Value| pickle.ints(*v).ok_or_else(|| broken("an experience is no list of integers".to_owned()));
        run.iter().map(ints).collect()
    }
}

fn load(path: &Path) -> Result<Pickle, DataError> {
    let bytes = archive::file(path, LARGEST)?;
    Pickle::parse(bytes).map_err(|e| DataError::Broken { path: path.to_owned(), problem: e.to_string() })
}

/// The images that the rows of `core50_imgs.npz` show.
pub(super) fn paths(path: &Path) -> Result<Vec<Name>, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let pickle = load(path)?;
    let items = pickle.list(pickle.root()).ok_or_else(|| broken("is no list".to_owned()))?;
    let name = |(at, v): (usize, &Value)| {
        let text = pickle.bytes(*v).and_then(|b| std::str::from_utf8(b).ok());
        text.and_then(Name::parse).ok_or_else(|| broken(format!("entry {at} names no image of CORe50")))
    };
    items.iter().enumerate().map(name).collect()
}

/// `train_batch_00_filelist.txt` … and `test_filelist.txt` of a folder.
fn from_text(folder: &Path) -> Result<Run, DataError> {
    let number = |path: &PathBuf| {
        name_of(path).strip_prefix("train_batch_")?.strip_suffix("_filelist.txt")?.parse::<usize>().ok()
    };
    let mut lists: Vec<(usize, PathBuf)> =
        archive::entries(folder)?.into_iter().filter_map(|p| Some((number(&p)?, p))).collect();
    lists.sort();
    if let Some((at, (found, _))) = lists.iter().enumerate().find(|(at, (n, _))| at != n) {
        let problem = format!("has the list of experience {found}, but none of {at}");
        return Err(DataError::Broken { path: folder.to_owned(), problem });
    }
    let experiences = lists.iter().map(|(_, p)| list(p)).collect::<Result<_, _>>()?;
    Ok(Run { experiences, test: list(&folder.join("test_filelist.txt"))? })
}

/// Lines of `path label`.
fn list(path: &Path) -> Result<Vec<(Name, u16)>, DataError> {
    let text = archive::file(path, LARGEST)?;
    let text = String::from_utf8_lossy(&text);
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let parsed = line
            .trim()
            .rsplit_once(' ')
            .and_then(|(name, label)| Some((Name::parse(name)?, checked(label.parse().ok()?)?)));
        found.push(parsed.ok_or_else(|| DataError::Broken {
            path: path.to_owned(),
            problem: format!(
                "line {}: `{line}` is not `s1/o1/C_01_01_000.png 0`, image and label below {OBJECTS}",
                at + 1
            ),
        })?);
    }
    Ok(found)
}

fn checked(label: i64) -> Option<u16> {
    u16::try_from(label).ok().filter(|l| usize::from(*l) < OBJECTS)
}

/// One label an object: any map (NC numbers objects as they arrive), but one map for the whole run.
fn consistent(run: &Run) -> Result<(), String> {
    let mut label_of: [Option<u16>; OBJECTS] = [None; OBJECTS];
    for (name, label) in run.experiences.iter().flatten().chain(&run.test) {
        let slot = &mut label_of[usize::from(name.object - 1)];
        if let Some(before) = slot.replace(*label).filter(|before| before != label) {
            return Err(format!("object {} has the labels {before} and {label} in one run", name.object));
        }
    }
    let mut seen: Vec<u16> = label_of.iter().flatten().copied().collect();
    seen.sort_unstable();
    match seen.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two objects have the label {} in one run", pair[0])),
        None => Ok(()),
    }
}
