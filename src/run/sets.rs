//! Both sets of an experiment, read as its `[data]` says, and the hashes of what they came from.

use super::Features;
use super::files::{hash_bytes, hash_file};
use crate::config::{ConfigError, DataKind, Experiment, NamedPath};
use crate::data::{self, DataError, Dataset, Split, archive, cifar, core50, folder, idx, stored};

/// Training and test set.
#[derive(Debug)]
pub struct Sets {
    /// Training images.
    pub train: Dataset,
    /// Test images.
    pub test: Dataset,
    /// Features of both, where the data are features.
    pub features: Option<(Features, Features)>,
}

/// Reads both sets; transforms and limits them, and gives both the same number of classes where only the labels tell it.
///
/// # Errors
/// [`ConfigError`] points at the entry whose file is missing or broken.
pub fn read(experiment: &Experiment) -> Result<Sets, ConfigError> {
    let files = &experiment.data;
    let at = |place: &NamedPath, error: DataError| experiment.complain(&place.span, &error.to_string(), "");
    let (train, test) = (&files.train, &files.test);
    let both = |read: &dyn Fn(&NamedPath, Split) -> Result<Dataset, DataError>| {
        Ok::<_, ConfigError>((
            read(train, Split::Train).map_err(|e| at(train, e))?,
            read(test, Split::Test).map_err(|e| at(test, e))?,
        ))
    };
    let (train_set, test_set) = match &files.kind {
        DataKind::Idx => both(&|p, split| idx::read_split(&p.path, split))?,
        DataKind::Cifar10 | DataKind::Cifar100 if files.one_path => {
            both(&|p, split| cifar::read_split(&p.path, split))?
        }
        DataKind::Cifar10 | DataKind::Cifar100 => both(&|p, _| data::load(&p.path))?,
        DataKind::Folder => {
            let classes = folder::classes(&train.path).map_err(|e| at(train, e))?;
            both(&|p, _| folder::read_folder(&p.path, &classes))?
        }
        DataKind::Gtsrb => {
            let (train, test) = both(&|p, _| folder::read_tables(&p.path))?;
            let n = train.n_classes().max(test.n_classes());
            (train.of_classes(n), test.of_classes(n))
        }
        DataKind::Core50(options) => core50::read(&train.path, options).map_err(|e| at(train, e))?,
        DataKind::Features => return features(experiment),
    };
    let ready = |set: Dataset, place: &NamedPath, limit: Option<usize>| {
        let set = set.transformed(files.transform.clone()).map_err(|e| at(place, e))?;
        Ok::<_, ConfigError>(match limit {
            Some(limit) => set.limited(limit),
            None => set,
        })
    };
    Ok(Sets {
        train: ready(train_set, train, files.train_per_class)?,
        test: ready(test_set, test, files.test_per_class)?,
        features: None,
    })
}

/// Stored features of both sets; the images they came from are not there.
fn features(experiment: &Experiment) -> Result<Sets, ConfigError> {
    let files = &experiment.data;
    let read =
        |place: &NamedPath| stored::read(&place.path).map_err(|e| experiment.complain(&place.span, &e.to_string(), ""));
    let (train, test) = (read(&files.train)?, read(&files.test)?);
    if train.width != test.width {
        let message = format!("has {} features a sample, the training set {}", test.width, train.width);
        return Err(experiment.complain(&files.test.span, &message, "both must come from one network"));
    }
    let n_classes = train.labels.iter().chain(&test.labels).max().map_or(0, |l| usize::from(*l) + 1);
    let set = |labels: &[u16]| Dataset::without_images("features", n_classes, labels.to_vec());
    let fault = |e: DataError| experiment.complain(&files.train.span, &e.to_string(), "");
    Ok(Sets {
        train: set(&train.labels).map_err(fault)?,
        test: set(&test.labels).map_err(fault)?,
        features: Some((Features::stored(train), Features::stored(test))),
    })
}

/// Hash of every stored image's shape and pixels, one a line.
fn pixels(set: &Dataset) -> Result<String, DataError> {
    let mut lines = String::new();
    for index in 0..set.len() {
        let image = set.stored(index)?;
        lines.push_str(&format!("{:?} {}\n", image.shape, hash_bytes(&image.pixels)));
    }
    Ok(lines)
}

/// Path as given and SHA-256 of every file that an experiment reads, those of a folder one by one by name, the network's last. Of
/// folders of images, one hash of all names, sizes and labels, and of the pixels where the experiment asks for it (`hash = "contents"`).
///
/// # Errors
/// [`ConfigError`] points at the entry whose file cannot be read.
pub fn hashes(experiment: &Experiment) -> Result<Vec<(String, String)>, ConfigError> {
    let files = &experiment.data;
    let mut found = Vec::new();
    for (place, is_train) in [(&files.train, true), (&files.test, false)] {
        let failed = |e: &dyn std::fmt::Display| experiment.complain(&place.span, &e.to_string(), "");
        if !place.path.is_dir() {
            found.push((place.given.clone(), hash_file(&place.path).map_err(|e| failed(&e))?));
        } else if matches!(files.kind, DataKind::Idx) {
            for path in archive::entries(&place.path).map_err(|e| failed(&e))? {
                let name = archive::name_of(&path);
                if name.contains("idx1-ubyte") || name.contains("idx3-ubyte") {
                    found.push((format!("{}/{name}", place.given), hash_file(&path).map_err(|e| failed(&e))?));
                }
            }
        } else {
            let Sets { train, test, .. } = read(experiment)?;
            let set = if is_train { train } else { test };
            let mut covered = set.manifest().map_err(|e| failed(&e))?;
            let what = if files.hash_contents { "names, sizes, labels, pixels" } else { "names, sizes, labels" };
            if files.hash_contents {
                covered.push_str(&pixels(&set).map_err(|e| failed(&e))?);
            }
            found.push((format!("{} ({what})", place.given), hash_bytes(covered.as_bytes())));
        }
        if files.one_path && !matches!(files.kind, DataKind::Core50(_)) {
            break;
        }
    }
    let backbone = &experiment.backbone;
    let hash = hash_file(&backbone.path)
        .map_err(|e| experiment.complain(&backbone.span, &format!("{}: {e}", backbone.given), ""))?;
    found.push((backbone.given.clone(), hash));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Pixels change a folder's hash only where the experiment asks for it; names and labels always do.
    #[test]
    fn contents_are_hashed_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        for set in ["train", "test"] {
            for class in ["a", "b"] {
                fs::create_dir_all(dir.path().join(set).join(class)).unwrap();
                fs::write(dir.path().join(set).join(class).join("1.pgm"), b"P5 2 1 255\n\x01\x02").unwrap();
            }
        }
        fs::write(dir.path().join("net"), "any").unwrap();
        let hash_of = |asked: &str| {
            let text = format!(
                "[experiment]\nname = \"x\"\nseeds = [1]\n[data]\nkind = \"folder\"\ntrain = \"train\"\ntest = \"test\"\n{asked}\n\
                 [backbone]\nfile = \"net\"\n[stream]\nscenario = \"nc\"\nexperiences = [[0], [1]]\n[training]\n\
                 [[precision]]\npreset = \"float\"\n"
            );
            let path = dir.path().join("x.toml");
            fs::write(&path, text).unwrap();
            hashes(&crate::config::load(&path).unwrap()).unwrap().swap_remove(0)
        };
        let contents = "hash = \"contents\"";
        let (names, pixels) = (hash_of(""), hash_of(contents));
        assert_eq!(
            (names.0.as_str(), pixels.0.as_str()),
            ("train (names, sizes, labels)", "train (names, sizes, labels, pixels)")
        );
        fs::write(dir.path().join("train/b/1.pgm"), b"P5 2 1 255\n\x01\x03").unwrap();
        assert_eq!(hash_of("").1, names.1);
        assert_ne!(hash_of(contents).1, pixels.1);
        fs::rename(dir.path().join("train/b/1.pgm"), dir.path().join("train/b/2.pgm")).unwrap();
        assert_ne!(hash_of("").1, names.1);
    }
}
