//! What an experiment reads: images and the frozen network, checked against each other, with their hashes.

use super::files::hash_file;
use super::images::misfit;
use crate::config::{ConfigError, DataFiles, DataKind, Experiment, NamedPath};
use crate::data::{self, DataError, Dataset, Samples, Split, Stream};
use crate::import::{self, LoadOptions};
use crate::nn::Graph;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Everything that was read.
#[derive(Debug)]
pub struct Inputs {
    /// Training images.
    pub train: Dataset,
    /// Test images.
    pub test: Dataset,
    /// The frozen network.
    pub graph: Graph,
    /// How the training images arrive.
    pub stream: Stream,
    /// SHA-256 of the network's file.
    pub model_hash: String,
    /// Path as given and SHA-256 of every file.
    pub hashes: Vec<(String, String)>,
}

/// Reads and checks all files of an experiment.
///
/// # Errors
/// [`ConfigError`] points at the entry of the experiment file whose file is missing, broken or of another shape.
pub fn read(experiment: &Experiment) -> Result<Inputs, ConfigError> {
    let data = &experiment.data;
    let train = images(experiment, &data.train, Split::Train, data.train_per_class)?;
    let test = images(experiment, &data.test, Split::Test, data.test_per_class)?;
    if (train.shape(), train.n_classes()) != (test.shape(), test.n_classes()) {
        let message = format!(
            "training images are {:?} of {} classes, test images {:?} of {}",
            train.shape(),
            train.n_classes(),
            test.shape(),
            test.n_classes()
        );
        return Err(experiment.complain(&data.test.span, &message, "both must be of one data set"));
    }
    let [h, w, _] = train.shape();
    // Images that are normalised on the way need no network that does it again.
    let wanted = LoadOptions { input: Some([h, w]), pixels: experiment.data.transform.normalise.is_none() };
    let graph = import::load_with(&experiment.backbone.path, &wanted).map_err(|error| {
        experiment.complain(&experiment.backbone.span, &error.to_string(), "docs/backbone-format.md describes the file")
    })?;
    check_shape(experiment, &graph, &train)?;
    let (train, test) = match experiment.domains.of(train.shape()) {
        Some(domains) => (train.in_domains(domains.clone()), test.in_domains(domains)),
        None => (train, test),
    };
    let stream = stream(experiment, &train, &test)?;
    let hashes = hashes(experiment)?;
    let model_hash = hashes.last().map_or_else(String::new, |(_, hash)| hash.clone());
    Ok(Inputs { train, test, graph, stream, model_hash, hashes })
}

fn images(
    experiment: &Experiment,
    from: &NamedPath,
    split: Split,
    per_class: Option<usize>,
) -> Result<Dataset, ConfigError> {
    let read = match experiment.data.kind {
        DataKind::Idx => data::idx::read_split(&from.path, split),
        DataKind::Cifar10 | DataKind::Cifar100 => data::load(&from.path),
    };
    let complain = |error: DataError| experiment.complain(&from.span, &error.to_string(), "");
    let set = read.and_then(|set| set.transformed(experiment.data.transform.clone())).map_err(complain)?;
    Ok(match per_class {
        Some(limit) => set.limited(limit),
        None => set,
    })
}

/// Cuts the stream out of both sets.
fn stream(experiment: &Experiment, train: &Dataset, test: &Dataset) -> Result<Stream, ConfigError> {
    let labels = |set: &Dataset| set.labels().iter().map(|&l| usize::from(l)).collect::<Vec<_>>();
    let (train_labels, test_labels) = (labels(train), labels(test));
    let samples = Samples { labels: &train_labels, sessions: train.sessions(), parts: train.parts() };
    experiment.stream(&samples, &Samples::labelled(&test_labels), train.n_classes())
}

fn check_shape(experiment: &Experiment, graph: &Graph, images: &Dataset) -> Result<(), ConfigError> {
    let Some(message) = misfit(graph, images) else { return Ok(()) };
    let help =
        "change the images in [transform] (resize, crop, channels, normalise), or use another network or data set";
    Err(experiment.complain(&experiment.backbone.span, &message, help))
}

/// Path as given and SHA-256 of every file that an experiment reads, those of a folder one by one by name, the network's last.
///
/// # Errors
/// Points at the entry whose file cannot be read.
pub fn hashes(experiment: &Experiment) -> Result<Vec<(String, String)>, ConfigError> {
    let DataFiles { kind, train, test, .. } = &experiment.data;
    let mut found: Vec<(String, PathBuf, &NamedPath)> = Vec::new();
    match kind {
        DataKind::Idx => {
            let names = idx_files(train).map_err(|e| experiment.complain(&train.span, &e.to_string(), ""))?;
            found.extend(names.into_iter().map(|n| (format!("{}/{n}", train.given), train.path.join(&n), train)));
        }
        DataKind::Cifar10 | DataKind::Cifar100 => {
            found.extend([train, test].map(|f| (f.given.clone(), f.path.clone(), f)));
        }
    }
    let backbone = &experiment.backbone;
    found.push((backbone.given.clone(), backbone.path.clone(), backbone));
    let mut hashes = Vec::new();
    for (given, path, entry) in found {
        let hash = hash_file(&path).map_err(|e| experiment.complain(&entry.span, &format!("{given}: {e}"), ""))?;
        hashes.push((given, hash));
    }
    Ok(hashes)
}

fn idx_files(folder: &NamedPath) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder.path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.contains("idx1-ubyte") || name.contains("idx3-ubyte") {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
