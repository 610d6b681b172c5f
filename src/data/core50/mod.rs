//! CORe50: 50 objects of 10 categories, 11 recording sessions, about 300 frames of 128 × 128 each.
//!
//! Images lie in the folder `core50_128x128/s1/o1/C_01_01_000.png` … or in `core50_imgs.npz`, whose rows `paths.pkl` names. Without
//! lists, sessions 3, 7 and 10 are the test set and the others train. With [`Lists`], the official file lists (or `LUP.pkl` and
//! `labels.pkl`) give the experiences, their order and the labels of one run; NC has labels of its own, in order of arrival.
//!
//! Flow: root → names of all images → chosen by session or list → two [`Dataset`]s, read image by image.

mod lists;
mod names;

pub use lists::{Lists, SCENARIOS};

use super::archive::entries;
use super::dataset::{Image, ImageSource};
use super::folder::decode;
use super::npy::{ArrayFile, member};
use super::{DataError, Dataset};
use names::Name;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sessions of the test set.
pub const TEST_SESSIONS: [u32; 3] = [3, 7, 10];
/// Objects.
pub const OBJECTS: usize = 50;
/// Objects of a category.
const OF_A_CATEGORY: u16 = 5;

/// What a label names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 50 objects.
    Object,
    /// 10 categories.
    Category,
}

/// Which test images count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestList {
    /// All (44,972 in the official set).
    Full,
    /// One in twenty of the list, the first included (2,249): sessions in order, objects and frames by name.
    Reduced,
    /// The same, filled to whole hundreds by the list's beginning again (2,300), as the first authors' minibatches needed.
    ReducedPadded,
}

/// What to read of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What a label names.
    pub level: Level,
    /// Which test images count.
    pub test: TestList,
    /// The experiences of an official run; by session where `None`.
    pub lists: Option<Lists>,
}

impl Options {
    /// Objects, the full test list, experiences by session or as the stream says.
    pub const DEFAULT: Self = Self { level: Level::Object, test: TestList::Full, lists: None };
}

/// Where the images are.
#[derive(Debug, Clone)]
enum Store {
    /// The folder that holds s1 … s11.
    Tree(PathBuf),
    /// One row an image.
    Rows(ArrayFile),
}

/// Chosen images of a store.
#[derive(Debug)]
struct Chosen {
    store: Store,
    names: Vec<Name>,
    /// Row of each; empty for a tree.
    rows: Vec<usize>,
}

impl ImageSource for Chosen {
    fn count(&self) -> usize {
        self.names.len()
    }

    fn read(&self, at: usize) -> Result<Image, DataError> {
        match &self.store {
            Store::Tree(root) => decode(&root.join(self.names[at].path())),
            Store::Rows(array) => {
                let shape = [array.shape[1], array.shape[2], array.shape[3]];
                Ok(Image { shape, pixels: array.read(self.rows[at], 1)? })
            }
        }
    }

    fn entry(&self, at: usize) -> Result<String, DataError> {
        Ok(self.names[at].path().to_owned())
    }
}

/// Reads both sets, training set first. Images are read when they are asked for.
///
/// # Errors
/// [`DataError`] naming the file that is missing or wrong.
pub fn read(root: &Path, options: &Options) -> Result<(Dataset, Dataset), DataError> {
    let (store, all) = store(root)?;
    let index: HashMap<&Name, usize> = all.iter().enumerate().map(|(at, name)| (name, at)).collect();
    let set = |chosen: Vec<(Name, u16)>| {
        let missing = |name: &Name| {
            let problem = format!("the image {} is not there, but the lists name it", name.path());
            DataError::Broken { path: root.to_owned(), problem }
        };
        let rows = chosen.iter().map(|(name, _)| index.get(name).copied().ok_or_else(|| missing(name)));
        let rows: Vec<usize> = rows.collect::<Result<_, _>>()?;
        let category = |name: &Name| (name.object - 1) / OF_A_CATEGORY;
        let (n_classes, labels) = match options.level {
            Level::Object => (OBJECTS, chosen.iter().map(|(_, label)| *label).collect()),
            Level::Category => (OBJECTS / 5, chosen.iter().map(|(name, _)| category(name)).collect()),
        };
        let sessions = chosen.iter().map(|(name, _)| name.session).collect();
        let names = chosen.into_iter().map(|(name, _)| name).collect();
        let source = Arc::new(Chosen { store: store.clone(), names, rows });
        Ok::<_, DataError>(Dataset::over("core50", n_classes, source, labels)?.in_sessions(sessions))
    };
    if let Some(lists) = &options.lists {
        let run = lists.read(root, &all)?;
        let (mut train, mut parts) = (Vec::new(), Vec::new());
        for experience in run.experiences {
            parts.push(train.len()..train.len() + experience.len());
            train.extend(experience);
        }
        return Ok((set(train)?.in_parts(parts), set(tested(run.test, options.test))?));
    }
    let own = |name: &Name| (name.clone(), name.object - 1);
    let (test, train): (Vec<_>, Vec<_>) = all.iter().map(own).partition(|(n, _)| TEST_SESSIONS.contains(&n.session));
    if test.is_empty() || train.is_empty() {
        let problem = "has no images of the training sessions or none of the test sessions (s3, s7, s10)".to_owned();
        return Err(DataError::Broken { path: root.to_owned(), problem });
    }
    Ok((set(train)?, set(tested(test, options.test))?))
}

/// The test images that count.
fn tested(mut all: Vec<(Name, u16)>, list: TestList) -> Vec<(Name, u16)> {
    if list == TestList::Full {
        return all;
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let mut kept: Vec<(Name, u16)> = all.into_iter().step_by(20).collect();
    if list == TestList::ReducedPadded {
        let (own, whole) = (kept.len(), kept.len().next_multiple_of(100));
        kept = kept.into_iter().cycle().take(whole.min(own * 100)).collect();
    }
    kept
}

/// Where the images are, and the names of all: in the lists' order, or in that of the rows.
fn store(root: &Path) -> Result<(Store, Vec<Name>), DataError> {
    for tree in [root.join("core50_128x128"), root.to_owned()] {
        if tree.join("s1").is_dir() || tree.join("s3").is_dir() {
            let names = walk(&tree)?;
            return Ok((Store::Tree(tree), names));
        }
    }
    let archive = root.join("core50_imgs.npz");
    if !archive.is_file() && !root.join("x.npy").is_file() {
        let expected = "the folder core50_128x128/s1 …, or core50_imgs.npz with paths.pkl".to_owned();
        return Err(DataError::NoPair { path: root.to_owned(), expected });
    }
    let array = member(&archive, "x")?;
    let names = lists::paths(&root.join("paths.pkl"))?;
    if array.shape.len() != 4 || array.item != ('u', 1) || array.rows() != names.len() {
        let problem = format!(
            "holds an array of shape {:?}; wanted are unsigned bytes of {} images (as paths.pkl names), height, width and channels",
            array.shape,
            names.len()
        );
        return Err(DataError::Broken { path: archive, problem });
    }
    Ok((Store::Rows(array), names))
}

/// Every image of a tree, in the lists' order.
fn walk(tree: &Path) -> Result<Vec<Name>, DataError> {
    let mut names = Vec::new();
    for session in entries(tree)?.into_iter().filter(|p| p.is_dir()) {
        for object in entries(&session)?.into_iter().filter(|p| p.is_dir()) {
            for file in entries(&object)? {
                let path = file.strip_prefix(tree).unwrap_or(&file).to_string_lossy().replace('\\', "/");
                names.extend(Name::parse(&path));
            }
        }
    }
    names.sort();
    Ok(names)
}
